/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 13 to 16, 27, 33: patching the sites of calls. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trap.h"
#include "trap_library.h"

/* The host takes 32 bits of the number; no other table may be reached. */
static int
numbers(void)
{
	long r;
	int i;

	for (i = 0; i < 5; i++) {
		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"(0x500000000L + SYS_getppid)
				 : "rcx", "r11", "memory");
		CHECK(r == 4242);
		CHECK(syscall(0x40000000L + SYS_getppid) == -1 &&
		      errno == ENOSYS);
		CHECK(syscall(-1) == -1 && errno == ENOSYS);
		CHECK(syscall(5000) == -1 && errno == ENOSYS);
	}
	return 0;
}

/* The instruction before a syscall is replaced, and nothing behind it. */
static int
return_point(void)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(getppid() == 4242);
	return 0;
}

static int
lookalike(void)
{
	uint32_t words[64];
	int i;

	for (i = 0; i < 10; i++) {
		words[32] = 0;
		CHECK(lookalike_call(&words[32]) == getpid());
		CHECK(words[32] == 39);
	}
	return 0;
}

static pthread_barrier_t barrier;

static void *
straddle_calls(void *arg)
{
	int i, j;

	for (i = 0; i < STRADDLERS; i++) {
		pthread_barrier_wait(&barrier);
		for (j = 0; j < 50; j++)
			straddler(i);
	}
	return arg;
}

static int
straddle(void)
{
	pthread_t t[4];
	int i;

	pthread_barrier_init(&barrier, NULL, 4);
	for (i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, straddle_calls, NULL) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* Eight threads enter fresh sites of one page at once, again and again. */
static void *
fresh_sites(void *arg)
{
	int j;

	for (j = 0; j < 12 * 6; j++) {
		pthread_barrier_wait(&barrier);
		switch ((j + (int)(intptr_t)arg * 3) % 12) {
		case 0:
			getuid();
			break;
		case 1:
			geteuid();
			break;
		case 2:
			getgid();
			break;
		case 3:
			sched_yield();
			break;
		case 4:
			access("/", F_OK);
			break;
		case 5:
			close(-1);
			break;
		case 6:
			dup(-1);
			break;
		case 7:
			lseek(-1, 0, SEEK_SET);
			break;
		case 8:
			getpgid(0);
			break;
		case 9:
			getsid(0);
			break;
		case 10:
			unlink("");
			break;
		case 11:
			fchdir(-1);
			break;
		}
	}
	return NULL;
}

static int
patch_race(void)
{
	pthread_t t[8];
	int i;

	pthread_barrier_init(&barrier, NULL, 8);
	for (i = 0; i < 8; i++)
		CHECK(pthread_create(
			  &t[i], NULL, fresh_sites, (void *)(intptr_t)i) == 0);
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* Text must not become writable: traps alone then. */
static int
no_exec_gain(void)
{
	int i;

	if (prctl(65, 1, 0, 0, 0) != 0)
		return 77;
	for (i = 0; i < 20; i++)
		CHECK(caught());
	return 0;
}

static int
no_exec_gain_child(void)
{
	pid_t pid;

	if (prctl(65, 1, 0, 0, 0) != 0)
		return 77;
	pid = fork();
	if (pid == 0) {
		execl(self, self, "say_caught", NULL);
		_exit(9);
	}
	CHECK(exit_status(pid) == 0);
	return no_exec_gain();
}

/* A call of the vDSO's own, whose text stays, is no reason to leave the rest. */
static int
vdso(void)
{
	uint8_t before[16];
	struct timespec ts;
	int i;

	memcpy(before, (void *)(uintptr_t)getppid, sizeof(before));
	for (i = 0; i < 20; i++)
		CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0);
	for (i = 0; i < 20; i++)
		CHECK(getppid() == 4242);
	CHECK(memcmp(before, (void *)(uintptr_t)getppid, sizeof(before)) != 0);
	return 0;
}

const struct trap_case site_cases[] = {
	{ "numbers", numbers },
	{ "patch_race", patch_race },
	{ "return_point", return_point },
	{ "lookalike", lookalike },
	{ "straddle", straddle },
	{ "vdso", vdso },
	{ "no_exec_gain", no_exec_gain_child },
	{ NULL, NULL },
};
