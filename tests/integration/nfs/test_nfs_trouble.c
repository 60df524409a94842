/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing to servers that crash, that are full, that export read-only or squash
 * identities; what they have afterwards is compared with what was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define SIZE (48 * 1024 * 1024)
#define CRASHES 6
#define FULL (4 * 1024 * 1024) /* of the small file system */

static struct nfs_server server;
static char text[1024];
static uint8_t *data;

static const char *
host(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", server.dir, name);
	return path;
}

static void
must_at(ssize_t result, int line)
{
	if (result < 0) {
		fprintf(stderr, "line %d: errno %d\n", line, errno);
		abort(); /* not every thread can fail a test */
	}
}
#define must(result) must_at(result, __LINE__)

static void
must_fail_at(ssize_t result, int error, int line)
{
	if (result != -1 || errno != error)
		fail_msg("line %d: %zd, errno %d", line, result, errno);
}
#define must_fail(result, error) must_fail_at(result, error, __LINE__)

static void
mount_with(const char *more)
{
	if (rump_mount_url(
		"/data", server_url(&server, more), text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

static void
unmount(void)
{
	if (rump_sys_unmount("/data", 0) != 0)
		fail_msg("unmount: %d", errno);
}

static void
assert_host(const char *name, size_t off, size_t len)
{
	uint8_t *got = malloc(len + 1);
	FILE *f = fopen(host(name), "r");

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)off, SEEK_SET), 0);
	assert_int_equal(fread(got, 1, len, f), len);
	fclose(f);
	assert_memory_equal(got, data + off, len);
	free(got);
}

/* --- crashes -------------------------------------------------------------- */

static _Atomic size_t progress;
static _Atomic bool over;

/* Sequential, with an fsync now and then. */
static void *
write_much(void *arg)
{
	int fd = rump_sys_open("/data/big", RUMP_O_WRONLY | RUMP_O_CREAT, 0644);
	unsigned seed = 99;

	must(fd);
	for (size_t off = 0; off < SIZE;) {
		size_t len = 1 + (size_t)rand_r(&seed) % 200000;

		len = SIZE - off < len ? SIZE - off : len;
		must(rump_sys_pwrite(fd, data + off, len, (off_t)off));
		off += len;
		if (rand_r(&seed) % 50 == 0)
			must(rump_sys_fsync(fd));
		atomic_store(&progress, off);
	}
	must(rump_sys_close(fd));
	atomic_store(&over, true);
	return NULL;
}

static void
crash_until_over(void)
{
	for (int i = 1; i <= CRASHES && !atomic_load(&over); i++) {
		size_t until = SIZE / (CRASHES + 1) * (size_t)i;

		while (atomic_load(&progress) < until && !atomic_load(&over))
			usleep(1000);
		server_kill(&server);
		server_restart(&server);
	}
}

static void
a_server_that_crashes_loses_nothing(void **state)
{
	pthread_t t;

	atomic_store(&progress, 0);
	atomic_store(&over, false);
	mount_with("");
	assert_int_equal(pthread_create(&t, NULL, write_much, NULL), 0);
	crash_until_over();
	pthread_join(t, NULL);
	unmount();
	assert_host("big", 0, SIZE);
}

#define ROUNDS 4000

/*
 * Make a file.  The server keeps the verifier of an exclusive one in the file's
 * times, which it sets after making it: when it crashes in between, nobody can
 * tell whose the file is.
 */
static int
make(const char *path, int flags)
{
	struct rump_stat st;
	int fd;

	flags |= RUMP_O_WRONLY | RUMP_O_CREAT;
	fd = rump_sys_open(path, flags, 0644);
	if (fd < 0 && errno == RUMP_EEXIST && (flags & RUMP_O_EXCL) != 0) {
		must(rump_sys_stat(path, &st));
		assert_int_equal(st.st_size, 0);
		must(rump_sys_unlink(path));
		fd = rump_sys_open(path, flags, 0644);
	}
	return fd;
}

/* Every step succeeds, however often it has to be asked for. */
static void *
change_names(void *arg)
{
	struct rump_stat st;
	char a[32], b[32];

	must(rump_sys_mkdir("/data/names", 0755));
	for (size_t i = 0; i < ROUNDS && !atomic_load(&over); i++) {
		int fd;

		snprintf(a, sizeof(a), "/data/names/a%zu", i);
		snprintf(b, sizeof(b), "/data/names/b%zu", i);
		fd = make(a, i % 2 != 0 ? RUMP_O_EXCL : 0);
		must(fd);
		must(rump_sys_write(fd, data + i, 100));
		must(rump_sys_close(fd));
		must(rump_sys_rename(a, b));
		must(rump_sys_link(b, a));
		must(rump_sys_stat(a, &st));
		assert_int_equal(st.st_nlink, 2);
		must(rump_sys_unlink(a));
		must(rump_sys_mkdir(a, 0700));
		must(rump_sys_rmdir(a));
		must(rump_sys_symlink(b, a));
		must(rump_sys_unlink(a));
		if (i % 4 != 0)
			must(rump_sys_unlink(b));
		atomic_store(&progress, i);
	}
	return NULL;
}

