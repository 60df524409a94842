/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes from the two entrances arrives in engine_patched().  Calls that
 * concern no rump object leave for the host on the program's stack, after a
 * look into the table; the others run on the thread's kernel stack, marked "in
 * kernel".  A host call that may block is never made there: a handler of the
 * program that interrupts it finds nothing of ours and may longjmp away.
 */
#include "preload/engine/dispatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/process.h"
#include "preload/engine/signals.h"
#include "preload/engine/sud.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

#define X32_BIT 0x40000000L

bool engine_fill_first;

long (*host_call)(
    long nr, long a, long b, long c, long d, long e, long f) = engine_own_call;

static inline long
call_host(const struct call *c)
{
	return engine_host_call(c->nr, c->arg[0], c->arg[1], c->arg[2],
	    c->arg[3], c->arg[4], c->arg[5]);
}

static bool
class_is_ours(const struct linux_call *lc)
{
	return lc->lc_class == CALL_SIGNAL || lc->lc_class == CALL_PROCESS;
}

static bool
makes_thread(long nr)
{
	return nr == SYS_clone || nr == SYS_clone3 || nr == SYS_fork ||
	       nr == SYS_vfork;
}

/* Is there the address of a socket, to or from the program, that may be a path
 * for the route to see? */
static inline bool
has_name(long nr, long addr)
{
	sa_family_t family = AF_UNIX;

	if (addr == 0 || (nr == SYS_recvfrom &&
			     !__atomic_load_n(&router_names, __ATOMIC_RELAXED)))
		return false;
	if (nr == SYS_sendto)
		(void)engine_copy(&family, (const void *)addr, sizeof(family));
	return family == AF_UNIX;
}

/* It may ask for a number that the host keeps for us. */
static inline bool
duplicates(long nr, long cmd)
{
	return nr == SYS_fcntl &&
	       ((int)cmd == F_DUPFD || (int)cmd == F_DUPFD_CLOEXEC);
}

/* A descriptor call that names no rump descriptor, and no socket. */
static inline bool
fds_are_host(long nr, const struct linux_call *lc, const long arg[6])
{
	if (lc->lc_class != CALL_FD || router_looks || duplicates(nr, arg[1]) ||
	    (lc->lc_path >= 0 && has_name(nr, arg[lc->lc_path])))
		return false;
	return (lc->lc_fd < 0 || !fdmap_is_rump(arg[lc->lc_fd])) &&
	       (lc->lc_fd2 < 0 || !fdmap_is_rump(arg[lc->lc_fd2]));
}

/* libc's fstat(3), of a descriptor of the host's. */
static inline bool
is_host_fstat(long nr, const long arg[6])
{
	char c;

	if (nr == SYS_newfstatat
		? (arg[3] & AT_EMPTY_PATH) == 0
		: nr != SYS_statx || (arg[2] & AT_EMPTY_PATH) == 0)
		return false;
	return !router_looks && (int)arg[0] >= 0 &&
	       engine_copy(&c, (const void *)arg[1], 1) == 0 && c == '\0' &&
	       !fdmap_is_rump(arg[0]);
}

/* May the file be below /proc, /dev/fd or /dev/std*?  head: eight bytes. */
static bool
may_be_descriptor(const char *head)
{
	if (head[1] == '/' || head[1] == '.' || memcmp(head, "/proc", 5) == 0)
		return true;
	if (memcmp(head, "/dev/", 5) != 0)
		return false;
	switch (head[5]) {
	case '\0':
	case '/':
	case '.':
	case 'f':
		return true;
	default:
		return memcmp(head + 5, "st", 2) == 0;
	}
}

/* An absolute path that names no descriptor. */
static bool
names_file(long path)
{
	char head[8] = "";

	return engine_copy_string(head, (const void *)path, sizeof(head)) !=
		   -EFAULT &&
	       head[0] == '/' && !may_be_descriptor(head);
}

/* A call that looks at a file, of which there is none in the kernel. */
static inline bool
path_is_host(long nr, const struct linux_call *lc, const long arg[6])
{
	if (!router_no_paths || lc->lc_class != CALL_PATH)
		return false;
	if (is_host_fstat(nr, arg))
		return true;
	switch (nr) {
	case SYS_open:
	case SYS_openat:
	case SYS_stat:
	case SYS_lstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_access:
	case SYS_faccessat:
	case SYS_faccessat2:
		return names_file(arg[lc->lc_path]);
	default:
		return false;
	}
}

