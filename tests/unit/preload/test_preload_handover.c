/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rump files told from one image of a process to the next: this program executes
 * itself with the variable that the old image makes, and what of it the new one
 * makes out is compared with what was open.
 */
#include "preload/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/dirs.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/entries.h"
#include "preload/fdmap.h"
#include "preload/inherit.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "aroundmap.h"

#define NRULES 4

enum backend_state backend_state = BACKEND_SERVER;
static const struct namespace rules = { .ns_n = NRULES };

const struct namespace *
names_now(void)
{
	return &rules;
}

static char *self;
static uint32_t told[16];
static size_t ntold;

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	return 0;
}

void *
waitmem_get(size_t size, const struct call *c)
{
	return malloc(size);
}

void
waitmem_put(void *mem)
{
	free(mem);
}

int
remote_descriptor(void)
{
	return 3;
}

void
remote_execed(const uint32_t *fds, size_t n)
{
	ntold = n;
	memcpy(told, fds, n * sizeof(*fds));
}

/* --- the new image ------------------------------------------------------- */

#define SAME(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "new image: %s\n", #x);                \
			return 1;                                              \
		}                                                              \
	} while (0)

static int
new_image(char **number, const char *value)
{
	int n[4], error;
	struct rfile *rf;

	for (int i = 0; i < 4; i++)
		n[i] = atoi(number[i]);
	SAME(fdmap_init(NULL) == 0);
	handover_take(value);
	SAME(complaints == 0 && ntold == 2 && told[0] == 100 && told[1] == 102);
	rf = fdmap_get_rump(n[0], &error);
	SAME(rf != NULL && rf->rf_fd == 100 && rf->rf_kind == RF_FILE);
	SAME(rf->rf_rule == 2 && !rf->rf_path_only);
	SAME(strcmp(rf->rf_path, "/data/a,b;1") == 0);
	SAME(fdmap_is_placeholder(n[0]) && fcntl(n[0], F_GETFD) == 0);
	SAME(fdmap_get_rump(n[1], &error) == rf);
	SAME(fdmap_get_rump(n[2], &error) == NULL);
	rf = fdmap_get_rump(n[3], &error);
	SAME(rf != NULL && rf->rf_fd == 102 && rf->rf_kind == RF_NAME);
	SAME(rf->rf_path_only && strcmp(rf->rf_path, "link") == 0);
	return 0;
}

/* --- the old one --------------------------------------------------------- */

static void
numbers_are_the_same_in_the_next_image(void **state)
{
	static char value[ENTRIES_MAX];
	char text[4][16], *argv[8] = { self, "new" };
	long number[4];
	int status;
	pid_t pid;

	number[0] = fdmap_install_path(
	    100, RF_FILE, 2, false, false, string_keep("/data/a,b;1"));
	number[1] = fdmap_dup(number[0], 77, false);
	number[2] = fdmap_install(101, RF_SOCKET, -1, false, true);
	number[3] = fdmap_install_path(
	    102, RF_NAME, 99, true, false, string_keep("link"));
	assert_int_equal(handover_check(), 0);
	assert_true(handover_exec_env(value, sizeof(value)) > 0);
	for (int i = 0; i < 4; i++) {
		snprintf(text[i], sizeof(text[i]), "%ld", number[i]);
		argv[2 + i] = text[i];
	}
	argv[6] = strchr(value, '=') + 1;
	argv[7] = NULL;
	pid = fork();
	if (pid == 0) {
		execv(self, argv);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fdmap_close(number[i]), 0);
}

static void
who_has_had_files_says_so(void **state)
{
	static char value[ENTRIES_MAX];

	assert_int_equal(handover_exec_env(value, sizeof(value)),
	    strlen(INHERIT_VARIABLE) + 1);
	assert_string_equal(value, INHERIT_VARIABLE "=");
	ntold = 9;
	handover_take("");
	assert_int_equal(ntold, 0);
}

/* Whoever writes the variable may close and take nothing but placeholders. */
static void
a_wrong_text_does_no_harm(void **state)
{
	static const char *const texts[] = { "x", "3", "3,", "3,F", "3,F,",
		"3,F,0,1,1,5,abc;", "3,F,0,1,1,-5,;", "0,F,0,1,1,0,;",
		"1+2,S,0,1,1,0,;", "5,Q,0,1,1,0,;", "99999999999,F,0,1,1,0,;",
		"3,F,0,-1,1,0,;", "3,F,0,1,18446744073709551615,0,;" };
	int fd = open("/dev/null", O_RDONLY);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ntold = 9;
		handover_take(texts[i]);
		assert_int_equal(ntold, 0);
	}
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fcntl(0, F_GETFD), 0);
	assert_int_equal(fdmap_next(0), -1);
	close(fd);
}

static void
paths_are_left_out_where_they_have_no_room(void **state)
{
	static char value[ENTRIES_MAX], path[3000];
	long number[60];

	memset(path, 'p', sizeof(path) - 1);
	for (int i = 0; i < 60; i++)
		number[i] = fdmap_install_path(
		    200 + i, RF_FILE, 1, false, false, string_keep(path));
	assert_int_equal(handover_check(), 0);
	assert_true(handover_exec_env(value, sizeof(value)) < 60 * 64);
	assert_null(strchr(value, 'p'));
	assert_non_null(strstr(value, ",F,0,259,2,0,;"));
	for (int i = 0; i < 60; i++)
		assert_int_equal(fdmap_close(number[i]), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_same_in_the_next_image),
		cmocka_unit_test(who_has_had_files_says_so),
		cmocka_unit_test(a_wrong_text_does_no_harm),
		cmocka_unit_test(paths_are_left_out_where_they_have_no_room),
	};

	self = argv[0];
	if (argc == 7 && strcmp(argv[1], "new") == 0)
		return new_image(argv + 2, argv[6]);
	if (fdmap_init(NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
