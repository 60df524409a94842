/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process sees of another one, which is a child of the test's here. */
#include "servertest.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

#define NUMBER 7
#define NOBODY 65534

static const char opened[] = "/by/this/path";
static char seen[256];

/* The other process, and the end of a socket that it waits at. */
struct other {
	pid_t ot_pid;
	int ot_fd;
};

static struct fast_shown *
shown(struct fastclient *fc)
{
	return (struct fast_shown *)(fc->fc_area + FAST_SHOWN);
}

/* In the child: a file at NUMBER, and a directory; or none of that. */
static int
show(struct fastclient *fc, bool all)
{
	int64_t retval[2];

	if (fastclient_call(fc, 0, RUMP_SYS_open,
		A((intptr_t) "/seen", RUMP_O_CREAT | RUMP_O_RDWR, 0666),
		IN(STR("/seen")), retval) != 0 ||
	    fastclient_call(fc, 0, RUMP_SYS_write,
		A(retval[0], (intptr_t) "z", 1), NULL, NULL) != 0)
		return 21;
	if (fastclient_call(fc, 0, RUMP_SYS_chdir, A((intptr_t) "/dir"),
		IN(STR("/dir")), NULL) != 0)
		return 22;
	if (!all)
		return 0;
	shown(fc)->fs_number[NUMBER] = (uint32_t)retval[0] + 1;
	shown(fc)->fs_path[NUMBER] = (uintptr_t)opened;
	shown(fc)->fs_number[NUMBER + 1] = UINT32_MAX;
	shown(fc)->fs_number[NUMBER + 2] = 12345;
	shown(fc)->fs_number[NUMBER + 3] = (uint32_t)retval[0] + 1;
	shown(fc)->fs_path[NUMBER + 3] = 8;
	shown(fc)->fs_cwd = 1;
	return 0;
}

static int
be_other(int connection, int end, bool all, bool closed)
{
	struct fastclient fc = { 0 };
	char c = 0;
	int error;

	if (closed && prctl(PR_SET_DUMPABLE, 0) != 0)
		return 18;
	if (fastclient_hello(&fc, connection, closed) != 0 ||
	    !fastclient_start(&fc, 0))
		return 19;
	error = show(&fc, all);
	if (error != 0)
		return error;
	return write(end, &c, 1) == 1 && read(end, &c, 1) == 0 ? 0 : 20;
}

static struct other
start(bool all, bool closed)
{
	struct other ot;
	int connection, fds[2];
	char c;

	(void)call(
	    RUMP_SYS_mkdir, A((intptr_t) "/dir", 0777), IN(STR("/dir")), NULL);
	connection = fastclient_fork(&client);
	assert_true(connection >= 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ot.ot_pid = fork();
	if (ot.ot_pid == 0) {
		close(fds[0]);
		_exit(be_other(connection, fds[1], all, closed));
	}
	close(connection);
	close(fds[1]);
	ot.ot_fd = fds[0];
	assert_int_equal(read(ot.ot_fd, &c, 1), 1);
	return ot;
}

static void
end(struct other *ot)
{
	int status;

	close(ot->ot_fd);
	assert_int_equal(waitpid(ot->ot_pid, &status, 0), ot->ot_pid);
	assert_int_equal(status, 0);
}

static int64_t
look_file(pid_t self, pid_t pid, int64_t number, int64_t *retval)
{
	return call(FASTCALL_LOOK_FILE,
	    A(self, pid, number, (intptr_t)seen, sizeof(seen)), NULL, retval);
}

static int64_t
look_cwd(pid_t pid, size_t size)
{
	return call(FASTCALL_LOOK_CWD,
	    A(getpid(), pid, (intptr_t)seen, (int64_t)size), NULL, NULL);
}

static void
a_process_is_seen_as_it_shows_itself(void **state)
{
	struct other ot = start(true, false);
	int64_t retval[2];
	char c = 0;

	assert_int_equal(look_file(getpid(), ot.ot_pid, NUMBER, retval), 0);
	assert_string_equal(
	    seen, (client.fc_flags & FAST_BY_VM) != 0 ? opened : "");
	assert_int_equal(call(RUMP_SYS_pread,
			     A(retval[0], (intptr_t)&c, 1, 0, 0), NULL, NULL),
	    0);
	assert_int_equal(c, 'z');
	assert_int_equal(look_cwd(ot.ot_pid, sizeof(seen)), 0);
	assert_string_equal(seen, "/dir");
	assert_int_equal(look_cwd(ot.ot_pid, 4), RUMP_ERANGE);
	/* We are where we were. */
	assert_int_equal(call(RUMP_SYS___getcwd,
			     A((intptr_t)seen, sizeof(seen)), NULL, NULL),
	    0);
	assert_string_equal(seen, "/");
	end(&ot);
	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, NUMBER, NULL) != 0, true);
}

static void
what_it_shows_wrongly_is_not_there(void **state)
{
	struct other ot = start(true, false);

	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, NUMBER - 1, NULL), RUMP_EBADF);
	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, NUMBER + 1, NULL), RUMP_EBADF);
	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, NUMBER + 2, NULL), RUMP_EBADF);
	assert_int_equal(look_file(getpid(), ot.ot_pid, -1, NULL), RUMP_EBADF);
	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, FAST_SHOWN_NUMBERS, NULL),
	    RUMP_EBADF);
	assert_int_equal(look_file(getpid(), ot.ot_pid, NUMBER + 3, NULL), 0);
	assert_string_equal(seen, "");
	end(&ot);
}

static void
who_shows_nothing_is_not_seen(void **state)
{
	struct other ot = start(false, false);

	assert_int_equal(
	    look_file(getpid(), ot.ot_pid, NUMBER, NULL), RUMP_EBADF);
	assert_int_equal(look_cwd(ot.ot_pid, sizeof(seen)), RUMP_ENOENT);
	assert_int_equal(look_file(getpid(), 0, NUMBER, NULL), RUMP_ESRCH);
	assert_int_equal(
	    look_file(getpid(), getppid(), NUMBER, NULL), RUMP_ESRCH);
	/* In another name space numbers mean other processes. */
	assert_int_equal(
	    look_file(getpid() + 1, ot.ot_pid, NUMBER, NULL), RUMP_ESRCH);
	end(&ot);
}

static int
become_nobody_and_look(int connection, pid_t pid)
{
	struct fastclient fc = { 0 };
	const int64_t args[FAST_ARGS] = { getpid(), pid, NUMBER, (intptr_t)seen,
		sizeof(seen) };

	if (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return 30;
	if (fastclient_hello(&fc, connection, false) != 0 ||
	    !fastclient_start(&fc, 0))
		return 31;
	return fastclient_call(&fc, 0, FASTCALL_LOOK_FILE, args, NULL, NULL) ==
		       RUMP_EPERM
		   ? 0
		   : 32;
}

static void
another_user_does_not_see_it(void **state)
{
	struct other ot;
	int connection, status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	ot = start(true, false);
	connection = fastclient_fork(&client);
	pid = fork();
	if (pid == 0)
		_exit(become_nobody_and_look(connection, ot.ot_pid));
	close(connection);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end(&ot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_process_is_seen_as_it_shows_itself),
		TEST(what_it_shows_wrongly_is_not_there),
		TEST(who_shows_nothing_is_not_seen),
		TEST(another_user_does_not_see_it),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
