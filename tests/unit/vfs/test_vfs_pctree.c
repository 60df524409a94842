/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pctree.h"

static int items[64];

static void
items_are_found_where_they_were_put(void **state)
{
	static const uint64_t index[] = { 0, 1, 63, 64, 65, 4095, 4096, 262144,
		UINT64_C(1) << 40, UINT64_MAX >> 1, UINT64_MAX };
	enum { N = sizeof(index) / sizeof(index[0]) };
	struct pctree pt = { 0 };
	size_t before = kmem_outstanding();
	uint64_t at = 0;

	assert_null(pctree_get(&pt, 0));
	assert_null(pctree_next(&pt, &at));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(pctree_insert(&pt, index[i], &items[i]), 0);
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(pctree_get(&pt, index[i]), &items[i]);
	assert_null(pctree_get(&pt, 2));
	assert_null(pctree_get(&pt, 1000));
	for (size_t i = 0; i < N; i++) {
		assert_ptr_equal(pctree_next(&pt, &at), &items[i]);
		assert_int_equal(at, index[i]);
		at++;
	}
	for (size_t i = N; i-- > 0;)
		pctree_remove(&pt, index[i]);
	assert_null(pt.pt_root);
	assert_int_equal(kmem_outstanding(), before);
}

static void
random_operations_agree_with_an_array(void **state)
{
	static void *model[5000];
	struct pctree pt = { 0 };
	size_t before = kmem_outstanding();
	unsigned seed = 3;

	for (int i = 0; i < 100000; i++) {
		uint64_t index = (uint64_t)rand_r(&seed) % 5000, at = index;
		uint64_t want = index;

		if (model[index] != NULL) {
			pctree_remove(&pt, index);
			model[index] = NULL;
		} else if (i < 80000) {
			model[index] = &items[i % 64];
			assert_int_equal(
			    pctree_insert(&pt, index, model[index]), 0);
		}
		if (i % 64 != 0)
			continue;
		while (want < 5000 && model[want] == NULL)
			want++;
		assert_ptr_equal(
		    pctree_next(&pt, &at), want < 5000 ? model[want] : NULL);
		assert_true(want == 5000 || at == want);
	}
	for (uint64_t index = 0; index < 5000; index++) {
		if (model[index] != NULL)
			pctree_remove(&pt, index);
	}
	assert_int_equal(kmem_outstanding(), before);
}

static void
failed_insertions_change_nothing(void **state)
{
	struct pctree pt = { 0 };
	size_t before = kmem_outstanding();
	uint64_t at;
	int n = 0;

	assert_int_equal(pctree_insert(&pt, 3, &items[0]), 0);
	do {
		kmem_fail_nth((uint64_t)++n);
		at = 0;
		assert_ptr_equal(pctree_next(&pt, &at), &items[0]);
		assert_int_equal(at, 3);
	} while (pctree_insert(&pt, UINT64_C(1) << 50, &items[1]) != 0);
	kmem_fail_nth(0);
	assert_true(n > 5);
	assert_ptr_equal(pctree_get(&pt, UINT64_C(1) << 50), &items[1]);
	pctree_remove(&pt, UINT64_C(1) << 50);
	pctree_remove(&pt, 3);
	assert_int_equal(kmem_outstanding(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_found_where_they_were_put),
		cmocka_unit_test(random_operations_agree_with_an_array),
		cmocka_unit_test(failed_insertions_change_nothing),
	};

	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
