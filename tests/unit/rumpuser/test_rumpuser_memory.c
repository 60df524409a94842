/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static void
blocks_are_aligned_and_do_not_overlap(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 31, 32, 33, 64, 100, 512,
		1000, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536,
		65537, 1 << 20 };
	enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]) };
	unsigned char *p[NSIZES];
	size_t i, j;
	void *mem;
	int align;

	for (align = 1; align <= 1 << 18; align *= 2) {
		for (i = 0; i < NSIZES; i++) {
			assert_int_equal(
			    rumpuser_malloc(sizes[i], align, &mem), 0);
			assert_int_equal((uintptr_t)mem % (uintptr_t)align, 0);
			p[i] = mem;
			memset(p[i], (int)i, sizes[i]);
		}
		for (i = 0; i < NSIZES; i++) {
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(p[i][j], i);
			rumpuser_free(p[i], sizes[i]);
		}
	}
}

static void
alignment_0_means_that_of_a_pointer(void **state)
{
	void *mem;

	assert_int_equal(rumpuser_malloc(3, 0, &mem), 0);
	assert_int_equal((uintptr_t)mem % sizeof(void *), 0);
	rumpuser_free(mem, 3);
}

static void
odd_alignment(void)
{
	void *mem;

	rumpuser_malloc(10, 24, &mem);
}

static void
negative_alignment(void)
{
	void *mem;

	rumpuser_malloc(10, -8, &mem);
}

static void
an_alignment_that_is_no_power_of_two_aborts(void **state)
{
	assert_int_equal(WTERMSIG(mock_in_child(odd_alignment)), SIGABRT);
	assert_int_equal(WTERMSIG(mock_in_child(negative_alignment)), SIGABRT);
}

static void
free_of_null_does_nothing(void **state)
{
	rumpuser_free(NULL, 0);
}

static long mapped; /* bytes */

static long
count_mappings(long nr, const long arg[6])
{
	if (nr == SYS_mmap)
		mapped += arg[1];
	else if (nr == SYS_munmap)
		mapped -= arg[1];
	return MOCK_GO_ON;
}

#define NBLOCKS 20000

static void
memory_goes_back_to_the_host(void **state)
{
	static void *p[NBLOCKS];
	int i, round;

	mock_hook_set(count_mappings);
	mapped = 0;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < NBLOCKS; i++)
			assert_int_equal(rumpuser_malloc(200, 0, &p[i]), 0);
		assert_true(mapped >= NBLOCKS * 200);
		for (i = 0; i < NBLOCKS; i++)
			rumpuser_free(p[(i * 7919) % NBLOCKS], 200);
		assert_in_range(mapped, 0, 65536);
	}
	assert_int_equal(rumpuser_malloc(1 << 20, 1 << 17, &p[0]), 0);
	rumpuser_free(p[0], 1 << 20);
	assert_in_range(mapped, 0, 65536);
}

static long
no_memory(long nr, const long arg[6])
{
	return nr == SYS_mmap ? -ENOMEM : MOCK_GO_ON;
}

static void
want_of_memory_is_enomem_and_null(void **state)
{
	static const size_t sizes[] = { 1, 5000, 16384, 20000, 1 << 24 };
	int dummy, error;
	size_t i, n;
	void *mem;

	mock_hook_set(no_memory);
	for (i = 0; i < 5; i++) {
		for (n = 0;; n++) {
			mem = &dummy;
			error = rumpuser_malloc(sizes[i], 0, &mem);
			if (error != 0)
				break;
			/* What a chunk still had room for. */
			assert_true(n < 65536 / 32);
		}
		assert_int_equal(error, RUMP_ENOMEM);
		assert_null(mem);
	}
	mock_hook_set(NULL);
}

