/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone(2) and clone3(2) with all the flags that a program may pass: what the
 * child does to files, directory and mask is seen by its parent where they share
 * it, and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

#define STACK_SIZE (256 * 1024)
#define STATUS 7
#define OPENED 50   /* a number that the child opens */
#define REPLACED 51 /* ... that it replaces */

/* The flags that are tried in every combination, and the words for them. */
static const struct {
	uint64_t flag;
	const char *word;
} optional[] = {
	{ CLONE_FS, "fs" },
	{ CLONE_FILES, "files" },
	{ CLONE_PIDFD, "pidfd" },
	{ CLONE_CHILD_SETTID | CLONE_PARENT_SETTID, "settid" },
	{ CLONE_CHILD_CLEARTID, "cleartid" },
	{ CLONE_CLEAR_SIGHAND, "clearsighand" },
};
#define NOPTIONAL (sizeof(optional) / sizeof(optional[0]))

/* Shared by parent and child, whatever they share. */
struct both {
	int bo_child_tid;
	int bo_parent_tid;
	int bo_caught; /* signals that a handler has seen */
	int bo_wrong;  /* the child's line of what went wrong */
	uint64_t bo_flags;
};

static struct both *both;
static int inherited[3]; /* read from; closed; replaced by the child */
static char stack[STACK_SIZE] __attribute__((aligned(64)));

static void
caught(int number)
{
	both->bo_caught++;
}

/* In the child, which may be a vfork child. */
#define CHILD(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			both->bo_wrong = __LINE__;                             \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static int
child(void *arg)
{
	char buf[4];
	int fd;

	CHILD(read(inherited[0], buf, 3) == 3 && memcmp(buf, "abc", 3) == 0);
	CHILD(close(inherited[1]) == 0);
	fd = open("made", O_RDWR | O_CREAT | O_EXCL, 0666);
	CHILD(fd >= 0 && write(fd, "child", 5) == 5);
	CHILD(dup2(fd, OPENED) == OPENED && close(fd) == 0);
	CHILD(dup3(inherited[0], REPLACED, O_CLOEXEC) == REPLACED);
	CHILD(pread(REPLACED, buf, 3, 0) == 3 && memcmp(buf, "abc", 3) == 0);
	CHILD(chdir("d") == 0);
	(void)umask(011);
	_exit(STATUS);
}

static void
say_number(const char *what, int fd)
{
	char buf[16] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	SAY("  %s: %s, flags %d", what, n < 0 ? strerror(errno) : buf,
	    fcntl(fd, F_GETFD));
}

/* What the parent finds afterwards. */
static void
say_state(uint64_t flags, int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	char buf[256];
	mode_t mask = umask(022);

	say_number("opened", OPENED);
	say_number("replaced", REPLACED);
	say_number("closed", inherited[1]);
	SAY("  offset %d", (int)lseek(inherited[0], 0, SEEK_CUR));
	NEED(getcwd(buf, sizeof(buf)) != NULL);
	SAY("  in d: %d, mask %o", strcmp(strrchr(buf, '/'), "/d") == 0,
	    (unsigned)mask);
	if ((flags & CLONE_PIDFD) != 0)
		SAY("  pidfd: %d, flags %d", poll(&pfd, 1, 0),
		    fcntl(pidfd, F_GETFD));
	SAY("  tids %d %d, wrong %d", both->bo_parent_tid != 0,
	    both->bo_child_tid != 0, both->bo_wrong);
}

static long
raw_clone(uint64_t flags, int *pidfd)
{
	int *parent_tid =
	    (flags & CLONE_PIDFD) != 0 ? pidfd : &both->bo_parent_tid;

	return syscall(
	    SYS_clone, flags | SIGCHLD, 0, parent_tid, &both->bo_child_tid, 0);
}

static long
raw_clone3(uint64_t flags, int *pidfd)
{
	struct clone_args ca = {
		.flags = flags,
		.pidfd = (uintptr_t)pidfd,
		.parent_tid = (uintptr_t)&both->bo_parent_tid,
		.child_tid = (uintptr_t)&both->bo_child_tid,
		.exit_signal = SIGCHLD,
	};

	return syscall(SYS_clone3, &ca, sizeof(ca));
}

