/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffered sockets over the family of pairnet.c, inside the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* Ahead of <errno.h>, whose ERESTART is another. */
#include "kern/kmem.h"
#include "kern/lwp.h"
#include "kern/uio.h"
#include "net/sockbuf.h"
#include "pairnet.h"
#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define BULK (1u << 20)

static void
pair_open(struct socket *so[2], int type)
{
	assert_int_equal(
	    socreate(PF_PAIRNET, &so[0], type, 0, curlwp->l_cred), 0);
	assert_int_equal(
	    socreate(PF_PAIRNET, &so[1], type, 0, curlwp->l_cred), 0);
	assert_int_equal(soconnect2(so[0], so[1]), 0);
}

/* The bytes sent or received, or a negative errno. */
static ssize_t
put(struct socket *so, const void *buf, size_t len, int flags)
{
	struct rump_iovec iov;
	struct uio uio;
	int error;

	uio_init(&uio, &iov, (void *)buf, len, 0, UIO_WRITE, UIO_SYSSPACE);
	error = sosend(so, &uio, NULL, NULL, 0, flags);
	return error != 0 ? -error : (ssize_t)(len - uio.uio_resid);
}

static ssize_t
get_flags(struct socket *so, void *buf, size_t len, int *flags)
{
	struct rump_iovec iov;
	struct uio uio;
	int error;

	uio_init(&uio, &iov, buf, len, 0, UIO_READ, UIO_SYSSPACE);
	error = soreceive(so, &uio, NULL, NULL, NULL, flags);
	return error != 0 ? -error : (ssize_t)(len - uio.uio_resid);
}

static ssize_t
get(struct socket *so, void *buf, size_t len, int flags)
{
	return get_flags(so, buf, len, &flags);
}

static void
a_stream_forgets_how_it_was_cut(void **state)
{
	struct socket *so[2];
	char buf[16];

	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(put(so[0], "abc", 3, 0), 3);
	assert_int_equal(put(so[0], "defgh", 5, 0), 5);
	assert_int_equal(get(so[1], buf, 2, 0), 2);
	assert_memory_equal(buf, "ab", 2);
	assert_int_equal(get(so[1], buf, sizeof(buf), 0), 6);
	assert_memory_equal(buf, "cdefgh", 6);
	assert_int_equal(
	    get(so[1], buf, 1, RUMP_MSG_DONTWAIT), -RUMP_EWOULDBLOCK);
	soclose(so[0]);
	soclose(so[1]);
}

static void
a_datagram_is_received_whole_or_cut(void **state)
{
	struct socket *so[2];
	char buf[16];
	int flags;

	pair_open(so, RUMP_SOCK_DGRAM);
	assert_int_equal(put(so[0], "first", 5, 0), 5);
	assert_int_equal(put(so[0], "", 0, 0), 0);
	assert_int_equal(put(so[0], "second", 6, 0), 6);
	flags = RUMP_MSG_PEEK;
	assert_int_equal(get_flags(so[1], buf, 2, &flags), 2);
	assert_int_equal(flags, RUMP_MSG_TRUNC);
	flags = 0;
	assert_int_equal(get_flags(so[1], buf, sizeof(buf), &flags), 5);
	assert_int_equal(flags, 0);
	assert_memory_equal(buf, "first", 5);
	assert_int_equal(get(so[1], buf, sizeof(buf), 0), 0);
	assert_int_equal(get_flags(so[1], buf, 3, &flags), 3);
	assert_int_equal(flags, RUMP_MSG_TRUNC);
	assert_int_equal(
	    get(so[1], buf, 1, RUMP_MSG_DONTWAIT), -RUMP_EWOULDBLOCK);
	soclose(so[0]);
	soclose(so[1]);
}

static void
a_datagram_larger_than_the_buffer_is_refused(void **state)
{
	struct socket *so[2];
	char *big = calloc(1, SB_DEFAULT + 1);

	pair_open(so, RUMP_SOCK_DGRAM);
	assert_int_equal(put(so[0], big, SB_DEFAULT + 1, 0), -RUMP_EMSGSIZE);
	assert_int_equal(put(so[0], big, SB_DEFAULT, 0), SB_DEFAULT);
	soclose(so[0]);
	soclose(so[1]);
	free(big);
}

