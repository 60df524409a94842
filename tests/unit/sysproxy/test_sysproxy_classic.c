/* SPDX-License-Identifier: BSD-2-Clause */
/* The genuine protocol's server, frame by frame. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fastclient.h"
#include "lingering.h"
#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"
#include "sysproxy/wire.h"
#include "tests/lib/scratch.h"

#define AWAIT(condition)                                                       \
	do {                                                                   \
		while (!(condition))                                           \
			sched_yield();                                         \
	} while (0)

#define SLOW 30

static char directory[SCRATCH_SIZE];
static char path[64], url[80];

struct link {
	int fd;
	uint64_t reqno;
	struct wire_hdr hdr; /* of what has been received */
	char data[70000];
	size_t len;
};

static int
dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void
send_all(struct link *l, const void *data, size_t len)
{
	assert_int_equal(send(l->fd, data, len, MSG_NOSIGNAL), len);
}

static void
send_frame(struct link *l, const struct wire_frame *f, size_t flen,
    const void *data, size_t len)
{
	send_all(l, f, flen);
	if (len > 0)
		send_all(l, data, len);
}

static bool
receive_all(int fd, void *to, size_t len)
{
	return len == 0 || recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

/* The next frame; false: the end. */
static bool
receive(struct link *l)
{
	if (!receive_all(l->fd, &l->hdr, sizeof(l->hdr)))
		return false;
	l->len = l->hdr.wh_len - sizeof(l->hdr);
	assert_true(l->len <= sizeof(l->data));
	return receive_all(l->fd, l->data, l->len);
}

/* Connect and read the banner. */
static void
open_link(struct link *l)
{
	char banner[WIRE_BANNER_MAX];
	struct wire_banner wb;
	ssize_t n;

	memset(l, 0, sizeof(*l));
	l->fd = dial();
	n = recv(l->fd, banner, sizeof(banner), 0);
	assert_true(n > 0);
	assert_int_equal(
	    wire_banner_parse(banner, (size_t)n, &wb), WIRE_BANNER_OK);
	assert_string_equal(wb.wb_ostype, "NetBSD");
	assert_string_equal(wb.wb_word, FAST_BANNER);
}

static void
expect_error(struct link *l, enum wire_errcode code)
{
	assert_true(receive(l));
	assert_int_equal(l->hdr.wh_class, WIRE_ERROR);
	assert_int_equal(l->hdr.wh_u, code);
}

static void
expect_welcome(struct link *l)
{
	int32_t error = -1;

	assert_true(receive(l));
	assert_int_equal(l->hdr.wh_class, WIRE_RESP);
	assert_int_equal(l->hdr.wh_type, WIRE_HANDSHAKE);
	assert_true(wire_get_welcome(l->data, l->len, &error));
	assert_int_equal(error, 0);
}

static void
expect_end(struct link *l)
{
	assert_false(receive(l));
	close(l->fd);
}

static void
open_guest(struct link *l)
{
	struct wire_frame f;
	size_t len;

	open_link(l);
	len = wire_put_hello(&f, l->reqno++, WIRE_GUEST, 5);
	send_frame(l, &f, len, "test", 5);
	expect_welcome(l);
}

static void
close_link(struct link *l)
{
	close(l->fd);
}

static void
ask(struct link *l, int num, const int64_t *args, unsigned n)
{
	struct wire_frame f;
	size_t len;

	len = wire_put_syscall(&f, l->reqno++, num, n * sizeof(*args));
	send_frame(l, &f, len, args, n * sizeof(*args));
}

/* Carry out what the server asks for in the middle of a call. */
static void
serve(struct link *l)
{
	struct wire_frame f;
	struct wire_copy wc;
	size_t len;

	switch (l->hdr.wh_type) {
	case WIRE_COPYIN:
	case WIRE_COPYINSTR:
		assert_true(wire_get_copy(l->data, l->len, &wc));
		len = wc.wc_len;
		if (l->hdr.wh_type == WIRE_COPYINSTR)
			len = strnlen((char *)wc.wc_addr, len - 1) + 1;
		send_frame(l, &f, wire_put_copied(&f, l->hdr.wh_reqno, len),
		    (void *)wc.wc_addr, len);
		break;
	case WIRE_COPYOUT:
		assert_true(wire_get_copyout(l->data, l->len, &wc));
		memcpy((void *)wc.wc_addr, l->data + sizeof(wc), wc.wc_len);
		break;
	default:
		fail();
	}
}

/* The answer to a call. */
static int
answer(struct link *l, int64_t *retval)
{
	struct wire_sysret ws = { 0 };

	for (;;) {
		assert_true(receive(l));
		if (l->hdr.wh_class != WIRE_REQ)
			break;
		serve(l);
	}
	assert_int_equal(l->hdr.wh_class, WIRE_RESP);
	assert_int_equal(l->hdr.wh_type, WIRE_SYSCALL);
	assert_true(wire_get_sysret(l->data, l->len, &ws));
	if (retval != NULL)
		memcpy(retval, ws.ws_retval, sizeof(ws.ws_retval));
	return ws.ws_error;
}

static int
call(struct link *l, int num, const int64_t *args, unsigned n, int64_t *retval)
{
	ask(l, num, args, n);
	return answer(l, retval);
}

#define N(...) (sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))
#define CALL(l, num, retval, ...)                                              \
	call(l, num, (int64_t[]){ __VA_ARGS__ }, N(__VA_ARGS__), retval)

/* --- tests ----------------------------------------------------------------- */

static void
the_address_is_its_owner_s(void **state)
{
	char text[128];
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rumpuser_sp_url(text, sizeof(text)), 0);
	assert_string_equal(text, url);
	assert_int_equal(rumpuser_sp_url(text, 3), RUMP_ERANGE);
	assert_int_equal(rump_init_server(url), RUMP_EBUSY);
	assert_int_equal(rump_init_server("tcp://127.0.0.1:0/"), RUMP_EPERM);
	assert_int_equal(rump_init_server("nonsense"), RUMP_EINVAL);
	assert_int_equal(rump_init_server("tcp6://[::1]:1/"), RUMP_EOPNOTSUPP);
}

