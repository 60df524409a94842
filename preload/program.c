/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host executes only what it can read.  A program that lies in the kernel
 * is therefore copied to a sealed memfd, and execve becomes execveat of that.
 * What the copy cannot show the new program: /proc/self/exe, AT_EXECFN and with
 * them $ORIGIN of its libraries, and its name in ps(1), are the memfd's.  Its
 * arguments are untouched.
 *
 * A script is not copied: its interpreter is executed with the script's path as
 * the caller gave it, which is what the host does with scripts of its own.  The
 * interpreter may lie in either kernel, and be a script again.  So may that of
 * a script on the host.
 *
 * What is made here belongs to the call: the descriptor of the copy is in
 * scratch[0], the arguments are in the engine's memory for exec.
 */
#include "preload/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/script.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define DEPTH_MAX 5 /* scripts that are interpreters of scripts */
#define FRONT_MAX (2 * DEPTH_MAX + 3)
#define ARGS_MAX (1L << 20) /* the host has a smaller limit */
#define SIZE_MAX_COPY (4L << 30)
#define PIECE (1L << 20)

/* A search for what the host is to execute. */
struct search {
	struct call *s_call;
	long s_dirfd, s_path; /* of the file in question, as call arguments */
	unsigned s_flags;     /* PLACE_* */
	bool s_changed;       /* not what the caller has named */
	struct place *s_place;
	char *s_name; /* how a script is told its own path: a path buffer */
	/* Arguments in front, last one first: script, argument, interpreter,
	 * script, ...; NULL-terminated ones in s_memory. */
	char *s_front[FRONT_MAX];
	int s_nfront;
	char *s_memory; /* the engine's; strings grow up from its start */
	size_t s_used, s_size;
	long s_nargs; /* of the caller, argv[0] among them */
};

static const char *const *
caller_argv(const struct call *c)
{
	return (const char *const *)c->arg[c->nr == SYS_execveat ? 2 : 1];
}

static long
caller_envp(const struct call *c)
{
	return c->arg[c->nr == SYS_execveat ? 3 : 2];
}

/* --- arguments --------------------------------------------------------- */

static int
count_arguments(struct search *s)
{
	const char *const *argv = caller_argv(s->s_call);
	const char *arg;

	for (s->s_nargs = 0; argv != NULL; s->s_nargs++) {
		if (s->s_nargs == ARGS_MAX)
			return E2BIG;
		if (usercopy_in(&arg, &argv[s->s_nargs], sizeof(arg)) != 0)
			return EFAULT;
		if (arg == NULL)
			break;
	}
	return 0;
}

/* Memory for strings and a vector with everything. */
static int
get_memory(struct search *s)
{
	int error;

	if (s->s_memory != NULL)
		return 0;
	error = count_arguments(s);
	if (error != 0)
		return error;
	s->s_size = (FRONT_MAX + 1) * PATHBUF_SIZE;
	s->s_memory = engine_exec_memory(
	    s->s_size + ((size_t)s->s_nargs + FRONT_MAX + 1) * sizeof(char *));
	return s->s_memory != NULL ? 0 : ENOMEM;
}

/* A copy of string in the engine's memory. */
static char *
keep(struct search *s, const char *string)
{
	char *to = s->s_memory + s->s_used;
	size_t n = text_length(string) + 1;

	memcpy(to, string, n);
	s->s_used += n;
	return to;
}

static void
push(struct search *s, const char *string)
{
	s->s_front[s->s_nfront++] = keep(s, string);
}

/* The new vector; the caller's argv[0] gives way to what stands in front. */
static int
make_argv(struct search *s, char ***out)
{
	const char *const *argv = caller_argv(s->s_call);
	char **to = (char **)(void *)(s->s_memory + s->s_size);
	long n = 0;

	for (int i = s->s_nfront; i > 0; i--)
		to[n++] = s->s_front[i - 1];
	for (long i = n > 0; i < s->s_nargs; i++) {
		if (usercopy_in(&to[n++], &argv[i], sizeof(*to)) != 0)
			return EFAULT;
	}
	to[n] = NULL;
	*out = to;
	return 0;
}

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

