/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the fast transport, against remoteserver.h. */
#include "tests/unit/preload/remoteserver.h"

#include "preload/remote_link.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "preload/config.h"
#include "preload/cred.h"
#include "preload/engine/thread.h"
#include "preload/memory.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define NCALLERS 8
#define NCALLS 2000

static struct remote connection;

static void
serve_sum(struct server *s, struct fast_slot *sl)
{
	sl->sl_retval[0] = sl->sl_args[0] + sl->sl_args[1];
	sl->sl_retval[1] = sl->sl_num;
}

static void
only_the_first_call_greets(void **state)
{
	struct server *s = server_create(&connection, serve_sum);
	const int64_t args[2] = { 40, 2 };
	int64_t retval[2];

	server_start(s);
	assert_int_equal(s->s_hellos, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    remote_call(&connection, 77, args, 2, retval), 0);
		assert_int_equal(retval[0], 42);
		assert_int_equal(retval[1], 77);
	}
	assert_int_equal(s->s_hellos, 1);
	assert_int_equal(s->s_nworkers, 1);
	server_end(s, &connection);
}

static void
serve_refused(struct server *s, struct fast_slot *sl)
{
	sl->sl_error = RUMP_EPERM;
	sl->sl_retval[0] = 9;
}

static void
an_error_of_the_call_is_returned(void **state)
{
	struct server *s = server_create(&connection, serve_refused);

	server_start(s);
	assert_int_equal(
	    remote_call(&connection, RUMP_SYS_getpid, NULL, 0, NULL),
	    RUMP_EPERM);
	server_end(s, &connection);
}

bool cred_apart;
static __thread uint32_t credentials;

uint32_t
cred_number_apart(void)
{
	return credentials;
}

static void
serve_credentials(struct server *s, struct fast_slot *sl)
{
	sl->sl_retval[0] = sl->sl_cred;
	sl->sl_retval[1] = sl->sl_tid;
}

static void
says_to_be(uint32_t number, pid_t tid)
{
	int64_t retval[2];

	credentials = number;
	assert_int_equal(remote_call(&connection, 77, NULL, 0, retval), 0);
	assert_int_equal(retval[0], number);
	if (number != 0)
		assert_int_equal(retval[1], tid);
}

static void *
thread_of_another_user(void *arg)
{
	says_to_be(6, gettid());
	says_to_be(5, gettid());
	return NULL;
}

