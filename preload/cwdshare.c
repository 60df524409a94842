/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page or two of a memfd without pointers and locks, so that a process that is
 * killed holds nobody up.  It is made when the first child is to share it.  Its
 * descriptor is hidden and crosses an exec, after which the host shares as before.
 *
 * What changes often, the working directory, is looked up there each time.  Of a
 * root directory or mask others are told: each takes it over before it looks at
 * a path.
 */
#include "preload/cwdshare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fdshare.h"
#include "preload/hidden.h"
#include "preload/lock.h"
#include "preload/names.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"

#define ROOTS_MAX 8
#define ROOT_BITS 4 /* of sh_order: how many there are, and a number for each */
#define ROOT_MASK ((1U << ROOT_BITS) - 1)
#define ROOT_SIZE 4096
#define AWAY 256 /* a number from here on is out of the program's way */
#define MASK_TOLD 01000
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

_Static_assert(
    ROOTS_MAX <= ROOT_MASK && (ROOTS_MAX + 1) * ROOT_BITS <= 64, "they fit");

struct shared {
	struct cwd_state sh_state;
	atomic_uint sh_changes; /* of what follows */
	atomic_uint sh_mask;    /* MASK_TOLD, and what it is */
	atomic_uint sh_nroots;  /* of sh_roots, given away */
	/* Those that are complete, in the order in which they were told.  One that
	 * never is belongs to a process that was killed. */
	_Atomic(uint64_t) sh_order;
	char sh_roots[ROOTS_MAX][ROOT_SIZE]; /* "": one of the kernel's */
};

static struct cwd_state own = { .cs_rule = NS_HOST };
static struct shared *shared; /* NULL: own */
static atomic_int shared_fd = -1;

static struct lock look_lock = LOCK_INIT;
static unsigned taken;   /* look_lock: of sh_order */
static atomic_uint seen; /* of sh_changes */

static struct shared *
now(void)
{
	return __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
}

struct cwd_state *
cwdshare_state(void)
{
	struct shared *sh = now();

	return sh != NULL ? &sh->sh_state : &own;
}

bool
cwdshare_on(void)
{
	return now() != NULL;
}

