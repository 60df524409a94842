/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define BLOCK 512
#define READ RUMPUSER_BIO_READ
#define WRITE RUMPUSER_BIO_WRITE
#define SYNC RUMPUSER_BIO_SYNC

static struct lwp lwp1;
static int disk = -1;

/* --- the worker's end: it waits for two seconds before it goes -------------- */

static _Atomic bool impatient;

static long
time_passes(long nr, const long arg[6])
{
	int op = (int)arg[1] & FUTEX_CMD_MASK;

	if (impatient && nr == SYS_futex && op == FUTEX_WAIT_BITSET &&
	    arg[3] != 0)
		return -ETIMEDOUT;
	return MOCK_GO_ON;
}

static int
setup(void **state)
{
	mock_start(2);
	disk = memfd_create("disk", 0);
	impatient = false;
	mock_hook_set(time_passes);
	return disk == -1 || ftruncate(disk, 1024L * BLOCK) != 0;
}

struct outcome {
	_Atomic int calls;
	size_t bytes;
	int error;
	bool scheduled;
	pthread_t thread;
};

static void
note(void *arg, size_t bytes, int error)
{
	struct outcome *oc = arg;

	oc->bytes = bytes;
	oc->error = error;
	oc->scheduled = mock_scheduled();
	oc->thread = pthread_self();
	oc->calls++;
}

static void
request(int fd, int op, void *data, size_t len, int64_t off, struct outcome *oc)
{
	oc->calls = 0;
	mock_enter(&lwp1);
	rumpuser_bio(fd, op, data, len, off, note, oc);
	mock_leave();
}

/* The same, and wait for the outcome. */
static void
carry_out(
    int fd, int op, void *data, size_t len, int64_t off, struct outcome *oc)
{
	request(fd, op, data, len, off, oc);
	mock_wait_for(&oc->calls, 1);
}

static int
teardown(void **state)
{
	struct outcome oc;
	char byte;
	bool kept = mock_scheduled();

	if (kept)
		mock_leave();
	mock_hook_set(time_passes);
	mock_refuse_threads(0);
	impatient = true;
	/* It may be asleep. */
	carry_out(disk, READ, &byte, 1, 0, &oc);
	mock_wait_for(&mock_threads_alive, 0);
	close(disk);
	mock_stop();
	return kept ? -1 : 0;
}

/* --- one request ------------------------------------------------------------ */

static char seen_before_done[64];

static void
note_the_way(void *arg, size_t bytes, int error)
{
	const struct mock_event *e = mock_log_get(MOCK_NEWLWP, 0);

	MOCK_CHECK(e->e_value == 0);
	e = mock_log_get(MOCK_ACQUIRE, 0);
	MOCK_CHECK(e->e_value == 0 && e->e_object == NULL);
	snprintf(seen_before_done, sizeof(seen_before_done), "%zu%zu%zu%zu",
	    mock_log_count(MOCK_ENTER), mock_log_count(MOCK_LEAVE),
	    mock_log_count(MOCK_ACQUIRE), mock_log_count(MOCK_RELEASE));
	note(arg, bytes, error);
}

static void
the_worker_has_an_lwp_of_process_0_and_a_cpu_for_done_alone(void **state)
{
	char data[BLOCK] = "written by another thread", back[BLOCK];
	struct outcome oc = { .calls = 0 };

	mock_enter(&lwp1);
	rumpuser_bio(
	    disk, WRITE, data, sizeof(data), 3 * BLOCK, note_the_way, &oc);
	mock_leave();
	mock_wait_for(&oc.calls, 1);
	assert_string_equal(seen_before_done, "1110");
	assert_true(oc.scheduled);
	assert_false(pthread_equal(oc.thread, pthread_self()));
	assert_int_equal(oc.error, 0);
	assert_int_equal(oc.bytes, BLOCK);
	assert_int_equal(pread(disk, back, BLOCK, 3 * BLOCK), BLOCK);
	assert_memory_equal(data, back, BLOCK);
	assert_int_equal(mock_threads_made, 1);
}

static void
the_caller_gives_its_cpu_and_giant_lock_up_once(void **state)
{
	struct outcome oc = { .calls = 0 };
	char data[BLOCK];

	mock_enter(&lwp1);
	mock_giant_set(3);
	rumpuser_bio(disk, READ, data, sizeof(data), 0, note, &oc);
	assert_int_equal(mock_log_count(MOCK_RELEASE), 1);
	assert_int_equal(mock_log_count(MOCK_ACQUIRE), 1);
	assert_int_equal(mock_log_get(MOCK_ACQUIRE, 0)->e_value, 3);
	assert_int_equal(mock_giant(), 3);
	assert_true(mock_scheduled());
	mock_giant_set(0);
	mock_leave();
	mock_wait_for(&oc.calls, 1);
}

