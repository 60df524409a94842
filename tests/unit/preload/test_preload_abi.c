/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: numbers, flags, attributes, directory records. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cmocka.h>

#include "preload/abi/dirent.h"
#include "preload/abi/errno.h"
#include "preload/abi/fcntl.h"
#include "preload/abi/memory.h"
#include "preload/abi/open.h"
#include "preload/abi/stat.h"
#include "preload/abi/time.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
error_numbers_have_their_linux_values(void **state)
{
	static const struct {
		int netbsd, linux_errno;
	} pairs[] = {
		{ 0, 0 },
		{ RUMP_ENOENT, ENOENT },
		{ RUMP_EAGAIN, EAGAIN },
		{ RUMP_EDEADLK, EDEADLK },
		{ RUMP_ENOSYS, ENOSYS },
		{ RUMP_ENOTEMPTY, ENOTEMPTY },
		{ RUMP_ELOOP, ELOOP },
		{ RUMP_ENAMETOOLONG, ENAMETOOLONG },
		{ RUMP_EOPNOTSUPP, EOPNOTSUPP },
		{ RUMP_ENOTSUP, EOPNOTSUPP },
		{ RUMP_ETIMEDOUT, ETIMEDOUT },
		{ RUMP_ECONNREFUSED, ECONNREFUSED },
		{ RUMP_ESTALE, ESTALE },
		{ RUMP_EBADRPC, EIO },
		{ RUMP_ENOATTR, ENODATA },
		{ 97, EINVAL },
		{ -3, EINVAL },
	};

	for (size_t i = 0; i < NITEMS(pairs); i++)
		assert_int_equal(
		    abi_errno_to_linux(pairs[i].netbsd), pairs[i].linux_errno);
	/* Every NetBSD number has some Linux one. */
	for (int e = 1; e <= RUMP_ELAST; e++)
		assert_true(abi_errno_to_linux(e) > 0);
}

static void
error_numbers_survive_the_round_trip(void **state)
{
	for (int e = 1; e <= EOVERFLOW; e++) {
		int n = abi_errno_to_netbsd(e);

		assert_true(n > 0);
		if (n != RUMP_EINVAL)
			assert_int_equal(abi_errno_to_linux(n), e);
	}
	assert_string_equal(abi_errno_name(ENOENT), "ENOENT");
	assert_null(abi_errno_name(4000));
}

