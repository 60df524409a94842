/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host compares with the limit only when it gives a number away.  So the
 * soft limit is raised for the moment of a duplication.  The program's own
 * calls wait for the end of that moment; a change from outside in it stands.  A
 * program that a child of vfork(2) executes in it keeps the raised limit.
 *
 * Such a child has a limit of its own, and is alone with it.  It takes no lock: the
 * thread of its parent's that holds it may be ended by an exec, and the parent is not
 * to find it held by a child that was killed.
 */
#include "preload/nofile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/lock.h"
#include "preload/usercopy.h"

struct limit {
	struct rlimit li_saved;
	atomic_bool li_raised;
};

static struct lock limit_lock = LOCK_INIT;
static struct limit limit; /* limit_lock */

static void
limit_enter(void)
{
	if (!engine_thread.t_borrowed)
		lock_enter(&limit_lock);
}

static void
limit_exit(void)
{
	if (!engine_thread.t_borrowed)
		lock_exit(&limit_lock);
}

static long
limit_call(const struct rlimit *to, struct rlimit *was)
{
	return HOST(SYS_prlimit64, 0, RLIMIT_NOFILE, to, was, 0, 0);
}

static uint64_t
soft_limit(long (*ask)(const struct rlimit *, struct rlimit *))
{
	struct rlimit rl;
	long r;

	limit_enter();
	r = ask(NULL, &rl);
	limit_exit();
	return r == 0 ? rl.rlim_cur : 0;
}

uint64_t
nofile_limit(void)
{
	return soft_limit(limit_call);
}

uint64_t
nofile_told(void)
{
	return soft_limit(nofile_exchange);
}

bool
nofile_in_headroom(long number)
{
	return number >= 0 && nofile_has_headroom() &&
	       (uint64_t)number >= nofile_limit() &&
	       (uint64_t)number < nofile_told();
}

/* Until limit_restore() of what it returns; own is the calling thread's. */
static struct limit *
limit_raise(struct limit *own)
{
	struct limit *li = engine_thread.t_borrowed ? own : &limit;
	struct rlimit all;

	limit_enter();
	if (limit_call(NULL, &li->li_saved) != 0 ||
	    li->li_saved.rlim_cur >= li->li_saved.rlim_max)
		return li;
	all = (struct rlimit){ li->li_saved.rlim_max, li->li_saved.rlim_max };
	atomic_store(&li->li_raised, true);
	if (limit_call(&all, NULL) != 0)
		atomic_store(&li->li_raised, false);
	return li;
}

static void
limit_lower(struct limit *li)
{
	const struct rlimit *saved = &li->li_saved;
	struct rlimit was;

	if (!atomic_load(&li->li_raised))
		return;
	if (limit_call(saved, &was) == 0 &&
	    (was.rlim_cur != saved->rlim_max ||
		was.rlim_max != saved->rlim_max))
		limit_call(&was, NULL);
	atomic_store(&li->li_raised, false);
}

static void
limit_restore(struct limit *li)
{
	limit_lower(li);
	limit_exit();
}

long
nofile_dup(int fd, uint64_t min)
{
	struct limit own = { .li_raised = false }, *li;
	long number;

	li = limit_raise(&own);
	number = HOST(SYS_fcntl, fd, F_DUPFD_CLOEXEC, min, 0, 0, 0);
	limit_restore(li);
	return number;
}

long
nofile_dup2(int fd, int to, long flags)
{
	struct limit own = { .li_raised = false }, *li;
	long result;

	li = limit_raise(&own);
	if (flags < 0)
		result = HOST(SYS_dup2, fd, to, 0, 0, 0, 0);
	else
		result = HOST(SYS_dup3, fd, to, flags, 0, 0, 0);
	limit_restore(li);
	return result;
}

