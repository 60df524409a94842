/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vnode's locks are a list of ranges [start, end], each with an owner: a
 * process, or an open file, which may have locks of both kinds.  To set a range
 * is to cut it out of the owner's ranges and then, unless it is unlocked, to add
 * it together with those of the same type that it continues: F_GETLK shows it.
 *
 * One lock and one condition variable serve all vnodes: advisory locks are
 * rare, and waiting for one rarer.  Deadlock between processes is not looked
 * for; the waits are interruptible.
 */
#include "vfs/lockf.h"

#include "kern/condvar.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "vfs/vnode.h"

/* All locks there may be: they are kernel memory, and anybody sets them. */
#define LOCKS_MAX 65536

struct lockf_head {
	struct list lh_locks; /* of struct lockf */
};

struct lockf {
	struct list lf_list;
	struct list lf_all; /* all_locks */
	struct vnode *lf_vp;
	const void *lf_owner; /* struct proc or struct file */
	pid_t lf_pid;         /* of record locks; -1: a file's.  0: flock */
	bool lf_exclusive;
	off_t lf_start, lf_end; /* inclusive; INT64_MAX: to the end */
};

/* Who waits for a lock, as long as it sleeps. */
struct waiter {
	struct list wa_list; /* waiters */
	struct vnode *wa_vp;
	const struct lockf *wa_want;
};

/* So long a chain of those who wait for each other is looked for. */
#define CHAIN_MOST 16

static kmutex_t lockf_lock; /* everything here */
static kcondvar_t lockf_cv;
static uint64_t ended; /* processes, in rump_lock_retry() */
static bool (*_Atomic ending_hook)(int32_t, uint64_t *);
static uint32_t nlocks;
static struct list all_locks = LIST_INITIALIZER(all_locks);
static struct list waiters = LIST_INITIALIZER(waiters);

static bool
same_kind(const struct lockf *a, const struct lockf *b)
{
	return (a->lf_pid == 0) == (b->lf_pid == 0);
}

static bool
same_owner(const struct lockf *a, const struct lockf *b)
{
	return a->lf_owner == b->lf_owner && same_kind(a, b);
}

/* The first lock, by its place, that is in the way. */
static struct lockf *
conflict(struct vnode *vp, const struct lockf *want) REQUIRES(lockf_lock)
{
	struct lockf *first = NULL;
	struct list *n;

	if (vp->v_lockf == NULL)
		return NULL;
	LIST_FOREACH (n, &vp->v_lockf->lh_locks) {
		struct lockf *lf = LIST_ENTRY(n, struct lockf, lf_list);

		if (lf->lf_owner != want->lf_owner && same_kind(lf, want) &&
		    (lf->lf_exclusive || want->lf_exclusive) &&
		    lf->lf_start <= want->lf_end &&
		    want->lf_start <= lf->lf_end &&
		    (first == NULL || lf->lf_start < first->lf_start))
			first = lf;
	}
	return first;
}

static void
lock_free(struct lockf *lf) REQUIRES(lockf_lock)
{
	list_remove(&lf->lf_list);
	list_remove(&lf->lf_all);
	nlocks--;
	kmem_free(lf, sizeof(*lf));
}

static void
lock_insert(struct vnode *vp, struct lockf *lf) REQUIRES(lockf_lock)
{
	lf->lf_vp = vp;
	list_insert_tail(&vp->v_lockf->lh_locks, &lf->lf_list);
	list_insert_tail(&all_locks, &lf->lf_all);
	nlocks++;
}

/* Cut [start, end] out of one range; spare is used when it falls in two. */
static void
cut(struct vnode *vp, struct lockf *lf, off_t start, off_t end,
    struct lockf **spare) REQUIRES(lockf_lock)
{
	if (lf->lf_end < start || lf->lf_start > end)
		return;
	if (lf->lf_start < start && lf->lf_end > end) {
		struct lockf *tail = *spare;

		*spare = NULL;
		*tail = *lf;
		tail->lf_start = end + 1;
		lf->lf_end = start - 1;
		lock_insert(vp, tail);
		return;
	}
	if (lf->lf_start < start) {
		lf->lf_end = start - 1;
		return;
	}
	if (lf->lf_end > end) {
		lf->lf_start = end + 1;
		return;
	}
	lock_free(lf);
}

