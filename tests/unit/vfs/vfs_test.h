/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the vnode layer share. */
#ifndef TESTS_UNIT_VFS_VFS_TEST_H
#define TESTS_UNIT_VFS_VFS_TEST_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

/* A call that must succeed, and one that must fail with the given errno. */
#define OK(call)                                                               \
	do {                                                                   \
		if ((call) == -1)                                              \
			fail_msg("%s: error %d", #call, errno);                \
	} while (0)
#define FAILS(err, call)                                                       \
	do {                                                                   \
		errno = 0;                                                     \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, RUMP_##err);                           \
	} while (0)

/* Let others run until the condition holds; the test's time-out ends it. */
#define AWAIT(condition)                                                       \
	do {                                                                   \
		while (!(condition))                                           \
			sched_yield();                                         \
	} while (0)

static void
on_fault(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	uintptr_t to =
	    rump_copy_fixup((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);

	if (to == 0)
		signal(sig, SIG_DFL);
	else
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
}

/* Faults in copies are EFAULT from here to the end of the test; cmocka sets
 * handlers of its own before each. */
static inline void
resume_faults(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static inline int
boot_kernel(void **state)
{
	(void)state;
	/* Also a reference to librumpvfs, which --as-needed would drop: the
	 * stubs of the calls are in librump. */
	rump_namei_escape_set(false);
	return rump_init();
}

static inline int
boot_and_enter_kernel(void **state)
{
	if (boot_kernel(state) != 0)
		return -1;
	rump_schedule();
	return 0;
}

/* Become a user without privileges, and the superuser again. */
static inline void
become(uint32_t uid, uint32_t gid)
{
	rump_set_hostcred(uid, uid, gid, gid, 0, NULL);
}

/* An empty directory, made the working directory. */
static inline void
enter_fresh_directory(void)
{
	static int n;
	char name[32];

	become(0, 0);
	snprintf(name, sizeof(name), "/t%d", n++);
	OK(rump_sys_mkdir(name, 0777));
	OK(rump_sys_chmod(name, 0777));
	OK(rump_sys_chdir(name));
}

static inline int
fresh_directory(void **state)
{
	(void)state;
	enter_fresh_directory();
	return 0;
}

static inline void
make_file(const char *path, const char *text)
{
	int fd = rump_sys_open(path, RUMP_O_CREAT | RUMP_O_RDWR, 0644);

	OK(fd);
	assert_int_equal(rump_sys_write(fd, text, strlen(text)), strlen(text));
	OK(rump_sys_close(fd));
}

static inline void
assert_file(const char *path, const char *text)
{
	char buf[256];
	int fd = rump_sys_open(path, RUMP_O_RDONLY);
	ssize_t n;

	OK(fd);
	n = rump_sys_read(fd, buf, sizeof(buf) - 1);
	OK(n);
	buf[n] = '\0';
	assert_string_equal(buf, text);
	OK(rump_sys_close(fd));
}

static inline struct rump_stat
stat_of(const char *path)
{
	struct rump_stat st;

	OK(rump_sys_lstat(path, &st));
	return st;
}

static inline bool
exists(const char *path)
{
	struct rump_stat st;

	return rump_sys_lstat(path, &st) == 0;
}

#endif /* !TESTS_UNIT_VFS_VFS_TEST_H */
