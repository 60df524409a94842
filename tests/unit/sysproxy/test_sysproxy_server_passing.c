/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that clients send to the server: tokens, and sockets of the host. */
#include "servertest.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

/* Have the server look at fd; what to call it. */
static ino_t
pass(struct fastclient *fc, int fd)
{
	struct fast_message m = { .fm_type = FAST_TOKEN };
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	m.fm_addr = st.st_ino;
	assert_true(fastclient_send(fc, &m, NULL, fd));
	return st.st_ino;
}

/* --- tokens --------------------------------------------------------------- */

static void
an_open_file_travels_as_a_token(void **state)
{
	int fd = open_file(&client, "/t", RUMP_O_CREAT | RUMP_O_RDWR);
	struct fastclient other;
	int64_t retval[2];
	ino_t name;
	char c = 0;
	int token, pair[2];

	open_client(&other, false);
	assert_int_equal(
	    call(RUMP_SYS_write, A(fd, (intptr_t) "z", 1), NULL, NULL), 0);
	assert_int_equal(call(FASTCALL_EXPORT, A(fd), NULL, NULL), 0);
	token = receive_fd(&client);
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
	assert_int_equal(call(FASTCALL_EXPORT, A(fd), NULL, NULL), RUMP_EBADF);
	name = pass(&other, token);
	close(token);
	assert_int_equal(
	    fastclient_call(&other, 0, FASTCALL_IMPORT, A(name), NULL, retval),
	    0);
	assert_int_equal(fastclient_call(&other, 0, RUMP_SYS_pread,
			     A(retval[0], (intptr_t)&c, 1, 0, 0), NULL, NULL),
	    0);
	assert_int_equal(c, 'z');
	/* Some other socket is none. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	name = pass(&other, pair[0]);
	assert_int_equal(
	    fastclient_call(&other, 0, FASTCALL_IMPORT, A(name), NULL, NULL),
	    RUMP_EBADF);
	close(pair[0]);
	close(pair[1]);
	fastclient_close(&other);
}

/* --- sockets of the host --------------------------------------------------- */

static int64_t
hand_over(int family, int type, ino_t name, int64_t *retval)
{
	return call(
	    FASTCALL_HOSTSOCKET, A(family, type, 0, name), NULL, retval);
}

static void
a_socket_that_a_client_has_made_is_taken_over(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int64_t retval[2];
	char c = 0;
	ino_t name;

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	name = pass(&client, fd);
	close(fd);
	assert_int_equal(
	    hand_over(RUMP_AF_INET, RUMP_SOCK_DGRAM, name, retval), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(
	    sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, len), 1);
	assert_int_equal(
	    call(RUMP_SYS_read, A(retval[0], (intptr_t)&c, 1), NULL, NULL), 0);
	assert_int_equal(c, 'x');
	close(fd);
	/* The server has it once. */
	assert_int_equal(call(RUMP_SYS_close, A(retval[0]), NULL, NULL), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	close(fd);
}

static void
what_is_no_such_socket_is_refused(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2];

	assert_int_equal(
	    hand_over(RUMP_AF_INET, RUMP_SOCK_STREAM, pass(&client, fd), NULL),
	    RUMP_EPROTOTYPE);
	assert_int_equal(
	    hand_over(77, RUMP_SOCK_DGRAM, pass(&client, fd), NULL),
	    RUMP_EAFNOSUPPORT);
	close(fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(hand_over(RUMP_AF_INET, RUMP_SOCK_DGRAM,
			     pass(&client, pair[0]), NULL),
	    RUMP_EPROTOTYPE);
	close(pair[0]);
	close(pair[1]);
}

/* As when the server has no number left. */
static void
a_socket_that_is_lost_on_its_way_is_missed(void **state)
{
	struct fast_message m = { .fm_type = FAST_TOKEN, .fm_addr = 4711 };

	assert_true(fastclient_send(&client, &m, NULL, -1));
	assert_int_equal(
	    hand_over(RUMP_AF_INET, RUMP_SOCK_DGRAM, 4711, NULL), RUMP_ENFILE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_open_file_travels_as_a_token),
		TEST(a_socket_that_a_client_has_made_is_taken_over),
		TEST(what_is_no_such_socket_is_refused),
		TEST(a_socket_that_is_lost_on_its_way_is_missed),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
