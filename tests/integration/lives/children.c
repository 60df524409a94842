/* SPDX-License-Identifier: BSD-2-Clause */
/* fork, vfork, posix_spawn: who has which descriptors, directory, mask. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

static void
offset_is_shared(void)
{
	char buf[4] = "";
	pid_t pid;
	int fd;

	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	NEED(fd >= 0 && read(fd, buf, 3) == 3);
	pid = fork();
	if (pid == 0) {
		NEED(read(fd, buf, 3) == 3);
		SAY("child: %s", buf);
		NEED(close(fd) == 0);
		_exit(0);
	}
	say_end("child", pid);
	NEED(read(fd, buf, 3) == 3);
	SAY("parent: %s", buf);
}

static void
child_has_its_own(void)
{
	char cwd[256];
	pid_t pid;
	int fd, fd2;

	put_file("f", "f");
	NEED(mkdir("d", 0755) == 0);
	put_file("d/f", "d/f");
	fd = open("f", O_RDONLY);
	umask(022);
	pid = fork();
	if (pid == 0) {
		NEED(chdir("d") == 0 && close(fd) == 0);
		fd2 = open("f", O_RDONLY);
		SAY("same number: %d", fd2 == fd);
		say_text("child", fd2);
		umask(077);
		put_file("g", "");
		_exit(0);
	}
	say_end("child", pid);
	say_text("parent", fd);
	NEED(getcwd(cwd, sizeof(cwd)) != NULL);
	SAY("in d: %d", strstr(cwd, "/d") == cwd + strlen(cwd) - 2);
	put_file("h", "");
	for (int i = 0; i < 2; i++) {
		struct stat st;

		NEED(stat(i == 0 ? "d/g" : "h", &st) == 0);
		SAY("mode %o", st.st_mode & 0777);
	}
}

static void
vfork_child_changes_nothing(void)
{
	int fd, fd2, status;
	pid_t pid;

	put_file("f", "one");
	put_file("g", "two");
	NEED(mkdir("d", 0755) == 0);
	fd = open("f", O_RDONLY);
	fd2 = open("g", O_RDONLY | O_CLOEXEC);
	pid = vfork();
	if (pid == 0) {
		if (dup2(fd2, fd) != fd || close(fd2) != 0 || chdir("d") != 0 ||
		    dup2(fd, 0) != 0 || open("x", O_CREAT | O_RDWR, 0600) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			_exit(1);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	SAY("status %d", status);
	say_text("fd", fd);
	say_text("fd2", fd2);
	SAY("flags %d %d", fcntl(fd, F_GETFD), fcntl(fd2, F_GETFD));
	SAY("here: %d, there: %d", access("x", F_OK) == 0,
	    access("d/x", F_OK) == 0);
	SAY("next %d", open("f", O_RDONLY) - fd2);
}

static int
run(posix_spawn_file_actions_t *fa, char *const argv[])
{
	pid_t pid;
	int error = posix_spawn(&pid, self, fa, NULL, argv, environ);

	if (error != 0) {
		SAY("posix_spawn: error %d", error);
		return -1;
	}
	say_end(argv[2], pid);
	return 0;
}

static void
spawn_actions(void)
{
	char *cat[] = { self, "--act", "cat", NULL };
	char *list[] = { self, "--act", "fds", NULL };
	char *pwd[] = { self, "--act", "where", NULL };
	posix_spawn_file_actions_t fa;
	int fd, hole;

	put_file("in", "in put");
	NEED(mkdir("d", 0755) == 0);
	put_file("d/f", "deeper");
	fd = open("in", O_RDONLY | O_CLOEXEC);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd, 0);
	posix_spawn_file_actions_addopen(
	    &fa, 1, "out", O_WRONLY | O_CREAT, 0644);
	run(&fa, cat);
	say_file("out");
	posix_spawn_file_actions_addopen(&fa, 0, "nowhere", O_RDONLY, 0);
	run(&fa, cat);
	posix_spawn_file_actions_destroy(&fa);

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, "d");
	posix_spawn_file_actions_addopen(&fa, 7, "f", O_RDONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&fa, 9);
	run(&fa, pwd);
	run(&fa, list);
	posix_spawn_file_actions_destroy(&fa);
	hole = dup(fd);
	close(hole);
	SAY("next free %d", hole - fd);
	say_text("still", fd);
}

static void *
spawn_many(void *arg)
{
	char *argv[] = { self, "--act", "append", arg, NULL };
	intptr_t bad = 0;
	int status;
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		if (posix_spawn(&pid, self, NULL, NULL, argv, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid || status != 0)
			bad++;
	}
	return (void *)bad;
}

static void
threads_spawn(void)
{
	static char name[4][8] = { "t0", "t1", "t2", "t3" };
	pthread_t t[4];
	struct stat st;
	void *bad;

	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&t[i], NULL, spawn_many, name[i]) == 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		NEED(stat(name[i], &st) == 0);
		SAY("%s: %d bad, %d bytes", name[i], (int)(intptr_t)bad,
		    (int)st.st_size);
	}
}

static int
in_vfork_child(void)
{
	posix_spawn_file_actions_t fa;
	char *cat[] = { self, "--act", "cat", NULL };
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(write(3, "inner ", 6) == 6 && close(3) == 0 ? 3 : 4);
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
		return 1;
	if (write(3, "outer ", 6) != 6 || chdir("d") != 0)
		return 2;
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0)
		_exit(open("made", O_CREAT | O_RDWR, 0600) >= 0 &&
			      write(3, "forked ", 7) == 7
			  ? 5
			  : 6);
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 5)
		return 3;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "../in", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, 3, 1);
	if (posix_spawn(&pid, self, &fa, NULL, cat, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		return 4;
	return 0;
}

static void
nested(void)
{
	pid_t pid;

	NEED(mkdir("d", 0755) == 0);
	put_file("in", "in put");
	NEED(open("log", O_CREAT | O_RDWR | O_APPEND, 0600) == 3);
	pid = vfork();
	if (pid == 0)
		_exit(in_vfork_child());
	say_end("child", pid);
	say_file("log");
	SAY("made: %d %d", access("made", F_OK), access("d/made", F_OK));
	SAY("open: %d", is_open(3));
}

/* --- beside threads that are in calls ------------------------------------ */

