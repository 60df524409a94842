/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On the host such a name leads to the placeholder.  Paths that follow it come
 * here instead; readlink(2) shows the path that the file was opened by, after a
 * look whether the same file is still there.
 */
#include "preload/procfd.h"

#include <errno.h>
#include <sys/syscall.h>

#include "preload/cwd.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/memcopy.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/procother.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

/* Step over slashes and the component name. */
static bool
component(const char **path, const char *name)
{
	const char *p = *path;

	if (*p != '/')
		return false;
	while (*p == '/')
		p++;
	while (*name != '\0' && *p == *name) {
		p++;
		name++;
	}
	if (*name != '\0' || (*p != '/' && *p != '\0'))
		return false;
	*path = p;
	return true;
}

/* A component of digits, or -1. */
static long
number(const char **path)
{
	const char *p = *path, *digits;
	long n = 0;

	if (*p != '/')
		return -1;
	while (*p == '/')
		p++;
	for (digits = p; *p >= '0' && *p <= '9' && n < 100000000; p++)
		n = n * 10 + (*p - '0');
	if (p == digits || (*p != '/' && *p != '\0'))
		return -1;
	*path = p;
	return n;
}

/* Threads share descriptors and directory. */
static void
any_thread(const char **path)
{
	const char *p = *path;

	if (component(&p, "task") && number(&p) >= 0)
		*path = p;
}

static bool
own_process(const char **path)
{
	const char *p = *path;

	if (!component(&p, "self") && !component(&p, "thread-self") &&
	    number(&p) != HOST(SYS_getpid, 0, 0, 0, 0, 0, 0))
		return false;
	any_thread(&p);
	*path = p;
	return true;
}

static long
standard_stream(const char **path)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (int i = 0; i < 3; i++) {
		if (component(path, names[i]))
			return i;
	}
	return -1;
}

long
procfd_number(const char *path, const char **rest, bool *link)
{
	long n = -1;

	*link = true;
	if (component(&path, "proc")) {
		if (own_process(&path) && component(&path, "fd"))
			n = number(&path);
	} else if (component(&path, "dev")) {
		n = standard_stream(&path);
		*link = n < 0;
		if (n < 0 && component(&path, "fd"))
			n = number(&path);
	}
	*rest = path;
	return n;
}

bool
procfd_other(const char *path, long *pid, long *fd, const char **rest)
{
	if (!component(&path, "proc"))
		return false;
	*pid = number(&path);
	if (*pid < 0 || *pid == HOST(SYS_getpid, 0, 0, 0, 0, 0, 0))
		return false;
	any_thread(&path);
	*fd = -1;
	if (component(&path, "fd")) {
		*fd = number(&path);
		if (*fd < 0)
			return false;
	} else if (!component(&path, "cwd")) {
		return false;
	}
	*rest = path;
	return true;
}

bool
procfd_info(const char *path, long *pid, long *fd)
{
	if (!component(&path, "proc"))
		return false;
	*pid = number(&path);
	any_thread(&path);
	if (*pid < 0 || !component(&path, "fdinfo"))
		return false;
	*fd = number(&path);
	return *fd >= 0 && *path == '\0';
}

/* --- paths of open files ----------------------------------------------- */

static bool
same_file(struct call *c, const struct rfile *rf, const char *path)
{
	struct place *pl = place_create();
	struct rump_stat a, b;
	bool same = false;

	if (pl == NULL)
		return false;
	if (place_decide(pl, path) == 0 && pl->pl_rump) {
		int64_t fargs[BACKEND_SLOTS] = { rf->rf_fd, (int64_t)&a };
		int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd,
			(int64_t)pl->pl_path, (int64_t)&b, 0 };

		same = rump_call(c, RUMP_SYS_fstat, fargs, NULL) == 0 &&
		       rump_call(c, RUMP_SYS_fstatat, args, NULL) == 0 &&
		       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
	}
	place_destroy(pl);
	return same;
}

char *
procfd_path(struct call *c, const struct rfile *rf, bool *exact)
{
	struct text t;
	char *path;

	if (rf->rf_kind != RF_FILE || rf->rf_path == NULL)
		return NULL;
	path = pool_get(&pathbufs);
	if (path == NULL)
		return NULL;
	text_init(&t, path, PATHBUF_SIZE);
	text_put(&t, rf->rf_path);
	*exact = same_file(c, rf, path);
	return path;
}

bool
procfd_base(const struct place *pl, char *buf)
{
	struct text t;

	if (pl->pl_path[0] == '/')
		return namespace_program_path(names_now(), pl->pl_rule, "/",
			   buf, PATHBUF_SIZE) != 0;
	if (pl->pl_dir == NULL)
		return cwd_rump_text(buf, PATHBUF_SIZE);
	if (pl->pl_dir->rf_kind != RF_FILE || pl->pl_dir->rf_path == NULL)
		return false;
	text_init(&t, buf, PATHBUF_SIZE);
	text_put(&t, pl->pl_dir->rf_path);
	return true;
}

