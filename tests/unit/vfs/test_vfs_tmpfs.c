/* SPDX-License-Identifier: BSD-2-Clause */
/* tmpfs: limits, memory that comes back, and directories under many hands. */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "rump/rumpabi.h"

#define PAGE 4096
#define MANY 100000

static void
mount_tmpfs(const char *dir, const char *source)
{
	char text[256] = "";

	if (rump_mount_url(dir, source, text, sizeof(text)) != 0)
		fail_msg("%s: %s", source, text);
}

static void
assert_refused(const char *source, const char *part)
{
	char text[256] = "", checked[256] = "";

	assert_int_not_equal(
	    rump_mount_url("/refused", source, text, sizeof(text)), 0);
	if (strstr(text, part) == NULL)
		fail_msg("%s: no '%s' in '%s'", source, part, text);
	assert_int_not_equal(
	    rump_tmpfs_check_url(source, checked, sizeof(checked)), 0);
	assert_string_equal(text, checked);
}

static void
add_bytes(const char *name, const char *help, uint64_t value, void *arg)
{
	(void)help;
	if (strcmp(name, "vfs_memory_files_bytes") == 0)
		*(uint64_t *)arg = value;
}

/* What all files in memory take, by the kernel's own count. */
static uint64_t
memory_used(void)
{
	uint64_t bytes = UINT64_MAX;

	rump_stats_iterate(add_bytes, &bytes);
	assert_true(bytes != UINT64_MAX);
	return bytes;
}

static struct rump_statvfs
statvfs_of(const char *path)
{
	struct rump_statvfs sv;

	OK(rump_sys_statvfs1(path, &sv, RUMP_ST_WAIT));
	return sv;
}

static void
options_have_rules(void **state)
{
	(void)state;
	assert_refused("tmpfs:x", "perhaps with options");
	assert_refused("tmpfs:/x?size=1m", "perhaps with options");
	assert_refused("tmpfs:?colour=red", "no such option 'colour'");
	assert_refused("tmpfs:?size", "size=: it must be a number");
	assert_refused("tmpfs:?size=", "size=: it must be a number");
	assert_refused("tmpfs:?size=1q", "size=1q: it must be a number");
	assert_refused("tmpfs:?size=-1", "size=-1: it must be a number");
	assert_refused("tmpfs:?size=99999999999999999999", "must be a number");
	assert_refused("tmpfs:?size=1m&&uid=1", "no such option ''");
	assert_refused("tmpfs:?mode=0888", "octal permission bits");
	assert_refused("tmpfs:?mode=17777", "octal permission bits");
	assert_refused("tmpfs:?uid=4294967295", "below 4294967295");
	assert_refused("tmpfs:?gid=1k", "below 4294967295");
	assert_refused("tmpfs:?uid=root", "below 4294967295");
	assert_refused("tmpfs:?mode=0700\nx", "octal permission bits");
}

static void
options_make_the_root(void **state)
{
	struct rump_statvfs sv;
	struct rump_stat st;
	char text[256];

	(void)state;
	mount_tmpfs(
	    "/opt", "tmpfs:?size=1m&nr_inodes=10&mode=0750&uid=7&gid=8");
	st = stat_of("/opt");
	assert_int_equal(st.st_mode, RUMP_S_IFDIR | 0750);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_gid, 8);
	assert_int_equal(st.st_nlink, 2);
	sv = statvfs_of("/opt");
	assert_string_equal(sv.f_fstypename, "tmpfs");
	assert_int_equal(sv.f_blocks, (1 << 20) / PAGE);
	assert_int_equal(sv.f_files, 10);
	assert_int_equal(sv.f_ffree, 9);
	OK(rump_sys_unmount("/opt", 0));
	mount_tmpfs("/opt", "tmpfs:");
	assert_int_equal(stat_of("/opt").st_mode, RUMP_S_IFDIR | 01777);
	OK(rump_sys_unmount("/opt", 0));
	assert_int_equal(
	    rump_mount_url("/opt", "tmpfs:?size=100", text, sizeof(text)),
	    RUMP_ENOSPC);
	assert_non_null(strstr(text, "too small for a root directory"));
}

