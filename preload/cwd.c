/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No copy of the host's path is kept: it changes without us when somebody
 * renames a parent, and it is needed only for relative paths that could lead
 * into a mount (namespace_maybe()).
 *
 * An exec ends a kernel in the process, and its working directory.  The next
 * image is told where it was; where that cannot be said, exec fails, since the
 * host's own directory would be a wrong one.  With a server the next image need
 * only know that the directory is the kernel's.
 */
#include "preload/cwd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/abi/errno.h"
#include "preload/cwdshare.h"
#include "preload/descriptor.h"
#include "preload/engine/late.h"
#include "preload/engine/thread.h"
#include "preload/fdslots.h"
#include "preload/lock.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/shown.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

/*
 * Children of vfork(2) that have gone to a directory of the host, while their
 * parent, whose memory this is, stays in the kernel's.  They execute soon.
 */
#define NDEPARTED 16
#define DEPARTED_SECONDS 30
static struct {
	_Atomic(int64_t) pid;
	_Atomic(int64_t) until;
} departed[NDEPARTED];
static atomic_uint departed_next;

/* The path of the rump directory, kept from its first use to the next
 * chdir(2). */
static struct lock text_lock = LOCK_INIT;
static LATE char text_of_cwd[PATHBUF_SIZE]; /* text_lock; "" not known */
static unsigned text_generation;            /* text_lock: whose it is */

static int64_t
seconds(void)
{
	struct timespec ts = { 0 };

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return ts.tv_sec;
}

static void
depart(void)
{
	unsigned i = atomic_fetch_add(&departed_next, 1) % NDEPARTED;

	atomic_store(&departed[i].until, seconds() + DEPARTED_SECONDS);
	atomic_store(&departed[i].pid, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
}

static bool
has_departed(void)
{
	int64_t pid = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), now = seconds();

	for (int i = 0; i < NDEPARTED; i++) {
		if (departed[i].pid == pid && departed[i].until > now)
			return true;
	}
	return false;
}

/* Has the calling process, a vfork child, a directory of its own? */
static bool
is_childs(void)
{
	return engine_thread.t_view != NULL && !engine_thread.t_shares_cwd;
}

/* Another image may have had more rules. */
static int
rule_of(const struct cwd_state *cs)
{
	int rule = atomic_load_explicit(&cs->cs_rule, memory_order_relaxed);

	return rule == NS_HOST || (unsigned)rule < names_now()->ns_n ? rule : 0;
}

int
cwd_rule(void)
{
	int rule;

	if (is_childs())
		return engine_thread.t_cwd;
	if (engine_thread.t_apart)
		return NS_HOST;
	rule = rule_of(cwdshare_state());
	if (rule != NS_HOST && !process_owns_memory() &&
	    !engine_thread.t_shares_cwd && has_departed())
		return NS_HOST;
	return rule;
}

static void
set_rule(int rule)
{
	struct cwd_state *cs;

	lock_enter(&text_lock);
	cs = cwdshare_state();
	shown_cwd(rule != NS_HOST);
	atomic_store(&cs->cs_rule, rule);
	atomic_fetch_add(&cs->cs_generation, 1);
	lock_exit(&text_lock);
}

void
cwd_set(int rule)
{
	if (is_childs())
		engine_thread.t_cwd = rule;
	else if (engine_thread.t_apart)
		return;
	else if (process_owns_memory() || engine_thread.t_shares_cwd)
		set_rule(rule);
	else if (rule == NS_HOST && cwd_rule() != NS_HOST)
		depart();
}

int
cwd_host_path(long dirfd, char *buf, size_t size)
{
	char name[32];
	struct text t;
	long n;

	if ((int)dirfd == AT_FDCWD) {
		n = HOST(SYS_getcwd, buf, size, 0, 0, 0, 0);
	} else {
		text_init(&t, name, sizeof(name));
		text_put(&t, "/proc/self/fd/");
		text_dec(&t, (int)dirfd);
		n = HOST(SYS_readlink, name, buf, size - 1, 0, 0, 0);
		if (n >= 0)
			buf[n] = '\0';
	}
	if (n < 0)
		return (int)-n;
	return buf[0] == '/' ? 0 : ENOENT;
}

/* A call on the kernel's working directory.  0, a Linux errno or
 * ROUTE_RESTART. */
static int
kernel_call(int num, int64_t a, int64_t b)
{
	int64_t args[BACKEND_SLOTS] = { a, b }, retval[2];
	long error = rump_backend_syscall(num, args, retval);

	if (error == RUMP_ERESTART)
		return ROUTE_RESTART;
	return error < 0 ? ENOENT : abi_errno_to_linux((int)error);
}

