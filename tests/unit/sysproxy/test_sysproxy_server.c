/* SPDX-License-Identifier: BSD-2-Clause */
/* The fast transport, end to end, with client and server in one process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "servertest.h"
#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"

#define KIB64 (64 * 1024)

static void
a_call_without_memory_returns_its_result(void **state)
{
	int64_t retval[2] = { 0 };

	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, retval), 0);
	assert_int_equal(retval[0], client.fc_pid);
	assert_true(client.fc_pid > 1);
	assert_int_equal(call(99999, NULL, NULL, retval), RUMP_ENOSYS);
	assert_int_equal(call(-5, NULL, NULL, retval), RUMP_ENOSYS);
	assert_int_equal(client.fc_services, 0);
}

static void
what_goes_with_the_call_needs_no_second_trip(void **state)
{
	int fd = open_file(&client, "/a", RUMP_O_CREAT | RUMP_O_RDWR);
	char buf[16] = "";
	struct rump_stat st;
	int64_t retval[2];

	assert_int_equal(call(RUMP_SYS_write, A(fd, (intptr_t) "hello", 5),
			     IN({ "hello", 5 }), retval),
	    0);
	assert_int_equal(retval[0], 5);
	assert_int_equal(
	    call(RUMP_SYS_pread, A(fd, (intptr_t)buf, sizeof(buf), 0, 0), NULL,
		retval),
	    0);
	assert_int_equal(retval[0], 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(
	    call(RUMP_SYS_fstat, A(fd, (intptr_t)&st), NULL, retval), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(client.fc_services, 0);
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
}

/* Write and read back lengths around every limit, staging nothing. */
static void
move_all_lengths(void)
{
	static const size_t lengths[] = { 1, 4096, 32767, 32768, KIB64 - 1,
		KIB64, KIB64 + 1, 1000000 };
	int fd =
	    open_file(&client, "/b", RUMP_O_CREAT | RUMP_O_RDWR | RUMP_O_TRUNC);
	char *out = malloc(1000000), *in = malloc(1000000);
	int64_t retval[2];

	for (size_t i = 0; i < 1000000; i++)
		out[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i];

		assert_int_equal(
		    call(RUMP_SYS_pwrite, A(fd, (intptr_t)out, len, 0, 0), NULL,
			retval),
		    0);
		assert_int_equal(retval[0], len);
		memset(in, 0, len);
		assert_int_equal(
		    call(RUMP_SYS_pread, A(fd, (intptr_t)in, len, 0, 0), NULL,
			retval),
		    0);
		assert_int_equal(retval[0], len);
		assert_memory_equal(in, out, len);
	}
	free(in);
	free(out);
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
}

/* Containers may forbid it. */
static bool
host_may_move(void)
{
	char from = 1, to;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

static void
large_data_are_moved_by_the_host(void **state)
{
	if (!host_may_move())
		skip();
	assert_true(client.fc_flags & FAST_BY_VM);
	move_all_lengths();
	assert_int_equal(client.fc_services, 0);
}

static void
large_data_are_moved_by_the_client_otherwise(void **state)
{
	assert_false(client.fc_flags & FAST_BY_VM);
	move_all_lengths();
	assert_true(client.fc_ops[FAST_COPYIN] > 0);
	assert_true(client.fc_ops[FAST_COPYOUT] > 0);
}

static void
strings_that_were_not_sent_are_fetched(void **state)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *path = page + 4096 - 3;
	int64_t retval[2];

	munmap(page + 4096, 4096);
	memcpy(path, "/c", 3);
	assert_int_equal(
	    call(RUMP_SYS_mkdir, A((intptr_t)path, 0777), NULL, retval), 0);
	/* What was sent ends before the string does. */
	assert_int_equal(
	    call(RUMP_SYS_rmdir, A((intptr_t)path), IN({ path, 2 }), retval),
	    0);
	munmap(page, 4096);
}