static int
read_all(struct call *c, int64_t fd, char *to, long size)
{
	long off = 0;
	int64_t n;
	int error = 0;

	while (off < size && error == 0) {
		error = read_at(c, fd, to + off,
		    size - off < PIECE ? size - off : PIECE, off, &n);
		if (error == 0 && n <= 0)
			error = ENOEXEC; /* it has become shorter */
		off += n;
	}
	return error;
}

static long
make_memfd(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long fd =
	    HOST(SYS_memfd_create, "program", flags | MFD_EXEC, 0, 0, 0, 0);

	return fd != -EINVAL
		   ? fd
		   : HOST(SYS_memfd_create, "program", flags, 0, 0, 0, 0);
}

/* The size bytes of fd in the host's memory file copy. */
static int
fill_copy(struct call *c, int64_t fd, long copy, long size)
{
	long r = HOST(SYS_ftruncate, copy, size, 0, 0, 0, 0);
	int error;

	if (r == 0)
		r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    copy, 0);
	if (r < 0 && r > -4096)
		return (int)-r;
	error = read_all(c, fd, (char *)r, size);
	HOST(SYS_munmap, r, size, 0, 0, 0, 0);
	if (error == 0 &&
	    HOST(SYS_fcntl, copy, F_ADD_SEALS, SEALS, 0, 0, 0) != 0)
		error = EACCES;
	return error;
}

static int
copy_program(struct call *c, int64_t fd, long size, long *copy)
{
	long r;
	int error;

	if (size > SIZE_MAX_COPY)
		return ENOMEM;
	r = make_memfd();
	if (r < 0)
		return (int)-r;
	error = fill_copy(c, fd, r, size);
	if (error != 0)
		HOST(SYS_close, r, 0, 0, 0, 0, 0);
	else
		*copy = r;
	return error;
}

/* --- what the call becomes --------------------------------------------- */

static int
execute_copy(struct search *s, int64_t fd, const struct rump_stat *st)
{
	struct call *c = s->s_call;
	long envp = caller_envp(c), copy = -1;
	char **argv;
	int error = get_memory(s);

	if (error == 0)
		error = make_argv(s, &argv);
	if (error == 0)
		error = copy_program(c, fd, st->st_size, &copy);
	if (error != 0)
		return error;
	c->nr = SYS_execveat;
	c->arg[0] = copy;
	c->arg[1] = (long)"";
	c->arg[2] = (long)argv;
	c->arg[3] = envp;
	c->arg[4] = AT_EMPTY_PATH;
	c->scratch[0] = (uint64_t)copy + 1;
	return 0;
}

/* A file of the host, which is not the one that the caller has named. */
static int
execute_on_host(struct search *s, const char *path)
{
	struct call *c = s->s_call;
	long envp = caller_envp(c);
	char **argv;
	int error = get_memory(s);

	if (error == 0)
		error = make_argv(s, &argv);
	if (error != 0)
		return error;
	c->nr = SYS_execve;
	c->arg[0] = (long)keep(s, path);
	c->arg[1] = (long)argv;
	c->arg[2] = envp;
	return 0;
}

