/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host executes only what it can read.  A program that lies in the kernel
 * is therefore copied to a sealed memfd, and execve becomes execveat of that.
 * What the copy cannot show the new program: AT_EXECFN is the memfd's.  Its arguments are untouched.  The libraries that the dynamic
 * linker will look for are looked for here, see needed.c.
 *
 * A script is not copied: its interpreter is executed with the script's path as
 * the caller gave it, which is what the host does with scripts of its own.  The
 * interpreter may lie in either kernel, and be a script again.  So may that of
 * a script on the host.
 *
 * What is made here belongs to the call: the descriptor of the copy is in
 * scratch[0], that of the table of libraries in scratch[1], that of the dynamic
 * linker's copy (interp.h) in scratch[2], arguments and
 * environment are in the engine's memory for exec.
 */
#include "preload/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/comm.h"
#include "preload/engine/engine.h"
#include "preload/interp.h"
#include "preload/libsearch.h"
#include "preload/loader.h"
#include "preload/memcopy.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/needed.h"
#include "preload/program_parts.h"
#include "preload/realname.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/script.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

/* --- the file ---------------------------------------------------------- */

static bool
identity_changes(const struct rump_stat *st)
{
	bool uid = (st->st_mode & S_ISUID) != 0 &&
		   st->st_uid != (uint32_t)HOST(SYS_geteuid, 0, 0, 0, 0, 0, 0);
	bool gid = (st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		   st->st_gid != (uint32_t)HOST(SYS_getegid, 0, 0, 0, 0, 0, 0);

	return (uid || gid) &&
	       HOST(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) != 1;
}

static bool
is_noexec(struct call *c, int64_t fd)
{
	struct rump_statvfs sv;
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)&sv, RUMP_ST_NOWAIT };

	return rump_call(c, RUMP_SYS_fstatvfs1, args, NULL) == 0 &&
	       (sv.f_flag & RUMP_ST_NOEXEC) != 0;
}

/* May the caller execute pl, which is open as fd?  0, ROUTE_ or an error. */
static int
may_execute(
    struct call *c, const struct place *pl, int64_t fd, struct rump_stat *st)
{
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)st };
	int64_t aargs[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path, 1,
		RUMP_AT_EACCESS };
	int error = rump_call(c, RUMP_SYS_fstat, args, NULL);

	if (error == 0 && (!S_ISREG(st->st_mode) || (st->st_mode & 0111) == 0))
		error = EACCES;
	if (error == 0 && pl->pl_path[0] != '\0')
		error = rump_call(c, RUMP_SYS_faccessat, aargs, NULL);
	if (error == 0 && is_noexec(c, fd))
		error = EACCES;
	if (error == 0 && identity_changes(st)) {
		engine_say("%s: set-user-id or set-group-id: cannot be "
			   "hijacked, not run",
		    pl->pl_path);
		error = EACCES;
	}
	return error;
}

/* Up to len bytes from off on; the number in *n. */
static int
read_at(struct call *c, int64_t fd, void *buf, long len, long off, int64_t *n)
{
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)buf, len, 0, off };

	return rump_call(c, RUMP_SYS_pread, args, n);
}

/* --- what the call becomes --------------------------------------------- */

/* A copy of the program, and of its dynamic linker. */
static int
make_copy(
    struct program *s, int64_t fd, long size, const char *path, long *copy)
{
	struct call *c = s->s_call;
	long linker;
	int error = memcopy_open(c, fd, size, path, copy);

	if (error != 0)
		return error;
	c->scratch[0] = (uint64_t)*copy + 1;
	error = interp_give(c, *copy, size, &linker);
	if (error == 0 && linker >= 0)
		c->scratch[2] = (uint64_t)linker + 1;
	return error != 0 ? error : memcopy_seal(*copy);
}

/* path: the program's, or NULL. */
static int
execute_copy(struct program *s, int64_t fd, long size, const char *path)
{
	struct call *c = s->s_call;
	long envp = program_caller_envp(c), copy = -1;
	struct libsearch_reader reader;
	char **argv;
	int error = program_memory(s);

	if (error == 0)
		error = program_argv(s, &argv);
	if (error == 0)
		error = make_copy(s, fd, size, path, &copy);
	if (error != 0)
		return error;
	c->nr = SYS_execveat;
	c->arg[0] = copy;
	c->arg[1] = (long)"";
	c->arg[2] = (long)argv;
	c->arg[3] = envp;
	c->arg[4] = AT_EMPTY_PATH;
	libsearch_reader_init(&reader, copy);
	return program_libraries(s, &reader, path != NULL ? path : "");
}

/* A file of the host, which is not the one that the caller has named. */
static int
execute_on_host(struct program *s, const char *path)
{
	struct call *c = s->s_call;
	long envp = program_caller_envp(c);
	char **argv;
	int error = program_memory(s);

	if (error == 0)
		error = program_argv(s, &argv);
	if (error != 0)
		return error;
	c->nr = SYS_execve;
	c->arg[0] = (long)program_keep(s, path);
	c->arg[1] = (long)argv;
	c->arg[2] = envp;
	return 0;
}

