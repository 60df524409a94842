/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/preload/remoteserver.h"

#include "preload/nofile.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "preload/shown.h"
#include "preload/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "preload/call.h"
#include "preload/config.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"
#include "preload/hidden.h"
#include "preload/memory.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "tests/lib/carefulcopy.h"

/* --- what stands around it in the hijack library ----------------------- */

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;
struct config config;
bool backend_direct;
__thread struct thread engine_thread;

long
engine_host_call_intr(
    const volatile uint32_t *intr, long nr, const long args[6])
{
	if (intr != NULL && *intr != 0)
		return -EINTR;
	return raw_call(
	    nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

long
engine_copy(void *to, const void *from, size_t len)
{
	return careful_copy(to, from, len) ? 0 : -EFAULT;
}

/* Nobody here speaks classic. */
int
classic_call(struct remote *rm, bool patient, int num, const int64_t *args,
    size_t n, int64_t *retval)
{
	abort();
}

/* Nobody wants a summary. */
void
summary_attach(struct remote *rm, int fd)
{
}

void
summary_detach(struct remote *rm)
{
}

/* Nor looks at us. */
void
shown_begin(struct fast_slot *first)
{
}

void
shown_end(void)
{
}

struct remote *
remote_of_memory(void)
{
	return NULL;
}

long
nofile_recvmsg(int fd, struct msghdr *mh, int flags)
{
	return raw_call(SYS_recvmsg, fd, (long)mh, flags, 0, 0, 0);
}

long
engine_copy_string(char *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (engine_copy(to + i, (const char *)from + i, 1) != 0)
			return -EFAULT;
		if (to[i] == '\0')
			return (long)i;
	}
	return -ENAMETOOLONG;
}

int
usercopy_out(const void *src, void *uaddr, size_t len)
{
	return engine_copy(uaddr, src, len) != 0 ? EFAULT : 0;
}

atomic_uint said;

void
engine_say(const char *fmt, ...)
{
	atomic_fetch_add(&said, 1);
}

long
hidden_take(int fd)
{
	return fd;
}

uint64_t
signal_close(void)
{
	return 0;
}

void
signal_set_mask(uint64_t mask)
{
}

/* The test's servers do not come back. */
int
remote_retry(struct remote *rm)
{
	return RUMP_ENOTCONN;
}

int64_t protected_lo, protected_hi, cut_at;
const void *hook_file;

static void
note_protect(const void *file, int64_t lo, int64_t hi)
{
	hook_file = file;
	protected_lo = lo;
	protected_hi = hi;
}

static void
note_cut(const void *file, int64_t size)
{
	hook_file = file;
	cut_at = size;
}

const struct rump_maphooks memory_hooks = { note_protect, note_cut };

/* --- the server -------------------------------------------------------- */

struct worker {
	struct server *w_server;
	uint32_t w_slot;
};

static void
futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	struct timespec ts = { 0, 10 * 1000 * 1000 };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, NULL, 0);
}

uint32_t
server_wait(struct server *s, struct fast_slot *sl, uint32_t wanted)
{
	uint32_t state;

	while ((state = atomic_load(&sl->sl_state)) != wanted && !s->s_stop) {
		atomic_fetch_or(&sl->sl_sleeping, FAST_SLEEPS_SERVER);
		if (atomic_load(&sl->sl_state) == state)
			futex_wait(&sl->sl_state, state);
		atomic_fetch_and(&sl->sl_sleeping, ~FAST_SLEEPS_SERVER);
	}
	return state;
}