static void
a_call_names_the_credentials_of_its_thread(void **state)
{
	struct server *s = server_create(&connection, serve_credentials);
	pthread_t thread;

	server_start(s);
	says_to_be(0, 0);
	cred_apart = true;
	says_to_be(4, gettid());
	assert_int_equal(
	    pthread_create(&thread, NULL, thread_of_another_user, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	says_to_be(4, gettid());
	says_to_be(0, 0);
	assert_int_equal(s->s_nworkers, 1);
	cred_apart = false;
	server_end(s, &connection);
}

/* The staged copy of what is at addr, or NULL. */
static const void *
staged(struct fast_slot *sl, const void *addr, size_t len)
{
	for (uint32_t i = 0; i < sl->sl_nin; i++) {
		if (sl->sl_in[i].fr_addr == (uintptr_t)addr &&
		    sl->sl_in[i].fr_len == len)
			return fast_data(sl) + sl->sl_in[i].fr_off;
	}
	return NULL;
}

static void
serve_seen(struct server *s, struct fast_slot *sl)
{
	for (uint32_t i = 0; i < sl->sl_nin; i++)
		assert_true(
		    sl->sl_in[i].fr_off + sl->sl_in[i].fr_len <= sl->sl_inlen);
	sl->sl_retval[0] = sl->sl_nin;
}

/* Make the call; the slot is looked at afterwards, when it is nobody's. */
static struct fast_slot *
stage(struct server *s, int num, const int64_t *args, size_t n, int64_t ranges)
{
	int64_t retval[2];

	assert_int_equal(remote_call(&connection, num, args, n, retval), 0);
	assert_int_equal(retval[0], ranges);
	return fast_slot(s->s_map, 0);
}

static void
strings_and_buffers_go_along(void **state)
{
	struct server *s = server_create(&connection, serve_seen);
	static const char from[] = "/data/old name", to[] = "/data/new";
	const int64_t rename_args[2] = { (int64_t)from, (int64_t)to };
	const int64_t write_args[3] = { 4, (int64_t)from, 5 };
	struct rump_timespec times[2] = { { 1, 2 }, { 3, 4 } };
	const int64_t utimens_args[2] = { 4, (int64_t)times };
	struct fast_slot *sl;

	server_start(s);
	sl = stage(s, RUMP_SYS_rename, rename_args, 2, 2);
	assert_string_equal(staged(sl, from, sizeof(from)), from);
	assert_string_equal(staged(sl, to, sizeof(to)), to);
	sl = stage(s, RUMP_SYS_write, write_args, 3, 1);
	assert_memory_equal(staged(sl, from, 5), from, 5);
	sl = stage(s, RUMP_SYS_futimens, utimens_args, 2, 1);
	assert_memory_equal(
	    staged(sl, times, sizeof(times)), times, sizeof(times));
	server_end(s, &connection);
}

static void
vectors_and_messages_go_along(void **state)
{
	struct server *s = server_create(&connection, serve_seen);
	char name[16] = "name", control[24] = "control";
	struct rump_iovec iov[3] = { { name, 5 }, { NULL, 0 }, { control, 8 } };
	struct rump_msghdr mh = {
		.msg_name = name,
		.msg_namelen = sizeof(name),
		.msg_iov = iov,
		.msg_iovlen = 3,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const int64_t vector[3] = { 4, (int64_t)iov, 3 };
	const int64_t message[3] = { 4, (int64_t)&mh, 0 };
	struct fast_slot *sl;

	server_start(s);
	sl = stage(s, RUMP_SYS_writev, vector, 3, 3);
	assert_non_null(staged(sl, iov, sizeof(iov)));
	assert_string_equal(staged(sl, control, 8), control);
	(void)stage(s, RUMP_SYS_readv, vector, 3, 1);
	sl = stage(s, RUMP_SYS_sendmsg, message, 3, 6);
	assert_non_null(staged(sl, &mh, sizeof(mh)));
	assert_non_null(staged(sl, control, sizeof(control)));
	(void)stage(s, RUMP_SYS_recvmsg, message, 3, 2);
	server_end(s, &connection);
}

static void
commands_say_what_goes_along(void **state)
{
	struct server *s = server_create(&connection, serve_seen);
	struct rump_flock lf = { .l_len = 5 };
	int value = 1;
	const int64_t lock[3] = { 4, RUMP_F_SETLK, (int64_t)&lf };
	const int64_t ofd[3] = { 4, RUMP_F_OFD_SETLK, (int64_t)&lf };
	const int64_t flags[3] = { 4, RUMP_F_SETFL, (int64_t)&lf };
	const int64_t nonblock[3] = { 4, (int64_t)RUMP_FIONBIO,
		(int64_t)&value };
	const int64_t pending[3] = { 4, (int64_t)RUMP_FIONREAD,
		(int64_t)&value };

	server_start(s);
	assert_non_null(
	    staged(stage(s, RUMP_SYS_fcntl, lock, 3, 1), &lf, sizeof(lf)));
	assert_non_null(
	    staged(stage(s, RUMP_SYS_fcntl, ofd, 3, 1), &lf, sizeof(lf)));
	(void)stage(s, RUMP_SYS_fcntl, flags, 3, 0);
	assert_non_null(staged(
	    stage(s, RUMP_SYS_ioctl, nonblock, 3, 1), &value, sizeof(value)));
	(void)stage(s, RUMP_SYS_ioctl, pending, 3, 0);
	server_end(s, &connection);
}

static void
what_is_long_or_bad_is_left_to_the_server(void **state)
{
	struct server *s = server_create(&connection, serve_seen);
	static char large[FAST_DATA + 1];
	int64_t args[3] = { 4, (int64_t)large, sizeof(large) };
	struct rump_iovec iov[40];
	const int64_t vector[3] = { 4, (int64_t)iov, 40 };

	for (int i = 0; i < 40; i++)
		iov[i] = (struct rump_iovec){ large + 8 * i, 8 };
	server_start(s);
	(void)stage(s, RUMP_SYS_write, args, 3, 0);
	args[2] = INT64_MAX;
	(void)stage(s, RUMP_SYS_write, args, 3, 0);
	args[1] = 16;
	args[2] = 8;
	(void)stage(s, RUMP_SYS_write, args, 3, 0);
	(void)stage(s, RUMP_SYS_writev, vector, 3, FAST_RANGES);
	args[0] = 16;
	(void)stage(s, RUMP_SYS_unlink, args, 1, 0);
	server_end(s, &connection);
}

static void
buffers_from_32_kib_on_are_fetched_where_that_is_possible(void **state)
{
	struct server *s = server_create(&connection, serve_seen);
	static char buf[FAST_LARGE + 1];
	const int64_t whole[3] = { 4, (int64_t)buf, sizeof(buf) };
	const int64_t less[3] = { 4, (int64_t)buf, FAST_LARGE };

	s->s_flags = FAST_BY_VM;
	server_start(s);
	(void)stage(s, RUMP_SYS_write, whole, 3, 0);
	(void)stage(s, RUMP_SYS_write, less, 3, 1);
	server_end(s, &connection);
}

/* --- help in the middle of a call -------------------------------------- */

static uint32_t
ask(struct server *s, struct fast_slot *sl, uint32_t op, uint64_t addr,
    uint64_t len)
{
	sl->sl_op = op;
	sl->sl_addr = addr;
	sl->sl_len = len;
	sl->sl_off = 128;
	server_set(sl, FAST_SERVICE);
	if (server_wait(s, sl, FAST_SERVED) != FAST_SERVED)
		return UINT32_MAX;
	return sl->sl_status;
}

/* args: address, length. */
static void
serve_increment(struct server *s, struct fast_slot *sl)
{
	uint64_t addr = (uint64_t)sl->sl_args[0], n = (uint64_t)sl->sl_args[1];
	uint32_t status = ask(s, sl, FAST_COPYIN, addr, n);

	for (uint64_t i = 0; i < n && status == 0; i++)
		fast_data(sl)[128 + i]++;
	if (status == 0)
		status = ask(s, sl, FAST_COPYOUT, addr, n);
	sl->sl_error = status;
}

static void
the_server_reaches_the_callers_memory(void **state)
{
	struct server *s = server_create(&connection, serve_increment);
	char text[] = "HAL";
	int64_t args[2] = { (int64_t)text, 3 };

	server_start(s);
	assert_int_equal(remote_call(&connection, 1, args, 2, NULL), 0);
	assert_string_equal(text, "IBM");
	args[0] = 4096;
	assert_int_equal(
	    remote_call(&connection, 1, args, 2, NULL), RUMP_EFAULT);
	args[0] = (int64_t)text;
	args[1] = FAST_DATA;
	assert_int_equal(
	    remote_call(&connection, 1, args, 2, NULL), RUMP_EFAULT);
	server_end(s, &connection);
}

static void
serve_string(struct server *s, struct fast_slot *sl)
{
	uint64_t max = (uint64_t)sl->sl_args[1];

	sl->sl_error =
	    ask(s, sl, FAST_COPYINSTR, (uint64_t)sl->sl_args[0], max);
	sl->sl_retval[0] = (int64_t)sl->sl_len;
}

static void
strings_are_fetched_up_to_their_end(void **state)
{
	struct server *s = server_create(&connection, serve_string);
	int64_t args[2] = { (int64_t) "four", 64 }, retval[2];

	server_start(s);
	assert_int_equal(remote_call(&connection, 1, args, 2, retval), 0);
	assert_int_equal(retval[0], 5);
	args[1] = 4;
	assert_int_equal(
	    remote_call(&connection, 1, args, 2, retval), RUMP_ENAMETOOLONG);
	args[0] = 8;
	assert_int_equal(
	    remote_call(&connection, 1, args, 2, retval), RUMP_EFAULT);
	server_end(s, &connection);
}

static void
serve_hooks(struct server *s, struct fast_slot *sl)
{
	sl->sl_arg[0] = 4096;
	sl->sl_arg[1] = 8192;
	(void)ask(s, sl, FAST_PROTECT, 77, 0);
	sl->sl_arg[0] = 12345;
	(void)ask(s, sl, FAST_CUT, 78, 0);
	sl->sl_error = ask(s, sl, 99, 0, 0);
}

static void
the_server_reaches_the_callers_mappings(void **state)
{
	struct server *s = server_create(&connection, serve_hooks);

	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 1, NULL, 0, NULL), RUMP_EFAULT);
	assert_int_equal(protected_lo, 4096);
	assert_int_equal(protected_hi, 8192);
	assert_int_equal(cut_at, 12345);
	assert_ptr_equal(hook_file, (void *)78);
	server_end(s, &connection);
}

/* --- what comes back --------------------------------------------------- */

/* args: address, length, offset in the data, how many ranges are claimed. */
static void
serve_out(struct server *s, struct fast_slot *sl)
{
	memset(fast_data(sl), 'x', FAST_DATA);
	sl->sl_out[0] = (struct fast_range){ (uint64_t)sl->sl_args[0],
		(uint32_t)sl->sl_args[1], (uint32_t)sl->sl_args[2] };
	for (int i = 1; i < FAST_RANGES; i++)
		sl->sl_out[i] = sl->sl_out[0];
	sl->sl_nout = (uint32_t)sl->sl_args[3];
	sl->sl_retval[0] = 4;
}

static void
results_are_stored_where_they_belong(void **state)
{
	struct server *s = server_create(&connection, serve_out);
	char buf[8] = "-------";
	int64_t args[4] = { (int64_t)(buf + 1), 4, 64, 1 }, retval[2];

	server_start(s);
	assert_int_equal(remote_call(&connection, 1, args, 4, retval), 0);
	assert_string_equal(buf, "-xxxx--");
	args[0] = 4096;
	assert_int_equal(
	    remote_call(&connection, 1, args, 4, retval), RUMP_EFAULT);
	server_end(s, &connection);
}

static void
a_server_that_lies_does_no_harm(void **state)
{
	struct server *s = server_create(&connection, serve_out);
	char buf[8] = "-------";
	int64_t args[4] = { (int64_t)buf, 4, FAST_DATA, 1 };

	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 1, args, 4, NULL), RUMP_EFAULT);
	args[2] = 0xffffffff;
	assert_int_equal(
	    remote_call(&connection, 1, args, 4, NULL), RUMP_EFAULT);
	args[2] = 0;
	args[3] = 0xffffffff;
	assert_int_equal(remote_call(&connection, 1, args, 4, NULL), 0);
	assert_string_equal(buf, "xxxx---");
	server_end(s, &connection);
}

