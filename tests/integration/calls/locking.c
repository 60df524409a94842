/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks: flock, record locks of both kinds, between threads of a process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "calls.h"

static int rd, wr, both, other, dir, path, pipes[2];

static void
populate(void)
{

	make("file", "0123456789");
	rd = open("file", O_RDONLY);
	wr = open("file", O_WRONLY);
	both = open("file", O_RDWR);
	other = open("file", O_RDWR);
	dir = open(".", O_RDONLY);
	path = open("file", O_PATH);
	must(path > 0 && pipe(pipes) == 0, "pipe");
}

static void
whole(void)
{

	populate();
	T(flock(rd, LOCK_SH | LOCK_NB));
	T(flock(wr, LOCK_SH | LOCK_NB));
	T(flock(both, LOCK_EX | LOCK_NB));
	T(flock(rd, LOCK_EX | LOCK_NB));
	T(flock(wr, LOCK_UN));
	T(flock(rd, LOCK_EX | LOCK_NB));
	T(flock(rd, LOCK_EX));
	T(flock(both, LOCK_SH | LOCK_NB));
	T(flock(dup(rd), LOCK_UN));
	T(flock(both, LOCK_SH | LOCK_NB));
	T(flock(both, 0));
	T(flock(both, LOCK_NB));
	T(flock(both, LOCK_SH | LOCK_EX));
	T(flock(both, LOCK_SH | LOCK_EX | LOCK_NB));
	T(flock(both, 16));
	T(flock(both, LOCK_UN | LOCK_NB));
	T(flock(path, LOCK_SH));
	T(flock(99, LOCK_SH));
	T(flock(99, 77));
	T(flock(dir, LOCK_EX));
	T(flock(pipes[0], LOCK_EX | LOCK_NB));
	T(close(dir));
	T(flock(open(".", O_RDONLY), LOCK_EX | LOCK_NB));
}

static void
record(const char *what, int fd, int cmd, int type, int whence, long start,
    long length)
{
	struct flock l = { .l_type = type,
		.l_whence = whence,
		.l_start = start,
		.l_len = length };

	if (cmd == F_OFD_GETLK || cmd == F_GETLK)
		l.l_pid = cmd == F_GETLK ? 77 : 0;
	if (fcntl(fd, cmd, &l) != 0)
		note("%s: %s", what, strerrorname_np(errno));
	else if (cmd == F_OFD_GETLK || cmd == F_GETLK)
		note("%s: type %d whence %d %ld+%ld pid %d", what, l.l_type,
		    l.l_whence, l.l_start, l.l_len,
		    l.l_pid == getpid() ? 1 : l.l_pid);
	else
		note("%s: 0", what);
}

#define L(fd, cmd, type, whence, start, length)                                \
	record(#fd " " #cmd " " #type " " #whence " " #start " " #length, fd,  \
	    cmd, type, whence, start, length)

