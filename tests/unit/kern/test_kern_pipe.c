/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes, and the calls on files that a pipe can show, by system calls. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

size_t kmem_outstanding(void);
void kmem_fail_nth(uint64_t);

/* The call fails with this error. */
#define FAILS(call, error)                                                     \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (error));                              \
	} while (0)

static int p[2];

static int
open_pipe(void **state)
{
	return rump_sys_pipe2(p, 0);
}

static int
close_pipe(void **state)
{
	(void)rump_sys_close(p[0]);
	(void)rump_sys_close(p[1]);
	return 0;
}

static void
bytes_come_out_as_they_went_in(void **state)
{
	struct rump_iovec out[2] = { { "abc", 3 }, { "defg", 4 } }, in[2];
	char a[5], b[10];

	assert_int_equal(rump_sys_writev(p[1], out, 2), 7);
	in[0] = (struct rump_iovec){ a, 5 };
	in[1] = (struct rump_iovec){ b, 10 };
	assert_int_equal(rump_sys_readv(p[0], in, 2), 7);
	assert_memory_equal(a, "abcde", 5);
	assert_memory_equal(b, "fg", 2);
	assert_int_equal(rump_sys_write(p[1], "", 0), 0);
	assert_int_equal(rump_sys_read(p[0], a, 0), 0);
}

static void
each_end_has_one_direction(void **state)
{
	char c;

	FAILS(rump_sys_read(p[1], &c, 1), RUMP_EBADF);
	FAILS(rump_sys_write(p[0], &c, 1), RUMP_EBADF);
	FAILS(rump_sys_lseek(p[0], 0, 0), RUMP_ENOSYS); /* is librumpvfs's */
}

static void
bad_arguments_are_refused(void **state)
{
	struct rump_iovec huge[2] = { { p, SIZE_MAX / 2 },
		{ p, SIZE_MAX / 2 } };
	char c;

	FAILS(rump_sys_pipe2(p, 0x10), RUMP_EINVAL);
	FAILS(rump_sys_read(p[0], &c, SIZE_MAX), RUMP_EINVAL);
	FAILS(rump_sys_readv(p[0], huge, 2), RUMP_EINVAL);
	FAILS(rump_sys_readv(p[0], huge, 0), RUMP_EINVAL);
	FAILS(rump_sys_readv(p[0], huge, -1), RUMP_EINVAL);
	FAILS(rump_sys_readv(p[0], huge, 1025), RUMP_EINVAL);
}

static void
the_end_of_the_other_side_is_seen(void **state)
{
	char buf[8];

	assert_int_equal(rump_sys_write(p[1], "rest", 4), 4);
	assert_int_equal(rump_sys_close(p[1]), 0);
	assert_int_equal(rump_sys_read(p[0], buf, 8), 4);
	assert_int_equal(rump_sys_read(p[0], buf, 8), 0);
	close_pipe(NULL);
	open_pipe(NULL);
	assert_int_equal(rump_sys_close(p[0]), 0);
	FAILS(rump_sys_write(p[1], "x", 1), RUMP_EPIPE);
}

static void
a_nonblocking_pipe_never_waits(void **state)
{
	char *big = calloc(1, 100000);
	long got, total = 0;

	assert_int_equal(
	    rump_sys_fcntl(p[0], RUMP_F_SETFL, (void *)RUMP_O_NONBLOCK), 0);
	assert_int_equal(rump_sys_fcntl(p[0], RUMP_F_GETFL, NULL),
	    RUMP_O_RDONLY | RUMP_O_NONBLOCK);
	FAILS(rump_sys_read(p[0], big, 1), RUMP_EAGAIN);
	assert_int_equal(rump_sys_ioctl(p[1], RUMP_FIONBIO, &(int){ 1 }), 0);
	got = rump_sys_write(p[1], big, 100000);
	assert_true(got > 0 && got < 100000);
	FAILS(rump_sys_write(p[1], big, 100000), RUMP_EAGAIN);
	/* Less than PIPE_BUF goes as a whole or not at all. */
	assert_int_equal(rump_sys_read(p[0], big, 100), 100);
	FAILS(rump_sys_write(p[1], big, 101), RUMP_EAGAIN);
	assert_int_equal(rump_sys_write(p[1], big, 100), 100);
	for (long n; (n = rump_sys_read(p[0], big, 5000)) > 0;)
		total += n;
	assert_int_equal(total, got);
	free(big);
}

#define MANY (1 << 20)

static void *
write_many(void *arg)
{
	unsigned char *data = arg;

	for (size_t done = 0; done < MANY;)
		done += (size_t)rump_sys_write(p[1], data + done, MANY - done);
	assert_int_equal(rump_sys_close(p[1]), 0);
	return NULL;
}