/* --- signals ----------------------------------------------------------- */

/* Sleeps until the loop has heard of the interruption. */
static void
serve_sleep(struct server *s, struct fast_slot *sl)
{
	while (s->s_nseen == 0 && !s->s_stop)
		sched_yield();
	sl->sl_error = RUMP_ERESTART;
}

static void
a_signal_ends_the_call(void **state)
{
	struct server *s = server_create(&connection, serve_sleep);
	struct fast_slot *sl = fast_slot(s->s_map, 0);

	server_start(s);
	assert_int_equal(remote_greet(&connection, true), 0);
	remote_interrupted = 1;
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ERESTART);
	assert_int_equal(s->s_nseen, 1);
	assert_int_equal(s->s_seen[0].fm_type, FAST_INTR);
	assert_int_equal(s->s_seen[0].fm_arg, 0);
	assert_int_equal(s->s_seen[0].fm_addr, sl->sl_sequence);
	server_end(s, &connection);
}

static void
serve_twice(struct server *s, struct fast_slot *sl)
{
	sl->sl_error = s->s_calls < 3 ? RUMP_ERESTART : 0;
}

static void
a_restart_without_a_signal_is_repeated(void **state)
{
	struct server *s = server_create(&connection, serve_twice);

	server_start(s);
	assert_int_equal(remote_call(&connection, 3, NULL, 0, NULL), 0);
	assert_int_equal(s->s_calls, 3);
	server_end(s, &connection);
}

