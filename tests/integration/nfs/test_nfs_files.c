/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of a real export through the system calls of the kernel, compared with
 * the exported directory; servers that crash, and mounts that fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define BIG (24 * 1024 * 1024 + 12345)
#define MANY 1500

static struct nfs_server server;
static struct nfs_server strict; /* wants ports below 1024 */
static char text[1024];

static void
host_path(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", server.dir, name);
}

static void
host_write(const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *f;

	host_path(path, sizeof(path), name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Bytes that differ everywhere: the position tells the byte. */
static uint8_t
byte_at(uint64_t off)
{
	uint64_t x = (off / 8 + 1) * 0x9e3779b97f4a7c15u;

	return (uint8_t)(x >> 8 * (off % 8));
}

static void
fill(uint8_t *buf, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(off + i);
}

static void
mount_at(const char *dir, const char *more)
{
	int error =
	    rump_mount_url(dir, server_url(&server, more), text, sizeof(text));

	if (error != 0)
		fail_msg("%s", text);
}

static void
unmount(const char *dir)
{
	if (rump_sys_unmount(dir, 0) != 0)
		fail_msg("unmount %s: %d", dir, errno);
}

/* --- trees --------------------------------------------------------------- */

static void
compare_data(const char *host, const char *rump)
{
	static char a[100000], b[sizeof(a)];
	int fd = rump_sys_open(rump, RUMP_O_RDONLY);
	FILE *f = fopen(host, "r");
	size_t n;

	assert_non_null(f);
	assert_true(fd >= 0);
	do {
		size_t got = 0;
		ssize_t m;

		n = fread(a, 1, sizeof(a), f);
		while ((m = rump_sys_read(fd, b + got, sizeof(b) - got)) > 0)
			got += (size_t)m;
		assert_int_equal(m, 0);
		assert_int_equal(got, n);
		assert_memory_equal(a, b, n);
	} while (n == sizeof(a));
	fclose(f);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
compare_link(const char *host, const char *rump)
{
	char a[1024], b[1024];
	ssize_t n = readlink(host, a, sizeof(a));

	assert_int_equal(rump_sys_readlink(rump, b, sizeof(b)), n);
	assert_memory_equal(a, b, (size_t)n);
}

static void
compare_stat(const char *host, const char *rump, struct stat *st)
{
	struct rump_stat rst;

	assert_int_equal(lstat(host, st), 0);
	if (rump_sys_lstat(rump, &rst) != 0)
		fail_msg("lstat %s: %d", rump, errno);
	assert_int_equal(rst.st_mode, st->st_mode);
	assert_int_equal(rst.st_ino, st->st_ino);
	assert_int_equal(rst.st_nlink, st->st_nlink);
	assert_int_equal(rst.st_uid, st->st_uid);
	assert_int_equal(rst.st_size, st->st_size);
	assert_int_equal(rst.st_mtim.tv_sec, st->st_mtim.tv_sec);
	assert_int_equal(rst.st_mtim.tv_nsec, st->st_mtim.tv_nsec);
}

static size_t compare_tree(const char *host, const char *rump);

static void
compare_entry(const char *host, const char *rump)
{
	struct stat st;

	compare_stat(host, rump, &st);
	if (S_ISDIR(st.st_mode))
		(void)compare_tree(host, rump);
	else if (S_ISLNK(st.st_mode))
		compare_link(host, rump);
	else if (S_ISREG(st.st_mode))
		compare_data(host, rump);
}

static size_t
count_host(const char *host)
{
	DIR *d = opendir(host);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Each entry of the listing is on the host, and there are as many. */
static size_t
compare_tree(const char *host, const char *rump)
{
	char buf[4096], a[600], b[600];
	int fd = rump_sys_open(rump, RUMP_O_RDONLY | RUMP_O_DIRECTORY);
	size_t entries = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t off = 0; off < n;) {
			struct rump_dirent *d = (void *)(buf + off);

			off += d->d_reclen;
			entries++;
			if (strcmp(d->d_name, ".") == 0 ||
			    strcmp(d->d_name, "..") == 0)
				continue;
			snprintf(a, sizeof(a), "%s/%s", host, d->d_name);
			snprintf(b, sizeof(b), "%s/%s", rump, d->d_name);
			compare_entry(a, b);
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(entries, count_host(host));
	return entries;
}

static void
the_tree_is_what_the_host_has(void **state)
{
	static const char *const options[] = { "", "&nordirplus", "&noac",
		"&rsize=8192", "&readahead=0", "&readdirsize=4096" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		mount_at("/data", options[i]);
		(void)compare_tree(server.dir, "/data");
		(void)compare_tree(server.dir, "/data");
		unmount("/data");
	}
}

/* --- reading ------------------------------------------------------------- */

static void
assert_pread(int fd, off_t off, size_t len)
{
	static _Thread_local uint8_t buf[300000], want[300000];
	size_t expect = off >= BIG ? 0 : (size_t)(BIG - off);

	if (expect > len)
		expect = len;
	assert_int_equal(rump_sys_pread(fd, buf, len, off), expect);
	fill(want, (uint64_t)off, expect);
	assert_memory_equal(buf, want, expect);
}

static void
any_offset_and_length_reads_right(void **state)
{
	static const off_t offsets[] = { 0, 1, 4095, 4096, 65535, 65536,
		1048575, 1048577, 5000000, BIG - 70000, BIG - 1, BIG, BIG + 1 };
	static const size_t lengths[] = { 1, 4096, 65537, 262144, 300000 };
	int fd;

	mount_at("/data", "");
	fd = rump_sys_open("/data/big", RUMP_O_RDONLY);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]);
		     j++)
			assert_pread(fd, offsets[i], lengths[j]);
	}
	assert_int_equal(rump_sys_close(fd), 0);
	unmount("/data");
}

