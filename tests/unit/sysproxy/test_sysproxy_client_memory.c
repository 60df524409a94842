/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory at addresses of any kind, by either way. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "sysproxy/client_memory.h"

#define PAGE 4096

static char *pages; /* writable, read-only, not there */

static int
setup(void **state)
{
	pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return -1;
	memset(pages, 'p', 2 * PAGE);
	if (mprotect(pages + PAGE, PAGE, PROT_READ) != 0)
		return -1;
	return munmap(pages + 2 * PAGE, PAGE);
}

static int
teardown(void **state)
{
	return munmap(pages, 2 * PAGE);
}

static uint64_t
at(size_t offset)
{
	return (uintptr_t)pages + offset;
}

static void
test_memory_that_is_there_is_read_and_written(void **state)
{
	char buf[2 * PAGE];

	assert_int_equal(client_memory_read(buf, at(0), sizeof(buf)), 0);
	assert_memory_equal(buf, pages, sizeof(buf));
	assert_int_equal(client_memory_write(at(10), "text", 5), 0);
	assert_string_equal(pages + 10, "text");
	assert_int_equal(client_memory_read(NULL, 0, 0), 0);
	assert_int_equal(client_memory_write(8, NULL, 0), 0);
}

static void
test_memory_that_is_not_there_is_a_fault(void **state)
{
	char buf[2 * PAGE];

	assert_int_equal(client_memory_read(buf, at(2 * PAGE - 1), 2), EFAULT);
	assert_int_equal(client_memory_read(buf, 0, 1), EFAULT);
	assert_int_equal(client_memory_read(buf, UINT64_MAX, 1), EFAULT);
	assert_int_equal(client_memory_read(buf, UINT64_MAX - 3, 8), EFAULT);
	assert_int_equal(client_memory_read(buf, 1ull << 63, 8), EFAULT);
	assert_int_equal(client_memory_write(at(2 * PAGE), "x", 1), EFAULT);
	assert_int_equal(client_memory_write(8, "x", 1), EFAULT);
}

static void
test_memory_that_may_not_be_written_is_a_fault(void **state)
{
	assert_int_equal(client_memory_write(at(PAGE), "x", 1), EFAULT);
	assert_int_equal(client_memory_write(at(PAGE - 1), "xy", 2), EFAULT);
	assert_int_equal(pages[PAGE], 'p');
}

static void
test_a_string_is_read_as_far_as_it_goes(void **state)
{
	char buf[3 * PAGE];
	size_t len;

	pages[PAGE - 1] = '\0';
	assert_int_equal(
	    client_memory_read_string(buf, at(PAGE - 3), 100, &len), 0);
	assert_int_equal(len, 3);
	assert_string_equal(buf, "pp");
	assert_int_equal(client_memory_read_string(buf, at(0), 10, &len), 0);
	assert_int_equal(len, 10);
	len = 99;
	assert_int_equal(
	    client_memory_read_string(buf, at(PAGE), sizeof(buf), &len),
	    EFAULT);
	assert_int_equal(len, 99);
}

static void
test_new_memory_is_zero(void **state)
{
	uint64_t addr = client_memory_map(PAGE);

	assert_true(addr != 0);
	assert_int_equal(*(uint64_t *)addr, 0);
	assert_int_equal(munmap((void *)addr, PAGE), 0);
	assert_int_equal(client_memory_map(0), 0);
	assert_int_equal(client_memory_map(UINT64_MAX), 0);
}

/* From now on as in a sandbox. */
static int
forbid_process_vm(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
		BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#define MEMORY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MEMORY_TEST(test_memory_that_is_there_is_read_and_written),
		MEMORY_TEST(test_memory_that_is_not_there_is_a_fault),
		MEMORY_TEST(test_memory_that_may_not_be_written_is_a_fault),
		MEMORY_TEST(test_a_string_is_read_as_far_as_it_goes),
		cmocka_unit_test(test_new_memory_is_zero),
	};
	int failed;

	failed = cmocka_run_group_tests_name("directly", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name(
	    "through a pipe", tests, forbid_process_vm, NULL);
	return failed;
}
