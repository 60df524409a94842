/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data written to files of a real export through the system calls of the kernel,
 * compared with the exported directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
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

#define SIZE (5 * 1024 * 1024 + 4321)
#define STEPS 400

static struct nfs_server server;
static char text[1024];
static uint8_t data[SIZE + 65536], model[SIZE + 65536];

static const char *
host(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", server.dir, name);
	return path;
}

static void
must(ssize_t result)
{
	if (result < 0)
		fail_msg("errno %d", errno);
}

static void
must_fail(ssize_t result, int error)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, error);
}

static int
open_file(const char *path, int flags)
{
	int fd = rump_sys_open(path, flags | RUMP_O_CREAT, 0644);

	must(fd);
	return fd;
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

static void
fill(uint64_t seed)
{
	for (size_t i = 0; i < sizeof(data); i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t)(seed >> 56);
	}
}

/* The server's file is len bytes of want. */
static void
assert_host(const char *name, const uint8_t *want, size_t len)
{
	static uint8_t got[SIZE + 65536];
	FILE *f = fopen(host(name), "r");

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got), f), len);
	fclose(f);
	assert_memory_equal(got, want, len);
}

static void
write_all(int fd, size_t off, size_t len)
{
	while (len > 0) {
		ssize_t n = rump_sys_write(fd, data + off, len);

		must(n);
		off += (size_t)n;
		len -= (size_t)n;
	}
}

static void
closing_leaves_everything_on_the_server(void **state)
{
	static const size_t pieces[] = { SIZE, 100000, 4096, 777 };

	for (size_t i = 0; i < 4; i++) {
		int fd = open_file("/data/f", RUMP_O_WRONLY | RUMP_O_TRUNC);

		fill(i);
		for (size_t off = 0; off < SIZE; off += pieces[i])
			write_all(fd, off,
			    SIZE - off < pieces[i] ? SIZE - off : pieces[i]);
		must(rump_sys_close(fd));
		assert_host("f", data, SIZE);
	}
}

static void
syncing_leaves_everything_on_the_server(void **state)
{
	int fd = open_file("/data/f", RUMP_O_RDWR);

	fill(9);
	write_all(fd, 0, 10000);
	must(rump_sys_fsync(fd));
	assert_host("f", data, 10000);
	write_all(fd, 10000, SIZE - 10000);
	must(rump_sys_fdatasync(fd));
	assert_host("f", data, SIZE);
	must(rump_sys_close(fd));
}

static void
synchronous_files_are_written_at_once(void **state)
{
	int fd = open_file("/data/f", RUMP_O_WRONLY | RUMP_O_SYNC);

	fill(10);
	write_all(fd, 0, 100);
	assert_host("f", data, 100);
	write_all(fd, 100, 70000);
	assert_host("f", data, 70100);
	must(rump_sys_close(fd));
}

/* What is written can be read back, and what was there before stays. */
static void
random_changes_are_those_of_a_byte_array(void **state)
{
	static uint8_t got[SIZE + 65536];
	unsigned seed = 4711;
	size_t size = 0;
	int fd = open_file("/data/f", RUMP_O_RDWR);

	fill(11);
	memset(model, 0, sizeof(model));
	for (int i = 0; i < STEPS; i++) {
		size_t off = (size_t)rand_r(&seed) % SIZE;
		size_t len = (size_t)rand_r(&seed) %
			     (rand_r(&seed) % 8 == 0 ? 65536 : 3000);
		int what = rand_r(&seed) % 16;

		if (what < 8) {
			must(rump_sys_pwrite(
			    fd, data + off / 2, len, (off_t)off));
			memcpy(model + off, data + off / 2, len);
			if (len > 0 && off + len > size)
				size = off + len;
		} else if (what == 8) {
			must(rump_sys_ftruncate(fd, (off_t)off));
			if (off < size)
				memset(model + off, 0, size - off);
			size = off;
		} else if (what == 9) {
			must(rump_sys_fsync(fd));
			assert_host("f", model, size);
		} else if (what == 10) {
			must(rump_sys_close(fd));
			assert_host("f", model, size);
			fd = open_file("/data/f", RUMP_O_RDWR);
		} else {
			ssize_t n = rump_sys_pread(fd, got, len, (off_t)off);
			size_t want = off >= size ? 0 : size - off;

			assert_int_equal(n, len < want ? len : want);
			assert_memory_equal(got, model + off, (size_t)n);
		}
	}
	must(rump_sys_close(fd));
	assert_host("f", model, size);
}