static void *
read_pieces(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	int fd = rump_sys_open("/data/big", RUMP_O_RDONLY);

	assert_true(fd >= 0);
	for (int i = 0; i < 60; i++) {
		off_t off = rand_r(&seed) % BIG;

		assert_pread(fd, off, 1 + (size_t)rand_r(&seed) % 200000);
	}
	assert_int_equal(rump_sys_close(fd), 0);
	return NULL;
}

static void
threads_read_one_file_at_once(void **state)
{
	pthread_t t[12];

	mount_at("/data", "");
	for (uintptr_t i = 0; i < 12; i++)
		pthread_create(&t[i], NULL, read_pieces, (void *)(i + 1));
	for (size_t i = 0; i < 12; i++)
		pthread_join(t[i], NULL);
	unmount("/data");
}

static void
a_closed_file_leaves_no_readahead_behind(void **state)
{
	char buf[4096];

	for (int i = 0; i < 10; i++) {
		int fd;

		mount_at("/data", "");
		fd = rump_sys_open("/data/big", RUMP_O_RDONLY);
		assert_int_equal(
		    rump_sys_read(fd, buf, sizeof(buf)), sizeof(buf));
		assert_int_equal(rump_sys_close(fd), 0);
		unmount("/data");
	}
}

static void
modifying_fails_with_erofs(void **state)
{
	mount_at("/data", "&ro");
	assert_int_equal(rump_sys_open("/data/big", RUMP_O_RDWR), -1);
	assert_int_equal(errno, RUMP_EROFS);
	assert_int_equal(
	    rump_sys_open("/data/new", RUMP_O_WRONLY | RUMP_O_CREAT, 0644), -1);
	assert_int_equal(errno, RUMP_EROFS);
	assert_int_equal(rump_sys_unlink("/data/big"), -1);
	assert_int_equal(errno, RUMP_EROFS);
	assert_int_equal(rump_sys_mkdir("/data/d", 0755), -1);
	assert_int_equal(errno, RUMP_EROFS);
	unmount("/data");
}

static void
another_identity_is_denied_what_is_not_its(void **state)
{
	mount_at("/data", "&uid=65534&gid=65534");
	assert_int_equal(rump_sys_open("/data/secret", RUMP_O_RDONLY), -1);
	assert_int_equal(errno, RUMP_EACCES);
	unmount("/data");
	mount_at("/data", "");
	compare_data("/dev/null", "/data/dir/empty");
	unmount("/data");
}

/* --- coherence ----------------------------------------------------------- */