int
cwd_rump_path(char *buf, size_t size)
{
	char *kernel_path = pool_get(&pathbufs);
	int error;

	if (kernel_path == NULL)
		return ENOMEM;
	kernel_path[0] = '\0';
	error =
	    kernel_call(RUMP_SYS___getcwd, (int64_t)kernel_path, PATHBUF_SIZE);
	if (error == 0 && namespace_program_path(names_now(), cwd_rule(),
			      kernel_path, buf, size) == 0)
		error = ENAMETOOLONG;
	pool_put(&pathbufs, kernel_path);
	return error;
}

static void
copy(char *to, const char *from, size_t size)
{
	struct text t;

	text_init(&t, to, size);
	text_put(&t, from);
}

/* What is known of the directory of this generation, or "". */
static void
get_text(char *buf, size_t size, unsigned generation)
{
	lock_enter(&text_lock);
	if (text_generation != generation)
		text_of_cwd[0] = '\0';
	copy(buf, text_of_cwd, size);
	lock_exit(&text_lock);
}

static void
keep_text(const char *text, unsigned generation)
{
	lock_enter(&text_lock);
	if (generation == atomic_load(&cwdshare_state()->cs_generation)) {
		copy(text_of_cwd, text, sizeof(text_of_cwd));
		text_generation = generation;
	}
	lock_exit(&text_lock);
}

bool
cwd_rump_text(char *buf, size_t size)
{
	unsigned generation = atomic_load(&cwdshare_state()->cs_generation);

	if (is_childs())
		return cwd_rump_path(buf, size) == 0;
	get_text(buf, size, generation);
	if (buf[0] != '\0')
		return true;
	if (!backend_reachable() || cwd_rump_path(buf, size) != 0)
		return false;
	keep_text(buf, generation);
	return true;
}

int
cwd_share(void)
{
	int error;

	if (is_childs() || engine_thread.t_apart)
		return ENOTSUP;
	lock_enter(&text_lock);
	error = cwdshare_begin();
	lock_exit(&text_lock);
	return error;
}

void
cwd_unshare(void)
{
	lock_enter(&text_lock);
	cwdshare_end();
	lock_exit(&text_lock);
}

bool
cwd_is_shared(void)
{
	return !is_childs() && !engine_thread.t_apart && cwdshare_on();
}

bool
cwd_is_apart(void)
{
	return engine_thread.t_apart && !is_childs();
}

bool
router_is_on_host(void)
{
	return cwd_rule() == NS_HOST;
}

void
cwd_forked(bool shares)
{
	lock_reset(&text_lock);
	cwdshare_forked(shares);
	if (is_childs() || engine_thread.t_apart)
		set_rule(cwd_rule());
	engine_thread.t_shares_cwd = engine_thread.t_apart = false;
}

/* --- from image to image ----------------------------------------------- */

#define SHARED '@' /* and a descriptor, instead of a path */

static int
inherit_shared(const char *number)
{
	unsigned fd = 0;

	for (; *number >= '0' && *number <= '9' && fd < FD_MAX; number++)
		fd = 10 * fd + (unsigned)(*number - '0');
	return *number == '\0' && cwdshare_take((int)fd) ? 0 : EBADF;
}

int
cwd_inherit(const char *path)
{
	struct place *pl;
	int error;

	if (*path == SHARED)
		return inherit_shared(path + 1);
	pl = place_create();
	if (pl == NULL)
		return ENOMEM;
	error = place_decide(pl, path);
	if (error == 0 && !pl->pl_rump)
		error = ENOENT;
	if (error == 0 && backend_state == BACKEND_HERE)
		error = kernel_call(RUMP_SYS_chdir, (int64_t)pl->pl_path, 0);
	if (error == 0)
		cwd_set(pl->pl_rule);
	place_destroy(pl);
	return error == ROUTE_RESTART ? EINTR : error;
}

int
cwd_check(void)
{
	char *path;
	int error;

	if (cwd_rule() == NS_HOST || backend_state != BACKEND_HERE ||
	    !backend_reachable())
		return 0;
	path = pool_get(&pathbufs);
	if (path == NULL)
		return ENOMEM;
	error = cwd_rump_path(path, PATHBUF_SIZE);
	pool_put(&pathbufs, path);
	return error == ROUTE_RESTART ? EINTR : error;
}

/* With a server the kernel's process stays in the directory, and the rule is all
 * that is asked; without a path of the kernel's, the prefix says at least that
 * the directory is not the host's. */
static const char *
known_path(char *buf, int rule)
{
	const char *prefix = names_now()->ns_rules[rule].nr_prefix;

	if (buf != NULL && backend_state == BACKEND_HERE &&
	    backend_reachable() && cwd_rump_path(buf, PATHBUF_SIZE) == 0)
		return buf;
	return *prefix != '\0' ? prefix : "/";
}

