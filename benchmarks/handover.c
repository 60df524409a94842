/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the nanoseconds of a bare round trip between two processes that share
 * a page, which no call into a server can undercut.
 *
 *	bench_handover CPU CPU
 *
 * On one processor each sleeps on a futex while the other runs; on two both
 * spin.
 */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 100000u

struct side {
	_Alignas(64) _Atomic uint32_t s_turn; /* the number of its last round */
};

static struct side *sides; /* what we said, what the other said */
static bool spins;

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("sched_setaffinity");
		exit(EXIT_FAILURE);
	}
}

static void
say(struct side *s, uint32_t turn)
{
	atomic_store(&s->s_turn, turn);
	if (!spins)
		syscall(SYS_futex, &s->s_turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
wait_for(struct side *s, uint32_t turn)
{
	while (atomic_load(&s->s_turn) != turn) {
		if (spins)
			__builtin_ia32_pause();
		else
			syscall(SYS_futex, &s->s_turn, FUTEX_WAIT, turn - 1,
			    NULL, NULL, 0);
	}
}

static void
answer(int cpu)
{
	pin(cpu);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint32_t turn = 1; turn <= ROUNDS; turn++) {
		wait_for(&sides[0], turn);
		say(&sides[1], turn);
	}
	_exit(EXIT_SUCCESS);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int
main(int argc, char **argv)
{
	double begin;
	pid_t child;

	if (argc != 3) {
		fputs("usage: bench_handover CPU CPU\n", stderr);
		return EXIT_FAILURE;
	}
	spins = atoi(argv[1]) != atoi(argv[2]);
	sides = mmap(NULL, 2 * sizeof(*sides), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sides == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	child = fork();
	if (child == 0)
		answer(atoi(argv[2]));
	pin(atoi(argv[1]));
	begin = now();
	for (uint32_t turn = 1; child > 0 && turn <= ROUNDS; turn++) {
		say(&sides[0], turn);
		wait_for(&sides[1], turn);
	}
	printf("%.1f\n", (now() - begin) / ROUNDS);
	return waitpid(child, NULL, 0) == child ? EXIT_SUCCESS : EXIT_FAILURE;
}
