/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mock_kernel.h"

static char written[8192];
static size_t nwritten;
static int writes, written_fd;
static long limit; /* bytes a write takes, 0: all; negative: -errno, once */

static long
catch_write(long nr, const long arg[6])
{
	long len = arg[2], result;

	if (nr != SYS_write)
		return MOCK_GO_ON;
	writes++;
	written_fd = (int)arg[0];
	if (limit < 0) {
		result = limit;
		limit = 0;
		return result;
	}
	if (limit > 0 && len > limit)
		len = limit;
	memcpy(written + nwritten, (void *)arg[1], (size_t)len);
	nwritten += (size_t)len;
	written[nwritten] = '\0';
	return len;
}

static void catch (long how)
{
	nwritten = 0;
	writes = 0;
	limit = how;
	mock_hook_set(catch_write);
}

static void
a_message_is_one_write_to_stderr(void **state)
{
	catch (0);
	rumpuser_dprintf("%s: %d of %x\n", "kernel", -1, 255);
	assert_string_equal(written, "kernel: -1 of ff\n");
	assert_int_equal(writes, 1);
	assert_int_equal(written_fd, STDERR_FILENO);
}

static void
a_message_needs_no_cpu_and_keeps_the_one_there_is(void **state)
{
	catch (0);
	rumpuser_dprintf("outside\n");
	mock_enter(NULL);
	rumpuser_dprintf("inside\n");
	mock_log_expect("", NULL);
	mock_leave();
}

static void
a_very_long_message_is_written_in_pieces(void **state)
{
	catch (0);
	rumpuser_dprintf("%5000d\n", 1);
	assert_int_equal(nwritten, 5001);
	assert_int_equal(written[4999], '1');
}

static void
short_and_interrupted_writes_are_continued(void **state)
{
	catch (3);
	rumpuser_dprintf("0123456789\n");
	assert_string_equal(written, "0123456789\n");
	catch (-EINTR);
	rumpuser_dprintf("again\n");
	assert_string_equal(written, "again\n");
}

static void
a_failed_write_is_given_up(void **state)
{
	catch (-EBADF);
	rumpuser_dprintf("nobody listens\n");
	assert_int_equal(writes, 1);
	catch (-EAGAIN);
	rumpuser_dprintf("nobody listens\n");
	assert_int_equal(writes, 1);
}

static void
putchar_writes_one_character_to_stdout(void **state)
{
	catch (0);
	rumpuser_putchar('r');
	rumpuser_putchar(0x100 + '\n');
	assert_string_equal(written, "r\n");
	assert_int_equal(written_fd, STDOUT_FILENO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(a_message_is_one_write_to_stderr),
		MOCK_TEST(a_message_needs_no_cpu_and_keeps_the_one_there_is),
		MOCK_TEST(a_very_long_message_is_written_in_pieces),
		MOCK_TEST(short_and_interrupted_writes_are_continued),
		MOCK_TEST(a_failed_write_is_given_up),
		MOCK_TEST(putchar_writes_one_character_to_stdout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
