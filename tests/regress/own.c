/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of ours in the program's process (traps 28 and 29): own CASE exits 0
 * when the program cannot tell that there are any.  Runs under the engine with
 * the router of fake_router.c.
 */
#include <errno.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__,  \
			    #x, errno);                                        \
			return 1;                                              \
		}                                                              \
	} while (0)

#define SKIP 77
#define MAGIC_PPID 4242

/* What getppid() says in a new thread of ours. */
static long
own_start(void)
{
	return syscall(SYS_sched_get_priority_max, 4244);
}

static long
own_running(void)
{
	return syscall(SYS_sched_get_priority_max, 4245);
}

/* End them all. */
static long
own_stop(void)
{
	return syscall(SYS_sched_get_priority_max, 4246);
}

/* Threads of the process that the host lists. */
static int
tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int
exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
calls_of_ours_are_not_caught(void)
{
	int i;

	for (i = 0; i < 6; i++)
		CHECK(getppid() == MAGIC_PPID); /* until its site is patched */
	CHECK(own_start() > 0 && tasks() == 2);
	CHECK(own_start() != MAGIC_PPID);
	CHECK(own_running() == 2 && tasks() == 3);
	CHECK(getppid() == MAGIC_PPID);
	return 0;
}

/* --- calls that are refused to a process with threads -------------------- */

static int
try_unshare(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : SKIP);
	return exit_status(pid);
}

static int
unshare_user(void)
{
	int i;

	if (try_unshare() != 0)
		return SKIP;
	CHECK(own_start() > 0 && own_start() > 0 && tasks() == 3);
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK(own_running() == 2 && tasks() == 3);
	/* What is refused anyway still is. */
	CHECK(unshare(-1) == -1 && errno == EINVAL);
	for (i = 0; i < 20; i++)
		CHECK(unshare(CLONE_THREAD) == 0 && own_running() == 2);
	return 0;
}

/* The first word behind skip in a file of a process; none once it is gone. */
static void
word_of(pid_t pid, const char *file, const char *skip, char word[16])
{
	char path[64], text[256] = "";
	const char *at;
	FILE *f;

	word[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	if (fgets(text, sizeof(text), f) != NULL &&
	    (at = strstr(text, skip)) != NULL)
		(void)sscanf(at + strlen(skip), "%15s", word);
	fclose(f);
}

/* The process gives way for longer than a yield, or has gone on without. */
static bool
naps_or_is_past(pid_t pid)
{
	char call[16], state[16];

	word_of(pid, "syscall", "", call);
	word_of(pid, "stat", ") ", state);
	return state[0] == '\0' || state[0] == 'Z' || state[0] == 't' ||
	       atoi(call) == SYS_nanosleep;
}

/* Lets go of an ended thread only then; what became of the process. */
static int
trace(pid_t pid)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (waitid(P_ALL, 0, &info,
			WEXITED | WSTOPPED | WNOWAIT | __WALL) != 0)
			return -1;
		if (info.si_pid != pid && info.si_code == CLD_EXITED) {
			while (!naps_or_is_past(pid))
				sched_yield();
		}
		if (waitpid(info.si_pid, &status, __WALL) != info.si_pid)
			return -1;
		if (!WIFSTOPPED(status) && info.si_pid == pid)
			return status;
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, info.si_pid, 0,
			    status >> 16 != 0 ? 0 : WSTOPSIG(status));
	}
}

static int
unshare_traced(int go)
{
	char c;

	CHECK(read(go, &c, 1) == 1);
	CHECK(own_start() > 0 && own_start() > 0);
	CHECK(unshare(CLONE_THREAD) == 0);
	CHECK(own_running() == 2);
	return 0;
}

/* A thread that has ended is on the host's lists as long as its tracer wants. */
static int
traced(void)
{
	int go[2];
	pid_t pid;

	if (access("/proc/self/syscall", R_OK) != 0)
		return SKIP;
	CHECK(pipe(go) == 0);
	pid = fork();
	if (pid == 0)
		_exit(unshare_traced(go[0]));
	if (ptrace(PTRACE_SEIZE, pid, 0,
		PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) != 0) {
		kill(pid, SIGKILL);
		return SKIP;
	}
	CHECK(write(go[1], "", 1) == 1);
	CHECK(trace(pid) == 0);
	return 0;
}

static int
set_user(void)
{
	CHECK(own_start() > 0);
	CHECK(setresuid(getuid(), getuid(), getuid()) == 0);
	CHECK(own_running() == 1);
	return 0;
}

/* --- ends ------------------------------------------------------------------ */

static pthread_t first;

static void *
outlive(void *arg)
{
	pthread_join(first, NULL);
	return NULL;
}

/* libc ends the process with its last thread. */
static int
pthread_end(void)
{
	pthread_t t;

	CHECK(own_start() > 0);
	first = pthread_self();
	CHECK(pthread_create(&t, NULL, outlive, NULL) == 0);
	pthread_exit(NULL);
}

