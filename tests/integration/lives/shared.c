/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes with one table of descriptors and memory of their own: clone(2) with
 * CLONE_FILES and without CLONE_VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

#define NUMBER 60
#define KILLS 60
#define ROUNDS 200
#define NTHREADS 3

static pid_t
sharer(void)
{
	pid_t pid =
	    (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	NEED(pid >= 0);
	return pid;
}

/* What is at the number now, wherever it is opened. */
static void
say_number(const char *what, int fd)
{
	char buf[32] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	SAY("%s: %s, flags %d", what, n < 0 ? strerror(errno) : buf,
	    fcntl(fd, F_GETFD));
}

static void
open_as(const char *name, int number, int flags)
{
	int fd = open(name, O_RDWR);

	NEED(fd >= 0 && dup3(fd, number, flags) == number && close(fd) == 0);
}

/* Each sees what the other does, again and again. */
static void
shared_both_ways(void)
{
	struct turns t;
	pid_t pid;

	put_file("a", "aaa");
	put_file("b", "bbb");
	turns_init(&t);
	open_as("a", NUMBER, 0);
	pid = sharer();
	if (pid == 0) {
		say_number("child, inherited", NUMBER);
		open_as("b", NUMBER, O_CLOEXEC);
		NEED(lseek(NUMBER, 2, SEEK_SET) == 2);
		turns_give(&t, 1);
		turns_take(&t, 1);
		say_number("child, closed there", NUMBER);
		say_number("child, opened there", NUMBER + 1);
		NEED(dup2(NUMBER + 1, NUMBER) == NUMBER);
		NEED(close(NUMBER + 1) == 0);
		turns_give(&t, 1);
		turns_take(&t, 1);
		say_number("child, the host's", NUMBER);
		_exit(0);
	}
	turns_take(&t, 0);
	say_number("parent, replaced there", NUMBER);
	SAY("at %d", (int)lseek(NUMBER, 0, SEEK_CUR));
	NEED(close(NUMBER) == 0);
	open_as("a", NUMBER + 1, 0);
	turns_give(&t, 0);
	turns_take(&t, 0);
	say_number("parent, moved there", NUMBER);
	say_number("parent, closed there", NUMBER + 1);
	NEED(dup2(t.t_pipe[0][0], NUMBER) == NUMBER);
	turns_give(&t, 0);
	say_end("child", pid);
	/* The table is as the child has left it. */
	open_as("b", NUMBER, 0);
	say_number("parent", NUMBER);
}

/* O_PATH of a link, which is a name in a directory. */
static void
shared_name(void)
{
	char buf[8] = "";
	pid_t pid;
	int fd;

	put_file("a", "aaa");
	NEED(symlink("a", "link") == 0);
	fd = open("link", O_PATH | O_NOFOLLOW);
	NEED(fd >= 0);
	pid = sharer();
	if (pid == 0) {
		SAY("child %d", (int)readlinkat(fd, "", buf, sizeof(buf)));
		NEED(close(fd) == 0);
		for (int i = 0; i < 8; i++)
			NEED(open("a", O_RDONLY) >= 0);
		_exit(0);
	}
	say_end("child", pid);
	for (int i = 0; i < 8; i++)
		say_number("parent", fd + i);
}

/* A child ends, and nothing that it had. */
static void
shared_end(void)
{
	pid_t pid;

	put_file("a", "aaa");
	pid = sharer();
	if (pid == 0) {
		open_as("a", NUMBER, 0);
		_exit(0);
	}
	say_end("child", pid);
	say_number("parent", NUMBER);
	NEED(close(NUMBER) == 0);
	say_number("parent", NUMBER);
	pid = sharer();
	if (pid == 0) {
		open_as("a", NUMBER, 0);
		kill(getpid(), SIGKILL);
	}
	say_end("child", pid);
	NEED(write(NUMBER, "x", 1) == 1);
	say_number("parent", NUMBER);
}

/* What is executed has a copy. */
static void
shared_exec(void)
{
	char *argv[] = { self, "--act", "text", "60", "61", "62", NULL };
	int fds[2];
	pid_t pid;
	char c;

	put_file("a", "aaa");
	put_file("b", "bbb");
	open_as("a", NUMBER, 0);
	open_as("b", NUMBER + 1, O_CLOEXEC);
	NEED(pipe(fds) == 0);
	pid = sharer();
	if (pid == 0) {
		NEED(dup2(fds[0], 0) == 0 && close(fds[1]) == 0);
		execv("nowhere", argv);
		NEED(fcntl(NUMBER, F_SETFD, 0) == 0);
		execv(self, argv);
		_exit(1);
	}
	say_end("child", pid);
	say_number("parent", NUMBER);
	say_number("parent", NUMBER + 1);
	NEED(read(fds[0], &c, 1) <= 0 || c != 0);
	open_as("b", NUMBER, 0);
	say_number("parent", NUMBER);
}

static void *
idle(void *arg)
{
	return NULL;
}

/* One that has had threads executes something, or takes a table of its own. */
static void
shared_after_threads(void)
{
	char *argv[] = { self, "--act", "text", "60", NULL };
	pthread_t thread;
	pid_t pid;

	put_file("a", "aaa");
	put_file("b", "bbb");
	open_as("a", NUMBER, 0);
	for (int i = 0; i < 2; i++) {
		pid = sharer();
		if (pid == 0) {
			NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
			NEED(pthread_join(thread, NULL) == 0);
			if (i == 0)
				execv(self, argv);
			NEED(unshare(CLONE_FILES) == 0);
			open_as("b", NUMBER, 0);
			say_number("child", NUMBER);
			_exit(0);
		}
		say_end("child", pid);
		say_number("parent", NUMBER);
	}
}

/* A program that goes on while its parent closes all. */
static void
shared_exec_goes_on(void)
{
	char *argv[] = { self, "--act", "cat", NULL };
	int in[2], save;
	pid_t pid;

	put_file("a", "aaa");
	for (int i = 0; i < 20; i++) {
		NEED(pipe2(in, O_CLOEXEC) == 0);
		open_as("a", NUMBER, 0);
		save = dup(0);
		NEED(dup2(in[0], 0) == 0);
		pid = sharer();
		if (pid == 0) {
			execv(self, argv);
			_exit(1);
		}
		NEED(write(in[1], "text", 4) == 4);
		NEED(close(in[1]) == 0);
		say_end("cat", pid);
		NEED(dup2(save, 0) == 0 && close(save) == 0);
		NEED(close(in[0]) == 0 && close(NUMBER) == 0);
	}
}

/* unshare(2) and close_range(2): from then on each has its own. */
static void
shared_no_more(void)
{
	struct turns t;
	pid_t pid;

	put_file("a", "aaa");
	put_file("b", "bbb");
	for (int i = 0; i < 2; i++) {
		turns_init(&t);
		open_as("a", NUMBER, 0);
		pid = sharer();
		if (pid == 0) {
			if (i == 0)
				NEED(unshare(CLONE_FILES) == 0);
			else
				NEED(close_range(
					 100, 200, CLOSE_RANGE_UNSHARE) == 0);
			open_as("b", NUMBER, 0);
			turns_give(&t, 1);
			turns_take(&t, 1);
			say_number("child", NUMBER);
			_exit(0);
		}
		turns_take(&t, 0);
		say_number("parent", NUMBER);
		NEED(close(NUMBER) == 0);
		turns_give(&t, 0);
		say_end("child", pid);
		say_number("parent", NUMBER);
	}
}

/* One has left: what its parent makes then has all of its own. */
static void
shared_no_more_then_fork(void)
{
	pid_t pid;

	put_file("a", "aaa");
	for (int i = 0; i < 3; i++) {
		open_as("a", NUMBER, 0);
		pid = sharer();
		if (pid == 0) {
			NEED(unshare(CLONE_FILES) == 0);
			_exit(0);
		}
		say_end("sharer", pid);
		say_number("parent", NUMBER);
		pid = fork();
		if (pid == 0) {
			open_as("a", NUMBER + 1, 0);
			say_number("child", NUMBER + 1);
			_exit(0);
		}
		say_end("child", pid);
	}
}

/* The other one leaves. */
static void
shared_parent_leaves(void)
{
	struct turns t;
	pid_t pid;

	put_file("a", "aaa");
	put_file("b", "bbb");
	turns_init(&t);
	open_as("a", NUMBER, 0);
	pid = sharer();
	if (pid == 0) {
		turns_take(&t, 1);
		say_number("child", NUMBER);
		open_as("b", NUMBER, 0);
		turns_give(&t, 1);
		turns_take(&t, 1);
		say_number("child", NUMBER);
		_exit(0);
	}
	NEED(unshare(CLONE_FILES) == 0);
	turns_give(&t, 0);
	turns_take(&t, 0);
	say_number("parent", NUMBER);
	NEED(close(NUMBER) == 0);
	turns_give(&t, 0);
	say_end("child", pid);
}

/* A child of one that shares has a copy. */
static void
shared_fork(void)
{
	pid_t pid, grandchild;

	put_file("a", "aaa");
	put_file("b", "bbb");
	open_as("a", NUMBER, 0);
	pid = sharer();
	if (pid == 0) {
		open_as("b", NUMBER + 1, 0);
		grandchild = fork();
		if (grandchild == 0) {
			say_number("grandchild", NUMBER);
			say_number("grandchild", NUMBER + 1);
			open_as("b", NUMBER, 0);
			NEED(close(NUMBER + 1) == 0);
			say_number("grandchild", NUMBER);
			_exit(0);
		}
		say_end("grandchild", grandchild);
		grandchild = vfork();
		if (grandchild == 0) {
			(void)close(NUMBER);
			_exit(0);
		}
		say_end("vfork child", grandchild);
		_exit(0);
	}
	say_end("child", pid);
	say_number("parent", NUMBER);
	say_number("parent", NUMBER + 1);
}

/* Three generations, all of them with one table. */
static void
shared_by_three(void)
{
	pid_t pid, grandchild;

	put_file("a", "aaa");
	pid = sharer();
	if (pid == 0) {
		grandchild = sharer();
		if (grandchild == 0) {
			open_as("a", NUMBER, 0);
			_exit(0);
		}
		say_end("grandchild", grandchild);
		say_number("child", NUMBER);
		NEED(dup2(NUMBER, NUMBER + 1) >= 0 && close(NUMBER) == 0);
		_exit(0);
	}
	say_end("child", pid);
	say_number("parent", NUMBER);
	say_number("parent", NUMBER + 1);
}

static void
disturb(int ready)
{
	NEED(write(ready, "", 1) == 1);
	for (;;) {
		int fd = open("a", O_RDWR);

		(void)dup2(fd, NUMBER);
		(void)dup2(fd, NUMBER + 1);
		close(fd);
		close(NUMBER);
		close(NUMBER + 1);
	}
}

/* Children that are killed in the midst of changes keep nobody waiting, and
 * leave a table that works. */
static void
shared_killed(void)
{
	int ready[2], n = 0;
	char c;

	put_file("a", "aaa");
	put_file("b", "bbb");
	NEED(pipe2(ready, O_CLOEXEC) == 0);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = sharer();

		if (pid == 0)
			disturb(ready[1]);
		NEED(read(ready[0], &c, 1) == 1);
		for (int j = 0; j < i % 7; j++) {
			int fd = open("b", O_RDONLY);

			NEED(fd >= 0 && pread(fd, &c, 1, 0) == 1 && c == 'b');
			NEED(close(fd) == 0);
		}
		NEED(kill(pid, SIGKILL) == 0);
		NEED(waitpid(pid, NULL, 0) == pid);
		close_range(NUMBER, NUMBER + 1, 0);
		open_as("b", NUMBER, 0);
		NEED(pread(NUMBER, &c, 1, 0) == 1 && c == 'b');
		n++;
	}
	SAY("%d", n);
}

