/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpkit doctor: try what the hijack library and the kernel need, one thing
 * after the other, and say in plain words what came out of it.  Nothing is
 * concluded from version numbers where it can be tried.
 */
#include "tools/rumpkit.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/handover.h"
#include "tools/library.h"
#include "tools/options.h"
#include "tools/probe.h"
#include "tools/reach.h"
#include "tools/serverurl.h"
#include "tools/transport.h"

/* prctl(2) option 59; older headers do not have it. */
#define SET_SYSCALL_USER_DISPATCH 59
#define DISPATCH_OFF 0L
#define DISPATCH_ON 1L

enum verdict { GOOD, NOTE, BAD };
static const char *const verdicts[] = { "ok", "note", "MISSING" };

struct finding {
	enum verdict f_verdict;
	char f_text[256];
};

struct examination {
	const char *ex_name;
	void (*ex_examine)(struct finding *f);
};

static void __attribute__((__format__(__printf__, 3, 4)))
find(struct finding *f, enum verdict verdict, const char *fmt, ...)
{
	va_list ap;

	f->f_verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(f->f_text, sizeof(f->f_text), fmt, ap);
	va_end(ap);
}

/* The first line of a small file, without its newline. */
static bool
read_line(const char *path, char *buf, size_t size)
{
	FILE *in = fopen(path, "re");
	bool got;

	if (in == NULL)
		return false;
	got = fgets(buf, (int)size, in) != NULL;
	fclose(in);
	if (got)
		buf[strcspn(buf, "\n")] = '\0';
	return got;
}

static void
examine_host(struct finding *f)
{
	struct utsname u;

	if (uname(&u) != 0) {
		find(f, BAD, "uname: %s", strerror(errno));
		return;
	}
	find(f, strcmp(u.machine, "x86_64") == 0 ? GOOD : BAD,
	    "%s %s on %s, glibc %s", u.sysname, u.release, u.machine,
	    gnu_get_libc_version());
}

static void
examine_library(struct finding *f)
{
	char path[PATH_MAX], text[sizeof(f->f_text)];

	if (library_find(path, sizeof(path), text, sizeof(text)) != 0)
		find(f, BAD, "%s", text);
	else
		find(f, GOOD, "%.200s is there and readable", path);
}

/* Armed with a selector that allows everything, so that nothing is caught. */
static void
examine_dispatch(struct finding *f)
{
	static char selector; /* 0: allow */

	if (prctl(SET_SYSCALL_USER_DISPATCH, DISPATCH_ON, 0L, 0L, &selector) !=
	    0) {
		find(f, NOTE,
		    "Syscall User Dispatch cannot be switched on (%s): calls"
		    " that libc does not make itself go unseen (needs Linux"
		    " 5.11, and no filter against prctl)",
		    strerror(errno));
		return;
	}
	prctl(SET_SYSCALL_USER_DISPATCH, DISPATCH_OFF, 0L, 0L, 0L);
	find(f, GOOD, "Syscall User Dispatch works: every system call is seen");
}

/* Make a private page of program text writable and executable again. */
static int
patch_text(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd, error = 0;
	char *p;

	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	p = mmap(NULL, (size_t)page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return errno;
	if (mprotect(p, (size_t)page, PROT_READ | PROT_WRITE) != 0)
		error = errno;
	if (error == 0) {
		p[0] = p[0] == 0;
		if (mprotect(p, (size_t)page, PROT_READ | PROT_EXEC) != 0)
			error = errno;
	}
	munmap(p, (size_t)page);
	return error;
}

static void
examine_patching(struct finding *f)
{
	int error = patch_text();

	if (error == 0)
		find(f, GOOD,
		    "program text can be patched: calls cost tens of"
		    " nanoseconds");
	else
		find(f, NOTE,
		    "program text cannot be patched (%s): every call costs a"
		    " signal, about a microsecond",
		    strerror(error));
}

static void
examine_memfd(struct finding *f)
{
	int fd = memfd_create("rumpkit-doctor", MFD_CLOEXEC);

	if (fd < 0) {
		find(f, BAD, "memfd_create: %s: the page cache has no place",
		    strerror(errno));
		return;
	}
	close(fd);
	find(f, GOOD, "memory files work: rump files can be mapped");
}

static void
examine_seccomp(struct finding *f)
{
	char line[128], mode = '0', nnp = '0';
	FILE *in = fopen("/proc/self/status", "re");

	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		sscanf(line, "Seccomp: %c", &mode);
		sscanf(line, "NoNewPrivs: %c", &nnp);
	}
	if (in != NULL)
		fclose(in);
	if (mode == '2')
		find(f, NOTE,
		    "a seccomp filter is in force (a container?): what it"
		    " forbids, the command cannot do either");
	else if (nnp == '1')
		find(f, GOOD,
		    "no seccomp filter; no_new_privs is set: set-id programs"
		    " run without their privilege");
	else
		find(f, GOOD, "no seccomp filter");
}

