/* SPDX-License-Identifier: BSD-2-Clause */
/* exec in all its forms; and what the executed programs do (act). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

/* --- what executed programs do ------------------------------------------- */

static int
act_cat(char **argv)
{
	char buf[512];
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		if (write(1, buf, (size_t)n) != n)
			return 1;
	}
	return n == 0 ? 0 : 1;
}

static int
act_fds(char **argv)
{
	printf("open:");
	for (int fd = 3; fd < 1024; fd++) {
		if (is_open(fd))
			printf(" %d", fd);
	}
	printf("\n");
	return 0;
}

static int
act_where(char **argv)
{
	char cwd[4096], *slash;

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return 1;
	slash = strrchr(cwd, '/');
	printf("in %s, f: %d\n", slash + 1, access("f", R_OK));
	return 0;
}

static int
act_append(char **argv)
{
	int fd = open(argv[0], O_WRONLY | O_APPEND | O_CREAT, 0600);

	return fd >= 0 && write(fd, "line\n", 5) == 5 ? 0 : 1;
}

/* What there is of argv[0], argv[1], ... as descriptors. */
static int
act_text(char **argv)
{
	for (; *argv != NULL; argv++) {
		int fd = atoi(*argv);
		struct stat st;

		if (fstat(fd, &st) != 0)
			SAY("%d: not open", fd);
		else if (S_ISSOCK(st.st_mode))
			SAY("%d: a socket", fd);
		else
			say_text(*argv, fd);
	}
	return 0;
}

static int
act_lock(char **argv)
{
	int fd = atoi(argv[0]);
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	pid_t pid = fork();

	if (pid == 0) {
		fl.l_type = F_WRLCK;
		_exit(fcntl(fd, F_GETLK, &fl) == 0 && fl.l_type == F_WRLCK ? 1
									   : 0);
	}
	say_end("locked", pid);
	return 0;
}

int
act(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **argv);
	} acts[] = {
		{ "cat", act_cat },
		{ "fds", act_fds },
		{ "serve", directories_serve },
		{ "guest", guest_calls },
		{ "where", act_where },
		{ "append", act_append },
		{ "text", act_text },
		{ "lock", act_lock },
	};

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(argv[0], acts[i].name) == 0)
			return acts[i].run(argv + 1);
	}
	return 98;
}

/* --- cases --------------------------------------------------------------- */

static void
in_new_process(const char *what, void (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		fn(arg);
		_exit(97);
	}
	say_end(what, pid);
}

static void
exec_text(void *arg)
{
	char *argv[] = { self, "--act", "text", "5", "6", "7", "8", NULL };

	execv(self, argv);
}

static void
exec_without_environment(void *arg)
{
	char *argv[] = { self, "--act", "text", "5", "6", "7", "8", NULL };
	char *none[] = { NULL };

	execve(self, argv, arg != NULL ? none : NULL);
}

static void
descriptors_cross(void)
{
	int fd;

	put_file("f", "0123456789");
	NEED(dup2(open("f", O_RDWR), 5) == 5);
	NEED(dup2(5, 6) == 6);
	NEED(dup3(5, 7, O_CLOEXEC) == 7);
	NEED(dup2(open("f", O_RDONLY), 8) == 8);
	close(3);
	close(4);
	NEED(lseek(5, 4, SEEK_SET) == 4);
	in_new_process("plain", exec_text, NULL);
	NEED(lseek(5, 5, SEEK_SET) == 5 && lseek(8, 8, SEEK_SET) == 8);
	in_new_process("empty", exec_without_environment, self);
	NEED(lseek(5, 6, SEEK_SET) == 6);
	in_new_process("none", exec_without_environment, NULL);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	NEED(dup2(fd, 7) == 7);
	SAY("directory: %d", openat(7, "f", O_RDONLY) >= 0);
	in_new_process("directory", exec_text, NULL);
}

static void
exec_where(void *arg)
{
	char *argv[] = { self, "--act", "where", NULL };
	char *none[] = { NULL };

	NEED(chdir("d") == 0);
	if (arg != NULL)
		NEED(rmdir("../d/gone") == 0);
	execve(self, argv, none);
}

static void
exec_in_removed(void *arg)
{
	char *argv[] = { self, "--act", "where", NULL };

	NEED(chdir("gone") == 0 && rmdir("../gone") == 0);
	execv(self, argv);
}

static void
directory_crosses(void)
{
	NEED(mkdir("d", 0755) == 0 && mkdir("gone", 0755) == 0);
	put_file("d/f", "");
	in_new_process("directory", exec_where, NULL);
	in_new_process("removed", exec_in_removed, NULL);
	SAY("still here: %d", access("d", F_OK));
}

static void
locks_cross(void)
{
	char *argv[] = { self, "--act", "lock", "5", NULL };
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };

	put_file("f", "x");
	NEED(dup2(open("f", O_RDWR), 5) == 5);
	NEED(fcntl(5, F_SETLK, &fl) == 0);
	execv(self, argv);
}

/* A copy of a program of the host's here. */
static void
copy_here(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;

	NEED(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, (size_t)n) == n);
	NEED(n == 0 && close(in) == 0 && close(out) == 0);
}

static int
spawn_vfork(const char *path, char **argv)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		execv(path, argv);
		_exit(96);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	return WEXITSTATUS(status);
}

static void
exec_fd(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	char *argv[] = { "program", "--act", "where", NULL };

	NEED(fd >= 0);
	fexecve(fd, argv, environ);
}

static void
exec_at(void *arg)
{
	int fd = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *argv[] = { "program", "--act", "where", NULL };

	syscall(SYS_execveat, fd, "p", argv, environ, 0);
}