static void
a_guest_makes_calls(void **state)
{
	struct link l;
	int64_t retval[2];
	char buf[16] = "";
	int fd;

	open_guest(&l);
	assert_int_equal(call(&l, RUMP_SYS_getpid, NULL, 0, retval), 0);
	assert_true(retval[0] > 1);
	assert_int_equal(retval[1], 1);
	assert_int_equal(CALL(&l, RUMP_SYS_open, retval, (intptr_t) "/classic",
			     RUMP_O_CREAT | RUMP_O_RDWR, 0644),
	    0);
	fd = (int)retval[0];
	assert_int_equal(
	    CALL(&l, RUMP_SYS_write, retval, fd, (intptr_t) "hello", 5), 0);
	assert_int_equal(CALL(&l, RUMP_SYS_pread, retval, fd, (intptr_t)buf,
			     sizeof(buf), 0, 0),
	    0);
	assert_int_equal(retval[0], 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(
	    CALL(&l, RUMP_SYS_write, retval, fd, 0, 5), RUMP_EFAULT);
	close_link(&l);
}

static void
much_is_read_by_who_reads_slowly(void **state)
{
	enum { SIZE = 8 << 20 };
	char *out = malloc(SIZE), *in = calloc(1, SIZE);
	int64_t retval[2];
	struct link l;
	int fd;

	for (size_t i = 0; i < SIZE; i++)
		out[i] = (char)(i * 3 + i / 1000);
	open_guest(&l);
	assert_int_equal(CALL(&l, RUMP_SYS_open, retval, (intptr_t) "/big",
			     RUMP_O_CREAT | RUMP_O_RDWR, 0644),
	    0);
	fd = (int)retval[0];
	assert_int_equal(
	    CALL(&l, RUMP_SYS_write, retval, fd, (intptr_t)out, SIZE), 0);
	assert_int_equal(retval[0], SIZE);
	/* Others are served while nobody reads this. */
	ask(&l, RUMP_SYS_pread, (int64_t[]){ fd, (intptr_t)in, SIZE, 0, 0 }, 5);
	for (int i = 0; i < 3; i++) {
		struct link other;

		open_guest(&other);
		assert_int_equal(
		    call(&other, RUMP_SYS_getpid, NULL, 0, NULL), 0);
		close_link(&other);
	}
	assert_int_equal(answer(&l, retval), 0);
	assert_int_equal(retval[0], SIZE);
	assert_memory_equal(in, out, SIZE);
	free(in);
	free(out);
	close_link(&l);
}

static void
arguments_and_numbers_are_checked(void **state)
{
	struct link l;

	open_guest(&l);
	assert_int_equal(CALL(&l, RUMP_SYS_write, NULL, 1), RUMP_EINVAL);
	assert_int_equal(call(&l, RUMP_SYS_write, NULL, 0, NULL), RUMP_EINVAL);
	assert_int_equal(call(&l, 12345678, NULL, 0, NULL), RUMP_ENOSYS);
	assert_int_equal(call(&l, -1, NULL, 0, NULL), RUMP_ENOSYS);
	assert_int_equal(
	    call(&l, INT32_MIN + RUMP_SYS_getpid, NULL, 0, NULL), RUMP_ENOSYS);
	close_link(&l);
}

static void
strangers_are_turned_away(void **state)
{
	struct wire_frame f;
	struct link l;
	size_t len;

	open_link(&l);
	ask(&l, RUMP_SYS_getpid, NULL, 0);
	expect_error(&l, WIRE_ERR_AUTH);
	expect_end(&l);
	open_link(&l);
	len = wire_put_hello(&f, 1, WIRE_AUTH, 5);
	send_frame(&l, &f, len, "test", 5);
	expect_error(&l, WIRE_ERR_AUTH);
	expect_end(&l);
	open_link(&l);
	len = wire_put_hello(&f, 1, WIRE_GUEST, 0);
	send_frame(&l, &f, len, NULL, 0);
	expect_error(&l, WIRE_ERR_MALFORMED);
	expect_end(&l);
	open_guest(&l);
	len = wire_put_hello(&f, 1, WIRE_GUEST, 5);
	send_frame(&l, &f, len, "test", 5);
	expect_error(&l, WIRE_ERR_MALFORMED);
	expect_end(&l);
}

static void
lengths_that_cannot_be_end_the_connection(void **state)
{
	struct wire_hdr h = { .wh_len = 3 };
	struct link l;

	open_guest(&l);
	send_all(&l, &h, sizeof(h));
	expect_end(&l);
	open_guest(&l);
	h.wh_len = UINT64_MAX;
	send_all(&l, &h, sizeof(h));
	expect_end(&l);
	open_guest(&l);
	h = (struct wire_hdr){ .wh_len = sizeof(h), .wh_type = 99 };
	send_all(&l, &h, sizeof(h));
	expect_error(&l, WIRE_ERR_MALFORMED);
	assert_int_equal(call(&l, RUMP_SYS_getpid, NULL, 0, NULL), 0);
	close_link(&l);
}

static void
put_auth(struct link *l, uint32_t *auth)
{
	struct wire_frame f;
	size_t len = wire_put_prefork(&f, l->reqno++);

	send_frame(l, &f, len, NULL, 0);
	assert_true(receive(l));
	assert_int_equal(l->hdr.wh_class, WIRE_RESP);
	assert_int_equal(l->hdr.wh_type, WIRE_PREFORK);
	assert_true(wire_get_auth(l->data, l->len, auth));
}

static void
a_child_names_its_key_once(void **state)
{
	struct link parent, child, late;
	struct wire_frame f;
	int64_t retval[2];
	uint32_t auth[4];
	size_t len;
	char c = 0;
	int fd;

	open_guest(&parent);
	assert_int_equal(
	    CALL(&parent, RUMP_SYS_open, retval, (intptr_t) "/shared",
		RUMP_O_CREAT | RUMP_O_RDWR, 0644),
	    0);
	fd = (int)retval[0];
	assert_int_equal(
	    CALL(&parent, RUMP_SYS_write, retval, fd, (intptr_t) "q", 1), 0);
	put_auth(&parent, auth);
	close_link(&parent);
	open_link(&child);
	len = wire_put_fork(&f, child.reqno++, auth, false);
	send_frame(&child, &f, len, NULL, 0);
	expect_welcome(&child);
	assert_int_equal(
	    CALL(&child, RUMP_SYS_pread, retval, fd, (intptr_t)&c, 1, 0, 0), 0);
	assert_int_equal(c, 'q');
	open_link(&late);
	len = wire_put_fork(&f, late.reqno++, auth, false);
	send_frame(&late, &f, len, NULL, 0);
	expect_error(&late, WIRE_ERR_INVALID_PREFORK);
	expect_end(&late);
	/* And one that is not wanted after all. */
	put_auth(&child, auth);
	open_link(&late);
	len = wire_put_fork(&f, late.reqno++, auth, true);
	send_frame(&late, &f, len, NULL, 0);
	expect_end(&late);
	close_link(&child);
}

static void
many_keys_that_nobody_names_do_no_harm(void **state)
{
	struct link l;
	uint32_t auth[4];

	open_guest(&l);
	for (int i = 0; i < 600; i++)
		put_auth(&l, auth);
	assert_int_equal(call(&l, RUMP_SYS_getpid, NULL, 0, NULL), 0);
	close_link(&l);
}

static void
exec_ends_sleeping_calls_and_keeps_the_process(void **state)
{
	struct wire_frame f;
	int64_t retval[2], pid;
	struct wire_sysret ws;
	bool welcomed = false;
	struct link l;
	int pipe[2];
	size_t len;
	char c;

	open_guest(&l);
	assert_int_equal(call(&l, RUMP_SYS_getpid, NULL, 0, retval), 0);
	pid = retval[0];
	assert_int_equal(
	    CALL(&l, RUMP_SYS_pipe2, NULL, (intptr_t)pipe, RUMP_O_CLOEXEC), 0);
	ask(&l, RUMP_SYS_read, (int64_t[]){ pipe[0], (intptr_t)&c, 1 }, 3);
	len = wire_put_hello(&f, l.reqno++, WIRE_EXEC, 4);
	send_frame(&l, &f, len, "new", 4);
	for (int i = 0; i < 2; i++) {
		assert_true(receive(&l));
		assert_int_equal(l.hdr.wh_class, WIRE_RESP);
		if (l.hdr.wh_type == WIRE_HANDSHAKE) {
			welcomed = true;
			continue;
		}
		assert_true(wire_get_sysret(l.data, l.len, &ws));
		assert_int_equal(ws.ws_error, RUMP_EINTR);
		assert_false(welcomed);
	}
	assert_true(welcomed);
	assert_int_equal(call(&l, RUMP_SYS_getpid, NULL, 0, retval), 0);
	assert_int_equal(retval[0], pid);
	assert_int_equal(
	    CALL(&l, RUMP_SYS_read, NULL, pipe[0], (intptr_t)&c, 1),
	    RUMP_EBADF);
	close_link(&l);
}

static void
a_client_may_vanish_in_the_middle_of_anything(void **state)
{
	struct link l;
	int pipe[2];
	char c;

	open_guest(&l);
	/* While the server waits for a path, */
	ask(&l, RUMP_SYS_open, (int64_t[]){ (intptr_t) "/x", 0, 0 }, 3);
	assert_true(receive(&l));
	assert_int_equal(l.hdr.wh_type, WIRE_COPYINSTR);
	close_link(&l);
	/* ... while calls sleep, */
	open_guest(&l);
	assert_int_equal(CALL(&l, RUMP_SYS_pipe2, NULL, (intptr_t)pipe, 0), 0);
	for (int i = 0; i < 200; i++)
		ask(&l, RUMP_SYS_read, (int64_t[]){ pipe[0], (intptr_t)&c, 1 },
		    3);
	close_link(&l);
	/* ... in the middle of a frame. */
	open_guest(&l);
	send_all(&l, "\x30\0\0\0", 4);
	close_link(&l);
	/* Those of the tests before, too, which may still be on their way. */
	AWAIT(rumpuser_sp_clients() == 0);
}

static void
the_fast_transport_is_reached_from_here(void **state)
{
	struct fastclient fc = { 0 };
	struct wire_frame f;
	struct link l;
	int64_t retval[2];
	size_t len;

	open_link(&l);
	len = wire_put_hello(&f, 1, (enum wire_kind)FAST_HANDSHAKE, 5);
	send_frame(&l, &f, len, "fast", 5);
	expect_welcome(&l);
	assert_int_equal(fastclient_hello(&fc, l.fd, false), 0);
	assert_true(fastclient_start(&fc, 0));
	assert_int_equal(
	    fastclient_call(&fc, 0, RUMP_SYS_getpid, NULL, NULL, retval), 0);
	assert_int_equal(retval[0], fc.fc_pid);
	fastclient_close(&fc);
}

static int
try_as_nobody(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;

	/* Even one that the mode lets through. */
	if (chmod(directory, 0777) != 0 || chmod(path, 0666) != 0 ||
	    setresuid(65534, 65534, 65534) != 0)
		return 1;
	strcpy(sun.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return 2;
	return recv(fd, &c, 1, 0) == 0 ? 0 : 3;
}

static void
other_users_stay_outside(void **state)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(try_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool
answers(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool connected;

	strcpy(sun.sun_path, path);
	connected = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	return connected;
}

/* The last test: the kernel ends in a process of its own. */
static void
reboot_is_answered_and_removes_the_address(void **state)
{
	struct link l;
	int status;
	pid_t pid;
	char c;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "server", directory, NULL);
		_exit(127);
	}
	snprintf(path, sizeof(path), "%s/halt", directory);
	AWAIT(answers());
	open_guest(&l);
	assert_int_equal(CALL(&l, RUMP_SYS_reboot, NULL, 0, 0), 0);
	assert_int_equal(recv(l.fd, &c, 1, 0), 0);
	close_link(&l);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), -1);
}