static void
assert_content(const char *rump, const char *want)
{
	char buf[64];
	int fd = rump_sys_open(rump, RUMP_O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = rump_sys_read(fd, buf, sizeof(buf));
	assert_int_equal(n, strlen(want));
	assert_memory_equal(buf, want, strlen(want));
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
an_open_sees_what_was_closed_elsewhere(void **state)
{
	mount_at("/data", "");
	host_write("changing", "one", 3);
	assert_content("/data/changing", "one");
	host_write("changing", "two and more", 12);
	assert_content("/data/changing", "two and more");
	host_write("changing", "3", 1);
	assert_content("/data/changing", "3");
	unmount("/data");
}

static void
an_open_finds_the_file_that_took_the_name(void **state)
{
	char a[512], b[512];

	mount_at("/data", "");
	host_write("name", "old", 3);
	assert_content("/data/name", "old");
	host_write("name.new", "new file", 8);
	host_path(a, sizeof(a), "name.new");
	host_path(b, sizeof(b), "name");
	assert_int_equal(rename(a, b), 0);
	assert_content("/data/name", "new file");
	unlink(b);
	unmount("/data");
}

/* --- crashes ------------------------------------------------------------- */

struct reading {
	size_t got;
	int error;
	bool right;
};

static void *
read_all(void *arg)
{
	struct reading *r = arg;
	static uint8_t buf[100000], want[sizeof(buf)];
	int fd = rump_sys_open("/data/big", RUMP_O_RDONLY);
	ssize_t n;

	r->right = true;
	while ((n = rump_sys_read(fd, buf, sizeof(buf))) > 0) {
		fill(want, r->got, (size_t)n);
		r->right &= memcmp(buf, want, (size_t)n) == 0;
		__atomic_add_fetch(&r->got, (size_t)n, __ATOMIC_RELAXED);
	}
	r->error = n < 0 ? errno : 0;
	rump_sys_close(fd);
	return NULL;
}

static void
a_hard_mount_survives_a_crash_of_the_server(void **state)
{
	struct reading r = { 0 };
	pthread_t t;

	mount_at("/data", "&rsize=65536&readahead=65536");
	pthread_create(&t, NULL, read_all, &r);
	while (__atomic_load_n(&r.got, __ATOMIC_RELAXED) < BIG / 8)
		sched_yield();
	server_kill(&server);
	server_restart(&server);
	pthread_join(t, NULL);
	assert_int_equal(r.error, 0);
	assert_true(r.right);
	assert_int_equal(r.got, BIG);
	unmount("/data");
}

static void
a_soft_mount_reports_a_crash_as_etimedout(void **state)
{
	char buf[10];
	int fd;

	mount_at("/data", "&soft&timeo=2&retrans=2");
	fd = rump_sys_open("/data/dir/empty", RUMP_O_RDONLY);
	assert_true(fd >= 0);
	server_kill(&server);
	assert_int_equal(rump_sys_open("/data/hello", RUMP_O_RDONLY), -1);
	assert_int_equal(errno, RUMP_ETIMEDOUT);
	server_restart(&server);
	assert_int_equal(rump_sys_close(fd), 0);
	fd = rump_sys_open("/data/hello", RUMP_O_RDONLY);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 6);
	assert_int_equal(rump_sys_close(fd), 0);
	unmount("/data");
}

static void
a_signal_ends_the_wait_for_a_crashed_server(void **state)
{
	mount_at("/data", "&noac");
	server_kill(&server);
	rump_interrupt();
	assert_int_equal(rump_sys_open("/data/hello", RUMP_O_RDONLY), -1);
	rump_interrupt_clear();
	server_restart(&server);
	compare_data("/dev/null", "/data/dir/empty");
	unmount("/data");
}

/* --- mounts that fail ---------------------------------------------------- */

static void
assert_refused(const char *url, int error, const char *const *says)
{
	struct timespec t0, t1;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(
	    rump_mount_url("/other", url, text, sizeof(text)), error);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_true(t1.tv_sec - t0.tv_sec <= 60);
	assert_null(strchr(text, '\n'));
	for (; *says != NULL; says++) {
		if (strstr(text, *says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", text, *says);
	}
}

#define SAYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
a_failed_mount_says_what_would_help(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int dead = socket(AF_INET, SOCK_STREAM, 0);
	char url[256];
	unsigned port;

	assert_int_equal(bind(dead, (struct sockaddr *)&sin, sizeof(sin)), 0);
	getsockname(dead, (struct sockaddr *)&sin, &len);
	port = ntohs(sin.sin_port);

	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/export?nfsport=%u&mountport=%u", server.nfsport,
	    port);
	assert_refused(url, RUMP_ECONNREFUSED,
	    SAYS("MOUNT", "127.0.0.1", "refused", "mountport="));
	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/export?nfsport=%u&mountport=%u", port,
	    server.mntport);
	assert_refused(
	    url, RUMP_ECONNREFUSED, SAYS("NFS service", "refused", "nfsport="));
	snprintf(url, sizeof(url), "nfs://127.0.0.1/export?pmapport=%u", port);
	assert_refused(url, RUMP_ECONNREFUSED,
	    SAYS("port mapper", "nfsport=", "mountport="));
	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/nowhere?nfsport=%u&mountport=%u", server.nfsport,
	    server.mntport);
	/* Ganesha does not tell strangers which exports there are. */
	assert_refused(
	    url, RUMP_EACCES, SAYS("MNT3ERR_ACCES", "no export /nowhere"));
	/* Two ports swapped. */
	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/export?nfsport=%u&mountport=%u", server.mntport,
	    server.nfsport);
	assert_refused(url, RUMP_EPROGUNAVAIL, SAYS("MOUNT", "mountport="));
	/* Somebody who takes calls and says nothing. */
	assert_int_equal(listen(dead, 1), 0);
	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/export?nfsport=%u&mountport=%u", server.nfsport,
	    port);
	assert_refused(url, RUMP_ETIMEDOUT, SAYS("MOUNT", "no answer"));
	assert_refused("nfs://127.0.0.1/export?bogus", RUMP_EINVAL,
	    SAYS("bogus", "nfsport"));
	close(dead);
}

