/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lives CASE DIRECTORY: run a case in DIRECTORY.  lives --list: their names.
 * lives --act NAME ...: be a program that a case executes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

char *self;

void
put_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	NEED(close(fd) == 0);
}

void
say_text(const char *what, int fd)
{
	char buf[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0) {
		SAY("%s: error %d", what, errno);
		return;
	}
	buf[len] = '\0';
	if (len > 0 && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	SAY("%s: %s", what, buf);
}

void
say_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	say_text(name, fd);
	if (fd >= 0)
		close(fd);
}

void
say_end(const char *what, pid_t pid)
{
	int status;

	NEED(pid > 0);
	NEED(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status))
		SAY("%s: exited %d", what, WEXITSTATUS(status));
	else
		SAY("%s: killed by %d", what, WTERMSIG(status));
}

bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

void
close_others(void)
{
	(void)close_range(3, ~0U, 0);
}

void
turns_init(struct turns *t)
{
	NEED(pipe2(t->t_pipe[0], O_CLOEXEC) == 0);
	NEED(pipe2(t->t_pipe[1], O_CLOEXEC) == 0);
}

void
turns_give(struct turns *t, int side)
{
	NEED(write(t->t_pipe[side][1], "", 1) == 1);
}

void
turns_take(struct turns *t, int side)
{
	char c;

	NEED(read(t->t_pipe[!side][0], &c, 1) == 1);
}

static const struct life *const tables[] = { children_lives, clones_lives,
	shared_lives, directories_lives, exec_lives, rights_lives, ends_lives,
	roots_lives };

static const struct life *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct life *l = tables[i]; l->name != NULL; l++) {
			if (name == NULL)
				puts(l->name);
			else if (strcmp(l->name, name) == 0)
				return l;
		}
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct life *l;

	self = argv[0];
	if (argc > 2 && strcmp(argv[1], "--act") == 0)
		return act(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		(void)find(NULL);
		return 0;
	}
	l = argc == 3 ? find(argv[1]) : NULL;
	if (l == NULL)
		return 2;
	NEED(chdir(argv[2]) == 0);
	close_others();
	l->run();
	return 0;
}
