/* SPDX-License-Identifier: BSD-2-Clause */
/* What the dynamic linker is told, and the dynamic linker as a program. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/libsearch.h"
#include "preload/loader.h"
#include "preload/loadtable.h"
#include "preload/memcopy.h"
#include "preload/needed.h"
#include "preload/program_parts.h"
#include "preload/realname.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"

/* --- libraries ---------------------------------------------------------- */

/* Where the strings of our own begin; room for PROGRAM_VARIABLES bytes. */
static int
make_variables(struct program *s, long table, char **audit, char **number)
{
	size_t dir = 0;
	struct text t;
	int error;

	for (size_t i = 0; engine_library[i] != '\0'; i++) {
		if (engine_library[i] == '/')
			dir = i + 1;
	}
	*number = s->s_memory + s->s_used;
	text_init(&t, *number, PROGRAM_VARIABLES);
	text_put(&t, LOAD_VARIABLE "=");
	text_dec(&t, table);
	*audit = *number + t.t_len + 1;
	text_init(&t, *audit, PROGRAM_VARIABLES - t.t_len - 1);
	text_put(&t, "LD_AUDIT=");
	error = execenv_value(
	    s->s_env.ee_audit, *audit + t.t_len, t.t_size - t.t_len);
	if (error != 0)
		return error;
	text_continue(&t, *audit, t.t_size);
	text_char(&t, ':');
	text_putn(&t, engine_library, dir);
	text_put(&t, LOAD_LIBRARY);
	return t.t_len + 1 < t.t_size ? 0 : E2BIG;
}

/* Tell the dynamic linker of the next image about the table. */
static int
announce(struct program *s, long table)
{
	struct call *c = s->s_call;
	char *audit, *number, **envp;
	int error = program_memory(s);

	if (error == 0)
		error = make_variables(s, table, &audit, &number);
	if (error != 0)
		return error;
	envp = (char **)(void *)(s->s_memory + s->s_size) + program_argv_max(s);
	error = execenv_extend(&s->s_env, envp, audit, number);
	if (error != 0)
		return error;
	c->arg[c->nr == SYS_execveat ? 3 : 2] = (long)envp;
	c->scratch[1] = (uint64_t)table + 1;
	HOST(SYS_fcntl, table, F_SETFD, 0, 0, 0, 0);
	return 0;
}

static int
give_needed(struct program *s, const struct needed_program *np)
{
	long table;
	int error = needed_find(s->s_call, np, &table);

	if (error != 0 || table < 0)
		return error;
	error = announce(s, table);
	if (error != 0)
		HOST(SYS_close, table, 0, 0, 0, 0, 0);
	return error;
}

int
program_libraries(
    struct program *s, const struct libsearch_reader *r, const char *path)
{
	const struct needed_program np = { r, path, &s->s_env, NULL, false };

	return give_needed(s, &np);
}

/* --- the dynamic linker, as a program ---------------------------------- */

/* The i-th argument of the caller, in buf. */
static int
copy_argument(const struct program *s, long i, char *buf)
{
	const char *arg;

	if (usercopy_in(
		&arg, &program_caller_argv(s->s_call)[i], sizeof(arg)) != 0)
		return EFAULT;
	return usercopy_string(buf, arg, PATHBUF_SIZE, NULL);
}

/* A copy of what is open as fd, which is closed. */
static int
copy_open(struct call *c, int64_t fd, const char *path, long *copy)
{
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)&st };
	int error = rump_call(c, RUMP_SYS_fstat, args, NULL);

	if (error == 0 && !S_ISREG(st.st_mode))
		error = EACCES;
	if (error == 0)
		error = memcopy_make(c, fd, st.st_size, path, copy);
	(void)rump_call(c, RUMP_SYS_close, args, NULL);
	return error;
}

int
program_copy(
    struct call *c, const struct place *pl, const char *path, long *copy)
{
	int64_t fd;
	int error = program_open(c, pl, &fd);

	return error != 0 ? error : copy_open(c, fd, path, copy);
}

/* The file of the kernel at s_place, which is not executed but loaded.  *copy
 * stays -1 where the dynamic linker will say what is wrong. */
static int
copy_loaded(struct program *s, const char *path, long *copy)
{
	int64_t fd;
	int error = program_open(s->s_call, s->s_place, &fd);

	if (error == 0)
		error = copy_open(s->s_call, fd, path, copy);
	return *copy >= 0 || error == ENOMEM || error == EFBIG ||
		       error == ROUTE_RESTART
		   ? error
		   : 0;
}

/* Argument i becomes the copy.  The program is still to see its own name. */
static int
name_loaded(struct program *s, long i, long copy)
{
	const char *const *argv = program_caller_argv(s->s_call);
	char **to = (char **)(void *)(s->s_memory + s->s_size);
	char name[32];
	struct text t;
	long n = 0;

	text_init(&t, name, sizeof(name));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, copy);
	for (long k = 0; k < s->s_nargs; k++) {
		if (usercopy_in(&to[n++], &argv[k], sizeof(*to)) != 0)
			return EFAULT;
		if (k == 0) {
			to[n++] = program_keep(s, "--argv0");
			n++;
		}
	}
	to[n] = NULL;
	to[2] = to[i + 2];
	to[i + 2] = program_keep(s, name);
	s->s_call->arg[s->s_call->nr == SYS_execveat ? 2 : 1] = (long)to;
	return 0;
}

/* With everything in its place: arguments, copy, libraries. */
static int
load_copy(struct program *s, long i, struct needed_program *np)
{
	struct libsearch_reader reader;
	long copy = -1;
	int error = copy_loaded(s, np->np_path, &copy);

	if (error != 0 || copy < 0)
		return error;
	s->s_call->scratch[0] = (uint64_t)copy + 1;
	libsearch_reader_init(&reader, copy);
	np->np_reader = &reader;
	error = name_loaded(s, i, copy);
	if (error == 0)
		error = give_needed(s, np);
	HOST(SYS_fcntl, copy, F_SETFD, 0, 0, 0, 0);
	return error;
}

static int
load_program(struct program *s, const struct loader_arguments *la)
{
	char *path = realname_of(s->s_call, s->s_place);
	char *list = pool_get(&pathbufs);
	struct needed_program np = { NULL, path != NULL ? path : "", &s->s_env,
		NULL, true };
	int error = ENOMEM;

	if (list != NULL && la->la_library_path >= 0 &&
	    copy_argument(s, la->la_library_path, list) == 0)
		np.np_library_path = list;
	if (list != NULL)
		error = load_copy(s, la->la_program, &np);
	if (list != NULL)
		pool_put(&pathbufs, list);
	if (path != NULL)
		string_free(path);
	return error;
}

int
program_loader(struct program *s)
{
	struct loader_arguments la;
	const char *arg;
	int error = program_memory(s);

	if (error == 0)
		error = loader_parse(
		    program_caller_argv(s->s_call), s->s_nargs, &la);
	if (error != 0 || la.la_program < 0)
		return error;
	if (usercopy_in(&arg, &program_caller_argv(s->s_call)[la.la_program],
		sizeof(arg)) != 0)
		return EFAULT;
	if (place_find(s->s_place, AT_FDCWD, (long)arg, PLACE_LINKS) != 0 ||
	    !s->s_place->pl_rump || !backend_reachable())
		return 0;
	return load_program(s, &la);
}