/* With a kernel in a process what is shared does not cross. */
static int
shared_descriptor(void)
{
	return backend_state == BACKEND_SERVER && cwd_is_shared()
		   ? cwdshare_descriptor()
		   : -1;
}

void
cwd_keep(bool keep)
{
	if (shared_descriptor() >= 0)
		cwdshare_keep(keep);
}

static void
put_path(struct text *t, int rule)
{
	char *path = pool_get(&pathbufs);

	text_put(t, known_path(path, rule));
	if (path != NULL)
		pool_put(&pathbufs, path);
}

size_t
cwd_exec_env(char *buf, size_t size)
{
	int rule = cwd_rule(), fd;
	struct text t;

	if (router_idle || size == 0)
		return 0;
	fd = shared_descriptor();
	if (fd < 0 && rule == NS_HOST)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, CWD_VARIABLE "=");
	if (fd >= 0) {
		text_char(&t, SHARED);
		text_dec(&t, fd);
	} else {
		put_path(&t, rule);
	}
	return t.t_len;
}

/* --- calls ------------------------------------------------------------- */

/* The kernel has one directory for all threads. */
static int
refuse_apart(struct call *c)
{
	static atomic_bool said;

	if (!atomic_exchange(&said, true))
		engine_say("%s: a thread with a working directory of its own "
			   "cannot have it in a rump kernel",
		    linux_calls[c->nr].lc_name);
	route_note(c, "the thread has left its process's directory");
	return EOPNOTSUPP;
}

static int
chdir_op(struct call *c, const struct place *pl, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { (int64_t)pl->pl_path };
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd };
	int error;

	if (cwd_is_apart())
		return refuse_apart(c);
	if (pl->pl_path[0] == '\0')
		error = rump_call(c, RUMP_SYS_fchdir, fargs, NULL);
	else if (pl->pl_dir != NULL)
		error =
		    place_by_descriptor(c, pl, RUMP_O_SEARCH | RUMP_O_DIRECTORY,
			RUMP_SYS_fchdir, fargs, NULL);
	else
		error = rump_call(c, RUMP_SYS_chdir, args, NULL);
	if (error == 0)
		cwd_set(pl->pl_rule);
	return error;
}

static long
chdir_after(struct call *c)
{
	cwd_set(NS_HOST);
	return c->result;
}

static const struct path_route chdir_path = { -1, 0, -1, 0, chdir_op,
	chdir_after };

static long
chdir_run(struct call *c)
{
	return path_run(c, &chdir_path);
}
ROUTE(chdir, chdir_run)

static long
fchdir_rump(struct call *c, struct rfile *rf)
{
	struct rump_stat st;
	long result;

	if (cwd_is_apart())
		return -refuse_apart(c);
	if (rf->rf_kind == RF_NAME) {
		result = fd_call(c, rf, RUMP_SYS_fstatat, (int64_t)rf->rf_path,
		    (int64_t)&st, RUMP_AT_SYMLINK_NOFOLLOW, 0);
		return result < 0            ? result
		       : S_ISDIR(st.st_mode) ? -EACCES
					     : -ENOTDIR;
	}
	result = fd_call(c, rf, RUMP_SYS_fchdir, 0, 0, 0, 0);
	if (result == 0)
		cwd_set(rf->rf_rule);
	return result;
}

static long
fchdir_after(struct call *c)
{
	return c->result < 0 ? c->result : chdir_after(c);
}

static long
fchdir_run(struct call *c)
{
	long result = fd_run(c, false, fchdir_rump);

	return result == CALL_TO_HOST ? route_to_host(c, fchdir_after) : result;
}
ROUTE(fchdir, fchdir_run)

static long
getcwd_rump(struct call *c, char *path)
{
	size_t len;
	int error;

	if (!backend_reachable())
		return -process_refuse(c);
	error = cwd_rump_path(path, PATHBUF_SIZE);
	if (error == ERANGE)
		error = ENAMETOOLONG;
	if (error != 0)
		return route_result(error, 0);
	len = text_length(path) + 1;
	if (len > PATH_MAX)
		return -ENAMETOOLONG;
	if ((unsigned long)c->arg[1] < len)
		return -ERANGE;
	error = usercopy_out(path, (void *)c->arg[0], len);
	return error != 0 ? -error : (long)len;
}

static long
getcwd_run(struct call *c)
{
	int rule = cwd_rule();
	char *path;
	long result;

	if (rule == NS_HOST)
		return CALL_TO_HOST;
	route_mark_rump(c, rule);
	path = pool_get(&pathbufs);
	if (path == NULL)
		return -ENOMEM;
	result = getcwd_rump(c, path);
	pool_put(&pathbufs, path);
	return result;
}
ROUTE(getcwd, getcwd_run)
