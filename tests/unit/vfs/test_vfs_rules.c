/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of POSIX, and of our own, that a review found broken. */
#include <stdlib.h>

#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/mount.h"
#include "vfs/pcblock.h"
#include "vfs/pcmem.h"

static int
setup(void **state)
{
	return boot_and_enter_kernel(state) != 0 ? -1 : slowfs_mount("/s");
}

static bool
is_later(const struct rump_timespec *a, const struct rump_timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec
				      : a->tv_nsec > b->tv_nsec;
}

/* Not when somebody looks: make(1) compares the times of two files. */
static void
times_are_those_of_the_change(void **state)
{
	struct rump_stat a, b;

	make_file("a", "first");
	make_file("b", "second");
	b = stat_of("b");
	a = stat_of("a");
	assert_false(is_later(&a.st_mtim, &b.st_mtim));
	assert_false(is_later(&a.st_ctim, &b.st_ctim));
	OK(rump_sys_mkdir("d", 0755));
	make_file("d/x", "");
	make_file("c", "");
	b = stat_of("c");
	a = stat_of("d");
	assert_false(is_later(&a.st_mtim, &b.st_mtim));
}

static int
lock(int fd, int cmd, int type, int64_t start, int64_t len)
{
	struct rump_flock fl = {
		.l_start = start,
		.l_len = len,
		.l_type = (int16_t)type,
	};
	int error = rump_sys_fcntl(fd, cmd, &fl);

	return error == 0 && cmd == RUMP_F_GETLK ? fl.l_type : error;
}

static void
record_locks_end_with_any_close(void **state)
{
	int fd, other;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 10));
	other = rump_sys_dup(fd);
	OK(rump_sys_close(other));
	OK(rump_pub_lwproc_rfork(RUMP_RFFDG));
	assert_int_equal(
	    lock(fd, RUMP_F_GETLK, RUMP_F_WRLCK, 0, 1), RUMP_F_UNLCK);
	rump_pub_lwproc_releaselwp();
	OK(rump_sys_close(fd));
}

/* A descriptor that another process closes is none of ours. */
static void
record_locks_survive_the_closes_of_others(void **state)
{
	int fd;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 10));
	OK(rump_pub_lwproc_rfork(RUMP_RFFDG));
	OK(rump_sys_close(fd));
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(
	    lock(fd, RUMP_F_GETLK, RUMP_F_WRLCK, 0, 1), RUMP_F_WRLCK);
	rump_pub_lwproc_releaselwp();
	OK(rump_sys_close(fd));
}

static void
lock_ranges_do_not_overflow(void **state)
{
	int fd;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	FAILS(EINVAL, lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, INT64_MIN, -1));
	FAILS(EINVAL, lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 5, INT64_MIN));
	FAILS(EINVAL, lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, -5, INT64_MIN));
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, INT64_MAX, 1));
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_UNLCK, 0, 0));
	OK(rump_sys_close(fd));
}

static void *
upgrade(void *arg)
{
	OK(rump_sys_flock(*(int *)arg, RUMP_LOCK_EX));
	OK(rump_sys_flock(*(int *)arg, RUMP_LOCK_UN));
	return NULL;
}

static void
two_shared_locks_can_both_become_exclusive(void **state)
{
	int a, b;
	pthread_t t;

	make_file("f", "");
	a = rump_sys_open("f", RUMP_O_RDWR);
	b = rump_sys_open("f", RUMP_O_RDWR);
	OK(rump_sys_flock(a, RUMP_LOCK_SH));
	OK(rump_sys_flock(b, RUMP_LOCK_SH));
	pthread_create(&t, NULL, upgrade, &a);
	OK(rump_sys_flock(b, RUMP_LOCK_EX));
	OK(rump_sys_flock(b, RUMP_LOCK_UN));
	pthread_join(t, NULL);
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
}

