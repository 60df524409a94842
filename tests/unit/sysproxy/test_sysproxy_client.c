/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of the client, and its memory, against a server of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpclient.h"
#include "tests/unit/sysproxy/mock.h"

#define NCALLERS 100
#define PAGE 4096
#define MANY (3 << 20)

static void
test_a_call_returns_what_the_server_says(void **state)
{
	struct caller c = { .c_args = { 11, 22, 33 }, .c_nargs = 3 };
	struct wire_frame f;
	struct frame request;
	struct mock m;
	size_t n;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 54);
	request = mock_expect(&m, WIRE_REQ, WIRE_SYSCALL);
	assert_int_equal(request.f_hdr.wh_u, 54);
	assert_int_equal(request.f_len, 24);
	assert_memory_equal(request.f_data, c.c_args, 24);
	n = wire_put_sysret(
	    &f, request.f_hdr.wh_reqno, 0, (const int64_t[]){ -7, 1LL << 40 });
	mock_send_frame(&m, &f, n, NULL, 0);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], -7);
	assert_int_equal(c.c_retval[1], 1LL << 40);
	mock_free(&request);
	mock_close(&m);
}

static void
test_errors_of_the_kernel_pass_unchanged(void **state)
{
	static const struct {
		int sent, seen;
	} rows[] = { { 2, 2 }, { 57, 57 }, { 96, 96 }, { -3, 4 }, { -1, 22 } };
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct caller c = { .c_retval = { 5, 6 } };

		caller_start(&c, 20);
		mock_return(&m, mock_expect_call(&m, 20), rows[i].sent, 77);
		assert_int_equal(caller_join(&c), rows[i].seen);
		assert_int_equal(c.c_retval[0], 5);
	}
	mock_close(&m);
}

static void
answer_error(struct mock *m, uint64_t reqno, uint32_t code)
{
	struct wire_frame f;
	size_t n = wire_put_error(&f, reqno, code);

	mock_send_frame(m, &f, n, NULL, 0);
}

static void
test_errors_of_the_protocol_have_their_errno_numbers(void **state)
{
	static const int errors[] = { [2] = EPERM,
		[3] = ESRCH,
		[4] = EIO,
		[5] = EBUSY,
		[6] = ENOMEM,
		[7] = EINVAL,
		[8] = EINVAL };
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	for (uint32_t code = 2; code <= 8; code++) {
		struct caller c = { 0 };

		caller_start(&c, 20);
		answer_error(&m, mock_expect_call(&m, 20), code);
		assert_int_equal(caller_join(&c), errors[code]);
	}
	mock_close(&m);
}

static void
test_a_server_without_memory_is_asked_again(void **state)
{
	struct caller c = { 0 };
	uint64_t first, second;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 20);
	first = mock_expect_call(&m, 20);
	answer_error(&m, first, WIRE_ERR_TRYAGAIN);
	second = mock_expect_call(&m, 20);
	assert_true(second != first);
	mock_return(&m, second, 0, 3);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 3);
	mock_close(&m);
}

static void
test_too_many_arguments_are_refused_here(void **state)
{
	int64_t args[9] = { 0 }, retval[2];
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(
	    rumpclient_syscall(1, args, sizeof(args), retval), EINVAL);
	mock_close(&m);
}

static void
test_the_server_reads_and_writes_memory(void **state)
{
	static const char text[] = "what is to be read";
	struct caller c = { 0 };
	char target[32] = "untouched";
	struct frame f;
	uint64_t reqno;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 4);
	reqno = mock_expect_call(&m, 4);
	f = mock_copyin(&m, text, sizeof(text));
	assert_int_equal(f.f_len, sizeof(text));
	assert_memory_equal(f.f_data, text, sizeof(text));
	mock_free(&f);
	f = mock_copyin(&m, text, 0);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	mock_copyout(&m, target, "written", 8);
	mock_copyout(&m, NULL, NULL, 0);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(caller_join(&c), 0);
	assert_string_equal(target, "written");
	mock_close(&m);
}