static atomic_bool stop;

static void *
use_files(void *arg)
{
	char buf[64];
	int fd;

	while (!stop) {
		fd = open(arg, O_RDWR | O_CREAT, 0600);
		NEED(fd >= 0 && write(fd, "some text", 9) == 9);
		NEED(pread(fd, buf, 9, 0) == 9);
		NEED(close(fd) == 0);
	}
	return NULL;
}

static void
fork_beside_threads(void)
{
	static char name[3][8] = { "a", "b", "c" };
	pthread_t t[3];
	int fd, good = 0;
	char buf[8];

	put_file("f", "content");
	fd = open("f", O_RDONLY);
	for (int i = 0; i < 3; i++)
		NEED(pthread_create(&t[i], NULL, use_files, name[i]) == 0);
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		int status, fd2;

		if (pid == 0) {
			fd2 = open("f", O_RDONLY);
			_exit(pread(fd, buf, 7, 0) == 7 &&
				      memcmp(buf, "content", 7) == 0 &&
				      read(fd2, buf, 7) == 7 &&
				      close(fd) == 0 && close(fd2) == 0
				  ? 0
				  : 1);
		}
		NEED(waitpid(pid, &status, 0) == pid);
		good += status == 0;
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	SAY("good: %d", good);
}

/* --- locks --------------------------------------------------------------- */

static int
try_lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };

	return fcntl(fd, F_SETLK, &fl) == 0 ? 0 : errno;
}

