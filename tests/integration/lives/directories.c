/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes with one working directory, root directory and mask: clone(2) with
 * CLONE_FS and without CLONE_THREAD.  A servant does what it is asked, in a
 * process that is made in one of several ways, and both say what they see.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

#define KILLS 40
#define ROUNDS 300
#define NSHARERS 3
#define STACK_SIZE (256 * 1024)

static char home[4096];
static char stack[STACK_SIZE] __attribute__((aligned(64)));

static void
say_where(const char *who)
{
	char cwd[4096], link[4096];
	ssize_t n = readlink("/proc/self/cwd", link, sizeof(link) - 1);

	if (getcwd(cwd, sizeof(cwd)) == NULL) {
		SAY("%s: %s", who, strerror(errno));
		return;
	}
	link[n < 0 ? 0 : n] = '\0';
	SAY("%s: in %s, d is %d, %s", who, cwd, access("d", F_OK),
	    n < 0 || strcmp(cwd, link) == 0 ? "as /proc says" : link);
}

/* What /proc/self says is the first thread's. */
static void
say_threads(const char *who)
{
	char cwd[4096];

	NEED(getcwd(cwd, sizeof(cwd)) != NULL);
	SAY("%s: in %s, d is %d, bin %d", who, cwd, access("d", F_OK),
	    access("bin", F_OK));
}

/* The mask, by what becomes of a file. */
static void
say_mask(const char *who)
{
	int fd = open("mask", O_RDWR | O_CREAT | O_EXCL, 0777);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || unlink("mask") != 0) {
		SAY("%s: %s", who, strerror(errno));
		return;
	}
	close(fd);
	SAY("%s: mask %o", who, ~(unsigned)st.st_mode & 0777);
}

static void
obey(char what)
{
	if (what == 'd')
		NEED(chdir("d") == 0);
	else if (what == '.')
		NEED(chdir("..") == 0);
	else if (what == '/')
		NEED(chdir("/") == 0);
	else if (what == 'w')
		say_where("child");
	else if (what == 'm')
		say_mask("child");
	else if (what == '7')
		(void)umask(077);
	else if (what == 'u')
		NEED(unshare(CLONE_FS) == 0);
	else if (what == 'x')
		_exit(0);
}

/* Until the other end is closed. */
static int
serve(int in, int out)
{
	char what;

	while (read(in, &what, 1) == 1) {
		obey(what);
		if (write(out, &what, 1) != 1)
			break;
	}
	return 0;
}

int
directories_serve(char **argv)
{
	return serve(atoi(argv[0]), atoi(argv[1]));
}

/* --- ways to make it --------------------------------------------------------- */

struct servant {
	int sv_in[2], sv_out[2];
	pid_t sv_pid;
};

static void
be_program(struct servant *sv)
{
	char in[16], out[16];
	char *argv[] = { self, "--act", "serve", in, out, NULL };

	snprintf(in, sizeof(in), "%d", sv->sv_in[0]);
	snprintf(out, sizeof(out), "%d", sv->sv_out[1]);
	execv(self, argv);
	_exit(99);
}

static int
program_main(void *arg)
{
	be_program(arg);
	return 0;
}

enum way {
	FORKED,
	WITH_TABLE,
	EXECUTED,
	EXECUTED_TWICE,
	VFORKED,
	VFORKED_WITH_TABLE,
	NWAYS
};

static const char *const ways[] = { "a process", "with descriptors",
	"a program", "a program's program", "of vfork",
	"of vfork, with descriptors" };

static pid_t
raw_clone(uint64_t flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	NEED(pid >= 0);
	return pid;
}

