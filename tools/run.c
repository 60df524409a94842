/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpkit run: check everything that can be checked, tell the hijack library
 * through the environment, and become the command.  The process id, the process
 * group, signals and job control are the command's from the start, because it
 * is this process.
 */
#include "tools/rumpkit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/engine/image.h"
#include "tools/command.h"
#include "tools/configfile.h"
#include "tools/handover.h"
#include "tools/inside.h"
#include "tools/join.h"
#include "tools/library.h"
#include "tools/options.h"
#include "tools/pcapfile.h"
#include "tools/plan.h"
#include "tools/private.h"
#include "tools/reach.h"
#include "tools/rules.h"
#include "tools/urlcheck.h"

struct run {
	struct options r_options;
	struct plan r_plan;
	char r_library[PATH_MAX];
	char r_command[PATH_MAX];
	char **r_argv; /* the command's */
	bool r_inside; /* to be looked for by the rump kernel */
};

/* Would the rump kernel get this path? */
static bool
place_is_rump(const struct run *r, const char *name)
{
	char path[PATH_MAX];
	struct ns_decision nd = { .nd_path = path, .nd_rule = NS_HOST };
	struct rules rs;
	int error;

	error = rules_init(&rs, &r->r_plan);
	if (error == 0)
		error = rules_decide(&rs, name, &nd, sizeof(path));
	rules_fini(&rs);
	return error == 0 && nd.nd_rule != NS_HOST;
}

/* A file that is written on the host must not have a name in the kernel. */
static int
check_file(const struct run *r, const char *option, const char *file)
{
	if (file == NULL || !place_is_rump(r, file))
		return 0;
	return complain(STATUS_FAILED,
	    "%s: %s: lies in a mount or other place of the rump kernel; it is"
	    " written on the host, so choose a place there",
	    option, file);
}

static int
check_files(const struct run *r)
{
	int status;

	status = check_file(r, "--pcap", r->r_plan.pl_pcap);
	if (status == 0)
		status = check_file(r, "--log-file", r->r_plan.pl_log_file);
	return status;
}

/* Said now and not by each process that cannot write there; with %p the names
 * are not known yet. */
static int
make_log_file(const struct run *r)
{
	const char *file = r->r_plan.pl_log_file;
	struct stat st;
	int fd;

	if (file == NULL || strstr(file, "%p") != NULL ||
	    (r->r_plan.pl_trace == NULL &&
		!options_flag(&r->r_options, OPTION_SUMMARY)))
		return 0;
	/* Whoever reads a FIFO would take a close for the end. */
	if (stat(file, &st) == 0 && S_ISFIFO(st.st_mode))
		return 0;
	fd = open(
	    file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd < 0)
		return complain(
		    STATUS_FAILED, "--log-file: %s: %s", file, strerror(errno));
	close(fd);
	return 0;
}

/* A mount point inside a directory that exists must not be below a file. */
static int
check_mountpoints(const struct plan *pl)
{
	char path[PATH_MAX], *slash;
	struct stat st;
	size_t i;

	for (i = 0; i < pl->pl_nmounts; i++) {
		snprintf(path, sizeof(path), "%s", pl->pl_mounts[i].ma_path);
		do {
			if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
				return complain(STATUS_FAILED,
				    "--mount %s: %s is not a directory on this"
				    " host",
				    pl->pl_mounts[i].ma_path, path);
			slash = strrchr(path, '/');
			*slash = '\0';
		} while (slash != path);
	}
	return 0;
}