static void
test_copies_may_be_large(void **state)
{
	unsigned char *data = malloc(MANY), *target = calloc(1, MANY);
	struct caller c = { 0 };
	struct frame f;
	uint64_t reqno;
	struct mock m;

	for (size_t i = 0; i < MANY; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	mock_open_with_client(&m, true, MOCK_BANNER);
	caller_start(&c, 4);
	reqno = mock_expect_call(&m, 4);
	f = mock_copyin(&m, data, MANY);
	assert_int_equal(f.f_len, MANY);
	assert_memory_equal(f.f_data, data, MANY);
	mock_free(&f);
	mock_copyout(&m, target, data, MANY);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(caller_join(&c), 0);
	assert_memory_equal(target, data, MANY);
	mock_close(&m);
	free(data);
	free(target);
}

/* Two pages, the second of which is not there. */
static char *
edge(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(munmap(p + PAGE, PAGE), 0);
	return p;
}

static void
test_strings_end_at_their_nul_or_at_the_maximum(void **state)
{
	char *page = edge(), *end = page + PAGE;
	struct caller c = { 0 };
	struct frame f;
	uint64_t reqno;
	struct mock m;

	memset(page, 'x', PAGE);
	end[-1] = '\0';
	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 5);
	reqno = mock_expect_call(&m, 5);
	f = mock_copyinstr(&m, end - 5, 1024);
	assert_int_equal(f.f_len, 5);
	assert_string_equal((char *)f.f_data, "xxxx");
	mock_free(&f);
	f = mock_copyinstr(&m, page, 10);
	assert_int_equal(f.f_len, 10);
	mock_free(&f);
	f = mock_copyinstr(&m, page, 0);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	f = mock_copyinstr(&m, page, UINT64_MAX);
	assert_int_equal(f.f_len, PAGE);
	mock_free(&f);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
	munmap(page, PAGE);
}

static void
test_a_server_of_ours_hears_that_memory_is_bad(void **state)
{
	char *page = edge();
	struct caller c = { 0 };
	struct frame f;
	uint64_t reqno;
	struct mock m;

	memset(page, 'x', PAGE);
	mock_open_with_client(&m, false, MOCK_BANNER_OURS);
	caller_start(&c, 4);
	reqno = mock_expect_call(&m, 4);
	f = mock_copyin(&m, page + PAGE - 4, 8);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	f = mock_copyin(&m, (void *)8, 65536);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	f = mock_copyinstr(&m, page + PAGE - 4, 100);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	f = mock_copyin(&m, (void *)(UINTPTR_MAX - 2), 8);
	assert_int_equal(f.f_len, 0);
	mock_free(&f);
	mock_return(&m, reqno, 14, 0);
	assert_int_equal(caller_join(&c), 14);
	mock_close(&m);
	munmap(page, PAGE);
}

static void
test_a_genuine_server_gets_zeros_for_bad_memory_and_the_call_fails(void **state)
{
	static const char zeros[100];
	struct caller c = { 0 };
	struct frame f;
	uint64_t reqno;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 4);
	reqno = mock_expect_call(&m, 4);
	f = mock_copyin(&m, (void *)8, sizeof(zeros));
	assert_int_equal(f.f_len, sizeof(zeros));
	assert_memory_equal(f.f_data, zeros, sizeof(zeros));
	mock_free(&f);
	mock_return(&m, reqno, 0, 100);
	assert_int_equal(caller_join(&c), EFAULT);

	c = (struct caller){ 0 };
	caller_start(&c, 5);
	reqno = mock_expect_call(&m, 5);
	f = mock_copyinstr(&m, (void *)8, 1024);
	assert_int_equal(f.f_len, 1);
	assert_int_equal(f.f_data[0], 0);
	mock_free(&f);
	mock_return(&m, reqno, 0, 100);
	assert_int_equal(caller_join(&c), EFAULT);
	mock_close(&m);
}

static void
test_results_that_cannot_be_stored_fail_the_call_that_wanted_them(void **state)
{
	void *readonly =
	    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER_OURS);
	caller_start(&c, 3);
	reqno = mock_expect_call(&m, 3);
	mock_copyout(&m, readonly, "text", 4);
	mock_return(&m, reqno, 0, 4);
	assert_int_equal(caller_join(&c), EFAULT);
	/* The next one knows nothing of it. */
	c = (struct caller){ 0 };
	caller_start(&c, 3);
	mock_return(&m, mock_expect_call(&m, 3), 0, 4);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
	munmap(readonly, PAGE);
}

