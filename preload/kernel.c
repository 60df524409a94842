/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The libraries are looked for in RUMPKIT_LIBDIR, beside this library, and
 * where the build tree has them.  They are loaded lowest first, so that the
 * NEEDED entry of each finds the one below already there, wherever it came
 * from.
 */
#include "preload/kernel.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/backend.h"
#include "preload/config.h"
#include "preload/cred.h"
#include "preload/engine/engine.h"
#include "preload/hidden.h"
#include "preload/libraries.h"
#include "preload/memory.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumpuser_host.h"

struct kernel kernel;

#define SYMBOL(member, symbol)                                                 \
	{                                                                      \
		offsetof(struct kernel, member), symbol                        \
	}
static const struct {
	size_t offset;
	const char *name;
} symbols[] = {
	SYMBOL(k_set_hostops, "rumpuser_set_hostops"),
	SYMBOL(k_setsigmodel, "rump_boot_setsigmodel"),
	SYMBOL(k_init, "rump_init"),
	SYMBOL(k_syscall, "rump_syscall"),
	SYMBOL(k_copy_fixup, "rump_copy_fixup"),
	SYMBOL(k_interrupt, "rump_interrupt"),
	SYMBOL(k_interrupt_clear, "rump_interrupt_clear"),
	SYMBOL(k_thread_fini, "rump_thread_fini"),
	SYMBOL(k_save_files, "rump_save_files"),
	SYMBOL(k_exit_prepare, "rump_exit_prepare"),
	SYMBOL(k_set_hostcred, "rump_set_hostcred"),
	SYMBOL(k_lwp_setcred, "rump_lwp_setcred"),
	SYMBOL(k_escape_set, "rump_namei_escape_set"),
	SYMBOL(k_escaped, "rump_namei_escaped"),
	SYMBOL(k_map_create, "rump_map_create"),
	SYMBOL(k_map_fill, "rump_map_fill"),
	SYMBOL(k_map_again, "rump_map_again"),
	SYMBOL(k_map_size, "rump_map_size"),
	SYMBOL(k_map_dirty, "rump_map_dirty"),
	SYMBOL(k_map_punch, "rump_map_punch"),
	SYMBOL(k_map_sync, "rump_map_sync"),
	SYMBOL(k_map_sethooks, "rump_map_sethooks"),
	SYMBOL(k_map_ref, "rump_map_ref"),
	SYMBOL(k_map_destroy, "rump_map_destroy"),
	SYMBOL(k_map_drop, "rump_map_drop"),
	SYMBOL(k_mount_url, "rump_mount_url"),
	SYMBOL(k_stats, "rump_stats_iterate"),
	SYMBOL(k_stats_watched, "rump_stats_watched"),
	SYMBOL(k_report, "rump_report"),
	SYMBOL(k_threads_park, "rump_threads_park"),
	SYMBOL(k_threads_unpark, "rump_threads_unpark"),
	SYMBOL(k_hostfd, "rump_hostfd"),
	SYMBOL(k_hostsocket, "rump_hostsocket"),
};

#define NSYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

static bool
is_needed(const struct library *l)
{
	if (l->l_scheme == NULL)
		return true;
	for (unsigned i = 0; i < config.cf_nmounts; i++) {
		if (library_serves(l, config.cf_mounts[i].cm_url))
			return true;
	}
	return false;
}

/* The kernel's own descriptor, which it keeps. */
static void
map_mapped(int hostfd)
{
}

static bool
load_libraries(const char *libdir, void **handles, char *text, size_t size)
{
	char path[4096];

	for (size_t i = 0; i < NLIBRARIES; i++) {
		handles[i] = NULL;
		if (!is_needed(&libraries[i]))
			continue;
		if (!library_locate(&libraries[i], libdir, engine_library, path,
			sizeof(path))) {
			snprintf(text, size,
			    "%s is not beside %s; say where "
			    "it is with RUMPKIT_LIBDIR",
			    libraries[i].l_name, engine_library);
			return false;
		}
		handles[i] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (handles[i] == NULL) {
			snprintf(text, size, "%s", dlerror());
			return false;
		}
	}
	return true;
}

static bool
find_symbols(void *const *handles, char *text, size_t size)
{
	for (size_t i = 0; i < NSYMBOLS; i++) {
		void *sym = NULL;

		for (size_t j = NLIBRARIES; j > 0 && sym == NULL; j--) {
			if (handles[j - 1] != NULL)
				sym = dlsym(handles[j - 1], symbols[i].name);
		}
		if (sym == NULL) {
			snprintf(text, size,
			    "the kernel's libraries lack %s: "
			    "they are of another version",
			    symbols[i].name);
			return false;
		}
		memcpy((char *)&kernel + symbols[i].offset, &sym, sizeof(sym));
	}
	return true;
}

static void
set_hostops(void)
{
	static struct rumpuser_hostops ops; /* kept by reference */

	ops = engine_hostops;
	ops.ho_fd_hide = hidden_take;
	ops.ho_fd_close = hidden_close;
	kernel.k_set_hostops(&ops);
}

/* Programs have more files open than NetBSD's default allows. */
static void
raise_limits(void)
{
	struct rump_rlimit rl;
	int64_t args[BACKEND_SLOTS] = { RUMP_RLIMIT_NOFILE, (int64_t)&rl },
		retval[2];
	struct rlimit host;

	if (getrlimit(RLIMIT_NOFILE, &host) != 0)
		return;
	rl = (struct rump_rlimit){ host.rlim_max, host.rlim_max };
	(void)rump_backend_syscall(RUMP_SYS_setrlimit, args, retval);
}

/* Files are made with the program's umask, whichever kernel makes them. */
static void
set_umask(void)
{
	long mask = HOST(SYS_umask, 0, 0, 0, 0, 0, 0);
	int64_t args[BACKEND_SLOTS] = { mask }, retval[2];

	HOST(SYS_umask, mask, 0, 0, 0, 0, 0);
	(void)rump_backend_syscall(RUMP_SYS_umask, args, retval);
}

static void
set_hooks(void)
{
	engine_hooks.eh_interrupt = kernel.k_interrupt;
	engine_hooks.eh_interrupt_clear = kernel.k_interrupt_clear;
	engine_hooks.eh_copy_fixup = kernel.k_copy_fixup;
	engine_hooks.eh_thread_exit = kernel.k_thread_fini;
	kernel.k_map_sethooks(&memory_hooks);
	engine_hooks.eh_park = kernel.k_threads_park;
	engine_hooks.eh_unpark = kernel.k_threads_unpark;
}

bool
kernel_start(const char *libdir, char *text, size_t size)
{
	void *handles[NLIBRARIES];
	int error;

	if (!load_libraries(libdir, handles, text, size) ||
	    !find_symbols(handles, text, size))
		return false;
	engine_learn_tls();
	kernel.k_map_mapped = map_mapped;
	set_hostops();
	/* A write that fails raises its signal on the program's stack. */
	kernel.k_setsigmodel(RUMP_SIGMODEL_IGNORE);
	error = kernel.k_init();
	if (error != 0) {
		snprintf(text, size, "the kernel does not boot: %s%s",
		    rump_strerror(error),
		    error == RUMP_EMFILE ? " (raise RLIMIT_NOFILE)" : "");
		return false;
	}
	set_hooks();
	cred_set_process();
	raise_limits();
	set_umask();
	return true;
}
