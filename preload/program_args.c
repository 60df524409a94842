/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/program_parts.h"
#include "preload/text.h"
#include "preload/usercopy.h"

#define ARGS_MAX (1L << 20) /* the host has a smaller limit */

const char *const *
program_caller_argv(const struct call *c)
{
	return (const char *const *)c->arg[c->nr == SYS_execveat ? 2 : 1];
}

long
program_caller_envp(const struct call *c)
{
	return c->arg[c->nr == SYS_execveat ? 3 : 2];
}

static int
count_arguments(struct program *s)
{
	const char *const *argv = program_caller_argv(s->s_call);
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

long
program_argv_max(const struct program *s)
{
	return s->s_nargs + PROGRAM_FRONT + 1;
}

int
program_memory(struct program *s)
{
	int error;

	if (s->s_memory != NULL)
		return 0;
	error = count_arguments(s);
	if (error != 0)
		return error;
	s->s_size = (PROGRAM_FRONT + 1) * PATHBUF_SIZE + PROGRAM_VARIABLES;
	s->s_memory = engine_exec_memory(
	    s->s_size + (size_t)program_argv_max(s) * sizeof(char *) +
	    (s->s_env.ee_count + 3) * sizeof(char *));
	return s->s_memory != NULL ? 0 : ENOMEM;
}

char *
program_keep(struct program *s, const char *string)
{
	char *to = s->s_memory + s->s_used;
	size_t n = text_length(string) + 1;

	memcpy(to, string, n);
	s->s_used += n;
	return to;
}

void
program_push(struct program *s, const char *string)
{
	s->s_front[s->s_nfront++] = program_keep(s, string);
}

int
program_argv(struct program *s, char ***out)
{
	const char *const *argv = program_caller_argv(s->s_call);
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