static void
open_flags_are_translated(void **state)
{
	static const struct {
		int linux_flags, error, netbsd;
	} cases[] = {
		{ O_RDONLY, 0, RUMP_O_RDONLY },
		{ O_WRONLY | O_CREAT | O_TRUNC, 0,
		    RUMP_O_WRONLY | RUMP_O_CREAT | RUMP_O_TRUNC },
		{ O_RDWR | O_APPEND | O_EXCL, 0,
		    RUMP_O_RDWR | RUMP_O_APPEND | RUMP_O_EXCL },
		{ O_SYNC, 0, RUMP_O_SYNC },
		{ O_DSYNC, 0, RUMP_O_DSYNC },
		{ O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY, 0,
		    RUMP_O_NONBLOCK | RUMP_O_CLOEXEC | RUMP_O_NOFOLLOW |
			RUMP_O_DIRECTORY | RUMP_O_MARK_NOFOLLOW |
			RUMP_O_MARK_DIRECTORY },
		{ O_NOATIME | O_NOCTTY | 0100000, 0,
		    RUMP_O_NOCTTY | RUMP_O_NOATIME },
		{ O_PATH | O_WRONLY | O_CREAT | O_CLOEXEC, 0,
		    RUMP_O_SEARCH | RUMP_O_NAME | RUMP_O_CLOEXEC },
		{ O_PATH | O_NOFOLLOW | O_NOATIME, 0,
		    RUMP_O_SEARCH | RUMP_O_NAME | RUMP_O_NOFOLLOW |
			RUMP_O_MARK_NOFOLLOW },
		{ O_TMPFILE | O_RDWR, 0,
		    RUMP_O_RDWR | RUMP_O_UNNAMED | RUMP_O_MARK_UNNAMED |
			RUMP_O_MARK_DIRECTORY },
		{ O_TMPFILE | O_EXCL | O_WRONLY, 0,
		    RUMP_O_WRONLY | RUMP_O_EXCL | RUMP_O_UNNAMED |
			RUMP_O_MARK_UNNAMED | RUMP_O_MARK_DIRECTORY },
		{ O_TMPFILE | O_RDONLY, EINVAL, 0 },
		{ O_TMPFILE | O_CREAT | O_RDWR, EINVAL, 0 },
		{ O_ACCMODE | O_APPEND, 0,
		    RUMP_O_RDWR | RUMP_O_NEITHER | RUMP_O_APPEND },
	};

	for (size_t i = 0; i < NITEMS(cases); i++) {
		int out = -1,
		    error = abi_open_to_netbsd(cases[i].linux_flags, &out);

		assert_int_equal(error, cases[i].error);
		assert_int_equal(out, error != 0 ? -1 : cases[i].netbsd);
	}
	assert_int_equal(
	    abi_open_to_linux(RUMP_O_RDWR | RUMP_O_APPEND | RUMP_O_SYNC),
	    O_RDWR | O_APPEND | O_SYNC | 0100000);
	assert_int_equal(abi_open_to_linux(RUMP_O_RDWR | RUMP_O_NEITHER |
					   RUMP_O_MARK_NOFOLLOW),
	    O_ACCMODE | O_NOFOLLOW | 0100000);
	assert_int_equal(
	    abi_open_to_linux(RUMP_O_WRONLY | RUMP_O_NOATIME |
			      RUMP_O_MARK_DIRECTORY | RUMP_O_MARK_UNNAMED),
	    O_WRONLY | O_NOATIME | O_TMPFILE | 0100000);
	assert_int_equal(abi_status_to_netbsd(O_NONBLOCK | O_CREAT | O_RDWR),
	    RUMP_O_NONBLOCK);
}

static void
at_flags_depend_on_the_call(void **state)
{
	int out = -1;

	assert_int_equal(abi_at_to_netbsd(ABI_AT_ACCESS, AT_EACCESS, &out), 0);
	assert_int_equal(out, RUMP_AT_EACCESS);
	assert_int_equal(
	    abi_at_to_netbsd(ABI_AT_UNLINK, AT_REMOVEDIR, &out), 0);
	assert_int_equal(out, RUMP_AT_REMOVEDIR);
	assert_int_equal(
	    abi_at_to_netbsd(ABI_AT_STAT,
		AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, &out),
	    0);
	assert_int_equal(out, RUMP_AT_SYMLINK_NOFOLLOW);
	assert_int_equal(
	    abi_at_to_netbsd(ABI_AT_STAT, AT_REMOVEDIR, &out), EINVAL);
	assert_int_equal(
	    abi_at_to_netbsd(ABI_AT_LINK, AT_SYMLINK_FOLLOW, &out), 0);
	assert_int_equal(out, RUMP_AT_SYMLINK_FOLLOW);
}

static const struct rump_stat sample = {
	.st_dev = 0x123456789abc,
	.st_mode = 0100644,
	.st_ino = UINT64_MAX - 1,
	.st_nlink = 3,
	.st_uid = 1000,
	.st_gid = 1001,
	.st_rdev = 0x12345,
	.st_atim = { 1, 2 },
	.st_mtim = { 3, 4 },
	.st_ctim = { 5, 6 },
	.st_birthtim = { 7, 8 },
	.st_size = 1L << 40,
	.st_blocks = 99,
	.st_blksize = 65536,
};