static void
arguments_of_mount_are_checked_told_and_changed(void **state)
{
	struct rump_tmpfs_args args = {
		.ta_version = 1,
		.ta_nodes_max = 100,
		.ta_size_max = 1 << 20,
		.ta_root_uid = 3,
		.ta_root_gid = 4,
		.ta_root_mode = 0711,
	};
	struct rump_tmpfs_args bad = args, told;

	(void)state;
	OK(rump_sys_mkdir("/args", 0755));
	FAILS(EINVAL, rump_sys_mount("tmpfs", "/args", 0, NULL, 0));
	FAILS(EINVAL, rump_sys_mount("tmpfs", "/args", 0, &args, 8));
	bad.ta_version = 2;
	FAILS(EINVAL, rump_sys_mount("tmpfs", "/args", 0, &bad, sizeof(bad)));
	bad = args;
	bad.ta_root_uid = UINT32_MAX;
	FAILS(EINVAL, rump_sys_mount("tmpfs", "/args", 0, &bad, sizeof(bad)));
	OK(rump_sys_mount("tmpfs", "/args", 0, &args, sizeof(args)));
	assert_int_equal(stat_of("/args").st_mode & 07777, 0711);
	assert_int_equal(rump_sys_mount("tmpfs", "/args", RUMP_MNT_GETARGS,
			     &told, sizeof(told)),
	    sizeof(told));
	assert_int_equal(told.ta_nodes_max, args.ta_nodes_max);
	assert_int_equal(told.ta_size_max, args.ta_size_max);
	assert_int_equal(told.ta_root_uid, args.ta_root_uid);
	assert_int_equal(told.ta_root_gid, args.ta_root_gid);
	assert_int_equal(told.ta_root_mode, args.ta_root_mode);
	args.ta_size_max = 2 << 20;
	OK(rump_sys_mount(
	    "tmpfs", "/args", RUMP_MNT_UPDATE, &args, sizeof(args)));
	assert_int_equal(statvfs_of("/args").f_blocks, (2 << 20) / PAGE);
	OK(rump_sys_unmount("/args", 0));
	OK(rump_sys_rmdir("/args"));
}

static void
the_size_is_a_limit_and_space_comes_back(void **state)
{
	static char buf[3 << 20];
	struct rump_statvfs empty, full;
	int fd;

	(void)state;
	mount_tmpfs("/full", "tmpfs:?size=1m");
	empty = statvfs_of("/full");
	fd = rump_sys_open("/full/f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	OK(fd);
	/* All but the page that the names and nodes are in. */
	assert_int_equal(
	    rump_sys_write(fd, buf, sizeof(buf)), (1 << 20) - PAGE);
	FAILS(ENOSPC, rump_sys_write(fd, buf, 1));
	assert_int_equal(stat_of("/full/f").st_size, (1 << 20) - PAGE);
	assert_int_equal(
	    stat_of("/full/f").st_blocks, ((1 << 20) - PAGE) / 512);
	full = statvfs_of("/full");
	assert_int_equal(full.f_bfree, 0);
	assert_int_equal(full.f_blocks, empty.f_blocks);
	/* What is there can be written again. */
	assert_int_equal(rump_sys_pwrite(fd, "x", 1, 5000), 1);
	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 2 << 20), RUMP_ENOSPC);
	OK(rump_sys_ftruncate(fd, 2 * PAGE));
	assert_int_equal(statvfs_of("/full").f_bfree, empty.f_bfree - 2);
	OK(rump_sys_unlink("/full/f"));
	assert_int_equal(rump_sys_pread(fd, buf, 1, 5000), 1);
	assert_int_equal(buf[0], 'x');
	OK(rump_sys_close(fd));
	assert_int_equal(statvfs_of("/full").f_bfree, empty.f_bfree);
	OK(rump_sys_unmount("/full", 0));
}

static void
names_count_and_so_do_nodes(void **state)
{
	char name[64];
	int made = 0;

	(void)state;
	mount_tmpfs("/few", "tmpfs:?nr_inodes=5");
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "/few/%d", i);
		make_file(name, "");
	}
	FAILS(ENOSPC, rump_sys_mkdir("/few/d", 0755));
	OK(rump_sys_link("/few/0", "/few/again"));
	OK(rump_sys_unlink("/few/1"));
	OK(rump_sys_mkdir("/few/d", 0755));
	OK(rump_sys_unmount("/few", RUMP_MNT_FORCE));

	mount_tmpfs("/few", "tmpfs:?size=64k");
	for (;;) {
		snprintf(name, sizeof(name), "/few/%d", made);
		if (rump_sys_mkdir(name, 0755) != 0)
			break;
		made++;
	}
	assert_int_equal(errno, RUMP_ENOSPC);
	assert_in_range(made, 64, 1024);
	OK(rump_sys_unmount("/few", 0));
}

