/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server adds up and writes down for the processes of a tree. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servertest.h"
#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"
#include "tests/lib/scratch.h"

#define OTHER 65534

/* --- counts -------------------------------------------------------------- */

static _Atomic uint64_t *
number(struct fastclient *fc, unsigned which)
{
	struct fast_counts *counts = (void *)(fc->fc_area + FAST_COUNTS);

	return &counts->fc_number[which];
}

/* A tree of its own. */
static void
open_tree(struct fastclient *fc)
{
	int fds[2];

	*fc = (struct fastclient){ .fc_counting = true };
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(rumpuser_sp_adopt(fds[0], "test"), 0);
	assert_int_equal(fastclient_hello(fc, fds[1], false), 0);
	assert_true(fastclient_start(fc, 0));
}

static void
open_child(struct fastclient *parent, struct fastclient *fc)
{
	*fc = (struct fastclient){ .fc_counting = true };
	assert_int_equal(
	    fastclient_hello(fc, fastclient_fork(parent), false), 0);
	assert_true(fastclient_start(fc, 0));
}

static const char *
report(struct fastclient *fc, const char *name)
{
	static char text[65536];
	int64_t retval[2];

	assert_int_equal(
	    fastclient_call(fc, 0, FASTCALL_REPORT,
		A((intptr_t)name, 0, (intptr_t)text, sizeof(text) - 1),
		IN(STR(name)), retval),
	    0);
	text[retval[0]] = '\0';
	return text;
}