static struct shared *
map(int fd)
{
	long r = HOST(SYS_mmap, 0, sizeof(struct shared),
	    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return r < 0 && r > -4096 ? NULL : (struct shared *)r;
}

/* The host would raise SIGXFSZ. */
static bool
has_room(void)
{
	struct rlimit rl;

	return HOST(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &rl, 0, 0) == 0 &&
	       rl.rlim_cur >= sizeof(struct shared);
}

/* A memfd, or -1. */
static long
memory_create(void)
{
	long fd;

	if (!has_room())
		return -1;
	fd = HOST(SYS_memfd_create, "rumpkit-cwd",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
	if (fd < 0)
		return -1;
	if (HOST(SYS_ftruncate, fd, sizeof(struct shared), 0, 0, 0, 0) == 0 &&
	    HOST(SYS_fcntl, fd, F_ADD_SEALS, SEALS, 0, 0, 0) == 0)
		return fd;
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return -1;
}

int
cwdshare_begin(void)
{
	struct shared *sh;
	long fd;

	if (cwdshare_on())
		return 0;
	fd = memory_create();
	if (fd < 0)
		return EAGAIN;
	sh = map((int)fd);
	if (sh == NULL || hidden_keep((int)fd, &shared_fd) < 0) {
		if (sh == NULL)
			HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		else
			HOST(SYS_munmap, sh, sizeof(*sh), 0, 0, 0, 0);
		return ENOMEM;
	}
	atomic_store(&sh->sh_state.cs_rule, atomic_load(&own.cs_rule));
	atomic_store(
	    &sh->sh_state.cs_generation, atomic_load(&own.cs_generation));
	taken = 0;
	seen = 0;
	__atomic_store_n(&shared, sh, __ATOMIC_RELEASE);
	return 0;
}

static void
leave(struct shared *sh)
{

	atomic_store(&own.cs_rule, atomic_load(&sh->sh_state.cs_rule));
	atomic_store(
	    &own.cs_generation, atomic_load(&sh->sh_state.cs_generation) + 1);
	__atomic_store_n(&shared, NULL, __ATOMIC_RELEASE);
	HOST(SYS_munmap, sh, sizeof(*sh), 0, 0, 0, 0);
}

void
cwdshare_end(void)
{
	int fd;

	if (!cwdshare_on())
		return;
	cwdshare_look();
	leave(shared);
	fd = atomic_exchange(&shared_fd, -1);
	/* Others may have it under this number, too. */
	if (fd >= 0 && !fdshare_on())
		hidden_close(fd);
}

/* --- root and mask ------------------------------------------------------- */

/* The n-th that was told. */
static bool
take_root(struct shared *sh, uint64_t order, unsigned n)
{
	char *path = sh->sh_roots[(order >> ROOT_BITS * (n + 1)) % ROOTS_MAX];

	path[ROOT_SIZE - 1] = '\0';
	return path[0] == '\0' ? names_enter() : names_chroot(path);
}

/* Each is below the one before.  False: there was no memory for all. */
static bool
take_roots(struct shared *sh)
{
	uint64_t order;
	bool all;
	unsigned n;

	lock_enter(&look_lock);
	order = atomic_load(&sh->sh_order);
	n = order & ROOT_MASK;
	if (n > ROOTS_MAX)
		n = ROOTS_MAX;
	while (taken < n && take_root(sh, order, taken))
		taken++;
	all = taken >= n;
	lock_exit(&look_lock);
	return all;
}

/* A server asks the host itself. */
static void
take_mask(const struct shared *sh)
{
	unsigned mask = atomic_load(&sh->sh_mask);
	int64_t args[BACKEND_SLOTS] = { mask & 0777 }, retval[2];

	if ((mask & MASK_TOLD) != 0 && backend_state == BACKEND_HERE &&
	    backend_reachable())
		(void)rump_backend_syscall(RUMP_SYS_umask, args, retval);
}

/* Another thread may have taken over a later mask before us: until there is no
 * later one. */
void
cwdshare_look(void)
{
	struct shared *sh = now();
	unsigned changes, taking;
	bool all;

	if (sh == NULL)
		return;
	changes = atomic_load_explicit(&sh->sh_changes, memory_order_acquire);
	if (changes == atomic_load_explicit(&seen, memory_order_relaxed))
		return;
	do {
		taking = changes;
		all = take_roots(sh);
		take_mask(sh);
		changes = atomic_load(&sh->sh_changes);
	} while (changes != taking);
	if (all)
		atomic_store(&seen, changes);
}

/* The host has given the child the root that its parent may not have seen yet. */
void
cwdshare_forked(bool shares)
{
	lock_reset(&look_lock);
	if (shares || shared == NULL)
		return;
	(void)take_roots(shared);
	leave(shared);
	/* What nobody keeps is closed (hidden_forked()). */
	atomic_store(&shared_fd, -1);
}

bool
cwdshare_may_root(void)
{
	struct shared *sh = now();

	return sh == NULL || atomic_load(&sh->sh_nroots) < ROOTS_MAX;
}

void
cwdshare_tell_root(const char *path)
{
	struct shared *sh = now();
	uint64_t i = atomic_fetch_add(&sh->sh_nroots, 1), order, longer;
	struct text t;

	if (i >= ROOTS_MAX)
		return;
	text_init(&t, sh->sh_roots[i], ROOT_SIZE);
	text_put(&t, path);
	order = atomic_load(&sh->sh_order);
	do
		longer =
		    (order | i << ROOT_BITS * ((order & ROOT_MASK) + 1)) + 1;
	while (!atomic_compare_exchange_weak(&sh->sh_order, &order, longer));
	atomic_fetch_add(&sh->sh_changes, 1);
}

void
cwdshare_tell_mask(unsigned mask)
{
	struct shared *sh = now();

	atomic_store(&sh->sh_mask, mask | MASK_TOLD);
	atomic_fetch_add(&sh->sh_changes, 1);
}

/* --- from image to image --------------------------------------------------- */

int
cwdshare_descriptor(void)
{
	return cwdshare_on() ? atomic_load(&shared_fd) : -1;
}

void
cwdshare_keep(bool keep)
{
	int fd = cwdshare_descriptor();

	if (fd >= 0)
		HOST(SYS_fcntl, fd, F_SETFD, keep ? 0 : FD_CLOEXEC, 0, 0, 0);
}

/* Memory that nobody can take away under us. */
static bool
is_memory(int fd)
{
	struct stat st;

	return HOST(SYS_fcntl, fd, F_GET_SEALS, 0, 0, 0, 0) == SEALS &&
	       HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) == 0 &&
	       st.st_size == sizeof(struct shared);
}

bool
cwdshare_take(int fd)
{
	struct shared *sh;
	long number;

	if (fd < 0 || !is_memory(fd))
		return false;
	sh = map(fd);
	if (sh == NULL)
		return false;
	number = fd >= AWAY ? hidden_adopt(fd, &shared_fd)
			    : hidden_keep(fd, &shared_fd);
	if (number < 0) {
		HOST(SYS_munmap, sh, sizeof(*sh), 0, 0, 0, 0);
		return false;
	}
	__atomic_store_n(&shared, sh, __ATOMIC_RELEASE);
	cwdshare_keep(false);
	return true;
}