static void
test_bad_memory_is_nobodys_fault_when_two_calls_wait(void **state)
{
	struct caller a = { 0 }, b = { 0 };
	uint64_t first, second;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&a, 3);
	first = mock_expect_call(&m, 3);
	caller_start(&b, 3);
	second = mock_expect_call(&m, 3);
	mock_copyout(&m, (void *)8, "text", 4);
	mock_return(&m, first, 0, 4);
	mock_return(&m, second, 0, 4);
	assert_int_equal(caller_join(&a), 0);
	assert_int_equal(caller_join(&b), 0);
	mock_close(&m);
}

static void
test_the_server_gets_memory(void **state)
{
	struct caller c = { 0 };
	struct wire_frame f;
	struct frame answer;
	uint64_t reqno, addr;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 197);
	reqno = mock_expect_call(&m, 197);
	mock_send_frame(&m, &f, wire_put_anonmmap(&f, 1, 2 * PAGE), NULL, 0);
	answer = mock_expect(&m, WIRE_RESP, WIRE_ANONMMAP);
	assert_true(wire_get_word(answer.f_data, answer.f_len, &addr));
	assert_int_equal(addr % PAGE, 0);
	memset((void *)addr, 1, 2 * PAGE);
	munmap((void *)addr, 2 * PAGE);
	mock_free(&answer);
	mock_send_frame(
	    &m, &f, wire_put_anonmmap(&f, 1, SIZE_MAX / 2), NULL, 0);
	answer = mock_expect(&m, WIRE_RESP, WIRE_ANONMMAP);
	assert_true(wire_get_word(answer.f_data, answer.f_len, &addr));
	assert_int_equal(addr, 0);
	mock_free(&answer);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
}

/* Out of order, with copies for all of them in between. */
static void
test_a_hundred_threads_share_a_connection(void **state)
{
	static struct caller callers[NCALLERS];
	static char buffers[NCALLERS][16];
	uint64_t reqnos[NCALLERS];
	struct mock m;

	memset(callers, 0, sizeof(callers));
	mock_open_with_client(&m, false, MOCK_BANNER);
	for (int i = 0; i < NCALLERS; i++) {
		caller_start(&callers[i], 1000 + i);
		reqnos[i] = mock_expect_call(&m, 1000 + i);
	}
	for (int i = NCALLERS - 1; i >= 0; i--) {
		struct frame f = mock_copyin(&m, &callers[i].c_num, 4);
		int num = 1000 + i;

		assert_memory_equal(f.f_data, &num, 4);
		mock_free(&f);
		mock_copyout(&m, buffers[i], &num, sizeof(num));
		mock_return(&m, reqnos[i], i % 2, i);
	}
	for (int i = 0; i < NCALLERS; i++) {
		int stored;

		assert_int_equal(caller_join(&callers[i]), i % 2);
		if (i % 2 == 0)
			assert_int_equal(callers[i].c_retval[0], i);
		memcpy(&stored, buffers[i], sizeof(stored));
		assert_int_equal(stored, 1000 + i);
	}
	mock_close(&m);
}

static void
test_answers_to_nobody_are_dropped(void **state)
{
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 20);
	reqno = mock_expect_call(&m, 20);
	mock_return(&m, reqno + 1000, 0, 1);
	answer_error(&m, reqno + 1001, 7);
	mock_return(&m, reqno, 0, 2);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 2);
	mock_close(&m);
}

static void
test_all_calls_end_when_the_server_hangs_up(void **state)
{
	struct caller callers[10] = { 0 };
	int64_t retval[2];
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	for (int i = 0; i < 10; i++) {
		caller_start(&callers[i], 3);
		(void)mock_expect_call(&m, 3);
	}
	mock_hang_up(&m);
	for (int i = 0; i < 10; i++)
		assert_int_equal(caller_join(&callers[i]), ENOTCONN);
	assert_int_equal(rumpclient_syscall(20, NULL, 0, retval), ENOTCONN);
	mock_close(&m);
}

/* Bytes that no server sends, while a call waits; it must end. */
static void
check_hostile(const void *data, size_t len)
{
	struct caller c = { 0 };
	struct frame f;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 20);
	assert_int_equal(mock_expect_call(&m, 20), 2);
	mock_send(&m, data, len);
	assert_int_equal(caller_join(&c), ENOTCONN);
	assert_false(mock_read(&m, &f)); /* the client has hung up */
	mock_free(&f);
	mock_close(&m);
}

