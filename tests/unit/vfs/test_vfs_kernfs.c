/* SPDX-License-Identifier: BSD-2-Clause */
/* kernfs as programs see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define KERN "/kern"

static int
setup(void **state)
{
	char text[256];

	return rump_init() != 0 ||
	       rump_mount_url(KERN, "kernfs:", text, sizeof(text)) != 0;
}

/* The contents of a file, read in bites. */
static size_t
slurp(const char *path, char *buf, size_t size, size_t bite)
{
	int fd = rump_sys_open(path, RUMP_O_RDONLY);
	size_t used = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while (
	    used + bite < size && (n = rump_sys_read(fd, buf + used, bite)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	assert_int_equal(rump_sys_close(fd), 0);
	return used;
}

static void
each_file_has_what_its_name_says(void **state)
{
	char buf[4096];

	slurp(KERN "/version", buf, sizeof(buf), 100);
	assert_string_equal(buf, "NetBSD 7.99.34 (rumpkit)\n");
	slurp(KERN "/hz", buf, sizeof(buf), 100);
	assert_string_equal(buf, "100\n");
	slurp(KERN "/pagesize", buf, sizeof(buf), 100);
	assert_string_equal(buf, "4096\n");
	slurp(KERN "/mounts", buf, sizeof(buf), 100);
	assert_string_equal(buf, "rumpfs on / type rumpfs (read-write)\n"
				 "kernfs on /kern type kernfs (read-only)\n");
}

static void
time_goes_on_from_boottime(void **state)
{
	long long boot, sec, usec;
	char buf[100];

	slurp(KERN "/boottime", buf, sizeof(buf), 90);
	assert_int_equal(sscanf(buf, "%lld\n", &boot), 1);
	slurp(KERN "/time", buf, sizeof(buf), 90);
	assert_int_equal(sscanf(buf, "%lld %lld\n", &sec, &usec), 2);
	assert_true(boot > 1000000000 && sec >= boot);
	assert_in_range(usec, 0, 999999);
}

static void
an_open_file_keeps_the_text_that_it_was_opened_with(void **state)
{
	char first[100], again[100];
	int fd = rump_sys_open(KERN "/time", RUMP_O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = rump_sys_read(fd, first, sizeof(first));
	assert_true(n > 10);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_SET), 0);
	assert_int_equal(rump_sys_read(fd, again, sizeof(again)), n);
	assert_memory_equal(first, again, (size_t)n);
	assert_int_equal(rump_sys_pread(fd, again, 3, 2), 3);
	assert_memory_equal(first + 2, again, 3);
	assert_int_equal(rump_sys_pread(fd, again, 3, 1000), 0);
	assert_int_equal(rump_sys_read(fd, again, sizeof(again)), 0);
	rump_sys_close(fd);
}

static void
small_bites_give_a_whole_text(void **state)
{
	static char small[65536], large[65536];
	size_t n = slurp(KERN "/metrics", small, sizeof(small), 7);

	assert_true(n > 500);
	assert_string_equal(small + n - 6, "# EOF\n");
	slurp(KERN "/metrics", large, sizeof(large), 32768);
	assert_int_equal(strncmp(small, large, 40), 0);
}

static void
the_directory_lists_every_file_once(void **state)
{
	static const char *const wanted[] = { ".", "..", "boottime", "hostname",
		"hz", "metrics", "mounts", "pagesize", "time", "version" };
	int seen[sizeof(wanted) / sizeof(wanted[0])] = { 0 };
	int fd = rump_sys_open(KERN, RUMP_O_RDONLY | RUMP_O_DIRECTORY);
	char buf[600]; /* little: several calls */
	ssize_t n, off;
	size_t i;

	assert_true(fd >= 0);
	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (off = 0; off < n;) {
			struct rump_dirent *d = (void *)(buf + off);

			for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
				seen[i] += strcmp(d->d_name, wanted[i]) == 0;
			assert_true(d->d_fileno != 0);
			off += d->d_reclen;
		}
	}
	assert_int_equal(n, 0);
	for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		assert_int_equal(seen[i], 1);
	rump_sys_close(fd);
}

static void
nothing_can_be_changed(void **state)
{
	struct rump_stat st;

	assert_int_equal(rump_sys_open(KERN "/hz", RUMP_O_RDWR), -1);
	assert_int_equal(
	    rump_sys_open(KERN "/new", RUMP_O_WRONLY | RUMP_O_CREAT, 0666), -1);
	assert_int_equal(rump_sys_unlink(KERN "/hz"), -1);
	assert_int_equal(rump_sys_mkdir(KERN "/d", 0777), -1);
	assert_int_equal(rump_sys_chmod(KERN "/hz", 0777), -1);
	assert_int_equal(rump_sys_stat(KERN "/hz", &st), 0);
	assert_int_equal(st.st_mode, RUMP_S_IFREG | 0444);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(rump_sys_stat(KERN "/nothing", &st), -1);
}

static void
put(const char *text, size_t len, void *arg)
{
	strncat(arg, text, len);
}

static void
the_host_can_read_reports_without_a_mount(void **state)
{
	char text[100] = "";

	assert_int_equal(rump_report("hz", put, text), 0);
	assert_string_equal(text, "100\n");
	assert_int_equal(rump_report("nothing", put, text), RUMP_ENOENT);
}

static void
a_source_with_more_than_the_scheme_is_refused(void **state)
{
	char text[256];

	assert_int_equal(
	    rump_mount_url("/k2", "kernfs:x", text, sizeof(text)), RUMP_EINVAL);
	assert_non_null(strstr(text, "kernfs:x: nothing may follow"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_has_what_its_name_says),
		cmocka_unit_test(time_goes_on_from_boottime),
		cmocka_unit_test(
		    an_open_file_keeps_the_text_that_it_was_opened_with),
		cmocka_unit_test(small_bites_give_a_whole_text),
		cmocka_unit_test(the_directory_lists_every_file_once),
		cmocka_unit_test(nothing_can_be_changed),
		cmocka_unit_test(the_host_can_read_reports_without_a_mount),
		cmocka_unit_test(a_source_with_more_than_the_scheme_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
