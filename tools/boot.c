/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/boot.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/libraries.h"
#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"
#include "sysproxy/fast.h"
#include "tools/drive.h"
#include "tools/rumpkit.h"

#define SLOTS 8
#define GROUPS 16

#define FUNCTIONS(DO)                                                          \
	DO(rump_init)                                                          \
	DO(rump_daemonize_begin)                                               \
	DO(rump_daemonize_done)                                                \
	DO(rump_syscall)                                                       \
	DO(rump_set_hostcred)                                                  \
	DO(rump_mount_url)                                                     \
	DO(rump_pub_etfs_register_withsize)                                    \
	DO(rump_init_server)                                                   \
	DO(rumpuser_sp_setflags)                                               \
	DO(rumpuser_sp_setended)                                               \
	DO(rumpuser_sp_adopt)                                                  \
	DO(rumpuser_sp_wait)

/* Those functions, once they are loaded. */
static struct {
#define POINTER(name) __typeof__(name) *name;
	FUNCTIONS(POINTER)
} kernel;

static const struct {
	const char *name;
	void *place;
} symbols[] = {
#define SYMBOL(name) { #name, &kernel.name },
	FUNCTIONS(SYMBOL)
};

void
boot_user(struct boot_user *bu)
{
	struct rlimit rl = { .rlim_max = 0 };

	bu->bu_umask = umask(0);
	umask(bu->bu_umask);
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	bu->bu_nofile = rl.rlim_max;
}

void
boot_raise_limits(void)
{
	static const int limits[] = { RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU,
		RLIMIT_AS, RLIMIT_DATA };
	struct rlimit rl;
	size_t i;

	/* Who may raise the hard one, too, does. */
	rl.rlim_cur = rl.rlim_max = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &rl);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit(limits[i], &rl) != 0)
			continue;
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(limits[i], &rl);
	}
}

int
boot_load_more(const char *path, char *text, size_t size)
{
	if (dlopen(path, RTLD_LAZY | RTLD_GLOBAL) != NULL)
		return 0;
	snprintf(text, size, "%s", dlerror());
	return -1;
}

bool
boot_loaded(const char *name)
{
	char file[64];
	size_t i;

	snprintf(file, sizeof(file), "lib%s.so.0", name);
	for (i = 0; i < NLIBRARIES; i++) {
		if (strcmp(libraries[i].l_name, name) == 0 ||
		    strcmp(libraries[i].l_name, file) == 0)
			return true;
	}
	return false;
}

static bool
is_needed(const struct library *l, const struct plan *pl)
{
	size_t i;

	if (l->l_scheme == NULL || pl == NULL)
		return true;
	for (i = 0; i < pl->pl_nmounts; i++) {
		if (library_serves(l, pl->pl_mounts[i].ma_source))
			return true;
	}
	return false;
}

static int
load(const struct library *l, const char *hijack, char *text, size_t size)
{
	char path[PATH_MAX];

	if (library_locate(
		l, getenv("RUMPKIT_LIBDIR"), hijack, path, sizeof(path)))
		return boot_load_more(path, text, size);
	snprintf(text, size,
	    "%s is not beside %s; say where it is with RUMPKIT_LIBDIR",
	    l->l_name, hijack);
	return -1;
}

int
boot_load(const char *hijack, const struct plan *pl, char *text, size_t size)
{
	void *sym;
	size_t i;

	for (i = 0; i < NLIBRARIES; i++) {
		if (is_needed(&libraries[i], pl) &&
		    load(&libraries[i], hijack, text, size) != 0)
			return -1;
	}
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		sym = dlsym(RTLD_DEFAULT, symbols[i].name);
		if (sym == NULL) {
			snprintf(text, size,
			    "the kernel's libraries lack %s: they are of"
			    " another version",
			    symbols[i].name);
			return -1;
		}
		memcpy(symbols[i].place, &sym, sizeof(sym));
	}
	return 0;
}

static void
call(int num, int64_t a, int64_t b)
{
	int64_t args[SLOTS] = { a, b }, retval[2];

	(void)kernel.rump_syscall(num, args, sizeof(args), retval);
}

