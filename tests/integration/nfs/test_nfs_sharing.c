/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two processes, each with a kernel of its own, at one export: what one has
 * closed the other finds when it opens, and only one of them makes a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define TURNS 40
#define PIECE 700
#define NAMES 200

static struct nfs_server server;
static int peer; /* socket to the other process */

/* Fails in either process. */
static void
must_at(bool ok, int line)
{
	if (ok)
		return;
	fprintf(stderr, "line %d: errno %d\n", line, errno);
	abort();
}
#define must(ok) must_at(ok, __LINE__)

static void
pass_turn(void)
{
	must(write(peer, "x", 1) == 1);
}

static void
await_turn(void)
{
	char c;

	must(read(peer, &c, 1) == 1);
}

static void
join(void)
{
	char text[1024];

	must(rump_init() == 0);
	must(rump_sys_mkdir("/data", 0755) == 0);
	if (rump_mount_url(
		"/data", server_url(&server, ""), text, sizeof(text)) != 0) {
		fprintf(stderr, "%s\n", text);
		abort();
	}
}

/* A file of n pieces, each full of its number. */
static void
check_pieces(const char *path, unsigned n)
{
	uint8_t buf[PIECE], want[PIECE];
	int fd = rump_sys_open(path, RUMP_O_RDONLY);

	must(fd >= 0);
	for (unsigned i = 0; i < n; i++) {
		memset(want, (int)(i + 1), PIECE);
		must(rump_sys_read(fd, buf, PIECE) == PIECE);
		must(memcmp(buf, want, PIECE) == 0);
	}
	must(rump_sys_read(fd, buf, PIECE) == 0);
	must(rump_sys_close(fd) == 0);
}

static void
append_piece(const char *path, unsigned n)
{
	uint8_t buf[PIECE];
	int fd = rump_sys_open(
	    path, RUMP_O_WRONLY | RUMP_O_CREAT | RUMP_O_APPEND, 0644);

	must(fd >= 0);
	memset(buf, (int)(n + 1), PIECE);
	must(rump_sys_write(fd, buf, 300) == 300);
	must(rump_sys_write(fd, buf, PIECE - 300) == PIECE - 300);
	must(rump_sys_close(fd) == 0);
}

/* In turns, from turn first on. */
static void
append_in_turns(unsigned first)
{
	for (unsigned i = first; i < TURNS; i += 2) {
		if (i != 0) {
			await_turn();
			check_pieces("/data/log", i);
		}
		append_piece("/data/log", i);
		pass_turn();
	}
}

static void
store_word(const char *path, const char *word)
{
	int fd = rump_sys_open(
	    path, RUMP_O_WRONLY | RUMP_O_CREAT | RUMP_O_TRUNC, 0644);

	must(fd >= 0);
	must(rump_sys_write(fd, word, strlen(word)) == (ssize_t)strlen(word));
	must(rump_sys_close(fd) == 0);
}

static void
check_word(const char *path, const char *word)
{
	char buf[64] = "";
	int fd = rump_sys_open(path, RUMP_O_RDONLY);

	must(fd >= 0);
	must(rump_sys_read(fd, buf, sizeof(buf) - 1) >= 0);
	must(strcmp(buf, word) == 0);
	must(rump_sys_close(fd) == 0);
}

/* One process stores a new file under the name, the other reads it. */
static void
replace_in_turns(bool first)
{
	char word[16];

	for (unsigned i = 0; i < TURNS; i++) {
		snprintf(word, sizeof(word), "turn %u", i);
		if ((i % 2 == 0) == first) {
			store_word("/data/new", word);
			must(rump_sys_rename("/data/new", "/data/word") == 0);
			pass_turn();
		} else {
			await_turn();
			check_word("/data/word", word);
		}
	}
}

/* Both want to make each name; how many this one has made. */
static uint32_t
race(void)
{
	uint32_t made = 0;
	char path[32];
	int fd;

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "/data/lock%u", i);
		fd = rump_sys_open(
		    path, RUMP_O_WRONLY | RUMP_O_CREAT | RUMP_O_EXCL, 0644);
		must(fd >= 0 || errno == RUMP_EEXIST);
		if (fd < 0)
			continue;
		made++;
		must(rump_sys_close(fd) == 0);
	}
	return made;
}

static void
partner(void)
{
	uint32_t made;

	join();
	append_in_turns(1);
	replace_in_turns(false);
	await_turn();
	made = race();
	must(write(peer, &made, sizeof(made)) == sizeof(made));
	must(rump_sys_unmount("/data", 0) == 0);
}

static void
closed_files_are_found_by_who_opens_them(void **state)
{
	append_in_turns(0);
	await_turn();
	check_pieces("/data/log", TURNS);
}

static void
replaced_files_are_found_by_who_opens_them(void **state)
{
	replace_in_turns(true);
}

static void
only_one_makes_an_exclusive_file(void **state)
{
	uint32_t mine, theirs;

	pass_turn();
	mine = race();
	assert_int_equal(
	    recv(peer, &theirs, sizeof(theirs), MSG_WAITALL), sizeof(theirs));
	assert_int_equal(mine + theirs, NAMES);
}

static pid_t child;

static int
begin(void **state)
{
	int sv[2];

	server_start(&server, "");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(sv[0]);
		peer = sv[1];
		partner();
		_exit(0);
	}
	close(sv[1]);
	peer = sv[0];
	join();
	return child < 0 ? -1 : 0;
}

static int
end(void **state)
{
	int status = -1;

	close(peer);
	if (waitpid(child, &status, 0) != child)
		status = -1;
	(void)rump_sys_unmount("/data", 0);
	server_stop(&server);
	return status;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_files_are_found_by_who_opens_them),
		cmocka_unit_test(replaced_files_are_found_by_who_opens_them),
		cmocka_unit_test(only_one_makes_an_exclusive_file),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
