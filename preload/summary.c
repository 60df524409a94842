/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters are touched only when a summary is wanted.  Time in the kernel
 * includes what it waited for.
 *
 * The processes of a tree count together, in a page that the server has open
 * for them; the one that rumpkit became prints it.  Who cannot open it, because
 * it is another user's process or in another name space, counts alone and
 * prints nothing.
 */
#include "preload/summary.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/kernel.h"
#include "preload/text.h"
#include "preload/trace.h"
#include "preload/usercopy.h"

/* By class, in the order of the bits TRACE_PATH to TRACE_PROCESS. */
static const char *const class_names[] = { "path", "fd", "socket", "readiness",
	"memory", "process" };
#define NCLASSES (sizeof(class_names) / sizeof(class_names[0]))
_Static_assert(NCLASSES == SUMMARY_CLASSES, "a counter for each class");

static struct summary_page alone;
static struct summary_page *page = &alone;

/* The page that a path leads to, if it is one: seals, size and mark. */
static struct summary_page *
open_page(const char *path)
{
	struct summary_page *found;
	long fd, r;

	fd = HOST(SYS_open, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
	if (fd < 0)
		return NULL;
	r = HOST(SYS_fcntl, fd, F_GET_SEALS, 0, 0, 0, 0);
	if (r >= 0 && (r & SUMMARY_SEALS) == SUMMARY_SEALS)
		r = HOST(SYS_mmap, 0, SUMMARY_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	else
		r = -1;
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (r < 0 && r > -4096)
		return NULL;
	found = (struct summary_page *)r;
	if (found->sp_mark == SUMMARY_MARK)
		return found;
	HOST(SYS_munmap, r, SUMMARY_SIZE, 0, 0, 0, 0);
	return NULL;
}

void
summary_init(const char *path)
{
	struct summary_page *shared;

	if (!config.cf_summary || path == NULL)
		return;
	shared = open_page(path);
	if (shared != NULL)
		page = shared;
	atomic_fetch_add(&page->sp_programs, 1);
}

uint64_t
summary_clock(void)
{
	struct timespec ts;

	if (!config.cf_summary)
		return 0;
	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The bytes of n messages of recvmmsg(2) or sendmmsg(2). */
static uint64_t
message_bytes(const struct call *c, long n)
{
	const struct mmsghdr *vec = (const struct mmsghdr *)c->arg[1];
	uint64_t sum = 0;
	unsigned len;

	for (long i = 0; i < n; i++) {
		if (usercopy_in(&len, &vec[i].msg_len, sizeof(len)) == 0)
			sum += len;
	}
	return sum;
}

/* Bytes that went from one descriptor to another, one of which is rump. */
static void
count_transfer(long in, long out, uint64_t n)
{
	if (fdmap_is_rump(in))
		atomic_fetch_add(&page->sp_bytes_in, n);
	if (fdmap_is_rump(out))
		atomic_fetch_add(&page->sp_bytes_out, n);
}

static void
count_bytes(const struct call *c, long result)
{
	uint64_t n = (uint64_t)result;

	switch (c->nr) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_recvmsg:
		atomic_fetch_add(&page->sp_bytes_in, n);
		break;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
		atomic_fetch_add(&page->sp_bytes_out, n);
		break;
	case SYS_recvmmsg:
		atomic_fetch_add(&page->sp_bytes_in, message_bytes(c, result));
		break;
	case SYS_sendmmsg:
		atomic_fetch_add(&page->sp_bytes_out, message_bytes(c, result));
		break;
	case SYS_sendfile:
		count_transfer(c->arg[1], c->arg[0], n);
		break;
	case SYS_splice:
	case SYS_copy_file_range:
		count_transfer(c->arg[0], c->arg[2], n);
		break;
	default:
		break;
	}
}

static void
count_class(const struct call *c)
{
	uint32_t bit = trace_class(c);

	for (size_t i = 0; i < NCLASSES; i++) {
		if (bit == 1U << i)
			atomic_fetch_add(&page->sp_routed[i], 1);
	}
}

void
summary_count(
    const struct call *c, bool rump, bool refused, long result, uint64_t ns)
{
	if (!config.cf_summary)
		return;
	if (refused) {
		atomic_fetch_add(&page->sp_refused, 1);
		return;
	}
	if (!rump) {
		atomic_fetch_add(&page->sp_passed, 1);
		return;
	}
	count_class(c);
	atomic_fetch_add(&page->sp_time_ns, ns);
	if (result < 0)
		atomic_fetch_add(&page->sp_failed, 1);
	else
		count_bytes(c, result);
}

static void
put_number(struct text *t, uint64_t n, const char *what)
{
	text_udec(t, n);
	text_put(t, what);
}

static uint64_t
total_routed(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NCLASSES; i++)
		sum += atomic_load(&page->sp_routed[i]);
	return sum;
}

static void
print_calls(void)
{
	uint64_t us = atomic_load(&page->sp_time_ns) / 1000;
	char line[256];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	put_number(&t, total_routed(), " calls routed (");
	put_number(&t, page->sp_failed, " failed), ");
	put_number(&t, page->sp_passed, " passed through, ");
	put_number(&t, page->sp_refused, " refused; ");
	put_number(&t, page->sp_bytes_in, " bytes in, ");
	put_number(&t, page->sp_bytes_out, " bytes out; ");
	put_number(&t, us / 1000, ".");
	text_put(&t, us % 1000 < 100 ? us % 1000 < 10 ? "00" : "0" : "");
	put_number(&t, us % 1000, " ms in the kernel");
	trace_line(line);
}

static void
print_classes(void)
{
	const char *before = "summary: routed by class: ";
	char line[256];
	struct text t;

	if (total_routed() == 0)
		return;
	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < NCLASSES; i++) {
		if (page->sp_routed[i] == 0)
			continue;
		text_put(&t, before);
		text_put(&t, class_names[i]);
		text_char(&t, ' ');
		text_udec(&t, page->sp_routed[i]);
		before = ", ";
	}
	trace_line(line);
}