static void
a_stream_passes_between_threads_unharmed(void **state)
{
	unsigned char *out = malloc(MANY), *in = malloc(MANY + 1);
	size_t done = 0;
	pthread_t t;
	long n;

	for (int i = 0; i < MANY; i++)
		out[i] = (unsigned char)(i * 31 >> 3);
	t = spawn(write_many, out);
	while ((n = rump_sys_read(p[0], in + done, MANY + 1 - done)) > 0)
		done += (size_t)n;
	join(t);
	assert_int_equal(done, MANY);
	assert_memory_equal(in, out, MANY);
	free(in);
	free(out);
}

static void
fstat_ioctl_and_pathconf_describe_it(void **state)
{
	struct rump_stat st;
	int n = -1;

	assert_int_equal(rump_sys_write(p[1], "abc", 3), 3);
	assert_int_equal(rump_sys_fstat(p[0], (void *)&st), 0);
	assert_int_equal(st.st_mode & RUMP_S_IFMT, RUMP_S_IFIFO);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(rump_sys_ioctl(p[0], RUMP_FIONREAD, &n), 0);
	assert_int_equal(n, 3);
	FAILS(rump_sys_ioctl(p[0], RUMP_TIOCGWINSZ, &n), RUMP_ENOTTY);
	assert_int_equal(rump_sys_fpathconf(p[0], RUMP__PC_PIPE_BUF), 512);
	FAILS(rump_sys_fpathconf(p[0], RUMP__PC_NAME_MAX), RUMP_EINVAL);
	FAILS(rump_sys_flock(p[0], RUMP_LOCK_EX), RUMP_EOPNOTSUPP);
	FAILS(rump_sys_flock(p[0], 77), RUMP_EINVAL);
	assert_int_equal(rump_sys_posix_fadvise(p[0], 0, 0, 0), RUMP_ESPIPE);
	assert_int_equal(rump_sys_posix_fadvise(99, 0, 0, 0), RUMP_EBADF);
}

static void
close_on_exec_is_a_flag_of_the_descriptor(void **state)
{
	int q[2], d;

	assert_int_equal(rump_sys_fcntl(p[0], RUMP_F_GETFD, NULL), 0);
	assert_int_equal(rump_sys_ioctl(p[0], RUMP_FIOCLEX, NULL), 0);
	assert_int_equal(rump_sys_fcntl(p[0], RUMP_F_GETFD, NULL), 1);
	d = rump_sys_dup(p[0]);
	assert_int_equal(rump_sys_fcntl(d, RUMP_F_GETFD, NULL), 0);
	assert_int_equal(rump_sys_close(d), 0);
	d = rump_sys_fcntl(p[0], RUMP_F_DUPFD_CLOEXEC, (void *)30);
	assert_int_equal(d, 30);
	assert_int_equal(rump_sys_fcntl(d, RUMP_F_GETFD, NULL), 1);
	assert_int_equal(rump_sys_fcntl(d, RUMP_F_SETFD, NULL), 0);
	assert_int_equal(rump_sys_fcntl(d, RUMP_F_GETFD, NULL), 0);
	assert_int_equal(rump_sys_fcntl(p[0], RUMP_F_MAXFD, NULL), 30);
	assert_int_equal(rump_sys_fcntl(20, RUMP_F_CLOSEM, NULL), 0);
	FAILS(rump_sys_fcntl(30, RUMP_F_GETFD, NULL), RUMP_EBADF);
	assert_int_equal(
	    rump_sys_pipe2(q, RUMP_O_CLOEXEC | RUMP_O_NONBLOCK), 0);
	assert_int_equal(rump_sys_fcntl(q[1], RUMP_F_GETFD, NULL), 1);
	assert_int_equal(rump_sys_fcntl(q[1], RUMP_F_GETFL, NULL),
	    RUMP_O_WRONLY | RUMP_O_NONBLOCK);
	assert_int_equal(rump_sys_close(q[0]), 0);
	assert_int_equal(rump_sys_close(q[1]), 0);
}

static void
dup2_and_dup3_put_a_file_where_it_is_wanted(void **state)
{
	char c;

	assert_int_equal(rump_sys_dup2(p[1], 40), 40);
	assert_int_equal(rump_sys_dup2(40, 40), 40);
	assert_int_equal(rump_sys_dup3(p[0], 41, RUMP_O_CLOEXEC), 41);
	assert_int_equal(rump_sys_fcntl(41, RUMP_F_GETFD, NULL), 1);
	assert_int_equal(rump_sys_write(40, "z", 1), 1);
	assert_int_equal(rump_sys_read(41, &c, 1), 1);
	assert_int_equal(c, 'z');
	FAILS(rump_sys_dup2(77, 41), RUMP_EBADF);
	FAILS(rump_sys_dup2(p[0], -1), RUMP_EBADF);
	FAILS(rump_sys_dup3(p[0], 41, 1), RUMP_EINVAL);
	assert_int_equal(
	    rump_sys_dup3(p[0], 41, RUMP_O_NONBLOCK | RUMP_O_NOSIGPIPE), 41);
	assert_int_equal(rump_sys_fcntl(41, RUMP_F_GETFL, NULL),
	    RUMP_O_RDONLY | RUMP_O_NONBLOCK | RUMP_O_NOSIGPIPE);
	assert_int_equal(rump_sys_close(40), 0);
	assert_int_equal(rump_sys_close(41), 0);
}