static void
stat_shows_what_is_not_saved_yet(void **state)
{
	int fd = open_file("/data/f", RUMP_O_WRONLY);
	struct rump_timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct rump_stat st;
	struct stat hst;

	must(rump_sys_futimens(fd, old));
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	write_all(fd, 0, 12345);
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 12345);
	assert_true(st.st_mtim.tv_sec > 1000);
	must(rump_sys_stat("/data/f", &st));
	assert_int_equal(st.st_size, 12345);
	/* A time that is set stays, whatever was written before. */
	must(rump_sys_futimens(fd, old));
	must(rump_sys_close(fd));
	must(rump_sys_stat("/data/f", &st));
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(stat(host("f"), &hst), 0);
	assert_int_equal(hst.st_mtim.tv_sec, 1000);
	assert_int_equal(hst.st_size, 12345);
}

static void
setuid_is_gone_as_soon_as_somebody_writes(void **state)
{
	struct rump_stat st;
	int fd;

	must(chmod(server.dir, 0777));
	assert_int_equal(rump_sys_mkdir("/nobody", 0755), 0);
	mount_at("/nobody", "&uid=65534&gid=65534");
	fd = open_file("/nobody/f", RUMP_O_RDWR);
	must(rump_sys_fchmod(fd, 04755));
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_mode & 07777, 04755);
	must(rump_sys_write(fd, data, 100));
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_size, 100);
	must(rump_sys_close(fd));
	must(rump_sys_unmount("/nobody", 0));
	must(rump_sys_rmdir("/nobody"));
}

static void
setuid_set_after_writing_stays(void **state)
{
	int fd = open_file("/data/f", RUMP_O_WRONLY);
	struct stat hst;

	write_all(fd, 0, 12345);
	must(rump_sys_fchmod(fd, 04755));
	must(rump_sys_close(fd));
	assert_int_equal(stat(host("f"), &hst), 0);
	assert_int_equal(hst.st_mode & 07777, 04755);
}

static void
appending_goes_behind_what_others_have_written(void **state)
{
	int fd, other;

	fill(12);
	mount_at("/other", "");
	for (int i = 0; i < 10; i++) {
		fd = open_file("/data/f", RUMP_O_WRONLY | RUMP_O_APPEND);
		write_all(fd, (size_t)i * 2000, 1000);
		must(rump_sys_close(fd));
		other = open_file("/other/f", RUMP_O_WRONLY | RUMP_O_APPEND);
		write_all(other, (size_t)i * 2000 + 1000, 1000);
		must(rump_sys_close(other));
	}
	assert_host("f", data, 20000);
	must(rump_sys_unmount("/other", 0));
}

static void
what_one_client_closes_another_sees_at_its_open(void **state)
{
	uint8_t buf[1000];
	int ours, theirs;

	mount_at("/other", "");
	ours = open_file("/data/f", RUMP_O_RDWR);
	for (int i = 0; i < 10; i++) {
		fill((uint64_t)i);
		theirs = open_file("/other/f", RUMP_O_WRONLY);
		write_all(theirs, 0, sizeof(buf));
		must(rump_sys_close(theirs));
		must(rump_sys_close(open_file("/data/f", RUMP_O_RDONLY)));
		assert_int_equal(
		    rump_sys_pread(ours, buf, sizeof(buf), 0), sizeof(buf));
		assert_memory_equal(buf, data, sizeof(buf));
		/* And back. */
		must(rump_sys_pwrite(ours, data + 5000, 500, 0));
		must(rump_sys_fsync(ours));
		theirs = open_file("/other/f", RUMP_O_RDONLY);
		assert_int_equal(
		    rump_sys_read(theirs, buf, sizeof(buf)), sizeof(buf));
		assert_memory_equal(buf, data + 5000, 500);
		assert_memory_equal(buf + 500, data + 500, 500);
		must(rump_sys_close(theirs));
	}
	must(rump_sys_close(ours));
	must(rump_sys_unmount("/other", 0));
}