static bool
whole_path(const struct place *pl, char *buf)
{
	struct text t;

	if (pl->pl_path[0] == '/')
		return namespace_program_path(names_now(), pl->pl_rule,
			   pl->pl_path, buf, PATHBUF_SIZE) != 0;
	if (!procfd_base(pl, buf))
		return false;
	text_continue(&t, buf, PATHBUF_SIZE);
	if (t.t_len > 0 && buf[t.t_len - 1] != '/')
		text_char(&t, '/');
	text_put(&t, pl->pl_path);
	return t.t_len + 1 < PATHBUF_SIZE;
}

char *
procfd_name(const struct place *pl)
{
	char *buf, *name = NULL;

	if (pl->pl_known != NULL)
		return string_keep(pl->pl_known);
	buf = pool_get(&pathbufs);
	if (buf == NULL)
		return NULL;
	if (whole_path(pl, buf))
		name = string_keep(buf);
	pool_put(&pathbufs, buf);
	return name;
}

/* --- readlink ---------------------------------------------------------- */

/* The path that the file was opened by, if that is one of the kernel's, into
 * path as the kernel knows it; else "". */
static void
opened_path(const struct rfile *rf, char *path)
{
	struct place *pl = place_create();
	struct text t;

	text_init(&t, path, PATHBUF_SIZE);
	if (rf->rf_kind == RF_FILE && rf->rf_path != NULL && pl != NULL &&
	    place_decide(pl, rf->rf_path) == 0 && pl->pl_rump)
		text_put(&t, pl->pl_path);
	if (pl != NULL)
		place_destroy(pl);
}

/* What the kernel calls the file, or the directory of an RF_NAME, as the
 * program's path.  False: it does not know. */
static bool
kernel_path(struct call *c, const struct rfile *rf, char *out)
{
	char *path = pool_get(&pathbufs);
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, (int64_t)RUMP_F_GETPATH,
		(int64_t)path };
	bool known;

	if (path == NULL)
		return false;
	opened_path(rf, path);
	known = rump_call(c, RUMP_SYS_fcntl, args, NULL) == 0 &&
		namespace_program_path(
		    names_now(), rf->rf_rule, path, out, PATHBUF_SIZE) != 0;
	pool_put(&pathbufs, path);
	return known;
}

/* By the kernel's path, which goes straight.  False: it is not known, or leads
 * elsewhere by now. */
static bool
by_kernel_path(struct call *c, const struct rfile *rf, char *out)
{
	return kernel_path(c, rf, out) && same_file(c, rf, out);
}

/* By the path that it was opened by.  False: it leads elsewhere. */
static bool
by_own_path(struct call *c, const struct rfile *rf, char *out)
{
	bool exact = false;
	char *path = procfd_path(c, rf, &exact);
	struct text t;

	text_init(&t, out, PATHBUF_SIZE);
	text_put(&t, path != NULL ? path : "/");
	if (path != NULL)
		pool_put(&pathbufs, path);
	return exact;
}

/* A name in a directory. */
static bool
by_directory(struct call *c, const struct rfile *rf, char *out)
{
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, (int64_t)rf->rf_path,
		(int64_t)&st, RUMP_AT_SYMLINK_NOFOLLOW };
	struct text t;

	if (!kernel_path(c, rf, out))
		out[0] = '\0';
	text_continue(&t, out, PATHBUF_SIZE);
	if (t.t_len == 0 || out[t.t_len - 1] != '/')
		text_char(&t, '/');
	text_put(&t, rf->rf_path);
	return rump_call(c, RUMP_SYS_fstatat, args, NULL) == 0;
}

static void
describe(struct call *c, struct rfile *rf, char *out)
{
	struct text t;
	bool there;

	if (rf->rf_kind == RF_SOCKET) {
		text_init(&t, out, PATHBUF_SIZE);
		text_put(&t, "socket:[");
		text_udec(&t, (uint64_t)rf->rf_fd);
		text_char(&t, ']');
		return;
	}
	if (rf->rf_kind == RF_NAME)
		there = by_directory(c, rf, out);
	else
		there = by_kernel_path(c, rf, out) || by_own_path(c, rf, out);
	if (!there) {
		text_continue(&t, out, PATHBUF_SIZE);
		text_put(&t, " (deleted)");
	}
}

/* As readlink(2) gives a link's text. */
static long
give(const char *text, long buf, long size)
{
	size_t len = text_length(text);

	if (len > (size_t)size)
		len = (size_t)size;
	return usercopy_out(text, (void *)buf, len) != 0 ? -EFAULT : (long)len;
}

static long
show(struct call *c, struct rfile *rf, long buf, long size)
{
	char *text;
	long result;

	size = (int)size;
	if (size <= 0)
		return -EINVAL;
	if (!backend_reachable())
		return -process_refuse(c);
	text = pool_get(&pathbufs);
	if (text == NULL)
		return -ENOMEM;
	route_mark_rump(c, rf->rf_rule);
	describe(c, rf, text);
	result = give(text, buf, size);
	pool_put(&pathbufs, text);
	return result;
}

