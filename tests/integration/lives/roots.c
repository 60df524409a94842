/* SPDX-License-Identifier: BSD-2-Clause */
/* Root directories below the directory of the case. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

static char stack[1 << 18];
static char home[PATH_MAX];

/* jail/file, jail/in/deep, and jail/up and jail/abs, which lead to it; out. */
static bool
begin(void)
{
	if (geteuid() != 0) {
		SAY("not tried");
		return false;
	}
	NEED(getcwd(home, sizeof(home)) != NULL);
	NEED(mkdir("jail", 0755) == 0 && mkdir("jail/in", 0755) == 0);
	NEED(mkdir("jail/in/deep", 0755) == 0);
	NEED(mkdir("jail/closed", 0700) == 0);
	put_file("jail/file", "inside");
	put_file("out", "outside");
	NEED(symlink("/file", "jail/abs") == 0);
	NEED(symlink("../../file", "jail/in/up") == 0);
	NEED(symlink("../out", "jail/out") == 0);
	return true;
}

/* Which of some paths lead somewhere, and where we are. */
static void
say_view(const char *who)
{
	static const char *const paths[] = { "/file", "/abs", "/../file",
		"/in/up", "/in/deep/../../../file", "/out", "/jail",
		"/etc/passwd", "/proc/self/fd/0", "/dev/null", "file",
		"../file", "../../file" };
	char where[PATH_MAX];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY);

		SAY("%s: %s: %s", who, paths[i],
		    fd >= 0 ? "there" : strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	if (getcwd(where, sizeof(where)) == NULL)
		SAY("%s: no directory: %m", who);
	else
		SAY("%s: in %s", who,
		    strncmp(where, home, strlen(home)) == 0
			? where + strlen(home)
			: where);
}

static void
roots_below(void)
{
	int file, directory;

	if (!begin())
		return;
	file = open("out", O_RDONLY);
	directory = open(".", O_RDONLY);
	NEED(file >= 0 && directory >= 0);
	NEED(chroot("jail") == 0 && chdir("/") == 0);
	say_view("root");
	NEED(chdir("/in/deep") == 0);
	say_view("deep");
	say_text("open before", file);
	SAY("below: %d", faccessat(directory, "jail/file", F_OK, 0));
	SAY("beside: %d", faccessat(directory, "out", F_OK, 0));
	NEED(fchdir(directory) == 0);
	SAY("outside: %d", access("out", F_OK));
	put_file("/made", "made");
	SAY("made: %d", access("jail/made", F_OK));
}

/* The working directory stays where it is. */
static void
roots_without_directory(void)
{
	if (!begin())
		return;
	NEED(chroot("jail") == 0);
	SAY("here: %d %d", access("out", F_OK), access("/out", F_OK));
	NEED(mkdir("here", 0755) == 0);
	SAY("there: %d", access("/here", F_OK));
	NEED(chdir("/in") == 0);
	say_view("in");
}

static void
roots_of_children(void)
{
	pid_t pid;

	if (!begin())
		return;
	NEED(chroot("jail") == 0 && chdir("/in") == 0);
	pid = fork();
	if (pid == 0) {
		say_view("child");
		NEED(chroot("deep") == 0);
		SAY("deeper: %d %d", access("/file", F_OK),
		    access("/..", F_OK));
		NEED(chdir("/") == 0);
		say_view("child");
		_exit(0);
	}
	say_end("child", pid);
	say_view("parent");
	pid = fork();
	if (pid == 0) {
		NEED(setresgid(1, 1, 1) == 0 && setresuid(1, 1, 1) == 0);
		say_view("another user");
		SAY("%d %s", chroot("/in"), strerror(errno));
		SAY("%d %s", chroot("/nothing"), strerror(errno));
		SAY("%d %s", chroot("/file"), strerror(errno));
		SAY("%d %s", chroot("/closed/x"), strerror(errno));
		SAY("%d %s", chroot("/closed"), strerror(errno));
		_exit(0);
	}
	say_end("another user", pid);
}

/* As package managers do. */
static void
roots_and_back(void)
{
	int root, fd;

	if (!begin())
		return;
	root = open("/", O_RDONLY | O_DIRECTORY);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	NEED(root >= 0 && fd >= 0);
	for (int i = 0; i < 3; i++) {
		NEED(chdir(home) == 0 && chroot("jail") == 0);
		SAY("inside: %d %d", access("/file", F_OK),
		    access("/etc/passwd", F_OK));
		NEED(fchdir(root) == 0 && chroot(".") == 0);
		SAY("back: %d %d %d", access("/file", F_OK),
		    access("/etc/passwd", F_OK), access(home, F_OK));
	}
	NEED(fchdir(fd) == 0);
	SAY("at home: %d", access("out", F_OK));
}

static int
jail_main(void *arg)
{
	return chroot(arg);
}

static void
roots_shared(void)
{
	pid_t pid;

	if (!begin())
		return;
	pid =
	    clone(jail_main, stack + sizeof(stack), CLONE_FS | SIGCHLD, "jail");
	say_end("child", pid);
	SAY("%d %d", access("/file", F_OK), access("/etc/passwd", F_OK));
	NEED(chdir("/in") == 0);
	say_view("parent");
}

static void *
look_around(void *stop)
{
	while (!__atomic_load_n((bool *)stop, __ATOMIC_ACQUIRE))
		NEED(access("/in", F_OK) == 0 || errno == ENOENT);
	return NULL;
}

/* While other threads look at names. */
static void
roots_of_threads(void)
{
	pthread_t threads[3];
	bool stop = false;
	int root;

	if (!begin())
		return;
	root = open("/", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3; i++)
		NEED(
		    pthread_create(&threads[i], NULL, look_around, &stop) == 0);
	for (int i = 0; i < 50; i++) {
		NEED(chdir(home) == 0 && chroot("jail") == 0);
		NEED(access("/file", F_OK) == 0);
		NEED(fchdir(root) == 0 && chroot(".") == 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		NEED(pthread_join(threads[i], NULL) == 0);
	SAY("%d", access(home, F_OK));
}

const struct life roots_lives[] = {
	{ "roots_below", roots_below },
	{ "roots_without_directory", roots_without_directory },
	{ "roots_of_children", roots_of_children },
	{ "roots_and_back", roots_and_back },
	{ "roots_shared", roots_shared },
	{ "roots_of_threads", roots_of_threads },
	{ NULL, NULL },
};