static void
exec_memfd(void *arg)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	char buf[65536], *argv[] = { "program", "--act", "where", NULL };
	int in = open("p", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		NEED(write(fd, buf, (size_t)n) == n);
	fexecve(fd, argv, environ);
}

static void
exec_path(void *arg)
{
	char *argv[] = { "one", "--act", "where", NULL };

	execv(arg, argv);
}

static void
programs_lie_here(void)
{
	char *argv[] = { "two", "--act", "where", NULL };
	char script[512];

	copy_here(self, "p");
	NEED(mkdir("d", 0755) == 0);
	copy_here(self, "d/p");
	put_file("f", "");
	snprintf(script, sizeof(script), "#!./p --act\n");
	put_file("where", script);
	NEED(chmod("where", 0755) == 0);
	put_file("sh", "#!/bin/sh\necho \"$0 $1\"\n");
	NEED(chmod("sh", 0755) == 0);
	put_file("no", "neither\n");
	NEED(chmod("no", 0755) == 0);
	in_new_process("path", exec_path, "./p");
	in_new_process("script", exec_path, "./sh");
	in_new_process("own script", exec_path, "./where");
	in_new_process("no format", exec_path, "./no");
	in_new_process("fexecve", exec_fd, "p");
	in_new_process("execveat", exec_at, NULL);
	in_new_process("memfd", exec_memfd, NULL);
	SAY("vfork: %d", spawn_vfork("./p", argv));
	SAY("vfork script: %d", spawn_vfork("./sh", argv));
	SAY("vfork fails: %d", spawn_vfork("./nothing", argv));
	SAY("vfork no format: %d", spawn_vfork("./no", argv));
}

static void
failing_exec(void)
{
	char *argv[] = { "x", NULL }, buf[4] = "";
	int fd, fd2;

	put_file("f", "0123456789");
	put_file("no", "neither\n");
	NEED(chmod("no", 0755) == 0);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	fd2 = open("f", O_RDONLY);
	NEED(lseek(fd, 3, SEEK_SET) == 3);
	SAY("missing: %d %d", execv("missing", argv), errno);
	SAY("directory: %d %d", execv(".", argv), errno);
	SAY("file: %d %d", execv("f", argv), errno);
	SAY("format: %d %d", execv("no", argv), errno);
	SAY("arguments: %ld %d", syscall(SYS_execve, self, 8, 8), errno);
	NEED(read(fd, buf, 3) == 3);
	SAY("then %s, flags %d %d", buf, fcntl(fd, F_GETFD),
	    fcntl(fd2, F_GETFD));
	in_new_process("then", exec_text, NULL);
}

static void *
exec_here(void *arg)
{
	exec_text(arg);
	return NULL;
}

static void *
read_on(void *arg)
{
	char c;

	for (;;)
		NEED(pread(5, &c, 1, 0) == 1);
	return NULL;
}

static void
from_a_thread(void)
{
	pthread_t t[4];

	put_file("f", "content");
	NEED(dup2(open("f", O_RDONLY), 5) == 5);
	close(3);
	for (int i = 0; i < 3; i++)
		NEED(pthread_create(&t[i], NULL, read_on, NULL) == 0);
	NEED(pthread_create(&t[3], NULL, exec_here, NULL) == 0);
	for (;;)
		pause();
}

static void *
look_on(void *arg)
{
	for (;;)
		NEED(access("f", F_OK) == 0);
	return NULL;
}

static void
exec_among_first_calls(void *arg)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&t, NULL, look_on, NULL) == 0);
	NEED(pthread_create(&t, NULL, exec_here, NULL) == 0);
	for (;;)
		pause();
}

/* While others have the kernel's server greeted. */
static void
from_a_thread_at_once(void)
{
	put_file("f", "content");
	NEED(dup2(open("f", O_RDONLY), 5) == 5);
	close(3);
	for (int i = 0; i < 20; i++) {
		NEED(lseek(5, 0, SEEK_SET) == 0);
		in_new_process("process", exec_among_first_calls, NULL);
	}
}

/* The number of files that a command line cannot name. */
static void
many_cross(void)
{
	char *argv[] = { self, "--act", "fds", NULL };

	put_file("a-file-with-a-name-of-some-length", "x");
	for (int i = 0; i < 900; i++)
		NEED(open("a-file-with-a-name-of-some-length",
			 O_RDONLY | (i % 3 == 0 ? O_CLOEXEC : 0)) >= 0);
	execv(self, argv);
}

static void
trace_exec(const char *what, pid_t (*make)(void))
{
	char *argv[] = { self, "--act", "cat", NULL };
	int status;
	pid_t pid;

	NEED(lseek(0, 0, SEEK_SET) == 0);
	pid = make();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execv(self, argv);
		_exit(98);
	}
	NEED(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	SAY("%s: %s", what, strsignal(WSTOPSIG(status)));
	NEED(ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0);
	say_end(what, pid);
}

/* Tracers take the first stop for the exec. */
static void
traced(void)
{
	put_file("f", "content\n");
	NEED(dup2(open("f", O_RDONLY), 0) == 0);
	trace_exec("fork", fork);
	trace_exec("vfork", vfork);
}

const struct life exec_lives[] = {
	{ "descriptors_cross", descriptors_cross },
	{ "directory_crosses", directory_crosses },
	{ "locks_cross", locks_cross },
	{ "programs_lie_here", programs_lie_here },
	{ "failing_exec", failing_exec },
	{ "from_a_thread", from_a_thread },
	{ "from_a_thread_at_once", from_a_thread_at_once },
	{ "many_cross", many_cross },
	{ "traced", traced },
	{ NULL, NULL },
};