static void
test_a_hostile_server_is_left(void **state)
{
	static const struct wire_hdr headers[] = {
		{ .wh_len = 0 },
		{ .wh_len = 23, .wh_class = WIRE_RESP },
		{ .wh_len = UINT64_MAX, .wh_class = WIRE_RESP },
		{ .wh_len = 1 << 30, .wh_type = WIRE_COPYOUT },
		{ .wh_len = 24, .wh_type = WIRE_SYSCALL },
		{ .wh_len = 24, .wh_type = WIRE_HANDSHAKE },
		{ .wh_len = 24, .wh_type = WIRE_PREFORK },
		{ .wh_len = 24, .wh_type = 99 },
		{ .wh_len = 24, .wh_class = 99 },
		{ .wh_len = 24, .wh_type = WIRE_COPYIN },
		{ .wh_len = 24, .wh_type = WIRE_COPYINSTR },
		{ .wh_len = 24, .wh_type = WIRE_COPYOUT },
		{ .wh_len = 24, .wh_type = WIRE_ANONMMAP },
		/* To the call that waits: of a wrong type. */
		{ .wh_len = 24,
		    .wh_class = WIRE_RESP,
		    .wh_reqno = 2,
		    .wh_type = WIRE_PREFORK },
	};
	char padded[64];

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		check_hostile(&headers[i], sizeof(headers[i]));
	memset(padded, 0, sizeof(padded)); /* frames of length 0 */
	check_hostile(padded, sizeof(padded));
}

static void
test_a_hostile_server_may_not_ask_for_everything(void **state)
{
	struct wire_frame f;
	size_t n;

	n = wire_put_copyin(&f, 0, 0x1000, WIRE_COPY_MAX + 1ul);
	check_hostile(&f, n);
	n = wire_put_copyin(&f, 0, 0x1000, SIZE_MAX);
	check_hostile(&f, n);
	/* Fewer bytes than the copy says. */
	n = wire_put_copyout(&f, 0, 0x1000, 4);
	f.fr_copy.wc_len = 5;
	check_hostile(&f, n + 4);
}

static void
test_an_answer_of_a_wrong_size_is_a_protocol_error(void **state)
{
	struct caller c = { 0 };
	struct wire_frame f;
	struct mock m;
	size_t n;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 20);
	n = wire_put_sysret(&f, mock_expect_call(&m, 20), 0, NULL);
	f.fr_hdr.wh_len -= 8;
	mock_send_frame(&m, &f, n - 8, NULL, 0);
	assert_int_equal(caller_join(&c), EPROTO);
	mock_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_returns_what_the_server_says),
		cmocka_unit_test(test_errors_of_the_kernel_pass_unchanged),
		cmocka_unit_test(
		    test_errors_of_the_protocol_have_their_errno_numbers),
		cmocka_unit_test(test_a_server_without_memory_is_asked_again),
		cmocka_unit_test(test_too_many_arguments_are_refused_here),
		cmocka_unit_test(test_the_server_reads_and_writes_memory),
		cmocka_unit_test(test_copies_may_be_large),
		cmocka_unit_test(
		    test_strings_end_at_their_nul_or_at_the_maximum),
		cmocka_unit_test(
		    test_a_server_of_ours_hears_that_memory_is_bad),
		cmocka_unit_test(
		    test_a_genuine_server_gets_zeros_for_bad_memory_and_the_call_fails),
		cmocka_unit_test(
		    test_results_that_cannot_be_stored_fail_the_call_that_wanted_them),
		cmocka_unit_test(
		    test_bad_memory_is_nobodys_fault_when_two_calls_wait),
		cmocka_unit_test(test_the_server_gets_memory),
		cmocka_unit_test(test_a_hundred_threads_share_a_connection),
		cmocka_unit_test(test_answers_to_nobody_are_dropped),
		cmocka_unit_test(test_all_calls_end_when_the_server_hangs_up),
		cmocka_unit_test(test_a_hostile_server_is_left),
		cmocka_unit_test(
		    test_a_hostile_server_may_not_ask_for_everything),
		cmocka_unit_test(
		    test_an_answer_of_a_wrong_size_is_a_protocol_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
