/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in directories of a real export, made, moved and removed through the
 * system calls of the kernel, and compared with the exported directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define FILES 500
#define THREADS 4

static struct nfs_server server;
static char text[1024];

static const char *
host(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", server.dir, name);
	return path;
}

static mode_t
host_mode(const char *name)
{
	struct stat st;

	return lstat(host(name), &st) == 0 ? st.st_mode : 0;
}

static void
must(int result)
{
	if (result < 0)
		fail_msg("errno %d", errno);
}

static void
must_fail(int result, int error)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, error);
}

static void
create(const char *path, int flags, int mode)
{
	int fd = rump_sys_open(path, flags | RUMP_O_CREAT, mode);

	if (fd < 0)
		fail_msg("%s: errno %d", path, errno);
	must(rump_sys_close(fd));
}

static void
mount_at(const char *dir, const char *more)
{
	if (rump_mount_url(
		dir, server_url(&server, more), text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

static int
case_begin(void **state)
{
	mount_at("/data", "");
	return 0;
}

static int
case_end(void **state)
{
	char command[256];

	if (rump_sys_unmount("/data", 0) != 0)
		fail_msg("unmount: %d", errno);
	snprintf(command, sizeof(command), "find '%s' -mindepth 1 -delete",
	    server.dir);
	return system(command);
}

static size_t
count_host(const char *name)
{
	DIR *d = opendir(host(name));
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Entries of path, with "." and "..". */
static size_t
count_rump(const char *path)
{
	char buf[4096];
	int fd = rump_sys_open(path, RUMP_O_RDONLY | RUMP_O_DIRECTORY);
	size_t entries = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t off = 0; off < n; entries++)
			off += ((struct rump_dirent *)(buf + off))->d_reclen;
	}
	assert_int_equal(n, 0);
	must(rump_sys_close(fd));
	return entries;
}

static void
files_are_made_with_their_modes(void **state)
{
	create("/data/a", RUMP_O_WRONLY, 0640);
	assert_int_equal(host_mode("a"), S_IFREG | 0640);
	create("/data/b", RUMP_O_RDWR | RUMP_O_EXCL, 0604);
	assert_int_equal(host_mode("b"), S_IFREG | 0604);
	/* Open for writing, if nobody may write to it later. */
	create("/data/c", RUMP_O_WRONLY, 0444);
	assert_int_equal(host_mode("c"), S_IFREG | 0444);
	must(rump_sys_mkdir("/data/d", 0750));
	assert_int_equal(host_mode("d"), S_IFDIR | 0750);
	must(rump_sys_mkfifo("/data/f", 0600));
	assert_int_equal(host_mode("f"), S_IFIFO | 0600);
	must(rump_sys_symlink("a", "/data/l"));
	assert_int_equal(host_mode("l") & S_IFMT, S_IFLNK);
}

static void
what_is_there_is_found_without_having_been_looked_up(void **state)
{
	struct rump_stat st;

	assert_int_equal(mkdir(host("dir"), 0755), 0);
	assert_int_equal(symlink("target", host("link")), 0);
	fclose(fopen(host("file"), "w"));
	must_fail(rump_sys_open("/data/file",
		      RUMP_O_RDWR | RUMP_O_CREAT | RUMP_O_EXCL, 0644),
	    RUMP_EEXIST);
	must_fail(rump_sys_mkdir("/data/dir", 0755), RUMP_EEXIST);
	must_fail(rump_sys_symlink("x", "/data/link"), RUMP_EEXIST);
	must_fail(rump_sys_open("/data/dir", RUMP_O_RDWR | RUMP_O_CREAT, 0644),
	    RUMP_EISDIR);
	create("/data/file", RUMP_O_RDWR, 0600);
	assert_int_equal(host_mode("file"), S_IFREG | 0644);
	/* Through the link. */
	create("/data/link", RUMP_O_RDWR, 0644);
	assert_int_equal(host_mode("target"), S_IFREG | 0644);
	must(rump_sys_stat("/data/target", &st));
}

static void
names_too_long_are_refused(void **state)
{
	char path[400];

	memset(path, 'x', sizeof(path));
	memcpy(path, "/data/", 6);
	path[6 + 255] = '\0';
	create(path, RUMP_O_RDWR, 0644);
	create(path, RUMP_O_RDWR, 0644);
	must_fail(rump_sys_mkdir(path, 0755), RUMP_EEXIST);
	path[6 + 255] = 'x';
	path[6 + 256] = '\0';
	must_fail(rump_sys_open(path, RUMP_O_RDWR | RUMP_O_CREAT, 0644),
	    RUMP_ENAMETOOLONG);
	must_fail(rump_sys_mkdir(path, 0755), RUMP_ENAMETOOLONG);
}

static void
rename_replaces_and_link_adds(void **state)
{
	struct rump_stat a, b;

	create("/data/a", RUMP_O_RDWR, 0644);
	create("/data/b", RUMP_O_RDWR, 0644);
	must(rump_sys_mkdir("/data/d", 0755));
	must(rump_sys_stat("/data/a", &a));
	must(rump_sys_rename("/data/a", "/data/b"));
	must(rump_sys_stat("/data/b", &b));
	assert_int_equal(a.st_ino, b.st_ino);
	must_fail(rump_sys_stat("/data/a", &a), RUMP_ENOENT);
	assert_int_equal(host_mode("a"), 0);
	must(rump_sys_rename("/data/b", "/data/d/c"));
	assert_int_equal(host_mode("d/c"), S_IFREG | 0644);
	must_fail(rump_sys_stat("/data/b", &b), RUMP_ENOENT);
	must(rump_sys_link("/data/d/c", "/data/e"));
	must(rump_sys_stat("/data/d/c", &a));
	assert_int_equal(a.st_nlink, 2);
	must(rump_sys_unlink("/data/d/c"));
	must(rump_sys_stat("/data/e", &a));
	assert_int_equal(a.st_nlink, 1);
	must(rump_sys_rename("/data/d", "/data/g"));
	must(rump_sys_mkdir("/data/d", 0755));
	must(rump_sys_rename("/data/g", "/data/d"));
	create("/data/d/x", RUMP_O_RDWR, 0644);
	must(rump_sys_mkdir("/data/g", 0755));
	must_fail(rump_sys_rename("/data/g", "/data/d"), RUMP_ENOTEMPTY);
	must_fail(rump_sys_rmdir("/data/d"), RUMP_ENOTEMPTY);
	must(rump_sys_unlink("/data/d/x"));
	must(rump_sys_rmdir("/data/d"));
	assert_int_equal(host_mode("d"), 0);
}

static void
a_listing_shows_what_was_made_and_not_what_was_removed(void **state)
{
	char path[64];
	struct rump_stat st;

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/data/%d", i);
		create(path, RUMP_O_WRONLY, 0644);
	}
	assert_int_equal(count_rump("/data"), FILES + 2);
	assert_int_equal(count_host("."), FILES + 2);
	for (int i = 0; i < FILES; i += 2) {
		snprintf(path, sizeof(path), "/data/%d", i);
		must(rump_sys_unlink(path));
		must_fail(rump_sys_stat(path, &st), RUMP_ENOENT);
	}
	assert_int_equal(count_rump("/data"), FILES / 2 + 2);
	assert_int_equal(count_host("."), FILES / 2 + 2);
	create("/data/again", RUMP_O_WRONLY, 0644);
	must(rump_sys_rename("/data/1", "/data/moved"));
	assert_int_equal(count_rump("/data"), FILES / 2 + 3);
	assert_int_equal(count_host("."), FILES / 2 + 3);
}

/* Removing while listing, as rm -r does. */
static void
a_tree_is_removed_while_it_is_read(void **state)
{
	char buf[1024], path[600];
	size_t removed = 0;
	ssize_t n;
	int fd;

	must(rump_sys_mkdir("/data/tree", 0755));
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "/data/tree/file%d", i);
		create(path, RUMP_O_WRONLY, 0644);
	}
	fd = rump_sys_open("/data/tree", RUMP_O_RDONLY);
	assert_true(fd >= 0);
	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t off = 0; off < n;) {
			struct rump_dirent *d = (void *)(buf + off);

			off += d->d_reclen;
			if (d->d_name[0] == '.')
				continue;
			snprintf(
			    path, sizeof(path), "/data/tree/%s", d->d_name);
			must(rump_sys_unlink(path));
			removed++;
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(removed, FILES);
	must(rump_sys_close(fd));
	must(rump_sys_rmdir("/data/tree"));
	assert_int_equal(host_mode("tree"), 0);
}