static void
search_descriptors_do_not_list(void **state)
{
	char buf[512];
	int fd;

	OK(rump_sys_mkdir("d", 0755));
	OK(rump_sys_chmod("d", 0111));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_open("d", RUMP_O_RDONLY));
	fd = rump_sys_open("d", RUMP_O_RDONLY | RUMP_O_SEARCH);
	OK(fd);
	FAILS(EBADF, rump_sys_getdents(fd, buf, sizeof(buf)));
	OK(rump_sys_fchdir(fd));
	OK(rump_sys_close(fd));
	become(0, 0);
}

static void
only_directories_are_made_sticky_by_open(void **state)
{
	OK(rump_sys_close(
	    rump_sys_open("f", RUMP_O_CREAT | RUMP_O_RDWR, 01644)));
	assert_int_equal(stat_of("f").st_mode & 07777, 0644);
	OK(rump_sys_close(rump_sys_open(
	    "s", RUMP_O_CREAT | RUMP_O_RDWR | RUMP_O_STICKY, 01644)));
	assert_int_equal(stat_of("s").st_mode & 07777, 01644);
}

static void
a_directory_does_not_move_into_itself(void **state)
{
	OK(rump_sys_mkdir("a", 0755));
	OK(rump_sys_mkdir("a/b", 0755));
	make_file("a/b/c", "");
	FAILS(EINVAL, rump_sys_rename("a", "a/b"));
	FAILS(EINVAL, rump_sys_rename("a", "a/b/d"));
}

static uint32_t
mount_references(void)
{
	struct mount *mp;
	uint32_t sum = 0;

	for (size_t n = 0; (mp = mount_nth(n)) != NULL; n++) {
		sum += atomic_load(&mp->mnt_refcnt);
		mount_unref(mp);
	}
	return sum;
}

static void
getvfsstat_gives_references_back_on_failure(void **state)
{
	uint32_t before = mount_references();

	resume_faults();
	FAILS(
	    EFAULT, rump_sys_getvfsstat((struct rump_statvfs *)8, 1 << 20, 0));
	assert_int_equal(mount_references(), before);
}

/* What moved before the fault is the result, as everywhere else. */
static void
faults_cut_transfers_short(void **state)
{
	static char text[8];
	struct rump_iovec iov[2] = {
		{ .iov_base = text, .iov_len = 4 },
		{ .iov_base = (void *)8, .iov_len = 4 },
	};
	int fd;

	resume_faults();
	make_file("f", "12345678");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_readv(fd, iov, 2), 4);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), 4);
	assert_memory_equal(text, "1234", 4);
	assert_int_equal(rump_sys_writev(fd, iov, 2), 4);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), 8);
	OK(rump_sys_close(fd));
	assert_file("f", "12341234");
}

static void
the_memory_root_is_full_at_its_limit(void **state)
{
	static char buf[3 * PC_BLOCK];
	uint64_t before = pcmem_used(), limit = pcmem_limit();
	struct rump_statvfs sv;
	int fd;

	fd = rump_sys_open("f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	OK(fd);
	pcmem_setlimit(pcmem_used() + 2 * PC_BLOCK);
	/* Holes cost nothing, but cannot be promised. */
	OK(rump_sys_ftruncate(fd, INT64_C(1) << 40));
	assert_int_equal(
	    rump_sys_posix_fallocate(fd, 0, INT64_C(1) << 41), RUMP_ENOSPC);
	OK(rump_sys_ftruncate(fd, 0));
	assert_int_equal(rump_sys_write(fd, buf, sizeof(buf)), 2 * PC_BLOCK);
	FAILS(ENOSPC, rump_sys_write(fd, buf, 1));
	FAILS(ENOSPC, rump_sys_mkdir("d", 0755));
	assert_int_equal(stat_of("f").st_size, 2 * PC_BLOCK);
	OK(rump_sys_statvfs1(".", &sv, 0));
	assert_int_equal(sv.f_bavail, 0);
	/* What is there can be written again, and given back. */
	assert_int_equal(rump_sys_pwrite(fd, buf, 10, 0), 10);
	OK(rump_sys_ftruncate(fd, PC_PAGE));
	OK(rump_sys_mkdir("d", 0755));
	OK(rump_sys_statvfs1(".", &sv, 0));
	assert_true(sv.f_bavail > 0 && sv.f_bavail < sv.f_blocks);
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("f"));
	OK(rump_sys_rmdir("d"));
	pcmem_setlimit(limit);
	assert_int_equal(pcmem_used(), before);
}