static void
a_server_that_wants_privileged_ports_is_explained(void **state)
{
	server_start(&strict, "privileged=true");
	assert_refused(server_url(&strict, "&noresvport"), RUMP_EAUTH,
	    SAYS("\"insecure\"", "CAP_NET_BIND_SERVICE", "PrivilegedPort"));
	/* Root may use one. */
	assert_int_equal(rump_mount_url("/other", server_url(&strict, ""), text,
			     sizeof(text)),
	    0);
	unmount("/other");
}

/* --- fixture ------------------------------------------------------------- */

static void
make_tree(void)
{
	uint8_t *big = malloc(BIG);
	char name[600], path[700];

	fill(big, 0, BIG);
	host_write("big", big, BIG);
	free(big);
	host_write("hello", "hello\n", 6);
	host_write("secret", "x", 1);
	host_path(path, sizeof(path), "secret");
	chmod(path, 0600);
	host_path(path, sizeof(path), "dir");
	mkdir(path, 0755);
	host_path(path, sizeof(path), "dir/deep");
	mkdir(path, 0700);
	host_write("dir/empty", "", 0);
	host_write("dir/deep/with space \xc3\xa4 \x01", "odd", 3);
	host_path(path, sizeof(path), "dir/link");
	assert_int_equal(symlink("../big", path), 0);
	host_path(path, sizeof(path), "dir/dangling");
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	host_path(path, sizeof(path), "dir/fifo");
	assert_int_equal(mkfifo(path, 0644), 0);
	host_path(path, sizeof(path), "many");
	mkdir(path, 0755);
	for (int i = 0; i < MANY; i++) {
		snprintf(
		    name, sizeof(name), "many/file-%d-%0*d", i, i % 200, i);
		host_write(name, name, (size_t)(i % 50));
	}
	host_path(path, sizeof(path), "sparse");
	host_write("sparse", "x", 1);
	assert_int_equal(truncate(path, 3 << 20), 0);
}

static int
begin(void **state)
{
	server_start(&server, "");
	make_tree();
	return rump_init();
}

static int
end(void **state)
{
	server_stop(&server);
	if (strict.top[0] != '\0')
		server_stop(&strict);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_is_what_the_host_has),
		cmocka_unit_test(any_offset_and_length_reads_right),
		cmocka_unit_test(threads_read_one_file_at_once),
		cmocka_unit_test(a_closed_file_leaves_no_readahead_behind),
		cmocka_unit_test(modifying_fails_with_erofs),
		cmocka_unit_test(another_identity_is_denied_what_is_not_its),
		cmocka_unit_test(an_open_sees_what_was_closed_elsewhere),
		cmocka_unit_test(an_open_finds_the_file_that_took_the_name),
		cmocka_unit_test(a_hard_mount_survives_a_crash_of_the_server),
		cmocka_unit_test(a_soft_mount_reports_a_crash_as_etimedout),
		cmocka_unit_test(a_signal_ends_the_wait_for_a_crashed_server),
		cmocka_unit_test(a_failed_mount_says_what_would_help),
		cmocka_unit_test(
		    a_server_that_wants_privileged_ports_is_explained),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