static void
an_open_file_survives_its_removal(void **state)
{
	struct rump_stat st;
	int fd;

	must(rump_sys_mkdir("/data/d", 0755));
	fd = rump_sys_open("/data/d/f", RUMP_O_RDWR | RUMP_O_CREAT, 0644);
	assert_true(fd >= 0);
	must(rump_sys_unlink("/data/d/f"));
	must_fail(rump_sys_stat("/data/d/f", &st), RUMP_ENOENT);
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	/* It has a name on the server, which is not shown here. */
	assert_int_equal(count_host("d"), 3);
	assert_int_equal(count_rump("/data/d"), 2);
	must(rump_sys_fchmod(fd, 0600));
	must(rump_sys_close(fd));
	assert_int_equal(count_host("d"), 2);
}

static void
an_open_file_survives_its_replacement(void **state)
{
	struct rump_stat before, after;
	int fd = rump_sys_open("/data/old", RUMP_O_RDWR | RUMP_O_CREAT, 0644);

	assert_true(fd >= 0);
	must(rump_sys_fstat(fd, &before));
	create("/data/new", RUMP_O_WRONLY, 0600);
	must(rump_sys_rename("/data/new", "/data/old"));
	must(rump_sys_fstat(fd, &after));
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_nlink, 0);
	assert_int_equal(host_mode("old"), S_IFREG | 0600);
	assert_int_equal(count_host("."), 4);
	assert_int_equal(count_rump("/data"), 3);
	must(rump_sys_close(fd));
	assert_int_equal(count_host("."), 3);
}

