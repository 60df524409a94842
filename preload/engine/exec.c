/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve and execveat.  The call itself is made on the program's stack with
 * signals as they are: a signal deferred here would be lost, and its mask
 * inherited, when exec succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/engine/broken.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/environ.h"
#include "preload/engine/image.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

struct target {
	struct call *ta_call;
	int ta_dirfd, ta_flags;
	const void *ta_path;
};

/* May the program be run?  On the kernel stack. */
static long
judge(void *arg)
{
	struct target *ta = arg;
	enum image_verdict v;
	char path[4096];
	long r = 0;

	if (engine_hooks.eh_exec != NULL)
		r = engine_hooks.eh_exec(ta->ta_call);
	if (r != 0)
		return r;
	/* The host reports bad paths itself. */
	if (engine_copy_string(path, ta->ta_path, sizeof(path)) < 0)
		return 0;
	v = image_check(
	    engine_host_call, ta->ta_dirfd, path, ta->ta_flags, engine_library);
	if (v == IMAGE_OK)
		return 0;
	engine_say(
	    "%s: %s: cannot be hijacked, not run", path, image_reason(v));
	return -EACCES;
}

static void
drop_scratch(struct thread *t)
{
	if (t->t_scratch != NULL)
		HOST(SYS_munmap, t->t_scratch, t->t_scratch_len, 0, 0, 0, 0);
	t->t_scratch = NULL;
}

static long
run_failed(void *arg)
{
	engine_hooks.eh_exec_failed();
	return 0;
}

static long
give_up(struct thread *t, long r)
{
	if (!router_idle && engine_hooks.eh_exec_failed != NULL)
		thread_run(t, run_failed, NULL);
	return r;
}

static long
exec_failed(struct call *c)
{
	drop_scratch(&engine_thread);
	signal_exec_failed();
	return give_up(&engine_thread, c->result);
}

static long
exec(struct target *ta, long *envp)
{
	struct thread *t = &engine_thread;
	char **newp;
	long r = 0;

	if (!router_idle && !BROKEN(BREAK_IMAGE))
		r = thread_run(t, judge, ta);
	if (t->t_deferred)
		return give_up(t, RESULT_AGAIN);
	if (r != 0)
		return give_up(t, r);
	if (BROKEN(BREAK_EXEC_ENV))
		return CALL_TO_HOST;
	r = environ_rebuild(
	    (char **)*envp, &newp, &t->t_scratch, &t->t_scratch_len);
	if (r != 0)
		return give_up(t, r);
	if (t->t_deferred) {
		drop_scratch(t);
		return give_up(t, RESULT_AGAIN);
	}
	*envp = (long)newp;
	signal_exec_begin();
	ta->ta_call->after = exec_failed;
	return CALL_TO_HOST;
}

long
route_execve(struct call *c)
{
	struct target ta = {
		.ta_call = c,
		.ta_dirfd = AT_FDCWD,
		.ta_path = (const void *)c->arg[0],
	};

	return exec(&ta, &c->arg[2]);
}

long
route_execveat(struct call *c)
{
	struct target ta = {
		.ta_call = c,
		.ta_dirfd = (int)c->arg[0],
		.ta_flags = (int)c->arg[4],
		.ta_path = (const void *)c->arg[1],
	};

	return exec(&ta, &c->arg[3]);
}
