/* SPDX-License-Identifier: BSD-2-Clause */
/* Doors: clients that come by themselves, and whoever has the key. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servertest.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"

#define STRANGER 65534
#define ROUNDS 40

/* A connection has one door: so each is another client's. */
struct opener {
	struct fastclient op_client;
	int op_door;
};

static void
open_with(struct opener *op, int type)
{
	const struct fast_message m = { .fm_type = FAST_DOOR };
	const int on = 1;
	int fds[2];

	op->op_client = (struct fastclient){ 0 };
	assert_int_equal(
	    fastclient_hello(&op->op_client, fastclient_fork(&client), false),
	    0);
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(
	    setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_true(fastclient_send(&op->op_client, &m, NULL, fds[1]));
	close(fds[1]);
	op->op_door = fds[0];
}

static void
open_door(struct opener *op)
{
	open_with(op, SOCK_SEQPACKET);
}

static void
shut_door(struct opener *op)
{
	close(op->op_door);
	fastclient_close(&op->op_client);
	AWAIT(rumpuser_sp_clients() == 1);
}

static bool
send_to(int door, const void *bytes, size_t len, int fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
	}
	return sendmsg(door, &mh, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Ask for a connection, which is one of type; this end of it. */
static int
knock(int door, const struct fast_message *m, const char *name, int type)
{
	char bytes[sizeof(*m) + FAST_PAYLOAD];
	const int on = 1;
	int fds[2];

	memcpy(bytes, m, sizeof(*m));
	memcpy(bytes + sizeof(*m), name, strlen(name));
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(
	    setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	(void)send_to(door, bytes, sizeof(*m) + strlen(name), fds[1]);
	close(fds[1]);
	return fds[0];
}

static int
come(int door)
{
	const struct fast_message m = { .fm_type = FAST_CHILD, .fm_len = 4 };

	return knock(door, &m, "echo", SOCK_STREAM);
}

/* Nobody answers there. */
static void
assert_is_ended(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

static void
a_process_comes_by_the_door_with_nothing_open(void **state)
{
	struct fastclient guest = { 0 };
	struct opener op;
	int fd;

	open_door(&op);
	assert_true(fastclient_start(&op.op_client, 0));
	fd = open_file(&op.op_client, "/behind", RUMP_O_CREAT | RUMP_O_RDWR);
	assert_int_equal(fastclient_hello(&guest, come(op.op_door), false), 0);
	assert_int_not_equal(guest.fc_pid, op.op_client.fc_pid);
	assert_true(fastclient_start(&guest, 0));
	assert_int_equal(
	    fastclient_call(&guest, 0, RUMP_SYS_close, A(fd), NULL, NULL),
	    RUMP_EBADF);
	fastclient_close(&guest);
	shut_door(&op);
}

/* The server stays as long as somebody may come. */
static void
a_door_outlives_its_opener(void **state)
{
	struct fastclient guest = { 0 };
	struct opener op;

	open_door(&op);
	AWAIT(rumpuser_sp_clients() == 3);
	fastclient_close(&op.op_client);
	AWAIT(rumpuser_sp_clients() == 2);
	assert_int_equal(fastclient_hello(&guest, come(op.op_door), false), 0);
	fastclient_close(&guest);
	AWAIT(rumpuser_sp_clients() == 2);
	close(op.op_door);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
what_is_no_child_is_not_let_in(void **state)
{
	static const struct fast_message bad[] = {
		{ .fm_type = FAST_HELLO, .fm_len = 4 },
		{ .fm_type = FAST_CHILD, .fm_arg = FAST_SHARES, .fm_len = 4 },
		{ .fm_type = FAST_CHILD, .fm_len = 3 },
		{ .fm_type = FAST_CHILD, .fm_len = 5 },
		{ .fm_type = FAST_CHILD, .fm_len = UINT32_MAX },
	};
	const struct fast_message good = { .fm_type = FAST_CHILD, .fm_len = 4 };
	struct opener op;

	open_door(&op);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_is_ended(
		    knock(op.op_door, &bad[i], "echo", SOCK_STREAM));
	assert_is_ended(knock(op.op_door, &good, "echo", SOCK_SEQPACKET));
	assert_true(send_to(op.op_door, &good, sizeof(good), -1));
	assert_true(send_to(op.op_door, "", 0, -1));
	assert_true(send_to(op.op_door, &good, 5, -1));
	/* It is open still. */
	close(come(op.op_door));
	AWAIT(rumpuser_sp_clients() == 3);
	shut_door(&op);
}

static void
a_long_name_is_not_let_in(void **state)
{
	const struct fast_message m = { .fm_type = FAST_CHILD, .fm_len = 17 };
	struct opener op;

	open_door(&op);
	assert_is_ended(
	    knock(op.op_door, &m, "seventeen letters", SOCK_STREAM));
	shut_door(&op);
}

static void
a_door_is_a_local_seqpacket_socket(void **state)
{
	struct opener op;

	open_with(&op, SOCK_STREAM);
	assert_is_ended(op.op_door);
	fastclient_close(&op.op_client);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* Nobody else would tell the server of the end. */
static void
a_door_whose_other_end_is_the_servers_is_shut(void **state)
{
	const struct fast_message m = { .fm_type = FAST_DOOR };
	struct fastclient other = { 0 };
	const int on = 1;
	int fds[2];

	assert_int_equal(
	    fastclient_hello(&other, fastclient_fork(&client), false), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(setsockopt(fds[i], SOL_SOCKET, SO_PASSCRED,
				     &on, sizeof(on)),
		    0);
	assert_true(fastclient_send(&other, &m, NULL, fds[0]));
	assert_true(fastclient_send(&client, &m, NULL, fds[1]));
	close(fds[0]);
	close(fds[1]);
	fastclient_close(&other);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
a_second_door_ends_the_connection(void **state)
{
	const struct fast_message m = { .fm_type = FAST_DOOR };
	struct opener op;

	open_door(&op);
	assert_true(fastclient_send(&op.op_client, &m, NULL, -1));
	AWAIT(rumpuser_sp_clients() == 2);
	shut_door(&op);
}

static void
a_door_is_one_users(void **state)
{
	struct opener op;
	int status, fd;
	pid_t pid;
	char c;

	if (geteuid() != 0)
		skip();
	open_door(&op);
	pid = fork();
	if (pid == 0) {
		if (setresuid(STRANGER, STRANGER, STRANGER) != 0)
			_exit(2);
		fd = come(op.op_door);
		_exit(read(fd, &c, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(come(op.op_door));
	shut_door(&op);
}

/* It takes the loop a moment to come to it, in most of the rounds. */
static void
knock_and_go(bool made)
{
	struct fastclient guest = { 0 };
	struct opener op;
	int fd;
	char c;

	open_door(&op);
	/* What the server says is there, and stays unread. */
	if (made)
		assert_int_equal(recv(op.op_door, &c, 1, MSG_PEEK), 1);
	fd = come(op.op_door);
	close(op.op_door);
	assert_int_equal(fastclient_hello(&guest, fd, false), 0);
	fastclient_close(&guest);
	fastclient_close(&op.op_client);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
who_knocks_before_the_door_is_closed_is_let_in(void **state)
{
	for (int i = 0; i < ROUNDS; i++)
		knock_and_go(i % 2 == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_process_comes_by_the_door_with_nothing_open),
		TEST(a_door_outlives_its_opener),
		TEST(what_is_no_child_is_not_let_in),
		TEST(a_long_name_is_not_let_in),
		TEST(a_door_is_a_local_seqpacket_socket),
		TEST(a_door_whose_other_end_is_the_servers_is_shut),
		TEST(a_second_door_ends_the_connection),
		TEST(a_door_is_one_users),
		TEST(who_knocks_before_the_door_is_closed_is_let_in),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
