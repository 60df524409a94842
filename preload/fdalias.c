/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two arrays over all numbers, there and back, which exist in the few programs
 * that need them and are read without a lock.  Who changes a number while another thread
 * uses it gets one or the other file, as with the host.
 *
 * The descriptor of ours keeps the number in the host as long as it is aliased:
 * hidden_close() leaves something in its place, lest the host give the number
 * away.
 *
 * An exec closes what is ours, and the next image puts things where they belong.
 */
#include "preload/fdalias.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/fdslots.h"
#include "preload/text.h"

/* Entries are numbers; 0, which is none of ours, says that there is none. */
typedef atomic_int entry_t;

struct aliases {
	entry_t al_place[FD_MAX];  /* by the program's number */
	entry_t al_number[FD_MAX]; /* by the place: the number, plus one */
};

static atomic_bool any;
static _Atomic(struct aliases *) aliases;
static atomic_long highest = -1;

static int
entry_load(const entry_t *e)
{
	return atomic_load_explicit(e, memory_order_acquire);
}

long
fdalias_place(long number)
{
	struct aliases *al = atomic_load(&aliases);
	int place = 0;

	if (al != NULL && (unsigned long)number < FD_MAX)
		place = entry_load(&al->al_place[number]);
	return place != 0 ? place : -1;
}

bool
fdalias_is_place(long fd)
{
	struct aliases *al = atomic_load(&aliases);

	return al != NULL && (unsigned long)fd < FD_MAX &&
	       entry_load(&al->al_number[fd]) != 0;
}

long
fdalias_resolve(long number)
{
	long place = fdalias_place(number);

	if (place >= 0)
		return place;
	return fdalias_is_place(number) ? -1 : number;
}

static struct aliases *
aliases_get(void)
{
	struct aliases *al = atomic_load(&aliases), *none = NULL;
	long r;

	if (al != NULL)
		return al;
	r = HOST(SYS_mmap, 0, sizeof(*al), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r < 0 && r > -4096)
		return NULL;
	al = (struct aliases *)r;
	if (atomic_compare_exchange_strong(&aliases, &none, al))
		return al;
	HOST(SYS_munmap, al, sizeof(*al), 0, 0, 0, 0);
	return none;
}

static void
raise_highest(long number)
{
	long seen = atomic_load(&highest);

	while (seen < number &&
	       !atomic_compare_exchange_weak(&highest, &seen, number))
		continue;
}

bool
fdalias_enter(long number, long place)
{
	struct aliases *al = aliases_get();

	if (al == NULL || (unsigned long)number >= FD_MAX ||
	    (unsigned long)place >= FD_MAX || place == 0)
		return false;
	atomic_store(&al->al_number[place], (int)number + 1);
	atomic_store(&al->al_place[number], (int)place);
	raise_highest(number);
	if (!atomic_exchange(&any, true)) {
		__atomic_store_n(&router_looks, true, __ATOMIC_RELEASE);
		engine_watch_descriptors();
	}
	return true;
}

void
fdalias_forget(long number)
{
	struct aliases *al = atomic_load(&aliases);
	long place = fdalias_place(number);

	if (place < 0)
		return;
	atomic_store(&al->al_place[number], 0);
	atomic_store(&al->al_number[place], 0);
}

long
fdalias_next(long number)
{
	if (!any)
		return -1;
	for (; number <= atomic_load(&highest); number++) {
		if (fdalias_place(number) >= 0)
			return number;
	}
	return -1;
}

/* close(2) and the numbers that dup2(2) replaces are looked at by the map. */
void
fdalias_translate(struct call *c)
{
	const struct linux_call *lc;

	if ((unsigned long)c->nr >= linux_ncalls || c->nr == SYS_close)
		return;
	lc = &linux_calls[c->nr];
	if (lc->lc_fd >= 0)
		c->arg[lc->lc_fd] = fdalias_resolve((int)c->arg[lc->lc_fd]);
	if (lc->lc_fd2 >= 0 && c->nr != SYS_dup2 && c->nr != SYS_dup3)
		c->arg[lc->lc_fd2] = fdalias_resolve((int)c->arg[lc->lc_fd2]);
}

/* --- across an exec ----------------------------------------------------- */

#define PAIR_MAX 24

static bool
crosses(long fd)
{
	long flags = HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0);

	return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

size_t
fdalias_exec_env(char *buf, size_t size)
{
	struct text t;
	size_t empty;

	if (!any)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, FDALIAS_VARIABLE "=");
	empty = t.t_len;
	for (long n = fdalias_next(0); n >= 0 && t.t_len + PAIR_MAX < size;
	     n = fdalias_next(n + 1)) {
		if (!crosses(fdalias_place(n)))
			continue;
		text_dec(&t, fdalias_place(n));
		text_char(&t, ':');
		text_dec(&t, n);
		text_char(&t, ',');
	}
	return t.t_len == empty ? 0 : t.t_len;
}

/* A number that ends with end, or -1. */
static long
take_number(const char **p, char end)
{
	const char *digits = *p;
	long n = 0;

	for (; **p >= '0' && **p <= '9' && n < FD_MAX; (*p)++)
		n = n * 10 + (**p - '0');
	if (*p == digits || **p != end || n >= FD_MAX)
		return -1;
	(*p)++;
	return n;
}

/* Nobody but an image of ours says where things are, but anybody may try. */
void
fdalias_take(const char *value)
{
	while (*value != '\0') {
		long place = take_number(&value, ':');
		long number = place < 0 ? -1 : take_number(&value, ',');

		if (number < 0) {
			engine_say(FDALIAS_VARIABLE " is not understood");
			return;
		}
		if (crosses(number) || !crosses(place))
			continue;
		if (fdmap_dup2(place, number, -1) >= 0)
			(void)fdmap_close(place);
	}
}