static void
a_broken_pipe_is_told_by_its_errno_alone(void **state)
{
	int64_t retval[2];

	assert_int_equal(call(RUMP_SYS_pipe, NULL, NULL, retval), 0);
	assert_int_equal(call(RUMP_SYS_close, A(retval[0]), NULL, NULL), 0);
	assert_int_equal(call(RUMP_SYS_write, A(retval[1], (intptr_t) "x", 1),
			     IN({ "x", 1 }), NULL),
	    RUMP_EPIPE);
	assert_int_equal(client.fc_ops[FAST_RAISE], 0);
}

static void
bad_addresses_are_efault(void **state)
{
	int fd = open_file(&client, "/a", RUMP_O_CREAT | RUMP_O_RDWR);
	char *gone =
	    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t retval[2];

	munmap(gone, 4096);
	assert_int_equal(
	    call(RUMP_SYS_write, A(fd, (intptr_t)gone, 10), NULL, retval),
	    RUMP_EFAULT);
	assert_int_equal(
	    call(RUMP_SYS_open, A((intptr_t)gone), NULL, retval), RUMP_EFAULT);
	assert_int_equal(call(RUMP_SYS_open, A(0), NULL, retval), RUMP_EFAULT);
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	char *path = malloc(8192);

	memset(path, 'x', 8191);
	path[8191] = '\0';
	assert_int_equal(call(RUMP_SYS_open, A((intptr_t)path), NULL, NULL),
	    RUMP_ENAMETOOLONG);
	assert_int_equal(
	    call(RUMP_SYS_open, A((intptr_t)path), IN({ path, 4096 }), NULL),
	    RUMP_ENAMETOOLONG);
	free(path);
}

/* --- processes ----------------------------------------------------------------- */

static void
fork_child(struct fastclient *parent, struct fastclient *child)
{
	int fd = fastclient_fork(parent);

	memset(child, 0, sizeof(*child));
	assert_true(fd >= 0);
	assert_int_equal(fastclient_hello(child, fd, false), 0);
	assert_true(fastclient_start(child, 0));
}

static void
a_forked_child_has_copies_of_the_descriptors(void **state)
{
	int fd = open_file(&client, "/f", RUMP_O_CREAT | RUMP_O_RDWR);
	struct fastclient child;
	int64_t retval[2];
	char c = 0;

	assert_int_equal(call(RUMP_SYS_write, A(fd, (intptr_t) "xy", 2),
			     IN({ "xy", 2 }), NULL),
	    0);
	assert_int_equal(call(RUMP_SYS_lseek, A(fd, 0, 0, 0), NULL, NULL), 0);
	fork_child(&client, &child);
	assert_int_not_equal(child.fc_pid, client.fc_pid);
	/* The position is shared, the descriptor is not. */
	assert_int_equal(fastclient_call(&child, 0, RUMP_SYS_read,
			     A(fd, (intptr_t)&c, 1), NULL, retval),
	    0);
	assert_int_equal(c, 'x');
	assert_int_equal(
	    fastclient_call(&child, 0, RUMP_SYS_close, A(fd), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_read, A(fd, (intptr_t)&c, 1), NULL, retval), 0);
	assert_int_equal(c, 'y');
	assert_int_equal(
	    fastclient_call(&child, 0, RUMP_SYS_getpid, NULL, NULL, retval), 0);
	assert_int_equal(retval[0], child.fc_pid);
	assert_int_equal(retval[1], client.fc_pid);
	fastclient_close(&child);
	AWAIT(rumpuser_sp_clients() == 1);
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
}

