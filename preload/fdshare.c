/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * What is shared is memory without pointers or locks: a word for each number,
 * which says all that another process has to know, and for each descriptor of
 * the kernel's how many numbers it has.  A process that is killed at any moment
 * leaves nothing that others wait for; at worst a file stays open as long as the
 * table exists.
 *
 * Each process remembers the word that its own map corresponds to.  A count of
 * changes says when to compare them, which happens before each call
 * (router_look()).  Words of two openings differ, although number and descriptor
 * may be the same, by a count of openings.
 *
 * Who takes away the last number of a file closes it, when the last call of its
 * own that uses it is over.  A call of another process that is under way has the
 * file in the kernel; one that is about to begin finds it closed, as if it had
 * come later.
 *
 * What other threads of the first process do at the very moment in which the
 * sharing begins may remain unknown to its child, to which the number is then one
 * of the host's that nothing can be done with.
 *
 * Own descriptors of a process are hidden from all, and stay where they are:
 * nothing moves while others may be using it.
 */
#include "preload/fdshare.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/fdalias.h"
#include "preload/fdslots.h"
#include "preload/lock.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/shown.h"

/* A word: 0 is the host's. */
#define W_FILE (1UL << 63)
#define W_HIDDEN (1UL << 62)
#define W_LEFT (1UL << 61) /* hidden, and nobody needs it */
#define W_FD(w) ((int)((w)&0xfffff))
#define W_KIND(w) ((enum rfile_kind)((w) >> 20 & 0x7))
#define W_PATH_ONLY (1UL << 23)
#define W_RULE(w) ((int)((w) >> 24 & 0xff) - 1) /* NS_HOST is -1 */
#define W_OPENING(w) ((uint32_t)((w) >> 32 & 0xfffffff))
#define W_NO_FD 0xfffff
#define OPENINGS 0xfffffff

struct shared_file {
	_Atomic(uint32_t) sf_numbers;
	_Atomic(uint32_t) sf_opening; /* 0: closed, or somebody does it */
	atomic_int sf_hostfd;
};

struct shared {
	_Atomic(uint32_t) sh_changes;
	_Atomic(uint32_t) sh_openings;
	atomic_long sh_highest; /* number with a word that was not 0 */
	_Atomic(uint64_t) sh_words[FD_MAX];
	struct shared_file sh_files[FD_MAX];
};

bool router_looks;

static struct shared *shared; /* NULL: the table is our own */
static uint64_t *mine;        /* mine_lock: what our map corresponds to */
static struct lock mine_lock = LOCK_INIT;
static _Atomic(uint32_t) seen; /* of sh_changes */