/* Go on with the interpreter of the script that begins with head. */
static int
take_script(struct search *s, char *head, size_t n)
{
	char *interpreter, *argument;
	int error = script_parse(head, n, &interpreter, &argument);

	if (error == 0 && s->s_name[0] == '\0')
		error = ENOENT; /* it is gone before it could be read */
	if (error == 0)
		error = get_memory(s);
	if (error != 0)
		return error;
	/* The name of a script takes the place of the argv[0] before. */
	if (s->s_nfront > 0)
		s->s_nfront--;
	push(s, s->s_name);
	if (argument != NULL)
		push(s, argument);
	push(s, interpreter);
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
take_file(struct search *s, int64_t fd, bool *done)
{
	char head[SCRIPT_HEAD + 1];
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
	return execute_copy(s, fd, &st);
}

/* A descriptor of the file at pl, for reading. */
static int
open_program(struct call *c, const struct place *pl, int64_t *fd)
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
take_rump(struct search *s, bool *done)
{
	int64_t args[BACKEND_SLOTS];
	int64_t fd;
	int error = open_program(s->s_call, s->s_place, &fd);

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
host_path(const struct search *s)
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

/* Is it a script, with an interpreter of the kernel's?  Then n > 0. */
static long
read_host_head(const struct search *s, char *head)
{
	const char *path = host_path(s);
	char copy[SCRIPT_HEAD + 1], *interpreter, *argument;
	long fd, n;

	fd = HOST(SYS_openat, path != NULL ? AT_FDCWD : s->s_dirfd,
	    path != NULL ? (long)path : s->s_path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);
	if (fd < 0)
		return 0;
	n = HOST(SYS_pread64, fd, head, SCRIPT_HEAD, 0, 0, 0);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (!is_script(head, n))
		return 0;
	memcpy(copy, head, (size_t)n);
	if (script_parse(copy, (size_t)n, &interpreter, &argument) != 0 ||
	    !leads_to_rump(interpreter))
		return 0;
	return n;
}

/* A file of the host's: may the caller execute it, as far as we go round the
 * host? */
static bool
host_may_execute(const struct search *s)
{
	const char *path = host_path(s);

	return HOST(SYS_faccessat2, path != NULL ? AT_FDCWD : s->s_dirfd,
		   path != NULL ? (long)path : s->s_path, 1, AT_EACCESS, 0,
		   0) == 0;
}

static int
take_host(struct search *s, bool *done)
{
	char head[SCRIPT_HEAD + 1];
	long n = read_host_head(s, head);

	if (n > 0 && host_may_execute(s))
		return take_script(s, head, (size_t)n);
	*done = true;
	return host_path(s) != NULL ? execute_on_host(s, host_path(s)) : 0;
}

/* One file. */
static int
step(struct search *s, bool *done)
{
	struct place *pl = s->s_place;
	int error = place_find(pl, s->s_dirfd, s->s_path, s->s_flags);

	if (error != 0)
		return error;
	while (pl->pl_rump) {
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
	return take_host(s, done);
}

/* How the host would name a script to its interpreter: the path, and with a
 * descriptor the one that leads through it, if it still can. */
static int
name_script(struct search *s, const char *path)
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
search(struct search *s, char *path)
{
	bool done = false;
	int error;

	error =
	    usercopy_string(path, (const void *)s->s_path, PATHBUF_SIZE, NULL);
	if (error == 0)
		error = name_script(s, path);
	for (int depth = 0; error == 0 && !done; depth++) {
		if (depth > DEPTH_MAX)
			return ELOOP;
		error = step(s, &done);
	}
	return error;
}

long
program_find(struct call *c)
{
	bool at = c->nr == SYS_execveat;
	char *path = pool_get(&pathbufs);
	struct search s = {
		.s_call = c,
		.s_dirfd = at ? c->arg[0] : AT_FDCWD,
		.s_path = c->arg[at ? 1 : 0],
		.s_flags = PLACE_LINKS,
		.s_place = place_create(),
		.s_name = pool_get(&pathbufs),
	};
	int error = ENOMEM;

	if (at && (c->arg[4] & AT_EMPTY_PATH) != 0)
		s.s_flags |= PLACE_EMPTY;
	if (at && (c->arg[4] & AT_SYMLINK_NOFOLLOW) != 0)
		s.s_flags |= PLACE_NOFOLLOW;
	if (path != NULL && s.s_name != NULL && s.s_place != NULL)
		error = search(&s, path);
	if (s.s_place != NULL)
		place_destroy(s.s_place);
	if (s.s_name != NULL)
		pool_put(&pathbufs, s.s_name);
	if (path != NULL)
		pool_put(&pathbufs, path);
	return error == ROUTE_RESTART ? -EINTR : -error;
}
