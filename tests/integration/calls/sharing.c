/* SPDX-License-Identifier: BSD-2-Clause */
/* What processes share: positions, locks, directories, mappings. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "calls.h"

static int there[2], back[2], fd, other;
static char buf[4096];

static void
populate(void)
{

	make("file", "0123456789abcdefghij");
	fd = open("file", O_RDWR);
	other = open("file", O_RDWR);
	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
}

/* One byte from one process to the other is a step of theirs. */
static void
tell(int *to)
{

	must(write(to[1], "x", 1) == 1, "tell");
}

static void
await(int *from)
{
	char x;

	must(read(from[0], &x, 1) == 1, "await");
}

/* Runs the function in a child, to its end. */
static void
in_child(const char *what, void (*function)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		function();
		_exit(7);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	note("%s: %s %d", what, WIFEXITED(status) ? "exit" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void
move(void)
{

	T(lseek(fd, 0, SEEK_CUR));
	T(read(fd, buf, 3));
	T(lseek(other, 9, SEEK_SET));
	T(fcntl(fd, F_SETFL, O_APPEND));
	T(fcntl(fd, F_SETFD, FD_CLOEXEC));
	T(umask(077));
	must(mkdir("dir", 0755) == 0 && chdir("dir") == 0, "dir");
	T(close(other));
}

static void
positions(void)
{

	populate();
	T(lseek(fd, 2, SEEK_SET));
	in_child("moves", move);
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(other, 0, SEEK_CUR));
	T(fcntl(fd, F_GETFL) & O_APPEND);
	T(fcntl(fd, F_GETFD));
	T(umask(022));
	T(access("dir", F_OK));
	T(write(fd, "END", 3));
	contents("file");
}

static void
look_at_locks(void)
{
	struct flock l = { .l_type = F_WRLCK };

	T(fcntl(fd, F_GETLK, &l));
	note("type %d %ld+%ld of the parent %d", l.l_type, (long)l.l_start,
	    (long)l.l_len, l.l_pid == getppid());
	T(fcntl(fd, F_SETLK, &l));
	l = (struct flock){ .l_type = F_WRLCK };
	T(fcntl(fd, F_OFD_SETLK, &l));
	T(flock(fd, LOCK_EX | LOCK_NB));
	T(flock(other, LOCK_EX | LOCK_NB));
	T(flock(open("file", O_RDONLY), LOCK_SH | LOCK_NB));
	l = (struct flock){ .l_type = F_RDLCK, .l_start = 15 };
	T(fcntl(fd, F_SETLK, &l));
	T(close(other));
}

static void
locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 3, .l_len = 4 };

	populate();
	T(fcntl(fd, F_SETLK, &l));
	T(flock(fd, LOCK_EX));
	in_child("looks", look_at_locks);
	l = (struct flock){ .l_type = F_WRLCK, .l_start = 10 };
	T(fcntl(fd, F_SETLK, &l));
	l = (struct flock){ .l_type = F_WRLCK };
	T(fcntl(fd, F_OFD_GETLK, &l));
	note("type %d %ld+%ld pid %d", l.l_type, (long)l.l_start, (long)l.l_len,
	    l.l_pid == getpid());
}

static long
lock_byte(int at, int cmd)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = at, .l_len = 1 };

	return (fcntl(fd, cmd, &l));
}

static void
second(void)
{

	T(lock_byte(1, F_SETLK));
	tell(back);
	await(there);
	T(lock_byte(0, F_SETLKW));
}

/* Each waits for what the other has: one of them is told. */
static void
deadlock(void)
{
	int status, error;
	pid_t pid;

	populate();
	T(lock_byte(0, F_SETLK));
	pid = fork();
	if (pid == 0) {
		freopen("/dev/null", "w", stdout);
		second();
		_exit(errno == EDEADLK);
	}
	await(back);
	tell(there);
	error = lock_byte(1, F_SETLKW) == 0 ? 0 : errno;
	close(fd);
	close(other);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	note("one of them: %d", (error == EDEADLK) + WEXITSTATUS(status));
}

static void
woken(int number)
{

	(void)number;
}

static void
wait_for_lock(void)
{
	struct flock l = { .l_type = F_WRLCK };

	tell(back);
	T(fcntl(fd, F_SETLKW, &l));
	T(lseek(fd, 0, SEEK_CUR));
}

/* A lock is waited for until its owner closes the file, or ends. */
static void
waiting(void)
{
	struct flock l = { .l_type = F_WRLCK };
	int status, how;
	pid_t pid;

	for (how = 0; how < 2; how++) {
		populate();
		pid = fork();
		if (pid == 0) {
			T(fcntl(fd, F_SETLK, &l));
			tell(back);
			await(there);
			if (how == 0)
				close(other);
			else
				_exit(0);
			pause();
		}
		await(back);
		T(fcntl(fd, F_SETLK, &l));
		tell(there);
		T(fcntl(fd, F_SETLKW, &l));
		kill(pid, SIGKILL);
		must(waitpid(pid, &status, 0) == pid, "waitpid");
	}
}

