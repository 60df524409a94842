/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program written for a rump kernel elsewhere: clientprobe CASE does one
 * thing over librumpclient and says what was wrong, if anything.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rump_syscalls.h"
#include "rump/rumpclient.h"
#include "rump/rumpdefs.h"

#define NTHREADS 100
#define ROUNDS 20
#define CREATE (RUMP_O_RDWR | RUMP_O_CREAT)
#define BAD ((void *)8)

#define CHECK(c)                                                               \
	do {                                                                   \
		if (!(c)) {                                                    \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__,  \
			    #c, errno);                                        \
			exit(1);                                               \
		}                                                              \
	} while (0)

static char *self;

static void
put(int fd, const char *text)
{
	size_t len = strlen(text);

	CHECK(rump_sys_write(fd, text, len) == (ssize_t)len);
}

/* The whole file is that text. */
static void
check_file(const char *path, const char *text)
{
	char buf[256] = { 0 };
	int fd = rump_sys_open(path, RUMP_O_RDONLY);

	CHECK(fd >= 0);
	CHECK(rump_sys_read(fd, buf, sizeof(buf) - 1) == (ssize_t)strlen(text));
	CHECK(strcmp(buf, text) == 0);
	CHECK(rump_sys_close(fd) == 0);
}

static void
join(pid_t pid)
{
	int status;

	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
do_calls(void)
{
	struct rump_stat st;
	int fd;

	CHECK(rump_sys_getpid() > 1);
	CHECK(rump_sys_getppid() == 1);
	CHECK(rump_sys_mkdir("/tmp/dir", 0755) == 0);
	fd = rump_sys_open("/tmp/dir/file", CREATE, 0640);
	CHECK(fd == 3);
	put(fd, "some text");
	CHECK(rump_sys_fstat(fd, &st) == 0);
	CHECK(st.st_size == 9 && (st.st_mode & 0777) == 0640);
	CHECK(rump_sys_lseek(fd, 5, 0) == 5);
	put(fd, "more");
	check_file("/tmp/dir/file", "some more");
	CHECK(rump_sys_close(fd) == 0 && errno == 0);
	CHECK(rump_sys_close(fd) == -1 && errno == RUMP_EBADF);
	CHECK(rump_sys_open("/tmp/none", RUMP_O_RDONLY) == -1);
	CHECK(errno == RUMP_ENOENT);
}

static void
do_large(void)
{
	size_t size = 4 << 20;
	unsigned char *out = malloc(size), *in = calloc(1, size);
	int fd = rump_sys_open("/tmp/large", CREATE, 0644);

	for (size_t i = 0; i < size; i++)
		out[i] = (unsigned char)(i * 31 + i / 253);
	CHECK(rump_sys_write(fd, out, size) == (ssize_t)size);
	CHECK(rump_sys_pread(fd, in, size, 0) == (ssize_t)size);
	CHECK(memcmp(in, out, size) == 0);
	free(out);
	free(in);
}

static void
do_faults(void)
{
	int fd = rump_sys_open("/tmp/file", CREATE, 0644);
	char c = 'x';

	put(fd, "text");
	CHECK(rump_sys_open(BAD, RUMP_O_RDONLY) == -1);
	CHECK(errno == RUMP_EFAULT);
	CHECK(rump_sys_write(fd, BAD, 4) == -1 && errno == RUMP_EFAULT);
	CHECK(rump_sys_pread(fd, BAD, 4, 0) == -1 && errno == RUMP_EFAULT);
	CHECK(rump_sys_pread(fd, &c, 1, 0) == 1 && c == 't');
	check_file("/tmp/file", "text");
}

static void *
thread_files(void *arg)
{
	char path[32], text[64], back[64] = { 0 };
	int n = (int)(intptr_t)arg;

	snprintf(path, sizeof(path), "/tmp/thread%d", n);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = rump_sys_open(path, CREATE, 0644);
		int len = snprintf(text, sizeof(text), "%d in round %d", n, i);

		CHECK(fd >= 0);
		CHECK(rump_sys_write(fd, text, len) == len);
		CHECK(rump_sys_pread(fd, back, sizeof(back), 0) == len);
		CHECK(memcmp(text, back, len) == 0);
		CHECK(rump_sys_close(fd) == 0);
		CHECK(rump_sys_unlink(path) == 0);
	}
	return NULL;
}