static void
sizes_beyond_the_address_space_are_enomem(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4095,
		SIZE_MAX / 2, (size_t)1 << 50 };
	size_t i;
	void *mem;

	for (i = 0; i < 5; i++) {
		assert_int_equal(
		    rumpuser_malloc(sizes[i], 0, &mem), RUMP_ENOMEM);
		assert_null(mem);
		assert_int_equal(
		    rumpuser_malloc(sizes[i], 1 << 30, &mem), RUMP_ENOMEM);
	}
}

static void
anonmmap_gives_zeroed_pages_with_the_alignment_asked_for(void **state)
{
	static const char zeros[8192];
	int bit;
	void *mem;

	for (bit = 0; bit <= 24; bit++) {
		assert_int_equal(
		    rumpuser_anonmmap(NULL, 8192, bit, 0, &mem), 0);
		assert_int_equal((uintptr_t)mem % (1UL << bit), 0);
		assert_int_equal((uintptr_t)mem % 4096, 0);
		assert_memory_equal(mem, zeros, sizeof(zeros));
		memset(mem, 1, sizeof(zeros));
		rumpuser_unmap(mem, 8192);
	}
}

static void
anonmmap_refuses_alignments_that_cannot_be(void **state)
{
	void *mem = &mem;

	assert_int_equal(
	    rumpuser_anonmmap(NULL, 4096, -1, 0, &mem), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_anonmmap(NULL, 4096, 64, 0, &mem), RUMP_EINVAL);
	assert_int_equal(rumpuser_anonmmap(NULL, 0, 0, 0, &mem), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_anonmmap(NULL, SIZE_MAX, 0, 0, &mem), RUMP_ENOMEM);
	assert_ptr_equal(mem, &mem);
}

static void
anonmmap_makes_memory_executable_on_demand(void **state)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	void *mem;

	assert_int_equal(rumpuser_anonmmap(NULL, 4096, 0, 1, &mem), 0);
	memcpy(mem, code, sizeof(code));
	assert_int_equal(((int (*)(void))mem)(), 42);
	rumpuser_unmap(mem, 4096);
}

#define NTHREADS 4
#define ROUNDS 4000
#define KEEP 64

static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	struct {
		unsigned char *p;
		size_t len;
	} kept[KEEP] = { 0 };
	void *mem;
	int i, k;

	for (i = 0; i < ROUNDS; i++) {
		k = rand_r(&seed) % KEEP;
		if (kept[k].p != NULL && kept[k].len > 0)
			MOCK_CHECK(kept[k].p[0] == k &&
				   kept[k].p[kept[k].len - 1] == k);
		rumpuser_free(kept[k].p, kept[k].len);
		kept[k].len =
		    (size_t)rand_r(&seed) % (i % 64 == 0 ? 70000 : 600);
		MOCK_CHECK(rumpuser_malloc(kept[k].len, 0, &mem) == 0);
		kept[k].p = mem;
		memset(mem, k, kept[k].len);
	}
	for (k = 0; k < KEEP; k++)
		rumpuser_free(kept[k].p, kept[k].len);
	return NULL;
}

static void
threads_do_not_get_each_others_memory(void **state)
{
	pthread_t t[NTHREADS];
	int i;

	for (i = 0; i < NTHREADS; i++)
		pthread_create(&t[i], NULL, churn, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(blocks_are_aligned_and_do_not_overlap),
		MOCK_TEST(alignment_0_means_that_of_a_pointer),
		MOCK_TEST(an_alignment_that_is_no_power_of_two_aborts),
		MOCK_TEST(free_of_null_does_nothing),
		MOCK_TEST(memory_goes_back_to_the_host),
		MOCK_TEST(want_of_memory_is_enomem_and_null),
		MOCK_TEST(sizes_beyond_the_address_space_are_enomem),
		MOCK_TEST(
		    anonmmap_gives_zeroed_pages_with_the_alignment_asked_for),
		MOCK_TEST(anonmmap_refuses_alignments_that_cannot_be),
		MOCK_TEST(anonmmap_makes_memory_executable_on_demand),
		MOCK_TEST(threads_do_not_get_each_others_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