static void
a_patient_call_does_not_mind_signals(void **state)
{
	struct server *s = server_create(&connection, serve_twice);

	server_start(s);
	remote_interrupted = 1;
	assert_int_equal(remote_call_patient(&connection, 3, NULL, 0, NULL), 0);
	assert_int_equal(s->s_nseen, 0);
	server_end(s, &connection);
}

static void
a_signal_that_comes_before_it_keeps_no_file_open(void **state)
{
	const int64_t args[] = { 5 };
	struct server *s = server_create(&connection, serve_twice);

	server_start(s);
	remote_interrupted = 1;
	assert_int_equal(
	    remote_call(&connection, RUMP_SYS_close, args, 1, NULL), 0);
	assert_int_equal(s->s_calls, 3);
	server_end(s, &connection);
}

/* --- ends -------------------------------------------------------------- */

static void
nobody_is_welcome(void **state)
{
	struct server *s = server_create(&connection, serve_sum);

	s->s_refuse = RUMP_EACCES;
	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_EACCES);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ENOTCONN);
	server_end(s, &connection);
}

/* As it does on a connection that the client's parent has made. */
static void
a_server_may_speak_first(void **state)
{
	struct server *s = server_create(&connection, serve_sum);
	const int64_t args[2] = { 1, 2 };
	int64_t retval[2];

	s->s_first = true;
	server_start(s);
	assert_int_equal(remote_call(&connection, 1, args, 2, retval), 0);
	assert_int_equal(s->s_hellos, 1);
	server_end(s, &connection);
}