/* Go on with the interpreter of the script that begins with head. */
static int
take_script(struct program *s, char *head, size_t n)
{
	char *interpreter, *argument;
	int error = script_parse(head, n, &interpreter, &argument);

	if (error == 0 && s->s_name[0] == '\0')
		error = ENOENT; /* it is gone before it could be read */
	if (error == 0)
		error = program_memory(s);
	if (error != 0)
		return error;
	if (s->s_nfront == 0)
		comm_set(s->s_name);
	/* The name of a script takes the place of the argv[0] before. */
	if (s->s_nfront > 0)
		s->s_nfront--;
	program_push(s, s->s_name);
	if (argument != NULL)
		program_push(s, argument);
	program_push(s, interpreter);
	s->s_dirfd = AT_FDCWD;
	s->s_path = (long)s->s_front[s->s_nfront - 1];
	s->s_flags = PLACE_LINKS;
	s->s_changed = true;
	memcpy(s->s_name, interpreter, text_length(interpreter) + 1);
	return 0;
}

static bool
is_script(const char *head, long n)
{
	return n >= 2 && head[0] == '#' && head[1] == '!';
}

/* --- the search -------------------------------------------------------- */

/* A file of the kernel's, open.  *done: the call is what it is to be. */
static int
take_file(struct program *s, int64_t fd, bool *done)
{
	char head[SCRIPT_HEAD + 1], *path;
	struct rump_stat st;
	int64_t n;
	int error = may_execute(s->s_call, s->s_place, fd, &st);

	if (error == 0)
		error = read_at(s->s_call, fd, head, SCRIPT_HEAD, 0, &n);
	if (error != 0)
		return error;
	if (is_script(head, n))
		return take_script(s, head, (size_t)n);
	if (n < (long)SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return ENOEXEC;
	*done = true;
	path = realname_of(s->s_call, s->s_place);
	/* A script's name stays; an open file's is where it lies. */
	if (s->s_nfront == 0)
		comm_set(path != NULL && s->s_place->pl_path[0] == '\0'
			     ? path
			     : s->s_name);
	error = execute_copy(s, fd, st.st_size, path);
	if (path != NULL)
		string_free(path);
	return error;
}

int
program_open(struct call *c, const struct place *pl, int64_t *fd)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		RUMP_O_RDONLY | RUMP_O_NONBLOCK };

	if (pl->pl_path[0] == '\0')
		return rump_call(c, RUMP_SYS_dup, args, fd);
	if (pl->pl_nofollow)
		args[2] |= RUMP_O_NOFOLLOW;
	return rump_call(c, RUMP_SYS_openat, args, fd);
}

static int
take_rump(struct program *s, bool *done)
{
	int64_t args[BACKEND_SLOTS];
	int64_t fd;
	int error = program_open(s->s_call, s->s_place, &fd);

	/* No file that could be executed: pipes, devices, sockets. */
	if (error == EOPNOTSUPP || error == ENXIO || error == EBADF)
		error = EACCES;
	if (error != 0)
		return error;
	error = take_file(s, fd, done);
	args[0] = fd;
	(void)rump_call(s->s_call, RUMP_SYS_close, args, NULL);
	return error;
}

/* The host's path of the file in question, or NULL: its directory counts. */
static const char *
host_path(const struct program *s)
{
	if (s->s_place->pl_changed)
		return s->s_place->pl_path;
	return s->s_changed ? (const char *)s->s_path : NULL;
}

static bool
leads_to_rump(const char *path)
{
	struct place *pl = place_create();
	bool rump = false;

	if (pl == NULL)
		return false;
	rump = place_find(pl, AT_FDCWD, (long)path, PLACE_LINKS) == 0 &&
	       pl->pl_rump;
	place_destroy(pl);
	return rump;
}

static long
open_host(const struct program *s)
{
	const char *path = host_path(s);

	return HOST(SYS_openat, path != NULL ? AT_FDCWD : s->s_dirfd,
	    path != NULL ? (long)path : s->s_path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);
}

/* Is it a script, with an interpreter of the kernel's, or one that may need
 * libraries of the kernel's?  Then its first n > 0 bytes are in head. */
static long
copy_script(
    const struct program *s, const struct libsearch_reader *r, char *head)
{
	char copy[SCRIPT_HEAD + 1], *interpreter, *argument;
	long n = r->r_have < SCRIPT_HEAD ? r->r_have : SCRIPT_HEAD;

	if (!is_script(r->r_head, n))
		return 0;
	memcpy(head, r->r_head, (size_t)n);
	memcpy(copy, r->r_head, (size_t)n);
	if (script_parse(copy, (size_t)n, &interpreter, &argument) != 0 ||
	    (!needed_by_lists(&s->s_env) && !leads_to_rump(interpreter)))
		return 0;
	return n;
}

/* A file of the host's: may the caller execute it, as far as we go round the
 * host? */
static bool
host_may_execute(const struct program *s)
{
	const char *path = host_path(s);

	return HOST(SYS_faccessat2, path != NULL ? AT_FDCWD : s->s_dirfd,
		   path != NULL ? (long)path : s->s_path, 1, AT_EACCESS, 0,
		   0) == 0;
}