static void
describe_limit(char *buf, size_t size, rlim_t value, rlim_t unit)
{
	if (value == RLIM_INFINITY)
		snprintf(buf, size, "unlimited");
	else
		snprintf(buf, size, "%llu", (unsigned long long)(value / unit));
}

static void
examine_descriptors(struct finding *f)
{
	struct rlimit rl;
	char now[24], most[24];

	getrlimit(RLIMIT_NOFILE, &rl);
	describe_limit(now, sizeof(now), rl.rlim_cur, 1);
	describe_limit(most, sizeof(most), rl.rlim_max, 1);
	find(f, rl.rlim_cur >= 64 ? GOOD : NOTE,
	    "%s descriptors (at most %s); a kernel takes a few at the top%s",
	    now, most, rl.rlim_cur >= 64 ? "" : ": raise it with ulimit -n");
}

static void
examine_address_space(struct finding *f)
{
	struct rlimit rl;
	char now[24];

	getrlimit(RLIMIT_AS, &rl);
	describe_limit(now, sizeof(now), rl.rlim_cur, 1 << 20);
	if (rl.rlim_cur == RLIM_INFINITY)
		find(f, GOOD, "address space is unlimited");
	else
		find(f, NOTE,
		    "address space is limited to %s MiB: large rump files"
		    " cannot be mapped whole",
		    now);
}

static void
examine_transport(struct finding *f)
{
	char scope[16], yama[48] = "no Yama rules";
	struct transport tr;
	int error = transport_try(&tr);

	if (read_line(
		"/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)))
		snprintf(yama, sizeof(yama), "Yama scope %s", scope);
	if (error != 0)
		find(f, BAD, "cannot be tried: %s", strerror(error));
	else if (tr.tr_futex != 0)
		find(f, BAD,
		    "no futexes in shared memory (%s): programs cannot talk to"
		    " a kernel in another process; run --in-process does not"
		    " need that",
		    strerror(tr.tr_futex));
	else if (tr.tr_vm != 0)
		find(f, NOTE,
		    "shared memory works, process_vm_readv does not (%s; %s): large data go to a server and back in pieces"
		    " of 64 KiB, which is slower",
		    strerror(tr.tr_vm), yama);
	else
		find(f, GOOD,
		    "shared memory between programs and a server works, and"
		    " so does process_vm_readv (%s)",
		    yama);
}

/* A server keeps its workers on the processors of those that call. */
static void
examine_processors(struct finding *f)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0 ||
	    sched_setaffinity(0, sizeof(set), &set) != 0)
		find(f, NOTE,
		    "threads cannot be told where to run (%s): calls of a"
		    " server take longer",
		    strerror(errno));
	else
		find(f, GOOD, "%d of %ld may be used", CPU_COUNT(&set),
		    sysconf(_SC_NPROCESSORS_ONLN));
}

/* Can a socket of ours have a port that NFS servers trust? */
static bool
bind_reserved(int fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int port;

	for (port = 1023; port >= 1000; port--) {
		sin.sin_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
			return true;
		if (errno != EADDRINUSE)
			return false;
	}
	return false;
}

static void
examine_ports(struct finding *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		find(f, BAD, "socket: %s: no server can be reached",
		    strerror(errno));
		return;
	}
	if (bind_reserved(fd))
		find(f, GOOD,
		    "source ports below 1024 may be used: every NFS server can"
		    " be mounted");
	else
		find(f, NOTE,
		    "source ports below 1024 may not be used: an NFS server"
		    " must export with the option 'insecure'");
	close(fd);
}

/* 0, or the errno of making such a socket. */
static int
try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void
examine_ip6(struct finding *f)
{
	int error = try_socket(AF_INET6, SOCK_STREAM, 0);

	if (error == 0)
		find(f, GOOD, "IPv6 sockets can be made");
	else
		find(f, NOTE, "no IPv6 sockets (%s): IPv4 addresses only",
		    strerror(error));
}

static void
examine_ping(struct finding *f)
{
	int error = try_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	if (error == 0)
		find(f, GOOD,
		    "ICMP datagram sockets may be used: ping works with --net"
		    " sockin");
	else
		find(f, NOTE,
		    "ICMP datagram sockets may not be used (%s): the group must"
		    " be in /proc/sys/net/ipv4/ping_group_range",
		    strerror(error));
}