/* What is sent out of band the host hands to nobody, once something follows. */
static bool
send_slow(int connection, int fd, int flags)
{
	return lingering_send(connection, "", 1, fd, flags) &&
	       (flags == 0 || send(connection, "", 1, MSG_NOSIGNAL) == 1 ||
		   errno == EPIPE || errno == ECONNRESET);
}

/* From a process that ends at once: where it closes fd last, nothing lingers. */
static void
leave_behind(int fd, int flags)
{
	int go[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		(void)read(go[0], &c, 1);
		_exit(send_slow(dial(), fd, flags) ? 0 : 1);
	}
	close(fd);
	close(go[0]);
	close(go[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whoever has connected to the address need not be anybody yet. */
static void
descriptors_that_are_slow_to_close_hold_up_nobody(void **state)
{
	int listeners[SLOW];
	struct link other;

	for (int i = 0; i < SLOW; i++) {
		leave_behind(
		    lingering_socket(&listeners[i]), i % 2 == 0 ? 0 : MSG_OOB);
		open_link(&other);
		close(other.fd);
	}
	for (int i = 0; i < SLOW; i++)
		close(listeners[i]);
}

static unsigned
count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Also while something of others', who were turned down, is slow to close. */
static void
connections_that_nobody_wants_any_more_leave_nothing(void **state)
{
	unsigned before;
	int listener, fd;

	AWAIT(rumpuser_sp_clients() == 0);
	leave_behind(lingering_socket(&listener), 0);
	AWAIT(rumpuser_sp_clients() == 0);
	before = count_descriptors();
	for (int i = 0; i < SLOW; i++) {
		fd = dial();
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	AWAIT(rumpuser_sp_clients() == 0 && count_descriptors() <= before);
	close(listener);
}

static int
boot(void **state)
{
	/* A reference to librumpvfs, which --as-needed would drop. */
	rump_namei_escape_set(false);
	if (!scratch_make(directory) || rump_init() != 0)
		return -1;
	/* Clients are whoever runs the test, and make files there. */
	if (geteuid() != 0 && rump_sys_chmod("/", 01777) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(url, sizeof(url), "unix://%s", path);
	return rump_init_server(url);
}

static int
clean(void **state)
{
	snprintf(path, sizeof(path), "%s/socket", directory);
	unlink(path);
	return rmdir(directory);
}

static int
be_server(const char *dir)
{
	snprintf(url, sizeof(url), "unix://%s/halt", dir);
	rump_namei_escape_set(false);
	if (rump_init() != 0 || rump_init_server(url) != 0)
		return 1;
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_address_is_its_owner_s),
		cmocka_unit_test(a_guest_makes_calls),
		cmocka_unit_test(much_is_read_by_who_reads_slowly),
		cmocka_unit_test(arguments_and_numbers_are_checked),
		cmocka_unit_test(strangers_are_turned_away),
		cmocka_unit_test(lengths_that_cannot_be_end_the_connection),
		cmocka_unit_test(a_child_names_its_key_once),
		cmocka_unit_test(many_keys_that_nobody_names_do_no_harm),
		cmocka_unit_test(
		    exec_ends_sleeping_calls_and_keeps_the_process),
		cmocka_unit_test(a_client_may_vanish_in_the_middle_of_anything),
		cmocka_unit_test(the_fast_transport_is_reached_from_here),
		cmocka_unit_test(
		    descriptors_that_are_slow_to_close_hold_up_nobody),
		cmocka_unit_test(
		    connections_that_nobody_wants_any_more_leave_nothing),
		cmocka_unit_test(other_users_stay_outside),
		cmocka_unit_test(reboot_is_answered_and_removes_the_address),
	};

	if (argc > 1)
		return be_server(argv[1]);
	return cmocka_run_group_tests(tests, boot, clean);
}
