/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * select and pselect6: one host call on copies of the program's sets, in which
 * the bits of rump sockets stand at their host descriptors.  Those lie above
 * the program's own, so that the copies are larger.  A program may name more
 * numbers than its sets have, since the host looks at no more than its table of
 * descriptors holds; ours, which enlarge that table, must not show there.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/nofile.h"
#include "preload/readiness.h"
#include "preload/remote_classic.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "syscall_table/linux_routes.h"

#define NSETS 3 /* read, write, exceptional */
#define EXCEPTIONAL 2
#define WORD_BITS 64
/* Numbers that the copies have room for. */
#define BITS_SMALL 4096
#define BITS_LARGE (1 << 20)
#define NSEC 1000000000
#define USEC 1000000

struct selectset {
	long ss_user[NSETS];
	long ss_nfds;        /* the program's */
	unsigned ss_bits;    /* numbers in the program's sets */
	unsigned ss_room;    /* numbers that there is room for */
	unsigned ss_high;    /* numbers in the host's sets */
	unsigned ss_ready;   /* bits of files */
	bool ss_none;        /* a number that is not open */
	bool ss_alien;       /* one that cannot be waited for */
	bool ss_asked;       /* one for a classic server */
	uint64_t ss_zero[2]; /* struct timeval or timespec; written to */
	uint64_t ss_sets[];  /* the host's, then the program's */
};

static uint64_t *
host_set(struct selectset *ss, int i)
{
	return ss->ss_sets + (size_t)i * (ss->ss_room / WORD_BITS);
}

static uint64_t *
user_set(struct selectset *ss, int i)
{
	return host_set(ss, NSETS + i);
}