/* Two clients write different parts, and neither undoes the other's. */
static void
clients_write_different_bytes_of_a_page(void **state)
{
	int ours = open_file("/data/f", RUMP_O_RDWR), theirs;

	fill(13);
	mount_at("/other", "");
	theirs = open_file("/other/f", RUMP_O_RDWR);
	memset(model, 0, 4096);
	must(rump_sys_pwrite(ours, data, 1000, 0));
	must(rump_sys_pwrite(theirs, data + 1000, 1000, 1000));
	must(rump_sys_close(ours));
	must(rump_sys_close(theirs));
	assert_host("f", data, 2000);
	must(rump_sys_unmount("/other", 0));
}

static void
a_removed_open_file_keeps_its_data(void **state)
{
	static uint8_t got[100000];
	int fd = open_file("/data/f", RUMP_O_RDWR);
	struct rump_stat st;

	fill(14);
	write_all(fd, 0, 50000);
	must(rump_sys_unlink("/data/f"));
	write_all(fd, 50000, 50000);
	must(rump_sys_fsync(fd));
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 100000);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(rump_sys_pread(fd, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, data, sizeof(got));
	must(rump_sys_close(fd));
}

static void
a_file_removed_at_the_server_is_stale(void **state)
{
	int fd = open_file("/data/f", RUMP_O_RDWR);

	write_all(fd, 0, 1000);
	assert_int_equal(unlink(host("f")), 0);
	/* The server has no handle for it any more, or has it open still. */
	if (rump_sys_fsync(fd) != 0)
		assert_int_equal(errno, RUMP_ESTALE);
	(void)rump_sys_close(fd);
	fd = open_file("/data/f", RUMP_O_RDWR);
	write_all(fd, 0, 1000);
	must(rump_sys_close(fd));
	assert_host("f", data, 1000);
}

static void
a_file_that_nobody_may_write_is_written_by_its_maker(void **state)
{
	int fd = rump_sys_open(
	    "/data/f", RUMP_O_WRONLY | RUMP_O_CREAT | RUMP_O_EXCL, 0444);

	must(fd);
	fill(15);
	write_all(fd, 0, 100000);
	must(rump_sys_close(fd));
	assert_host("f", data, 100000);
}

#define WRITERS 4

static void *
write_file(void *arg)
{
	size_t who = *(size_t *)arg;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/data/f%zu", who);
	fd = open_file(path, RUMP_O_WRONLY);
	for (size_t off = 0; off < SIZE; off += 9999)
		write_all(fd, off, SIZE - off < 9999 ? SIZE - off : 9999);
	must(rump_sys_close(fd));
	return NULL;
}

static void
threads_write_files_at_the_same_time(void **state)
{
	pthread_t t[WRITERS];
	size_t who[WRITERS];
	char name[16];

	fill(16);
	for (size_t i = 0; i < WRITERS; i++) {
		who[i] = i;
		assert_int_equal(
		    pthread_create(&t[i], NULL, write_file, &who[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(t[i], NULL);
		snprintf(name, sizeof(name), "f%zu", i);
		assert_host(name, data, SIZE);
	}
}

static void
an_offset_beyond_the_servers_limit_is_refused(void **state)
{
	int fd = open_file("/data/f", RUMP_O_WRONLY);

	must_fail(rump_sys_pwrite(fd, data, 10, INT64_MAX - 5), RUMP_EFBIG);
	must(rump_sys_close(fd));
}

static int
begin(void **state)
{
	server_start(&server, "");
	if (rump_init() != 0)
		return -1;
	if (rump_sys_mkdir("/other", 0755) != 0)
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
		CASE(closing_leaves_everything_on_the_server),
		CASE(syncing_leaves_everything_on_the_server),
		CASE(synchronous_files_are_written_at_once),
		CASE(random_changes_are_those_of_a_byte_array),
		CASE(stat_shows_what_is_not_saved_yet),
		CASE(setuid_set_after_writing_stays),
		CASE(setuid_is_gone_as_soon_as_somebody_writes),
		CASE(appending_goes_behind_what_others_have_written),
		CASE(what_one_client_closes_another_sees_at_its_open),
		CASE(clients_write_different_bytes_of_a_page),
		CASE(a_removed_open_file_keeps_its_data),
		CASE(a_file_removed_at_the_server_is_stale),
		CASE(a_file_that_nobody_may_write_is_written_by_its_maker),
		CASE(threads_write_files_at_the_same_time),
		CASE(an_offset_beyond_the_servers_limit_is_refused),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
