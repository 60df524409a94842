/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases of the lives of processes.  Each runs in an empty directory of its own,
 * on the host and on a rump file system, and prints the same on both.
 */
#ifndef LIVES_H
#define LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* A line of output; at once, so that children do not print it again. */
#define SAY(...) (printf(__VA_ARGS__), putchar('\n'), fflush(stdout))

/* What must hold for the case to make sense. */
#define NEED(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			printf("%s:%d: %s: %m\n", __FILE__, __LINE__, #x);     \
			fflush(stdout);                                        \
			_exit(99);                                             \
		}                                                              \
	} while (0)

struct life {
	const char *name;
	void (*run)(void);
};

/* End with a NULL name; one table a file. */
extern const struct life children_lives[], clones_lives[], rights_lives[],
    shared_lives[], directories_lives[], ends_lives[], exec_lives[],
    roots_lives[];

extern char *self; /* argv[0] */

/* What a program that a case executes does: its name, then operands. */
int act(int argc, char **argv);
int directories_serve(char **argv);
int guest_calls(char **argv);

/* Make a file with this text. */
void put_file(const char *name, const char *text);
/* Say what is read from fd, up to its end or an error. */
void say_text(const char *what, int fd);
void say_file(const char *name);
/* "exited N" or "killed by N". */
void say_end(const char *what, pid_t pid);
/* Is fd open? */
bool is_open(int fd);
/* Close what a case does not expect to be open. */
void close_others(void);

/* Two processes take turns: a pair of pipes. */
struct turns {
	int t_pipe[2][2];
};
void turns_init(struct turns *t);
void turns_give(struct turns *t, int side);
void turns_take(struct turns *t, int side);

#endif /* !LIVES_H */