static void
names_survive_crashes(void **state)
{
	struct stat st;
	char name[64];
	pthread_t t;

	atomic_store(&progress, 0);
	atomic_store(&over, false);
	mount_with("");
	assert_int_equal(pthread_create(&t, NULL, change_names, NULL), 0);
	for (size_t i = 1; i <= CRASHES; i++) {
		size_t seen = atomic_load(&progress);

		while (atomic_load(&progress) < seen + 20 + i &&
		       atomic_load(&progress) < ROUNDS - 1)
			usleep(500);
		server_kill(&server);
		server_restart(&server);
	}
	atomic_store(&over, true);
	pthread_join(t, NULL);
	unmount();
	for (size_t i = 0; i <= atomic_load(&progress); i++) {
		snprintf(name, sizeof(name), "names/a%zu", i);
		assert_int_equal(lstat(host(name), &st), -1);
		snprintf(name, sizeof(name), "names/b%zu", i);
		assert_int_equal(lstat(host(name), &st), i % 4 != 0 ? -1 : 0);
		if (i % 4 == 0)
			assert_int_equal(st.st_size, 100);
	}
}

static int
sound_begin(void **state)
{
	server_start(&server, "");
	return 0;
}

static int
any_end(void **state)
{
	server_stop(&server);
	return 0;
}

/* --- full ----------------------------------------------------------------- */

static int
full_begin(void **state)
{
	char options[32];

	server_prepare(&server);
	snprintf(options, sizeof(options), "size=%d", FULL);
	if (mount("tmpfs", server.dir, "tmpfs", 0, options) != 0) {
		rmdir(server.dir);
		rmdir(server.top);
		server.pid = -1;
		return 0;
	}
	server_serve(&server, "");
	return 0;
}

static int
full_end(void **state)
{
	if (server.pid == -1)
		return 0;
	server_kill(&server);
	umount2(server.dir, MNT_DETACH);
	server_stop(&server);
	return 0;
}

static void
a_full_server_says_so_and_keeps_what_fits(void **state)
{
	size_t written = 0;
	int fd, error = 0;

	if (server.pid == -1)
		skip();
	mount_with("");
	fd = rump_sys_open("/data/f", RUMP_O_WRONLY | RUMP_O_CREAT, 0644);
	must(fd);
	must(rump_sys_write(fd, data, FULL / 2));
	must(rump_sys_fsync(fd));
	for (written = FULL / 2; written < 3 * FULL && error == 0;
	     written += 65536) {
		if (rump_sys_pwrite(fd, data + written, 65536, (off_t)written) <
		    0)
			error = errno;
	}
	if (error == 0 && rump_sys_fsync(fd) != 0)
		error = errno;
	if (rump_sys_close(fd) != 0 && error == 0)
		error = errno;
	assert_int_equal(error, RUMP_ENOSPC);
	assert_host("f", 0, FULL / 2);
	/* There is room again. */
	must(rump_sys_unlink("/data/f"));
	fd = rump_sys_open("/data/g", RUMP_O_WRONLY | RUMP_O_CREAT, 0644);
	must(fd);
	must(rump_sys_write(fd, data, FULL / 2));
	must(rump_sys_fsync(fd));
	must(rump_sys_close(fd));
	assert_host("g", 0, FULL / 2);
	unmount();
}

/* Once it is known that there is no space, writes are told so themselves. */
static void
a_full_file_fails_in_write(void **state)
{
	int fd, failed = 0;

	if (server.pid == -1)
		skip();
	mount_with("");
	fd = rump_sys_open("/data/f", RUMP_O_WRONLY | RUMP_O_CREAT, 0644);
	must(fd);
	(void)rump_sys_write(fd, data, 2 * FULL);
	(void)rump_sys_fsync(fd);
	for (int i = 0; i < 4 && failed == 0; i++)
		failed = rump_sys_pwrite(
			     fd, data, 1 << 20, (off_t)(2 * FULL + i)) < 0
			     ? errno
			     : 0;
	assert_int_equal(failed, RUMP_ENOSPC);
	(void)rump_sys_close(fd);
	unmount();
}

