/* SPDX-License-Identifier: BSD-2-Clause */
/* The subcommands that look at a running kernel, or end it. */
#include "tools/rumpkit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "sysproxy/fast.h"
#include "tools/client.h"
#include "tools/options.h"
#include "tools/serverurl.h"
#include "tools/sysctl.h"

static int
explain_error(const char *what, int error)
{
	if (error < 0)
		return complain(
		    STATUS_FAILED, "%s: the server ended meanwhile", what);
	if (error == RUMP_ENXIO)
		return complain(STATUS_FAILED,
		    "%s: this process has no kernel to ask", what);
	if (error == RUMP_EPERM)
		return complain(STATUS_FAILED,
		    "%s: only the server's own user and root may do that",
		    what);
	if (error == RUMP_ENOENT)
		return complain(STATUS_FAILED,
		    "%s: the kernel there knows nothing of that", what);
	return complain(STATUS_FAILED, "%s: the rump kernel says: %s", what,
	    rump_strerror(error));
}

static int
print_report(struct client *cl, const char *subcommand, const char *report)
{
	char *text;
	int error = client_report(cl, report, &text);

	if (error != 0)
		return explain_error(subcommand, error);
	fputs(text, stdout);
	free(text);
	return 0;
}

/* What the server says of a process, in the order of its words. */
struct process {
	int pr_pid; /* in the rump kernel */
	int pr_hostpid;
	unsigned pr_uid;
	unsigned long pr_calls;
	unsigned pr_threads; /* that are in the kernel, or have been lately */
	char pr_transport[16];
	char pr_name[32];
};

static bool
parse_process(const char *line, struct process *pr)
{
	return sscanf(line, "%d %d %u %lu %u %15s %31[^\n]", &pr->pr_pid,
		   &pr->pr_hostpid, &pr->pr_uid, &pr->pr_calls, &pr->pr_threads,
		   pr->pr_transport, pr->pr_name) == 7;
}

static void
print_process(const struct process *pr)
{
	char hostpid[16] = "-";

	/* Neither a process that has said nothing nor one on another machine
	 * is known. */
	if (pr->pr_hostpid > 0)
		snprintf(hostpid, sizeof(hostpid), "%d", pr->pr_hostpid);
	printf("%7s %6d %6u %10lu %7u  %-9s  %s\n", hostpid, pr->pr_pid,
	    pr->pr_uid, pr->pr_calls, pr->pr_threads, pr->pr_transport,
	    pr->pr_name);
}

static int
ps(struct client *cl, char **operands)
{
	char *text, *rest, *line;
	struct process pr;
	int error = client_report(cl, "clients", &text);

	(void)operands;
	if (error != 0)
		return explain_error("ps", error);
	printf("%7s %6s %6s %10s %7s  %-9s  %s\n", "PID", "RUMP", "UID",
	    "CALLS", "THREADS", "TRANSPORT", "COMMAND");
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		if (parse_process(line, &pr))
			print_process(&pr);
	}
	free(text);
	return 0;
}

static int
mounts(struct client *cl, char **operands)
{
	(void)operands;
	return print_report(cl, "mounts", "mounts");
}

static int
netstat(struct client *cl, char **operands)
{
	(void)operands;
	return print_report(cl, "netstat", "sockets");
}

static int
sysctl_one(struct client *cl, const char *word)
{
	char text[256];
	int error = sysctl_perform(cl, word, text, sizeof(text));

	if (error == 0)
		puts(text);
	else if (*text != '\0')
		return complain(STATUS_FAILED, "sysctl: %s", text);
	else if (error == RUMP_EPERM)
		return complain(STATUS_FAILED,
		    "%s: it cannot be set, or only by the server's own user and"
		    " root",
		    word);
	else
		return explain_error(word, error);
	return 0;
}

static int
sysctl_all(struct client *cl, char **operands)
{
	const char *name;
	int status = 0;
	unsigned i;

	if (*operands != NULL) {
		for (; *operands != NULL && status == 0; operands++)
			status = sysctl_one(cl, *operands);
		return status;
	}
	for (i = 0; status == 0 && (name = sysctl_name(i)) != NULL; i++)
		status = sysctl_one(cl, name);
	return status;
}

/* The server has ended when the connection has. */
static int
halt(struct client *cl, char **operands)
{
	struct client_call cc = { .cc_num = FASTCALL_HALT };
	int error;

	(void)operands;
	if (client_is_of_tree(cl))
		return complain(STATUS_FAILED,
		    "halt: the kernel of this tree ends with its last process;"
		    " name another one's server");
	error = client_call(cl, &cc);
	if (error > 0)
		return explain_error("halt", error);
	client_await_end(cl);
	return 0;
}

static const struct inspection {
	const char *in_name;
	int (*in_perform)(struct client *cl, char **operands);
	const char *in_operands; /* NULL: takes none */
	const char *in_help;
} inspections[] = {
	{ "ps", ps, NULL, "List the processes that a kernel serves" },
	{ "mounts", mounts, NULL, "List the mounts of a kernel" },
	{ "netstat", netstat, NULL, "List the sockets of a kernel" },
	{ "sysctl", sysctl_all, " [name | name=value ...]",
	    "Show variables of a kernel, or set one" },
	{ "halt", halt, NULL, "End a kernel and its server" },
};

static const struct inspection *
find(const char *name)
{
	const struct inspection *in = inspections;

	while (strcmp(in->in_name, name) != 0)
		in++;
	return in;
}

static int
help(const struct inspection *in)
{
	printf("usage: rumpkit %s [--server URL]%s\n\n%s; it is that of the"
	       " server at URL,\nelse that of this tree of processes, else"
	       " the one that RUMP_SERVER names.\n",
	    in->in_name, in->in_operands != NULL ? in->in_operands : "",
	    in->in_help);
	return 0;
}

/* The server that is named, else the tree's kernel, else RUMP_SERVER's. */
static int
connect_kernel(
    const struct options *op, struct client **clp, char *text, size_t size)
{
	const char *named = options_value(op, OPTION_SERVER);
	char url[ADDRESS_URL_MAX];

	if (named == NULL && client_in_tree())
		return client_of_tree(clp, text, size);
	if (serverurl_client(named, url, text, size) != 0)
		return -1;
	return client_connect(url, clp, text, size);
}

static int
inspect(const struct inspection *in, struct options *op, int argc, char **argv)
{
	struct client *cl;
	int first, status;
	char text[512];

	first = options_parse(op, argc, argv);
	if (first < 0)
		return complain(
		    STATUS_FAILED, "%s: %s", in->in_name, op->op_error);
	if (options_flag(op, OPTION_HELP))
		return help(in);
	if (options_flag(op, OPTION_VERSION))
		return version_print();
	if (first != argc && in->in_operands == NULL)
		return complain(STATUS_FAILED, "%s: %s: takes no operands",
		    in->in_name, argv[first]);
	if (options_environ(op, getenv) != 0)
		return complain(
		    STATUS_FAILED, "%s: %s", in->in_name, op->op_error);
	if (connect_kernel(op, &cl, text, sizeof(text)) != 0)
		return complain(STATUS_FAILED, "%s: %s", in->in_name, text);
	status = in->in_perform(cl, argv + first);
	client_disconnect(cl);
	return status;
}

int
inspect_main(int argc, char **argv)
{
	struct options op;
	int status;

	options_init(&op, OPTIONS_CLIENT);
	status = inspect(find(argv[0]), &op, argc, argv);
	options_fini(&op);
	return status;
}
