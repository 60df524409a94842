/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads do random things to one small tree of the memory root, and to a
 * second memory file system that is unmounted by force under them.  Nobody may
 * fail in a way that the interface does not foresee; afterwards the tree is
 * consistent, and when it is removed nothing is left.
 *
 * VFS_STRESS_SEED repeats a run, VFS_STRESS_MS makes it longer.
 */
#include <stdlib.h>
#include <time.h>

#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pcblock.h"
#include "vfs/pcmem.h"

#define NTHREADS 6
#define NDIRS 3
#define NNAMES 5

static _Atomic bool stop;
static unsigned seed;
static _Atomic unsigned long done;

/* What calls on names and files that others change may answer. */
static void
expect(const char *what, int result)
{
	static const int fine[] = {
		RUMP_ENOENT,
		RUMP_EEXIST,
		RUMP_ENOTDIR,
		RUMP_EISDIR,
		RUMP_ENOTEMPTY,
		RUMP_EINVAL,
		RUMP_EPERM,
		RUMP_EFTYPE,
		RUMP_ELOOP,
		RUMP_EBUSY,
		RUMP_EXDEV,
		RUMP_EIO,
		RUMP_EOPNOTSUPP,
		RUMP_ESTALE,
	};

	atomic_fetch_add(&done, 1);
	if (result != -1)
		return;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		if (errno == fine[i])
			return;
	}
	fprintf(stderr, "seed %u: %s: error %d\n", seed, what, errno);
	abort();
}

static void
random_path(unsigned *r, char *path, size_t size)
{
	unsigned depth = rand_r(r) % 3 + 1;
	size_t n = 0;

	n += (size_t)snprintf(path, size, "/stress/d%u", rand_r(r) % NDIRS);
	while (depth-- > 0)
		n += (size_t)snprintf(
		    path + n, size - n, "/n%u", rand_r(r) % NNAMES);
}

static void
check_range(const char *buf, int n)
{
	for (int i = 0; i < n; i++) {
		if (buf[i] != 'x' && buf[i] != '\0') {
			fprintf(stderr, "seed %u: foreign data\n", seed);
			abort();
		}
	}
}

static void
use_file(unsigned *r, const char *path)
{
	int flags = rand_r(r) % 2 ? RUMP_O_CREAT : 0;
	char buf[3000];
	int64_t off = rand_r(r) % 200000;
	int fd;

	if (rand_r(r) % 4 == 0)
		flags |= RUMP_O_TRUNC;
	if (rand_r(r) % 4 == 0)
		flags |= RUMP_O_APPEND;
	fd = rump_sys_open(path, RUMP_O_RDWR | flags, 0644);
	expect("open", fd);
	if (fd < 0)
		return;
	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < 3; i++) {
		ssize_t n = 0;

		switch (rand_r(r) % 5) {
		case 0:
			n = rump_sys_pwrite(fd, buf, sizeof(buf), off);
			expect("pwrite", (int)n);
			break;
		case 1:
			n = rump_sys_pread(fd, buf, sizeof(buf), off);
			expect("pread", (int)n);
			check_range(buf, (int)n);
			memset(buf, 'x', sizeof(buf));
			break;
		case 2:
			expect("ftruncate", rump_sys_ftruncate(fd, off / 2));
			break;
		case 3:
			expect("write", (int)rump_sys_write(fd, buf, 100));
			break;
		default:
			(void)rump_sys_posix_fallocate(fd, off, 10);
			break;
		}
	}
	expect("close", rump_sys_close(fd));
}

static void
list_directory(const char *path)
{
	char buf[1024];
	int fd, n;

	fd = rump_sys_open(path, RUMP_O_RDONLY);
	expect("open directory", fd);
	if (fd < 0)
		return;
	do {
		n = rump_sys_getdents(fd, buf, sizeof(buf));
		expect("getdents", n);
	} while (n > 0);
	expect("close", rump_sys_close(fd));
}

static void
one_thing(unsigned *r)
{
	struct rump_stat st;
	char a[64], b[64];

	random_path(r, a, sizeof(a));
	random_path(r, b, sizeof(b));
	switch (rand_r(r) % 14) {
	case 0:
		expect("mkdir", rump_sys_mkdir(a, 0755));
		break;
	case 1:
		expect("rmdir", rump_sys_rmdir(a));
		break;
	case 2:
	case 3:
		expect("unlink", rump_sys_unlink(a));
		break;
	case 4:
		expect("rename", rump_sys_rename(a, b));
		break;
	case 5:
		expect("posix_rename", rump_sys___posix_rename(a, b));
		break;
	case 6:
		expect("link", rump_sys_link(a, b));
		break;
	case 7:
		expect(
		    "symlink", rump_sys_symlink(rand_r(r) % 2 ? a : "n1", b));
		break;
	case 8:
		list_directory(a);
		break;
	case 9:
		expect("stat", rump_sys_stat(a, &st));
		break;
	case 10:
		expect("truncate", rump_sys_truncate(a, rand_r(r) % 300000));
		break;
	case 11:
		expect("chmod", rump_sys_chmod(a, 0700 | rand_r(r) % 64));
		expect("chown", rump_sys_chown(a, rand_r(r) % 3, 5));
		break;
	default:
		use_file(r, a);
		break;
	}
}