/* The host does. */
static int
raw_end(void)
{
	CHECK(own_start() > 0);
	syscall(SYS_exit, 0);
	return 1;
}

static bool
first_has_ended(void)
{
	FILE *f = fopen("/proc/self/stat", "r");
	char state = 0;

	if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		_exit(9);
	fclose(f);
	return state == 'Z';
}

static void *
end_last(void *arg)
{
	while (!first_has_ended())
		sched_yield();
	syscall(SYS_exit, 3);
	return NULL;
}

static int
last_status_child(void)
{
	pthread_t t;

	CHECK(own_start() > 0);
	CHECK(pthread_create(&t, NULL, end_last, NULL) == 0);
	syscall(SYS_exit, 5);
	return 1;
}

/* A process whose threads end one by one has the status of the last. */
static int
last_status(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(last_status_child());
	CHECK(exit_status(pid) == 3);
	return 0;
}

/* --- fork ------------------------------------------------------------------ */

static int
forked_child(void)
{
	CHECK(tasks() == 1);
	CHECK(own_start() > 0 && tasks() == 2);
	CHECK(unshare(CLONE_THREAD) == 0 && own_running() == 1);
	return 0;
}

static int
forks(void)
{
	pid_t pid;
	int i;

	CHECK(own_start() > 0 && own_start() > 0);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (pid == 0)
			_exit(forked_child());
		CHECK(exit_status(pid) == 0);
	}
	CHECK(own_running() == 2);
	return 0;
}

/* --- many -------------------------------------------------------------------- */

static long
mapped_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages;

	if (f == NULL || fscanf(f, "%ld", &pages) != 1)
		_exit(9);
	fclose(f);
	return pages;
}

/* Nothing of a thread stays behind. */
static int
many(void)
{
	long before;

	CHECK(syscall(SYS_sched_get_priority_max, 4247, 10) == 0);
	before = mapped_pages();
	CHECK(syscall(SYS_sched_get_priority_max, 4247, 500) == 0);
	/* They are listed for some time after their end. */
	while (tasks() != 1)
		sched_yield();
	CHECK(mapped_pages() < before + 16); /* one stack */
	return 0;
}

/* --- signals ----------------------------------------------------------------- */

/* The signals that a thread of the process blocks. */
static unsigned long
blocked(long tid)
{
	unsigned long set = 0;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/task/%ld/status", tid);
	f = fopen(line, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "SigBlk: %lx", &set);
	if (f != NULL)
		fclose(f);
	return set;
}

static long
other_task(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	long tid, other = 0;

	while ((e = readdir(d)) != NULL) {
		tid = strtol(e->d_name, NULL, 10);
		if (tid > 0 && tid != getpid())
			other = tid;
	}
	closedir(d);
	return other;
}

static int
signals(void)
{
	unsigned long stubborn = 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1);

	CHECK(own_start() > 0);
	CHECK(blocked(getpid()) == 0);
	CHECK(blocked(other_task()) == ~stubborn);
	return 0;
}

/* --- a handler that interrupts malloc() ---------------------------------- */

#define ROUNDS 200

static volatile sig_atomic_t interrupted;
static volatile bool idle;

static void
start_thread(int sig)
{
	if (own_start() <= 0)
		_exit(9);
	interrupted++;
}

static __attribute__((__noreturn__)) void *
wait_for_end(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	idle = true;
	for (;;)
		pause();
}

/*
 * A second thread makes malloc() take its lock, and sizes beyond the caches of
 * a thread make it do so each time.
 */
static int
in_malloc(void)
{
	struct itimerval it = { .it_value = { 0, 200 } };
	sig_atomic_t before;
	void *block[16];
	pthread_t t;
	int i, k;

	CHECK(pthread_create(&t, NULL, wait_for_end, NULL) == 0);
	while (!idle)
		sched_yield();
	signal(SIGALRM, start_thread);
	for (i = 0; i < ROUNDS; i++) {
		before = interrupted;
		setitimer(ITIMER_REAL, &it, NULL);
		while (interrupted == before) {
			for (k = 0; k < 16; k++)
				block[k] = malloc(4000 + 1000 * (size_t)k);
			for (k = 0; k < 16; k++)
				free(block[k]);
		}
		CHECK(own_running() >= 1 && own_stop() == 0);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "not_caught", calls_of_ours_are_not_caught },
	{ "unshare", unshare_user },
	{ "traced", traced },
	{ "setuid", set_user },
	{ "pthread_end", pthread_end },
	{ "raw_end", raw_end },
	{ "last_status", last_status },
	{ "fork", forks },
	{ "many", many },
	{ "signals", signals },
	{ "in_malloc", in_malloc },
};

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].run();
	}
	return 2;
}
