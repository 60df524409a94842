/* SPDX-License-Identifier: BSD-2-Clause */
/* How a client begins, is copied, replaced, and what it does when the server is
 * gone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpclient.h"
#include "sysproxy/client.h"
#include "sysproxy/client_linkvar.h"
#include "sysproxy/client_signals.h"
#include "tests/unit/sysproxy/mock.h"

static const uint32_t key[WIRE_NAUTH] = { 1, 0x80000000, 3, 4 };

static char self[PATH_MAX]; /* this program */

/* Status 0: all that the child wanted was right. */
static void
join_child(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
init_errno(void)
{
	return rumpclient_init() == 0 ? 0 : errno;
}

/* What init says about a server that sends text and hangs up. */
static int
init_with_banner(const char *text)
{
	pthread_t thread;
	struct mock m;
	int error;

	mock_open(&m, false);
	m.m_banner = text;
	init_start(&thread);
	mock_accept(&m);
	mock_hang_up(&m);
	error = init_join(thread);
	mock_close(&m);
	return error;
}

static void
test_a_guest_says_the_name_of_its_command(void **state)
{
	char name[CLIENT_NAME_MAX];
	struct wire_frame f;
	struct frame hello;
	pthread_t thread;
	struct mock m;

	mock_open(&m, true);
	init_start(&thread);
	mock_accept(&m);
	hello = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	assert_int_equal(hello.f_hdr.wh_u, WIRE_GUEST);
	client_name(name);
	assert_int_equal(hello.f_len, strlen(name) + 1);
	assert_string_equal((char *)hello.f_data, name);
	assert_true(strncmp(name, "test_sysproxy_c", 15) == 0);
	mock_free(&hello);
	mock_send_frame(
	    &m, &f, wire_put_welcome(&f, hello.f_hdr.wh_reqno), NULL, 0);
	assert_int_equal(init_join(thread), 0);
	assert_int_equal(rumpclient_init(), 0); /* nothing happens */
	mock_close(&m);
}

static void
test_a_banner_may_come_byte_by_byte(void **state)
{
	struct wire_frame w;
	pthread_t thread;
	struct frame f;
	struct mock m;

	mock_open(&m, true);
	m.m_banner = "";
	init_start(&thread);
	mock_accept(&m);
	for (const char *p = MOCK_BANNER; *p != '\0'; p++)
		mock_send(&m, p, 1);
	f = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	mock_send_frame(
	    &m, &w, wire_put_welcome(&w, f.f_hdr.wh_reqno), NULL, 0);
	mock_free(&f);
	assert_int_equal(init_join(thread), 0);
	mock_close(&m);
}

static void
test_servers_of_other_kinds_are_refused(void **state)
{
	assert_int_equal(init_with_banner(""), ENOTCONN);
	assert_int_equal(init_with_banner("RUMPSP-0.4-Net"), ENOTCONN);
	assert_int_equal(init_with_banner("220 mail.example ESMTP\n"), EPROTO);
	assert_int_equal(
	    init_with_banner("RUMPSP-0.3-NetBSD-6/amd64\n"), EPROTONOSUPPORT);
	assert_int_equal(
	    init_with_banner("RUMPSP-0.4-NetBSD-7.99.34/sparc64\n"),
	    EPROTONOSUPPORT);
	assert_int_equal(init_with_banner(MOCK_BANNER), ENOTCONN);
}

static void
test_a_refused_handshake_is_an_error(void **state)
{
	struct wire_frame f;
	struct frame hello;
	pthread_t thread;
	struct mock m;
	size_t n;

	mock_open(&m, false);
	init_start(&thread);
	mock_accept(&m);
	hello = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	n = wire_put_error(&f, hello.f_hdr.wh_reqno, WIRE_ERR_AUTH);
	mock_send_frame(&m, &f, n, NULL, 0);
	mock_free(&hello);
	assert_int_equal(init_join(thread), EPERM);
	mock_close(&m);
}

static void
test_urls_that_are_none_have_their_errors(void **state)
{
	char url[200] = "unix:///";

	unsetenv("RUMP_SERVER");
	assert_int_equal(init_errno(), ENOENT);
	setenv("RUMP_SERVER", "nonsense", 1);
	assert_int_equal(init_errno(), EINVAL);
	setenv("RUMP_SERVER", "tcp://*:5/", 1);
	assert_int_equal(init_errno(), EINVAL);
	setenv("RUMP_SERVER", "tcp6://::1:5/", 1);
	assert_int_equal(init_errno(), EOPNOTSUPP);
	memset(url + 8, 'x', 110);
	setenv("RUMP_SERVER", url, 1);
	assert_int_equal(init_errno(), ENAMETOOLONG);
	setenv("RUMP_SERVER", "unix:///nonexistent/socket", 1);
	assert_int_equal(init_errno(), ENOENT);
	setenv("RUMP__PARSEDSERVER", "nonsense", 1);
	assert_int_equal(init_errno(), EINVAL);
	unsetenv("RUMP__PARSEDSERVER");
}

static void
test_without_init_calls_fail(void **state)
{
	int64_t retval[2];

	assert_int_equal(rumpclient_syscall(20, NULL, 0, retval), ENOTCONN);
	assert_null(rumpclient_prefork());
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(rumpclient_exec("/bin/true", NULL, NULL), -1);
	assert_int_equal(errno, ENOTCONN);
}

static void
test_the_descriptors_stay_away_from_the_standard_ones(void **state)
{
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int ours[2], bad = 0;
		struct link *lk;

		/* The descriptors of the test are not in the way. */
		close(0);
		close(1);
		close(2);
		bad |= rumpclient_init() != 0;
		lk = client_get();
		link_descriptors(lk, ours);
		bad |= ours[0] < 3 || ours[1] < 3;
		bad |= fcntl(ours[0], F_GETFD) != FD_CLOEXEC;
		bad |= fcntl(ours[1], F_GETFD) != FD_CLOEXEC;
		bad |= fcntl(0, F_GETFD) != -1 || fcntl(1, F_GETFD) != -1 ||
		       fcntl(2, F_GETFD) != -1;
		_exit(bad);
	}
	mock_welcome(&m, WIRE_GUEST);
	join_child(pid);
	mock_close(&m);
}

