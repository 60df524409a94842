/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/fifostat.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/procfd.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define NUMBER 4 /* the program's descriptor */
#define RUMPFD 9 /* the kernel's of the node */
#define OURS "/dev/shm/rumpkit-0123456789abcdef.3.1f (deleted)"

/* The host: what is open, and what it calls that. */
static struct stat there;
static const char *called;
static int looks;

/* The kernel: its node, if there is one, and what it was asked for. */
static bool reachable, has_node;
static struct rump_stat node;
static char asked[64];
static int opened, changed;
static uint32_t new_mode;

static long
host(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_fstat) {
		memcpy((void *)b, &there, sizeof(there));
		return 0;
	}
	assert_int_equal(nr, SYS_readlink);
	assert_string_equal((const char *)a, "/proc/self/fd/4");
	looks++;
	assert_true(strlen(called) < (size_t)c);
	memcpy((void *)b, called, strlen(called));
	return (long)strlen(called);
}

long (*host_call)(long, long, long, long, long, long, long) = host;

static int
kernel_open(const int64_t *args, int64_t *value)
{
	assert_int_equal(args[2], RUMP_O_RDONLY | RUMP_O_AGAIN | RUMP_O_ALT_IO);
	strncpy(asked, (const char *)args[1], sizeof(asked) - 1);
	if (!has_node)
		return ENOENT;
	opened++;
	*value = RUMPFD;
	return 0;
}

int
rump_call(
    struct call *c, int num, const int64_t args[BACKEND_SLOTS], int64_t *value)
{
	assert_true(reachable);
	if (num == RUMP_SYS_openat)
		return kernel_open(args, value);
	assert_int_equal(args[0], RUMPFD);
	if (num == RUMP_SYS_close)
		opened--;
	else if (num == RUMP_SYS_fstat)
		memcpy((void *)args[1], &node, sizeof(node));
	else
		changed = num;
	if (num == RUMP_SYS_fchmod)
		new_mode = (uint32_t)args[1];
	return num == RUMP_SYS_fchown ? EPERM : 0;
}

bool
backend_reachable(void)
{
	return reachable;
}

void
route_mark_rump(struct call *c, int rule)
{
}

long
route_result(int error, int64_t value)
{
	return error != 0 ? -error : value;
}

long
procfd_number(const char *path, const char **rest, bool *link)
{
	*rest = "";
	return strcmp(path, "/proc/self/fd/4") == 0 ? NUMBER : -1;
}

int
usercopy_in(void *dst, const void *uaddr, size_t len)
{
	memcpy(dst, uaddr, len);
	return 0;
}

int
usercopy_out(const void *src, void *uaddr, size_t len)
{
	memcpy(uaddr, src, len);
	return 0;
}

int
usercopy_string(char *dst, const void *uaddr, size_t size, size_t *len)
{
	if (strlen(uaddr) >= size)
		return ENAMETOOLONG;
	strcpy(dst, uaddr);
	return 0;
}

static int
fresh(void **state)
{
	there = (struct stat){ .st_mode = S_IFIFO | 0666,
		.st_ino = 1000,
		.st_dev = 1,
		.st_uid = 77 };
	node = (struct rump_stat){ .st_mode = RUMP_S_IFIFO | 0640,
		.st_dev = 3,
		.st_ino = 0x1f,
		.st_nlink = 2,
		.st_uid = 5,
		.st_gid = 6 };
	called = OURS;
	reachable = has_node = true;
	looks = opened = changed = 0;
	asked[0] = '\0';
	return 0;
}

/* What the program sees of NUMBER. */
static struct stat
seen(void)
{
	struct stat st = there;
	struct call c = { .nr = SYS_fstat, .arg = { NUMBER, (long)&st } };

	assert_int_equal(fifostat_after(&c), 0);
	assert_int_equal(opened, 0);
	return st;
}

static void
assert_untouched(void)
{
	struct stat st = seen();

	assert_memory_equal(&st, &there, sizeof(st));
}

static void
the_attributes_are_those_of_the_node(void **state)
{
	struct stat st = seen();

	assert_string_equal(asked, "3.1f");
	assert_int_equal(st.st_mode, S_IFIFO | 0640);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_ino, 0x1f);
}