static int
offset_of(int fd, unsigned long cmd, int64_t *off)
{
	return rump_sys_ioctl(fd, cmd, off);
}

static void
holes_are_found_made_and_filled(void **state)
{
	int64_t off = 0;
	char buf[8];
	int fd;

	(void)state;
	mount_tmpfs("/holes", "tmpfs:?size=8m");
	fd = rump_sys_open("/holes/f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	OK(fd);
	FAILS(ENXIO, offset_of(fd, RUMP_FIOSEEKDATA, &off));
	OK(rump_sys_ftruncate(fd, 1 << 20));
	FAILS(ENXIO, offset_of(fd, RUMP_FIOSEEKDATA, &off));
	OK(offset_of(fd, RUMP_FIOSEEKHOLE, &off));
	assert_int_equal(off, 0);
	assert_int_equal(rump_sys_pwrite(fd, "island", 6, 300000), 6);
	assert_int_equal(stat_of("/holes/f").st_blocks, PAGE / 512);
	OK(offset_of(fd, RUMP_FIOSEEKDATA, &off));
	assert_int_equal(off, 300000 / PAGE * PAGE);
	OK(offset_of(fd, RUMP_FIOSEEKHOLE, &off));
	assert_int_equal(off, 300000 / PAGE * PAGE + PAGE);
	FAILS(ENXIO, offset_of(fd, RUMP_FIOSEEKDATA, &off));
	off = 1 << 20;
	FAILS(ENXIO, offset_of(fd, RUMP_FIOSEEKHOLE, &off));

	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 100000), 0);
	assert_int_equal(stat_of("/holes/f").st_blocks, 26 * PAGE / 512);
	/* Of the first and last pages only a part becomes zeros. */
	for (int64_t at = 0; at < 100000; at += 1000)
		assert_int_equal(rump_sys_pwrite(fd, "x", 1, at), 1);
	OK(rump_sys_fdiscard(fd, 2000, 90001));
	assert_int_equal(stat_of("/holes/f").st_blocks, 5 * PAGE / 512);
	assert_int_equal(rump_sys_pread(fd, buf, 1, 1000), 1);
	assert_int_equal(buf[0], 'x');
	for (int64_t at = 2000; at <= 92000; at += 1000) {
		assert_int_equal(rump_sys_pread(fd, buf, 1, at), 1);
		assert_int_equal(buf[0], 0);
	}
	assert_int_equal(rump_sys_pread(fd, buf, 1, 93000), 1);
	assert_int_equal(buf[0], 'x');
	FAILS(EINVAL, rump_sys_fdiscard(fd, 0, 0));
	FAILS(EINVAL, rump_sys_fdiscard(fd, -1, 5));
	OK(rump_sys_close(fd));
	OK(rump_sys_unmount("/holes", 0));
}

/* One listing, with a buffer of size bytes; after each record what is called
 * with the name. */
static int
list(const char *path, size_t size, void (*visit)(const char *, void *),
    void *arg)
{
	char *buf = malloc(size);
	int fd, n, seen = 0;

	fd = rump_sys_open(path, RUMP_O_RDONLY);
	OK(fd);
	while ((n = rump_sys_getdents(fd, buf, size)) > 0) {
		for (int pos = 0; pos < n;) {
			struct rump_dirent *d = (void *)(buf + pos);

			pos += d->d_reclen;
			if (d->d_name[0] == '.')
				continue;
			seen++;
			if (visit != NULL)
				visit(d->d_name, arg);
		}
	}
	OK(n);
	OK(rump_sys_close(fd));
	free(buf);
	return seen;
}

static void
remove_it(const char *name, void *arg)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
	OK(rump_sys_unlink(path));
}

static void
make_many(const char *dir, int n)
{
	char path[64];
	int fd;

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		fd = rump_sys_open(path, RUMP_O_CREAT | RUMP_O_WRONLY, 0600);
		OK(fd);
		OK(rump_sys_close(fd));
	}
}