/* The server is gone. */

static void
test_once_means_one_new_connection(void **state)
{
	struct caller c = { 0 };
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_ONCE);
	caller_start(&c, 20);
	(void)mock_expect_call(&m, 20);
	mock_hang_up(&m);
	mock_welcome(&m, WIRE_GUEST);
	mock_return(&m, mock_expect_call(&m, 20), 0, 5);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 5);

	caller_start(&c, 20);
	(void)mock_expect_call(&m, 20);
	close(m.m_listening);
	mock_hang_up(&m);
	assert_int_equal(caller_join(&c), ENOTCONN);
	mock_close(&m);
}

static void
test_all_calls_are_made_again_on_the_new_connection(void **state)
{
	struct caller callers[5] = { 0 };
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_INFTIME);
	for (int i = 0; i < 5; i++) {
		caller_start(&callers[i], 20);
		(void)mock_expect_call(&m, 20);
	}
	mock_hang_up(&m);
	/* Each thread may try; the first that succeeds serves all. */
	for (int i = 0, answered = 0; answered < 5; i++) {
		struct frame f;

		if (m.m_fd == -1)
			mock_welcome(&m, WIRE_GUEST);
		if (!mock_read(&m, &f)) {
			mock_hang_up(&m);
			continue;
		}
		assert_int_equal(f.f_hdr.wh_type, WIRE_SYSCALL);
		mock_return(&m, f.f_hdr.wh_reqno, 0, 1);
		mock_free(&f);
		answered++;
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(caller_join(&callers[i]), 0);
	mock_close(&m);
}