static void
by_every_call_that_tells_attributes(void **state)
{
	struct stat st = there;
	struct statx stx = { .stx_mode = S_IFIFO | 0666 };
	struct call by_name = { .nr = SYS_stat,
		.arg = { (long)"/proc/self/fd/4", (long)&st } };
	struct call at = { .nr = SYS_newfstatat,
		.arg = { NUMBER, (long)"", (long)&st, AT_EMPTY_PATH } };
	struct call x = { .nr = SYS_statx,
		.arg = { NUMBER, (long)"", AT_EMPTY_PATH, 0, (long)&stx } };

	assert_int_equal(fifostat_after(&by_name), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0640);
	st = there;
	assert_int_equal(fifostat_after(&at), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0640);
	assert_int_equal(fifostat_after(&x), 0);
	assert_int_equal(stx.stx_mode, S_IFIFO | 0640);
	assert_int_equal(stx.stx_nlink, 2);
	assert_int_equal(opened, 0);
}

static void
where_no_node_is_found_the_numbers_are_right(void **state)
{
	struct stat st;

	has_node = false;
	st = seen();
	assert_int_equal(st.st_ino, 0x1f);
	assert_int_equal(st.st_mode, S_IFIFO | 0666);
	assert_int_equal(st.st_nlink, 0);
	reachable = false;
	st = seen();
	assert_int_equal(st.st_ino, 0x1f);
	assert_int_equal(st.st_uid, 77);
}

static void
what_is_called_otherwise_is_the_hosts(void **state)
{
	static const char *const names[] = {
		"pipe:[1234]",
		"/dev/shm/other (deleted)",
		"/dev/shm/rumpkit-0123456789abcdef.3.1f",
		"/dev/shm/rumpkit-0123456789abcdef.3 (deleted)",
		"/dev/shm/rumpkit-0123456789abcdef..1f (deleted)",
		"/dev/shm/rumpkit-0123456789abcde.3.1f (deleted)",
		"/dev/shm/rumpkit-0123456789abcdef.3.1g (deleted)",
		"/dev/shm/rumpkit-0123456789abcdef.3.1f/x (deleted)",
		"/dev/shm/rumpkit-0123456789abcdef.3.1f (deleted) ",
		"rumpkit-0123456789abcdef.3.1f (deleted)",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		called = names[i];
		assert_untouched();
	}
	assert_string_equal(asked, "");
}

static void
what_is_no_fifo_or_has_a_name_is_not_looked_at(void **state)
{
	there.st_mode = S_IFREG | 0600;
	assert_untouched();
	there.st_mode = S_IFIFO | 0600;
	there.st_nlink = 1;
	assert_untouched();
	assert_int_equal(looks, 0);
}

static void
a_call_that_failed_stays_so(void **state)
{
	struct call c = { .nr = SYS_fstat, .result = -EBADF };

	assert_int_equal(fifostat_after(&c), -EBADF);
	assert_int_equal(looks, 0);
}

static void
changes_are_made_to_the_node(void **state)
{
	struct call c = { .nr = SYS_fchmod, .arg = { NUMBER, 0604 } };

	assert_int_equal(fifostat_change(&c, RUMP_SYS_fchmod, 0604, 0), 0);
	assert_int_equal(changed, RUMP_SYS_fchmod);
	assert_int_equal(new_mode, 0604);
	assert_int_equal(fifostat_change(&c, RUMP_SYS_fchown, 1, 2), -EPERM);
	assert_int_equal(opened, 0);
}

static void
without_a_node_a_change_is_the_hosts(void **state)
{
	struct call c = { .nr = SYS_fchmod, .arg = { NUMBER, 0604 } };

	has_node = false;
	assert_int_equal(
	    fifostat_change(&c, RUMP_SYS_fchmod, 0604, 0), CALL_TO_HOST);
	has_node = true;
	there.st_mode = S_IFCHR;
	assert_int_equal(
	    fifostat_change(&c, RUMP_SYS_fchmod, 0604, 0), CALL_TO_HOST);
	assert_int_equal(changed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_attributes_are_those_of_the_node, fresh),
		cmocka_unit_test_setup(
		    by_every_call_that_tells_attributes, fresh),
		cmocka_unit_test_setup(
		    where_no_node_is_found_the_numbers_are_right, fresh),
		cmocka_unit_test_setup(
		    what_is_called_otherwise_is_the_hosts, fresh),
		cmocka_unit_test_setup(
		    what_is_no_fifo_or_has_a_name_is_not_looked_at, fresh),
		cmocka_unit_test_setup(a_call_that_failed_stays_so, fresh),
		cmocka_unit_test_setup(changes_are_made_to_the_node, fresh),
		cmocka_unit_test_setup(
		    without_a_node_a_change_is_the_hosts, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
