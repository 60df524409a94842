/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control connection.  A message is one write with every signal held back:
 * the connection may be gone, and SIGPIPE is not the program's business.  No
 * other host call than write(2) is used where a program may have forbidden
 * itself all the others.
 *
 * Nothing is said before the program needs the kernel; the first caller greets,
 * the others wait for it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/signals.h"
#include "preload/nofile.h"
#include "preload/remote.h"
#include "preload/remote_link.h"
#include "preload/summary.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define EXIT_LOST 1 /* as the genuine library */

/* --- gate -------------------------------------------------------------- */

int
gate_enter(struct remote_gate *rg, bool patient)
{
	_Atomic uint32_t *word = &rg->rg_word;
	const volatile uint32_t *intr = patient ? NULL : &remote_interrupted;
	const long args[6] = { (long)word, FUTEX_WAIT_PRIVATE, 2 };
	uint32_t seen = 0;

	if (atomic_compare_exchange_strong(word, &seen, 1))
		return 0;
	while (atomic_exchange(word, 2) != 0) {
		if (intr != NULL && *intr != 0)
			return RUMP_ERESTART;
		engine_host_call_intr(intr, SYS_futex, args);
	}
	return 0;
}

void
gate_exit(struct remote_gate *rg)
{
	if (atomic_exchange(&rg->rg_word, 0) == 2)
		HOST(SYS_futex, &rg->rg_word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

int
remote_gate_enter(struct remote *rm, bool patient)
{
	return gate_enter(&rm->rm_gate, patient);
}

void
remote_gate_exit(struct remote *rm)
{
	gate_exit(&rm->rm_gate);
}

/* --- messages ---------------------------------------------------------- */

atomic_bool remote_ending;

/* Said once by each process that notices. */
void
remote_die(struct remote *rm, const char *why)
{
	while (atomic_load(&remote_ending) && rm == remote_of_memory())
		HOST(SYS_pause, 0, 0, 0, 0, 0, 0);
	if (atomic_exchange(&rm->rm_state, REMOTE_DEAD) == REMOTE_DEAD)
		return;
	engine_say("process %ld: %s", HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), why);
	if (config.cf_retry == CONFIG_RETRY_DIE)
		HOST(SYS_exit_group, EXIT_LOST, 0, 0, 0, 0, 0);
}

/* What the write has raised for this thread. */
static void
take_sigpipe(void)
{
	uint64_t set = SIGBIT(SIGPIPE);
	struct timespec now = { 0, 0 };

	HOST(SYS_rt_sigtimedwait, &set, 0, &now, sizeof(set), 0, 0);
}

long
remote_send_right(int to, const struct iovec *iov, int n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr mh = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)(void *)CMSG_DATA(cm) = fd;
	return HOST(SYS_sendmsg, to, &mh, MSG_NOSIGNAL, 0, 0, 0);
}

/* Where the server does not read: as long as this waits, signals may end us. */
static void
await_room(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	while (HOST(SYS_poll, &pfd, 1, -1, 0, 0, 0) == -EINTR)
		continue;
}

static long
send_plain(struct remote *rm, const struct iovec *iov, int n)
{
	uint64_t mask;
	long r;

	await_room(rm->rm_fd);
	mask = signal_close();
	r = n == 1 ? HOST(SYS_write, rm->rm_fd, iov->iov_base, iov->iov_len, 0,
			 0, 0)
		   : HOST(SYS_writev, rm->rm_fd, iov, n, 0, 0, 0);
	if (r == -EPIPE)
		take_sigpipe();
	signal_set_mask(mask);
	return r;
}

int
remote_send(struct remote *rm, const struct fast_message *fm,
    const void *payload, int fd)
{
	const struct iovec iov[2] = {
		{ (void *)(uintptr_t)fm, sizeof(*fm) },
		{ (void *)(uintptr_t)payload, fm->fm_len },
	};
	int n = fm->fm_len != 0 ? 2 : 1;
	long r;

	r = fd >= 0 ? remote_send_right(rm->rm_fd, iov, n, fd)
		    : send_plain(rm, iov, n);
	if (r == (long)(sizeof(*fm) + fm->fm_len))
		return 0;
	remote_die(rm, REMOTE_LOST);
	return RUMP_ENOTCONN;
}

