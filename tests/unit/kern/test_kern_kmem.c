/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/kmem.h"
#include "rump/rumphost.h"

static void
every_size_is_aligned_zeroed_and_its_own(void **state)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 127, 128, 129, 160, 161,
		255, 256, 257, 1000, 4095, 4096, 4097, 20000, 32768, 65535,
		65536, 65537, 131056, 131072, 131073, 1 << 20 };
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	size_t before = kmem_outstanding();
	unsigned char *p[N];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			p[i] = kmem_zalloc(sizes[i], KM_SLEEP);
			assert_int_equal((uintptr_t)p[i] % 16, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(p[i][k], 0);
			memset(p[i], i + 1, sizes[i]);
		}
		for (int i = 0; i < N; i++) {
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(p[i][k], i + 1);
			kmem_free(p[i], sizes[i]);
		}
	}
	assert_int_equal(kmem_outstanding(), before);
}

static void
outstanding_counts_bytes_handed_out(void **state)
{
	size_t before = kmem_outstanding();
	void *p = kmem_alloc(100, KM_SLEEP), *q = kmem_alloc(300000, KM_SLEEP);

	assert_int_equal(kmem_outstanding(), before + 300100);
	kmem_free(p, 100);
	kmem_free(q, 300000);
	kmem_free(NULL, 12);
	assert_int_equal(kmem_outstanding(), before);
}

static void
freed_memory_is_used_again(void **state)
{
	size_t host;
	void *p[200];

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 200; i++)
			p[i] = kmem_alloc(500, KM_SLEEP);
		for (int i = 0; i < 200; i++)
			kmem_free(p[i], 500);
		if (round == 0)
			host = kmem_hostbytes();
	}
	assert_int_equal(kmem_hostbytes(), host);
}

#define SLOTS 64
static _Atomic(void *) slots[SLOTS];

/* Each thread allocates and frees what whoever allocated before it. */
static void *
exchange(void *arg)
{
	unsigned r = (unsigned)(uintptr_t)arg;
	unsigned char *p;

	rump_schedule();
	for (int i = 0; i < 20000; i++) {
		r = r * 1103515245 + 12345;
		p = kmem_alloc(200, KM_SLEEP);
		memset(p, 0xaa, 200);
		p = atomic_exchange(&slots[r >> 8 & (SLOTS - 1)], p);
		if (p != NULL)
			kmem_free(p, 200);
	}
	rump_unschedule();
	return NULL;
}

static void
threads_free_what_others_allocated(void **state)
{
	size_t before = kmem_outstanding();
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		t[i] = spawn(exchange, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < 4; i++)
		join(t[i]);
	for (int i = 0; i < SLOTS; i++)
		if (slots[i] != NULL)
			kmem_free(atomic_exchange(&slots[i], NULL), 200);
	assert_int_equal(kmem_outstanding(), before);
}

static void
injected_failures_hit_only_the_nth_that_may_fail(void **state)
{
	void *p;

	kmem_fail_nth(2);
	p = kmem_alloc(32, KM_NOSLEEP);
	assert_non_null(p);
	kmem_free(p, 32);
	p = kmem_alloc(32, KM_SLEEP);
	assert_non_null(p);
	kmem_free(p, 32);
	assert_null(kmem_alloc(32, KM_NOSLEEP));
	p = kmem_alloc(32, KM_NOSLEEP);
	assert_non_null(p);
	kmem_free(p, 32);
}

static void
the_limit_and_absurd_sizes_make_nosleep_fail(void **state)
{
	void *p;

	kmem_setlimit(kmem_hostbytes() + 4096);
	assert_null(kmem_alloc(1 << 20, KM_NOSLEEP));
	kmem_setlimit(SIZE_MAX);
	p = kmem_alloc(1 << 20, KM_NOSLEEP);
	assert_non_null(p);
	kmem_free(p, 1 << 20);
	assert_null(kmem_alloc(SIZE_MAX - 8, KM_NOSLEEP));
	assert_null(kmem_alloc((size_t)1 << 60, KM_NOSLEEP));
}

static void *
sleep_for_memory(void *arg)
{
	_Atomic int *got = arg;
	void *p;

	rump_schedule();
	p = kmem_alloc(1 << 20, KM_SLEEP);
	atomic_store(got, p != NULL ? 1 : -1);
	kmem_free(p, 1 << 20);
	rump_unschedule();
	return NULL;
}

static void
sleep_waits_until_there_is_memory(void **state)
{
	_Atomic int got = 0;
	pthread_t t;

	kmem_setlimit(1);
	t = spawn(sleep_for_memory, (void *)&got);
	kmem_setlimit(SIZE_MAX);
	join(t);
	assert_int_equal(got, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_aligned_zeroed_and_its_own),
		cmocka_unit_test(outstanding_counts_bytes_handed_out),
		cmocka_unit_test(freed_memory_is_used_again),
		cmocka_unit_test(threads_free_what_others_allocated),
		cmocka_unit_test(
		    injected_failures_hit_only_the_nth_that_may_fail),
		cmocka_unit_test(the_limit_and_absurd_sizes_make_nosleep_fail),
		cmocka_unit_test(sleep_waits_until_there_is_memory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