static void
attributes_reach_struct_stat(void **state)
{
	struct rump_stat odd = sample;
	struct stat st;

	abi_stat(&sample, &st);
	assert_int_equal(major(st.st_dev), ABI_DEV_MAJOR);
	assert_int_equal(minor(st.st_dev), abi_dev_minor(sample.st_dev));
	assert_int_equal(st.st_ino, UINT64_MAX - 1);
	assert_int_equal(st.st_mode, 0100644);
	assert_int_equal(st.st_nlink, 3);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1001);
	assert_int_equal(st.st_size, 1L << 40);
	assert_int_equal(st.st_blocks, 99);
	assert_int_equal(st.st_blksize, 65536);
	assert_int_equal(st.st_mtim.tv_sec, 3);
	assert_int_equal(st.st_mtim.tv_nsec, 4);
	odd.st_blksize = -5;
	abi_stat(&odd, &st);
	assert_int_equal(st.st_blksize, 4096);
}

static void
attributes_reach_struct_statx(void **state)
{
	struct rump_stat young = sample;
	struct statx stx;

	abi_statx(&sample, &stx);
	assert_int_equal(stx.stx_mask, STATX_BASIC_STATS | STATX_BTIME);
	assert_int_equal(stx.stx_dev_major, ABI_DEV_MAJOR);
	assert_int_equal(stx.stx_dev_minor, abi_dev_minor(sample.st_dev));
	assert_int_equal(stx.stx_rdev_major, major(sample.st_rdev));
	assert_int_equal(stx.stx_rdev_minor, minor(sample.st_rdev));
	assert_int_equal(stx.stx_btime.tv_sec, 7);
	assert_int_equal(stx.stx_size, 1L << 40);
	young.st_birthtim = (struct rump_timespec){ 0, 0 };
	abi_statx(&young, &stx);
	assert_int_equal(stx.stx_mask, STATX_BASIC_STATS);
}

static void
file_system_statistics_name_their_type(void **state)
{
	struct rump_statvfs sv = { .f_bsize = 4096,
		.f_frsize = 512,
		.f_blocks = 100,
		.f_namemax = 255,
		.f_flag = RUMP_ST_RDONLY | RUMP_ST_NOSUID };
	struct statfs sf;

	strcpy(sv.f_fstypename, "nfs");
	abi_statfs(&sv, &sf);
	assert_int_equal(sf.f_type, 0x6969);
	assert_int_equal(sf.f_bsize, 4096);
	assert_int_equal(sf.f_frsize, 512);
	assert_int_equal(sf.f_blocks, 100);
	assert_int_equal(sf.f_namelen, 255);
	assert_int_equal(sf.f_flags, 0x20 | 1 | 2);
	memset(sv.f_fstypename, 'x', sizeof(sv.f_fstypename));
	abi_statfs(&sv, &sf);
	assert_int_not_equal(sf.f_type, 0x6969);
}

/* --- directory records ------------------------------------------------- */

static size_t
add_record(
    uint8_t *buf, size_t at, uint64_t ino, uint8_t type, const char *name)
{
	uint16_t namlen = (uint16_t)strlen(name);
	uint16_t reclen = (uint16_t)((13 + namlen + 1 + 7) & ~7);

	memset(buf + at, 0, reclen);
	memcpy(buf + at, &ino, 8);
	memcpy(buf + at + 8, &reclen, 2);
	memcpy(buf + at + 10, &namlen, 2);
	buf[at + 12] = type;
	memcpy(buf + at + 13, name, namlen);
	return at + reclen;
}

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static void
directory_records_are_converted(void **state)
{
	uint8_t in[512], out[1024];
	struct abi_dirents d = {
		.in = in, .out = out, .out_len = sizeof(out), .index = 10
	};
	const struct linux_dirent64 *e = (const void *)out;

	d.in_len = add_record(in, d.in_len, 1, RUMP_DT_DIR, ".");
	d.in_len = add_record(in, d.in_len, 0, RUMP_DT_REG, "gone");
	d.in_len = add_record(in, d.in_len, 7, RUMP_DT_REG, "file name");
	assert_int_equal(abi_dirents_convert(&d, ABI_DIRENT64), 0);
	assert_int_equal(d.in_pos, d.in_len);
	assert_int_equal(d.index, 13);
	assert_int_equal(e->ino, 1);
	assert_int_equal(e->off, 11);
	assert_int_equal(e->reclen, 24);
	assert_int_equal(e->type, RUMP_DT_DIR);
	assert_string_equal(e->name, ".");
	e = (const void *)(out + e->reclen);
	assert_int_equal(e->ino, 7);
	assert_int_equal(e->off, 13);
	assert_string_equal(e->name, "file name");
	assert_int_equal(d.out_pos, 24 + e->reclen);

	d.in_pos = d.out_pos = 0;
	assert_int_equal(abi_dirents_convert(&d, ABI_DIRENT_OLD), 0);
	assert_string_equal((char *)out + 18, ".");
	assert_int_equal(out[23], RUMP_DT_DIR);
}