/* Of another kernel's numbering: it would go round the table. */
static bool
is_x32(long nr)
{
	return nr >= 0 && (nr & X32_BIT) != 0;
}

/* Nothing to do for a call but to make it. */
static inline bool
is_plain(const struct thread *t, long nr, const long arg[6])
{
	const struct linux_call *lc;

	if ((unsigned long)nr >= linux_ncalls)
		return !is_x32(nr);
	if (nr == SYS_ptrace)
		return t->t_in_kernel || t->t_own;
	lc = &linux_calls[nr];
	if (!lc->lc_routed || fds_are_host(nr, lc, arg) ||
	    path_is_host(nr, lc, arg))
		return true;
	/* A guest's record is its parent's. */
	if ((t->t_in_kernel || t->t_own) && !thread_is_guest(t) &&
	    !BROKEN(BREAK_OWN_THREAD))
		return !makes_thread(nr) &&
		       (t->t_own || nr != SYS_rt_sigprocmask);
	return router_idle && !class_is_ours(lc) &&
	       lc->lc_class != CALL_READINESS;
}

static long
run_efault(void *arg)
{
	return router_efault(arg);
}

/* EFAULT from the host: it does not wait for pages of mapped rump files. */
static long
fill_and_retry(struct thread *t, struct call *c)
{
	if (router_idle || t->t_in_kernel || t->t_own ||
	    (unsigned long)c->nr >= linux_ncalls || thread_is_guest(t) ||
	    BROKEN(BREAK_EFAULT))
		return -EFAULT;
	if (thread_run(t, run_efault, c) <= 0)
		return -EFAULT;
	return t->t_deferred ? RESULT_AGAIN : call_host(c);
}

/* Does the call take what it gives to the program out of a queue? */
static bool
consumes(long nr)
{
	switch (nr) {
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
		return true;
	default:
		return false;
	}
}

static inline bool
must_fill(const struct thread *t, long nr)
{
	return engine_fill_first && consumes(nr) && !t->t_in_kernel &&
	       !t->t_own && !thread_is_guest(t) && !BROKEN(BREAK_EFAULT);
}

/* The host's result, or RESULT_AGAIN. */
static long
make_call(struct thread *t, struct call *c)
{
	bool own = t->t_own, filled = must_fill(t, c->nr);
	long r;

	if (filled) {
		thread_run(t, run_efault, c);
		if (t->t_deferred)
			return RESULT_AGAIN;
	}
	if (BROKEN(BREAK_STATE))
		t->t_own = true;
	r = call_host(c);
	t->t_own = own;
	t->t_tempmask = NULL;
	return r == -EFAULT && !filled ? fill_and_retry(t, c) : r;
}

/* Routes of the engine: on the program's stack, signals open. */
static long
dispatch_ours(struct thread *t, struct call *c, const struct linux_call *lc)
{
	long r = linux_call_run(c);

	if (r != CALL_TO_HOST)
		return r;
	r = make_call(t, c);
	if (c->after == NULL)
		return r;
	c->result = r;
	return c->after(c);
}

_Static_assert(offsetof(struct thread, t_view) == THREAD_VIEW, "layout.h");

uint8_t dispatch_how[CALLS_MAX];

/* For entry.S: as is_plain(), where that is said quickly. */
static uint8_t
how(unsigned nr, const struct linux_call *lc)
{
	if (BROKEN(BREAK_STATE) || nr == SYS_ptrace)
		return DISPATCH_ASK;
	if (!lc->lc_routed || (router_idle && !class_is_ours(lc) &&
				  lc->lc_class != CALL_READINESS))
		return DISPATCH_PLAIN;
	if (lc->lc_class != CALL_FD || lc->lc_fd != 0 || lc->lc_fd2 >= 0 ||
	    nr == SYS_fcntl)
		return DISPATCH_ASK;
	if (lc->lc_path < 0)
		return DISPATCH_FD;
	return lc->lc_path == 4 ? DISPATCH_FD_NO_NAME : DISPATCH_ASK;
}

void
dispatch_init(void)
{
	for (unsigned nr = 0; nr < CALLS_MAX && nr < linux_ncalls; nr++)
		dispatch_how[nr] = how(nr, &linux_calls[nr]);
	if (router_looks)
		engine_watch_descriptors();
}