static void
records(void)
{

	populate();
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(other, F_SETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(rd, F_SETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(wr, F_SETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(rd, F_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(both, F_SETLK, F_UNLCK, SEEK_SET, 3, 2);
	L(both, F_SETLK, 7, SEEK_SET, 0, 0);
	L(both, F_SETLK, F_WRLCK, 7, 0, 0);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, -1, 1);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 5, -5);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 5, -6);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, INT64_MAX, 1);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, INT64_MAX, 2);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, INT64_MAX, 0);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, INT64_MIN, 0);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, INT64_MIN);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, INT64_MAX);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 1, INT64_MAX);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 2, INT64_MAX);
	L(both, F_SETLK, F_WRLCK, SEEK_END, -3, 2);
	L(both, F_SETLK, F_WRLCK, SEEK_END, -11, 2);
	L(both, F_SETLK, F_WRLCK, SEEK_END, INT64_MAX, 2);
	L(both, F_SETLK, F_WRLCK, SEEK_CUR, -1, 2);
	L(both, F_GETLK, F_UNLCK, SEEK_SET, 0, 0);
	L(both, F_GETLK, 9, SEEK_SET, 0, 0);
	L(path, F_SETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(dir, F_SETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(dir, F_GETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(99, F_SETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(pipes[0], F_SETLK, F_RDLCK, SEEK_SET, 0, 0);
	T(fcntl(both, F_SETLK, NOWHERE));
	T(fcntl(both, F_GETLK, NOWHERE));
	T(fcntl(both, F_SETLK, edge(8)));
	T(fcntl(both, F_SETLK, NULL));
}

static void
descriptions(void)
{

	populate();
	L(both, F_OFD_SETLK, F_WRLCK, SEEK_SET, 2, 4);
	L(other, F_OFD_GETLK, F_RDLCK, SEEK_SET, 0, 0);
	L(other, F_OFD_GETLK, F_RDLCK, SEEK_SET, 0, 2);
	L(other, F_OFD_SETLK, F_WRLCK, SEEK_SET, 5, 4);
	L(other, F_OFD_SETLK, F_WRLCK, SEEK_SET, 6, 4);
	L(both, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(both, F_OFD_SETLK, F_RDLCK, SEEK_SET, 3, 1);
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 3, 0);
	L(rd, F_OFD_SETLK, F_RDLCK, SEEK_SET, 3, 1);
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 3, 0);
	L(rd, F_OFD_SETLK, F_WRLCK, SEEK_SET, 3, 1);
	L(both, F_SETLK, F_RDLCK, SEEK_SET, 3, 1);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 2, 1);
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 3, 1);
	L(both, F_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	T(close(both));
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	record("with a pid", other, F_OFD_SETLK, F_RDLCK, SEEK_SET, 0, 1);
	T(fcntl(other, F_OFD_SETLK, NOWHERE));
	T(fcntl(99, F_OFD_SETLK, NOWHERE));
	T(fcntl(other, F_OFD_SETLK,
	    &((struct flock){ .l_type = F_RDLCK, .l_pid = 5 })));
	T(fcntl(other, F_OFD_GETLK,
	    &((struct flock){ .l_type = F_RDLCK, .l_pid = 5 })));
}

/* What a lock of the process leaves when any descriptor of the file goes. */
static void
closing(void)
{

	populate();
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, 5);
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	T(close(rd));
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, 5);
	T(dup2(dir, wr));
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 0, 0);
	L(both, F_SETLK, F_WRLCK, SEEK_SET, 0, 5);
	T(unlink("file"));
	L(other, F_OFD_GETLK, F_WRLCK, SEEK_SET, 0, 0);
}

static void
woken(int signal_number)
{

	(void)signal_number;
}

static void *
locker(void *arg)
{
	struct flock l = { .l_type = F_WRLCK };
	int how = *(int *)arg;

	errno = 0;
	if (how < 0)
		say("flock in a thread", flock(other, LOCK_EX));
	else
		say("OFD lock in a thread", fcntl(other, how, &l));
	return (NULL);
}

/* Until the thread sleeps in the kernel, or is said to by what it waits for. */
static void
wait_for(pthread_t thread, int restart)
{
	struct sigaction sa = { .sa_handler = woken,
		.sa_flags = restart ? SA_RESTART : 0 };

	sigaction(SIGUSR1, &sa, NULL);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
}

static void
interrupted(void)
{
	pthread_t thread;
	int how[] = { -1, F_OFD_SETLKW };
	int i;

	populate();
	T(flock(both, LOCK_EX));
	L(both, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0);
	for (i = 0; i < 2; i++) {
		must(pthread_create(&thread, NULL, locker, &how[i]) == 0,
		    "pthread_create");
		wait_for(thread, 0);
	}
	T(flock(other, LOCK_EX | LOCK_NB));
}

const struct section locking_sections[] = {
	{ "locking-whole", whole },
	{ "locking-records", records },
	{ "locking-descriptions", descriptions },
	{ "locking-closing", closing },
	{ "locking-interrupted", interrupted },
	{ NULL, NULL },
};