void
server_set(struct fast_slot *sl, uint32_t state)
{
	atomic_store(&sl->sl_state, state);
	if ((atomic_load(&sl->sl_sleeping) & FAST_SLEEPS_CLIENT) != 0)
		syscall(SYS_futex, &sl->sl_state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *
worker_main(void *arg)
{
	struct worker w = *(struct worker *)arg;
	struct server *s = w.w_server;
	struct fast_slot *sl = fast_slot(s->s_map, w.w_slot);

	free(arg);
	while (server_wait(s, sl, FAST_REQUEST) == FAST_REQUEST) {
		atomic_fetch_add(&s->s_calls, 1);
		sl->sl_error = 0;
		sl->sl_nout = 0;
		s->s_serve(s, sl);
		server_set(sl, s->s_stop ? FAST_DEAD : FAST_REPLY);
	}
	return NULL;
}

void
server_send(
    struct server *s, uint32_t type, uint32_t arg, uint64_t addr, int fd)
{
	struct fast_message fm = {
		.fm_type = type, .fm_arg = arg, .fm_addr = addr
	};
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &fm, sizeof(fm) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	(void)sendmsg(s->s_fd, &mh, MSG_NOSIGNAL);
}

static void
start_worker(struct server *s, uint32_t slot)
{
	struct worker *w = malloc(sizeof(*w));

	*w = (struct worker){ s, slot };
	assert_int_equal(pthread_create(&s->s_workers[s->s_nworkers++], NULL,
			     worker_main, w),
	    0);
}

static void
welcome(struct server *s, uint64_t nonce)
{
	if (s->s_late) {
		server_send(
		    s, FAST_WELCOME, 1, (nonce - 1) & FAST_NONCE, s->s_stale);
		server_send(s, FAST_FD, 0, 0, s->s_stale);
		server_send(s, FAST_FD, 0, 0, -1);
	}
	server_send(s, FAST_WELCOME, 1, s->s_flags | nonce, s->s_area);
}

static bool
take_message(struct server *s, const struct fast_message *fm)
{
	switch (fm->fm_type) {
	case FAST_HELLO:
		atomic_fetch_add(&s->s_hellos, 1);
		if (s->s_deaf)
			return false;
		if (s->s_refuse != 0)
			server_send(s, FAST_REFUSED, s->s_refuse, 0, -1);
		else
			welcome(s, fm->fm_addr & FAST_NONCE);
		return s->s_refuse == 0;
	case FAST_START:
		start_worker(s, fm->fm_arg);
		return true;
	default:
		if (s->s_nseen < NSEEN) {
			s->s_seen[s->s_nseen] = *fm;
			atomic_fetch_add(&s->s_nseen, 1);
		}
		return true;
	}
}

static void *
loop_main(void *arg)
{
	struct server *s = arg;
	struct fast_message fm;

	if (s->s_first)
		server_send(s, FAST_MADE, 0, 0, -1);
	while (recv(s->s_fd, &fm, sizeof(fm), MSG_WAITALL) == sizeof(fm)) {
		if (!take_message(s, &fm))
			break;
	}
	shutdown(s->s_fd, SHUT_RDWR);
	return NULL;
}

struct server *
server_create(
    struct remote *rm, void (*serve)(struct server *, struct fast_slot *))
{
	struct server *s = calloc(1, sizeof(*s));
	int pair[2];

	assert_non_null(s);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s->s_fd = pair[1];
	s->s_area = memfd_create("area", MFD_CLOEXEC);
	assert_int_equal(
	    ftruncate(s->s_area, (off_t)FAST_SLOTS * FAST_SLOT_SIZE), 0);
	s->s_map = mmap(NULL, (size_t)FAST_SLOTS * FAST_SLOT_SIZE,
	    PROT_READ | PROT_WRITE, MAP_SHARED, s->s_area, 0);
	assert_ptr_not_equal(s->s_map, MAP_FAILED);
	s->s_serve = serve;
	*rm = (struct remote){ .rm_fd = pair[0], .rm_area = -1 };
	return s;
}

void
server_start(struct server *s)
{
	assert_int_equal(pthread_create(&s->s_loop, NULL, loop_main, s), 0);
}

void
server_end(struct server *s, struct remote *rm)
{
	s->s_stop = true;
	shutdown(s->s_fd, SHUT_RDWR);
	pthread_join(s->s_loop, NULL);
	for (unsigned i = 0; i < s->s_nworkers; i++)
		pthread_join(s->s_workers[i], NULL);
	munmap(s->s_map, (size_t)FAST_SLOTS * FAST_SLOT_SIZE);
	close(s->s_fd);
	close(s->s_area);
	free(s);
	remote_slot_release();
	for (uint32_t i = 0; rm->rm_slots != NULL && i < rm->rm_nslots; i++) {
		if (rm->rm_slots[i] != NULL && !rm->rm_borrowed)
			munmap(rm->rm_slots[i], FAST_SLOT_SIZE);
	}
	remote_slots_end(rm);
	close(rm->rm_fd);
	if (rm->rm_area >= 0)
		close(rm->rm_area);
	remote_interrupted = 0;
	memset(&config, 0, sizeof(config));
}

/* These tests have a connection. */
int
remote_door_enter(struct remote *rm)
{
	return RUMP_ENOTCONN;
}