int
remote_send_child(struct remote *rm, int fd, uint32_t shares)
{
	const struct fast_message fm = {
		.fm_type = FAST_CHILD,
		.fm_arg = shares,
	};
	const struct iovec iov = { (void *)(uintptr_t)&fm, sizeof(fm) };
	long r = remote_send_right(rm->rm_fd, &iov, 1, fd);

	if (r == -ETOOMANYREFS || r == -ENOMEM || r == -ENOBUFS)
		return RUMP_EAGAIN;
	if (r != sizeof(fm)) {
		remote_die(rm, REMOTE_LOST);
		return RUMP_ENOTCONN;
	}
	atomic_fetch_add(&rm->rm_children, 1);
	return 0;
}

/* Until there is something to receive.  The host's result. */
static long
await_message(struct remote *rm, const volatile uint32_t *intr)
{
	struct pollfd pfd = { .fd = rm->rm_fd, .events = POLLIN };
	const long args[6] = { (long)&pfd, 1, -1 };
	char byte;
	const long peek[6] = { rm->rm_fd, (long)&byte, 1, MSG_PEEK };
	long r = engine_host_call_intr(intr, SYS_poll, args);

	/* Nobody may poll more files than he may have, which can be none. */
	return r == -EINVAL ? engine_host_call_intr(intr, SYS_recvfrom, peek)
			    : r;
}

/* One message from the server; *fd, -1 if it has none.  0, -EINTR, or another
 * error of the host; -EPROTO: not what a server sends. */
static long
receive(struct remote *rm, const volatile uint32_t *intr,
    struct fast_message *fm, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { fm, sizeof(*fm) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	const struct cmsghdr *cm;
	long r;

	*fd = -1;
	r = await_message(rm, intr);
	/* The program may have no descriptor left. */
	if (r >= 0)
		r = nofile_recvmsg(rm->rm_fd, &mh, MSG_CMSG_CLOEXEC);
	if (r < 0)
		return r;
	cm = CMSG_FIRSTHDR(&mh);
	if (cm != NULL && cm->cmsg_level == SOL_SOCKET &&
	    cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof(int)))
		*fd = *(const int *)(const void *)CMSG_DATA(cm);
	if (r == sizeof(*fm) && fm->fm_len == 0)
		return 0;
	if (*fd >= 0)
		HOST(SYS_close, *fd, 0, 0, 0, 0, 0);
	return -EPROTO;
}

int
remote_receive_fd(struct remote *rm, int *fd)
{
	struct fast_message fm;
	int got;

	long r;

	do
		r = receive(rm, NULL, &fm, &got);
	while (r == -EINTR);
	if (r == 0 && fm.fm_type == FAST_FD && got >= 0) {
		*fd = got;
		return 0;
	}
	/* Lost on its way: the hard limit is in the way, too. */
	if (r == 0 && fm.fm_type == FAST_FD)
		return RUMP_EMFILE;
	remote_die(rm, REMOTE_LOST);
	return RUMP_ENOTCONN;
}

bool
remote_hung_up(const struct remote *rm)
{
	struct pollfd pfd = { .fd = rm->rm_fd, .events = 0 };

	return HOST(SYS_poll, &pfd, 1, 0, 0, 0, 0) == 1 &&
	       (pfd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* --- greeting ---------------------------------------------------------- */

/* Nobody may look into a process that has said so. */
static bool
is_open(void)
{
	return HOST(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0, 0) == 1;
}

/* A number of this image's: no two of a process say hello at the same time. */
static uint64_t
nonce_now(void)
{
	struct timespec now;

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0, 0, 0, 0);
	return ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) << 8;
}

