/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve and execveat.  The call itself is made on the program's stack with
 * signals as they are: a signal deferred here would be lost, and its mask
 * inherited, when exec succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
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

#define GROUPS_ASKED 1024

atomic_bool engine_file_group;

static bool
is_at(const struct call *c)
{
	return c->nr == SYS_execveat;
}

static const void *
path_of(const struct call *c)
{
	return (const void *)c->arg[is_at(c) ? 1 : 0];
}

/* fd: the file, open, or -1. */
static enum image_verdict
check_image(const struct call *c, long fd)
{
	char path[4096];

	/* The host reports bad paths itself. */
	if (engine_copy_string(path, path_of(c), sizeof(path)) < 0) {
		if (fd >= 0)
			HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		return IMAGE_OK;
	}
	if (fd >= 0)
		return image_check_open(
		    engine_own_call, (int)fd, path, engine_library);
	return image_check(engine_own_call,
	    is_at(c) ? (int)c->arg[0] : AT_FDCWD, path,
	    is_at(c) ? (int)c->arg[4] : 0, engine_library);
}

/* For the host an exec is secure, too, if files do not go by the effective group
 * and that is not among the others. */
static bool
lacks_group(void)
{
	uint32_t groups[GROUPS_ASKED], group;
	long n;

	if (!atomic_load_explicit(&engine_file_group, memory_order_relaxed))
		return false;
	group = (uint32_t)HOST(SYS_getegid, 0, 0, 0, 0, 0, 0);
	if ((uint32_t)HOST(SYS_setfsgid, -1, 0, 0, 0, 0, 0) == group)
		return false;
	n = HOST(SYS_getgroups, GROUPS_ASKED, groups, 0, 0, 0, 0);
	while (n > 0 && groups[n - 1] != group)
		n--;
	return n <= 0;
}

/* May the program be run?  On the kernel stack. */
static long
judge(void *arg)
{
	struct call *c = arg;
	const void *named = path_of(c);
	enum image_verdict v;
	char name[4096];
	long r = 0, fd = -1;

	if (engine_hooks.eh_exec != NULL)
		r = engine_hooks.eh_exec(c, &fd);
	if (r != 0)
		return r;
	v = check_image(c, fd);
	if (v == IMAGE_OK && lacks_group())
		v = IMAGE_IDENTITY;
	if (v == IMAGE_OK)
		return 0;
	if (engine_copy_string(name, named, sizeof(name)) < 0)
		name[0] = '\0';
	engine_say(
	    "%s: %s: cannot be hijacked, not run", name, image_reason(v));
	return -EACCES;
}

struct rebuild {
	char **rb_envp;
	char **rb_new;
};

static long
rebuild(void *arg)
{
	struct thread *t = &engine_thread;
	struct rebuild *rb = arg;

	/* An exec that a handler interrupts has the mapping still. */
	t->t_scratch = NULL;
	if (!thread_is_guest(t)) {
		t->t_scratch = t->t_spare;
		t->t_scratch_len = t->t_spare_len;
		t->t_spare = NULL;
	}
	return environ_rebuild(
	    rb->rb_envp, &rb->rb_new, &t->t_scratch, &t->t_scratch_len);
}

void *
engine_exec_memory(size_t len)
{
	struct thread *t = &engine_thread;
	long r = HOST(SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (r < 0 && r > -4096)
		return NULL;
	t->t_argv = (void *)r;
	t->t_argv_len = len;
	return t->t_argv;
}

/* What the exec would have taken with it. */
static void
drop_scratch(struct thread *t, struct call *c)
{
	thread_drop_exec(t);
	for (int i = 0; i < EXEC_DESCRIPTORS; i++) {
		if (c->scratch[i] != 0)
			HOST(SYS_close, c->scratch[i] - 1, 0, 0, 0, 0, 0);
		c->scratch[i] = 0;
	}
}

static long
run_failed(void *arg)
{
	engine_hooks.eh_exec_failed();
	return 0;
}

static long
give_up(struct thread *t, struct call *c, long r)
{
	drop_scratch(t, c);
	if (!router_idle && engine_hooks.eh_exec_failed != NULL)
		thread_run(t, run_failed, NULL);
	return r;
}

static long
exec_failed(struct call *c)
{
	signal_exec_failed();
	return give_up(&engine_thread, c, c->result);
}

static long
exec(struct call *c)
{
	struct thread *t = &engine_thread;
	struct rebuild rb;
	long r = 0, *envp;

	for (int i = 0; i < EXEC_DESCRIPTORS; i++)
		c->scratch[i] = 0;
	/* What is its parent's is in use. */
	if (engine_hooks.eh_birth != NULL && thread_is_guest(t))
		return -ENOTSUP;
	if (!router_idle && !BROKEN(BREAK_IMAGE))
		r = thread_run(t, judge, c);
	if (t->t_deferred)
		return give_up(t, c, RESULT_AGAIN);
	if (r != 0)
		return give_up(t, c, r);
	if (BROKEN(BREAK_EXEC_ENV))
		return CALL_TO_HOST;
	envp = &c->arg[is_at(c) ? 3 : 2];
	rb.rb_envp = (char **)*envp;
	r = thread_is_guest(t) ? rebuild(&rb) : thread_run(t, rebuild, &rb);
	if (r != 0)
		return give_up(t, c, r);
	if (t->t_deferred)
		return give_up(t, c, RESULT_AGAIN);
	*envp = (long)rb.rb_new;
	signal_exec_begin();
	c->after = exec_failed;
	return CALL_TO_HOST;
}

long
route_execve(struct call *c)
{
	return exec(c);
}

long
route_execveat(struct call *c)
{
	return exec(c);
}