static unsigned
words(unsigned bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

static bool
bit_test(const uint64_t *set, unsigned fd)
{
	return (set[fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
}

static void
bit_clear(uint64_t *set, unsigned fd)
{
	set[fd / WORD_BITS] &= ~(1UL << fd % WORD_BITS);
}

static void
bit_set(uint64_t *set, unsigned fd)
{
	set[fd / WORD_BITS] |= 1UL << fd % WORD_BITS;
}

/* Does a set name a rump descriptor?  False where one cannot be read, which the
 * host says better. */
static bool
names_rump(const struct call *c)
{
	unsigned nfds = (unsigned)c->arg[0];

	for (unsigned fd = 0; fd < nfds; fd += WORD_BITS) {
		uint64_t bits = 0, word;

		for (int i = 0; i < NSETS; i++) {
			if (c->arg[i + 1] == 0)
				continue;
			if (usercopy_in(&word, (char *)c->arg[i + 1] + fd / 8,
				sizeof(word)) != 0)
				return false;
			bits |= word;
		}
		for (; bits != 0; bits &= bits - 1) {
			unsigned at = fd + (unsigned)__builtin_ctzl(bits);

			if (at < nfds && fdmap_is_rump(at))
				return true;
		}
	}
	return false;
}

/* --- sets -------------------------------------------------------------- */

static struct selectset *
selectset_create(const struct call *c, unsigned room)
{
	size_t size = sizeof(struct selectset) + 2 * NSETS * ((size_t)room / 8);
	struct selectset *ss = waitmem_get(size, c);

	if (ss == NULL)
		return NULL;
	ss->ss_nfds = c->arg[0];
	ss->ss_room = room;
	ss->ss_bits = ss->ss_high =
	    (unsigned)ss->ss_nfds < room ? (unsigned)ss->ss_nfds : room;
	ss->ss_ready = 0;
	ss->ss_none = ss->ss_alien = ss->ss_asked = false;
	ss->ss_zero[0] = ss->ss_zero[1] = 0;
	for (int i = 0; i < NSETS; i++)
		ss->ss_user[i] = c->arg[i + 1];
	return ss;
}

static long
selectset_end(struct selectset *ss, long result)
{
	waitmem_put(ss);
	return result;
}

static int
selectset_load(struct selectset *ss)
{
	for (int i = 0; i < NSETS; i++) {
		uint64_t *user = user_set(ss, i), *host = host_set(ss, i);
		unsigned n = words(ss->ss_bits);

		for (unsigned w = 0; w < n; w++)
			user[w] = 0;
		if (ss->ss_user[i] != 0 &&
		    usercopy_in(user, (void *)ss->ss_user[i], n * 8) != 0)
			return EFAULT;
		if (ss->ss_bits % WORD_BITS != 0)
			user[n - 1] &= (1UL << ss->ss_bits % WORD_BITS) - 1;
		for (unsigned w = 0; w < n; w++)
			host[w] = user[w];
		/* Large ones are new memory. */
		for (unsigned w = n; w < BITS_SMALL / WORD_BITS; w++)
			host[w] = 0;
	}
	return 0;
}

/* The bits of fd in the host's sets stand at number hostfd instead. */
static void
move_bits(struct selectset *ss, unsigned fd, unsigned hostfd)
{
	for (int i = 0; i < NSETS; i++) {
		bit_clear(host_set(ss, i), fd);
		if (bit_test(user_set(ss, i), fd))
			bit_set(host_set(ss, i), hostfd);
	}
	if (hostfd >= ss->ss_high)
		ss->ss_high = hostfd + 1;
}

static void
take_file(struct selectset *ss, unsigned fd)
{
	for (int i = 0; i < NSETS; i++) {
		bit_clear(host_set(ss, i), fd);
		if (i != EXCEPTIONAL && bit_test(user_set(ss, i), fd))
			ss->ss_ready++;
	}
}

/* False: there is not room enough. */
static bool
sort(struct selectset *ss, unsigned fd)
{
	int hostfd = -1;

	switch (member_find((int)fd, &hostfd)) {
	case MEMBER_HOST:
		break;
	case MEMBER_READY:
		take_file(ss, fd);
		break;
	case MEMBER_PROXY:
		if ((unsigned)hostfd >= ss->ss_room)
			return false;
		move_bits(ss, fd, (unsigned)hostfd);
		break;
	case MEMBER_ASKED:
		ss->ss_asked = true;
		break;
	case MEMBER_NONE:
		ss->ss_none = true;
		break;
	case MEMBER_ALIEN:
		ss->ss_alien = true;
		break;
	}
	return true;
}

static bool
selectset_sort(struct selectset *ss)
{
	for (unsigned w = 0; w < words(ss->ss_bits); w++) {
		uint64_t bits = user_set(ss, 0)[w] | user_set(ss, 1)[w] |
				user_set(ss, 2)[w];

		for (; bits != 0; bits &= bits - 1) {
			if (!sort(ss,
				w * WORD_BITS + (unsigned)__builtin_ctzl(bits)))
				return false;
		}
	}
	return true;
}

/* A sorted copy, or NULL and *result. */
static struct selectset *
selectset_make(const struct call *c, long *result)
{
	const unsigned rooms[] = { BITS_SMALL, BITS_LARGE };

	for (int i = 0; i < 2; i++) {
		struct selectset *ss;

		if (i == 0 && (unsigned)c->arg[0] > BITS_SMALL)
			continue;
		ss = selectset_create(c, rooms[i]);
		*result = -ENOMEM;
		if (ss == NULL)
			return NULL;
		*result = -EFAULT;
		if (selectset_load(ss) == 0) {
			if (selectset_sort(ss))
				return ss;
			*result = -EBADF;
		}
		selectset_end(ss, 0);
		if (*result == -EFAULT)
			break;
	}
	return NULL;
}

/* --- results ----------------------------------------------------------- */

/* The bits of fd in the program's sets, from the host's answer. */
static unsigned
report(struct selectset *ss, unsigned fd)
{
	int hostfd = (int)fd;
	enum member kind = MEMBER_HOST;
	unsigned ready = 0;

	if (fdmap_is_rump(fd))
		kind = member_find((int)fd, &hostfd);
	for (int i = 0; i < NSETS; i++) {
		bool on = kind == MEMBER_READY
			      ? i != EXCEPTIONAL
			      : (unsigned)hostfd < ss->ss_high &&
				    bit_test(host_set(ss, i), (unsigned)hostfd);

		if (!bit_test(user_set(ss, i), fd))
			continue;
		if (on)
			ready++;
		else
			bit_clear(user_set(ss, i), fd);
	}
	return ready;
}

static int
selectset_store(const struct selectset *ss)
{
	for (int i = 0; i < NSETS; i++) {
		const uint64_t *set =
		    ss->ss_sets +
		    (size_t)(NSETS + i) * (ss->ss_room / WORD_BITS);

		if (ss->ss_user[i] != 0 &&
		    usercopy_out(set, (void *)ss->ss_user[i],
			words(ss->ss_bits) * 8) != 0)
			return EFAULT;
	}
	return 0;
}

static long
selectset_report(struct selectset *ss)
{
	long ready = 0;

	for (unsigned w = 0; w < words(ss->ss_bits); w++) {
		uint64_t bits = user_set(ss, 0)[w] | user_set(ss, 1)[w] |
				user_set(ss, 2)[w];

		for (; bits != 0; bits &= bits - 1)
			ready += report(
			    ss, w * WORD_BITS + (unsigned)__builtin_ctzl(bits));
	}
	return selectset_store(ss) != 0 ? -EFAULT : ready;
}

static long
select_after(struct call *c)
{
	struct selectset *ss =
	    (struct selectset *)(c->arg[1] - (long)sizeof(struct selectset));

	c->arg[0] = ss->ss_nfds;
	for (int i = 0; i < NSETS; i++)
		c->arg[i + 1] = ss->ss_user[i];
	return selectset_end(
	    ss, c->result < 0 ? c->result : selectset_report(ss));
}

/* --- timeouts ---------------------------------------------------------- */

/* A good one, or for ever. */
static int
get_timeout(const struct call *c, int64_t *ms)
{
	struct timespec ts;
	struct timeval tv;

	*ms = -1;
	if (c->arg[4] == 0)
		return 0;
	if (c->nr == SYS_select) {
		if (usercopy_in(&tv, (void *)c->arg[4], sizeof(tv)) != 0)
			return EFAULT;
		if (__builtin_add_overflow(
			tv.tv_sec, tv.tv_usec / USEC, &ts.tv_sec))
			return EINVAL;
		ts.tv_nsec = tv.tv_usec % USEC * (NSEC / USEC);
	} else if (usercopy_in(&ts, (void *)c->arg[4], sizeof(ts)) != 0) {
		return EFAULT;
	}
	if (ts.tv_sec < 0 || (unsigned long)ts.tv_nsec >= NSEC)
		return EINVAL;
	if (ts.tv_sec <= INT_MAX)
		*ms = ts.tv_sec * 1000 +
		      (ts.tv_nsec + NSEC / 1000 - 1) / (NSEC / 1000);
	return 0;
}

static int
check_timeout(const struct call *c)
{
	int64_t ms;

	return get_timeout(c, &ms);
}

/* What is left of it is the program's. */
static void
put_timeout(const struct call *c, int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * (NSEC / 1000) };
	struct timeval tv = { ms / 1000, ms % 1000 * (USEC / 1000) };

	if (c->arg[4] == 0 || ms < 0)
		return;
	if (c->nr == SYS_select)
		(void)usercopy_out(&tv, (void *)c->arg[4], sizeof(tv));
	else
		(void)usercopy_out(&ts, (void *)c->arg[4], sizeof(ts));
}

/* --- a classic server --------------------------------------------------- */

/* The sets as an array, and which numbers its entries are for. */
struct asked {
	unsigned as_n;
	unsigned *as_numbers;
	struct pollfd as_fds[];
};

static const struct {
	short wanted, found;
} conditions[NSETS] = {
	{ POLLIN, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR },
	{ POLLOUT, POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR },
	{ POLLPRI, POLLPRI },
};

static struct asked *
asked_create(const struct selectset *ss)
{
	size_t each = sizeof(struct pollfd) + sizeof(unsigned);
	struct asked *as = waitmem_get(sizeof(*as) + ss->ss_bits * each, NULL);

	if (as == NULL)
		return NULL;
	as->as_n = 0;
	as->as_numbers = (unsigned *)(void *)(as->as_fds + ss->ss_bits);
	return as;
}

static void
asked_add(struct asked *as, struct selectset *ss, unsigned fd)
{
	struct pollfd *p = &as->as_fds[as->as_n];
	int number = -1;

	*p = (struct pollfd){ .fd = (int)fd };
	switch (member_find((int)fd, &number)) {
	case MEMBER_ASKED:
		p->fd = number;
		break;
	case MEMBER_HOST:
		break;
	default:
		ss->ss_none = true;
		return;
	}
	for (int i = 0; i < NSETS; i++)
		p->events |=
		    bit_test(user_set(ss, i), fd) ? conditions[i].wanted : 0;
	as->as_numbers[as->as_n++] = fd;
}

static void
asked_fill(struct asked *as, struct selectset *ss)
{
	for (unsigned w = 0; w < words(ss->ss_bits); w++) {
		uint64_t bits = user_set(ss, 0)[w] | user_set(ss, 1)[w] |
				user_set(ss, 2)[w];

		for (; bits != 0; bits &= bits - 1)
			asked_add(as, ss,
			    w * WORD_BITS + (unsigned)__builtin_ctzl(bits));
	}
}

/* From the array to the program's sets. */
static long
asked_report(const struct asked *as, struct selectset *ss)
{
	long ready = 0;

	for (unsigned n = 0; n < as->as_n; n++) {
		unsigned fd = as->as_numbers[n];
		short found = as->as_fds[n].revents;

		if ((found & POLLNVAL) != 0)
			return -EBADF;
		for (int i = 0; i < NSETS; i++) {
			if (!bit_test(user_set(ss, i), fd))
				continue;
			if ((found & conditions[i].found) != 0)
				ready++;
			else
				bit_clear(user_set(ss, i), fd);
		}
	}
	return selectset_store(ss) != 0 ? -EFAULT : ready;
}

/* pselect6's mask stands in memory with its size. */
static long
swap_mask(const struct call *c)
{
	long both[2];

	if (c->nr != SYS_pselect6 || c->arg[5] == 0)
		return 0;
	if (usercopy_in(both, (void *)c->arg[5], sizeof(both)) != 0)
		return -EFAULT;
	return waiting_mask(both[0], both[1]);
}

static long
select_asked(struct call *c, struct selectset *ss, struct asked *as)
{
	int64_t ms, since = waiting_clock();
	long result;

	asked_fill(as, ss);
	result = ss->ss_none ? -EBADF : -get_timeout(c, &ms);
	if (result == 0)
		result = swap_mask(c);
	if (result != 0)
		return result;
	result = classic_poll(as->as_fds, as->as_n, ms);
	put_timeout(c, waiting_left(ms, since));
	return result < 0 ? result : asked_report(as, ss);
}

static long
select_server(struct call *c, struct selectset *ss)
{
	struct asked *as = asked_create(ss);
	long result = -ENOMEM;

	if (as != NULL) {
		result = select_asked(c, ss, as);
		waitmem_put(as);
	}
	return selectset_end(ss, result);
}

/* --- calls ------------------------------------------------------------- */

static long
select_host(struct call *c, struct selectset *ss)
{
	int error;
	long result;

	if (ss->ss_none)
		return selectset_end(ss, -EBADF);
	if (ss->ss_alien)
		return selectset_end(ss, member_refuse(c));
	if (ss->ss_asked)
		return select_server(c, ss);
	error = ss->ss_ready != 0 ? check_timeout(c) : 0;
	result = error != 0 ? -error : engine_filter_mask(c);
	if (result != 0)
		return selectset_end(ss, result);
	if (ss->ss_ready != 0)
		c->arg[4] = (long)ss->ss_zero;
	c->arg[0] = ss->ss_high;
	for (int i = 0; i < NSETS; i++)
		c->arg[i + 1] = (long)host_set(ss, i);
	return route_to_host(c, select_after);
}

static long
select_run(struct call *c)
{
	struct selectset *ss;
	long result;

	if ((int)c->arg[0] > 0)
		c->arg[0] = nofile_visible((unsigned)c->arg[0]);
	if ((int)c->arg[0] < 0 || !names_rump(c)) {
		result = engine_filter_mask(c);
		return result != 0 ? result : CALL_TO_HOST;
	}
	route_mark_rump(c, NS_HOST);
	ss = selectset_make(c, &result);
	return ss == NULL ? result : select_host(c, ss);
}
ROUTE(select, select_run)
ROUTE(pselect6, select_run)
