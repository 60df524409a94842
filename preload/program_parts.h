/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of program.c among themselves. */
#ifndef PRELOAD_PROGRAM_PARTS_H
#define PRELOAD_PROGRAM_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/execenv.h"
#include "preload/pool.h"

struct call;
struct libsearch_reader;
struct place;

#define PROGRAM_DEPTH 5 /* scripts that are interpreters of scripts */
#define PROGRAM_FRONT (2 * PROGRAM_DEPTH + 3)
#define PROGRAM_VARIABLES (2 * PATHBUF_SIZE) /* of our environment strings */

/* A search for what the host is to execute. */
struct program {
	struct call *s_call;
	long s_dirfd, s_path; /* of the file in question, as call arguments */
	unsigned s_flags;     /* PLACE_* */
	bool s_changed;       /* not what the caller has named */
	struct place *s_place;
	char *s_name; /* how a script is told its own path: a path buffer */
	/* Arguments in front, last one first: script, argument, interpreter,
	 * script, ...; NULL-terminated ones in s_memory. */
	char *s_front[PROGRAM_FRONT];
	int s_nfront;
	char *s_memory; /* the engine's; strings grow up from its start */
	size_t s_used, s_size;
	long s_fd;    /* the host's file, when it is found; else -1 */
	long s_nargs; /* of the caller, argv[0] among them */
	struct execenv s_env;
};

/* --- program_args.c ---------------------------------------------------- */

const char *const *program_caller_argv(const struct call *c);
long program_caller_envp(const struct call *c);

/* Memory for strings and for vectors of arguments and environment, which begin
 * at s_size, the latter behind program_argv_max() of the former.  0, EFAULT,
 * E2BIG or ENOMEM. */
int program_memory(struct program *s);
long program_argv_max(const struct program *s);
/* A copy of a string there; and as an argument in front of all others. */
char *program_keep(struct program *s, const char *string);
void program_push(struct program *s, const char *string);
/* The new vector; the caller's argv[0] gives way to what stands in front. */
int program_argv(struct program *s, char ***out);

/* --- program_libraries.c ----------------------------------------------- */

/* The call is complete; path: of a program of the kernel's, else NULL. */
int program_libraries(
    struct program *s, const struct libsearch_reader *r, const char *path);
/* ld.so is told which program to load.  Does that lie in the kernel? */
int program_loader(struct program *s);
/* A copy of the file of the kernel's at pl, close-on-exec and named by path.  0 or
 * an error of rump_call(). */
int program_copy(
    struct call *c, const struct place *pl, const char *path, long *copy);

/* --- program.c --------------------------------------------------------- */

/* A descriptor of the file at pl, for reading. */
int program_open(struct call *c, const struct place *pl, int64_t *fd);

#endif /* !PRELOAD_PROGRAM_PARTS_H */
