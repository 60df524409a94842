/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * NetBSD's records carry no position, Linux's do (d_off), and programs hand it
 * to lseek(2) later.  The position shown here is the ordinal number of the next
 * record.  For each block that was read a log keeps the number of its first
 * record and the kernel's own position there; going to a number means going to
 * the nearest logged block before it and skipping.
 *
 * Blocks are asked for in a size whose Linux records fit into the program's
 * buffer, so that what was read is normally handed out completely.
 *
 * A host directory that is parent of a mount shows the mount's name at the
 * end; the listing of /proc/PID/fd leaves our own descriptors out.
 */
#include "preload/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/dirent.h"
#include "preload/descriptor.h"
#include "preload/engine/late.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

#define IN_SIZE (24 * 1024)
#define OUT_SIZE (IN_SIZE / 16 * 24)
#define IN_LEAST 16  /* a record with the shortest name */
#define IN_MOST 1024 /* and more than one with the longest */
#define NLOG 128
#define UNKNOWN UINT64_MAX

struct dirpos {
	struct pool_free *dp_free; /* the pool's */
	struct lock dp_lock;       /* one listing call at a time */
	uint64_t dp_index;         /* record that the program gets next */
	uint64_t dp_kernel;        /* record at the kernel's position, or
				    * UNKNOWN */
	unsigned dp_nlog;
	struct {
		uint64_t index;
		int64_t off;
	} dp_log[NLOG];
};

struct dirbuf {
	struct pool_free *db_free;
	uint8_t db_in[IN_SIZE];
	uint8_t db_out[OUT_SIZE];
};

static struct pool positions = POOL_INIT(sizeof(struct dirpos), 16 * 1024);
static struct pool buffers =
    POOL_INIT(sizeof(struct dirbuf), sizeof(struct dirbuf));

#define MAXOVERLAYS 64
/* The position behind overlay number i - 1. */
#define OVERLAY_OFF(i) ((int64_t)0x7fffffffffff0000 + (int64_t)(i))
static LATE char overlay_scratch[32768]; /* nobody reads it */
static struct {
	uint64_t dev, ino;
	const char *name;
} overlays[MAXOVERLAYS];
static unsigned noverlays;

/* --- positions --------------------------------------------------------- */

static struct dirpos *
dirpos_of(struct rfile *rf)
{
	struct dirpos *dp = __atomic_load_n(&rf->rf_dir, __ATOMIC_ACQUIRE);
	struct dirpos *none = NULL;

	if (dp != NULL)
		return dp;
	dp = pool_get(&positions);
	if (dp == NULL)
		return NULL;
	dp->dp_index = dp->dp_kernel = 0;
	dp->dp_nlog = 0;
	lock_reset(&dp->dp_lock);
	if (__atomic_compare_exchange_n(&rf->rf_dir, &none, dp, false,
		__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return dp;
	pool_put(&positions, dp);
	return none;
}

void
dirpos_destroy(struct dirpos *dp)
{
	pool_put(&positions, dp);
}

/* The position is shared with the parent, which may move it. */
void
dirpos_forked(struct dirpos *dp)
{
	lock_reset(&dp->dp_lock);
	dp->dp_kernel = UNKNOWN;
}

/* Enter a block; when the log is full every second entry is given up. */
static void
log_add(struct dirpos *dp, uint64_t index, int64_t off)
{
	if (dp->dp_nlog > 0 && dp->dp_log[dp->dp_nlog - 1].index >= index)
		return;
	if (dp->dp_nlog == NLOG) {
		for (unsigned i = 0; i < NLOG / 2; i++)
			dp->dp_log[i] = dp->dp_log[2 * i];
		dp->dp_nlog = NLOG / 2;
	}
	dp->dp_log[dp->dp_nlog].index = index;
	dp->dp_log[dp->dp_nlog++].off = off;
}

static long
kernel_seek(struct call *c, struct rfile *rf, int64_t off, int whence)
{
	return fd_call(c, rf, RUMP_SYS_lseek, 0, off, whence, 0);
}

/* Bring the kernel to the last logged block at or before dp_index. */
static long
go_back(struct call *c, struct rfile *rf, struct dirpos *dp)
{
	uint64_t index = 0;
	int64_t off = 0;
	long result;

	for (unsigned i = 0; i < dp->dp_nlog; i++) {
		if (dp->dp_log[i].index > dp->dp_index)
			break;
		index = dp->dp_log[i].index;
		off = dp->dp_log[i].off;
	}
	result = kernel_seek(c, rf, off, RUMP_SEEK_SET);
	if (result >= 0)
		dp->dp_kernel = index;
	return result < 0 ? result : 0;
}

bool
dirs_is_directory(struct call *c, struct rfile *rf)
{
	struct rump_stat st;

	if (rf->rf_isdir == 0 && backend_reachable() &&
	    fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0) == 0)
		rf->rf_isdir = (st.st_mode & S_IFMT) == S_IFDIR ? 1 : 2;
	return rf->rf_isdir == 1;
}

long
dirs_seek(struct call *c, struct rfile *rf, int64_t off, int whence)
{
	struct dirpos *dp;
	long result;

	if (!backend_reachable())
		return -process_refuse(c);
	dp = dirpos_of(rf);
	if (dp == NULL)
		return -ENOMEM;
	lock_enter(&dp->dp_lock);
	if (whence == SEEK_CUR)
		off += (int64_t)dp->dp_index;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || off < 0) {
		result = -EINVAL;
	} else {
		/* From the beginning everything is read anew. */
		if (off == 0) {
			dp->dp_nlog = 0;
			dp->dp_kernel = UNKNOWN;
		}
		dp->dp_index = (uint64_t)off;
		result = off;
	}
	lock_exit(&dp->dp_lock);
	return result;
}