/* Its own ends are the child's. */
static void
be_servant(struct servant *sv, enum way way)
{
	/* Where a case has failed. */
	NEED(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	if (way == EXECUTED)
		be_program(sv);
	/* The first program's child executes the next. */
	if (way == EXECUTED_TWICE && raw_clone(CLONE_FS) == 0)
		be_program(sv);
	if (way == EXECUTED_TWICE) {
		(void)wait(NULL);
		_exit(0);
	}
	_exit(serve(sv->sv_in[0], sv->sv_out[1]));
}

static void
servant_make(struct servant *sv, enum way way)
{
	uint64_t flags = CLONE_FS | (way == WITH_TABLE ? CLONE_FILES : 0);

	NEED(pipe(sv->sv_in) == 0 && pipe(sv->sv_out) == 0);
	NEED(fcntl(sv->sv_in[1], F_SETFD, FD_CLOEXEC) == 0);
	NEED(fcntl(sv->sv_out[0], F_SETFD, FD_CLOEXEC) == 0);
	if (way == VFORKED || way == VFORKED_WITH_TABLE) {
		flags |= CLONE_VM | CLONE_VFORK;
		if (way == VFORKED_WITH_TABLE)
			flags |= CLONE_FILES;
		sv->sv_pid = clone(program_main, stack + sizeof(stack),
		    (int)flags | SIGCHLD, sv);
		NEED(sv->sv_pid > 0);
		return;
	}
	sv->sv_pid = raw_clone(flags);
	if (sv->sv_pid == 0)
		be_servant(sv, way);
}

static void
ask(struct servant *sv, const char *what)
{
	char c;

	for (; *what != '\0'; what++) {
		NEED(write(sv->sv_in[1], what, 1) == 1);
		NEED(read(sv->sv_out[0], &c, 1) == 1 && c == *what);
	}
}

static void
servant_end(struct servant *sv)
{
	NEED(write(sv->sv_in[1], "x", 1) == 1);
	say_end("child", sv->sv_pid);
	close(sv->sv_in[0]);
	close(sv->sv_in[1]);
	close(sv->sv_out[0]);
	close(sv->sv_out[1]);
}

static void
begin(void)
{
	NEED(getcwd(home, sizeof(home)) != NULL);
	NEED(mkdir("d", 0777) == 0 && mkdir("d/d", 0777) == 0);
	(void)umask(022);
}

/* --- cases -------------------------------------------------------------------- */

static void
both_ways(struct servant *sv)
{
	ask(sv, "wm");
	say_where("parent");
	ask(sv, "d");
	say_where("parent");
	ask(sv, "7");
	say_mask("parent");
	NEED(chdir("/") == 0);
	ask(sv, "w");
	NEED(chdir(home) == 0);
	(void)umask(011);
	ask(sv, "wmd/");
	say_where("parent");
	NEED(chdir(home) == 0);
	ask(sv, "wd.d");
	say_where("parent");
	NEED(chdir("..") == 0);
}

static void
directories_shared(void)
{
	struct servant sv;

	begin();
	for (enum way way = 0; way < NWAYS; way++) {
		(void)umask(022);
		SAY("%s:", ways[way]);
		servant_make(&sv, way);
		both_ways(&sv);
		servant_end(&sv);
		say_where("parent");
		say_mask("parent");
		NEED(chdir("d") == 0);
		say_where("parent");
		NEED(chdir(home) == 0);
	}
}

/* From then on each has its own. */
static void
directories_no_more(void)
{
	struct servant sv;

	begin();
	for (enum way way = 0; way < NWAYS; way++) {
		(void)umask(022);
		SAY("%s:", ways[way]);
		servant_make(&sv, way);
		ask(&sv, "duwm/w7");
		say_where("parent");
		say_mask("parent");
		NEED(chdir("d") == 0);
		say_where("parent");
		ask(&sv, "wm");
		servant_end(&sv);
		say_where("parent");
		NEED(chdir(home) == 0);
	}
	NEED(unshare(CLONE_FS) == 0);
	say_where("parent");
}

/* The maker leaves; the others go on with what there is. */
static void
directories_of_an_ended_one(void)
{
	struct servant sv;
	int status;
	pid_t pid;

	begin();
	pid = raw_clone(CLONE_FS);
	if (pid == 0) {
		servant_make(&sv, EXECUTED);
		ask(&sv, "d");
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	say_where("parent");
	NEED(unshare(CLONE_FS) == 0);
	NEED(chdir("d") == 0);
	say_where("parent");
}

/* Children of those that share, without CLONE_FS: each has a copy. */
static void
directories_copied(void)
{
	struct servant sv;
	pid_t pid;

	begin();
	servant_make(&sv, FORKED);
	pid = fork();
	if (pid == 0) {
		NEED(chdir("d") == 0);
		(void)umask(077);
		say_where("copy");
		say_mask("copy");
		_exit(0);
	}
	say_end("copy", pid);
	say_where("parent");
	say_mask("parent");
	pid = vfork();
	if (pid == 0) {
		if (chdir("d") != 0)
			_exit(1);
		(void)umask(077);
		_exit(0);
	}
	say_end("vfork child", pid);
	ask(&sv, "wm");
	servant_end(&sv);
}

/* A child that borrows everything else gives the directory and mask back. */
static int
change_main(void *arg)
{
	(void)umask(077);
	return chdir("d");
}

static void
directories_lent(void)
{
	static const int flags[] = { 0, CLONE_FS, CLONE_FILES,
		CLONE_FILES | CLONE_FS };
	pid_t pid;

	begin();
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		(void)umask(022);
		pid = clone(change_main, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | SIGCHLD | flags[i], NULL);
		say_end("child", pid);
		say_where("parent");
		say_mask("parent");
		NEED(chdir(home) == 0);
	}
}

static void
wander(int ready)
{
	NEED(write(ready, "", 1) == 1);
	for (;;) {
		(void)chdir(home);
		(void)chdir("d");
		(void)umask(077);
		(void)chdir("/");
		(void)umask(022);
	}
}

/* A call of the one that has been killed may be the last of all: one. */
static void
settle(void)
{
	for (int tries = 0; tries < 3; tries++) {
		if (chdir(home) == 0 && access("d/d", F_OK) == 0 &&
		    chdir("d") == 0 && access("../d/d", F_OK) == 0)
			return;
	}
	NEED(!"settled");
}

/* Whoever is killed in the midst keeps nobody waiting. */
static void
directories_killed(void)
{
	int ready[2], n = 0;
	char c;

	begin();
	NEED(pipe2(ready, O_CLOEXEC) == 0);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = raw_clone(CLONE_FS | (i % 2 ? CLONE_FILES : 0));

		if (pid == 0)
			wander(ready[1]);
		NEED(read(ready[0], &c, 1) == 1);
		for (int j = 0; j < i % 5; j++)
			(void)chdir(home);
		NEED(kill(pid, SIGKILL) == 0);
		NEED(waitpid(pid, NULL, 0) == pid);
		settle();
		(void)umask(022);
		n++;
	}
	SAY("%d", n);
	NEED(chdir(home) == 0);
	say_where("parent");
	say_mask("parent");
}