/* Numbers in files: what is opened is what is read, whoever does it. */
static void *
work(void *arg)
{
	char name[16], buf[16];
	int fd;

	snprintf(name, sizeof(name), "f%d", *(int *)arg);
	for (int i = 0; i < ROUNDS; i++) {
		fd = open(name, O_RDONLY);
		NEED(fd >= 0);
		NEED(pread(fd, buf, sizeof(buf), 0) == (ssize_t)strlen(name));
		NEED(memcmp(buf, name, strlen(name)) == 0);
		NEED(close(fd) == 0);
	}
	return NULL;
}

static void
work_in_threads(int first)
{
	pthread_t threads[NTHREADS];
	int ids[NTHREADS];

	for (int i = 0; i < NTHREADS; i++) {
		ids[i] = first + i;
		NEED(pthread_create(&threads[i], NULL, work, &ids[i]) == 0);
	}
	for (int i = 0; i < NTHREADS; i++)
		NEED(pthread_join(threads[i], NULL) == 0);
}

static void
shared_by_threads(void)
{
	char name[16];
	pid_t pid;

	for (int i = 0; i < 2 * NTHREADS; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put_file(name, name);
	}
	pid = sharer();
	work_in_threads(pid == 0 ? 0 : NTHREADS);
	if (pid == 0)
		_exit(0);
	say_end("child", pid);
}

