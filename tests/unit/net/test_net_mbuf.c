/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbufs on an allocator of the test's own, which counts and can fail; moving
 * between mbufs and callers is tested with the socket buffers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kern/libkern.h"
#include "kern/uio.h"
#include "net/mbuf.h"

static size_t outstanding;
static int countdown = -1; /* allocations until one fails */

void *
kmem_alloc(size_t size, enum kmem_flag how)
{
	if (how == KM_NOSLEEP && countdown >= 0 && countdown-- == 0)
		return NULL;
	outstanding += size;
	return malloc(size);
}

void
kmem_free(void *p, size_t size)
{
	outstanding -= size;
	free(p);
}

int
uiomove(void *buf, size_t n, struct uio *uio)
{
	abort();
}

void
panic(const char *fmt, ...)
{
	abort();
}

/* A record of n mbufs holding the bytes 0, 1, 2 ..., per bytes each. */
static struct mbuf *
record(int n, size_t per)
{
	struct mbuf *first = NULL, **tail = &first;
	unsigned char c = 0;
	size_t i;

	for (; n > 0; n--, tail = &(*tail)->m_next) {
		*tail = per > MBUF_LEN ? m_getcl(KM_SLEEP) : m_get(KM_SLEEP);
		for (i = 0; i < per; i++)
			(*tail)->m_data[i] = (char)c++;
		(*tail)->m_len = per;
	}
	return first;
}

static void
assert_counts_from(const struct mbuf *m, size_t off, size_t len, int first)
{
	unsigned char buf[256];
	size_t i;

	m_copydata(m, off, len, buf);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], first + (int)i);
}

static void
a_small_mbuf_is_of_one_allocation(void **state)
{
	struct mbuf *m = m_get(KM_SLEEP);

	assert_int_equal(outstanding, MBUF_SIZE);
	assert_int_equal(m->m_len, 0);
	assert_int_equal(m_trailingspace(m), MBUF_LEN);
	assert_null(m_free(m));
	assert_int_equal(outstanding, 0);
}

static void
a_cluster_has_the_room_it_promises(void **state)
{
	struct mbuf *m = m_getcl(KM_SLEEP);

	assert_int_equal(m_trailingspace(m), MBUF_CLUSTER);
	memset(m->m_data, 1, MBUF_CLUSTER);
	m->m_len = 100;
	assert_int_equal(m_trailingspace(m), MBUF_CLUSTER - 100);
	m_freem(m);
	assert_int_equal(outstanding, 0);
}

static void
cutting_from_the_front_crosses_mbufs(void **state)
{
	struct mbuf *m = record(3, 10);

	assert_int_equal(m_length(m), 30);
	m_adj(m, 15);
	assert_int_equal(m_length(m), 15);
	assert_counts_from(m, 0, 15, 15);
	m_adj(m, 15);
	assert_int_equal(m_length(m), 0);
	m_freem(m);
	assert_int_equal(outstanding, 0);
}

static void
data_are_copied_from_any_place(void **state)
{
	struct mbuf *m = record(4, 10);
	size_t len, off;

	for (off = 0; off <= 40; off++)
		for (len = 0; off + len <= 40; len++)
			assert_counts_from(m, off, len, (int)off);
	m_freem(m);
}

static int freed;
static void *freed_arg;

static void
count_free(void *buf, size_t size, void *arg)
{
	assert_int_equal(size, 64);
	freed++;
	freed_arg = arg;
}

static void
external_storage_is_given_back_once_by_the_last_copy(void **state)
{
	char store[64] = "external";
	struct mbuf *copy, *m;

	freed = 0;
	m = m_getext(store, sizeof(store), count_free, &freed, KM_SLEEP);
	assert_ptr_equal(m->m_data, store);
	assert_int_equal(m->m_len, sizeof(store));
	copy = m_copym(m, 8, KM_SLEEP);
	assert_ptr_equal(copy->m_data, store);
	assert_int_equal(copy->m_len, 8);
	m_adj(m, 60);
	assert_int_equal(m_trailingspace(m), 0);
	m_freem(m);
	assert_int_equal(freed, 0);
	assert_memory_equal(copy->m_data, "external", 8);
	assert_int_equal(m_trailingspace(copy), 56);
	m_freem(copy);
	assert_int_equal(freed, 1);
	assert_ptr_equal(freed_arg, &freed);
	assert_int_equal(outstanding, 0);
}

static void
a_copy_is_cut_to_length_and_keeps_the_original(void **state)
{
	struct mbuf *copy, *m = record(3, 10);

	copy = m_copym(m, 25, KM_SLEEP);
	m_adj(m, 30);
	assert_int_equal(m_length(copy), 25);
	assert_counts_from(copy, 0, 25, 0);
	m_freem(copy);
	m_freem(m);
	assert_int_equal(outstanding, 0);
}

static void
running_out_of_memory_leaks_nothing(void **state)
{
	char store[64];
	struct mbuf *got, *m = record(3, MBUF_LEN + 1);
	size_t before = outstanding;
	int step;

	freed = 0;
	for (step = 0;; step++) {
		countdown = step;
		got = m_getcl(KM_NOSLEEP);
		if (got == NULL)
			assert_int_equal(outstanding, before);
		else
			break;
	}
	assert_int_equal(step, 3);
	countdown = -1;
	m_freem(got);
	for (step = 0;; step++) {
		countdown = step;
		got = m_getext(
		    store, sizeof(store), count_free, NULL, KM_NOSLEEP);
		if (got != NULL)
			break;
		assert_int_equal(outstanding, before);
		assert_int_equal(freed, 0);
	}
	countdown = -1;
	m_freem(got);
	for (step = 0;; step++) {
		countdown = step;
		got = m_copym(m, m_length(m), KM_NOSLEEP);
		if (got != NULL)
			break;
		assert_int_equal(outstanding, before);
	}
	assert_int_equal(step, 3);
	countdown = -1;
	m_freem(got);
	m_freem(m);
	assert_int_equal(outstanding, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_mbuf_is_of_one_allocation),
		cmocka_unit_test(a_cluster_has_the_room_it_promises),
		cmocka_unit_test(cutting_from_the_front_crosses_mbufs),
		cmocka_unit_test(data_are_copied_from_any_place),
		cmocka_unit_test(
		    external_storage_is_given_back_once_by_the_last_copy),
		cmocka_unit_test(
		    a_copy_is_cut_to_length_and_keeps_the_original),
		cmocka_unit_test(running_out_of_memory_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