static void
test_seconds_end(void **state)
{
	struct caller c = { 0 };
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	rumpclient_setconnretry(1);
	rumpclient_setconnretry(-4); /* means nothing */
	close(m.m_listening);
	mock_hang_up(&m);
	caller_start(&c, 20);
	assert_int_equal(caller_join(&c), ENOTCONN);
	mock_close(&m);
}

static void
test_die_ends_the_program(void **state)
{
	int status;
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];

		if (rumpclient_init() != 0)
			_exit(2);
		rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_DIE);
		(void)rumpclient_syscall(20, NULL, 0, retval);
		_exit(3);
	}
	mock_welcome(&m, WIRE_GUEST);
	(void)mock_expect_call(&m, 20);
	mock_hang_up(&m);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	mock_close(&m);
}

/* Forks. */

/* Answer the request for a fork on the connection. */
static void
serve_prefork(struct mock *m)
{
	struct frame f = mock_expect(m, WIRE_REQ, WIRE_PREFORK);
	struct wire_frame w;

	assert_int_equal(f.f_len, 0);
	mock_send_frame(
	    m, &w, wire_put_auth(&w, f.f_hdr.wh_reqno, key), NULL, 0);
	mock_free(&f);
}

/* Take the child's connection, which becomes the mock's. */
static void
serve_child(struct mock *m, bool cancel)
{
	struct wire_fork wf;
	struct wire_frame w;
	struct frame f;

	mock_accept(m);
	f = mock_expect(m, WIRE_REQ, WIRE_HANDSHAKE);
	assert_int_equal(f.f_hdr.wh_u, WIRE_FORK);
	assert_true(wire_get_fork(f.f_data, f.f_len, &wf));
	assert_memory_equal(wf.wf_auth, key, sizeof(key));
	assert_int_equal(wf.wf_cancel, cancel);
	if (!cancel)
		mock_send_frame(
		    m, &w, wire_put_welcome(&w, f.f_hdr.wh_reqno), NULL, 0);
	mock_free(&f);
}

static void *
fork_main(void *arg)
{
	int64_t retval[2] = { 0, 0 };
	pid_t pid = rumpclient_fork();

	if (pid == 0)
		_exit(rumpclient_syscall(20, NULL, 0, retval) != 0 ||
		      retval[0] != 42);
	return (void *)(intptr_t)pid;
}

static void
test_a_forked_child_has_a_connection_of_its_own(void **state)
{
	struct caller c = { 0 };
	pthread_t thread;
	struct mock m;
	int parent;
	void *pid;

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(pthread_create(&thread, NULL, fork_main, NULL), 0);
	serve_prefork(&m);
	parent = m.m_fd;
	serve_child(&m, false);
	mock_return(&m, mock_expect_call(&m, 20), 0, 42);
	assert_int_equal(pthread_join(thread, &pid), 0);
	join_child((pid_t)(intptr_t)pid);
	mock_hang_up(&m);
	m.m_fd = parent; /* which goes on */
	caller_start(&c, 20);
	mock_return(&m, mock_expect_call(&m, 20), 0, 41);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 41);
	mock_close(&m);
}

/* The parent's connection ends with the parent although a child lives. */
static void
test_a_plain_child_does_not_hold_the_connection(void **state)
{
	int wait_for[2];
	struct mock m;
	pid_t pid;
	char c;

	mock_open(&m, false);
	assert_int_equal(pipe(wait_for), 0);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];

		if (rumpclient_init() != 0)
			_exit(1);
		close(wait_for[1]);
		if (fork() != 0)
			_exit(0);
		if (rumpclient_syscall(20, NULL, 0, retval) != ENOTCONN)
			_exit(1);
		_exit(read(wait_for[0], &c, 1) != 0); /* until the test ends */
	}
	mock_welcome(&m, WIRE_GUEST);
	join_child(pid);
	{
		struct frame f;

		assert_false(mock_read(&m, &f));
		mock_free(&f);
	}
	close(wait_for[0]);
	close(wait_for[1]);
	mock_close(&m);
}