static int
raw_stat(const char *path)
{
	struct rump_stat st;
	uint64_t args[2] = { (uintptr_t)path, (uintptr_t)&st };
	int64_t retval[2];

	return rump_syscall(439, args, sizeof(args), retval);
}

static void
escapes_from_long_mount_points_are_not_cut(void **state)
{
	char path[1024] = "", text[200], name[256];
	size_t left;

	OK(rump_sys_chdir("/"));
	while ((left = 1021 - strlen(path)) > 0) {
		size_t len = left > 401 ? 200 : left > 201 ? left / 2 : left;

		memset(name, 'n', sizeof(name));
		name[0] = '/';
		name[len] = '\0';
		strcat(path, name);
		OK(rump_sys_mkdir(name + 1, 0755));
		OK(rump_sys_chdir(name + 1));
	}
	OK(rump_sys_chdir("/"));
	assert_int_equal(rump_mount_url(path, "slow:1", text, sizeof(text)), 0);
	OK(rump_sys_chdir(path));
	rump_namei_escape_set(true);
	assert_int_equal(raw_stat(".."), RUMP_ENAMESPACE);
	rump_namei_escape_set(false);
	OK(rump_sys_chdir("/"));
	OK(rump_sys_unmount(path, 0));
}

/* Also nodes that are no files of the page cache. */
static void
names_that_come_and_go_leave_nothing(void **state)
{
	size_t bytes;
	char name[16];

	make_file("0", "x");
	OK(rump_sys_unlink("0"));
	bytes = kmem_outstanding();
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		OK(rump_sys_mkfifo(name, 0600));
		OK(rump_sys_unlink(name));
	}
	assert_true(kmem_outstanding() < bytes + 4096);
}

static void
large_directories_are_listed_once_each(void **state)
{
	enum { N = 20000 };
	static char seen[N];
	char buf[8192], name[16];
	int fd, n;

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		OK(rump_sys_mkfifo(name, 0600));
	}
	fd = rump_sys_open(".", RUMP_O_RDONLY);
	for (int removed = 1; (n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0;
	     removed += 2) {
		for (int pos = 0; pos < n;) {
			struct rump_dirent *d = (void *)(buf + pos);

			if (d->d_name[0] != '.') {
				int i = atoi(d->d_name);

				assert_int_equal(seen[i]++, 0);
			}
			pos += d->d_reclen;
		}
		/* Odd ones go, and even ones have to be seen. */
		snprintf(name, sizeof(name), "%d", removed);
		OK(rump_sys_unlink(name));
	}
	OK(rump_sys_close(fd));
	for (int i = 0; i < N; i += 2)
		assert_int_equal(seen[i], 1);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		(void)rump_sys_unlink(name);
	}
}

int
main(void)
{
#define RULE(test) cmocka_unit_test_setup(test, fresh_directory)
	const struct CMUnitTest tests[] = {
		RULE(times_are_those_of_the_change),
		RULE(record_locks_end_with_any_close),
		RULE(record_locks_survive_the_closes_of_others),
		RULE(lock_ranges_do_not_overflow),
		RULE(search_descriptors_do_not_list),
		RULE(only_directories_are_made_sticky_by_open),
		RULE(a_directory_does_not_move_into_itself),
		RULE(getvfsstat_gives_references_back_on_failure),
		RULE(faults_cut_transfers_short),
		RULE(the_memory_root_is_full_at_its_limit),
		RULE(escapes_from_long_mount_points_are_not_cut),
		RULE(names_that_come_and_go_leave_nothing),
		RULE(large_directories_are_listed_once_each),
		RULE(two_shared_locks_can_both_become_exclusive),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