static void
locks(void)
{
	struct turns t;
	int fd, fd2;
	pid_t pid;

	put_file("f", "x");
	fd = open("f", O_RDWR);
	fd2 = open("f", O_RDWR);
	turns_init(&t);
	SAY("parent: %d", try_lock(fd, F_WRLCK));
	NEED(flock(fd2, LOCK_EX) == 0);
	pid = fork();
	if (pid == 0) {
		SAY("child: %d", try_lock(fd, F_WRLCK));
		/* Of the description, which is shared. */
		SAY("flock: %d", flock(fd2, LOCK_EX | LOCK_NB));
		SAY("other flock: %d %d", flock(fd, LOCK_EX | LOCK_NB), errno);
		turns_give(&t, 1);
		turns_take(&t, 1);
		SAY("child again: %d", try_lock(fd, F_WRLCK));
		turns_give(&t, 1);
		turns_take(&t, 1);
		_exit(0);
	}
	turns_take(&t, 0);
	SAY("parent unlocks: %d", try_lock(fd, F_UNLCK));
	turns_give(&t, 0);
	turns_take(&t, 0);
	SAY("parent: %d", try_lock(fd, F_WRLCK));
	turns_give(&t, 0);
	say_end("child", pid);
	SAY("parent: %d", try_lock(fd, F_WRLCK));
}

/* --- numbers ------------------------------------------------------------- */

static void
numbers(void)
{
	char text[3];
	int fd, high;

	put_file("f", "0123456789");
	fd = open("f", O_RDONLY);
	high = fcntl(fd, F_DUPFD_CLOEXEC, 700);
	SAY("%d %d", high, fcntl(high, F_GETFD));
	SAY("dup2 %d", dup2(high, 0));
	NEED(read(0, text, 2) == 2 && read(fd, text, 2) == 2);
	SAY("then %.2s", text);
	SAY("dup3 %d %d", dup3(0, 0, 0), errno);
	SAY("close_range %d", close_range(fd, 600, CLOSE_RANGE_CLOEXEC));
	SAY("flags %d %d", fcntl(fd, F_GETFD), fcntl(0, F_GETFD));
	SAY("close_range %d", close_range(fd, ~0U, CLOSE_RANGE_UNSHARE));
	SAY("open %d %d %d", is_open(0), is_open(fd), is_open(high));
	SAY("next %d", open("f", O_RDONLY));
	SAY("too high %d %d", dup2(0, 100000000), errno);
}

static void
by_name_of_number(void)
{
	static const char *const names[] = { "/dev/stdin", "/proc/self/fd/0",
		"/dev/fd/0", "/proc/thread-self/fd/0" };
	char buf[3] = "";
	int fd;

	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	NEED(dup2(fd, 0) == 0 && read(0, buf, 2) == 2);
	for (int i = 0; i < 4; i++) {
		int again = open(names[i], O_RDONLY);

		/* Another description. */
		SAY("%s: %zd %s", names[i], read(again, buf, 2), buf);
		close(again);
	}
	NEED(read(0, buf, 2) == 2);
	SAY("first: %s", buf);
	NEED(unlink("f") == 0);
	fd = open("/proc/self/fd/0", O_RDONLY);
	NEED(lseek(0, 8, SEEK_SET) == 8);
	say_text("unlinked", 0);
}

/* What it asks of the host alone works, as for any process. */
static int
share(void *arg)
{
	bool *done = arg;
	long fd;
	void *p;

	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	done[0] = p != MAP_FAILED && mprotect(p, 4096, PROT_READ) == 0 &&
		  munmap(p, 8192) == 0;
	fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	done[1] = fd >= 0 && close((int)fd) == 0;
	done[2] = access("/dev/null", R_OK) == 0;
	return 0;
}

/* Who shares descriptors without being a thread, or memory while its parent
 * goes on, must at least not do any harm. */