static void *
worker(void *arg)
{
	unsigned r = seed * 31 + (unsigned)(uintptr_t)arg;

	while (!stop)
		one_thing(&r);
	return NULL;
}

/* Mounts come and go; others cross them at d0/n0 and unmount them, too. */
static void *
mounter(void *arg)
{
	unsigned r = seed * 37 + (unsigned)(uintptr_t)arg;

	while (!stop) {
		expect("mount",
		    rump_sys_mount("rumpfs", "/stress/d0", 0, NULL, 0));
		for (int i = 0; i < 20; i++)
			one_thing(&r);
		expect("unmount", rump_sys_unmount("/stress/d0",
				      rand_r(&r) % 2 ? RUMP_MNT_FORCE : 0));
	}
	return NULL;
}

static void
make_tree(void)
{
	char path[32];

	OK(rump_sys_mkdir("/stress", 0755));
	for (int i = 0; i < NDIRS; i++) {
		snprintf(path, sizeof(path), "/stress/d%d", i);
		OK(rump_sys_mkdir(path, 0755));
	}
}

/* Remove what is in a directory, by descriptors: a tree may be deeper than a
 * path is long.  Its link count has to be right then. */
static void
empty(int fd)
{
	struct rump_stat st;
	char buf[4096];
	int n;

	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (int pos = 0; pos < n;) {
			struct rump_dirent *d = (void *)(buf + pos);
			int below;

			pos += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 ||
			    strcmp(d->d_name, "..") == 0)
				continue;
			if (d->d_type != 4) {
				OK(rump_sys_unlinkat(fd, d->d_name, 0));
				continue;
			}
			below = rump_sys_openat(fd, d->d_name, RUMP_O_RDONLY);
			OK(below);
			empty(below);
			OK(rump_sys_close(below));
			OK(rump_sys_unlinkat(fd, d->d_name, RUMP_AT_REMOVEDIR));
		}
	}
	OK(n);
	OK(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_nlink, 2);
}

static unsigned
number(const char *name, unsigned fallback)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static void
run(unsigned ms, bool mounts)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	pthread_t t[NTHREADS];

	stop = false;
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(
		    &t[i], NULL, mounts && i < 2 ? mounter : worker, (void *)i);
	nanosleep(&ts, NULL);
	stop = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	while (rump_sys_unmount("/stress/d0", RUMP_MNT_FORCE) == 0)
		continue;
}

static void
clean(void)
{
	int fd;

	assert_int_equal(stat_of("/stress").st_nlink, NDIRS + 2);
	fd = rump_sys_open("/stress", RUMP_O_RDONLY);
	OK(fd);
	empty(fd);
	OK(rump_sys_close(fd));
	OK(rump_sys_rmdir("/stress"));
}

/* Let tables grow that do not shrink again. */
static void
warm_up(void)
{
	enum { NFDS = 600 };
	int fd[NFDS];

	make_tree();
	run(50, true);
	for (int i = 0; i < NFDS; i++) {
		fd[i] = rump_sys_open("/stress", RUMP_O_RDONLY);
		OK(fd[i]);
	}
	for (int i = 0; i < NFDS; i++)
		OK(rump_sys_close(fd[i]));
	clean();
}

static void
random_changes_leave_a_sound_tree_and_nothing_else(void **state)
{
	unsigned ms = number("VFS_STRESS_MS", 400);
	size_t bytes;
	uint32_t blocks;
	uint64_t used;

	seed = number("VFS_STRESS_SEED", (unsigned)time(NULL));
	print_message("VFS_STRESS_SEED=%u\n", seed);
	warm_up();
	bytes = kmem_outstanding();
	blocks = pcblock_count();
	used = pcmem_used();
	for (int round = 0; round < 4; round++) {
		make_tree();
		run(ms, round % 2 == 1);
		clean();
		if (pcblock_count() != blocks || pcmem_used() != used)
			fail_msg("%u blocks, %ju bytes of files are lost",
			    pcblock_count() - blocks,
			    (uintmax_t)(pcmem_used() - used));
		/* The tree of node numbers grows with their logarithm, and the
		 * stash of blocks keeps a few more or fewer chunks of the memfd. */
		assert_in_range(kmem_outstanding(), bytes - 512, bytes + 2048);
	}
	print_message("%lu calls\n", (unsigned long)done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    random_changes_leave_a_sound_tree_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