static void *
vfork_main(void *arg)
{
	pid_t pid = rumpclient_vfork();

	if (pid == 0) {
		int64_t retval[2];

		_exit(rumpclient_syscall(20, NULL, 0, retval) != 0 ||
		      retval[0] != 42);
	}
	return (void *)(intptr_t)pid;
}

static void
test_a_vfork_child_and_its_parents_threads_do_not_meet(void **state)
{
	struct caller c = { 0 };
	struct mock m, child;
	uint64_t reqno;
	pthread_t thread;
	void *pid;

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(pthread_create(&thread, NULL, vfork_main, NULL), 0);
	serve_prefork(&m);
	child = m;
	serve_child(&child, false);
	reqno = mock_expect_call(&child, 20);
	/* Meanwhile another thread of the parent makes a call. */
	caller_start(&c, 20);
	mock_return(&m, mock_expect_call(&m, 20), 0, 41);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 41);
	mock_return(&child, reqno, 0, 42);
	assert_int_equal(pthread_join(thread, &pid), 0);
	join_child((pid_t)(intptr_t)pid);
	mock_hang_up(&child);
	caller_start(&c, 20);
	mock_return(&m, mock_expect_call(&m, 20), 0, 40);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
}

static void *
cancel_main(void *arg)
{
	struct rumpclient_fork *rf = rumpclient_prefork();

	errno = ENOMEM;
	rumpclient_fork_cancel(rf);
	return (void *)(intptr_t)errno;
}

static void
test_a_fork_that_failed_is_cancelled(void **state)
{
	pthread_t thread;
	struct mock m;
	int parent;
	void *error;

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(pthread_create(&thread, NULL, cancel_main, NULL), 0);
	serve_prefork(&m);
	parent = m.m_fd;
	serve_child(&m, true);
	mock_hang_up(&m);
	m.m_fd = parent;
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_int_equal((intptr_t)error, ENOMEM);
	mock_close(&m);
}

static void
test_a_child_without_connection_gets_an_error(void **state)
{
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		pid_t child;
		int status;

		if (rumpclient_init() != 0)
			_exit(1);
		child = rumpclient_fork();
		if (child <= 0)
			_exit(child == -1 && errno == ENOTCONN ? 77 : 2);
		if (waitpid(child, &status, 0) != child)
			_exit(3);
		_exit(!WIFEXITED(status) || WEXITSTATUS(status) != 77);
	}
	mock_welcome(&m, WIRE_GUEST);
	serve_prefork(&m);
	{
		struct mock child = m;

		mock_accept(&child);
		mock_hang_up(&child);
	}
	join_child(pid);
	mock_close(&m);
}

static void
test_a_daemon_remains_the_process(void **state)
{
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];

		if (rumpclient_init() != 0)
			_exit(1);
		if (rumpclient_daemon(1, 1) != 0)
			_exit(2);
		(void)rumpclient_syscall(20, NULL, 0, retval);
		_exit(0);
	}
	mock_welcome(&m, WIRE_GUEST);
	serve_prefork(&m);
	{
		struct mock child = m;

		serve_child(&child, false);
		mock_return(&child, mock_expect_call(&child, 20), 0, 42);
		mock_hang_up(&child);
	}
	join_child(pid);
	mock_close(&m);
}

/* Exec. */

/* What this program is after an exec; the status is the number of the
 * mistake. */
static int
after_exec(void)
{
	static char target[16] = "untouched";
	static struct rumpclient_fork *volatile rf;
	int64_t retval[2];

	if (getenv("RUMPCLIENT__EXECFD") == NULL)
		return 1;
	if (rumpclient_init() != 0)
		return 2;
	if (getenv("RUMPCLIENT__EXECFD") != NULL)
		return 3;
	if (rumpclient_syscall(
		20, (int64_t[]){ (intptr_t)target }, 8, retval) != 0)
		return 4;
	if (strcmp(target, "untouched") != 0 || retval[0] != 42)
		return 5;
	/* Its children do not meet the variable. */
	rf = rumpclient_prefork();
	return rf == NULL ? 6 : 0;
}