static void
other_clones(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	bool done[3] = { false };
	int fd, status, pidfd = -1;
	pid_t pid;

	put_file("f", "content");
	fd = open("f", O_RDONLY);
	pid = clone(share, stack + sizeof(stack), CLONE_VM | SIGCHLD, done);
	say_end("shares memory", pid);
	SAY("done: %d %d %d", done[0], done[1], done[2]);
	pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid == 0) {
		say_text("with pidfd", fd);
		_exit(7);
	}
	say_end("with pidfd", pid);
	SAY("pidfd %d", pidfd >= 0);
	pid = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		NEED(close(fd) == 0);
		_exit(8);
	}
	say_end("alone", pid);
	pid = fork();
	if (pid == 0) {
		/* A child of our parent. */
		pid = (pid_t)syscall(
		    SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			NEED(lseek(fd, 3, SEEK_SET) == 3);
			_exit(9);
		}
		_exit(waitpid(pid, NULL, 0) < 0 ? 10 : 11);
	}
	say_end("sibling's maker", pid);
	NEED(wait(&status) > 0);
	SAY("sibling: %d", WEXITSTATUS(status));
	say_text("parent", fd);
}

/* What a child that shares descriptors and memory does to both. */
static int
change_descriptors(void *arg)
{
	int *fds = arg;

	fds[1] = open("made", O_RDWR | O_CREAT | O_TRUNC, 0600);
	NEED(write(fds[1], "by the child", 12) == 12);
	NEED(lseek(fds[0], 3, SEEK_SET) == 3);
	fds[2] = dup2(fds[0], 40);
	NEED(close(fds[0]) == 0);
	NEED(mkdir("below", 0700) == 0 && chdir("below") == 0);
	put_file("in", "x");
	_exit(3);
}

static int
change_and_execute(void *arg)
{
	int *fds = arg;
	char *argv[] = { self, "--act", "fds", NULL };

	NEED(dup2(fds[1], 41) == 41);
	NEED(fcntl(fds[1], F_SETFD, FD_CLOEXEC) == 0);
	NEED(execv("nowhere", argv) < 0);
	execv(self, argv);
	_exit(127);
}

static void
shared_until_exec(void)
{
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
	static char stack[262144] __attribute__((aligned(16)));
	char *top = stack + sizeof(stack);
	int fds[3] = { -1, -1, -1 };
	pid_t pid;

	put_file("f", "content");
	fds[0] = open("f", O_RDONLY);
	pid = clone(change_descriptors, top, flags, fds);
	say_end("changes", pid);
	SAY("old %d, new %d, copy %d", is_open(fds[0]), is_open(fds[1]),
	    is_open(40));
	say_text("copy", 40);
	NEED(lseek(fds[1], 0, SEEK_SET) == 0);
	say_text("made", fds[1]);
	SAY("below %d %d", access("below/in", F_OK), access("in", F_OK));
	pid = clone(change_and_execute, top, flags, fds);
	say_end("executes", pid);
	SAY("kept %d %d %d", is_open(40), is_open(41), is_open(fds[1]));
	SAY("flags %d %d", fcntl(fds[1], F_GETFD), fcntl(41, F_GETFD));
	pid = fork();
	if (pid == 0)
		_exit(is_open(40) + 2 * is_open(41));
	say_end("forked", pid);
	NEED(close(41) == 0);
	SAY("file %d", unlink("made"));
}

const struct life children_lives[] = {
	{ "offset_is_shared", offset_is_shared },
	{ "child_has_its_own", child_has_its_own },
	{ "vfork_child_changes_nothing", vfork_child_changes_nothing },
	{ "spawn_actions", spawn_actions },
	{ "threads_spawn", threads_spawn },
	{ "nested", nested },
	{ "fork_beside_threads", fork_beside_threads },
	{ "locks", locks },
	{ "numbers", numbers },
	{ "by_name_of_number", by_name_of_number },
	{ "other_clones", other_clones },
	{ "shared_until_exec", shared_until_exec },
	{ NULL, NULL },
};