static void
peeking_copies_and_waitall_collects(void **state)
{
	struct socket *so[2];
	char buf[4096], big[4096];

	memset(big, 'q', sizeof(big));
	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(put(so[0], big, sizeof(big), 0), sizeof(big));
	memset(buf, 0, sizeof(buf));
	assert_int_equal(get(so[1], buf, 3000, RUMP_MSG_PEEK), 3000);
	assert_memory_equal(buf, big, 3000);
	assert_int_equal(get(so[1], buf, 4096, RUMP_MSG_WAITALL), 4096);
	assert_memory_equal(buf, big, 4096);
	soclose(so[0]);
	soclose(so[1]);
}

static void
the_end_of_a_stream_comes_after_its_data(void **state)
{
	struct socket *so[2];
	char buf[4];

	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(put(so[0], "end", 3, 0), 3);
	assert_int_equal(soshutdown(so[0], RUMP_SHUT_WR), 0);
	assert_int_equal(put(so[0], "x", 1, 0), -RUMP_EPIPE);
	assert_int_equal(get(so[1], buf, 4, RUMP_MSG_WAITALL), 3);
	assert_int_equal(get(so[1], buf, 4, 0), 0);
	assert_int_equal(put(so[1], "y", 1, 0), 1);
	assert_int_equal(get(so[0], buf, 4, 0), 1);
	soclose(so[0]);
	assert_int_equal(put(so[1], "z", 1, 0), -RUMP_EPIPE);
	soclose(so[1]);
}

static void
an_unconnected_socket_moves_nothing(void **state)
{
	struct socket *so;
	char c;

	assert_int_equal(
	    socreate(PF_PAIRNET, &so, RUMP_SOCK_STREAM, 0, curlwp->l_cred), 0);
	assert_int_equal(put(so, "x", 1, 0), -RUMP_ENOTCONN);
	assert_int_equal(get(so, &c, 1, 0), -RUMP_ENOTCONN);
	assert_int_equal(solisten(so, 1), RUMP_EOPNOTSUPP);
	soclose(so);
	assert_int_equal(
	    socreate(PF_PAIRNET, &so, RUMP_SOCK_RAW, 0, curlwp->l_cred),
	    RUMP_EPROTOTYPE);
}