/*
 * The host's own positions come before all of ours: the mounts follow its end.
 * A position of ours means that end and how many of the mounts went before.
 */
static long
overlay_seek(long fd, struct dirpos *dp, int64_t off, int whence)
{
	if (whence == SEEK_SET && off >= OVERLAY_OFF(0) &&
	    off < OVERLAY_OFF(MAXOVERLAYS + 1)) {
		dp->dp_index = (uint64_t)(off - OVERLAY_OFF(0));
		while (HOST(SYS_getdents64, fd, overlay_scratch,
			   sizeof(overlay_scratch), 0, 0, 0) > 0)
			continue;
		return off;
	}
	if (whence == SEEK_CUR && off == 0 && dp->dp_index != 0)
		return (int64_t)OVERLAY_OFF(dp->dp_index);
	dp->dp_index = 0;
	return CALL_TO_HOST;
}

long
dirs_host_seek(long fd, int64_t off, int whence)
{
	long result = CALL_TO_HOST;
	struct dirpos *dp;
	struct rfile *rf;
	int error;

	rf = fdmap_get(fd, &error);
	if (rf == NULL)
		return result;
	if (rf->rf_kind == RF_OVERLAY) {
		dp = dirpos_of(rf);
		if (dp != NULL)
			result = overlay_seek(fd, dp, off, whence);
	}
	(void)fdmap_put(rf);
	return result;
}

/* --- rump directories -------------------------------------------------- */

/* Read one block and hand out its records from dp_index on. */
static long
read_block(struct call *c, struct rfile *rf, struct dirpos *dp,
    struct abi_dirents *d, size_t in_size, enum abi_dirent_format format)
{
	long n, off;
	int error;

	off = kernel_seek(c, rf, 0, RUMP_SEEK_CUR);
	if (off < 0)
		return off;
	n = fd_call(
	    c, rf, RUMP_SYS_getdents, (int64_t)d->in, (int64_t)in_size, 0, 0);
	if (n <= 0)
		return n;
	log_add(dp, dp->dp_kernel, off);
	d->in_len = (size_t)n;
	d->in_pos = 0;
	d->index = dp->dp_kernel;
	error = abi_dirents_skip(d, dp->dp_index);
	if (error == 0)
		error = abi_dirents_convert(d, format);
	if (error != 0)
		return -error;
	if (d->index > dp->dp_index)
		dp->dp_index = d->index;
	dp->dp_kernel = d->in_pos == d->in_len ? d->index : UNKNOWN;
	return n;
}

static bool
is_removed(struct call *c, struct rfile *rf)
{
	struct rump_stat st;

	return fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0) == 0 &&
	       st.st_nlink == 0;
}