/* The kernel's first process, of which all others descend, is the user's. */
static void
set_identity(const struct boot_user *bu)
{
	struct rump_rlimit rl = { bu->bu_nofile, bu->bu_nofile };
	gid_t groups[GROUPS];
	int n = getgroups(GROUPS, groups);

	kernel.rump_set_hostcred(getuid(), geteuid(), getgid(), getegid(),
	    n > 0 ? (size_t)n : 0, groups);
	call(RUMP_SYS_setrlimit, RUMP_RLIMIT_NOFILE, (int64_t)&rl);
	call(RUMP_SYS_umask, bu->bu_umask, 0);
}

int
boot_daemonize(char *text, size_t size)
{
	int error = kernel.rump_daemonize_begin();

	if (error == 0)
		return 0;
	snprintf(text, size, "cannot go into the background: %s",
	    rump_strerror(error));
	return -1;
}

void
boot_daemonized(int status)
{
	(void)kernel.rump_daemonize_done(status);
}

/* What a server shares with each of its clients is a memory file. */
static bool
has_room(char *text, size_t size)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_FSIZE, &rl) != 0 || rl.rlim_max >= FAST_AREA)
		return true;
	snprintf(text, size,
	    "the hard limit on file sizes, RLIMIT_FSIZE, is too low for a "
	    "server, which needs %u MiB: raise it (ulimit -H -f)",
	    (unsigned)(FAST_AREA >> 20) + 1);
	return false;
}

int
boot_start(const struct boot_user *bu, char *text, size_t size)
{
	int error;

	if (!has_room(text, size))
		return -1;
	error = kernel.rump_init();
	if (error != 0) {
		snprintf(text, size, "the kernel does not boot: %s%s",
		    rump_strerror(error),
		    error == RUMP_EMFILE ? " (raise RLIMIT_NOFILE)" : "");
		return -1;
	}
	set_identity(bu);
	return 0;
}

/* Try the addresses of a server one after the other. */
static int
mount_one(const struct mountarg *ma)
{
	char reasons[MOUNTARG_MAXURLS][1024];
	size_t i;

	for (i = 0; i < ma->ma_nurls; i++) {
		reasons[i][0] = '\0';
		if (kernel.rump_mount_url(ma->ma_path, ma->ma_urls[i],
			reasons[i], sizeof(reasons[i])) == 0)
			return 0;
	}
	for (i = 0; i < ma->ma_nurls; i++)
		complain(0, "%s=%s: %s", ma->ma_path, ma->ma_urls[i],
		    reasons[i][0] != '\0' ? reasons[i] : "cannot be mounted");
	return -1;
}

int
boot_mount(const struct plan *pl)
{
	size_t i;

	for (i = 0; i < pl->pl_nmounts; i++) {
		if (mount_one(&pl->pl_mounts[i]) != 0)
			return -1;
	}
	return 0;
}

int
boot_drive(const struct drive *dr, char *text, size_t size)
{
	int error = kernel.rump_pub_etfs_register_withsize(dr->dr_key,
	    dr->dr_hostpath, dr->dr_type, dr->dr_offset, dr->dr_size);

	if (error == 0)
		return 0;
	snprintf(text, size, "%s as %s: %s", dr->dr_hostpath, dr->dr_key,
	    rump_strerror(error));
	return -1;
}

int
boot_adopt(
    int fd, const char *comm, void (*ended)(void), char *text, size_t size)
{
	int error;

	kernel.rumpuser_sp_setended(ended);
	error = kernel.rumpuser_sp_adopt(fd, comm);
	if (error == 0)
		return 0;
	snprintf(text, size, "the kernel cannot serve its client: %s",
	    rump_strerror(error));
	return -1;
}

int
boot_listen(const char *url, unsigned flags)
{
	kernel.rumpuser_sp_setflags(flags);
	return kernel.rump_init_server(url);
}

void
boot_wait(void)
{
	kernel.rumpuser_sp_wait(NULL);
}

void
boot_end(void)
{
	kernel.rump_set_hostcred(0, 0, 0, 0, 0, NULL);
	call(RUMP_SYS_reboot, 0, 0);
	_exit(STATUS_FAILED);
}
