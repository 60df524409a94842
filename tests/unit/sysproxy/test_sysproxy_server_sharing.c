/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's clients and descriptors: processes that have one table, or one
 * working directory, the host's descriptors behind the kernel's, and none left.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servertest.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"

/* --- one table ------------------------------------------------------------ */

/* The connection of a child that shares with parent what the flags say. */
static int
share(struct fastclient *parent, uint32_t flags)
{
	const struct fast_message m = {
		.fm_type = FAST_CHILD,
		.fm_arg = flags,
	};
	const int on = 1;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(
	    setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_true(fastclient_send(parent, &m, NULL, fds[1]));
	close(fds[1]);
	parent->fc_children++;
	return fds[0];
}

static int64_t
close_file(struct fastclient *fc, int fd)
{
	return fastclient_call(fc, 0, RUMP_SYS_close, A(fd), NULL, NULL);
}

static void
open_sharer(struct fastclient *fc, struct fastclient *parent, uint32_t flags)
{
	*fc = (struct fastclient){ 0 };
	assert_int_equal(fastclient_hello(fc, share(parent, flags), false), 0);
	assert_true(fastclient_start(fc, 0));
}

static void
a_child_that_shares_has_the_same_descriptors(void **state)
{
	struct fastclient child;
	int fd = open_file(&client, "/shared", RUMP_O_CREAT | RUMP_O_RDWR);

	open_sharer(&child, &client, FAST_SHARES);
	assert_int_not_equal(child.fc_pid, client.fc_pid);
	assert_int_equal(close_file(&child, fd), 0);
	assert_int_equal(close_file(&client, fd), RUMP_EBADF);
	fd = open_file(&child, "/shared", RUMP_O_RDWR);
	assert_int_equal(close_file(&client, fd), 0);
	/* What it has opened stays when it ends. */
	fd = open_file(&child, "/shared", RUMP_O_RDWR);
	fastclient_close(&child);
	AWAIT(rumpuser_sp_clients() == 1);
	assert_int_equal(close_file(&client, fd), 0);
}

static void
a_copy_of_a_shared_table_is_apart(void **state)
{
	struct fastclient child, copy = { 0 };
	int fd = open_file(&client, "/shared", RUMP_O_CREAT | RUMP_O_RDWR);

	open_sharer(&child, &client, FAST_SHARES);
	assert_int_equal(
	    fastclient_hello(&copy, fastclient_fork(&child), false), 0);
	assert_true(fastclient_start(&copy, 0));
	assert_int_equal(close_file(&copy, fd), 0);
	assert_int_equal(close_file(&child, fd), 0);
	assert_int_equal(close_file(&client, fd), RUMP_EBADF);
	fastclient_close(&copy);
	fastclient_close(&child);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* --- one working directory ------------------------------------------------- */

static int64_t
change_directory(struct fastclient *fc, const char *path)
{
	return fastclient_call(
	    fc, 0, RUMP_SYS_chdir, A((intptr_t)path), IN(STR(path)), NULL);
}

/* Is that the directory with the file "/one/here"? */
static bool
is_there(struct fastclient *fc)
{
	int64_t retval[2];

	if (fastclient_call(fc, 0, RUMP_SYS_open,
		A((intptr_t) "here", RUMP_O_RDONLY), IN(STR("here")),
		retval) != 0)
		return false;
	return close_file(fc, (int)retval[0]) == 0;
}

static void
a_child_may_share_the_working_directory_alone(void **state)
{
	struct fastclient child;
	int fd;

	assert_int_equal(fastclient_call(&client, 0, RUMP_SYS_mkdir,
			     A((intptr_t) "/one", 0777), IN(STR("/one")), NULL),
	    0);
	fd = open_file(&client, "/one/here", RUMP_O_CREAT | RUMP_O_RDWR);
	open_sharer(&child, &client, FAST_SHARES_CWD);
	assert_int_equal(close_file(&child, fd), 0);
	assert_int_equal(close_file(&client, fd), 0);
	assert_int_equal(change_directory(&child, "/one"), 0);
	assert_true(is_there(&client));
	assert_int_equal(change_directory(&client, "/"), 0);
	assert_false(is_there(&child));
	assert_int_equal(
	    fastclient_call(&child, 0, FASTCALL_UNSHARE, A(0), NULL, NULL), 0);
	assert_int_equal(change_directory(&child, "/one"), 0);
	assert_false(is_there(&client));
	assert_true(is_there(&child));
	fastclient_close(&child);
	AWAIT(rumpuser_sp_clients() == 1);
	assert_false(is_there(&client));
}

static void
a_directory_outlives_who_has_made_it_shared(void **state)
{
	struct fastclient parent = { 0 }, child;

	assert_int_equal(
	    fastclient_hello(&parent, fastclient_fork(&client), false), 0);
	assert_true(fastclient_start(&parent, 0));
	assert_int_equal(change_directory(&parent, "/one"), 0);
	open_sharer(&child, &parent, FAST_SHARES_CWD);
	fastclient_close(&parent);
	AWAIT(rumpuser_sp_clients() == 2);
	assert_true(is_there(&child));
	fastclient_close(&child);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* A process that says hello over fd, and waits to be killed. */
static pid_t
speaker(int fd)
{
	struct fastclient fc = { 0 };
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (fastclient_hello(&fc, fd, false) != 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

/* Its connection is open here, as those of processes that share are. */
static void
a_process_that_shares_ends_when_the_host_says_so(void **state)
{
	for (int i = 0; i < 10; i++) {
		int fd = share(&client, FAST_SHARES);
		pid_t pid = speaker(fd);

		assert_int_equal(rumpuser_sp_clients(), 2);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		AWAIT(rumpuser_sp_clients() == 1);
		close(fd);
	}
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
}

/* Who shares may be the one that made it, and its children have copies. */
static void
a_parent_that_shares_is_watched_as_well(void **state)
{
	struct fastclient parent = { 0 }, child;
	int fd = share(&client, FAST_SHARES);
	pid_t pid = speaker(fd);

	/* It cannot be told here what the process does with its connection: we
	 * send for it. */
	parent.fc_fd = fd;
	open_sharer(&child, &parent, FAST_SHARES);
	assert_int_equal(rumpuser_sp_clients(), 3);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	AWAIT(rumpuser_sp_clients() == 2);
	assert_int_equal(
	    fastclient_call(&child, 0, RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	fastclient_close(&child);
	close(fd);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* --- the host's descriptors ------------------------------------------------ */

static void
a_fifo_is_a_descriptor_of_the_host_s(void **state)
{
	int64_t retval[2];
	struct stat st;
	int fd, number;

	assert_int_equal(call(RUMP_SYS_mkfifo, A((intptr_t) "/fifo", 0600),
			     IN(STR("/fifo")), NULL),
	    0);
	fd = open_file(
	    &client, "/fifo", RUMP_O_RDONLY | RUMP_O_ALT_IO | RUMP_O_NONBLOCK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(FASTCALL_HOSTFD, A(fd), NULL, retval), 0);
		number = receive_fd(&client);
		assert_int_equal(fstat(number, &st), 0);
		assert_true(S_ISFIFO(st.st_mode));
		close(number);
	}
	assert_int_equal(close_file(&client, fd), 0);
}

static void
what_has_no_descriptor_of_the_host_s_says_so(void **state)
{
	int fd = open_file(&client, "/plain", RUMP_O_CREAT | RUMP_O_RDWR);

	assert_int_equal(
	    call(FASTCALL_HOSTFD, A(fd), NULL, NULL), RUMP_EOPNOTSUPP);
	assert_int_equal(close_file(&client, fd), 0);
	assert_int_equal(call(FASTCALL_HOSTFD, A(fd), NULL, NULL), RUMP_EBADF);
	assert_int_equal(call(FASTCALL_HOSTFD, A(-1), NULL, NULL), RUMP_EBADF);
	assert_int_equal(
	    call(FASTCALL_HOSTFD, A(INT32_MAX), NULL, NULL), RUMP_EBADF);
}

/* No more than there are now, when the server has done with who has come. */
static struct rlimit
no_descriptors(void)
{
	struct rlimit was, none;
	int next;

	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	next = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){ (rlim_t)next, was.rlim_max };
	close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return was;
}

static void
who_comes_when_no_descriptor_is_left_is_refused_by_name(void **state)
{
	struct fastclient late = { 0 };
	struct rlimit was;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(rumpuser_sp_adopt(fds[0], "late"), 0);
	was = no_descriptors();
	assert_int_equal(fastclient_hello(&late, fds[1], false), RUMP_EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	fastclient_close(&late);
	AWAIT(rumpuser_sp_clients() == 1);
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
}

/* A child whose connection the server has no number for is none, and nobody waits
 * for it. */
static void
a_child_that_cannot_be_received_is_none(void **state)
{
	const struct fast_message m = { .fm_type = FAST_CHILD };
	struct rlimit was;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	was = no_descriptors();
	assert_true(fastclient_send(&client, &m, NULL, fds[1]));
	client.fc_children++;
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fds[1]);
	assert_int_equal(rumpuser_sp_clients(), 1);
	/* Its end is here alone. */
	assert_int_equal(read(fds[0], fds, 1), 0);
	close(fds[0]);
}

/* The process's own limit: EMFILE for what opens, and only that. */
static void
a_process_may_run_out_of_descriptors_of_the_kernel_s(void **state)
{
	struct rump_rlimit {
		uint64_t cur, max;
	} rl = { 8, 8 };
	int fd = -1, last = -1;
	int64_t retval[2], error;

	assert_int_equal(
	    call(RUMP_SYS_setrlimit, A(RUMP_RLIMIT_NOFILE, (intptr_t)&rl),
		IN({ &rl, sizeof(rl) }), NULL),
	    0);
	do {
		last = fd;
		error = call(RUMP_SYS_open,
		    A((intptr_t) "/plain", RUMP_O_CREAT | RUMP_O_RDWR, 0666),
		    IN(STR("/plain")), retval);
		fd = (int)retval[0];
	} while (error == 0 && fd < 64);
	assert_int_equal(error, RUMP_EMFILE);
	assert_int_equal(last, 7);
	assert_int_equal(call(RUMP_SYS_dup, A(last), NULL, NULL), RUMP_EMFILE);
	assert_int_equal(
	    call(RUMP_SYS_fcntl, A(last, RUMP_F_DUPFD, 8), NULL, NULL),
	    RUMP_EINVAL);
	assert_int_equal(close_file(&client, last), 0);
	assert_int_equal(open_file(&client, "/plain", RUMP_O_RDWR), last);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_child_that_shares_has_the_same_descriptors),
		TEST(a_copy_of_a_shared_table_is_apart),
		TEST(a_child_may_share_the_working_directory_alone),
		TEST(a_directory_outlives_who_has_made_it_shared),
		TEST(a_process_that_shares_ends_when_the_host_says_so),
		TEST(a_parent_that_shares_is_watched_as_well),
		TEST(a_fifo_is_a_descriptor_of_the_host_s),
		TEST(what_has_no_descriptor_of_the_host_s_says_so),
		TEST(who_comes_when_no_descriptor_is_left_is_refused_by_name),
		TEST(a_child_that_cannot_be_received_is_none),
		TEST(a_process_may_run_out_of_descriptors_of_the_kernel_s),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