/* A thread may execute a program while another one waits for an answer. */
static void
answers_to_an_earlier_image_are_passed_over(void **state)
{
	struct server *s = server_create(&connection, serve_sum);
	const int64_t args[2] = { 1, 2 };
	int64_t retval[2];
	int before, after;

	s->s_late = true;
	s->s_stale = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = dup(0);
	close(before);
	server_start(s);
	assert_int_equal(remote_call(&connection, 1, args, 2, retval), 0);
	assert_int_equal(retval[0], 3);
	assert_int_equal(connection.rm_flags & FAST_NONCE, 0);
	after = dup(0);
	close(after);
	/* Only the area has come to stay. */
	assert_int_equal(after, before + 1);
	close(s->s_stale);
	server_end(s, &connection);
}

static void
a_server_may_hang_up_at_once(void **state)
{
	struct server *s = server_create(&connection, serve_sum);

	s->s_deaf = true;
	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ENOTCONN);
	server_end(s, &connection);
}

static void
serve_death(struct server *s, struct fast_slot *sl)
{
	s->s_stop = true;
}

static void
the_end_of_a_process_ends_its_calls(void **state)
{
	struct server *s = server_create(&connection, serve_death);

	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ENOTCONN);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ENOTCONN);
	server_end(s, &connection);
}

static void
serve_descriptor(struct server *s, struct fast_slot *sl)
{
	server_send(s, FAST_FD, 0, 0, s->s_area);
}

static void
a_call_answers_a_descriptor(void **state)
{
	struct server *s = server_create(&connection, serve_descriptor);
	struct stat wanted, got;
	int fd = -1;

	server_start(s);
	assert_int_equal(remote_call_fd(&connection, 9, NULL, 0, &fd), 0);
	assert_int_equal(fstat(s->s_area, &wanted), 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(got.st_ino, wanted.st_ino);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	server_end(s, &connection);
}

static void
a_server_may_die_instead_of_answering_a_descriptor(void **state)
{
	struct server *s = server_create(&connection, serve_death);
	int fd = -1;

	server_start(s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(remote_call_fd(&connection, 9, NULL, 0, &fd),
		    RUMP_ENOTCONN);
	assert_int_equal(fd, -1);
	server_end(s, &connection);
}

/* Nobody answers, and the connection is gone. */
static void
serve_silence(struct server *s, struct fast_slot *sl)
{
	shutdown(s->s_fd, SHUT_RDWR);
	while (!s->s_stop)
		sched_yield();
}

static void
a_server_that_dies_in_silence_is_missed(void **state)
{
	struct server *s = server_create(&connection, serve_silence);

	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 3, NULL, 0, NULL), RUMP_ENOTCONN);
	server_end(s, &connection);
}

/* --- slots ------------------------------------------------------------- */

static void
serve_escape(struct server *s, struct fast_slot *sl)
{
	if (sl->sl_num == 5)
		sl->sl_error = RUMP_ENAMESPACE;
	sl->sl_retval[0] = (int64_t)((char *)sl - s->s_map) / FAST_SLOT_SIZE;
}

static void *
call_once(void *arg)
{
	int64_t retval[2] = { -1, -1 };

	assert_int_equal(remote_call(&connection, 7, NULL, 0, retval), 0);
	*(int64_t *)arg = retval[0];
	return NULL;
}