/* As image_check() wants it: result or -errno. */
static long
host(long nr, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(nr, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}

/* What would work instead. */
static const char *
cure(enum image_verdict v)
{
	switch (v) {
	case IMAGE_STATIC:
		return "use one that is dynamically linked";
	case IMAGE_CLASS:
		return "it is for 32 bits or another processor; use an x86-64"
		       " build";
	case IMAGE_MUSL:
		return "it is for musl or the like; use a build for glibc";
	case IMAGE_SETID:
	case IMAGE_CAPS:
		return "use a copy without the privilege, or run rumpkit under"
		       " setpriv --no-new-privs";
	case IMAGE_LIBRARY:
		return "let everybody read it";
	case IMAGE_IDENTITY:
		return "run it as one user";
	case IMAGE_OK:
		break;
	}
	return "";
}

/* The loader would pass over the library without a word in such a program. */
static int
check_image(const struct run *r, const char *path)
{
	enum image_verdict v;

	v = image_check(host, AT_FDCWD, path, 0, r->r_library);
	if (v == IMAGE_OK)
		return 0;
	return complain(STATUS_REFUSED, "%s: cannot be hijacked: %s; %s", path,
	    image_reason(v), cure(v));
}

/* Does one of a list's places belong to the rump kernel?  NULL: no. */
static bool
list_is_rump(const struct run *r, const char *list, const char *ends)
{
	char path[PATH_MAX];
	size_t len;

	for (; list != NULL; list = strpbrk(list, ends)) {
		list += strchr(ends, *list) != NULL && *list != '\0';
		len = strcspn(list, ends);
		snprintf(path, sizeof(path), "%.*s", (int)len, list);
		if (len != 0 && place_is_rump(r, path))
			return true;
	}
	return false;
}

/* May only the rump kernel know where the command lies? */
static bool
lies_inside(const struct run *r)
{
	if (strchr(r->r_argv[0], '/') != NULL)
		return place_is_rump(r, r->r_argv[0]);
	return list_is_rump(r, getenv("PATH"), ":");
}

/* ... or its libraries? */
static bool
needs_inside(const struct run *r)
{
	return list_is_rump(r, getenv("LD_LIBRARY_PATH"), ":;") ||
	       list_is_rump(r, getenv("LD_PRELOAD"), ": ");
}

static int
check_command(struct run *r)
{
	char text[512];
	int status;

	r->r_inside = lies_inside(r);
	if (r->r_inside) {
		snprintf(
		    r->r_command, sizeof(r->r_command), "%s", r->r_argv[0]);
		return 0;
	}
	status = command_find(r->r_argv[0], r->r_command, sizeof(r->r_command),
	    text, sizeof(text));
	if (status != 0)
		return complain(status, "%s", text);
	r->r_inside = needs_inside(r);
	return check_image(r, r->r_command);
}

static int
check_mode(const struct run *r)
{
	if (handover_is_within())
		return complain(STATUS_FAILED,
		    "run: this is a program under rumpkit run already, and a"
		    " tree of processes has one kernel");
	if (r->r_plan.pl_kernel == PLAN_JOINED && r->r_plan.pl_pcap != NULL)
		return complain(STATUS_FAILED,
		    "--pcap: what a server's sockets say is recorded by"
		    " rumpkit server --pcap");
	return 0;
}

static int
check_all(struct run *r)
{
	char text[512];
	int status;

	if (plan_init(&r->r_plan, &r->r_options) != 0 ||
	    plan_resolve(&r->r_plan) != 0)
		return complain(STATUS_FAILED, "%s", r->r_plan.pl_error);
	status = check_mode(r);
	if (status == 0)
		status = check_mountpoints(&r->r_plan);
	if (status == 0)
		status = check_files(r);
	if (status != 0)
		return status;
	if (library_find(
		r->r_library, sizeof(r->r_library), text, sizeof(text)) != 0)
		return complain(STATUS_FAILED, "%s", text);
	return check_command(r);
}

static int
check_urls(const struct run *r)
{
	char text[1024];
	const struct mountarg *ma;
	size_t i, j;

	for (i = 0; i < r->r_plan.pl_nmounts; i++) {
		ma = &r->r_plan.pl_mounts[i];
		for (j = 0; j < ma->ma_nurls; j++) {
			if (urlcheck(r->r_library, ma->ma_urls[j], text,
				sizeof(text)) != 0)
				return complain(STATUS_FAILED, "--mount %s: %s",
				    ma->ma_path, text);
		}
	}
	return 0;
}

static void
print_mount(const struct mountarg *ma)
{
	size_t i;

	for (i = 0; i < ma->ma_nurls; i++)
		printf("%s: %s = %s\n", i == 0 ? "mount" : "or else",
		    ma->ma_path, ma->ma_urls[i]);
}

static void
print_server(const char *url)
{
	char text[256];
	const char *transport = reach_try(url, text, sizeof(text));

	if (transport != NULL)
		printf("kernel: in the server at %s, %s\n", url, transport);
	else
		printf("kernel: in the server at %s, which does not answer: "
		       "%s\n",
		    url, text);
}

static void
print_kernel(const struct plan *pl)
{
	if (pl->pl_kernel == PLAN_IN_PROCESS)
		printf("kernel: in the command's process\n");
	else if (pl->pl_kernel == PLAN_JOINED)
		print_server(pl->pl_server);
	else if (plan_routes(pl))
		printf("kernel: in a server of its own\n");
	else
		printf("kernel: none, since nothing is hijacked\n");
}

static int
print_plan(const struct run *r)
{
	const struct plan *pl = &r->r_plan;
	size_t i;

	if (check_urls(r) != 0)
		return STATUS_FAILED;
	printf("command: %s\n", r->r_command);
	printf("library: %s\n", r->r_library);
	print_kernel(pl);
	for (i = 0; i < pl->pl_nmounts; i++)
		print_mount(&pl->pl_mounts[i]);
	printf("hijack: %s\n",
	    *pl->pl_hijack != '\0' ? pl->pl_hijack : "nothing else");
	printf("net: %s\n", pl->pl_net);
	if (pl->pl_pcap != NULL)
		printf("pcap: %s\n", pl->pl_pcap);
	if (pl->pl_trace != NULL)
		printf("trace: %s to %s\n",
		    *pl->pl_trace != '\0' ? pl->pl_trace : "everything",
		    pl->pl_log_file != NULL ? pl->pl_log_file
					    : "standard error");
	if (options_flag(&r->r_options, OPTION_SUMMARY))
		printf("summary: to %s\n", pl->pl_log_file != NULL
					       ? pl->pl_log_file
					       : "standard error");
	return 0;
}

#define SHELL "/bin/sh"

/* A script without an interpreter line is the shell's, as for execvp(3). */
static void
exec_shell(const struct run *r)
{
	size_t n = 0;
	char **argv;

	while (r->r_argv[n] != NULL)
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (argv == NULL)
		return;
	argv[0] = (char *)SHELL;
	argv[1] = (char *)r->r_command;
	memcpy(argv + 2, r->r_argv + 1, n * sizeof(*argv));
	execve(argv[0], argv, environ);
	free(argv);
}

static int
start_private(const struct run *r)
{
	struct private pr = {
		.pr_plan = &r->r_plan,
		.pr_hijack = r->r_library,
		.pr_command = r->r_argv[0],
		.pr_verbose = options_flag(&r->r_options, OPTION_VERBOSE),
	};
	int status = private_start(&pr);

	if (status != 0)
		return status;
	if (handover_connection(pr.pr_control) != 0)
		return complain(STATUS_FAILED, "out of memory");
	return 0;
}

/* See to it that the command will find a kernel. */
static int
connect_kernel(const struct run *r)
{
	const struct plan *pl = &r->r_plan;

	if (pl->pl_kernel == PLAN_JOINED)
		return join_mounts(pl);
	if (pl->pl_kernel == PLAN_PRIVATE && plan_routes(pl))
		return start_private(r);
	return 0;
}

static int
become(const struct run *r)
{
	int status;

	if (pcapfile_make(r->r_plan.pl_pcap) != 0 || make_log_file(r) != 0)
		return STATUS_FAILED;
	if (handover_prepare(&r->r_plan, &r->r_options, r->r_library) != 0)
		return complain(STATUS_FAILED, "out of memory");
	status = connect_kernel(r);
	if (status != 0)
		return status;
	if (r->r_inside)
		return inside_run(r->r_argv);
	execve(r->r_command, r->r_argv, environ);
	if (errno == ENOEXEC) {
		if (check_image(r, SHELL) != 0)
			return STATUS_REFUSED;
		exec_shell(r);
	}
	return complain(errno == ENOENT ? STATUS_NOTFOUND : STATUS_REFUSED,
	    "%s: cannot be executed: %s", r->r_command, strerror(errno));
}

static int
run(struct run *r, int argc, char **argv)
{
	int first, status;

	first = options_parse(&r->r_options, argc, argv);
	if (first < 0)
		return complain(STATUS_FAILED, "%s", r->r_options.op_error);
	if (options_flag(&r->r_options, OPTION_HELP))
		return help_print();
	if (options_flag(&r->r_options, OPTION_VERSION))
		return version_print();
	if (configfile_complete(&r->r_options) != 0)
		return complain(STATUS_FAILED, "%s", r->r_options.op_error);
	if (first == argc)
		return complain(STATUS_FAILED,
		    "run: name a command: rumpkit run [option ...] command"
		    " [argument ...]");
	r->r_argv = argv + first;
	status = check_all(r);
	if (status != 0)
		return status;
	return options_flag(&r->r_options, OPTION_CHECK) ? print_plan(r)
							 : become(r);
}

int
run_main(int argc, char **argv)
{
	struct run r = { 0 };
	int status;

	options_init(&r.r_options, OPTIONS_RUN);
	status = run(&r, argc, argv);
	plan_fini(&r.r_plan);
	options_fini(&r.r_options);
	return status;
}
