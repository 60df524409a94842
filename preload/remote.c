/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which process has which connection.  A process has one, kept in process_link;
 * a child that has memory of its own takes that over for the connection which
 * its parent had made for it.  A vfork child shares the variable with its
 * parent, so that its connection stands in its thread's record.
 *
 * The end of a connection is the end of a process for the server: every copy of
 * the descriptor but the process's own is closed.  All connections of this
 * memory are in a list, so that a forked child finds those of its siblings.
 */
#include "preload/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/hidden.h"
#include "preload/nofile.h"
#include "preload/pool.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "preload/text.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"

#define COMM_SIZE 16
#define EXIT_PATIENCE_MS 5000
/* What an image before this one has put out of the program's way. */
#define AWAY 256

/* A child's connection. */
struct child {
	struct pool_free *ch_free; /* the pool's */
	struct child *ch_next;     /* children_lock */
	struct remote ch_link;
	uint64_t ch_cookie; /* of a sharer's connection */
	bool ch_gate; /* the parent's gate is held until remote_child_end() */
};

static struct remote process_link = {
	.rm_fd = -1,
	.rm_door = DOOR_NONE,
	.rm_area = -1,
};
static struct pool children_pool = POOL_INIT(sizeof(struct child), 4096);
static struct lock children_lock = LOCK_INIT;
static struct child *children; /* children_lock */
static struct child *sharers;  /* children_lock: that have come to be */

struct remote *
remote_of_memory(void)
{
	return &process_link;
}

struct remote *
remote_current(void)
{
	struct remote *rm = engine_thread.t_remote;

	return rm != NULL ? rm : &process_link;
}

/* --- attaching --------------------------------------------------------- */

int
remote_socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	HOST(SYS_getsockopt, fd, SOL_SOCKET, option, &value, &len, 0);
	return value;
}

/* A classic one may lead to another machine. */
static bool
is_connection(int fd)
{
	return remote_socket_option(fd, SO_TYPE) == SOCK_STREAM &&
	       (config.cf_kernel_kind != CONFIG_KERNEL_FAST ||
		   remote_socket_option(fd, SO_DOMAIN) == AF_UNIX);
}

static bool
fail(char *text, size_t size, const char *what, int64_t number)
{
	struct text t;

	text_init(&t, text, size);
	text_put(&t, what);
	text_dec(&t, number);
	return false;
}

static bool
fail_words(char *text, size_t size, const char *what, int error)
{
	struct text t;

	text_init(&t, text, size);
	text_put(&t, what);
	text_put(&t, rump_strerror(error));
	return false;
}

bool
remote_attach(int fd, int door, const char *address, char *text, size_t size)
{
	long number;
	int error;

	remote_kernel_init();
	if (!remote_door_attach(&process_link, door) && fd < 0)
		return fail(text, size,
		    FAST_DOOR_VARIABLE " does not name a door to the server of "
				       "a rump kernel: descriptor ",
		    door);
	if (fd < 0)
		return process_link.rm_door >= 0 ||
		       remote_connect(&process_link, address, text, size);
	if (!is_connection(fd))
		return fail(text, size,
		    "RUMPKIT_KERNEL does not name a connection to the server "
		    "of a rump kernel: descriptor ",
		    fd);
	HOST(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0, 0);
	number = fd >= AWAY ? hidden_adopt(fd, &process_link.rm_fd)
			    : hidden_keep(fd, &process_link.rm_fd);
	if (number < 0)
		return fail_words(text, size,
		    "no descriptor is left for the connection to the rump "
		    "kernel: ",
		    abi_errno_to_netbsd((int)-number));
	if (config.cf_kernel_kind == CONFIG_KERNEL_FAST)
		return true;
	error = classic_resume(
	    &process_link, config.cf_kernel_kind == CONFIG_KERNEL_CLASSIC);
	if (error == RUMP_ENOTCONN)
		remote_die(&process_link, REMOTE_LOST);
	return error == 0 || error == RUMP_ENOTCONN ||
	       fail_words(text, size, "no memory for the connection: ", error);
}

int
remote_descriptor(void)
{
	return remote_current()->rm_fd;
}

enum config_kernel
remote_kind(void)
{
	const struct remote *rm = remote_current();

	if (rm->rm_classic == NULL)
		return CONFIG_KERNEL_FAST;
	return classic_is_ours(rm) ? CONFIG_KERNEL_CLASSIC
				   : CONFIG_KERNEL_GENUINE;
}