static long
list(struct call *c, struct rfile *rf, struct dirpos *dp, struct dirbuf *db,
    enum abi_dirent_format format)
{
	struct abi_dirents d = { .in = db->db_in, .out = db->db_out };
	size_t count = (uint32_t)c->arg[2], in_size;
	long result;

	d.out_len = count < OUT_SIZE ? count : OUT_SIZE;
	in_size = abi_dirent_request(d.out_len);
	if (in_size < IN_LEAST)
		in_size = IN_LEAST;
	if (dp->dp_kernel != dp->dp_index) {
		result = go_back(c, rf, dp);
		if (result < 0)
			return result;
	}
	do {
		/* What a large name needs is asked for at last, but no more: a
		 * rest would be found again by its number, which changes when
		 * others go. */
		do
			result = read_block(c, rf, dp, &d, in_size, format);
		while (result == -EINVAL && (in_size += 16) <= IN_MOST);
		/* A removed directory has not even itself. */
		if (result == 0 && dp->dp_index == 0 && is_removed(c, rf))
			return -ENOENT;
		if (result <= 0)
			return result;
	} while (d.out_pos == 0 && d.in_pos == d.in_len);
	/* Not even one record fits. */
	if (d.out_pos == 0)
		return -EINVAL;
	if (usercopy_out(db->db_out, (void *)c->arg[1], d.out_pos) != 0)
		return -EFAULT;
	return (long)d.out_pos;
}

static long
getdents_rump(struct call *c, struct rfile *rf)
{
	enum abi_dirent_format format =
	    c->nr == SYS_getdents64 ? ABI_DIRENT64 : ABI_DIRENT_OLD;
	struct dirpos *dp;
	struct dirbuf *db;
	long result;

	if (!backend_reachable())
		return -process_refuse(c);
	if (!dirs_is_directory(c, rf))
		return -ENOTDIR;
	dp = dirpos_of(rf);
	db = dp != NULL ? pool_get(&buffers) : NULL;
	if (db == NULL)
		return -ENOMEM;
	lock_enter(&dp->dp_lock);
	result = list(c, rf, dp, db, format);
	lock_exit(&dp->dp_lock);
	pool_put(&buffers, db);
	return result;
}

/* --- host directories -------------------------------------------------- */

bool
dirs_add_overlay(uint64_t dev, uint64_t ino, const char *name)
{
	for (unsigned i = 0; i < noverlays; i++) {
		if (overlays[i].dev == dev && overlays[i].ino == ino &&
		    text_equal(overlays[i].name, name))
			return true;
	}
	if (noverlays == MAXOVERLAYS)
		return false;
	overlays[noverlays].dev = dev;
	overlays[noverlays].ino = ino;
	overlays[noverlays++].name = name;
	return true;
}

bool
dirs_have_overlays(void)
{
	return noverlays != 0;
}

static bool
is_overlay(const struct stat *st, unsigned i)
{
	return overlays[i].dev == st->st_dev && overlays[i].ino == st->st_ino;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t len = text_length(s), n = text_length(end);

	return len >= n && text_equal(s + len - n, end);
}

/* Is fd a directory of this process's descriptors, or of one of its threads'?
 */
static bool
is_procfd(int fd)
{
	char link[32], target[64], own[32];
	struct text t;
	long n;

	text_init(&t, link, sizeof(link));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, fd);
	n = HOST(SYS_readlink, link, target, sizeof(target) - 1, 0, 0, 0);
	if (n < 0)
		return false;
	target[n] = '\0';
	text_init(&t, own, sizeof(own));
	text_put(&t, "/proc/");
	text_dec(&t, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
	text_char(&t, '/');
	return text_begins(target, own) &&
	       (ends_with(target, "/fd") || ends_with(target, "/fdinfo"));
}