/* Cut which's range out of all ranges of its owner. */
static void
cut_owner(struct vnode *vp, const struct lockf *which, struct lockf **spare)
    REQUIRES(lockf_lock)
{
	struct list *n, *next;
	bool changed = false;

	if (vp->v_lockf == NULL)
		return;
	LIST_FOREACH_SAFE(n, next, &vp->v_lockf->lh_locks)
	{
		struct lockf *lf = LIST_ENTRY(n, struct lockf, lf_list);

		if (same_owner(lf, which)) {
			cut(vp, lf, which->lf_start, which->lf_end, spare);
			changed = true;
		}
	}
	if (list_empty(&vp->v_lockf->lh_locks)) {
		kmem_free(vp->v_lockf, sizeof(*vp->v_lockf));
		__atomic_store_n(&vp->v_lockf, NULL, __ATOMIC_RELEASE);
	}
	if (changed)
		cv_broadcast(&lockf_cv);
}

/* Take the owner's ranges that *lf continues into it; the next one is at most on
 * either side. */
static void
absorb(struct vnode *vp, struct lockf *lf) REQUIRES(lockf_lock)
{
	struct list *n, *next;

	LIST_FOREACH_SAFE(n, next, &vp->v_lockf->lh_locks)
	{
		struct lockf *old = LIST_ENTRY(n, struct lockf, lf_list);

		if (!same_owner(old, lf) ||
		    old->lf_exclusive != lf->lf_exclusive)
			continue;
		if (old->lf_end != INT64_MAX && old->lf_end + 1 == lf->lf_start)
			lf->lf_start = old->lf_start;
		else if (lf->lf_end != INT64_MAX &&
			 lf->lf_end + 1 == old->lf_start)
			lf->lf_end = old->lf_end;
		else
			continue;
		lock_free(old);
	}
}

/* All that an owner has, of the kind that pid tells. */
static void
cut_all(struct vnode *vp, const void *owner, pid_t pid) REQUIRES(lockf_lock)
{
	const struct lockf all = {
		.lf_owner = owner,
		.lf_pid = pid,
		.lf_end = INT64_MAX,
	};
	struct lockf *none = NULL;

	cut_owner(vp, &all, &none);
}

/* Free what was not needed. */
static void
free_spares(struct lockf *a, struct lockf *b, struct lockf_head *head)
{
	kmem_free(a, sizeof(*a));
	kmem_free(b, sizeof(*b));
	kmem_free(head, sizeof(*head));
}

void
rump_lock_sethook(bool (*ending)(int32_t, uint64_t *))
{
	atomic_store(&ending_hook, ending);
}

void
rump_lock_retry(void)
{
	rump_schedule();
	mutex_enter(&lockf_lock);
	ended++;
	cv_broadcast(&lockf_cv);
	mutex_exit(&lockf_lock);
	rump_unschedule();
}

/*
 * lf is in the way.  EAGAIN, unless its owner is just ending: then 0 or ERESTART
 * after something has changed.
 */
static int
await_end(const struct lockf *lf, uint64_t *bound) REQUIRES(lockf_lock)
{
	bool (*ending)(int32_t, uint64_t *) = atomic_load(&ending_hook);
	pid_t pid = MAX(lf->lf_pid, 0);
	uint64_t before = ended;
	bool wait;

	if (ending == NULL)
		return EAGAIN;
	mutex_exit(&lockf_lock);
	wait = ending(pid, bound);
	mutex_enter(&lockf_lock);
	if (!wait)
		return EAGAIN;
	return ended != before ? 0 : cv_wait_sig(&lockf_cv, &lockf_lock);
}

/* The lock that process owner sleeps for; NULL: it does not, or is about to get
 * it. */
static const struct lockf *
awaited_by(const void *owner) REQUIRES(lockf_lock)
{
	struct list *n;

	LIST_FOREACH (n, &waiters) {
		struct waiter *wa = LIST_ENTRY(n, struct waiter, wa_list);

		if (wa->wa_want->lf_owner == owner && wa->wa_want->lf_pid > 0)
			return conflict(wa->wa_vp, wa->wa_want);
	}
	return NULL;
}

