/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving descriptors, of which there is room for few. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sysproxy/server.h"
#include "sysproxy/server_lane.h"

#define LIMIT 64
#define SENT 8

static unsigned closed;

void
lane_close(struct lane *ln, int fd)
{
	closed++;
	close(fd);
}

static ssize_t
receive(int fd, int *right)
{
	char bytes[16];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct sender s;

	*right = -1;
	closed = 0;
	return message_receive_all(fd, &iov, 1, right, &s, NULL);
}

/* One byte with SENT times fd. */
static void
send_many(int connection, int fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(SENT * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { "a", 1 };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.hdr.cmsg_len = CMSG_LEN(SENT * sizeof(int));
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	for (size_t i = 0; i < SENT; i++)
		memcpy(
		    CMSG_DATA(&control.hdr) + i * sizeof(fd), &fd, sizeof(fd));
	assert_int_equal(sendmsg(connection, &mh, 0), 1);
}

/* Take all descriptors but so many; the highest that is taken. */
static int
leave_room(int n)
{
	int fd, last = -1;

	while ((fd = dup(0)) >= 0)
		last = fd;
	assert_int_equal(errno, EMFILE);
	for (int i = 0; i < n; i++)
		close(last--);
	return last;
}

static void
assert_open(int fd, bool is)
{
	char c;

	if (is) {
		assert_int_equal(read(fd, &c, 1), -1);
		assert_int_equal(errno, EAGAIN);
		return;
	}
	assert_int_equal(read(fd, &c, 1), 0);
}

static void
what_there_is_no_room_for_is_not_received(void **state)
{
	int pair[2], pipefd[2], right, last;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe2(pipefd, O_NONBLOCK), 0);
	send_many(pair[0], pipefd[1]);
	close(pipefd[1]);
	last = leave_room(SENT / 2);
	assert_int_equal(receive(pair[1], &right), -1);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(right, -1);
	/* The message has them still. */
	assert_int_equal(closed, SENT / 2);
	assert_open(pipefd[0], true);
	/* Whatever is lost of it, nothing was the last. */
	for (int i = 0; i < SENT; i++)
		close(last--);
	assert_int_equal(receive(pair[1], &right), 1);
	assert_true(right >= 0);
	assert_open(pipefd[0], true);
	close(right);
	assert_open(pipefd[0], false);
}

/* What somebody else has told the socket has no say. */
static void
a_look_begins_where_the_message_does(void **state)
{
	const int far = 1000;
	int pair[2], right;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(
	    setsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &far, sizeof(far)), 0);
	send_many(pair[0], 0);
	(void)leave_room(SENT / 2);
	assert_int_equal(receive(pair[1], &right), -1);
	assert_int_equal(errno, EMFILE);
}

static int
setup(void **state)
{
	const struct rlimit rl = { LIMIT, LIMIT };

	for (int fd = 3; fd < LIMIT; fd++)
		close(fd);
	return setrlimit(RLIMIT_NOFILE, &rl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_there_is_no_room_for_is_not_received, setup),
		cmocka_unit_test_setup(
		    a_look_begins_where_the_message_does, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