static unsigned
lines(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

/* Word which of the line of a user; there must be one. */
static uint64_t
counted(struct fastclient *fc, uid_t uid, unsigned which)
{
	const char *line = report(fc, "counts");
	char *end;

	while (strtoul(line, &end, 10) != uid) {
		line = strchr(line, '\n') + 1;
		assert_true(*line != '\0');
	}
	for (unsigned i = 0; i < which; i++)
		(void)strtoul(end, &end, 10);
	return strtoul(end, &end, 10);
}

static void
what_a_child_has_counted_stays_when_it_is_gone(void **state)
{
	struct fastclient parent, child;

	open_tree(&parent);
	*number(&parent, COUNT_FAILED) = 3;
	assert_int_equal(counted(&parent, getuid(), COUNT_FAILED), 3);
	open_child(&parent, &child);
	*number(&child, COUNT_FAILED) = 40;
	*number(&child, COUNT_TIME_NS) = 7;
	assert_int_equal(counted(&parent, getuid(), COUNT_FAILED), 43);
	assert_int_equal(counted(&child, getuid(), COUNT_FAILED), 43);
	fastclient_close(&child);
	AWAIT(lines(report(&parent, "clients")) == 1);
	assert_int_equal(counted(&parent, getuid(), COUNT_FAILED), 43);
	assert_int_equal(counted(&parent, getuid(), COUNT_TIME_NS), 7);
	assert_int_equal(lines(report(&parent, "counts")), 1);
	fastclient_close(&parent);
}

static void
a_new_image_goes_on_counting(void **state)
{
	struct fast_message m = { .fm_type = FAST_EXEC };
	struct fastclient fc;

	open_tree(&fc);
	*number(&fc, COUNT_PROGRAMS) = 1;
	assert_true(fastclient_send(&fc, &m, NULL, -1));
	munmap(fc.fc_area, (size_t)FAST_AREA);
	assert_int_equal(fastclient_hello(&fc, fc.fc_fd, false), 0);
	assert_true(fastclient_start(&fc, 0));
	assert_int_equal(*number(&fc, COUNT_PROGRAMS), 0);
	*number(&fc, COUNT_PROGRAMS) = 1;
	assert_int_equal(counted(&fc, getuid(), COUNT_PROGRAMS), 2);
	fastclient_close(&fc);
}

static void
trees_are_counted_apart(void **state)
{
	struct fastclient one, two, mute;

	open_tree(&one);
	open_tree(&two);
	*number(&one, COUNT_PASSED) = 1;
	*number(&two, COUNT_PASSED) = 2;
	/* Who has not said that it counts is not looked at. */
	mute = (struct fastclient){ 0 };
	assert_int_equal(
	    fastclient_hello(&mute, fastclient_fork(&two), false), 0);
	*number(&mute, COUNT_PASSED) = 100;
	assert_int_equal(counted(&one, getuid(), COUNT_PASSED), 1);
	assert_int_equal(counted(&two, getuid(), COUNT_PASSED), 2);
	fastclient_close(&mute);
	fastclient_close(&one);
	fastclient_close(&two);
}

static void
a_child_goes_on_when_the_first_of_its_tree_has_ended(void **state)
{
	struct fastclient parent, child;

	open_tree(&parent);
	*number(&parent, COUNT_REFUSED) = 5;
	open_child(&parent, &child);
	fastclient_close(&parent);
	AWAIT(lines(report(&child, "clients")) == 1);
	*number(&child, COUNT_REFUSED) = 6;
	assert_int_equal(counted(&child, getuid(), COUNT_REFUSED), 11);
	fastclient_close(&child);
}

static int
count_too_far(int fd)
{
	struct fastclient fc = { .fc_counting = true };

	if (setresgid(OTHER, OTHER, OTHER) != 0 ||
	    setresuid(OTHER, OTHER, OTHER) != 0)
		return 10;
	if (fastclient_hello(&fc, fd, false) != 0)
		return 11;
	memset(fc.fc_area + FAST_COUNTS, 0xff, FAST_COUNTS_SIZE);
	return 0;
}

static void
who_lies_does_so_for_his_user_alone(void **state)
{
	struct fastclient parent;
	int fd, status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	open_tree(&parent);
	*number(&parent, COUNT_BYTES_IN) = 5;
	for (int i = 0; i < 2; i++) {
		fd = fastclient_fork(&parent);
		pid = fork();
		if (pid == 0)
			_exit(count_too_far(fd));
		close(fd);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	AWAIT(lines(report(&parent, "clients")) == 1);
	assert_int_equal(counted(&parent, 0, COUNT_BYTES_IN), 5);
	/* Twice all there is, and no less. */
	assert_true(counted(&parent, OTHER, COUNT_BYTES_IN) == UINT64_MAX);
	assert_int_equal(lines(report(&parent, "counts")), 2);
	fastclient_close(&parent);
}

/* --- the log ------------------------------------------------------------- */

static char directory[SCRATCH_SIZE];

/* With a server that has never had another name. */
static void
log_to(const char *name)
{
	if (client.fc_area != NULL)
		fastclient_close(&client);
	rumpuser_sp_wait(NULL);
	if (name != NULL)
		setenv("RUMPKIT_LOG_FILE", name, 1);
	else
		unsetenv("RUMPKIT_LOG_FILE");
	open_client(&client, false);
}

static int64_t
log_line(const char *line, size_t len)
{
	return call(FASTCALL_LOG, A((intptr_t)line, len), NULL, NULL);
}

static const char *
contents(const char *path)
{
	static char text[8192];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
a_line_gets_the_process_id_that_the_host_knows(void **state)
{
	char path[128], wanted[128];

	snprintf(path, sizeof(path), "%s/log", directory);
	log_to(path);
	assert_int_equal(log_line("1 read() = 0\n", 13), 0);
	assert_int_equal(log_line("two\n", 4), 0);
	snprintf(wanted, sizeof(wanted), "%d 1 read() = 0\n%d two\n", getpid(),
	    getpid());
	assert_string_equal(contents(path), wanted);
}

static void
what_is_no_line_is_not_written(void **state)
{
	char path[128], large[5000];

	snprintf(path, sizeof(path), "%s/none", directory);
	log_to(path);
	assert_int_equal(log_line("a\nb\n", 4), RUMP_EINVAL);
	assert_int_equal(log_line("a", 1), RUMP_EINVAL);
	assert_int_equal(log_line("a\r\n", 3), RUMP_EINVAL);
	assert_int_equal(log_line("", 0), RUMP_EINVAL);
	assert_int_equal(log_line(NULL, 5), RUMP_EFAULT);
	memset(large, 'a', sizeof(large));
	large[sizeof(large) - 1] = '\n';
	assert_int_equal(log_line(large, sizeof(large)), RUMP_EINVAL);
	assert_int_equal(log_line(large, SIZE_MAX), RUMP_EINVAL);
	assert_string_equal(contents(path), "");
}

static void
where_there_is_no_file_nothing_is_written(void **state)
{
	char path[128];

	log_to(NULL);
	assert_int_equal(log_line("a\n", 2), RUMP_EPERM);
	log_to("relative");
	assert_int_equal(log_line("a\n", 2), RUMP_EPERM);
	snprintf(path, sizeof(path), "%s/no/where", directory);
	log_to(path);
	assert_int_equal(log_line("a\n", 2), RUMP_EPERM);
}

static void
a_file_for_each_process_is_not_somebody_else_s(void **state)
{
	char pattern[128], path[128], target[128], wanted[64];

	snprintf(pattern, sizeof(pattern), "%s/log.%%p.%%p", directory);
	snprintf(
	    path, sizeof(path), "%s/log.%d.%d", directory, getpid(), getpid());
	snprintf(target, sizeof(target), "%s/target", directory);
	log_to(pattern);
	assert_int_equal(log_line("a\n", 2), 0);
	snprintf(wanted, sizeof(wanted), "%d a\n", getpid());
	assert_string_equal(contents(path), wanted);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(log_line("b\n", 2), RUMP_EPERM);
	assert_string_equal(contents(target), wanted);
}

static int
boot_with_directory(void **state)
{
	return !scratch_make(directory) || boot(state) != 0;
}

static int
remove_directory(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

#define ALONE(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ALONE(what_a_child_has_counted_stays_when_it_is_gone),
		ALONE(a_new_image_goes_on_counting),
		ALONE(trees_are_counted_apart),
		ALONE(a_child_goes_on_when_the_first_of_its_tree_has_ended),
		ALONE(who_lies_does_so_for_his_user_alone),
		ALONE(a_line_gets_the_process_id_that_the_host_knows),
		ALONE(what_is_no_line_is_not_written),
		ALONE(where_there_is_no_file_nothing_is_written),
		ALONE(a_file_for_each_process_is_not_somebody_else_s),
	};

	return cmocka_run_group_tests(
	    tests, boot_with_directory, remove_directory);
}