static void
exec_self(char *const envp[])
{
	static char after[] = "after-exec";
	char *const argv[] = { self, after, NULL };

	(void)rumpclient_exec(self, argv, envp);
}

static void
test_an_exec_keeps_the_connection(void **state)
{
	static const int64_t zeros[2];
	struct wire_frame w;
	struct frame f;
	uint64_t reqno, addr;
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		char *const nothing[] = { NULL };

		if (rumpclient_init() != 0)
			_exit(101);
		exec_self(nothing);
		_exit(102);
	}
	mock_welcome(&m, WIRE_GUEST);
	f = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	assert_int_equal(f.f_hdr.wh_u, WIRE_EXEC);
	assert_true(strncmp((char *)f.f_data, "test_sysproxy_c", 15) == 0);
	reqno = f.f_hdr.wh_reqno;
	mock_free(&f);

	/* What the old program's calls still bring. */
	mock_return(&m, 1, 0, 0);
	mock_return(&m, 2, 0, 0);
	f = mock_copyin(&m, self, 4);
	assert_true(f.f_len == 4 && memcmp(f.f_data, zeros, 4) == 0);
	mock_free(&f);

	mock_send_frame(&m, &w, wire_put_welcome(&w, reqno), NULL, 0);
	f = mock_expect(&m, WIRE_REQ, WIRE_SYSCALL);
	assert_true(wire_get_word(f.f_data, f.f_len, &addr));
	mock_return(&m, f.f_hdr.wh_reqno, 0, 42);
	mock_free(&f);
	serve_prefork(&m);
	join_child(pid);
	mock_close(&m);
}

/* A result of the old program must not be stored in the new one's memory. */
static void
test_memory_is_not_written_before_an_exec_is_answered(void **state)
{
	static char target[16] = "untouched";
	struct wire_frame w;
	struct frame f;
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		/* In the place of an exec, which would have another target:
		 * the same handshake. */
		if (rumpclient_init() != 0)
			_exit(1);
		if (client_greet_exec(client_get()) != 0)
			_exit(2);
		_exit(strcmp(target, "untouched") != 0);
	}
	mock_welcome(&m, WIRE_GUEST);
	f = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	mock_copyout(&m, target, "bad", 4);
	mock_send_frame(
	    &m, &w, wire_put_welcome(&w, f.f_hdr.wh_reqno), NULL, 0);
	mock_free(&f);
	join_child(pid);
	mock_close(&m);
}