void
engine_watch_descriptors(void)
{
	for (unsigned nr = 0; nr < CALLS_MAX && nr < linux_ncalls; nr++) {
		if (linux_calls[nr].lc_fd >= 0 || linux_calls[nr].lc_fd2 >= 0)
			dispatch_how[nr] = DISPATCH_ASK;
	}
}

/* Give the thread back the mask that engine_swap_mask() has replaced, unless a
 * signal waits: it does that itself on the way out. */
static void
swap_back(struct thread *t)
{
	signal_close();
	if (t->t_deferred)
		return;
	t->t_swapped = false;
	signal_set_mask(t->t_outmask);
}

static long
run_route(void *arg)
{
	struct call *c = arg;
	long r = linux_call_run(c);

	if (engine_thread.t_swapped)
		swap_back(&engine_thread);
	return r;
}

static long
run_after(void *arg)
{
	struct call *c = arg;

	return c->after(c);
}

/*
 * The route asked for the host call.  If a signal was deferred meanwhile, it
 * came before the call, which would otherwise block with everything blocked: it
 * starts again behind the handler.
 */
static long
finish_on_host(struct thread *t, struct call *c)
{
	long r = RESULT_AGAIN;

	c->result = -EINTR;
	if (!t->t_deferred)
		r = make_call(t, c);
	if (r != RESULT_AGAIN)
		c->result = r;
	if (c->after == NULL)
		return r;
	if (r == RESULT_AGAIN) {
		thread_run(t, run_after, c);
		return r;
	}
	return thread_run(t, run_after, c);
}

static void
fill_arguments(struct call *c, const struct patched_frame *f)
{
	c->arg[0] = f->pf_rdi;
	c->arg[1] = f->pf_rsi;
	c->arg[2] = f->pf_rdx;
	c->arg[3] = f->pf_r10;
	c->arg[4] = f->pf_r8;
	c->arg[5] = f->pf_r9;
}

static long
run_look(void *arg)
{
	router_look(arg);
	return 0;
}

/* True: a signal has been deferred, and the call starts again behind it. */
static bool
look(struct thread *t, struct call *c)
{
	if (!router_looks || t->t_in_kernel || t->t_own || thread_is_guest(t))
		return false;
	thread_run(t, run_look, c);
	return t->t_deferred;
}

/* It might change what its parent has at the very moment. */
static long
refuse_guest(const struct call *c)
{
	static atomic_bool said;

	if (!atomic_exchange(&said, true))
		engine_say("process %ld: %s: made by clone(2) with CLONE_VM "
			   "alone, it cannot use the rump kernel",
		    HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    linux_calls[c->nr].lc_name);
	return -ENOTSUP;
}

static long
dispatch_routed(struct thread *t, struct call *c, const struct patched_frame *f)
{
	long r;

	if (thread_is_guest(t))
		return router_is_host(c) ? make_call(t, c) : refuse_guest(c);
	for (;;) {
		r = thread_run(t, run_route, c);
		if (r == CALL_TO_HOST)
			r = finish_on_host(t, c);
		if (r != CALL_RESTART && r != CALL_AGAIN)
			break;
		if (t->t_deferred) {
			r = r == CALL_AGAIN ? RESULT_AGAIN : RESULT_RESTART;
			break;
		}
		/* What ended the sleep needs no handler. */
		t->t_interrupted = true;
		c->after = NULL;
		fill_arguments(c, f);
		look(t, c);
	}
	return r;
}

/*
 * Make the call, on whichever kernel it belongs to.  Returns the program's
 * result, CALL_REDIRECT (continue at c->redirect with the program's registers,
 * rax = c->nr), or RESULT_*.  Afterwards t->t_deferred may be set: then the
 * caller must leave through signal_finish().
 */
static long
dispatch_call(struct thread *t, struct call *c, const struct patched_frame *f)
{
	const struct linux_call *lc;
	long r;

	if (look(t, c))
		return RESULT_AGAIN;
	if (is_plain(t, c->nr, c->arg))
		return make_call(t, c);
	if (is_x32(c->nr))
		return -ENOSYS;
	if (c->nr == SYS_ptrace)
		return process_ptrace(c);
	lc = &linux_calls[c->nr];
	if (class_is_ours(lc))
		return dispatch_ours(t, c, lc);
	if (router_idle) {
		r = engine_filter_mask(c);
		return r != 0 ? r : make_call(t, c);
	}
	return dispatch_routed(t, c, f);
}

/*
 * Leave through a frame of the program: trap at an instruction of ours that
 * stands for the program's syscall.  Behind a patch, to start again is to enter
 * the stub's fixed part: the syscall itself may not be caught.
 */
