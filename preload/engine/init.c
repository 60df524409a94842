/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start.  The library is loaded with -z initfirst, so its constructor runs
 * before libc's: nothing of libc but pure functions may be used here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/engine/broken.h"
#include "preload/engine/dispatch.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/environ.h"
#include "preload/engine/ownthread.h"
#include "preload/engine/patch.h"
#include "preload/engine/signals.h"
#include "preload/engine/sud.h"
#include "preload/engine/thread.h"

struct engine_hooks engine_hooks;
enum engine_mode engine_mode;
#ifdef ENGINE_BREAK
enum broken engine_broken;
#endif

const struct rumpuser_hostops engine_hostops = {
	.ho_syscall = engine_own_call,
	.ho_syscall_intr = engine_host_call_intr,
	.ho_thread_create = ownthread_create,
	.ho_thread_join = ownthread_join,
	.ho_getenv = engine_getenv,
};

/* RUMPKIT_ENGINE=traps|eager, for tests and comparisons; both: see
 * process_ptrace(). */
static void
choose_mode(void)
{
	const char *v = engine_getenv("RUMPKIT_ENGINE");

	if (v != NULL && v[0] == 't')
		engine_mode = ENGINE_TRAPS;
	else if (v != NULL && v[0] == 'e')
		engine_mode = ENGINE_EAGER;
	else if (v != NULL && v[0] == 'b')
		engine_mode = ENGINE_BOTH;
#ifdef ENGINE_BREAK
	v = engine_getenv("RUMPKIT_BREAK");
	while (v != NULL && *v >= '0' && *v <= '9')
		engine_broken = engine_broken * 10 + (unsigned)(*v++ - '0');
#endif
}

static __attribute__((constructor)) void
start(int argc, char **argv, char **envp)
{
	engine_thread.t_tid = (int)HOST(SYS_gettid, 0, 0, 0, 0, 0, 0);
	environ_init(envp);
	choose_mode();
	router_init(argc, argv, envp);
	environ_close();
	dispatch_init();
	thread_take_sigstack(&engine_thread);
	signal_init();
	if (engine_mode != ENGINE_EAGER)
		sud_armed = sud_arm() == 0;
	if (!sud_armed)
		engine_mode = ENGINE_EAGER;
	if (engine_mode == ENGINE_EAGER || engine_mode == ENGINE_BOTH)
		patch_everything();
}