static void
test_a_failed_exec_changes_nothing(void **state)
{
	char *const argv[] = { NULL };
	struct caller c = { 0 };
	struct link *lk;
	struct mock m;
	int ours[2];

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(rumpclient_exec("/nonexistent", argv, argv), -1);
	assert_int_equal(errno, ENOENT);
	lk = client_get();
	link_descriptors(lk, ours);
	link_unref(lk);
	assert_int_equal(fcntl(ours[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(ours[1], F_GETFD), FD_CLOEXEC);
	caller_start(&c, 20);
	mock_return(&m, mock_expect_call(&m, 20), 0, 5);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
}

/* The client has read all that was sent. */
static void
await_read(struct mock *m)
{
	int left;

	do {
		sched_yield();
		assert_int_equal(ioctl(m->m_fd, SIOCOUTQ, &left), 0);
	} while (left > 0);
}

static void *
freeze_main(void *arg)
{
	struct held he;
	int error;

	client_signals_hold(&he);
	error = link_freeze(arg, &he.he_mask);
	client_signals_release(&he);
	return (void *)(intptr_t)error;
}

static void
test_a_frozen_stream_is_at_the_border_of_a_frame(void **state)
{
	unsigned char stream[sizeof(struct wire_frame)];
	struct caller c = { 0 };
	struct wire_frame w;
	pthread_t thread;
	struct link *lk;
	uint64_t reqno;
	struct mock m;
	void *error;
	size_t n;

	mock_open_with_client(&m, false, MOCK_BANNER);
	lk = client_get();
	caller_start(&c, 3);
	reqno = mock_expect_call(&m, 3);
	n = wire_put_sysret(&w, reqno, 0, NULL);
	memcpy(stream, &w, n);
	mock_send(&m, stream, 30);
	await_read(&m);
	assert_int_equal(pthread_create(&thread, NULL, freeze_main, lk), 0);
	mock_send(&m, stream + 30, n - 30);
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_int_equal((intptr_t)error, 0);
	assert_false(wire_rx_midframe(&lk->lk_rx));
	/* Nobody reads now. */
	mock_return(&m, 4711, 0, 0);
	link_thaw(lk);
	assert_int_equal(caller_join(&c), 0);
	link_unref(lk);
	mock_close(&m);
}

static void
test_a_stream_that_ends_cannot_be_frozen(void **state)
{
	struct caller c = { 0 };
	struct link *lk;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	lk = client_get();
	caller_start(&c, 3);
	(void)mock_expect_call(&m, 3);
	mock_send(&m, "half", 4);
	await_read(&m);
	mock_hang_up(&m);
	assert_int_equal((intptr_t)freeze_main(lk), ENOTCONN);
	assert_int_equal(caller_join(&c), ENOTCONN);
	link_unref(lk);
	mock_close(&m);
}

/* The same for a program that is replaced in fact. */
static void
test_an_exec_waits_for_the_rest_of_a_frame(void **state)
{
	unsigned char stream[2 * sizeof(struct wire_frame)];
	struct wire_frame w;
	uint64_t reqno = 0;
	struct frame f;
	struct mock m;
	pid_t pid;
	size_t n;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		struct caller c = { 0 };

		if (rumpclient_init() != 0)
			_exit(101);
		caller_start(&c, 3);
		/* The thread gets its turn: its call is answered first. */
		if (rumpclient_syscall(4, NULL, 0, c.c_retval) != 0)
			_exit(103);
		exec_self(environ);
		_exit(102);
	}
	mock_welcome(&m, WIRE_GUEST);
	for (int i = 0; i < 2; i++) {
		f = mock_expect(&m, WIRE_REQ, WIRE_SYSCALL);
		if (f.f_hdr.wh_u == 4)
			reqno = f.f_hdr.wh_reqno;
		mock_free(&f);
	}
	/* The answer, and a part of the next frame, in one piece. */
	n = wire_put_sysret(&w, reqno, 0, NULL);
	memcpy(stream, &w, n);
	n += wire_put_sysret(&w, reqno + 77, 0, NULL);
	memcpy(stream + n / 2, &w, n / 2);
	mock_send(&m, stream, n - 10);
	mock_send(&m, stream + n - 10, 10);
	f = mock_expect(&m, WIRE_REQ, WIRE_HANDSHAKE);
	assert_int_equal(f.f_hdr.wh_u, WIRE_EXEC);
	mock_send_frame(
	    &m, &w, wire_put_welcome(&w, f.f_hdr.wh_reqno), NULL, 0);
	mock_free(&f);
	mock_return(&m, mock_expect_call(&m, 20), 0, 42);
	serve_prefork(&m);
	join_child(pid);
	mock_close(&m);
}

static void
test_a_variable_that_names_no_connection_is_refused(void **state)
{
	static const char *const values[] = { "", "5", "5,", "x,6", "5,6,7",
		"-1,-1", "0,0", "99999999999,1", "12345,12346" };
	struct mock m;

	mock_open(&m, false);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		setenv("RUMPCLIENT__EXECFD", values[i], 1);
		assert_int_equal(init_errno(), EINVAL);
		assert_null(getenv("RUMPCLIENT__EXECFD"));
	}
	mock_close(&m);
}

/* Descriptors in the program's way. */