/* The host's descriptor that the program knows by another number. */
static long
show_alias(long place, long buf, long size)
{
	char path[64];
	struct text t;

	text_init(&t, path, sizeof(path));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, place);
	return HOST(SYS_readlink, path, buf, size, 0, 0, 0);
}

bool
procfd_cwd(const char *path, const char **rest)
{
	if (!component(&path, "proc") || !own_process(&path) ||
	    !component(&path, "cwd"))
		return false;
	*rest = path;
	return cwd_rule() != NS_HOST;
}

static long
show_cwd(struct call *c, long buf, long size)
{
	char *path;
	long result;

	size = (int)size;
	if (size <= 0)
		return -EINVAL;
	if (!backend_reachable())
		return -process_refuse(c);
	path = pool_get(&pathbufs);
	if (path == NULL)
		return -ENOMEM;
	route_mark_rump(c, cwd_rule());
	result = route_result(cwd_rump_path(path, PATHBUF_SIZE), 0);
	if (result == 0)
		result = give(path, buf, size);
	pool_put(&pathbufs, path);
	return result;
}

static long
show_others_cwd(struct call *c, long pid, long buf, long size)
{
	char *path = pool_get(&pathbufs);
	long result = CALL_TO_HOST;
	int rule;

	if (path == NULL)
		return -ENOMEM;
	rule = procother_cwd(pid, path);
	if (rule != NS_HOST) {
		route_mark_rump(c, rule);
		result = give(path, buf, size);
	}
	pool_put(&pathbufs, path);
	return result;
}

static long
show_other(struct call *c, long pid, long fd, long buf, long size)
{
	struct rfile *rf;
	long result;

	if ((int)size <= 0)
		return CALL_TO_HOST;
	if (fd < 0)
		return show_others_cwd(c, pid, buf, (int)size);
	rf = procother_file(pid, fd);
	if (rf == NULL)
		return CALL_TO_HOST;
	result = show(c, rf, buf, size);
	(void)fdmap_put(rf);
	return result;
}

/* A path of a process's program. */
static bool
names_program(const char *path)
{
	if (!component(&path, "proc"))
		return false;
	if (!own_process(&path)) {
		if (number(&path) < 0)
			return false;
		any_thread(&path);
	}
	return component(&path, "exe") && *path == '\0';
}

/* Length of the path in text, what the host says about a copy of a program, or
 * 0; *path is where it begins. */
static size_t
original_path(const char *text, const char **path)
{
	const char *end = " (deleted)";
	size_t n = text_length(text), tail = text_length(end);

	if (!text_begins(text, MEMCOPY_SHOWN) || n < tail ||
	    !text_equal(text + n - tail, end))
		return 0;
	*path = text + text_length(MEMCOPY_SHOWN);
	return n - tail - text_length(MEMCOPY_SHOWN);
}

/* A program of the kernel's lies where it was executed from. */
static long
show_program(const char *link, long buf, long size)
{
	char *text = pool_get(&pathbufs);
	long n, result = CALL_TO_HOST;
	const char *path;
	size_t len;

	if (text == NULL)
		return -ENOMEM;
	n = HOST(SYS_readlink, link, text, PATHBUF_SIZE - 1, 0, 0, 0);
	text[n > 0 ? n : 0] = '\0';
	len = original_path(text, &path);
	if (len > (size_t)size)
		len = (size_t)size;
	if (len > 0)
		result = usercopy_out(path, (void *)buf, len) != 0 ? -EFAULT
								   : (long)len;
	pool_put(&pathbufs, text);
	return result;
}

long
procfd_readlink(struct call *c, long upath, long buf, long size)
{
	char path[64];
	const char *rest;
	struct rfile *rf;
	long n, pid, place, result;
	bool link;
	int error;

	if (names_entered() ||
	    usercopy_string(path, (const void *)upath, sizeof(path), NULL) != 0)
		return CALL_TO_HOST;
	if (procfd_cwd(path, &rest) && *rest == '\0')
		return show_cwd(c, buf, size);
	if ((int)size > 0 && names_program(path))
		return show_program(path, buf, (int)size);
	if (procfd_other(path, &pid, &n, &rest) && *rest == '\0')
		return show_other(c, pid, n, buf, size);
	n = procfd_number(path, &rest, &link);
	if (n < 0 || !link || *rest != '\0')
		return CALL_TO_HOST;
	place = fdalias_place(n);
	rf = fdmap_get_rump(place >= 0 ? place : n, &error);
	if (rf == NULL && error == 0 && place >= 0)
		return show_alias(place, buf, size);
	if (rf == NULL)
		return error != 0 ? -ENOENT : CALL_TO_HOST;
	result = show(c, rf, buf, size);
	(void)fdmap_put(rf);
	return result;
}