static void
a_directory_with_removed_open_files_can_be_removed(void **state)
{
	struct rump_stat st;
	int fd;

	must(rump_sys_mkdir("/data/d", 0755));
	fd = rump_sys_open("/data/d/f", RUMP_O_RDWR | RUMP_O_CREAT, 0644);
	assert_true(fd >= 0);
	must(rump_sys_unlink("/data/d/f"));
	must(rump_sys_rmdir("/data/d"));
	assert_int_equal(host_mode("d"), 0);
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	must(rump_sys_close(fd));
	assert_int_equal(count_host("."), 2);
}

static void
attributes_are_set(void **state)
{
	struct rump_timespec ts[2] = { { 1000000000, 1 },
		{ 1200000000, 2000 } };
	struct rump_stat st;
	struct stat hst;

	create("/data/a", RUMP_O_WRONLY, 0644);
	must(rump_sys_chmod("/data/a", 04711));
	must(rump_sys_chown("/data/a", 12, 34));
	must(rump_sys_utimensat(RUMP_AT_FDCWD, "/data/a", ts, 0));
	must(rump_sys_truncate("/data/a", 12345));
	must(rump_sys_stat("/data/a", &st));
	assert_int_equal(st.st_size, 12345);
	assert_int_equal(stat(host("a"), &hst), 0);
	assert_int_equal(hst.st_size, 12345);
	assert_int_equal(hst.st_uid, 12);
	assert_int_equal(hst.st_gid, 34);
	assert_int_equal(hst.st_mode, st.st_mode);
	must(rump_sys_utimensat(RUMP_AT_FDCWD, "/data/a", ts, 0));
	assert_int_equal(stat(host("a"), &hst), 0);
	assert_int_equal(hst.st_mtim.tv_sec, 1200000000);
	must(rump_sys_stat("/data/a", &st));
	assert_int_equal(st.st_mtim.tv_sec, 1200000000);
	must(rump_sys_utimensat(RUMP_AT_FDCWD, "/data/a", NULL, 0));
	must(rump_sys_stat("/data/a", &st));
	assert_true(st.st_mtim.tv_sec > 1200000000);
}

/* The server or another client changes the directory in between. */
static void
changes_of_others_are_seen_beside_ours(void **state)
{
	struct rump_stat st;

	must(rump_sys_unmount("/data", 0));
	mount_at("/data", "&actimeo=0");
	for (int i = 0; i < 20; i++) {
		create("/data/ours", RUMP_O_WRONLY, 0644);
		must_fail(rump_sys_stat("/data/theirs", &st), RUMP_ENOENT);
		fclose(fopen(host("theirs"), "w"));
		must(rump_sys_stat("/data/theirs", &st));
		assert_int_equal(count_rump("/data"), 4);
		assert_int_equal(unlink(host("ours")), 0);
		create("/data/ours", RUMP_O_WRONLY | RUMP_O_EXCL, 0644);
		must(rump_sys_unlink("/data/theirs"));
		assert_int_equal(host_mode("theirs"), 0);
		assert_int_equal(count_rump("/data"), 3);
		must(rump_sys_unlink("/data/ours"));
	}
}

static void *
make_and_remove(void *arg)
{
	int who = *(int *)arg;
	char path[64], other[64];
	struct rump_stat st;

	for (int i = 0; i < FILES / 4; i++) {
		snprintf(path, sizeof(path), "/data/t%d.%d", who, i);
		snprintf(other, sizeof(other), "/data/r%d.%d", who, i);
		create(path, RUMP_O_WRONLY | RUMP_O_EXCL, 0644);
		must(rump_sys_stat(path, &st));
		must(rump_sys_rename(path, other));
		must_fail(rump_sys_stat(path, &st), RUMP_ENOENT);
		must(rump_sys_stat(other, &st));
		if (i % 2 != 0)
			must(rump_sys_unlink(other));
	}
	return NULL;
}

static void
threads_change_one_directory(void **state)
{
	pthread_t t[THREADS];
	int who[THREADS];

	for (int i = 0; i < THREADS; i++) {
		who[i] = i;
		assert_int_equal(
		    pthread_create(&t[i], NULL, make_and_remove, &who[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(count_rump("/data"), count_host("."));
	assert_int_equal(count_host("."), THREADS * ((FILES / 4 + 1) / 2) + 2);
}

static int
begin(void **state)
{
	server_start(&server, "");
	if (rump_init() != 0)
		return -1;
	return rump_sys_mkdir("/data", 0755);
}

static int
end(void **state)
{
	server_stop(&server);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_are_made_with_their_modes),
		CASE(what_is_there_is_found_without_having_been_looked_up),
		CASE(names_too_long_are_refused),
		CASE(rename_replaces_and_link_adds),
		CASE(a_listing_shows_what_was_made_and_not_what_was_removed),
		CASE(a_tree_is_removed_while_it_is_read),
		CASE(an_open_file_survives_its_removal),
		CASE(an_open_file_survives_its_replacement),
		CASE(a_directory_with_removed_open_files_can_be_removed),
		CASE(attributes_are_set),
		CASE(changes_of_others_are_seen_beside_ours),
		CASE(threads_change_one_directory),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