/* A fault in one of the kernel's copies becomes EFAULT. */
static void
on_segv(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t ip;

	ip = rump_copy_fixup((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
	if (ip == 0)
		abort();
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)ip;
}

static void
a_fault_in_the_middle_loses_nothing(void **state)
{
	struct sigaction old, sa = {
		.sa_sigaction = on_segv,
		.sa_flags = SA_SIGINFO,
	};
	struct rump_iovec iov[2];
	struct socket *so[2];
	struct uio uio;
	char buf[8];

	sigaction(SIGSEGV, &sa, &old);
	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(put(so[0], "12345678", 8, 0), 8);
	iov[0] = (struct rump_iovec){ buf, 2 };
	iov[1] = (struct rump_iovec){ (void *)8, 3 };
	uio = (struct uio){
		.uio_iov = iov,
		.uio_iovcnt = 2,
		.uio_resid = 5,
		.uio_rw = UIO_READ,
		.uio_seg = UIO_USERSPACE,
	};
	assert_int_equal(soreceive(so[1], &uio, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(uio.uio_resid, 3);
	assert_int_equal(
	    soreceive(so[1], &uio, NULL, NULL, NULL, NULL), RUMP_EFAULT);
	assert_int_equal(get(so[1], buf + 2, 6, 0), 6);
	assert_memory_equal(buf, "12345678", 8);
	uio.uio_rw = UIO_WRITE;
	assert_int_equal(sosend(so[0], &uio, NULL, NULL, 0, 0), RUMP_EFAULT);
	soclose(so[0]);
	soclose(so[1]);
	sigaction(SIGSEGV, &old, NULL);
}

static void
what_was_taken_can_be_put_back(void **state)
{
	struct socket *so[2];
	struct mbuf *m;
	char buf[8];

	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(put(so[0], "restored", 8, 0), 8);
	mutex_enter(&so[1]->so_lock);
	m = sb_take(&so[1]->so_rcv, 5);
	assert_int_equal(so[1]->so_rcv.sb_cc, 3);
	sb_untake(&so[1]->so_rcv, m);
	assert_int_equal(so[1]->so_rcv.sb_cc, 8);
	m = sb_take(&so[1]->so_rcv, 100);
	assert_int_equal(so[1]->so_rcv.sb_cc, 0);
	assert_null(sb_take(&so[1]->so_rcv, 1));
	sb_untake(&so[1]->so_rcv, m);
	mutex_exit(&so[1]->so_lock);
	assert_int_equal(get(so[1], buf, 8, 0), 8);
	assert_memory_equal(buf, "restored", 8);
	soclose(so[0]);
	soclose(so[1]);
}

struct transfer {
	struct socket *so;
	char *buf;
	ssize_t result;
};

static void
send_bulk(void *arg)
{
	struct transfer *tr = arg;

	rump_schedule();
	tr->result = put(tr->so, tr->buf, BULK, 0);
	rump_unschedule();
}

static void
a_writer_waits_for_room(void **state)
{
	struct transfer tr = { .buf = malloc(BULK) };
	struct socket *so[2];
	struct sleeper sl;
	char *got = malloc(BULK);
	size_t i;

	for (i = 0; i < BULK; i++)
		tr.buf[i] = (char)(i ^ (i >> 8));
	pair_open(so, RUMP_SOCK_STREAM);
	tr.so = so[0];
	sleeper_start(&sl, send_bulk, &tr);
	sleeper_wait_asleep(&sl, SYS_futex);
	assert_int_equal(
	    sowait(so[0], RUMP_POLLOUT, SO_DEADLINE_NOW), RUMP_EWOULDBLOCK);
	assert_int_equal(get(so[1], got, BULK, RUMP_MSG_WAITALL), BULK);
	sleeper_join(&sl);
	assert_int_equal(tr.result, BULK);
	assert_memory_equal(got, tr.buf, BULK);
	soclose(so[0]);
	soclose(so[1]);
	free(got);
	free(tr.buf);
}

static void
closing_wakes_the_writer_of_the_other_end(void **state)
{
	struct transfer tr = { .buf = calloc(1, BULK) };
	struct socket *so[2];
	struct sleeper sl;

	pair_open(so, RUMP_SOCK_STREAM);
	tr.so = so[0];
	sleeper_start(&sl, send_bulk, &tr);
	sleeper_wait_asleep(&sl, SYS_futex);
	soclose(so[1]);
	sleeper_join(&sl);
	/* Something had been taken, so the call succeeds in part; the end is
	 * told to the next one. */
	assert_in_range(tr.result, 1, BULK - 1);
	assert_int_equal(put(so[0], "x", 1, 0), -RUMP_EPIPE);
	soclose(so[0]);
	free(tr.buf);
}

static void
closing_under_a_sleeper_wakes_it_and_frees_once(void **state)
{
	struct transfer tr = { .buf = calloc(1, BULK) };
	struct socket *so[2];
	struct sleeper sl;

	pair_open(so, RUMP_SOCK_STREAM);
	tr.so = so[0];
	sleeper_start(&sl, send_bulk, &tr);
	sleeper_wait_asleep(&sl, SYS_futex);
	soclose(so[0]);
	sleeper_join(&sl);
	assert_in_range(tr.result, 1, BULK - 1);
	soclose(so[1]);
	free(tr.buf);
}

static void
a_timeout_bounds_the_wait(void **state)
{
	struct rump_timeval tv = { .tv_usec = 10000 };
	struct socket *so[2];
	char c;

	pair_open(so, RUMP_SOCK_STREAM);
	assert_int_equal(
	    sosetopt(so[1], RUMP_SOL_SOCKET, RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_int_equal(get(so[1], &c, 1, 0), -RUMP_EWOULDBLOCK);
	soclose(so[0]);
	soclose(so[1]);
}

static void
options_live_in_the_socket(void **state)
{
	struct rump_linger lg = { 1, 5 };
	struct socket *so;
	size_t len;
	int value;

	assert_int_equal(
	    socreate(PF_PAIRNET, &so, RUMP_SOCK_STREAM, 0, curlwp->l_cred), 0);
	assert_int_equal(
	    sosetopt(so, RUMP_SOL_SOCKET, RUMP_SO_LINGER, &lg, sizeof(lg)), 0);
	memset(&lg, 0, sizeof(lg));
	len = sizeof(lg);
	assert_int_equal(
	    sogetopt(so, RUMP_SOL_SOCKET, RUMP_SO_LINGER, &lg, &len), 0);
	assert_int_equal(len, sizeof(lg));
	assert_int_equal(lg.l_linger, 5);
	value = 1000;
	assert_int_equal(sosetopt(so, RUMP_SOL_SOCKET, RUMP_SO_RCVBUF, &value,
			     sizeof(value)),
	    0);
	value = 0;
	len = sizeof(value);
	assert_int_equal(
	    sogetopt(so, RUMP_SOL_SOCKET, RUMP_SO_RCVBUF, &value, &len), 0);
	assert_int_equal(value, 1000);
	assert_int_equal(
	    sosetopt(so, 6, 1, &value, sizeof(value)), RUMP_ENOPROTOOPT);
	/* Accepted only where there is a protocol that does it. */
	assert_int_equal(sosetopt(so, RUMP_SOL_SOCKET, RUMP_SO_TIMESTAMP,
			     &value, sizeof(value)),
	    RUMP_ENOPROTOOPT);
	assert_int_equal(
	    sogetopt(so, RUMP_SOL_SOCKET, RUMP_SO_TYPE, &value, &len), 0);
	assert_int_equal(value, RUMP_SOCK_STREAM);
	soclose(so);
}

struct one_poll {
	struct rump_pollfd pfd;
	int result;
};

static void
poll_one(void *arg)
{
	struct one_poll *op = arg;

	op->result = rump_sys_poll(&op->pfd, 1, -1);
}

static void
a_socketpair_polls_reads_and_counts(void **state)
{
	struct one_poll op;
	struct sleeper sl;
	int fd[2], n;
	char c;

	assert_int_equal(rump_sys_socketpair(PF_PAIRNET,
			     RUMP_SOCK_STREAM | RUMP_SOCK_CLOEXEC, 0, fd),
	    0);
	op.pfd = (struct rump_pollfd){ .fd = fd[1], .events = RUMP_POLLIN };
	sleeper_start(&sl, poll_one, &op);
	sleeper_wait_asleep(&sl, SYS_futex);
	assert_int_equal(rump_sys_write(fd[0], "ab", 2), 2);
	sleeper_join(&sl);
	assert_int_equal(op.result, 1);
	assert_int_equal(op.pfd.revents, RUMP_POLLIN);
	assert_int_equal(rump_sys_ioctl(fd[1], RUMP_FIONREAD, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(rump_sys_read(fd[1], &c, 1), 1);
	assert_int_equal(rump_sys_close(fd[0]), 0);
	assert_int_equal(rump_sys_read(fd[1], &c, 1), 1);
	assert_int_equal(rump_sys_read(fd[1], &c, 1), 0);
	assert_int_equal(rump_sys_poll(&op.pfd, 1, 0), 1);
	assert_int_equal(op.pfd.revents, RUMP_POLLIN | RUMP_POLLHUP);
	assert_int_equal(rump_sys_close(fd[1]), 0);
}

static size_t outstanding;

static int
enter(void **state)
{
	rump_schedule();
	outstanding = kmem_outstanding();
	return 0;
}

/* A test that leaves kernel memory behind has failed. */
static int
leave(void **state)
{
	size_t now;

	now = kmem_outstanding();
	rump_unschedule();
	if (now != outstanding)
		print_error("%zu bytes before, %zu after\n", outstanding, now);
	return now != outstanding;
}

static int
boot(void **state)
{
	int error;

	error = rump_init();
	if (error != 0)
		return error;
	rump_schedule();
	pairnet_init();
	rump_unschedule();
	return 0;
}

#define KERNEL_TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(a_stream_forgets_how_it_was_cut),
		KERNEL_TEST(a_datagram_is_received_whole_or_cut),
		KERNEL_TEST(a_datagram_larger_than_the_buffer_is_refused),
		KERNEL_TEST(peeking_copies_and_waitall_collects),
		KERNEL_TEST(the_end_of_a_stream_comes_after_its_data),
		KERNEL_TEST(an_unconnected_socket_moves_nothing),
		KERNEL_TEST(a_fault_in_the_middle_loses_nothing),
		KERNEL_TEST(what_was_taken_can_be_put_back),
		KERNEL_TEST(a_writer_waits_for_room),
		KERNEL_TEST(closing_wakes_the_writer_of_the_other_end),
		KERNEL_TEST(closing_under_a_sleeper_wakes_it_and_frees_once),
		KERNEL_TEST(a_timeout_bounds_the_wait),
		KERNEL_TEST(options_live_in_the_socket),
		cmocka_unit_test(a_socketpair_polls_reads_and_counts),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