void
dirs_opened(int fd)
{
	static _Atomic(uint64_t) proc_dev;
	struct stat st;

	if (HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) != 0)
		return;
	for (unsigned i = 0; i < noverlays; i++) {
		if (is_overlay(&st, i)) {
			fdmap_enter_host(fd, RF_OVERLAY);
			return;
		}
	}
	if (proc_dev == 0) {
		struct stat proc;

		proc_dev =
		    HOST(SYS_stat, "/proc/self/fd", &proc, 0, 0, 0, 0) == 0
			? proc.st_dev
			: UINT64_MAX;
	}
	if (st.st_dev == proc_dev && is_procfd(fd))
		fdmap_enter_host(fd, RF_PROCFD);
}

static bool
host_has(long fd, const char *name)
{
	struct stat st;

	return HOST(SYS_newfstatat, fd, name, &st, AT_SYMLINK_NOFOLLOW, 0, 0) ==
	       0;
}

/* The host's listing is at its end: append the mounts, once. */
static long
overlay_end(struct call *c, struct rfile *rf)
{
	enum abi_dirent_format format =
	    c->nr == SYS_getdents64 ? ABI_DIRENT64 : ABI_DIRENT_OLD;
	struct dirpos *dp = dirpos_of(rf);
	uint8_t out[1024];
	struct stat st;
	size_t len, total = 0;

	if (dp == NULL || HOST(SYS_fstat, c->arg[0], &st, 0, 0, 0, 0) != 0)
		return 0;
	for (unsigned i = (unsigned)dp->dp_index; i < noverlays; i++) {
		if (is_overlay(&st, i) &&
		    !host_has(c->arg[0], overlays[i].name)) {
			len = abi_dirent_put(format, out, sizeof(out), 1,
			    (uint64_t)OVERLAY_OFF(i + 1), RUMP_DT_DIR,
			    overlays[i].name, text_length(overlays[i].name));
			if (len == 0 || total + len > (uint32_t)c->arg[2])
				return total != 0 ? (long)total : -EINVAL;
			if (usercopy_out(out, (char *)c->arg[1] + total, len) !=
			    0)
				return -EFAULT;
			total += len;
		}
		dp->dp_index = i + 1;
	}
	return (long)total;
}

static bool
names_hidden(const char *name)
{
	long fd = 0;

	if (*name < '0' || *name > '9')
		return false;
	for (; *name >= '0' && *name <= '9' && fd < 0x10000000; name++)
		fd = fd * 10 + (*name - '0');
	return *name == '\0' && fdalias_place(fd) < 0 &&
	       (fdmap_is_hidden(fd) || fdalias_is_place(fd));
}

/* Take our own descriptors out of the records that the host has delivered. */
static long
procfd_filter(struct call *c)
{
	size_t name_at = c->nr == SYS_getdents64 ? 19 : 18;
	char *buf = (char *)c->arg[1];
	size_t from = 0, to = 0, len = (size_t)c->result;

	while (from < len) {
		char record[280];
		uint16_t reclen;

		if (usercopy_in(&reclen, buf + from + 16, 2) != 0 ||
		    reclen < name_at || reclen > len - from ||
		    reclen >= sizeof(record) ||
		    usercopy_in(record, buf + from, reclen) != 0)
			return c->result;
		record[reclen] = '\0';
		if (!names_hidden(record + name_at)) {
			if (usercopy_out(record, buf + to, reclen) != 0)
				return -EFAULT;
			to += reclen;
		}
		from += reclen;
	}
	return (long)to;
}

static long
host_after(struct call *c)
{
	struct rfile *rf;
	long result = c->result;
	int error;

	rf = fdmap_get(c->arg[0], &error);
	if (rf == NULL)
		return result;
	if (rf->rf_kind == RF_OVERLAY && result == 0)
		result = overlay_end(c, rf);
	else if (rf->rf_kind == RF_PROCFD && result > 0)
		result = procfd_filter(c);
	/* A block of nothing but ours is not the end of the listing. */
	while (result == 0 && c->result > 0) {
		c->result =
		    HOST(c->nr, c->arg[0], c->arg[1], c->arg[2], 0, 0, 0);
		result = c->result > 0 ? procfd_filter(c) : c->result;
	}
	(void)fdmap_put(rf);
	return result;
}

static long
getdents_run(struct call *c)
{
	long result = fd_run(c, true, getdents_rump);

	return result == CALL_TO_HOST ? route_to_host(c, host_after) : result;
}
ROUTE(getdents, getdents_run)
ROUTE(getdents64, getdents_run)