static void
need_a_known_place(void)
{
	char cwd[4096], other[4096 + 8];

	NEED(getcwd(cwd, sizeof(cwd)) != NULL);
	snprintf(other, sizeof(other), "%s/d", home);
	NEED(strcmp(cwd, home) == 0 || strcmp(cwd, other) == 0 ||
	     strcmp(cwd, "/") == 0);
}

static void *
roam(void *arg)
{
	char other[4096 + 8];

	snprintf(other, sizeof(other), "%s/d", home);
	for (int i = 0; i < ROUNDS; i++) {
		NEED(chdir(i % 3 == 0 ? home : i % 3 == 1 ? other : "/") == 0);
		need_a_known_place();
	}
	return NULL;
}

/* All at once, in threads and processes. */
static void
directories_at_once(void)
{
	pthread_t thread;
	pid_t pids[NSHARERS];

	begin();
	for (int i = 0; i < NSHARERS; i++) {
		pids[i] = raw_clone(CLONE_FS);
		if (pids[i] != 0)
			continue;
		NEED(pthread_create(&thread, NULL, roam, NULL) == 0);
		(void)roam(NULL);
		NEED(pthread_join(thread, NULL) == 0);
		_exit(0);
	}
	(void)roam(NULL);
	for (int i = 0; i < NSHARERS; i++)
		say_end("child", pids[i]);
	NEED(chdir("/") == 0);
	NEED(chdir(home) == 0);
	say_where("parent");
}

/* A thread with a directory of its own, as file servers have them; and its
 * child. */
static void *
go_apart(void *arg)
{
	char name[4096 + 8];
	pid_t pid;

	snprintf(name, sizeof(name), "%s/d", home);
	NEED(unshare(CLONE_FS) == 0);
	NEED(chdir("/usr") == 0);
	say_threads("thread");
	SAY("d: %d", access(name, F_OK));
	turns_give(arg, 1);
	turns_take(arg, 1);
	say_threads("thread");
	pid = fork();
	if (pid == 0) {
		say_where("thread's child");
		NEED(chdir(home) == 0);
		say_where("thread's child");
		_exit(0);
	}
	say_end("thread's child", pid);
	return NULL;
}

static void
directories_of_a_thread(void)
{
	pthread_t thread;
	struct turns t;

	begin();
	turns_init(&t);
	NEED(chdir("/") == 0);
	NEED(pthread_create(&thread, NULL, go_apart, &t) == 0);
	turns_take(&t, 0);
	say_where("parent");
	NEED(chdir(home) == 0);
	say_where("parent");
	turns_give(&t, 0);
	NEED(pthread_join(thread, NULL) == 0);
	say_where("parent");
}

static int
root_main(void *arg)
{
	return chroot(arg);
}

/* A root directory above the file system, of all that share it. */
static void
change_root(int flags)
{
	struct servant sv;
	char above[4096], *slash;
	pid_t pid;

	begin();
	strcpy(above, home);
	slash = strrchr(above, '/');
	if (geteuid() != 0 || slash == above) {
		SAY("not tried");
		return;
	}
	*slash = '\0';
	servant_make(&sv, FORKED);
	pid = clone(root_main, stack + sizeof(stack), flags | SIGCHLD, above);
	say_end("child", pid);
	SAY("d: %d", access("d", F_OK));
	strcpy(above, home + (slash - above));
	SAY("below the root: %d", access(above, F_OK));
	SAY("where it was: %d", access(home, F_OK));
	NEED(chdir(above) == 0);
	ask(&sv, "d");
	SAY("d: %d", access("d", F_OK));
	NEED(chdir("/") == 0);
	SAY("d: %d", access("d", F_OK));
	servant_end(&sv);
}

static void
directories_root(void)
{
	change_root(CLONE_FS);
}

/* As programs do that confine themselves. */
static void
directories_root_of_vfork(void)
{
	change_root(CLONE_FS | CLONE_VM | CLONE_VFORK);
}

const struct life directories_lives[] = {
	{ "directories_shared", directories_shared },
	{ "directories_no_more", directories_no_more },
	{ "directories_of_an_ended_one", directories_of_an_ended_one },
	{ "directories_copied", directories_copied },
	{ "directories_lent", directories_lent },
	{ "directories_killed", directories_killed },
	{ "directories_at_once", directories_at_once },
	{ "directories_of_a_thread", directories_of_a_thread },
	{ "directories_root", directories_root },
	{ "directories_root_of_vfork", directories_root_of_vfork },
	{ NULL, NULL },
};
