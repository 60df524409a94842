/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server is a copy of this process, for that is quicker than executing
 * another program.  The command shall not notice it: it is no child of the
 * command's, has a session of its own, so that neither the terminal nor a
 * signal to a process group or session reaches it, holds nothing of what the
 * command's parent has handed down, and its name and arguments are not the
 * command's, lest somebody who looks for that one by name finds two.
 *
 *   rumpkit                  server
 *   fork, fork ------------> descriptors, signals, limits
 *   read the report          boot, mount
 *                            serve the connection
 *            <-------------- report one byte, let go of standard error
 *   execute the command
 *
 * What fails before the report is said on standard error by the server itself.
 * Until then it dies with rumpkit: the control connection is hung up, which
 * sends it SIGIO.  Later the same event means that the last client is gone.
 */
#include "tools/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/boot.h"
#include "tools/rumpkit.h"
#include "tools/title.h"

#define CONTROL 3 /* descriptors of the server */
#define REPORT 4
#define SPARE 10 /* from here on there is room while these are arranged */

#define NAME "rumpkit-kernel"

enum outcome {
	STARTED = 1,
	SAID, /* did not start, and has said why */
};

struct start {
	const struct private *st_wanted;
	struct boot_user st_user;
	int st_control[2]; /* the client's end, the server's */
	int st_report[2];
};

static void
send_report(enum outcome outcome)
{
	(void)!write(REPORT, &outcome, sizeof(outcome));
	close(REPORT);
}

static void __attribute__((__noreturn__)) give_up(const char *text)
{
	if (text != NULL)
		complain(0, "%s", text);
	send_report(SAID);
	_exit(STATUS_FAILED);
}

/* As number to, from a number that is in nobody's way. */
static void
place(int fd, int to)
{
	if (dup3(fd, to, O_CLOEXEC) < 0)
		_exit(STATUS_FAILED);
}

/* Standard error stays until the command has ended. */
static void
arrange_descriptors(const struct start *st)
{
	int control = fcntl(st->st_control[1], F_DUPFD, SPARE);
	int report = fcntl(st->st_report[1], F_DUPFD, SPARE);
	int null = open("/dev/null", O_RDWR);

	if (control < 0 || report < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		_exit(STATUS_FAILED);
	place(control, CONTROL);
	place(report, REPORT);
	close_range(REPORT + 1, ~0U, 0);
}

/* Others may wait until nobody can write there any more. */
static void
let_go_of_errors(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

/*
 * The tree outlives what would end a process, so that all of it can be served
 * to its end when a system goes down.
 */
static void
arrange_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE,
		SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ };
	sigset_t none;
	size_t i;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
die_with_rumpkit(void)
{
	struct pollfd p = { .fd = CONTROL };

	fcntl(CONTROL, F_SETOWN, getpid());
	fcntl(CONTROL, F_SETFL, O_ASYNC);
	if (poll(&p, 1, 0) > 0)
		_exit(STATUS_FAILED);
}

static void
outlive_rumpkit(void)
{
	fcntl(CONTROL, F_SETFL, 0);
	fcntl(CONTROL, F_SETOWN, 0);
}

static void __attribute__((__noreturn__)) server(const struct start *st)
{
	const struct private *pr = st->st_wanted;
	char text[1024];

	boot_raise_limits();
	arrange_descriptors(st);
	arrange_signals();
	die_with_rumpkit();
	(void)chdir("/");
	if (boot_load(pr->pr_hijack, pr->pr_plan, text, sizeof(text)) != 0 ||
	    boot_start(&st->st_user, text, sizeof(text)) != 0)
		give_up(text);
	if (boot_mount(pr->pr_plan) != 0)
		give_up(NULL);
	outlive_rumpkit();
	if (boot_adopt(CONTROL, basename(pr->pr_command),
		pr->pr_verbose ? NULL : let_go_of_errors, text,
		sizeof(text)) != 0)
		give_up(text);
	title_set(NAME); /* the command's name goes */
	send_report(STARTED);
	boot_wait();
	boot_end();
}

static pid_t
fork_server(const struct start *st)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	pid = fork();
	if (pid == 0)
		server(st);
	_exit(pid < 0 ? errno : 0);
}

/* 0, or an exit status. */
static int
await_report(int report, pid_t middle)
{
	enum outcome oc = SAID;
	int status = 0;
	ssize_t n;

	while (waitpid(middle, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return complain(STATUS_FAILED,
		    "no process for the kernel: fork: %s",
		    strerror(WEXITSTATUS(status)));
	while ((n = read(report, &oc, sizeof(oc))) < 0 && errno == EINTR)
		continue;
	if (n == sizeof(oc) && oc == STARTED)
		return 0;
	if (n != sizeof(oc))
		complain(0, "the kernel's process ended during its start;"
			    " rumpkit doctor may know why");
	return STATUS_FAILED;
}

static int
start_server(struct start *st)
{
	pid_t pid;
	int status;

	if (pipe2(st->st_report, O_CLOEXEC) != 0)
		return complain(STATUS_FAILED, "pipe: %s", strerror(errno));
	pid = fork_server(st);
	close(st->st_report[1]);
	if (pid < 0)
		status = complain(STATUS_FAILED,
		    "no process for the kernel: fork: %s", strerror(errno));
	else
		status = await_report(st->st_report[0], pid);
	close(st->st_report[0]);
	return status;
}

static int
start_with(struct start *st, struct private *pr)
{
	int status;

	if (socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, st->st_control) != 0)
		return complain(
		    STATUS_FAILED, "socketpair: %s", strerror(errno));
	status = start_server(st);
	close(st->st_control[1]);
	if (status != 0) {
		close(st->st_control[0]);
		return status;
	}
	/* Not where the command expects a standard descriptor. */
	pr->pr_control =
	    fcntl(st->st_control[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(st->st_control[0]);
	if (pr->pr_control < 0)
		return complain(STATUS_FAILED, "no descriptor is left: %s",
		    strerror(errno));
	return 0;
}

int
private_start(struct private *pr)
{
	struct start st = { .st_wanted = pr };

	boot_user(&st.st_user);
	return start_with(&st, pr);
}