static void
a_short_transfer_is_a_success(void **state)
{
	char data[4 * BLOCK];
	struct outcome oc;

	assert_int_equal(ftruncate(disk, 2 * BLOCK), 0);
	carry_out(disk, READ, data, sizeof(data), BLOCK, &oc);
	assert_int_equal(oc.error, 0);
	assert_int_equal(oc.bytes, BLOCK);
	carry_out(disk, READ, data, sizeof(data), 2 * BLOCK, &oc);
	assert_int_equal(oc.error, 0);
	assert_int_equal(oc.bytes, 0);
}

static long
refuse_write(long nr, const long arg[6])
{
	return nr == SYS_pwrite64 ? -EDQUOT : time_passes(nr, arg);
}

static void
an_error_is_translated_and_has_no_bytes(void **state)
{
	char data[BLOCK] = "";
	struct outcome oc = { .bytes = 7 };

	carry_out(-1, READ, data, sizeof(data), 0, &oc);
	assert_int_equal(oc.error, RUMP_EBADF);
	assert_int_equal(oc.bytes, 0);
	mock_hook_set(refuse_write);
	carry_out(disk, WRITE, data, sizeof(data), 0, &oc);
	assert_int_equal(oc.error, RUMP_EDQUOT);
}

static _Atomic int writes, syncs, sync_error;

static long
count_syncs(long nr, const long arg[6])
{
	if (nr == SYS_pwrite64)
		writes++;
	if (nr != SYS_fsync)
		return time_passes(nr, arg);
	MOCK_CHECK(writes == 1);
	syncs++;
	return sync_error;
}

static void
only_a_synchronous_write_is_flushed_and_after_it(void **state)
{
	char data[BLOCK] = "";
	struct outcome oc;

	mock_hook_set(count_syncs);
	writes = syncs = sync_error = 0;
	carry_out(disk, WRITE, data, BLOCK, 0, &oc);
	carry_out(disk, READ | SYNC, data, BLOCK, 0, &oc);
	assert_int_equal(syncs, 0);
	writes = 0;
	carry_out(disk, WRITE | SYNC, data, BLOCK, 0, &oc);
	assert_int_equal(syncs, 1);
	assert_int_equal(oc.bytes, BLOCK);
	writes = 0;
	sync_error = -EIO;
	carry_out(disk, WRITE | SYNC, data, BLOCK, 0, &oc);
	assert_int_equal(oc.error, RUMP_EIO);
	assert_int_equal(oc.bytes, 0);
}

static _Atomic int interruptions;

static long
interrupt_twice(long nr, const long arg[6])
{
	if (nr == SYS_pread64 && interruptions > 0) {
		interruptions--;
		return -EINTR;
	}
	return time_passes(nr, arg);
}

static void
signals_do_not_end_a_transfer(void **state)
{
	char data[BLOCK];
	struct outcome oc;

	interruptions = 2;
	mock_hook_set(interrupt_twice);
	carry_out(disk, READ, data, BLOCK, 0, &oc);
	assert_int_equal(oc.error, 0);
	assert_int_equal(interruptions, 0);
}

/* --- many ------------------------------------------------------------------- */

#define LINE 300

static _Atomic int order_broken;
static int next_in_line;

static void
note_order(void *arg, size_t bytes, int error)
{
	_Atomic int *done = arg;

	if ((int)(intptr_t)*done != next_in_line++)
		order_broken = 1;
	*done = -1;
}

static void
requests_are_done_in_their_order(void **state)
{
	static _Atomic int line[LINE];
	char data[BLOCK];
	int i;

	next_in_line = 0;
	mock_enter(&lwp1);
	for (i = 0; i < LINE; i++) {
		line[i] = i;
		rumpuser_bio(disk, READ, data, BLOCK, 0, note_order,
		    (void *)(uintptr_t)&line[i]);
	}
	mock_leave();
	mock_wait_for(&line[LINE - 1], -1);
	assert_int_equal(order_broken, 0);
	assert_int_equal(next_in_line, LINE);
	assert_int_equal(mock_threads_made, 1);
}

static _Atomic int gate;

static long
stop_at_gate(long nr, const long arg[6])
{
	if (nr == SYS_pread64) {
		gate = 1;
		mock_wait_for(&gate, 2);
	}
	return time_passes(nr, arg);
}

static _Atomic int submitted;

static void *
submit_129(void *arg)
{
	struct outcome *oc = arg;
	static char data[BLOCK];
	static struct lwp lwp;
	int i;

	mock_enter(&lwp);
	for (i = 0; i < 129; i++) {
		rumpuser_bio(disk, READ, data, BLOCK, 0, note, oc);
		submitted++;
	}
	mock_leave();
	return NULL;
}

static void
a_caller_waits_without_a_cpu_when_the_ring_is_full(void **state)
{
	struct outcome oc = { .calls = 0 };
	pthread_t t;

	mock_stop();
	mock_start(1);
	mock_hook_set(stop_at_gate);
	gate = submitted = 0;
	pthread_create(&t, NULL, submit_129, &oc);
	mock_wait_for(&gate, 1);
	/* One is under way and 127 wait. */
	mock_wait_for(&submitted, 128);
	mock_wait_sleepers(1);
	/* This is the only CPU. */
	mock_enter(&lwp1);
	mock_leave();
	assert_int_equal(submitted, 128);
	gate = 2;
	mock_hook_set(time_passes);
	pthread_join(t, NULL);
	mock_wait_for(&oc.calls, 129);
}