/* While another thread of the process executes something, its connection is not
 * close-on-exec: a vfork child must not take it along. */
void
remote_keep(bool keep)
{
	struct remote *rm = remote_current();

	if (rm->rm_classic != NULL && keep)
		classic_freeze(rm);
	else if (rm->rm_classic != NULL)
		classic_thaw(rm);
	if (rm->rm_fd >= 0)
		HOST(SYS_fcntl, rm->rm_fd, F_SETFD, keep ? 0 : FD_CLOEXEC, 0, 0,
		    0);
	if (!keep || !engine_is_threaded())
		return;
	for (; rm->rm_outer != NULL; rm = rm->rm_outer) {
		if (rm->rm_outer_fd >= 0)
			HOST(SYS_fcntl, rm->rm_outer_fd, F_SETFD, FD_CLOEXEC, 0,
			    0, 0);
	}
}

static void *
payload_create(size_t size)
{
	long r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

/* It has ended there when the server closes its end; but a server that hangs is
 * not waited for, for ever. */
void
remote_exit(void)
{
	struct remote *rm = remote_current();
	/* What it has sent is not read any more. */
	struct pollfd pfd = { .fd = rm->rm_fd, .events = POLLRDHUP };

	if (rm->rm_fd < 0 || rm->rm_state == REMOTE_DEAD)
		return;
	atomic_store(&remote_ending, true);
	HOST(SYS_shutdown, rm->rm_fd, SHUT_WR, 0, 0, 0, 0);
	while (HOST(SYS_poll, &pfd, 1, EXIT_PATIENCE_MS, 0, 0, 0) == -EINTR)
		continue;
}

/* Descriptors, and the command's name behind them. */
void
remote_execed(const uint32_t *fds, size_t n)
{
	size_t len, size = n * sizeof(fds[0]) + COMM_SIZE;
	char *p, *name;

	if (process_link.rm_classic != NULL)
		return; /* it has been said when the image began */
	p = size <= FAST_PAYLOAD ? payload_create(size) : NULL;
	if (p == NULL) {
		remote_die(&process_link,
		    "more descriptors are open than exec can hand on");
		return;
	}
	name = p + n * sizeof(fds[0]);
	for (size_t i = 0; i < n; i++)
		((uint32_t *)(void *)p)[i] = fds[i];
	HOST(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	len = text_length(name);
	struct fast_message fm = {
		.fm_type = FAST_EXEC,
		.fm_arg = (uint32_t)len,
		.fm_len = (uint32_t)(n * sizeof(fds[0]) + len),
	};

	(void)remote_send(&process_link, &fm, p, -1);
	HOST(SYS_munmap, p, size, 0, 0, 0, 0);
}

/* --- children ---------------------------------------------------------- */

_Static_assert(
    REMOTE_TABLE == FAST_SHARES && REMOTE_CWD == FAST_SHARES_CWD, "as sent");

static void
enter_child(struct child *ch)
{
	lock_enter(&children_lock);
	ch->ch_next = children;
	__atomic_store_n(&children, ch, __ATOMIC_RELEASE);
	lock_exit(&children_lock);
}

static void
remove_child(struct child *ch)
{
	struct child **at = &children;

	lock_enter(&children_lock);
	while (*at != NULL && *at != ch)
		at = &(*at)->ch_next;
	if (*at != NULL)
		__atomic_store_n(at, ch->ch_next, __ATOMIC_RELEASE);
	lock_exit(&children_lock);
}

static struct child *
child_of(struct remote *rm)
{
	return (struct child *)((char *)rm - offsetof(struct child, ch_link));
}

/* The server gets one end of a new connection; the other one, the child's, is out
 * of the program's way.  With the gate held.  0 or a Linux errno. */
static int
connect_child(struct remote *rm, struct remote *child, unsigned shares)
{
	int error = 0, fds[2];

	if (atomic_load(&rm->rm_state) == REMOTE_DEAD)
		return ENOTCONN;
	if (rm->rm_fd < 0)
		error = abi_errno_to_linux(remote_door_enter(rm));
	if (error == 0)
		error = remote_pair(fds);
	if (error != 0)
		return error;
	error = abi_errno_to_linux(remote_send_child(rm, fds[1], shares));
	HOST(SYS_close, fds[1], 0, 0, 0, 0, 0);
	if (error == 0)
		child->rm_fd = fds[0];
	else
		hidden_close(fds[0]);
	return error;
}

/* The server ends its end of a connection when the process has ended. */
static bool
has_ended(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	return HOST(SYS_poll, &pfd, 1, 0, 0, 0, 0) == 1 &&
	       (pfd.revents & (POLLHUP | POLLRDHUP)) != 0;
}

/* The host's name for a socket, which no other one ever has; 0: there is none. */
static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	HOST(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &len, 0);
	return cookie;
}

/* A child that has got descriptors of its own has left its connection to whoever
 * came first: the number may be another's since. */
static bool
has_left(const struct child *ch)
{
	return cookie_of(ch->ch_link.rm_fd) != ch->ch_cookie;
}

/* Children that share descriptors leave their connections to us. */
static void
sweep_sharers(void)
{
	struct child *ch, **at = &sharers, *ended = NULL;

	if (__atomic_load_n(&sharers, __ATOMIC_RELAXED) == NULL ||
	    !fdshare_on() || remote_current() != &process_link ||
	    has_ended(process_link.rm_fd))
		return;
	lock_enter(&children_lock);
	while ((ch = *at) != NULL) {
		if (has_left(ch)) {
			ch->ch_link.rm_fd = -1;
		} else if (!has_ended(ch->ch_link.rm_fd)) {
			at = &ch->ch_next;
			continue;
		}
		*at = ch->ch_next;
		ch->ch_next = ended;
		ended = ch;
	}
	lock_exit(&children_lock);
	while ((ch = ended) != NULL) {
		ended = ch->ch_next;
		if (ch->ch_link.rm_fd >= 0)
			hidden_close(ch->ch_link.rm_fd);
		pool_put(&children_pool, ch);
	}
}

static struct child *
child_create(struct remote *rm, unsigned shares)
{
	struct child *ch = pool_get(&children_pool);

	if (ch == NULL)
		return NULL;
	ch->ch_link = (struct remote){
		.rm_fd = -1,
		.rm_door = rm->rm_door >= 0 ? rm->rm_door : DOOR_NONE,
		.rm_area = -1,
		.rm_outer = rm,
		.rm_borrowed = true,
		.rm_shares = (shares & REMOTE_TABLE) != 0,
	};
	return ch;
}

/* With rm's gate held. */
static void
child_enter(struct child *ch, bool forks)
{
	ch->ch_gate = forks;
	ch->ch_link.rm_outer_fd = ch->ch_link.rm_outer->rm_fd;
	enter_child(ch);
	if (!forks)
		remote_gate_exit(ch->ch_link.rm_outer);
}

int
remote_child_later(bool forks, struct remote **child)
{
	struct remote *rm = remote_current();
	struct child *ch;

	(void)remote_gate_enter(rm, true);
	ch = rm->rm_classic == NULL && rm->rm_state != REMOTE_DEAD &&
		     remote_door_open(rm)
		 ? child_create(rm, 0)
		 : NULL;
	if (ch == NULL) {
		remote_gate_exit(rm);
		return ENOTSUP;
	}
	child_enter(ch, forks);
	*child = &ch->ch_link;
	return 0;
}

int
remote_child_make(bool forks, unsigned shares, struct remote **child)
{
	struct remote *rm = remote_current();
	struct child *ch;
	int error = 0;

	if (shares != 0 && rm->rm_classic != NULL)
		return ENOTSUP;
	sweep_sharers();
	/* The server has to know who ends. */
	if ((shares & REMOTE_TABLE) != 0)
		error = abi_errno_to_linux(remote_greet(rm, true));
	if (error != 0)
		return error;
	(void)remote_gate_enter(rm, true);
	ch = child_create(rm, shares);
	if (ch == NULL) {
		remote_gate_exit(rm);
		return ENOMEM;
	}
	error = rm->rm_classic != NULL
		    ? abi_errno_to_linux(classic_child(rm, &ch->ch_link))
		    : connect_child(rm, &ch->ch_link, shares);
	if (error != 0) {
		remote_gate_exit(rm);
		pool_put(&children_pool, ch);
		return error;
	}
	if ((shares & REMOTE_TABLE) != 0)
		ch->ch_cookie = cookie_of(ch->ch_link.rm_fd);
	child_enter(ch, forks);
	*child = &ch->ch_link;
	return 0;
}

static void
close_link(struct remote *rm)
{
	if (rm->rm_fd >= 0 && !rm->rm_elsewhere)
		hidden_close(rm->rm_fd);
	if (rm->rm_area >= 0)
		hidden_close(rm->rm_area);
	remote_slots_end(rm);
	classic_end(rm);
}

/* The process's connection is child's now. */
static void
begin_link(const struct remote *child, bool shares)
{
	process_link = (struct remote){
		.rm_fd = child->rm_fd,
		.rm_door = child->rm_outer == &process_link
			       ? process_link.rm_door
			       : child->rm_door,
		.rm_area = -1,
		.rm_epoch = process_link.rm_epoch,
		.rm_shares = shares,
		.rm_classic = child->rm_classic,
		.rm_state =
		    child->rm_classic != NULL ? REMOTE_READY : REMOTE_NEW,
	};
}

/* Threads of the parent may have held any lock, and there is none here. */
void
remote_child_here(struct remote *child)
{
	lock_reset(&children_lock);
	/* The parents' own numbers are here, too, as they were. */
	for (struct remote *rm = child; rm->rm_outer != NULL;
	     rm = rm->rm_outer) {
		rm->rm_outer->rm_elsewhere = false;
		rm->rm_outer->rm_fd = rm->rm_outer_fd;
	}
	/* The memory of ours is not in a child. */
	if (process_link.rm_shares)
		process_link.rm_first = NULL;
	for (struct child *ch = children; ch != NULL; ch = ch->ch_next) {
		if (&ch->ch_link != child && !child->rm_shares)
			close_link(&ch->ch_link);
	}
	for (struct child *ch = sharers; ch != NULL; ch = ch->ch_next) {
		if (!child->rm_shares && !has_left(ch))
			close_link(&ch->ch_link);
	}
	children = sharers = NULL;
	if (child->rm_shares)
		remote_slots_end(&process_link);
	else
		close_link(&process_link);
	engine_thread.t_remote = NULL;
	begin_link(child, child->rm_shares);
}

void
remote_introduce(void)
{
	(void)remote_greet(&process_link, true);
}

void
remote_child_shares(struct remote *child)
{
	struct child *ch = child_of(child);

	if (ch->ch_gate)
		remote_gate_exit(child->rm_outer);
	remove_child(ch);
	lock_enter(&children_lock);
	ch->ch_next = sharers;
	sharers = ch;
	lock_exit(&children_lock);
}

void
remote_leave(struct remote *child)
{
	fdshare_leave_behind(process_link.rm_fd);
	fdshare_leave_behind(child->rm_fd);
	if (process_link.rm_area >= 0)
		fdshare_leave_behind(process_link.rm_area);
}

void
remote_replace(struct remote *child)
{
	struct child *ch = child_of(child);
	int fd = process_link.rm_fd, area = process_link.rm_area;

	remove_child(ch);
	HOST(SYS_shutdown, fd, SHUT_WR, 0, 0, 0, 0);
	remote_slots_unmap(&process_link);
	begin_link(child, false);
	hidden_close(fd);
	if (area >= 0)
		hidden_close(area);
	pool_put(&children_pool, ch);
}

void
remote_unshare_cwd(void)
{
	struct remote *rm = remote_current();

	if (rm->rm_classic == NULL)
		(void)remote_call_patient(rm, FASTCALL_UNSHARE, NULL, 0, NULL);
}

void
remote_child_borrow(struct remote *child)
{
	engine_thread.t_remote = child;
}

void
remote_child_end(struct remote *child)
{
	struct child *ch = child_of(child);
	struct remote *outer = child->rm_outer;

	if (ch->ch_gate)
		remote_gate_exit(outer);
	remove_child(ch);
	close_link(child);
	if (engine_thread.t_remote == child)
		engine_thread.t_remote = outer->rm_borrowed ? outer : NULL;
	pool_put(&children_pool, ch);
}

int
remote_log(const char *line, size_t len)
{
	const int64_t args[2] = { (int64_t)line, (int64_t)len };
	struct remote *rm = remote_current();

	if (rm->rm_classic != NULL)
		return RUMP_EOPNOTSUPP;
	return remote_call_patient(rm, FASTCALL_LOG, args, 2, NULL);
}
