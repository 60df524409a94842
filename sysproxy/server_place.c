/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hand-over between two threads of one processor costs two switches; to wake
 * a processor that sleeps costs ten times that, and to find the other side
 * spinning on another one next to nothing.  So a worker follows its client to
 * the client's processor, unless it may not run there, or calls follow each
 * other promptly and the host has a processor to spare: then it keeps away, and
 * both spin.  Whether there is one to spare is asked of the host now and then:
 * /proc/loadavg counts the threads that run or want to.
 */
#include "sysproxy/server_place.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "sysproxy/server_worker.h"

#define TIRED 7 /* sleeps to come without spinning */

static cpu_set_t server_cpus;
static int loadavg = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
learn_host(void)
{
	if (sched_getaffinity(0, sizeof(server_cpus), &server_cpus) != 0)
		CPU_ZERO(&server_cpus);
	loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
}

/* "0.20 0.18 0.12 1/80 11206": the number before the slash. */
static long
count_running(void)
{
	char text[64];
	ssize_t n = pread(loadavg, text, sizeof(text) - 1, 0);
	const char *p = text;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	for (int i = 0; i < 3; i++) {
		while (*p != ' ' && *p != '\0')
			p++;
		p += *p == ' ';
	}
	return *p >= '0' && *p <= '9' ? strtol(p, NULL, 10) : -1;
}

void
place_init(struct place *pl)
{
	pthread_once(&once, learn_host);
	*pl = (struct place){
		.pl_cpu = -1,
		.pl_away = -1,
		.pl_seen = UINT32_MAX,
	};
}

void
place_look(struct place *pl, long running, unsigned ncpus)
{
	bool prompt = pl->pl_prompt >= PLACE_PROMPT;
	/* A client that has just been woken may not be counted yet. */
	long wanted = running == 1 ? 2 : running;

	pl->pl_calls = pl->pl_prompt = 0;
	if (!prompt || running < 0 || wanted > (long)ncpus) {
		place_tired(pl);
		return;
	}
	if (pl->pl_sure < PLACE_SURE)
		pl->pl_sure++;
	pl->pl_spare = pl->pl_sure == PLACE_SURE;
}

void
place_tired(struct place *pl)
{
	pl->pl_sure = 0;
	pl->pl_spare = false;
}

void
place_requested(struct place *pl)
{
	pl->pl_calls++;
	if (__builtin_ia32_rdtsc() - pl->pl_replied < PLACE_CYCLES)
		pl->pl_prompt++;
}

static void
go_beside(struct worker *w, struct place *pl, int cpu)
{
	cpu_set_t set;

	w->w_apart = false;
	if (pl->pl_cpu == cpu)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pl->pl_away = -1;
	pl->pl_cpu = sched_setaffinity(0, sizeof(set), &set) == 0 ? cpu : -1;
}

/* Where the client is not; it may be where we cannot be anyhow. */
static void
go_apart(struct worker *w, struct place *pl, int cpu)
{
	cpu_set_t set = server_cpus;

	w->w_apart = true;
	if (pl->pl_away == cpu)
		return;
	if (cpu < CPU_SETSIZE)
		CPU_CLR(cpu, &set);
	pl->pl_cpu = -1;
	pl->pl_away = cpu;
	(void)sched_setaffinity(0, sizeof(set), &set);
}

void
place_replied(struct worker *w, uint32_t cpu)
{
	struct place *pl = &w->w_place;
	bool again = cpu == pl->pl_seen;

	pl->pl_seen = cpu;
	if (pl->pl_calls >= PLACE_LOOK)
		place_look(
		    pl, count_running(), (unsigned)CPU_COUNT(&server_cpus));
	if (w->w_skip >= TIRED)
		place_tired(pl);
	/* A client that comes by is not followed. */
	if (again && cpu <= INT32_MAX) {
		if (pl->pl_spare || cpu >= CPU_SETSIZE ||
		    !CPU_ISSET(cpu, &server_cpus))
			go_apart(w, pl, (int)cpu);
		else
			go_beside(w, pl, (int)cpu);
	}
	pl->pl_replied = __builtin_ia32_rdtsc();
}