/* --- rights --------------------------------------------------------------- */

static void
put_file(const char *name, mode_t mode)
{
	FILE *f = fopen(host(name), "w");

	assert_non_null(f);
	fputs("contents", f);
	fclose(f);
	assert_int_equal(chmod(host(name), mode), 0);
}

static int
readonly_begin(void **state)
{
	server_start(&server, "access=RO");
	put_file("f", 0644);
	assert_int_equal(mkdir(host("d"), 0755), 0);
	return 0;
}

static void
a_readonly_export_is_erofs(void **state)
{
	char buf[8];
	int fd;

	mount_with("");
	must_fail(rump_sys_open("/data/f", RUMP_O_RDWR), RUMP_EROFS);
	must_fail(rump_sys_open("/data/n", RUMP_O_WRONLY | RUMP_O_CREAT, 0644),
	    RUMP_EROFS);
	must_fail(rump_sys_unlink("/data/f"), RUMP_EROFS);
	must_fail(rump_sys_rename("/data/f", "/data/g"), RUMP_EROFS);
	must_fail(rump_sys_mkdir("/data/n", 0755), RUMP_EROFS);
	must_fail(rump_sys_mkdir("/data/d", 0755), RUMP_EEXIST);
	must_fail(rump_sys_rmdir("/data/d"), RUMP_EROFS);
	must_fail(rump_sys_chmod("/data/f", 0600), RUMP_EROFS);
	must_fail(rump_sys_truncate("/data/f", 0), RUMP_EROFS);
	must_fail(rump_sys_access("/data/f", RUMP_W_OK), RUMP_EROFS);
	fd = rump_sys_open("/data/f", RUMP_O_RDONLY | RUMP_O_CREAT, 0644);
	must(fd);
	assert_int_equal(rump_sys_read(fd, buf, 8), 8);
	must(rump_sys_close(fd));
	unmount();
}

static int
squash_begin(void **state)
{
	server_start(&server, "squash=root_squash");
	put_file("secret", 0600);
	put_file("public", 0666);
	assert_int_equal(mkdir(host("open"), 0777), 0);
	assert_int_equal(chmod(host("open"), 0777), 0);
	return 0;
}

static void
a_squashed_root_is_nobody(void **state)
{
	struct stat st;
	int fd;

	mount_with("");
	must_fail(rump_sys_open("/data/secret", RUMP_O_RDWR), RUMP_EACCES);
	must_fail(rump_sys_open("/data/new", RUMP_O_RDWR | RUMP_O_CREAT, 0644),
	    RUMP_EACCES);
	must_fail(rump_sys_mkdir("/data/new", 0755), RUMP_EACCES);
	must_fail(rump_sys_mkdir("/data/open", 0755), RUMP_EEXIST);
	must_fail(rump_sys_unlink("/data/secret"), RUMP_EACCES);
	fd = rump_sys_open("/data/public", RUMP_O_RDWR | RUMP_O_CREAT, 0644);
	must(fd);
	must(rump_sys_write(fd, data, 1000));
	must(rump_sys_close(fd));
	assert_host("public", 0, 1000);
	/* It may write what it has made, whatever the mode says. */
	fd = rump_sys_open("/data/open/f", RUMP_O_WRONLY | RUMP_O_CREAT, 0400);
	must(fd);
	must(rump_sys_write(fd, data, 100000));
	must(rump_sys_close(fd));
	assert_host("open/f", 0, 100000);
	assert_int_equal(stat(host("open/f"), &st), 0);
	assert_int_not_equal(st.st_uid, 0);
	must_fail(rump_sys_chown("/data/open/f", 1234, 1234), RUMP_EPERM);
	unmount();
}

static int
begin(void **state)
{
	uint64_t seed = 1;

	data = malloc(SIZE + 65536);
	for (size_t i = 0; i < SIZE + 65536; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(seed >> 56);
	}
	if (rump_init() != 0)
		return -1;
	return rump_sys_mkdir("/data", 0755);
}

#define CASE(f, s) cmocka_unit_test_setup_teardown(f, s##_begin, any_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_server_that_crashes_loses_nothing, sound),
		CASE(names_survive_crashes, sound),
		cmocka_unit_test_setup_teardown(
		    a_full_server_says_so_and_keeps_what_fits, full_begin,
		    full_end),
		cmocka_unit_test_setup_teardown(
		    a_full_file_fails_in_write, full_begin, full_end),
		CASE(a_readonly_export_is_erofs, readonly),
		CASE(a_squashed_root_is_nobody, squash),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, NULL);
}