/* Removing while listing neither skips nor loops. */
static void
a_large_directory_is_emptied_while_it_is_listed(void **state)
{
	uint64_t before;

	(void)state;
	mount_tmpfs("/large", "tmpfs:");
	before = memory_used();
	make_many("/large", MANY);
	assert_int_equal(list("/large", 1000, NULL, NULL), MANY);
	assert_true(memory_used() > before + MANY * 100);
	assert_int_equal(
	    list("/large", 3000, remove_it, (void *)"/large"), MANY);
	assert_int_equal(list("/large", 1000, NULL, NULL), 0);
	assert_int_equal(memory_used(), before);
	assert_int_equal(stat_of("/large").st_nlink, 2);
	OK(rump_sys_unmount("/large", 0));
}

static void
a_mount_leaves_nothing(void **state)
{
	uint64_t before;
	char path[64];

	(void)state;
	OK(rump_sys_mkdir("/left", 0755));
	before = memory_used();
	mount_tmpfs("/left", "tmpfs:");
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/left/d%d", i);
		OK(rump_sys_mkdir(path, 0755));
		make_many(path, 5);
		snprintf(path, sizeof(path), "/left/d%d/l", i);
		OK(rump_sys_symlink("some target", path));
		snprintf(path, sizeof(path), "/left/h%d", i);
		make_file(path, "data");
		OK(rump_sys_link(path, "/left/d0/link"));
		OK(rump_sys_unlink(path));
		OK(rump_sys_rename("/left/d0/link", path));
	}
	OK(rump_sys_unmount("/left", 0));
	assert_int_equal(memory_used(), before);
	OK(rump_sys_rmdir("/left"));
}

static void
devices_are_refused_and_pipes_are_names(void **state)
{
	(void)state;
	mount_tmpfs("/dev2", "tmpfs:");
	FAILS(EPERM, rump_sys_mknod("/dev2/c", RUMP_S_IFCHR | 0600, 2));
	FAILS(EPERM, rump_sys_mknod("/dev2/b", RUMP_S_IFBLK | 0600, 2));
	OK(rump_sys_mkfifo("/dev2/p", 0640));
	OK(rump_sys_mknod("/dev2/s", RUMP_S_IFSOCK | 0600, 0));
	assert_int_equal(stat_of("/dev2/p").st_mode, RUMP_S_IFIFO | 0640);
	FAILS(EOPNOTSUPP, rump_sys_open("/dev2/s", RUMP_O_RDWR));
	OK(rump_sys_unmount("/dev2", 0));
}

static void
a_removed_directory_is_empty_and_takes_nothing(void **state)
{
	struct rump_stat st;
	char buf[512];
	int fd;

	(void)state;
	mount_tmpfs("/gone", "tmpfs:");
	OK(rump_sys_mkdir("/gone/d", 0755));
	make_file("/gone/f", "");
	fd = rump_sys_open("/gone/d", RUMP_O_RDONLY);
	OK(fd);
	OK(rump_sys_rmdir("/gone/d"));
	assert_int_equal(rump_sys_getdents(fd, buf, sizeof(buf)), 0);
	FAILS(ENOENT, rump_sys_mkdirat(fd, "x", 0755));
	FAILS(ENOENT, rump_sys_openat(fd, "x", RUMP_O_CREAT, 0600));
	FAILS(ENOENT, rump_sys_linkat(RUMP_AT_FDCWD, "/gone/f", fd, "x", 0));
	FAILS(ENOENT, rump_sys_renameat(RUMP_AT_FDCWD, "/gone/f", fd, "x"));
	assert_true(exists("/gone/f"));
	/* The way up is still there. */
	OK(rump_sys_mkdir("/gone/up", 0755));
	OK(rump_sys_mkdir("/gone/up/here", 0755));
	OK(rump_sys_chdir("/gone/up/here"));
	OK(rump_sys_rmdir("/gone/up/here"));
	OK(rump_sys_stat("..", &st));
	assert_int_equal(st.st_ino, stat_of("/gone/up").st_ino);
	OK(rump_sys_rmdir("/gone/up"));
	FAILS(ENOENT, rump_sys_mkdir("../x", 0755));
	OK(rump_sys_chdir("/"));
	OK(rump_sys_close(fd));
	OK(rump_sys_unmount("/gone", 0));
}

static void
assert_cwd(const char *path)
{
	char buf[256];

	OK(rump_sys___getcwd(buf, sizeof(buf)));
	assert_string_equal(buf, path);
}