static struct outcome
leave_by_trap(
    struct thread *t, long nr, long result, const struct patched_frame *f)
{
	t->t_result = result;
	t->t_nr = nr;
	t->t_back = f->pf_back;
	t->t_again = f->pf_again;
	return (struct outcome){
		.oc_ip = (uintptr_t)(sud_armed ? engine_trap_sud
					       : engine_trap_fault),
	};
}

static void
fill_call(struct call *c, const struct patched_frame *f, long nr)
{
	c->nr = nr;
	fill_arguments(c, f);
	c->site = f->pf_back - 2;
	c->after = NULL;
}

static struct outcome
leave(struct thread *t, struct patched_frame *f, long nr, long result)
{
	if (t->t_deferred && !t->t_in_kernel && !thread_is_guest(t))
		return leave_by_trap(t, nr, result, f);
	return (struct outcome){ result, f->pf_back };
}

static __attribute__((noinline)) struct outcome
patched_slowly(struct thread *t, struct patched_frame *f, long nr)
{
	struct call c;
	long r;

	fill_call(&c, f, nr);
	r = dispatch_call(t, &c, f);
	if (r == CALL_REDIRECT)
		return (struct outcome){ c.nr, c.redirect };
	return leave(t, f, nr, r);
}

struct whole {
	const struct patched_frame *wh_frame;
	long wh_nr;
};

static long
run_whole(void *arg)
{
	const struct whole *wh = arg;
	struct call c;

	fill_call(&c, wh->wh_frame, wh->wh_nr);
	return linux_call_run(&c);
}

/*
 * A call that needs nothing of the program's stack but this: a vfork child of
 * a language with small stacks makes it with less than 500 bytes below it, and
 * what lies there is its parent's.
 */
static bool
is_whole(const struct thread *t, long nr)
{
	return nr == SYS_rt_sigaction && t->t_stack_top != 0 &&
	       !thread_is_guest(t) && !BROKEN(BREAK_VIRTUAL_SIGSYS);
}

static __attribute__((noinline)) struct outcome
patched_whole(struct thread *t, struct patched_frame *f, long nr)
{
	struct whole wh = { f, nr };
	long r = thread_run(t, run_whole, &wh);

	return leave(t, f, nr, r);
}

/* The host's socket for a call that moves the data of one of the kernel's, or -1:
 * it goes the long way. */
static inline long
direct_socket(const struct thread *t, long nr, const long arg[6])
{
	switch (nr) {
	case SYS_read:
	case SYS_write:
	case SYS_readv:
	case SYS_writev:
		break;
	case SYS_sendto:
	case SYS_recvfrom:
		if (arg[4] == 0)
			break;
		return -1;
	default:
		return -1;
	}
	if (t->t_in_kernel || t->t_own || thread_is_guest(t))
		return -1;
	return router_direct((int)arg[0]);
}

static struct outcome
patched_at_length(struct thread *t, struct patched_frame *f, long nr)
{
	return is_whole(t, nr) ? patched_whole(t, f, nr)
			       : patched_slowly(t, f, nr);
}

struct outcome
engine_patched_efault(struct patched_frame *f)
{
	struct thread *t = &engine_thread;
	struct call c;

	fill_call(&c, f, f->pf_nr);
	if (!is_plain(t, c.nr, c.arg)) {
		c.arg[0] = direct_socket(t, c.nr, c.arg);
		if (c.arg[0] < 0)
			return leave(t, f, c.nr, -EFAULT);
	}
	return leave(t, f, c.nr, fill_and_retry(t, &c));
}

struct outcome
engine_patched(struct patched_frame *f)
{
	const long arg[6] = { f->pf_rdi, f->pf_rsi, f->pf_rdx, f->pf_r10,
		f->pf_r8, f->pf_r9 };
	struct thread *t = &engine_thread;
	long fd;

	if (!BROKEN(BREAK_NUMBER))
		f->pf_nr = (int)f->pf_nr; /* as the host takes it */
	if (BROKEN(BREAK_STATE) || router_looks || must_fill(t, f->pf_nr))
		return patched_at_length(t, f, f->pf_nr);
	if (is_plain(t, f->pf_nr, arg))
		return (struct outcome){ arg[0], 0 };
	fd = direct_socket(t, f->pf_nr, arg);
	return fd >= 0 ? (struct outcome){ fd, 0 }
		       : patched_at_length(t, f, f->pf_nr);
}
