/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handler that leaves poll(2) or select(2) with siglongjmp(3): again and
 * again, in several threads, from one place and from different depths.  The
 * signal is blocked and pending, and the call itself lets it through, so that
 * the handler always interrupts the wait.  Prints whether memory has grown.
 */
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define NTHREADS 3
#define TIMES 3000
#define DEPTHS 8
#define GROWN_MAX (4L << 20)

static int idle; /* a socket on which nothing arrives */
static __thread sigjmp_buf out;

static void
leave(int sig)
{
	siglongjmp(out, 1);
}

static void
wait_for(int depth, bool by_select)
{
	struct pollfd p = { .fd = idle, .events = POLLIN };
	volatile char space[1 + 256 * depth];
	sigset_t none;
	fd_set set;

	space[0] = 1;
	sigemptyset(&none);
	FD_ZERO(&set);
	FD_SET(idle, &set);
	if (by_select)
		pselect(idle + 1, &set, NULL, NULL, NULL, &none);
	else
		ppoll(&p, 1, NULL, &none);
	errx(space[0], "the wait ended");
}

static void *
jump(void *arg)
{
	volatile int i;
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	for (i = 0; i < TIMES; i++) {
		if (sigsetjmp(out, 1) != 0)
			continue;
		pthread_kill(pthread_self(), SIGUSR1);
		wait_for(i % DEPTHS, i % 2 != 0);
	}
	return NULL;
}

static void
jump_in_threads(void)
{
	pthread_t threads[NTHREADS];
	int i;

	for (i = 0; i < NTHREADS; i++) {
		if (pthread_create(&threads[i], NULL, jump, NULL) != 0)
			errx(1, "pthread_create");
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
}

static long
memory(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld", &pages) != 1)
		err(1, "statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

int
main(void)
{
	struct sigaction sa = { .sa_handler = leave };
	long before;

	idle = socket(AF_INET, SOCK_DGRAM, 0);
	if (idle < 0 || sigaction(SIGUSR1, &sa, NULL) != 0)
		err(1, "start");
	jump_in_threads();
	before = memory();
	jump_in_threads();
	puts(memory() - before < GROWN_MAX ? "memory stays" : "memory grows");
	return 0;
}