/* A set of the one's with a member of the other's. */
static void
shared_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = 7 };
	int set = epoll_create1(EPOLL_CLOEXEC), fds[2], file;
	pid_t pid;

	put_file("a", "aaa");
	pid = sharer();
	if (pid == 0) {
		NEED(pipe(fds) == 0 && dup2(fds[0], NUMBER) == NUMBER);
		NEED(epoll_ctl(set, EPOLL_CTL_ADD, NUMBER, &ev) == 0);
		NEED(write(fds[1], "x", 1) == 1);
		file = open("a", O_RDONLY);
		NEED(dup2(file, NUMBER + 1) == NUMBER + 1);
		_exit(0);
	}
	say_end("child", pid);
	ev.data.fd = 0;
	SAY("ready %d, %d", epoll_wait(set, &ev, 1, 0), ev.data.fd);
	SAY("file %d",
	    epoll_ctl(set, EPOLL_CTL_ADD, NUMBER + 1, &ev) < 0 ? errno : 0);
	SAY("end %d", epoll_ctl(set, EPOLL_CTL_DEL, NUMBER, &ev));
}

const struct life shared_lives[] = {
	{ "shared_both_ways", shared_both_ways },
	{ "shared_name", shared_name },
	{ "shared_end", shared_end },
	{ "shared_exec", shared_exec },
	{ "shared_after_threads", shared_after_threads },
	{ "shared_exec_goes_on", shared_exec_goes_on },
	{ "shared_no_more", shared_no_more },
	{ "shared_no_more_then_fork", shared_no_more_then_fork },
	{ "shared_parent_leaves", shared_parent_leaves },
	{ "shared_fork", shared_fork },
	{ "shared_by_three", shared_by_three },
	{ "shared_killed", shared_killed },
	{ "shared_by_threads", shared_by_threads },
	{ "shared_epoll", shared_epoll },
	{ NULL, NULL },
};