static void
records_that_do_not_fit_stay_for_the_next_call(void **state)
{
	uint8_t in[512], out[64];
	struct abi_dirents d = { .in = in, .out = out, .out_len = 50 };

	for (int i = 0; i < 5; i++)
		d.in_len = add_record(in, d.in_len, 9, RUMP_DT_REG, "abc");
	assert_int_equal(abi_dirents_convert(&d, ABI_DIRENT64), 0);
	assert_int_equal(d.out_pos, 48);
	assert_int_equal(d.index, 2);
	assert_int_equal(d.in_pos, 48);
	assert_int_equal(abi_dirents_skip(&d, 4), 0);
	assert_int_equal(d.index, 4);
	/* What is asked for always fits. */
	assert_true(abi_dirent_request(24) == 16);
	for (size_t len = 1; len < 256; len++) {
		size_t netbsd = (13 + len + 1 + 7) & ~(size_t)7;
		size_t linux_len = (19 + len + 1 + 7) & ~(size_t)7;

		assert_true(abi_dirent_request(linux_len * 3) <= netbsd * 3);
	}
}

static void
malformed_records_are_an_error(void **state)
{
	static const struct {
		uint16_t reclen, namlen;
	} bad[] = { { 0, 1 }, { 8, 1 }, { 200, 1 }, { 16, 40 }, { 12, 0 } };
	uint8_t in[64], out[256];

	for (size_t i = 0; i < NITEMS(bad); i++) {
		struct abi_dirents d = {
			.in = in, .out = out, .out_len = sizeof(out)
		};

		d.in_len = add_record(in, 0, 1, RUMP_DT_REG, "x");
		memcpy(in + 8, &bad[i].reclen, 2);
		memcpy(in + 10, &bad[i].namlen, 2);
		assert_int_equal(abi_dirents_convert(&d, ABI_DIRENT64), EIO);
		assert_int_equal(abi_dirents_skip(&d, 5), EIO);
		assert_int_equal(d.out_pos, 0);
	}
}

static void
record_locks_go_both_ways(void **state)
{
	struct flock lf = { .l_type = F_WRLCK,
		.l_whence = SEEK_END,
		.l_start = -5,
		.l_len = 7 };
	struct rump_flock nf;
	int cmd;

	assert_int_equal(abi_flock_to_netbsd(&lf, &nf), 0);
	assert_int_equal(nf.l_type, RUMP_F_WRLCK);
	assert_int_equal(nf.l_whence, RUMP_SEEK_END);
	assert_int_equal(nf.l_start, -5);
	nf.l_pid = 77;
	nf.l_type = RUMP_F_RDLCK;
	abi_flock_to_linux(&nf, &lf);
	assert_int_equal(lf.l_type, F_RDLCK);
	assert_int_equal(lf.l_pid, 77);
	lf.l_type = 9;
	assert_int_equal(abi_flock_to_netbsd(&lf, &nf), EINVAL);
	assert_int_equal(abi_lock_cmd_to_netbsd(F_SETLKW, &cmd), 0);
	assert_int_equal(cmd, RUMP_F_SETLKW);
	assert_int_equal(abi_lock_cmd_to_netbsd(F_OFD_SETLK, &cmd), 0);
	assert_int_equal(cmd, (int)RUMP_F_OFD_SETLK);
	assert_int_equal(abi_lock_cmd_to_netbsd(F_GETLEASE, &cmd), EINVAL);
	assert_int_equal(abi_flock_op_to_netbsd(LOCK_EX | LOCK_NB, &cmd), 0);
	assert_int_equal(cmd, RUMP_LOCK_EX | RUMP_LOCK_NB);
	assert_int_equal(
	    abi_flock_op_to_netbsd(LOCK_EX | LOCK_SH, &cmd), EINVAL);
	assert_int_equal(abi_flock_op_to_netbsd(LOCK_NB, &cmd), EINVAL);
}