static void
print_counter(const char *name, const char *help, uint64_t value, void *arg)
{
	char line[160];
	struct text t;

	if (value == 0)
		return;
	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	text_put(&t, name);
	text_char(&t, ' ');
	text_udec(&t, value);
	trace_line(line);
}

/* Pieces of a report become lines; the first, a heading, waits for another. */
struct lines {
	struct text l_text;
	char l_line[256], l_heading[256];
	bool l_headed; /* the heading has come, or there is none */
	bool l_zeros;  /* lines that end in " 0" are wanted, too */
};

static bool
ends_in_zero(const struct text *t)
{
	return t->t_len > 2 && t->t_buf[t->t_len - 2] == ' ' &&
	       t->t_buf[t->t_len - 1] == '0';
}

static void
end_line(struct lines *l)
{
	struct text t;

	if (!l->l_headed) {
		text_init(&t, l->l_heading, sizeof(l->l_heading));
		text_put(&t, l->l_line);
		l->l_headed = true;
	} else if (l->l_zeros || !ends_in_zero(&l->l_text)) {
		if (l->l_heading[0] != '\0')
			trace_line(l->l_heading);
		l->l_heading[0] = '\0';
		trace_line(l->l_line);
	}
}

static void
begin_line(struct lines *l)
{
	text_init(&l->l_text, l->l_line, sizeof(l->l_line));
	text_put(&l->l_text, "summary: ");
}

static void
take_piece(const char *s, size_t len, void *arg)
{
	struct lines *l = arg;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\n') {
			text_char(&l->l_text, s[i]);
			continue;
		}
		end_line(l);
		begin_line(l);
	}
}

static void
print_report(const char *name, bool headed, bool zeros)
{
	struct lines l;

	l.l_headed = !headed;
	l.l_zeros = zeros;
	l.l_heading[0] = '\0';
	begin_line(&l);
	(void)kernel.k_report(name, take_piece, &l);
}

static void
print_statistics(void)
{
	if (kernel.k_stats != NULL)
		kernel.k_stats(print_counter, NULL);
	else
		print_report("stats", false, false);
}

static void
print_programs(void)
{
	uint64_t n = atomic_load(&page->sp_programs);
	char line[64];
	struct text t;

	if (n < 2)
		return;
	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	put_number(&t, n, " programs executed");
	trace_line(line);
}

/* Is it for this process to tell? */
static bool
is_teller(void)
{
	if (backend_state == BACKEND_SERVER)
		return HOST(SYS_getpid, 0, 0, 0, 0, 0, 0) ==
		       config.cf_kernel_pid;
	/* A forked child that touched nothing has nothing to tell. */
	return engine_is_owner() || total_routed() != 0;
}

void
summary_print(void)
{
	if (!config.cf_summary || !is_teller())
		return;
	print_programs();
	print_calls();
	print_classes();
	/* A process that has lost its kernel has nobody to ask. */
	if (kernel.k_report == NULL || !backend_reachable())
		return;
	print_statistics();
	print_report("sockets", true, true);
}
