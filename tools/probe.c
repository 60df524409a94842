/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one examination that leaves nothing out: limits, filters and libraries
 * that are not there make it fail in the way in which they would make "rumpkit
 * run" fail.  It sees nothing of what the environment says about mounts.
 */
#include "tools/probe.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "/rumpkit-doctor" /* where the kernel's root appears */
#define PATIENCE_S 10
#define SELF "/proc/self/exe"
#define NHIJACK 3 /* variables that "rumpkit run" sets itself */

/* Variables that have a say in what the loader finds. */
static const char *const kept[] = { "LD_LIBRARY_PATH", "RUMPKIT_LIBDIR" };
#define NKEPT (sizeof(kept) / sizeof(kept[0]))

int
probe_main(int argc, char **argv)
{
	struct stat st;

	(void)argc;
	(void)argv;
	return stat(PLACE, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : 1;
}

/* This program, hijacked by hand, or by "rumpkit run". */
static void
execute(enum probe_kind kind, char **envp)
{
	char *alone[] = { (char *)"rumpkit", (char *)PROBE_NAME, NULL };
	char *run[] = { (char *)"rumpkit", (char *)"run",
		(char *)"--hijack=path=" PLACE, (char *)SELF,
		(char *)PROBE_NAME, NULL };

	execve(SELF, kind == PROBE_IN_PROCESS ? alone : run,
	    kind == PROBE_IN_PROCESS ? envp : envp + NHIJACK);
}

static void __attribute__((__noreturn__))
become(enum probe_kind kind, const char *library, int errfd)
{
	static char variables[NKEPT + 1][2 * PATH_MAX];
	char *envp[NKEPT + NHIJACK + 2] = {
		variables[NKEPT],
		(char *)"RUMPHIJACK=path=" PLACE,
		(char *)"RUMPKIT_IN_PROCESS=1",
		(char *)"ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0",
	};
	size_t i, n = NHIJACK + 1;
	int null;

	snprintf(variables[NKEPT], sizeof(variables[NKEPT]), "LD_PRELOAD=%s",
	    library);
	for (i = 0; i < NKEPT; i++) {
		if (getenv(kept[i]) == NULL)
			continue;
		snprintf(variables[i], sizeof(variables[i]), "%s=%s", kept[i],
		    getenv(kept[i]));
		envp[n++] = variables[i];
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDOUT_FILENO);
	dup2(errfd, STDERR_FILENO);
	alarm(PATIENCE_S);
	execute(kind, envp);
	dprintf(STDERR_FILENO, SELF " cannot be executed: %m\n");
	_exit(1);
}

/* The first line that comes from fd, without "rumpkit: "; "" for none. */
static void
read_reason(int fd, char *line, size_t size)
{
	static const char self[] = "rumpkit: ";
	char rest[512];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, line + used, size - 1 - used)) > 0)
		used += (size_t)n;
	line[used] = '\0';
	/* Nobody shall hang because nobody listens. */
	while (n == 0 && used == size - 1 && read(fd, rest, sizeof(rest)) > 0)
		continue;
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, self, strlen(self)) == 0)
		memmove(
		    line, line + strlen(self), strlen(line + strlen(self)) + 1);
}

static int
judge(int status, const char *reason, char *text, size_t size)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (*reason != '\0')
		snprintf(text, size, "%s", reason);
	else if (WIFSIGNALED(status))
		snprintf(text, size, "ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size,
		    "its calls were not hijacked, or it ended with status %d",
		    WEXITSTATUS(status));
	return -1;
}

int
probe_run(enum probe_kind kind, const char *library, char *text, size_t size)
{
	char reason[256];
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		snprintf(text, size, "pipe: %m");
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(kind, library, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		snprintf(text, size, "fork: %m");
		return -1;
	}
	read_reason(fds[0], reason, sizeof(reason));
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid) {
		snprintf(text, size, "waitpid: %m");
		return -1;
	}
	return judge(status, reason, text, size);
}
