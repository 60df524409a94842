/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of processes, changes of who they are, and signals. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

static int
lock_wait(int fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };

	return fcntl(fd, F_SETLKW, &fl);
}

static void *
wait_for_lock(void *arg)
{
	int fd = open("f", O_RDWR);

	turns_give(arg, 1);
	(void)lock_wait(fd);
	NEED(0);
	return NULL;
}

/* A process whose threads wait in the kernel ends at once, however it ends. */
static void
threads_wait_at_the_end(void)
{
	struct turns t;
	int fd;

	put_file("f", "x");
	fd = open("f", O_RDWR);
	NEED(lock_wait(fd) == 0);
	for (int how = 0; how < 3; how++) {
		pid_t pid;

		turns_init(&t);
		pid = fork();
		if (pid == 0) {
			pthread_t p[8];

			for (int i = 0; i < 8; i++) {
				NEED(pthread_create(
					 &p[i], NULL, wait_for_lock, &t) == 0);
				turns_take(&t, 0);
			}
			if (how == 0)
				exit(5);
			if (how == 1)
				raise(SIGKILL);
			execl("/bin/sh", "sh", "-c", "exit 6", NULL);
		}
		say_end("waits", pid);
	}
	/* Nothing is left of them. */
	close(fd);
	fd = open("f", O_RDWR);
	SAY("lock %d", lock_wait(fd));
}

static volatile sig_atomic_t got;

static void
note(int sig)
{
	got++;
}

static void
interrupt(pid_t pid, const char *path)
{
	char text[64], state[256];
	int fd;

	/* Until it sleeps. */
	snprintf(text, sizeof(text), "/proc/%d/stat", (int)pid);
	do {
		ssize_t n;

		sched_yield();
		fd = open(text, O_RDONLY);
		n = read(fd, state, sizeof(state) - 1);
		NEED(n > 0);
		state[n] = '\0';
		close(fd);
	} while (strstr(state, ") S ") == NULL);
	NEED(kill(pid, SIGUSR1) == 0);
}

static void
signals_interrupt_children(void)
{
	struct sigaction sa = { .sa_handler = note };
	struct turns t;
	int fd;

	put_file("f", "x");
	fd = open("f", O_RDWR);
	NEED(lock_wait(fd) == 0);
	sigaction(SIGUSR1, &sa, NULL);
	turns_init(&t);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int fd2 = open("f", O_RDWR);

			turns_give(&t, 1);
			SAY("wait: %d %d", lock_wait(fd2), errno);
			SAY("signals: %d", (int)got);
			_exit(0);
		}
		turns_take(&t, 0);
		interrupt(pid, "f");
		say_end("child", pid);
	}
}

struct locked {
	int fd;
	atomic_int result;
};

static void *
lock_in_thread(void *arg)
{
	struct locked *lk = arg;

	lk->result = flock(lk->fd, LOCK_EX);
	return NULL;
}

/* The call goes on with the file, as on Linux. */
static void
closed_while_in_use(void)
{
	struct locked lk = { .result = 99 };
	pthread_t t;
	int holder, fd;

	put_file("f", "x");
	holder = open("f", O_RDWR);
	lk.fd = fd = open("f", O_RDWR);
	NEED(flock(holder, LOCK_EX) == 0);
	NEED(pthread_create(&t, NULL, lock_in_thread, &lk) == 0);
	NEED(close(fd) == 0);
	SAY("number: %d", open("f", O_RDWR) == fd);
	NEED(flock(holder, LOCK_UN) == 0);
	pthread_join(t, NULL);
	SAY("done");
}

static void
daemons(void)
{
	int fd;
	pid_t pid;

	NEED(mkdir("d", 0755) == 0);
	pid = fork();
	if (pid == 0) {
		NEED(daemon(1, 1) == 0);
		NEED(setsid() < 0);
		/* Parents do not wait. */
		fd = open("started", O_RDWR | O_CREAT, 0600);
		NEED(fd >= 0 && flock(fd, LOCK_EX) == 0);
		NEED(rename("started", "d/started") == 0);
		sleep(1);
		put_file("d/done", "done");
		_exit(0);
	}
	say_end("parent of daemon", pid);
	while ((fd = open("d/started", O_RDWR)) < 0)
		sched_yield();
	NEED(flock(fd, LOCK_EX) == 0);
	say_file("d/done");
}