static void
the_working_directory_knows_its_name(void **state)
{
	(void)state;
	mount_tmpfs("/cwd", "tmpfs:");
	OK(rump_sys_mkdir("/cwd/a", 0755));
	OK(rump_sys_mkdir("/cwd/a/b", 0755));
	OK(rump_sys_mkdir("/cwd/empty", 0755));
	OK(rump_sys_chdir("/cwd/a/b"));
	assert_cwd("/cwd/a/b");
	OK(rump_sys_rename("/cwd/a", "/cwd/other"));
	assert_cwd("/cwd/other/b");
	OK(rump_sys_rename("/cwd/other/b", "/cwd/empty"));
	assert_cwd("/cwd/empty");
	OK(rump_sys_rename("/cwd/empty", "/cwd/other/again"));
	assert_cwd("/cwd/other/again");
	OK(rump_sys_chdir(".."));
	assert_cwd("/cwd/other");
	OK(rump_sys_chdir(".."));
	assert_cwd("/cwd");
	OK(rump_sys_chdir("/"));
	OK(rump_sys_unmount("/cwd", 0));
}

/* Groups and set-id bits as on Linux. */
static void
groups_are_inherited_from_setgid_directories(void **state)
{
	int fd;

	(void)state;
	mount_tmpfs("/grp", "tmpfs:");
	OK(rump_sys_mkdir("/grp/plain", 0777));
	OK(rump_sys_chmod("/grp/plain", 0777));
	OK(rump_sys_mkdir("/grp/set", 0777));
	OK(rump_sys_chown("/grp/set", 0, 50));
	OK(rump_sys_chmod("/grp/set", 02777));
	become(1000, 1000);
	make_file("/grp/plain/f", "");
	assert_int_equal(stat_of("/grp/plain/f").st_gid, 1000);
	make_file("/grp/set/f", "");
	assert_int_equal(stat_of("/grp/set/f").st_gid, 50);
	OK(rump_sys_mkdir("/grp/set/d", 0755));
	assert_int_equal(stat_of("/grp/set/d").st_gid, 50);
	assert_int_equal(stat_of("/grp/set/d").st_mode, RUMP_S_IFDIR | 02755);
	fd = rump_sys_open("/grp/set/g", RUMP_O_CREAT | RUMP_O_WRONLY, 02755);
	OK(fd);
	assert_int_equal(stat_of("/grp/set/g").st_mode & 07777, 0755);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/grp/plain/u", RUMP_O_CREAT | RUMP_O_WRONLY, 06755);
	OK(fd);
	assert_int_equal(stat_of("/grp/plain/u").st_mode & 07777, 06755);
	assert_int_equal(rump_sys_write(fd, "x", 1), 1);
	assert_int_equal(stat_of("/grp/plain/u").st_mode & 07777, 0755);
	OK(rump_sys_close(fd));
	become(0, 0);
	OK(rump_sys_unmount("/grp", 0));
}