/* An open file of the host. */
static int
take_host_file(struct program *s, long fd, bool *done)
{
	struct libsearch_reader reader;
	char head[SCRIPT_HEAD + 1];
	int error = 0;
	long n;

	libsearch_reader_init(&reader, fd);
	n = copy_script(s, &reader, head);
	if (n > 0 && host_may_execute(s))
		return take_script(s, head, (size_t)n);
	*done = true;
	if (host_path(s) != NULL)
		error = execute_on_host(s, host_path(s));
	if (error != 0)
		return error;
	return loader_is_named(s->s_name) ? program_loader(s)
					  : program_libraries(s, &reader, NULL);
}

static int
take_host(struct program *s, long fd, bool *done)
{
	int error;

	if (fd < 0) {
		*done = true;
		return host_path(s) != NULL ? execute_on_host(s, host_path(s))
					    : 0;
	}
	error = take_host_file(s, fd, done);
	if (error == 0 && *done)
		s->s_fd = fd;
	else
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return error;
}

/*
 * Where the file in question is: s_place, or *fd, if the host can open it.  What
 * the host cannot find may lie behind a link of its that leads into a mount.
 */
static int
find_file(struct program *s, long *fd)
{
	struct place *pl = s->s_place;
	int error = place_find(
	    pl, s->s_dirfd, s->s_path, s->s_flags & ~(unsigned)PLACE_LINKS);

	if (error != 0 || pl->pl_rump)
		return error;
	*fd = open_host(s);
	if (*fd != -ENOENT && *fd != -ENOTDIR)
		return 0;
	error = place_find(pl, s->s_dirfd, s->s_path, s->s_flags);
	if (error == 0 && !pl->pl_rump)
		*fd = open_host(s);
	return error;
}

/* One file. */
static int
step(struct program *s, bool *done)
{
	struct place *pl = s->s_place;
	long fd = -1;
	int error = find_file(s, &fd);

	if (error != 0)
		return error;
	if (!pl->pl_rump)
		return take_host(s, fd, done);
	while (pl->pl_rump) {
		route_mark_rump(s->s_call, pl->pl_rule);
		if (!backend_reachable()) {
			(void)process_refuse(s->s_call);
			return EACCES;
		}
		error = take_rump(s, done);
		if (error != ROUTE_ESCAPED)
			return error;
		error = place_escaped(pl, s->s_flags);
		if (error != 0)
			return error;
	}
	return take_host(s, open_host(s), done);
}

/* How the host would name a script to its interpreter: the path, and with a
 * descriptor the one that leads through it, if it still can. */
static int
name_script(struct program *s, const char *path)
{
	struct text t;

	text_init(&t, s->s_name, PATHBUF_SIZE);
	if ((int)s->s_dirfd == AT_FDCWD || path[0] == '/') {
		text_put(&t, path);
		return 0;
	}
	if ((HOST(SYS_fcntl, s->s_dirfd, F_GETFD, 0, 0, 0, 0) & FD_CLOEXEC) !=
	    0)
		return 0;
	text_put(&t, "/dev/fd/");
	text_dec(&t, (int)s->s_dirfd);
	if (path[0] != '\0') {
		text_char(&t, '/');
		text_put(&t, path);
	}
	return t.t_len + 1 < t.t_size ? 0 : ENAMETOOLONG;
}

static int
search(struct program *s, char *path)
{
	bool done = false;
	int error;

	error =
	    usercopy_string(path, (const void *)s->s_path, PATHBUF_SIZE, NULL);
	if (error == 0)
		error = name_script(s, path);
	for (int depth = 0; error == 0 && !done; depth++) {
		if (depth > PROGRAM_DEPTH)
			return ELOOP;
		error = step(s, &done);
	}
	return error;
}

long
program_find(struct call *c, long *fd)
{
	bool at = c->nr == SYS_execveat;
	char *path = pool_get(&pathbufs);
	struct program s = {
		.s_call = c,
		.s_dirfd = at ? c->arg[0] : AT_FDCWD,
		.s_path = c->arg[at ? 1 : 0],
		.s_flags = PLACE_LINKS,
		.s_place = place_create(),
		.s_name = pool_get(&pathbufs),
		.s_fd = -1,
	};
	int error = ENOMEM;

	if (at && (c->arg[4] & AT_EMPTY_PATH) != 0)
		s.s_flags |= PLACE_EMPTY;
	if (at && (c->arg[4] & AT_SYMLINK_NOFOLLOW) != 0)
		s.s_flags |= PLACE_NOFOLLOW;
	c->scratch[1] = c->scratch[2] = 0;
	comm_set("");
	if (path != NULL && s.s_name != NULL && s.s_place != NULL)
		error = execenv_read(&s.s_env, program_caller_envp(c));
	if (error == 0)
		error = search(&s, path);
	*fd = s.s_fd;
	if (s.s_place != NULL)
		place_destroy(s.s_place);
	if (s.s_name != NULL)
		pool_put(&pathbufs, s.s_name);
	if (path != NULL)
		pool_put(&pathbufs, path);
	return error == ROUTE_RESTART ? -EINTR : -error;
}
