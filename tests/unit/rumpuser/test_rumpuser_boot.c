/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A life of a kernel: the hypercalls of a boot in their order, the threads that
 * every kernel has, work for all of them, and the halt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define NCPU 2
#define TICKS 5
#define WORKERS 4
#define ROUNDS 300

static struct lwp lwp0;
static struct rumpuser_mtx *giant, *start_mtx;
static struct rumpuser_cv *start_cv;
static bool cpus_attached; /* start_mtx */

/* --- before there are threads ---------------------------------------------- */

static void
ask_parameters(void)
{
	char buf[256];

	MOCK_CHECK(
	    rumpuser_getparam("RUMP_THREADS", buf, sizeof(buf)) == RUMP_ENOENT);
	MOCK_CHECK(
	    rumpuser_getparam("RUMP_VERBOSE", buf, sizeof(buf)) == RUMP_ENOENT);
	MOCK_CHECK(
	    rumpuser_getparam(RUMPUSER_PARAM_NCPU, buf, sizeof(buf)) == 0);
	MOCK_CHECK(atoi(buf) == NCPU);
}

static void
take_memory(void)
{
	uint32_t seed[8];
	char buf[64];
	size_t got;
	void *mem;

	MOCK_CHECK(rumpuser_getparam("RUMP_MEMLIMIT", buf, sizeof(buf)) ==
		   RUMP_ENOENT);
	MOCK_CHECK(rumpuser_malloc(100, 0, &mem) == 0);
	rumpuser_free(mem, 100);
	MOCK_CHECK(rumpuser_anonmmap(NULL, 65536, 16, 0, &mem) == 0);
	MOCK_CHECK(((uintptr_t)mem & 65535) == 0);
	rumpuser_unmap(mem, 65536);
	MOCK_CHECK(rumpuser_getrandom(seed, sizeof(seed), 0, &got) == 0);
}

static void
become_lwp0(void)
{
	rumpuser_curlwpop(RUMPUSER_LWP_CREATE, &lwp0);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp0);
	MOCK_CHECK(rumpuser_curlwp() == &lwp0);
}

/* --- threads ----------------------------------------------------------------- */

/* As every kernel thread begins: it has no CPU yet. */
static void
wait_for_cpus(void)
{
	rumpuser_mutex_enter_nowrap(start_mtx);
	while (!cpus_attached)
		rumpuser_cv_wait_nowrap(start_cv, start_mtx);
	rumpuser_mutex_exit(start_mtx);
}

static void *
clock_thread(void *arg)
{
	struct lwp *l = arg;
	int64_t sec;
	long nsec;
	int i;

	wait_for_cpus();
	mock_enter(l);
	MOCK_CHECK(
	    rumpuser_clock_gettime(RUMPUSER_CLOCK_ABSMONO, &sec, &nsec) == 0);
	for (i = 0; i < TICKS; i++) {
		nsec += 1000000;
		sec += nsec / 1000000000;
		nsec %= 1000000000;
		MOCK_CHECK(rumpuser_clock_sleep(
			       RUMPUSER_CLOCK_ABSMONO, sec, nsec) == 0);
	}
	mock_leave();
	rumpuser_thread_exit();
}

static struct {
	struct rumpuser_mtx *mtx;  /* KMUTEX */
	struct rumpuser_mtx *spin; /* SPIN | KMUTEX */
	struct rumpuser_cv *cv;    /* mtx */
	struct rumpuser_rw *rw;
	int turn;  /* mtx */
	long sum;  /* rw */
	long spun; /* spin */
	_Atomic int transfers;
	int disk;
} work;

static void
transferred(void *arg, size_t bytes, int error)
{
	MOCK_CHECK(mock_scheduled() && error == 0);
	work.transfers++;
}

/* Round robin. */
static void
take_turn(int id)
{
	rumpuser_mutex_enter(work.mtx);
	while (work.turn % WORKERS != id)
		rumpuser_cv_wait(work.cv, work.mtx);
	work.turn++;
	rumpuser_cv_broadcast(work.cv);
	rumpuser_mutex_exit(work.mtx);
}

static void
share(int round)
{
	long before;

	if (round % 3 == 0) {
		rumpuser_rw_enter(RUMPUSER_RW_WRITER, work.rw);
		work.sum++;
		rumpuser_rw_downgrade(work.rw);
	} else {
		rumpuser_rw_enter(RUMPUSER_RW_READER, work.rw);
	}
	before = work.sum;
	MOCK_CHECK(before == work.sum);
	rumpuser_rw_exit(work.rw);
}

static void
spin(void)
{
	rumpuser_mutex_enter(work.spin);
	work.spun++;
	rumpuser_mutex_exit(work.spin);
}

struct worker {
	struct lwp lwp;
	int id;
	void *cookie;
	char data[512];
};