static void
a_child_that_never_speaks_goes_with_its_connection(void **state)
{
	int fd = fastclient_fork(&client);

	assert_true(fd >= 0);
	/* A call comes after it. */
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	assert_int_equal(rumpuser_sp_clients(), 2);
	close(fd);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* Neither the parent nor the child waits for the copy; what the parent does
 * next is not in it. */
static void
a_child_has_what_was_open_when_it_was_made(void **state)
{
	int fd = open_file(&client, "/before", RUMP_O_CREAT | RUMP_O_RDWR), end;
	struct fastclient child = { 0 };
	int64_t retval[2];

	for (int i = 0; i < 100; i++) {
		end = fastclient_fork(&client);
		assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
		assert_int_equal(fastclient_hello(&child, end, false), 0);
		assert_true(fastclient_start(&child, 0));
		assert_int_equal(fastclient_call(&child, 0, RUMP_SYS_lseek,
				     A(fd, 0, 0, 0), NULL, retval),
		    0);
		fastclient_close(&child);
		fd = open_file(&client, "/before", RUMP_O_RDWR);
	}
	assert_int_equal(call(RUMP_SYS_close, A(fd), NULL, NULL), 0);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
a_child_may_be_announced_before_hello(void **state)
{
	struct fastclient silent = { 0 }, child = { 0 };
	int64_t retval[2];

	silent.fc_fd = fastclient_fork(&client);
	fork_child(&silent, &child);
	assert_int_equal(
	    fastclient_call(&child, 0, RUMP_SYS_getpid, NULL, NULL, retval), 0);
	fastclient_close(&child);
	/* HELLO says how many there were. */
	assert_int_equal(fastclient_hello(&silent, silent.fc_fd, false), 0);
	assert_true(fastclient_start(&silent, 0));
	assert_int_equal(
	    fastclient_call(&silent, 0, RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	fastclient_close(&silent);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
a_child_without_a_connection_is_none(void **state)
{
	struct fast_message m = { .fm_type = FAST_CHILD };

	assert_true(fastclient_send(&client, &m, NULL, -1));
	client.fc_children++;
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	assert_int_equal(rumpuser_sp_clients(), 1);
}

/* What could never be seen to end is not kept. */
static void
a_childs_connection_has_an_end_elsewhere(void **state)
{
	struct fast_message m = { .fm_type = FAST_CHILD };
	struct fastclient liar;
	int fds[2];

	/* Both ends of a connection, and what is none. */
	open_client(&liar, false);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(fastclient_send(&liar, &m, NULL, fds[i]));
		close(fds[i]);
	}
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_true(fastclient_send(&liar, &m, NULL, fds[0]));
	close(fds[0]);
	close(fds[1]);
	liar.fc_children = 3;
	assert_int_equal(
	    fastclient_call(&liar, 0, RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	AWAIT(rumpuser_sp_clients() == 2);
	/* Its own end: that is the end. */
	assert_true(fastclient_send(&liar, &m, NULL, liar.fc_fd));
	fastclient_close(&liar);
	AWAIT(rumpuser_sp_clients() == 1);
}

/* Its own call waits, and nobody else's. */
static void
a_client_that_counts_too_many_children_waits_alone(void **state)
{
	struct fastclient liar;

	open_client(&liar, false);
	liar.fc_children = 7;
	fastclient_request(&liar, 0, RUMP_SYS_getpid, NULL, NULL);
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	assert_int_equal(fast_slot(liar.fc_area, 0)->sl_state, FAST_REQUEST);
	fastclient_close(&liar);
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
record_locks_belong_to_the_process_and_end_with_it(void **state)
{
	int fd = open_file(&client, "/l", RUMP_O_CREAT | RUMP_O_RDWR);
	struct rump_flock fl = { .l_type = RUMP_F_WRLCK };
	struct fastclient child;

	assert_int_equal(call(RUMP_SYS_fcntl,
			     A(fd, RUMP_F_SETLK, (intptr_t)&fl), NULL, NULL),
	    0);
	fork_child(&client, &child);
	assert_int_equal(fastclient_call(&child, 0, RUMP_SYS_fcntl,
			     A(fd, RUMP_F_SETLK, (intptr_t)&fl), NULL, NULL),
	    RUMP_EAGAIN);
	/* The parent ends; the child gets the lock when that is done. */
	fastclient_close(&client);
	assert_int_equal(fastclient_call(&child, 0, RUMP_SYS_fcntl,
			     A(fd, RUMP_F_SETLKW, (intptr_t)&fl), NULL, NULL),
	    0);
	fastclient_close(&child);
}

static void
exec_keeps_what_it_names_and_the_process(void **state)
{
	int keep = open_file(&client, "/k", RUMP_O_CREAT | RUMP_O_RDWR);
	int drop = open_file(&client, "/k", RUMP_O_RDWR);
	struct {
		uint32_t fd;
		char name[6];
	} __attribute__((packed)) payload = { (uint32_t)keep, "newcmd" };
	struct fast_message m = {
		.fm_type = FAST_EXEC,
		.fm_arg = 6,
		.fm_len = sizeof(payload),
	};
	int32_t pid = client.fc_pid;
	int64_t retval[2];
	struct rump_stat st;

	assert_int_equal(sizeof(payload), 10);
	assert_int_equal(
	    call(RUMP_SYS_mkdir, A((intptr_t) "/d", 0777), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_chdir, A((intptr_t) "/d"), NULL, NULL), 0);
	assert_true(fastclient_send(&client, &m, &payload, -1));
	munmap(client.fc_area, (size_t)FAST_AREA);
	assert_int_equal(fastclient_hello(&client, client.fc_fd, false), 0);
	assert_true(fastclient_start(&client, 0));
	assert_int_equal(client.fc_pid, pid);
	assert_int_equal(
	    call(RUMP_SYS_fstat, A(keep, (intptr_t)&st), NULL, retval), 0);
	assert_int_equal(
	    call(RUMP_SYS_fstat, A(drop, (intptr_t)&st), NULL, retval),
	    RUMP_EBADF);
	/* The working directory stays. */
	assert_int_equal(
	    call(RUMP_SYS_mkdir, A((intptr_t) "e", 0777), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_rmdir, A((intptr_t) "/d/e"), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_rmdir, A((intptr_t) "/d"), NULL, NULL), 0);
}

/* --- sleeping calls --------------------------------------------------------------- */

static void
make_pipe(struct fastclient *fc, int fd[2])
{
	int64_t retval[2];

	assert_int_equal(fastclient_call(fc, 0, RUMP_SYS_pipe2,
			     A((intptr_t)fd, 0), NULL, retval),
	    0);
}

static void
interrupt(struct fastclient *fc, unsigned slot)
{
	struct fast_message m = {
		.fm_type = FAST_INTR,
		.fm_arg = slot,
		.fm_addr = fast_slot(fc->fc_area, slot)->sl_sequence,
	};

	assert_true(fastclient_send(fc, &m, NULL, -1));
}

static void
a_sleeping_call_can_be_interrupted(void **state)
{
	int fd[2];
	char c;

#ifdef __SANITIZE_THREAD__
	skip(); /* it holds signals back until a thread calls libc */
#endif
	make_pipe(&client, fd);
	for (int i = 0; i < 200; i++) {
		fastclient_request(
		    &client, 0, RUMP_SYS_read, A(fd[0], (intptr_t)&c, 1), NULL);
		interrupt(&client, 0);
		assert_int_equal(
		    fastclient_reply(&client, 0, NULL), RUMP_ERESTART);
	}
	/* One that comes too late is for nobody. */
	assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
}

static void
many_threads_wait_at_a_time(void **state)
{
	enum { N = 40 };
	int fd[2];
	char buf[N + 1] = "";

	make_pipe(&client, fd);
	for (unsigned i = 1; i <= N; i++) {
		assert_true(fastclient_start(&client, i));
		fastclient_request(&client, i, RUMP_SYS_read,
		    A(fd[0], (intptr_t)&buf[i], 1), NULL);
	}
	assert_int_equal(
	    call(RUMP_SYS_write, A(fd[1], (intptr_t)buf, N), NULL, NULL), 0);
	for (unsigned i = 1; i <= N; i++)
		assert_int_equal(fastclient_reply(&client, i, NULL), 0);
}

static void
a_client_may_vanish_while_its_threads_sleep(void **state)
{
	int fd[2];
	char c;

	make_pipe(&client, fd);
	for (unsigned i = 1; i <= 20; i++) {
		assert_true(fastclient_start(&client, i));
		fastclient_request(
		    &client, i, RUMP_SYS_read, A(fd[0], (intptr_t)&c, 1), NULL);
	}
	/* teardown waits for its end */
}

static void
exec_gets_threads_out_of_the_kernel(void **state)
{
	struct fast_message m = { .fm_type = FAST_EXEC };
	int fd[2];
	char c;

	make_pipe(&client, fd);
	assert_true(fastclient_start(&client, 1));
	fastclient_request(
	    &client, 1, RUMP_SYS_read, A(fd[0], (intptr_t)&c, 1), NULL);
	assert_true(fastclient_send(&client, &m, NULL, -1));
	munmap(client.fc_area, (size_t)FAST_AREA);
	assert_int_equal(fastclient_hello(&client, client.fc_fd, false), 0);
	assert_true(fastclient_start(&client, 0));
	assert_int_equal(
	    call(RUMP_SYS_read, A(fd[0], (intptr_t)&c, 1), NULL, NULL),
	    RUMP_EBADF);
}

/* --- identity --------------------------------------------------------------------- */

static void
credentials_and_umask_are_the_host_s(void **state)
{
	int64_t retval[2];
	mode_t mask;

	assert_int_equal(call(RUMP_SYS_getuid, NULL, NULL, retval), 0);
	assert_int_equal(retval[0], getuid());
	assert_int_equal(retval[1], geteuid());
	assert_int_equal(call(RUMP_SYS_getgid, NULL, NULL, retval), 0);
	assert_int_equal(retval[0], getgid());
	assert_int_equal(call(RUMP_SYS_umask, A(011), NULL, NULL), 0);
	assert_int_equal(call(FASTCALL_CRED, NULL, NULL, NULL), 0);
	mask = umask(0);
	umask(mask);
	assert_int_equal(call(RUMP_SYS_umask, A(022), NULL, retval), 0);
	assert_int_equal(retval[0], mask);
}

static int
become_nobody_and_ask(int fd)
{
	struct fastclient fc = { 0 };
	int64_t retval[2];

	if (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0)
		return 10;
	if (fastclient_hello(&fc, fd, false) != 0 || !fastclient_start(&fc, 0))
		return 11;
	if ((fc.fc_flags & FAST_BY_VM) != 0)
		return 12;
	if (fastclient_call(&fc, 0, RUMP_SYS_getuid, NULL, NULL, retval) != 0 ||
	    retval[0] != 65534)
		return 13;
	if (fastclient_call(&fc, 0, FASTCALL_HALT, NULL, NULL, NULL) !=
	    RUMP_EPERM)
		return 14;
	if (fastclient_call(&fc, 0, FASTCALL_MOUNT,
		A((intptr_t) "/m", (intptr_t) "kernfs:", 0, 0), NULL,
		NULL) != RUMP_EPERM)
		return 15;
	if (fastclient_call(&fc, 0, RUMP_SYS_mkdir,
		A((intptr_t) "/not-mine", 0777), NULL, NULL) != RUMP_EACCES)
		return 16;
	return 0;
}

static void
another_user_has_no_rights_of_ours(void **state)
{
	int fd, status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	fd = fastclient_fork(&client);
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(become_nobody_and_ask(fd));
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- the other calls ---------------------------------------------------------------- */

static void
reports_are_read_in_pieces(void **state)
{
	char text[4096] = "";
	int64_t retval[2];
	size_t n = 0;

	/* Its name is what the host says. */
	assert_int_equal(prctl(PR_SET_NAME, "an\nother"), 0);
	do {
		assert_int_equal(
		    call(FASTCALL_REPORT,
			A((intptr_t) "clients", n, (intptr_t)text + n, 7),
			IN(STR("clients")), retval),
		    0);
		n += retval[0];
	} while (retval[0] > 0);
	assert_non_null(strstr(text, " fast an?other\n"));
	assert_int_equal(
	    call(FASTCALL_REPORT,
		A((intptr_t) "version", 0, (intptr_t)text, sizeof(text)), NULL,
		retval),
	    0);
	assert_memory_equal(text, "NetBSD", 6);
	assert_int_equal(
	    call(FASTCALL_REPORT, A((intptr_t) "no such", 0, (intptr_t)text, 1),
		NULL, retval),
	    RUMP_ENOENT);
}

/* --- others ------------------------------------------------------------------------- */

static void
wrong_messages_end_the_connection_and_nothing_else(void **state)
{
	static const struct fast_message wrong[] = {
		{ .fm_type = 77 },
		{ .fm_type = FAST_START, .fm_arg = FAST_SLOTS },
		{ .fm_type = FAST_START, .fm_arg = 0 },
		{ .fm_type = FAST_HELLO, .fm_len = FAST_PAYLOAD + 1 },
		{ .fm_type = FAST_EXEC, .fm_arg = 9, .fm_len = 0 },
		{ .fm_type = FAST_WELCOME },
	};
	struct fastclient other;
	struct pollfd pfd = { .events = POLLIN };
	char c;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		open_client(&other, false);
		assert_true(fastclient_send(&other, &wrong[i], NULL, -1));
		pfd.fd = other.fc_fd;
		assert_int_equal(poll(&pfd, 1, -1), 1);
		assert_int_equal(recv(other.fc_fd, &c, 1, 0), 0);
		fastclient_close(&other);
		assert_int_equal(call(RUMP_SYS_getpid, NULL, NULL, NULL), 0);
	}
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
a_connection_that_was_sent_over_itself_ends_all_the_same(void **state)
{
	struct fast_message m = { .fm_type = FAST_TOKEN };
	struct fastclient other;
	struct stat st;

	open_client(&other, false);
	assert_int_equal(fstat(other.fc_fd, &st), 0);
	assert_true(fastclient_send(&other, &m, NULL, other.fc_fd));
	assert_int_equal(fastclient_call(&other, 0, FASTCALL_IMPORT,
			     A(st.st_ino), NULL, NULL),
	    RUMP_EBADF);
	fastclient_close(&other);
	AWAIT(rumpuser_sp_clients() == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_without_memory_returns_its_result),
		TEST(what_goes_with_the_call_needs_no_second_trip),
		TEST(large_data_are_moved_by_the_host),
		TEST_NOVM(large_data_are_moved_by_the_client_otherwise),
		TEST(strings_that_were_not_sent_are_fetched),
		TEST_NOVM(strings_that_were_not_sent_are_fetched),
		TEST(a_broken_pipe_is_told_by_its_errno_alone),
		TEST(bad_addresses_are_efault),
		TEST_NOVM(bad_addresses_are_efault),
		TEST(a_path_that_is_too_long_is_refused),
		TEST_NOVM(a_path_that_is_too_long_is_refused),
		TEST(a_forked_child_has_copies_of_the_descriptors),
		TEST(a_child_has_what_was_open_when_it_was_made),
		TEST(a_child_may_be_announced_before_hello),
		TEST(a_child_without_a_connection_is_none),
		TEST(a_childs_connection_has_an_end_elsewhere),
		TEST(a_client_that_counts_too_many_children_waits_alone),
		TEST(a_child_that_never_speaks_goes_with_its_connection),
		TEST(record_locks_belong_to_the_process_and_end_with_it),
		TEST(exec_keeps_what_it_names_and_the_process),
		TEST(a_sleeping_call_can_be_interrupted),
		TEST(many_threads_wait_at_a_time),
		TEST(a_client_may_vanish_while_its_threads_sleep),
		TEST(exec_gets_threads_out_of_the_kernel),
		TEST(credentials_and_umask_are_the_host_s),
		TEST(another_user_has_no_rights_of_ours),
		TEST(reports_are_read_in_pieces),
		TEST(wrong_messages_end_the_connection_and_nothing_else),
		TEST(a_connection_that_was_sent_over_itself_ends_all_the_same),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