static void
ioctl_requests_are_few(void **state)
{
	unsigned cmd;

	assert_int_equal(abi_ioctl_to_netbsd(FIONREAD, &cmd), 0);
	assert_int_equal(cmd, RUMP_FIONREAD);
	assert_int_equal(abi_ioctl_to_netbsd(FIONBIO, &cmd), 0);
	assert_int_equal(cmd, RUMP_FIONBIO);
	assert_int_equal(abi_ioctl_to_netbsd(TCGETS, &cmd), ENOTTY);
}

static void
times_clocks_and_limits_are_translated(void **state)
{
	struct timeval tv = { 5, 999999 };
	struct rump_timeval ntv;
	struct rump_timespec nts;
	struct rlimit rl = { 10, RLIM_INFINITY };
	struct rump_rlimit nrl;
	int id;

	assert_int_equal(abi_timeval_to_netbsd(&tv, &ntv), 0);
	assert_int_equal(ntv.tv_usec, 999999);
	assert_int_equal(abi_timeval_to_timespec(&tv, &nts), 0);
	assert_int_equal(nts.tv_nsec, 999999000);
	tv.tv_usec = 1000000;
	assert_int_equal(abi_timeval_to_netbsd(&tv, &ntv), EINVAL);
	assert_int_equal(abi_timeval_to_timespec(&tv, &nts), EINVAL);
	assert_int_equal(abi_clock_to_netbsd(CLOCK_MONOTONIC, &id), 0);
	assert_int_equal(id, RUMP_CLOCK_MONOTONIC);
	assert_int_equal(abi_clock_to_netbsd(99, &id), EINVAL);
	assert_int_equal(abi_rlimit_id_to_netbsd(RLIMIT_NOFILE, &id), 0);
	assert_int_equal(id, RUMP_RLIMIT_NOFILE);
	abi_rlimit_to_netbsd(&rl, &nrl);
	assert_int_equal(nrl.rlim_cur, 10);
	assert_int_equal(nrl.rlim_max, RUMP_RLIM_INFINITY);
	abi_rlimit_to_linux(&nrl, &rl);
	assert_true(rl.rlim_max == RLIM_INFINITY);
}

static void
mappings_are_shared_or_private(void **state)
{
	int out;

	assert_int_equal(abi_mapflags_to_netbsd(
			     MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, &out),
	    0);
	assert_int_equal(out, RUMP_MAP_PRIVATE);
	assert_int_equal(abi_mapflags_to_netbsd(MAP_SHARED_VALIDATE, &out), 0);
	assert_int_equal(out, RUMP_MAP_SHARED);
	assert_int_equal(abi_mapflags_to_netbsd(0, &out), EINVAL);
	assert_int_equal(abi_prot_to_netbsd(PROT_GROWSDOWN, &out), EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_numbers_have_their_linux_values),
		cmocka_unit_test(error_numbers_survive_the_round_trip),
		cmocka_unit_test(open_flags_are_translated),
		cmocka_unit_test(at_flags_depend_on_the_call),
		cmocka_unit_test(attributes_reach_struct_stat),
		cmocka_unit_test(attributes_reach_struct_statx),
		cmocka_unit_test(file_system_statistics_name_their_type),
		cmocka_unit_test(directory_records_are_converted),
		cmocka_unit_test(
		    records_that_do_not_fit_stay_for_the_next_call),
		cmocka_unit_test(malformed_records_are_an_error),
		cmocka_unit_test(record_locks_go_both_ways),
		cmocka_unit_test(ioctl_requests_are_few),
		cmocka_unit_test(times_clocks_and_limits_are_translated),
		cmocka_unit_test(mappings_are_shared_or_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