/* The number behind word in text; 0 if it is not there. */
static uint64_t
number_behind(const char *text, const char *word)
{
	const char *p = text, *w;
	uint64_t number = 0;

	for (; *p != '\0'; p++) {
		for (w = word; *w != '\0' && p[w - word] == *w; w++)
			;
		if (*w == '\0')
			break;
	}
	if (*p == '\0')
		return 0;
	for (p += w - word; *p == '\t' || *p == ' '; p++)
		;
	for (; *p >= '0' && *p <= '9' && number <= UINT32_MAX; p++)
		number = number * 10 + (uint64_t)(*p - '0');
	return number;
}

/* How many numbers the host's table has room for; 0 if it does not say. */
static uint64_t
host_table(void)
{
	char text[1024];
	long fd, n;

	fd = HOST(
	    SYS_open, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return 0;
	n = HOST(SYS_read, fd, text, sizeof(text) - 1, 0, 0, 0);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	text[n > 0 ? n : 0] = '\0';
	return number_behind(text, "FDSize:");
}

unsigned
nofile_visible(unsigned nfds)
{
	uint64_t high, size = FD_SETSIZE;

	if (nfds <= FD_SETSIZE)
		return nfds;
	high = host_table();
	if (high == 0)
		return nfds;
	high = high < nfds ? high : nfds;
	while (high > FD_SETSIZE &&
	       (fdmap_is_hidden(high - 1) ||
		   HOST(SYS_fcntl, high - 1, F_GETFD, 0, 0, 0, 0) < 0))
		high--;
	/* The host's table doubles. */
	while (size < high)
		size *= 2;
	return size < nfds ? (unsigned)size : nfds;
}

long
nofile_recvmsg(int fd, struct msghdr *mh, int flags)
{
	struct limit own = { .li_raised = false }, *li;
	long r;

	li = limit_raise(&own);
	r = HOST(SYS_recvmsg, fd, mh, flags | MSG_DONTWAIT, 0, 0, 0);
	limit_restore(li);
	return r;
}

long
nofile_socketpair(int type, int fds[2])
{
	struct limit own = { .li_raised = false }, *li;
	long r;

	type |= SOCK_CLOEXEC;
	r = HOST(SYS_socketpair, AF_UNIX, type, 0, fds, 0, 0);
	if (r != -EMFILE)
		return r;
	li = limit_raise(&own);
	r = HOST(SYS_socketpair, AF_UNIX, type, 0, fds, 0, 0);
	limit_restore(li);
	return r;
}

long
nofile_socket(int family)
{
	struct limit own = { .li_raised = false }, *li;
	const int type = SOCK_STREAM | SOCK_CLOEXEC;
	long r = HOST(SYS_socket, family, type, 0, 0, 0, 0);

	if (r != -EMFILE)
		return r;
	li = limit_raise(&own);
	r = HOST(SYS_socket, family, type, 0, 0, 0, 0);
	limit_restore(li);
	return r;
}

void
nofile_forked(void)
{
	limit_lower(&limit);
	lock_reset(&limit_lock);
}

/* The program's memory is not touched under the lock: a page of it may have to
 * be filled. */
static long
exchange(long new, long old)
{
	struct rlimit to, was;
	long r;

	if (new != 0 && usercopy_in(&to, (const void *)new, sizeof(to)) != 0)
		return -EFAULT;
	limit_enter();
	r = nofile_exchange(new != 0 ? &to : NULL, &was);
	limit_exit();
	if (r == 0 && old != 0 &&
	    usercopy_out(&was, (void *)old, sizeof(was)) != 0)
		return -EFAULT;
	return r;
}

long
nofile_run(struct call *c)
{
	int pid = (int)c->arg[0];

	if (c->nr == SYS_getrlimit)
		return c->arg[1] != 0 ? exchange(0, c->arg[1]) : -EFAULT;
	if (c->nr == SYS_setrlimit)
		return c->arg[1] != 0 ? exchange(c->arg[1], 0) : -EFAULT;
	if (pid == 0 || pid == HOST(SYS_getpid, 0, 0, 0, 0, 0, 0))
		return exchange(c->arg[2], c->arg[3]);
	return CALL_TO_HOST;
}