#define SUBMITTERS 4
#define ROUNDS 400

struct submitter {
	pthread_t thread;
	struct lwp lwp;
	int id;
};

/* Each has its own part of the disk, and knows what it wrote there. */
static void *
write_and_read(void *arg)
{
	struct submitter *su = arg;
	unsigned seed = (unsigned)su->id;
	uint32_t wrote[16] = { 0 }, data, at;
	struct outcome oc;
	int i;

	memset(&oc, 0, sizeof(oc));
	mock_enter(&su->lwp);
	for (i = 1; i <= ROUNDS; i++) {
		at = (uint32_t)rand_r(&seed) % 16;
		data = wrote[at] = (uint32_t)i;
		oc.calls = 0;
		rumpuser_bio(disk, WRITE, &data, sizeof(data),
		    (su->id * 16 + at) * BLOCK, note, &oc);
		mock_leave();
		mock_wait_for(&oc.calls, 1);
		mock_enter(&su->lwp);
		at = (uint32_t)rand_r(&seed) % 16;
		oc.calls = 0;
		rumpuser_bio(disk, READ, &data, sizeof(data),
		    (su->id * 16 + at) * BLOCK, note, &oc);
		mock_leave();
		mock_wait_for(&oc.calls, 1);
		mock_enter(&su->lwp);
		MOCK_CHECK(oc.error == 0 && data == wrote[at]);
	}
	mock_leave();
	return NULL;
}

static void
traffic_of_many_threads(bool hurry)
{
	struct submitter su[SUBMITTERS];
	int i;

	impatient = hurry;
	for (i = 0; i < SUBMITTERS; i++) {
		su[i].id = i;
		pthread_create(&su[i].thread, NULL, write_and_read, &su[i]);
	}
	for (i = 0; i < SUBMITTERS; i++)
		pthread_join(su[i].thread, NULL);
}

static void
many_threads_get_what_they_wrote(void **state)
{
	traffic_of_many_threads(false);
	assert_int_equal(mock_threads_made, 1);
}

static void
so_they_do_when_the_worker_comes_and_goes(void **state)
{
	traffic_of_many_threads(true);
	assert_true(mock_threads_made > 1);
}

/* --- without a worker ------------------------------------------------------ */

static void
in_the_callers_thread(void)
{
	static const long numbers[] = { SYS_pwrite64, SYS_fsync };
	struct outcome oc = { .calls = 0 };
	char data[BLOCK] = "";

	mock_enter(&lwp1);
	mock_giant_set(2);
	rumpuser_bio(disk, WRITE | SYNC, data, BLOCK, 0, note, &oc);
	mock_log_expect("R##A", numbers);
	assert_int_equal(mock_giant(), 2);
	mock_giant_set(0);
	mock_leave();
	assert_int_equal(oc.calls, 1);
	assert_true(oc.scheduled);
	assert_true(pthread_equal(oc.thread, pthread_self()));
	assert_int_equal(oc.bytes, BLOCK);
	assert_int_equal(mock_threads_made, 0);
}

static void
without_threads_all_is_done_before_the_return(void **state)
{
	mock_env_set("RUMP_THREADS", "0");
	in_the_callers_thread();
	mock_env_set("RUMP_THREADS", NULL);
}

static void
so_it_is_when_the_host_has_no_thread_left(void **state)
{
	mock_refuse_threads(-ENOMEM);
	in_the_callers_thread();
}

static void
the_worker_goes_when_idle_and_another_comes(void **state)
{
	char data[BLOCK];
	struct outcome oc;

	impatient = true;
	carry_out(disk, READ, data, BLOCK, 0, &oc);
	mock_wait_for(&mock_threads_alive, 0);
	carry_out(disk, READ, data, BLOCK, 0, &oc);
	assert_int_equal(mock_threads_made, 2);
}

#define BIO_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BIO_TEST(
		    the_worker_has_an_lwp_of_process_0_and_a_cpu_for_done_alone),
		BIO_TEST(the_caller_gives_its_cpu_and_giant_lock_up_once),
		BIO_TEST(a_short_transfer_is_a_success),
		BIO_TEST(an_error_is_translated_and_has_no_bytes),
		BIO_TEST(only_a_synchronous_write_is_flushed_and_after_it),
		BIO_TEST(signals_do_not_end_a_transfer),
		BIO_TEST(requests_are_done_in_their_order),
		BIO_TEST(a_caller_waits_without_a_cpu_when_the_ring_is_full),
		BIO_TEST(many_threads_get_what_they_wrote),
		BIO_TEST(so_they_do_when_the_worker_comes_and_goes),
		BIO_TEST(without_threads_all_is_done_before_the_return),
		BIO_TEST(so_it_is_when_the_host_has_no_thread_left),
		BIO_TEST(the_worker_goes_when_idle_and_another_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