static void
do_threads(void)
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, thread_files,
			  (void *)(intptr_t)i) == 0);
	for (int i = 0; i < NTHREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void *
thread_reader(void *arg)
{
	char c;

	CHECK(rump_sys_read(*(int *)arg, &c, 1) == 1);
	return NULL;
}

/* Twenty wait for a pipe while others make calls. */
static void
do_blocked(void)
{
	pthread_t threads[20];
	int fds[2];

	CHECK(rump_sys_pipe2(fds, 0) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(pthread_create(
			  &threads[i], NULL, thread_reader, &fds[0]) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(rump_sys_getpid() > 1);
	put(fds[1], "12345678901234567890");
	for (int i = 0; i < 20; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void
do_fork(void)
{
	int fd = rump_sys_open("/tmp/forked", CREATE, 0644);
	pid_t rumppid = rump_sys_getpid(), pid;

	put(fd, "parent ");
	pid = rumpclient_fork();
	if (pid == 0) {
		CHECK(rump_sys_getpid() != rumppid);
		put(fd, "child ");
		CHECK(rump_sys_close(fd) == 0);
		exit(0);
	}
	join(pid);
	put(fd, "parent");
	check_file("/tmp/forked", "parent child parent");
	CHECK(rump_sys_getpid() == rumppid);
}

static void
do_vfork(void)
{
	int fd = rump_sys_open("/tmp/vforked", CREATE, 0644);
	pid_t pid = rumpclient_vfork();

	if (pid == 0)
		_exit(rump_sys_write(fd, "child ", 6) != 6);
	join(pid);
	put(fd, "parent");
	check_file("/tmp/vforked", "child parent");
}

/* Grandchildren, each from its parent while that goes on. */
static void
do_tree(void)
{
	int fd = rump_sys_open("/tmp/tree", CREATE | RUMP_O_APPEND, 0644);

	for (int depth = 0; depth < 4; depth++) {
		pid_t pid = rumpclient_fork();

		if (pid != 0) {
			join(pid);
			put(fd, "x");
			if (depth > 0)
				exit(0);
			check_file("/tmp/tree", "xxxx");
			return;
		}
	}
	exit(0);
}

static void
replace(int kept, int closed)
{
	char a[16], b[16], c[16];
	char *argv[] = { self, (char[]){ "after-exec" }, a, b, c, NULL };

	snprintf(a, sizeof(a), "%d", kept);
	snprintf(b, sizeof(b), "%d", closed);
	snprintf(c, sizeof(c), "%d", (int)rump_sys_getpid());
	(void)rumpclient_exec(self, argv, environ);
	CHECK(!"exec");
}

static void
after_exec(char **argv)
{
	int kept = atoi(argv[0]), closed = atoi(argv[1]);

	CHECK(rump_sys_getpid() == atoi(argv[2]));
	CHECK(rump_sys_write(closed, "x", 1) == -1 && errno == RUMP_EBADF);
	put(kept, "new");
	check_file("/tmp/exec", "old new");
}

static int
open_for_exec(int *closed)
{
	int fd = rump_sys_open("/tmp/exec", CREATE, 0644);

	*closed = rump_sys_open("/tmp/closed", CREATE | RUMP_O_CLOEXEC, 0644);
	put(fd, "old ");
	return fd;
}

static void
do_exec(void)
{
	int closed, kept = open_for_exec(&closed);

	replace(kept, closed);
}

/* From a child of vfork, and with threads that wait. */
static void
do_spawn(void)
{
	int closed, kept = open_for_exec(&closed), fds[2];
	pthread_t thread;
	pid_t pid;

	CHECK(rump_sys_pipe2(fds, 0) == 0);
	CHECK(pthread_create(&thread, NULL, thread_reader, &fds[0]) == 0);
	pid = rumpclient_vfork();
	if (pid == 0)
		replace(kept, closed);
	join(pid);
	put(fds[1], "x");
	CHECK(pthread_join(thread, NULL) == 0);
}

static void
do_exec_with_threads(void)
{
	int closed, kept = open_for_exec(&closed), fds[2];
	pthread_t threads[20];

	CHECK(rump_sys_pipe2(fds, 0) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(pthread_create(&threads[i], NULL,
			  i < 10 ? thread_reader : thread_files,
			  i < 10 ? (void *)fds : (void *)(intptr_t)i) == 0);
	replace(kept, closed);
}

static void
do_daemon(void)
{
	int fd = rump_sys_open("/tmp/daemon", CREATE, 0644);
	char c;

	/* The pipe on descriptor 9 tells that the daemon has ended. */
	CHECK(rumpclient_daemon(0, 1) == 0);
	put(fd, "daemon");
	check_file("/tmp/daemon", "daemon");
	c = 'k';
	CHECK(write(9, &c, 1) == 1);
}

static volatile sig_atomic_t signals;

static void
count_signal(int sig)
{
	signals++;
}

static void
do_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = count_signal };
	int fds[2];

	CHECK(sigaction(SIGPIPE, &sa, NULL) == 0);
	CHECK(rump_sys_pipe2(fds, 0) == 0);
	CHECK(rump_sys_close(fds[0]) == 0);
	CHECK(rump_sys_write(fds[1], "x", 1) == -1);
	CHECK(errno == RUMP_EPIPE && signals == 1);
}

/* The test ends the server when it is told. */
static void
do_lose(void)
{
	int fds[2];
	char c;

	CHECK(rump_sys_pipe2(fds, 0) == 0);
	CHECK(write(1, "waiting\n", 8) == 8);
	CHECK(rump_sys_read(fds[0], &c, 1) == -1 && errno == ENOTCONN);
	CHECK(rump_sys_mkdir("/tmp/x", 0755) == -1 && errno == ENOTCONN);
	CHECK(rumpclient_prefork() == NULL && errno == ENOTCONN);
}

/* ... and starts another one. */
static void
do_find_again(void)
{
	int fds[2];
	char c;

	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_INFTIME);
	CHECK(rump_sys_pipe2(fds, 0) == 0);
	CHECK(write(1, "waiting\n", 8) == 8);
	/* The new process has no such descriptor. */
	CHECK(rump_sys_read(fds[0], &c, 1) == -1 && errno == RUMP_EBADF);
	CHECK(rump_sys_mkdir("/tmp/x", 0755) == 0);
}

static void
do_halt(void)
{
	CHECK(rump_sys_reboot(0, NULL) == 0);
	CHECK(rump_sys_mkdir("/tmp/x", 0755) == -1 && errno == ENOTCONN);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "blocked", do_blocked },
	{ "calls", do_calls },
	{ "daemon", do_daemon },
	{ "exec", do_exec },
	{ "exec-with-threads", do_exec_with_threads },
	{ "faults", do_faults },
	{ "find-again", do_find_again },
	{ "fork", do_fork },
	{ "halt", do_halt },
	{ "large", do_large },
	{ "lose", do_lose },
	{ "sigpipe", do_sigpipe },
	{ "spawn", do_spawn },
	{ "threads", do_threads },
	{ "tree", do_tree },
	{ "vfork", do_vfork },
};

int
main(int argc, char **argv)
{
	self = argv[0];
	CHECK(argc >= 2);
	CHECK(rumpclient_init() == 0);
	if (strcmp(argv[1], "after-exec") == 0) {
		CHECK(argc == 5);
		after_exec(argv + 2);
		return 0;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	fprintf(stderr, "no case %s\n", argv[1]);
	return 2;
}