static bool
same_time(struct rump_timespec a, struct rump_timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* As with relatime: only the first access after a change is noted. */
static void
the_first_access_after_a_change_is_noted(void **state)
{
	struct rump_stat made, seen, again;
	char buf[8];
	int fd;

	(void)state;
	mount_tmpfs("/times", "tmpfs:");
	make_file("/times/f", "data");
	made = stat_of("/times/f");
	fd = rump_sys_open("/times/f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_pread(fd, buf, 4, 0), 4);
	seen = stat_of("/times/f");
	assert_false(same_time(seen.st_atim, made.st_atim));
	assert_true(same_time(seen.st_mtim, made.st_mtim));
	assert_true(same_time(seen.st_ctim, made.st_ctim));
	assert_int_equal(rump_sys_pread(fd, buf, 4, 0), 4);
	assert_true(same_time(stat_of("/times/f").st_atim, seen.st_atim));
	assert_int_equal(rump_sys_pwrite(fd, "DATA", 4, 0), 4);
	assert_int_equal(rump_sys_pread(fd, buf, 4, 0), 4);
	again = stat_of("/times/f");
	assert_false(same_time(again.st_mtim, seen.st_mtim));
	assert_false(same_time(again.st_atim, seen.st_atim));
	assert_true(same_time(again.st_birthtim, made.st_birthtim));
	OK(rump_sys_close(fd));
	OK(rump_sys_unmount("/times", 0));
}

/*
 * Files that change their names while others look for them.  A name that is
 * only ever replaced is always there.
 */
#define ROUNDS 3000
#define CROWD 40

static _Atomic bool stop;

static void *
replacer(void *arg)
{
	char mine[32];

	snprintf(mine, sizeof(mine), "/race/%s", (const char *)arg);
	for (int i = 0; i < ROUNDS; i++) {
		make_file(mine, mine);
		if (rump_sys_rename(mine, "/race/target") != 0)
			return (void *)(intptr_t)errno;
	}
	return NULL;
}

/* Use so many vnodes that no other stays. */
static void *
crowder(void *arg)
{
	struct rump_stat st;
	char name[32];

	for (int i = 0; !stop; i++) {
		snprintf(name, sizeof(name), "/crowd/%d", i % CROWD);
		if (rump_sys_stat(name, &st) != 0)
			return (void *)(intptr_t)errno;
	}
	return NULL;
}

static void *
looker(void *arg)
{
	struct rump_stat st;

	(void)arg;
	while (!stop) {
		if (rump_sys_stat("/race/target", &st) != 0)
			return (void *)(intptr_t)errno;
	}
	return NULL;
}

static void
a_name_that_is_replaced_is_always_there(void **state)
{
	pthread_t t[5];
	void *result;

	(void)state;
	mount_tmpfs("/race", "tmpfs:");
	OK(rump_sys_mkdir("/crowd", 0755));
	make_many("/crowd", CROWD);
	make_file("/race/target", "");
	stop = false;
	pthread_create(&t[0], NULL, replacer, (void *)"a");
	pthread_create(&t[1], NULL, replacer, (void *)"b");
	pthread_create(&t[2], NULL, looker, NULL);
	pthread_create(&t[3], NULL, looker, NULL);
	pthread_create(&t[4], NULL, crowder, NULL);
	for (int i = 0; i < 5; i++) {
		if (i == 2)
			stop = true;
		pthread_join(t[i], &result);
		assert_int_equal((intptr_t)result, 0);
	}
	OK(rump_sys_unmount("/race", 0));
}

/* Directories that are moved into each other by two: no cycle, no deadlock. */
static void *
mover(void *arg)
{
	bool first = arg != NULL;

	for (int i = 0; i < ROUNDS; i++) {
		if (first) {
			(void)rump_sys_rename("/cycle/a", "/cycle/b/a");
			(void)rump_sys_rename("/cycle/b/a", "/cycle/a");
		} else {
			(void)rump_sys_rename("/cycle/b", "/cycle/a/b");
			(void)rump_sys_rename("/cycle/a/b", "/cycle/b");
		}
	}
	return NULL;
}

static void
directories_moved_into_each_other_stay_a_tree(void **state)
{
	pthread_t t[2];

	(void)state;
	mount_tmpfs("/cycle", "tmpfs:");
	OK(rump_sys_mkdir("/cycle/a", 0755));
	OK(rump_sys_mkdir("/cycle/b", 0755));
	pthread_create(&t[0], NULL, mover, NULL);
	pthread_create(&t[1], NULL, mover, &t);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	(void)rump_sys_rename("/cycle/b/a", "/cycle/a");
	(void)rump_sys_rename("/cycle/a/b", "/cycle/b");
	assert_int_equal(stat_of("/cycle").st_nlink, 4);
	assert_int_equal(list("/cycle", 1000, NULL, NULL), 2);
	OK(rump_sys_rmdir("/cycle/a"));
	OK(rump_sys_rmdir("/cycle/b"));
	OK(rump_sys_unmount("/cycle", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_have_rules),
		cmocka_unit_test(options_make_the_root),
		cmocka_unit_test(
		    arguments_of_mount_are_checked_told_and_changed),
		cmocka_unit_test(the_size_is_a_limit_and_space_comes_back),
		cmocka_unit_test(names_count_and_so_do_nodes),
		cmocka_unit_test(holes_are_found_made_and_filled),
		cmocka_unit_test(
		    a_large_directory_is_emptied_while_it_is_listed),
		cmocka_unit_test(a_mount_leaves_nothing),
		cmocka_unit_test(devices_are_refused_and_pipes_are_names),
		cmocka_unit_test(
		    a_removed_directory_is_empty_and_takes_nothing),
		cmocka_unit_test(the_working_directory_knows_its_name),
		cmocka_unit_test(groups_are_inherited_from_setgid_directories),
		cmocka_unit_test(the_first_access_after_a_change_is_noted),
		cmocka_unit_test(a_name_that_is_replaced_is_always_there),
		cmocka_unit_test(directories_moved_into_each_other_stay_a_tree),
	};

	/* So few that nodes lose their vnodes and get others all the time. */
	setenv("RUMP_NVNODES", "16", 1);
	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
