/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs ask these tables what is mounted where: df(1), findmnt(1),
 * mountpoint(1), the file stores of Java.  What the host has opened is replaced by
 * a file in memory, its text and a line for each mount of the kernel's.
 *
 * A path is looked at by its last name, and the descriptor by what the host says
 * that it is.  File systems are asked only for what they know: no server that is
 * down may hold up a look at a table.
 */
#include "preload/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "preload/abi/stat.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fsize.h"
#include "preload/memfile.h"
#include "preload/mountline.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

/* Identities of mounts; the host counts from a low number. */
#define FIRST_ID 1000000

enum table_kind { TABLE_NONE, TABLE_MOUNTS, TABLE_INFO };

/* The one that a program gets. */
struct table {
	enum table_kind tb_kind;
	long tb_fd;
	long tb_size;
	char *tb_line; /* PATHBUF_SIZE bytes */
};

static const char *
last_name(const char *path)
{
	const char *name = path;

	for (; *path != '\0'; path++) {
		if (*path == '/')
			name = path + 1;
	}
	return name;
}

static bool
is_named(const char *path)
{
	const char *name = last_name(path);

	return text_equal(name, "mounts") || text_equal(name, "mountinfo") ||
	       text_equal(name, "mtab");
}

/* What the host calls fd, in buf of PATHBUF_SIZE bytes. */
static enum table_kind
kind_of(long fd, char *buf)
{
	char own[MEMFILE_NAME];
	struct text t;
	long n;

	memfile_name(own, fd);
	n = HOST(SYS_readlink, own, buf, PATHBUF_SIZE - 1, 0, 0, 0);
	if (n <= 0)
		return TABLE_NONE;
	buf[n] = '\0';
	text_init(&t, own, sizeof(own));
	text_put(&t, "/proc/");
	text_dec(&t, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
	text_char(&t, '/');
	if (!text_begins(buf, own))
		return TABLE_NONE;
	if (text_equal(last_name(buf), "mounts"))
		return TABLE_MOUNTS;
	return text_equal(last_name(buf), "mountinfo") ? TABLE_INFO
						       : TABLE_NONE;
}

static int
append(struct table *tb, const char *text, long len)
{
	if (!fsize_allows(tb->tb_size + len))
		return EFBIG; /* the host would raise a signal */
	while (len > 0) {
		long n = HOST(SYS_write, tb->tb_fd, text, len, 0, 0, 0);

		if (n <= 0)
			return n < 0 ? (int)-n : EIO;
		tb->tb_size += n;
		text += n;
		len -= n;
	}
	return 0;
}

static int
append_host(struct table *tb, long fd)
{
	int error = 0;
	long n;

	do {
		n = HOST(SYS_read, fd, tb->tb_line, PATHBUF_SIZE, 0, 0, 0);
		if (n > 0)
			error = append(tb, tb->tb_line, n);
	} while (n > 0 && error == 0);
	return n < 0 ? (int)-n : error;
}

/* The mount that path lies on, of those that are in the table. */
static unsigned
holder(const struct table *tb, const char *path)
{
	long map =
	    HOST(SYS_mmap, 0, tb->tb_size, PROT_READ, MAP_SHARED, tb->tb_fd, 0);
	unsigned id;

	if (map < 0 && map > -4096)
		return 0;
	id = mountline_holder((const char *)map, (size_t)tb->tb_size, path);
	HOST(SYS_munmap, map, tb->tb_size, 0, 0, 0, 0);
	return id;
}

static int
append_line(struct table *tb, const struct mountline *ml)
{
	struct text t;

	text_init(&t, tb->tb_line, PATHBUF_SIZE);
	if (tb->tb_kind == TABLE_INFO)
		mountline_put_info(&t, ml);
	else
		mountline_put(&t, ml);
	/* Rather no line than half of one. */
	return t.t_len + 1 == t.t_size ? 0 : append(tb, t.t_buf, (long)t.t_len);
}

/* What a rule says is mounted.  Who cannot see that has no line of it. */
static int
append_rule(struct call *c, struct table *tb, struct place *pl, unsigned rule)
{
	const struct ns_rule *nr = &names_now()->ns_rules[rule];
	const char *on = nr->nr_len != 0 ? nr->nr_prefix : "/";
	struct rump_statvfs sv;
	struct statfs sf;
	struct mountline ml = { .ml_on = on, .ml_id = FIRST_ID + rule };
	int64_t args[BACKEND_SLOTS] = { (int64_t)pl->pl_path, (int64_t)&sv,
		RUMP_MNT_NOWAIT };

	if (nr->nr_kind != NS_MOUNT || place_decide(pl, on) != 0 ||
	    pl->pl_rule != (int)rule ||
	    rump_call(c, RUMP_SYS_statvfs1, args, NULL) != 0)
		return 0;
	abi_statfs(&sv, &sf);
	ml.ml_type = abi_fstype(&sv);
	ml.ml_from = sv.f_mntfromname;
	ml.ml_flags = (unsigned long)sf.f_flags;
	ml.ml_major = ABI_DEV_MAJOR;
	ml.ml_minor = abi_dev_minor(sv.f_fsid);
	if (tb->tb_kind == TABLE_INFO)
		ml.ml_parent = holder(tb, on);
	return append_line(tb, &ml);
}

static int
append_rules(struct call *c, struct table *tb)
{
	struct place *pl = place_create();
	int error = 0;

	if (pl == NULL)
		return ENOMEM;
	for (unsigned i = 0; i < names_now()->ns_n && error == 0; i++)
		error = append_rule(c, tb, pl, i);
	place_destroy(pl);
	return error;
}

static bool
show(struct call *c, struct table *tb, long fd, long flags)
{
	bool shown;

	tb->tb_fd = HOST(SYS_memfd_create, "mounts", MFD_CLOEXEC, 0, 0, 0, 0);
	if (tb->tb_fd < 0)
		return false;
	shown = append_host(tb, fd) == 0 && append_rules(c, tb) == 0 &&
		memfile_replace(tb->tb_fd, fd, flags) >= 0;
	HOST(SYS_close, tb->tb_fd, 0, 0, 0, 0, 0);
	return shown;
}

static long
opened(struct call *c, long fd, long flags, char *buf)
{
	struct table tb = { .tb_kind = kind_of(fd, buf), .tb_line = buf };

	if (tb.tb_kind == TABLE_NONE || !backend_reachable())
		return fd;
	/* A table without our lines is better than none. */
	if (!show(c, &tb, fd, flags))
		HOST(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0);
	return fd;
}

long
mounts_opened(struct call *c, long fd, long upath, long flags)
{
	char *buf;

	if ((flags & (O_ACCMODE | O_PATH | O_DIRECTORY)) != O_RDONLY)
		return fd;
	buf = pool_get(&pathbufs);
	if (buf == NULL)
		return fd;
	if (usercopy_string(buf, (const void *)upath, PATHBUF_SIZE, NULL) ==
		0 &&
	    is_named(buf))
		fd = opened(c, fd, flags, buf);
	pool_put(&pathbufs, buf);
	return fd;
}