static void
test_descriptors_move_when_the_program_wants_their_numbers(void **state)
{
	struct caller c = { 0 };
	struct link *lk;
	struct mock m;
	int ours[2];

	mock_open_with_client(&m, false, MOCK_BANNER);
	lk = client_get();
	for (int i = 0; i < 2; i++) {
		int fd;

		link_descriptors(lk, ours);
		fd = ours[i];
		assert_int_equal(rumpclient__closenotify(
				     &fd, i == 0 ? RUMPCLIENT_CLOSE_CLOSE
						 : RUMPCLIENT_CLOSE_DUP2),
		    0);
		assert_int_equal(fd, ours[i]);
		assert_int_equal(close(fd), 0);
		link_descriptors(lk, ours);
		assert_int_not_equal(ours[i], fd);
	}
	link_unref(lk);
	caller_start(&c, 20);
	mock_return(&m, mock_expect_call(&m, 20), 0, 5);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
}

static void
test_closing_everything_leaves_the_connection(void **state)
{
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];
		int fd = 3, bad = 0;

		bad |= rumpclient_init() != 0;
		bad |= dup2(0, 50) != 50 || dup2(0, 260) != 260;
		bad |=
		    rumpclient__closenotify(&fd, RUMPCLIENT_CLOSE_FCLOSEM) != 0;
		bad |= fcntl(50, F_GETFD) != -1;
		for (; fd < 1000; fd++)
			close(fd);
		bad |= fcntl(260, F_GETFD) != -1;
		bad |= rumpclient_syscall(20, NULL, 0, retval) != 0;
		_exit(bad);
	}
	mock_welcome(&m, WIRE_GUEST);
	mock_return(&m, mock_expect_call(&m, 20), 0, 5);
	join_child(pid);
	mock_close(&m);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_init_calls_fail),
		cmocka_unit_test(test_a_guest_says_the_name_of_its_command),
		cmocka_unit_test(test_a_banner_may_come_byte_by_byte),
		cmocka_unit_test(test_servers_of_other_kinds_are_refused),
		cmocka_unit_test(test_a_refused_handshake_is_an_error),
		cmocka_unit_test(test_urls_that_are_none_have_their_errors),
		cmocka_unit_test(
		    test_the_descriptors_stay_away_from_the_standard_ones),
		cmocka_unit_test(test_once_means_one_new_connection),
		cmocka_unit_test(
		    test_all_calls_are_made_again_on_the_new_connection),
		cmocka_unit_test(test_seconds_end),
		cmocka_unit_test(test_die_ends_the_program),
		cmocka_unit_test(
		    test_a_forked_child_has_a_connection_of_its_own),
		cmocka_unit_test(
		    test_a_plain_child_does_not_hold_the_connection),
		cmocka_unit_test(
		    test_a_vfork_child_and_its_parents_threads_do_not_meet),
		cmocka_unit_test(test_a_fork_that_failed_is_cancelled),
		cmocka_unit_test(test_a_child_without_connection_gets_an_error),
		cmocka_unit_test(test_a_daemon_remains_the_process),
		cmocka_unit_test(test_an_exec_keeps_the_connection),
		cmocka_unit_test(
		    test_memory_is_not_written_before_an_exec_is_answered),
		cmocka_unit_test(test_a_failed_exec_changes_nothing),
		cmocka_unit_test(
		    test_a_frozen_stream_is_at_the_border_of_a_frame),
		cmocka_unit_test(test_a_stream_that_ends_cannot_be_frozen),
		cmocka_unit_test(test_an_exec_waits_for_the_rest_of_a_frame),
		cmocka_unit_test(
		    test_a_variable_that_names_no_connection_is_refused),
		cmocka_unit_test(
		    test_descriptors_move_when_the_program_wants_their_numbers),
		cmocka_unit_test(test_closing_everything_leaves_the_connection),
	};

	if (realpath("/proc/self/exe", self) == NULL)
		return 100;
	if (argc == 2 && strcmp(argv[1], "after-exec") == 0)
		return after_exec();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