static void *
map(size_t size, int how)
{
	long r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    how | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

bool
fdshare_on(void)
{
	return shared != NULL;
}

/* Is the calling process's map the one that is shared?  Not so a vfork child's
 * own. */
static bool
is_shared(void)
{
	return shared != NULL && fdmap_view() == &fdmap_own;
}

/* --- telling ------------------------------------------------------------- */

static uint32_t
opening_of(struct rfile *rf)
{
	if (rf->rf_opening == 0)
		rf->rf_opening =
		    atomic_fetch_add(&shared->sh_openings, 1) % OPENINGS + 1;
	return rf->rf_opening;
}

static uint64_t
word_of(struct rfile *rf)
{
	uint64_t fd;

	if (rf == NULL || rf == FD_HIDDEN)
		return rf == NULL ? 0 : W_HIDDEN;
	if (rf->rf_fd >= W_NO_FD)
		return 0;
	fd = rf->rf_fd < 0 ? W_NO_FD : (uint64_t)rf->rf_fd;
	return W_FILE | (uint64_t)opening_of(rf) << 32 |
	       (uint64_t)(rf->rf_rule + 1) << 24 |
	       (rf->rf_path_only ? W_PATH_ONLY : 0) |
	       (uint64_t)rf->rf_kind << 20 | fd;
}

static struct shared_file *
file_of(uint64_t word)
{
	if ((word & W_FILE) == 0 || W_FD(word) == W_NO_FD)
		return NULL;
	return &shared->sh_files[W_FD(word)];
}

static void
count_number(uint64_t word, const struct rfile *rf)
{
	struct shared_file *sf = file_of(word);

	if (sf == NULL)
		return;
	if (atomic_fetch_add(&sf->sf_numbers, 1) == 0) {
		atomic_store(&sf->sf_hostfd, rf->rf_hostfd);
		atomic_store(&sf->sf_opening, W_OPENING(word));
	}
}

static void
discount_number(uint64_t word)
{
	struct shared_file *sf = file_of(word);

	if (sf != NULL)
		atomic_fetch_sub(&sf->sf_numbers, 1);
}

static void
raise_highest(long fd)
{
	long now = atomic_load(&shared->sh_highest);

	while (now < fd &&
	       !atomic_compare_exchange_weak(&shared->sh_highest, &now, fd))
		continue;
}

/* Under mine_lock. */
static void
tell(long fd, struct rfile *rf)
{
	uint64_t word = word_of(rf);

	count_number(word, rf);
	mine[fd] = word;
	raise_highest(fd);
	discount_number(atomic_exchange(&shared->sh_words[fd], word));
	atomic_fetch_add(&shared->sh_changes, 1);
}

struct rfile *
fdshare_set(long fd, slot_t *slot, struct rfile *rf)
{
	struct rfile *old;

	shown_number(fd, rf);
	if (!is_shared())
		return atomic_exchange(slot, rf);
	lock_enter(&mine_lock);
	old = atomic_exchange(slot, rf);
	tell(fd, rf);
	lock_exit(&mine_lock);
	return old;
}

bool
fdshare_take(long fd, slot_t *slot, struct rfile *rf)
{
	bool taken;

	if (!is_shared()) {
		taken = atomic_compare_exchange_strong(slot, &rf, NULL);
	} else {
		lock_enter(&mine_lock);
		taken = atomic_compare_exchange_strong(slot, &rf, NULL);
		if (taken)
			tell(fd, NULL);
		lock_exit(&mine_lock);
	}
	if (taken)
		shown_number(fd, NULL);
	return taken;
}

/* Nobody has said anything else meanwhile.  Under mine_lock. */
static bool
tell_free(long fd)
{
	uint64_t word = mine[fd];

	if (!atomic_compare_exchange_strong(&shared->sh_words[fd], &word, 0))
		return false;
	discount_number(mine[fd]);
	mine[fd] = 0;
	atomic_fetch_add(&shared->sh_changes, 1);
	return true;
}

bool
fdshare_drop(long fd, slot_t *slot, struct rfile *rf)
{
	bool dropped;

	if (!is_shared())
		return fdshare_take(fd, slot, rf);
	lock_enter(&mine_lock);
	dropped = atomic_load(slot) == rf && tell_free(fd);
	if (dropped)
		atomic_store(slot, NULL);
	lock_exit(&mine_lock);
	if (dropped)
		shown_number(fd, NULL);
	return dropped;
}

void
fdshare_leave_behind(long fd)
{
	if (shared == NULL || (unsigned long)fd >= FD_MAX)
		return;
	atomic_store(&shared->sh_words[fd], W_HIDDEN | W_LEFT);
	atomic_fetch_add(&shared->sh_changes, 1);
}

bool
fdshare_closes(struct rfile *rf)
{
	uint32_t opening = rf->rf_opening;
	struct shared_file *sf;

	if (shared == NULL || opening == 0 || rf->rf_fd < 0)
		return true;
	sf = &shared->sh_files[rf->rf_fd];
	if (!backend_reachable() || atomic_load(&sf->sf_numbers) != 0 ||
	    !atomic_compare_exchange_strong(&sf->sf_opening, &opening, 0))
		return false;
	atomic_store(&rf->rf_hostfd, atomic_load(&sf->sf_hostfd));
	return true;
}

int
fdshare_hostfd(struct rfile *rf, int fd)
{
	struct shared_file *sf;
	int known = RF_HOSTFD_UNKNOWN;

	if (!is_shared() || rf->rf_opening == 0 || rf->rf_fd < 0)
		return fd;
	sf = &shared->sh_files[rf->rf_fd];
	if (atomic_load(&sf->sf_opening) != rf->rf_opening ||
	    atomic_compare_exchange_strong(&sf->sf_hostfd, &known, fd))
		return fd;
	return known;
}

/* --- listening ----------------------------------------------------------- */

/* The name of an O_PATH descriptor that another process has opened is not told: it
 * has one here that no file can have. */
static bool
keep_no_name(struct rfile *rf)
{
	char name[NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = '?';
	name[sizeof(name) - 1] = '\0';
	rf->rf_path = string_keep(name);
	return rf->rf_path != NULL;
}

/* What our map has for this opening under another number, with a reference, or
 * something new; NULL where there is no memory. */
static struct rfile *
file_for(uint64_t word)
{
	long last = atomic_load(&shared->sh_highest);
	struct rfile *rf;
	int error;

	for (long fd = 0; fd <= last; fd++) {
		rf = mine[fd] == word ? fdmap_get(fd, &error) : NULL;
		if (rf != NULL && rf->rf_opening == W_OPENING(word))
			return rf;
		if (rf != NULL)
			(void)fdmap_put(rf);
	}
	rf = rfile_create(W_FD(word) == W_NO_FD ? -1 : W_FD(word), W_KIND(word),
	    W_RULE(word), (word & W_PATH_ONLY) != 0);
	if (rf == NULL)
		return NULL;
	rf->rf_opening = W_OPENING(word);
	if (rf->rf_kind != RF_NAME || keep_no_name(rf))
		return rf;
	rfile_free(rf);
	return NULL;
}

/* Number fd of our map as the word has it.  What it held, with its reference, or
 * NULL.  Under mine_lock. */
static struct rfile *
take_over(long fd, uint64_t word)
{
	struct rfile *rf = NULL, *old;
	slot_t *slot = word != 0 ? slot_make(fd) : slot_find(fd);

	if ((word & W_HIDDEN) != 0)
		rf = FD_HIDDEN;
	else if ((word & W_FILE) != 0)
		rf = file_for(word);
	mine[fd] = word;
	shown_number(fd, rf);
	if (slot == NULL)
		return slot_is_file(rf) ? rf : NULL;
	old = atomic_exchange(slot, rf);
	return slot_is_file(old) ? old : NULL;
}

/* Whoever comes first closes it. */
static void
close_left(long fd, uint64_t word)
{
	if ((word & W_LEFT) == 0 ||
	    !atomic_compare_exchange_strong(&shared->sh_words[fd], &word, 0))
		return;
	atomic_fetch_add(&shared->sh_changes, 1);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void
sync_number(long fd)
{
	uint64_t word;
	struct rfile *old = NULL;

	lock_enter(&mine_lock);
	word = atomic_load(&shared->sh_words[fd]);
	if (word != mine[fd])
		old = take_over(fd, word);
	lock_exit(&mine_lock);
	close_left(fd, word);
	if (old != NULL)
		(void)fdmap_put(old);
}

void
fdshare_look(long fd)
{
	if (is_shared() && (unsigned long)fd < FD_MAX)
		sync_number(fd);
}

void
fdshare_sync(void)
{
	uint32_t now;
	long last;

	if (!is_shared())
		return;
	now = atomic_load(&shared->sh_changes);
	if (now == atomic_load(&seen))
		return;
	last = atomic_load(&shared->sh_highest);
	for (long fd = 0; fd <= last; fd++)
		sync_number(fd);
	/* Threads that come in between look themselves. */
	atomic_store(&seen, now);
}

/* --- beginning and end --------------------------------------------------- */

static void
each_file(void (*fn)(long fd, struct rfile *rf))
{
	for (long fd = 0; fd < FD_MAX; fd++) {
		struct rfile *rf;

		if (slot_find(fd) == NULL) {
			fd |= FD_SECOND - 1;
			continue;
		}
		rf = slot_load(fd);
		if (rf != NULL)
			fn(fd, rf);
	}
}

static void
forget_opening(long fd, struct rfile *rf)
{
	if (rf != FD_HIDDEN)
		rf->rf_opening = 0;
}

int
fdshare_begin(void)
{
	struct shared *sh;

	if (is_shared())
		return 0;
	if (shared != NULL || !process_owns_memory())
		return ENOTSUP;
	if (mine == NULL)
		mine = map(FD_MAX * sizeof(*mine), MAP_PRIVATE);
	sh = mine != NULL ? map(sizeof(*sh), MAP_SHARED) : NULL;
	if (sh == NULL)
		return ENOMEM;
	each_file(forget_opening);
	shared = sh;
	lock_enter(&mine_lock);
	each_file(tell);
	lock_exit(&mine_lock);
	__atomic_store_n(&router_looks, true, __ATOMIC_RELEASE);
	engine_watch_descriptors();
	return 0;
}

/* The duplicate is in this table, too. */
static void
keep_hostfd(long fd, struct rfile *rf)
{
	if (rf != FD_HIDDEN && rf->rf_hostfd == RF_HOSTFD_UNKNOWN)
		atomic_store(
		    &rf->rf_hostfd, fdshare_hostfd(rf, RF_HOSTFD_UNKNOWN));
}

void
fdshare_end(void)
{
	struct shared *sh = shared;

	lock_reset(&mine_lock);
	if (sh == NULL)
		return;
	each_file(keep_hostfd);
	shared = NULL;
	HOST(SYS_munmap, sh, sizeof(*sh), 0, 0, 0, 0);
	HOST(SYS_munmap, mine, FD_MAX * sizeof(*mine), 0, 0, 0, 0);
	mine = NULL;
	seen = 0;
	router_looks = fdalias_next(0) >= 0;
}

void
fdshare_forked(void)
{
	lock_reset(&mine_lock);
}

void
router_look(struct call *c)
{
	fdshare_sync();
	fdalias_translate(c);
}