static void *
worker_thread(void *arg)
{
	struct worker *w = arg;
	int i;

	wait_for_cpus();
	mock_enter(&w->lwp);
	/* For locks that are held briefly. */
	mock_allow_blocking(true);
	for (i = 0; i < ROUNDS; i++) {
		take_turn(w->id);
		share(i);
		spin();
		if (i % 10 == 0)
			rumpuser_bio(work.disk, RUMPUSER_BIO_READ, w->data,
			    sizeof(w->data), 512L * w->id, transferred, w);
	}
	mock_leave();
	rumpuser_thread_exit();
}

/* --- components ---------------------------------------------------------------- */

static _Atomic int symbol_tables;

static void
modinit(const struct modinfo *const *mip, size_t n)
{
}

static int
symload(void *symtab, uint64_t symbytes, char *strtab, uint64_t strbytes)
{
	return ++symbol_tables == 1 ? 0 : RUMP_EBUSY;
}

static void
compload(const struct rump_component *rc)
{
}

/* --- the life ------------------------------------------------------------------ */

static void
boot(void)
{
	int64_t sec;
	long nsec;

	become_lwp0();
	ask_parameters();
	rumpuser_mutex_init(&start_mtx, RUMPUSER_MTX_SPIN);
	rumpuser_cv_init(&start_cv);
	MOCK_CHECK(
	    rumpuser_clock_gettime(RUMPUSER_CLOCK_RELWALL, &sec, &nsec) == 0);
	rumpuser_mutex_init(&giant, RUMPUSER_MTX_SPIN);
	take_memory();
	rumpuser_mutex_init(&work.mtx, RUMPUSER_MTX_KMUTEX);
	rumpuser_mutex_init(
	    &work.spin, RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	rumpuser_cv_init(&work.cv);
	rumpuser_rw_init(&work.rw);
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, &lwp0);
	MOCK_CHECK(rumpuser_curlwp() == NULL);
}

static void
attach_cpus(void)
{
	mock_allow_blocking(true);
	rumpuser_mutex_enter_nowrap(start_mtx);
	cpus_attached = true;
	rumpuser_cv_broadcast(start_cv);
	rumpuser_mutex_exit(start_mtx);
	mock_allow_blocking(false);
}

static void
start_threads(struct worker *workers, void **clockp)
{
	static struct lwp ticker;
	int i;

	MOCK_CHECK(rumpuser_thread_create(
		       clock_thread, &ticker, "clock", 1, 0, -1, clockp) == 0);
	for (i = 0; i < WORKERS; i++) {
		workers[i].id = i;
		MOCK_CHECK(
		    rumpuser_thread_create(worker_thread, &workers[i], "worker",
			1, 0, i % NCPU, &workers[i].cookie) == 0);
	}
}

static void
end_objects(void)
{
	rumpuser_rw_destroy(work.rw);
	rumpuser_cv_destroy(work.cv);
	rumpuser_mutex_destroy(work.spin);
	rumpuser_mutex_destroy(work.mtx);
	rumpuser_mutex_destroy(giant);
	rumpuser_cv_destroy(start_cv);
	rumpuser_mutex_destroy(start_mtx);
}

static void
live(void)
{
	static struct worker workers[WORKERS];
	char name[256];
	void *clock_cookie;
	int i;

	mock_start(NCPU);
	work.disk = memfd_create("disk", 0);
	MOCK_CHECK(ftruncate(work.disk, 65536) == 0);
	boot();
	mock_enter(&lwp0);
	start_threads(workers, &clock_cookie);
	attach_cpus();
	rumpuser_dl_bootstrap(modinit, symload, compload);
	MOCK_CHECK(symbol_tables == 1);
	MOCK_CHECK(rumpuser_getparam(
		       RUMPUSER_PARAM_HOSTNAME, name, sizeof(name)) == 0);
	MOCK_CHECK(rumpuser_thread_join(clock_cookie) == 0);
	for (i = 0; i < WORKERS; i++)
		MOCK_CHECK(rumpuser_thread_join(workers[i].cookie) == 0);
	mock_leave();
	mock_wait_for(&work.transfers, WORKERS * ROUNDS / 10);
	MOCK_CHECK(work.turn == WORKERS * ROUNDS);
	MOCK_CHECK(work.sum == WORKERS * ROUNDS / 3);
	MOCK_CHECK(work.spun == WORKERS * ROUNDS);
	end_objects();
	rumpuser_exit(0);
}

static void
a_kernel_boots_works_and_halts(void **state)
{
	char out[64] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		live();
	}
	close(fds[1]);
	n = read(fds[0], out, sizeof(out) - 1);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(n > 0);
	assert_string_equal(out, "halted\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_boots_works_and_halts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