static void
commands_that_a_pipe_does_not_know_are_refused(void **state)
{
	struct rump_flock fl = { .l_type = RUMP_F_RDLCK };

	FAILS(rump_sys_fcntl(p[0], RUMP_F_GETLK, &fl), RUMP_EOPNOTSUPP);
	FAILS(rump_sys_fcntl(p[0], 999, NULL), RUMP_EINVAL);
	FAILS(rump_sys_fcntl(p[0], (int)(RUMP_F_FSCTL | 0x0fff0000u), NULL),
	    RUMP_EOPNOTSUPP);
	FAILS(rump_sys_fcntl(99, RUMP_F_GETFL, NULL), RUMP_EBADF);
	FAILS(rump_sys_fcntl(-1, RUMP_F_CLOSEM, NULL), RUMP_EBADF);
	FAILS(rump_sys_ioctl(99, RUMP_FIONREAD, &fl), RUMP_EBADF);
	FAILS(rump_sys_fstat(99, (void *)&fl), RUMP_EBADF);
}

/* Fail the first allocation, the second, ... until the call succeeds. */
static void
every_allocation_of_pipe2_may_fail(void **state)
{
	int q[2] = { -5, -5 }, n;
	size_t before;

	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	before = kmem_outstanding();
	for (n = 1;; n++) {
		kmem_fail_nth((uint64_t)n);
		if (rump_sys_pipe2(q, 0) == 0)
			break;
		assert_true(errno == RUMP_ENOMEM || errno == RUMP_EMFILE);
		assert_int_equal(q[0], -5);
		/* A chunk of the table, once made, stays. */
		if (n == 1)
			assert_int_equal(kmem_outstanding(), before);
	}
	kmem_fail_nth(0);
	assert_true(n > 2);
	assert_int_equal(q[0], 0);
	assert_int_equal(q[1], 1);
	rump_pub_lwproc_releaselwp();
}

static void
interrupt(int sig)
{
	rump_interrupt();
}

struct attempt {
	_Atomic int go;
	int error;
};

static void *
read_and_be_interrupted(void *arg)
{
	struct attempt *at = arg;
	char c;

	atomic_store(&at->go, 1);
	at->error = rump_sys_read(p[0], &c, 1) < 0 ? errno : 0;
	rump_interrupt_clear();
	return NULL;
}

/* However early the signal comes, once the handler has run the read ends. */
static void
a_signal_ends_a_read_that_waits(void **state)
{
	struct sigaction sa = { .sa_handler = interrupt,
		.sa_flags = SA_RESTART };
	struct attempt at;
	pthread_t t;

#ifdef SIGNALS_ARE_HELD_BACK
	skip();
#endif
	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < 500; i++) {
		at = (struct attempt){ 0 };
		t = spawn(read_and_be_interrupted, &at);
		AWAIT(at.go);
		pthread_kill(t, SIGUSR1);
		join(t);
		assert_int_equal(at.error, RUMP_EINTR);
	}
}

#define WITH_PIPE(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)

/* A pipe that nobody reads is an error here, and no signal. */
static int
boot_without_signals(void **state)
{
	rump_boot_setsigmodel(RUMP_SIGMODEL_IGNORE);
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PIPE(bytes_come_out_as_they_went_in),
		WITH_PIPE(each_end_has_one_direction),
		WITH_PIPE(bad_arguments_are_refused),
		WITH_PIPE(the_end_of_the_other_side_is_seen),
		WITH_PIPE(a_nonblocking_pipe_never_waits),
		WITH_PIPE(a_stream_passes_between_threads_unharmed),
		WITH_PIPE(fstat_ioctl_and_pathconf_describe_it),
		WITH_PIPE(close_on_exec_is_a_flag_of_the_descriptor),
		WITH_PIPE(dup2_and_dup3_put_a_file_where_it_is_wanted),
		WITH_PIPE(commands_that_a_pipe_does_not_know_are_refused),
		WITH_PIPE(every_allocation_of_pipe2_may_fail),
		WITH_PIPE(a_signal_ends_a_read_that_waits),
	};

	return cmocka_run_group_tests(tests, boot_without_signals, NULL);
}