static void
outlives(void)
{
	struct turns t;
	pid_t pid;
	int fd;

	put_file("f", "x");
	turns_init(&t);
	pid = fork();
	if (pid == 0) {
		fd = open("kept", O_RDWR | O_CREAT, 0600);
		if (fork() == 0) {
			turns_take(&t, 1);
			NEED(write(fd, "by grandchild", 13) == 13);
			turns_give(&t, 1);
			_exit(0);
		}
		_exit(0);
	}
	say_end("child", pid);
	turns_give(&t, 0);
	turns_take(&t, 0);
	say_file("kept");
}

/* What was open before goes on to work. */
static void
use_old(int dir, int fd)
{
	char buf[4] = "";

	NEED(lseek(fd, 3, SEEK_SET) == 3 && read(fd, buf, 3) == 3);
	SAY("read: %s", buf);
	SAY("write: %zd", write(fd, "ABC", 3));
	SAY("at: %d", openat(dir, "g", O_RDONLY | O_CLOEXEC) >= 0);
}

static void
confined(void)
{
	int fd, dir;
	pid_t pid;

	put_file("f", "0123456789");
	put_file("g", "g");
	fd = open("f", O_RDWR);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	if (geteuid() != 0) {
		SAY("not root");
		return;
	}
	pid = fork();
	if (pid == 0) {
		NEED(chroot("/var/empty") == 0 || chroot("/usr") == 0);
		NEED(chdir("/") == 0);
		NEED(setgroups(0, NULL) == 0 && setgid(65534) == 0);
		NEED(setuid(65534) == 0);
		use_old(dir, fd);
		SAY("new file: %d",
		    openat(dir, "new", O_RDWR | O_CREAT, 0600) >= 0);
		pid = fork();
		if (pid == 0) {
			use_old(dir, fd);
			_exit(0);
		}
		say_end("its child", pid);
		_exit(0);
	}
	say_end("chroot", pid);
	say_file("f");
}

#define ALLOW(nr)                                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                       \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Of what the program asks for, and of what a routed call needs. */
static void
seccomp_confined(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_lseek),
		ALLOW(SYS_futex),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_rt_sigreturn),
		ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_sendmsg),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog prog = { sizeof(filter) / sizeof(filter[0]), filter };
	char buf[4] = "";
	int fd;

	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
	NEED(lseek(fd, 3, SEEK_SET) == 3 && read(fd, buf, 3) == 3);
	SAY("read: %s", buf);
	SAY("write: %zd", write(fd, "ABC", 3));
	_exit(0);
}

static void
broken_pipe(void)
{
	pid_t pid = fork();
	int p[2];

	if (pid == 0) {
		NEED(pipe(p) == 0 && close(p[0]) == 0);
		(void)write(p[1], "x", 1);
		_exit(0);
	}
	say_end("writer", pid);
}

/* A file may not grow for ever. */
static void
limits(void)
{
	struct rlimit rl;
	int fd;

	put_file("f", "x");
	NEED(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	rl.rlim_cur = 64;
	NEED(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	for (int i = 0; i < 100; i++) {
		fd = open("f", O_RDONLY);
		if (fd < 0)
			break;
	}
	SAY("error %d", errno);
	SAY("fork: %d", fork() == 0 ? (_exit(0), 0) : wait(NULL) > 0);
	NEED(close(63) == 0);
	SAY("again: %d", open("f", O_RDONLY));
}

const struct life ends_lives[] = {
	{ "threads_wait_at_the_end", threads_wait_at_the_end },
	{ "signals_interrupt_children", signals_interrupt_children },
	{ "closed_while_in_use", closed_while_in_use },
	{ "daemons", daemons },
	{ "outlives", outlives },
	{ "confined", confined },
	{ "seccomp_confined", seccomp_confined },
	{ "broken_pipe", broken_pipe },
	{ "limits", limits },
	{ NULL, NULL },
};
