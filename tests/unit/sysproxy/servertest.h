/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the server share that play its fast clients. */
#ifndef TESTS_UNIT_SYSPROXY_SERVERTEST_H
#define TESTS_UNIT_SYSPROXY_SERVERTEST_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fastclient.h"

#define AWAIT(condition)                                                       \
	do {                                                                   \
		while (!(condition))                                           \
			sched_yield();                                         \
	} while (0)

/* Arguments of a call. */
#define A(...)                                                                 \
	(int64_t[FAST_ARGS])                                                   \
	{                                                                      \
		__VA_ARGS__                                                    \
	}
/* What goes with it. */
#define IN(...)                                                                \
	(struct fastin[])                                                      \
	{                                                                      \
		__VA_ARGS__,                                                   \
		{                                                              \
			0                                                      \
		}                                                              \
	}
#define STR(s)                                                                 \
	{                                                                      \
		(s), (uint32_t)strlen(s) + 1                                   \
	}

/* The client of the test, which has slot 0. */
extern struct fastclient client;

/* For the group: the kernel, with its files. */
int boot(void **state);
/* For a test: the client, with process_vm_* and without; its end, and the
 * server's. */
int setup(void **state);
int setup_novm(void **state);
int teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_NOVM(f) cmocka_unit_test_setup_teardown(f, setup_novm, teardown)

/* One more client. */
void open_client(struct fastclient *fc, bool novm);
int64_t call(
    int num, const int64_t *args, const struct fastin *in, int64_t *retval);
int open_file(struct fastclient *fc, const char *path, int flags);
/* What a call has answered. */
int receive_fd(struct fastclient *fc);

#endif /* !TESTS_UNIT_SYSPROXY_SERVERTEST_H */