static void
a_path_that_escaped_is_asked_for_in_the_same_slot(void **state)
{
	struct server *s = server_create(&connection, serve_escape);
	int64_t retval[2], other;
	pthread_t thread;

	config.cf_nmounts = 1;
	server_start(s);
	assert_int_equal(
	    remote_call(&connection, 5, NULL, 0, retval), RUMP_ENAMESPACE);
	assert_int_equal(fast_slot(s->s_map, 0)->sl_flags, FAST_ESCAPE);
	pthread_create(&thread, NULL, call_once, &other);
	pthread_join(thread, NULL);
	assert_int_equal(other, 1);
	assert_int_equal(remote_call(&connection, 6, NULL, 0, retval), 0);
	assert_int_equal(retval[0], 0);
	pthread_create(&thread, NULL, call_once, &other);
	pthread_join(thread, NULL);
	assert_int_equal(other, 0);
	server_end(s, &connection);
}

static void *
call_often(void *arg)
{
	int64_t args[2] = { (intptr_t)arg, 0 }, retval[2];

	for (int i = 0; i < NCALLS; i++) {
		args[1] = i;
		if (remote_call(&connection, i, args, 2, retval) != 0 ||
		    retval[0] != args[0] + i || retval[1] != i)
			return arg;
	}
	return NULL;
}

static void
call_from_threads(struct server *s)
{
	pthread_t threads[NCALLERS];
	void *wrong;

	for (intptr_t i = 0; i < NCALLERS; i++)
		pthread_create(&threads[i], NULL, call_often, (void *)(i + 1));
	for (int i = 0; i < NCALLERS; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(s->s_hellos, 1);
}

static void
threads_call_at_the_same_time(void **state)
{
	struct server *s = server_create(&connection, serve_sum);

	server_start(s);
	call_from_threads(s);
	assert_true(s->s_nworkers <= NCALLERS);
	server_end(s, &connection);
}

static void
more_callers_than_slots_wait(void **state)
{
	struct server *s = server_create(&connection, serve_sum);

	connection.rm_borrowed = true; /* two slots */
	server_start(s);
	call_from_threads(s);
	assert_true(s->s_nworkers <= REMOTE_BORROWED_SLOTS);
	server_end(s, &connection);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_first_call_greets),
		cmocka_unit_test(an_error_of_the_call_is_returned),
		cmocka_unit_test(a_call_names_the_credentials_of_its_thread),
		cmocka_unit_test(strings_and_buffers_go_along),
		cmocka_unit_test(vectors_and_messages_go_along),
		cmocka_unit_test(commands_say_what_goes_along),
		cmocka_unit_test(what_is_long_or_bad_is_left_to_the_server),
		cmocka_unit_test(
		    buffers_from_32_kib_on_are_fetched_where_that_is_possible),
		cmocka_unit_test(the_server_reaches_the_callers_memory),
		cmocka_unit_test(strings_are_fetched_up_to_their_end),
		cmocka_unit_test(the_server_reaches_the_callers_mappings),
		cmocka_unit_test(results_are_stored_where_they_belong),
		cmocka_unit_test(a_server_that_lies_does_no_harm),
		cmocka_unit_test(a_signal_ends_the_call),
		cmocka_unit_test(a_restart_without_a_signal_is_repeated),
		cmocka_unit_test(a_patient_call_does_not_mind_signals),
		cmocka_unit_test(
		    a_signal_that_comes_before_it_keeps_no_file_open),
		cmocka_unit_test(nobody_is_welcome),
		cmocka_unit_test(a_server_may_speak_first),
		cmocka_unit_test(answers_to_an_earlier_image_are_passed_over),
		cmocka_unit_test(a_server_may_hang_up_at_once),
		cmocka_unit_test(the_end_of_a_process_ends_its_calls),
		cmocka_unit_test(a_server_that_dies_in_silence_is_missed),
		cmocka_unit_test(a_call_answers_a_descriptor),
		cmocka_unit_test(
		    a_server_may_die_instead_of_answering_a_descriptor),
		cmocka_unit_test(
		    a_path_that_escaped_is_asked_for_in_the_same_slot),
		cmocka_unit_test(threads_call_at_the_same_time),
		cmocka_unit_test(more_callers_than_slots_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