/* Does the owner of lf, or whoever that one waits for, wait for want's?  Only
 * processes are asked: a file's lock may be given up by many. */
static bool
is_deadlock(const struct lockf *lf, const struct lockf *want)
    REQUIRES(lockf_lock)
{
	for (int i = 0;
	     i < CHAIN_MOST && want->lf_pid > 0 && lf != NULL && lf->lf_pid > 0;
	     i++) {
		lf = awaited_by(lf->lf_owner);
		if (lf != NULL && lf->lf_owner == want->lf_owner)
			return true;
	}
	return false;
}

/* 0: look again; EDEADLK or ERESTART. */
static int
await_change(struct vnode *vp, const struct lockf *want) REQUIRES(lockf_lock)
{
	struct waiter wa = { .wa_vp = vp, .wa_want = want };
	int error;

	if (is_deadlock(conflict(vp, want), want))
		return EDEADLK;
	list_insert_tail(&waiters, &wa.wa_list);
	error = cv_wait_sig(&lockf_cv, &lockf_lock);
	list_remove(&wa.wa_list);
	return error;
}

/*
 * Bring *want about: wait for conflicting locks if asked to, replace what the
 * owner has there.  unlock: only remove.
 */
static int
set_lock(struct vnode *vp, const struct lockf *want, bool unlock, bool wait)
{
	struct lockf *fresh = kmem_alloc(sizeof(*fresh), KM_SLEEP);
	struct lockf *spare = kmem_alloc(sizeof(*spare), KM_SLEEP);
	struct lockf_head *head = kmem_alloc(sizeof(*head), KM_SLEEP);
	uint64_t bound = 0;
	int error = 0;

	mutex_enter(&lockf_lock);
	while (!unlock && error == 0 && conflict(vp, want) != NULL) {
		/* Two that hold the same flock would wait for each other. */
		if (wait && want->lf_pid == 0)
			cut_all(vp, want->lf_owner, 0);
		if (conflict(vp, want) == NULL)
			break;
		if (wait)
			error = await_change(vp, want);
		else
			error = await_end(conflict(vp, want), &bound);
	}
	if (error == 0 && !unlock && nlocks >= LOCKS_MAX)
		error = ENOLCK;
	if (error == 0)
		cut_owner(vp, want, &spare);
	if (error == 0 && !unlock) {
		if (vp->v_lockf == NULL) {
			list_init(&head->lh_locks);
			__atomic_store_n(&vp->v_lockf, head, __ATOMIC_RELEASE);
			head = NULL;
		}
		*fresh = *want;
		absorb(vp, fresh);
		lock_insert(vp, fresh);
		fresh = NULL;
	}
	mutex_exit(&lockf_lock);
	free_spares(fresh, spare, head);
	return error;
}

/* [start, end] of a struct flock. */
static int
range(const struct rump_flock *fl, off_t pos, off_t size, struct lockf *lf)
{
	off_t start = fl->l_start, base;

	switch (fl->l_whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = pos;
		break;
	case SEEK_END:
		base = size;
		break;
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(start, base, &start))
		return EOVERFLOW;
	if (start < 0)
		return EINVAL;
	lf->lf_start = start;
	lf->lf_end = INT64_MAX;
	if (fl->l_len > 0 &&
	    __builtin_add_overflow(start, fl->l_len - 1, &lf->lf_end))
		return EOVERFLOW;
	if (fl->l_len < 0) {
		lf->lf_end = start - 1;
		if (__builtin_add_overflow(start, fl->l_len, &lf->lf_start))
			return EINVAL;
	}
	return lf->lf_start < 0 ? EINVAL : 0;
}

/* Who has the lock, as the current process calls others: both have a name on
 * the host, or the kernel's counts. */
static pid_t
pid_of(const struct lockf *lf)
{
	const struct proc *p = lf->lf_owner;
	pid_t pid;

	if (lf->lf_pid == -1 || atomic_load(&curproc->p_hostpid) == 0)
		return lf->lf_pid;
	pid = atomic_load(&p->p_hostpid);
	return pid != 0 ? pid : lf->lf_pid;
}