static void
examine_raw(struct finding *f)
{
	int error = try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (error == 0)
		find(f, GOOD, "raw sockets may be used");
	else
		find(f, NOTE,
		    "raw sockets may not be used (%s): they need the capability"
		    " CAP_NET_RAW",
		    strerror(error));
}

static void
examine_cpu(struct finding *f)
{
	unsigned a, b, c, d, ext = 0, xfeatures = 0;

	if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) {
		find(
		    f, BAD, "no xsave: the program's registers cannot be kept");
		return;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0)
		ext = d;
	if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d) != 0)
		xfeatures = a;
	find(f, GOOD, "xsave%s; short copies are %s",
	    (xfeatures & bit_XSAVEC) != 0 ? " and xsavec" : "",
	    (ext & (1U << 4)) != 0 ? "fast (fsrm)" : "not accelerated");
}

/* Everything together. */
static void
examine_start(struct finding *f, enum probe_kind kind, const char *good)
{
	char path[PATH_MAX], text[sizeof(f->f_text) - 32];

	if (library_find(path, sizeof(path), text, sizeof(text)) != 0)
		find(f, BAD, "cannot be tried without the library");
	else if (probe_run(kind, path, text, sizeof(text)) != 0)
		find(f, BAD, "a trial failed: %s", text);
	else
		find(f, GOOD, "%s", good);
}

static void
examine_kernel(struct finding *f)
{
	examine_start(f, PROBE_IN_PROCESS,
	    "starts in a process, and a program's calls reach it");
}

static void
examine_server(struct finding *f)
{
	examine_start(f, PROBE_SERVER,
	    "starts in a server, and a program's calls reach it");
}

/* What a program would speak with the server that the environment names. */
static void
examine_environment(struct finding *f)
{
	char url[ADDRESS_URL_MAX], text[512];
	const char *transport;

	if (getenv("RUMP_SERVER") == NULL) {
		find(f, GOOD, "RUMP_SERVER is not set");
	} else if (serverurl_client(NULL, url, text, sizeof(text)) != 0) {
		find(f, BAD, "%s", text);
	} else {
		transport = reach_try(url, text, sizeof(text));
		find(f, transport != NULL ? GOOD : BAD, "RUMP_SERVER=%s: %s",
		    url, transport != NULL ? transport : text);
	}
}

static const struct examination examinations[] = {
	{ "host", examine_host },
	{ "library", examine_library },
	{ "interception", examine_dispatch },
	{ "patching", examine_patching },
	{ "seccomp", examine_seccomp },
	{ "cpu", examine_cpu },
	{ "mapping", examine_memfd },
	{ "descriptors", examine_descriptors },
	{ "address space", examine_address_space },
	{ "transport", examine_transport },
	{ "processors", examine_processors },
	{ "ports", examine_ports },
	{ "IPv6", examine_ip6 },
	{ "ping sockets", examine_ping },
	{ "raw sockets", examine_raw },
	{ "kernel", examine_kernel },
	{ "server", examine_server },
	{ "environment", examine_environment },
};

static int
examine_all(bool quiet)
{
	struct finding f;
	size_t i;
	int bad = 0;

	for (i = 0; i < sizeof(examinations) / sizeof(examinations[0]); i++) {
		examinations[i].ex_examine(&f);
		bad |= f.f_verdict == BAD;
		if (!quiet || f.f_verdict != GOOD)
			printf("%-16s %-8s %s\n", examinations[i].ex_name,
			    verdicts[f.f_verdict], f.f_text);
	}
	if (!quiet)
		puts(bad != 0 ? "Something that rumpkit needs is missing."
			      : "rumpkit run will work here.");
	return bad;
}

int
doctor_main(int argc, char **argv)
{
	struct options op;
	int first, status;

	options_init(&op, OPTIONS_COMMON);
	first = options_parse(&op, argc, argv);
	if (first < 0)
		status = complain(STATUS_FAILED, "doctor: %s", op.op_error);
	else if (options_flag(&op, OPTION_HELP))
		status = help_print();
	else if (options_flag(&op, OPTION_VERSION))
		status = version_print();
	else if (first != argc)
		status = complain(STATUS_FAILED,
		    "doctor: %s: takes no arguments", argv[first]);
	else if (options_environ(&op, getenv) != 0)
		status = complain(STATUS_FAILED, "doctor: %s", op.op_error);
	else if (handover_is_within())
		status = complain(STATUS_FAILED,
		    "doctor: this is a program under rumpkit run, where nothing"
		    " can be tried; run it outside");
	else
		status = examine_all(options_flag(&op, OPTION_QUIET));
	options_fini(&op);
	return status;
}
