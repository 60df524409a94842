/* SPDX-License-Identifier: BSD-2-Clause */
/* A source that uses no system calls but the rump kernel's, by plain names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RUMP_SYS_OPEN
#define RUMP_SYS_CLOSE
#define RUMP_SYS_READWRITE
#define RUMP_SYS_FILEOPS
#define RUMP_SYS_STAT
#define RUMP_SYS_PROCOPS
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static int
boot(void **state)
{
	rump_namei_escape_set(false); /* a reference to librumpvfs */
	return rump_init();
}

static void
plain_names_are_those_of_the_rump_kernel(void **state)
{
	struct rump_stat st;
	char buf[8];
	int fd;

	assert_int_equal(mkdir("/plain", 0755), 0);
	assert_int_not_equal(access("/plain", R_OK), -1);
	fd = open("/plain/file", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	assert_int_equal(fd, 0);
	assert_int_equal(write(fd, "plain", 5), 5);
	assert_int_equal(pread(fd, buf, sizeof(buf), 2), 3);
	assert_memory_equal(buf, "ain", 3);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink("/plain/file"), 0);
	assert_int_equal(stat("/plain/file", &st), -1);
	assert_int_equal(errno, RUMP_ENOENT);
	assert_int_equal(getpid(), 1);
}

#if defined(socket) || defined(ioctl)
#error "what was not asked for is the host's"
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names_are_those_of_the_rump_kernel),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