static void
get_lock(struct vnode *vp, const struct lockf *want, struct rump_flock *fl)
{
	const struct lockf *lf;

	mutex_enter(&lockf_lock);
	lf = conflict(vp, want);
	fl->l_type = F_UNLCK;
	if (lf != NULL) {
		fl->l_type = lf->lf_exclusive ? F_WRLCK : F_RDLCK;
		fl->l_whence = SEEK_SET;
		fl->l_start = lf->lf_start;
		fl->l_len =
		    lf->lf_end == INT64_MAX ? 0 : lf->lf_end - lf->lf_start + 1;
		fl->l_pid = pid_of(lf);
	}
	mutex_exit(&lockf_lock);
}

int
lockf_record(struct vnode *vp, struct file *owner, unsigned cmd,
    struct rump_flock *fl, off_t pos, off_t size)
{
	struct lockf want = {
		.lf_owner = owner != NULL ? (void *)owner : (void *)curproc,
		.lf_pid = owner != NULL ? -1 : MAX(curproc->p_pid, 1),
		.lf_exclusive = fl->l_type == F_WRLCK,
	};
	int error;

	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK &&
	    fl->l_type != F_UNLCK)
		return EINVAL;
	error = range(fl, pos, size, &want);
	if (error != 0)
		return error;
	if (cmd != F_GETLK)
		return set_lock(
		    vp, &want, fl->l_type == F_UNLCK, cmd == F_SETLKW);
	if (fl->l_type == F_UNLCK)
		return EINVAL;
	get_lock(vp, &want, fl);
	return 0;
}

int
lockf_file(struct vnode *vp, struct file *fp, int how)
{
	struct lockf want = {
		.lf_owner = fp,
		.lf_end = INT64_MAX,
	};

	switch (how & ~LOCK_NB) {
	case LOCK_UN:
		return set_lock(vp, &want, true, false);
	case LOCK_EX:
		want.lf_exclusive = true;
		break;
	case LOCK_SH:
		break;
	default:
		return EINVAL;
	}
	return set_lock(vp, &want, false, (how & LOCK_NB) == 0);
}

/* Locks of a process that has ended, wherever they are. */
static void
exit_locks(struct proc *p)
{
	struct list *n;

	mutex_enter(&lockf_lock);
again:
	LIST_FOREACH (n, &all_locks) {
		struct lockf *lf = LIST_ENTRY(n, struct lockf, lf_all);

		if (lf->lf_owner == p) {
			cut_all(lf->lf_vp, p, lf->lf_pid);
			goto again;
		}
	}
	mutex_exit(&lockf_lock);
}

void
lockf_init(void)
{
	static struct prochook hook = { .ph_exit = exit_locks };

	mutex_init(&lockf_lock, "lockf");
	cv_init(&lockf_cv, "lockf");
	prochook_attach(&hook);
}

void
lockf_purge(struct vnode *vp)
{
	mutex_enter(&lockf_lock);
	while (vp->v_lockf != NULL) {
		const struct lockf *lf = LIST_ENTRY(
		    vp->v_lockf->lh_locks.next, struct lockf, lf_list);

		cut_all(vp, lf->lf_owner, lf->lf_pid);
	}
	mutex_exit(&lockf_lock);
}

void
lockf_close(struct vnode *vp, struct file *fp)
{
	/* A lock of fp was set before this, its last call. */
	if (__atomic_load_n(&vp->v_lockf, __ATOMIC_ACQUIRE) == NULL)
		return;
	mutex_enter(&lockf_lock);
	cut_all(vp, fp, 0);
	cut_all(vp, fp, -1);
	mutex_exit(&lockf_lock);
}

void
lockf_fdclose(struct vnode *vp)
{
	if (__atomic_load_n(&vp->v_lockf, __ATOMIC_ACQUIRE) == NULL)
		return;
	mutex_enter(&lockf_lock);
	cut_all(vp, curproc, 1);
	mutex_exit(&lockf_lock);
}