static int
say_hello(struct remote *rm)
{
	uint64_t nonce = nonce_now();
	struct fast_message fm = {
		.fm_type = FAST_HELLO,
		.fm_arg = FAST_VERSION,
		.fm_addr = (is_open() ? 0 : FAST_NO_VM) |
			   (config.cf_summary ? FAST_COUNTING : 0) | nonce,
		.fm_pad = atomic_load(&rm->rm_children),
	};
	int error;

	rm->rm_nonce = nonce;
	error = remote_send(rm, &fm, NULL, -1);
	if (error == 0)
		atomic_store(&rm->rm_state, REMOTE_GREETING);
	return error;
}

/* Where Yama is, a process must let another one look into it. */
static void
admit(const struct fast_message *fm)
{
	if ((fm->fm_addr & FAST_BY_VM) != 0 && fm->fm_pad != 0)
		HOST(SYS_prctl, PR_SET_PTRACER, fm->fm_pad, 0, 0, 0, 0);
}

static int
welcomed(struct remote *rm, const struct fast_message *fm, int fd)
{
	int error;

	admit(fm);
	rm->rm_flags = (uint32_t)(fm->fm_addr & ~FAST_NONCE);
	backend_direct = (rm->rm_flags & FAST_DIRECT) != 0;
	summary_attach(rm, fd);
	error = remote_slots_begin(rm, fd);
	if (error == 0)
		atomic_store(&rm->rm_state, REMOTE_READY);
	else
		remote_die(rm, "no memory for the rump kernel's server");
	return error;
}

/* MADE, or what an image before this one had asked for: its threads ended when
 * another one executed us. */
static bool
is_earlier(const struct remote *rm, const struct fast_message *fm)
{
	return fm->fm_type == FAST_MADE || fm->fm_type == FAST_FD ||
	       (fm->fm_type == FAST_WELCOME &&
		   (fm->fm_addr & FAST_NONCE) != rm->rm_nonce);
}

/* The next message that is not.  As receive(). */
static long
receive_answer(struct remote *rm, const volatile uint32_t *intr,
    struct fast_message *fm, int *fd)
{
	long r;

	while ((r = receive(rm, intr, fm, fd)) == 0 && is_earlier(rm, fm)) {
		if (*fd >= 0)
			HOST(SYS_close, *fd, 0, 0, 0, 0, 0);
	}
	return r;
}

static int
hear_answer(struct remote *rm, bool patient)
{
	const volatile uint32_t *intr = patient ? NULL : &remote_interrupted;
	struct fast_message fm;
	long r;
	int fd;

	do {
		r = receive_answer(rm, intr, &fm, &fd);
		if (r == -EINTR && intr != NULL && *intr != 0)
			return RUMP_ERESTART;
	} while (r == -EINTR);
	if (r == 0 && fm.fm_type == FAST_WELCOME && fd >= 0)
		return welcomed(rm, &fm, fd);
	if (fd >= 0)
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (r != 0 || fm.fm_type != FAST_REFUSED || fm.fm_arg == 0 ||
	    fm.fm_arg > INT16_MAX) {
		remote_die(rm, REMOTE_LOST);
		return RUMP_ENOTCONN;
	}
	remote_die(rm, "the server of the rump kernel refuses this process");
	return (int)fm.fm_arg;
}

static int
greet_locked(struct remote *rm, bool patient)
{
	int error = 0;

	if (rm->rm_state == REMOTE_DEAD)
		error = patient ? RUMP_ENOTCONN : remote_retry(rm);
	if (error == 0 && rm->rm_state == REMOTE_NEW && rm->rm_fd < 0)
		error = remote_door_enter(rm);
	if (error == 0 && rm->rm_state == REMOTE_NEW)
		error = say_hello(rm);
	if (error == 0 && rm->rm_state == REMOTE_GREETING)
		error = hear_answer(rm, patient);
	if (error == 0 && rm->rm_state != REMOTE_READY)
		error = RUMP_ENOTCONN;
	return error;
}

int
remote_greet(struct remote *rm, bool patient)
{
	int error;

	if (atomic_load_explicit(&rm->rm_state, memory_order_acquire) ==
	    REMOTE_READY)
		return 0;
	error = remote_gate_enter(rm, patient);
	if (error != 0)
		return error;
	error = greet_locked(rm, patient);
	remote_gate_exit(rm);
	return error;
}