static void
interrupted(void)
{
	struct sigaction sa = { .sa_handler = woken };
	struct flock l = { .l_type = F_WRLCK };
	int status, i;
	pid_t pid;

	populate();
	T(fcntl(fd, F_SETLK, &l));
	T(flock(fd, LOCK_EX));
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0) {
			sigaction(SIGUSR1, &sa, NULL);
			if (i == 0) {
				wait_for_lock();
				_exit(0);
			}
			tell(back);
			T(flock(other, LOCK_EX));
			_exit(0);
		}
		await(back);
		while (waitpid(pid, &status, WNOHANG) == 0) {
			kill(pid, SIGUSR1);
			sched_yield();
		}
		note("status %d", status);
	}
}

static void
append(void)
{
	char line[32];
	int end, i;

	end = open("log", O_WRONLY | O_APPEND | O_CREAT, 0644);
	for (i = 0; i < 50; i++) {
		snprintf(line, sizeof(line), "%-15d\n", i);
		must(write(end, line, 16) == 16, "write");
	}
	close(end);
	_exit(0);
}

/* Nobody's record is lost or cut by another's. */
static void
appending(void)
{
	int i, status, whole = 0;
	struct stat st;
	char line[17];
	pid_t pid;

	populate();
	for (i = 0; i < 4; i++) {
		pid = fork();
		if (pid == 0)
			append();
	}
	while (wait(&status) > 0)
		T(status);
	must(stat("log", &st) == 0, "log");
	note("size %ld", (long)st.st_size);
	fd = open("log", O_RDONLY);
	while (read(fd, line, 16) == 16)
		whole += line[15] == '\n' && line[0] != '\n';
	note("lines %d", whole);
}

static char *shared, *private;

static void
store(void)
{

	shared[0] = 'S';
	private[0] = 'P';
	shared[4096] = 's';
	T(msync(shared, 4096, MS_SYNC));
	note("%c %c %c", shared[1], private[1], private[4096]);
	T(munmap(shared, 8192));
}

static void
mapped(void)
{

	populate();
	T(ftruncate(fd, 8192));
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	must(shared != MAP_FAILED && private != MAP_FAILED, "mmap");
	private[1] = 'q';
	in_child("stores", store);
	note("%c %c %c", shared[0], private[0], shared[4096]);
	T(pread(fd, buf, 2, 0));
	show("file", buf, 2);
}

static void
leave_a_file(void)
{

	fd = open("gone", O_RDWR | O_CREAT, 0600);
	must(write(fd, "gone", 4) == 4 && unlink("gone") == 0, "gone");
	T(dup2(fd, 30));
	in_child("reads it", move);
	_exit(0);
}

/* Through exec: what is open, where it stands, what is closed. */
static void
executed(void)
{
	static const char script[] =
	    "read -r a <&7; echo \"7: $a\"\n"
	    "read -r b <&8 || echo '8: at the end'\n"
	    "echo more >&9; (: <&10) 2>/dev/null || echo '10: closed'\n"
	    "ls /proc/self/fd/7 >/dev/null && umask && pwd | sed 's/.*\\///'\n"
	    "cd dir && exec 7<&- && read -r c < ../file && echo \"c $c\"\n";
	int status;
	pid_t pid;

	populate();
	must(mkdir("dir", 0755) == 0, "mkdir");
	make("lines", "one\ntwo\nthree\n");
	fd = open("lines", O_RDWR);
	T(lseek(fd, 4, SEEK_SET));
	T(dup2(fd, 7));
	T(lseek(other, 0, SEEK_END));
	T(dup2(other, 8));
	T(dup2(open("log", O_CREAT | O_WRONLY | O_APPEND, 0600), 9));
	T(dup3(other, 10, O_CLOEXEC));
	umask(027);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/bin/bash", "bash", "-c", script, (char *)NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	T(status);
	T(lseek(7, 0, SEEK_CUR));
	contents("log");
}

static void
limited(void)
{
	struct rlimit limit = { 10, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	limit.rlim_max = 10;
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
	T(pwrite(fd, "x", 1, 9));
	T(pwrite(fd, "x", 1, 10));
}

static void
ends(void)
{

	populate();
	in_child("leaves a file", leave_a_file);
	in_child("writes too much", limited);
	state("file");
}

static void
work_with_files(int given)
{
	int own = open("own", O_RDWR | O_CREAT, 0644);

	T(write(given, "given", 5));
	T(write(own, "own", 3));
	T(pread(own, buf, 3, 0));
	T(fstat(own, &(struct stat){ 0 }));
	T(close(own));
	T(write(own, "own", 3));
	T(close(given));
	_exit(0);
}

/* With its parent's memory, but descriptors of its own. */
static int
bear(void *unused)
{
	int given = open("given", O_RDWR | O_CREAT, 0644);
	pid_t pid = fork();

	if (pid == 0)
		work_with_files(given);
	_exit(waitpid(pid, NULL, 0) == pid ? 0 : 1);
}

static void
grandchild(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	populate();
	pid = clone(bear, stack + sizeof(stack),
	    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	must(pid > 0 && waitpid(pid, &status, 0) == pid, "clone");
	note("status %d", status);
	contents("given");
	contents("own");
	T(read(fd, buf, 3));
}

const struct section sharing_sections[] = {
	{ "sharing-positions", positions },
	{ "sharing-locks", locks },
	{ "sharing-deadlock", deadlock },
	{ "sharing-waiting", waiting },
	{ "sharing-interrupted", interrupted },
	{ "sharing-appending", appending },
	{ "sharing-mappings", mapped },
	{ "sharing-exec", executed },
	{ "sharing-ends", ends },
	{ "sharing-grandchild", grandchild },
	{ NULL, NULL },
};