/* A child that shares memory needs a stack, and a function. */
static long
make(uint64_t flags, bool three, int *pidfd)
{
	long pid;

	if ((flags & CLONE_VM) != 0)
		return clone(child, stack + sizeof(stack), (int)flags | SIGCHLD,
		    NULL,
		    (flags & CLONE_PIDFD) != 0 ? pidfd : &both->bo_parent_tid,
		    NULL, &both->bo_child_tid);
	pid = three ? raw_clone3(flags, pidfd) : raw_clone(flags, pidfd);
	if (pid == 0)
		child(NULL);
	return pid;
}

static void
prepare(void)
{
	put_file("f", "abcdef");
	put_file("g", "ghi");
	NEED(mkdir("d", 0777) == 0);
	memset(both, 0, sizeof(*both));
	inherited[0] = open("f", O_RDONLY);
	inherited[1] = open("g", O_RDONLY);
	inherited[2] = open("g", O_RDONLY);
	NEED(inherited[2] >= 0 && dup2(inherited[2], REPLACED) == REPLACED);
	umask(022);
}

static void
tidy(int home)
{
	NEED(fchdir(home) == 0);
	(void)close_range(home + 1, ~0U, 0);
	NEED(unlink("made") == 0 || errno == ENOENT);
	NEED(unlink("f") == 0 && unlink("g") == 0 && rmdir("d") == 0);
}

static void
attempt(uint64_t flags, bool three, const char *words)
{
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), pidfd = -1;
	long pid;

	prepare();
	both->bo_flags = flags;
	SAY("%s%s:", three ? "clone3" : "clone", words);
	pid = make(flags, three, &pidfd);
	if (pid < 0)
		SAY("  %s", strerror(errno));
	else
		say_end(" ", (pid_t)pid);
	say_state(flags, pidfd);
	tidy(home);
	close(home);
}

static void
try_all(uint64_t base, bool three)
{
	for (unsigned set = 0; set < 1U << NOPTIONAL; set++) {
		uint64_t flags = base;
		char words[128] = "";

		for (size_t i = 0; i < NOPTIONAL; i++) {
			if ((set >> i & 1) == 0)
				continue;
			flags |= optional[i].flag;
			strcat(words, " ");
			strcat(words, optional[i].word);
		}
		/* clone(2) has one place for both, and fewer bits. */
		if (!three && ((flags & CLONE_CLEAR_SIGHAND) != 0 ||
				  ((flags & CLONE_PIDFD) != 0 &&
				      (flags & CLONE_PARENT_SETTID) != 0)))
			continue;
		attempt(flags, three, words);
	}
}

static void
begin(void)
{
	both = mmap(NULL, sizeof(*both), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(both != MAP_FAILED);
	NEED(signal(SIGUSR1, caught) != SIG_ERR);
}

static void
clone_flags(void)
{
	begin();
	try_all(0, false);
}

static void
clone3_flags(void)
{
	begin();
	try_all(0, true);
}

static void
clone_vfork_flags(void)
{
	begin();
	try_all(CLONE_VFORK, false);
	try_all(CLONE_VM | CLONE_VFORK, false);
}

/* What the host refuses. */
static void
clone_refused(void)
{
	static const uint64_t bad[] = { CLONE_SIGHAND, CLONE_THREAD,
		CLONE_VM | CLONE_THREAD, CLONE_SIGHAND | CLONE_CLEAR_SIGHAND,
		CLONE_FS | CLONE_NEWNS };

	begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		attempt(bad[i], (bad[i] >> 32) != 0, " refused");
}

/* The parent's siblings are its parent's children. */
static void
clone_parent(void)
{
	pid_t middle, pid;
	int status;

	begin();
	prepare();
	middle = fork();
	if (middle == 0) {
		pid = (pid_t)syscall(
		    SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			child(NULL);
		_exit(pid < 0);
	}
	for (int i = 0; i < 2; i++) {
		pid = wait(&status);
		NEED(pid > 0);
		both->bo_caught += status;
	}
	SAY("statuses %d", both->bo_caught);
	NEED(wait(&status) < 0);
	say_state(0, -1);
}

const struct life clones_lives[] = {
	{ "clone_flags", clone_flags },
	{ "clone3_flags", clone3_flags },
	{ "clone_vfork_flags", clone_vfork_flags },
	{ "clone_refused", clone_refused },
	{ "clone_parent", clone_parent },
	{ NULL, NULL },
};
