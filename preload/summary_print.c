/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server knows what the processes of the tree have counted, a line for each
 * user; without one it is this process alone.
 */
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/kernel.h"
#include "preload/summary.h"
#include "preload/text.h"
#include "preload/trace.h"

/* By class, in the order of the bits TRACE_PATH to TRACE_PROCESS. */
static const char *const class_names[] = { "path", "fd", "socket", "readiness",
	"memory", "process" };
#define NCLASSES (sizeof(class_names) / sizeof(class_names[0]))
_Static_assert(NCLASSES == FAST_CLASSES, "a counter for each class");

/* --- numbers ------------------------------------------------------------- */

static uint64_t
total_routed(const uint64_t number[COUNT_N])
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NCLASSES; i++)
		sum += number[COUNT_ROUTED + i];
	return sum;
}

static void
put_number(struct text *t, uint64_t n, const char *what)
{
	text_udec(t, n);
	text_put(t, what);
}

static void
put_calls(struct text *t, const uint64_t number[COUNT_N])
{
	uint64_t us = number[COUNT_TIME_NS] / 1000;

	put_number(t, total_routed(number), " calls routed (");
	put_number(t, number[COUNT_FAILED], " failed), ");
	put_number(t, number[COUNT_PASSED], " passed through, ");
	put_number(t, number[COUNT_REFUSED], " refused; ");
	put_number(t, number[COUNT_BYTES_IN], " bytes in, ");
	put_number(t, number[COUNT_BYTES_OUT], " bytes out; ");
	put_number(t, us / 1000, ".");
	text_put(t, us % 1000 < 100 ? us % 1000 < 10 ? "00" : "0" : "");
	put_number(t, us % 1000, " ms in the kernel");
}

static void
print_total(const uint64_t number[COUNT_N])
{
	char line[256];
	struct text t;

	if (number[COUNT_PROGRAMS] > 1) {
		text_init(&t, line, sizeof(line));
		text_put(&t, "summary: ");
		put_number(&t, number[COUNT_PROGRAMS], " programs executed");
		trace_line(line);
	}
	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	put_calls(&t, number);
	trace_line(line);
}

static void
print_classes(const uint64_t number[COUNT_N])
{
	const char *before = "summary: routed by class: ";
	char line[256];
	struct text t;

	if (total_routed(number) == 0)
		return;
	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < NCLASSES; i++) {
		if (number[COUNT_ROUTED + i] == 0)
			continue;
		text_put(&t, before);
		text_put(&t, class_names[i]);
		text_char(&t, ' ');
		text_udec(&t, number[COUNT_ROUTED + i]);
		before = ", ";
	}
	trace_line(line);
}

static void
print_user(const uint64_t words[1 + COUNT_N])
{
	char line[320];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: user ");
	put_number(&t, words[0], ": ");
	put_number(&t, words[1 + COUNT_PROGRAMS], " programs executed, ");
	put_calls(&t, words + 1);
	trace_line(line);
}

/* --- of the tree --------------------------------------------------------- */

/* The report "counts": words of digits. */
struct tally {
	uint64_t ta_words[1 + COUNT_N];
	unsigned ta_n; /* of this line, so far */
	unsigned ta_users;
	bool ta_print; /* the users, not only add them up */
	uint64_t ta_sum[COUNT_N];
};

static void
end_tally(struct tally *ta)
{
	if (ta->ta_n == COUNT_N) {
		ta->ta_users++;
		for (int i = 0; i < COUNT_N; i++) {
			uint64_t *sum = &ta->ta_sum[i];

			if (__builtin_add_overflow(
				*sum, ta->ta_words[1 + i], sum))
				*sum = UINT64_MAX;
		}
		if (ta->ta_print)
			print_user(ta->ta_words);
	}
	ta->ta_n = 0;
	ta->ta_words[0] = 0;
}

static void
take_counts(const char *s, size_t len, void *arg)
{
	struct tally *ta = arg;

	for (size_t i = 0; i < len; i++) {
		uint64_t *word = &ta->ta_words[ta->ta_n];

		if (s[i] == '\n')
			end_tally(ta);
		else if (s[i] >= '0' && s[i] <= '9')
			*word = 10 * *word + (uint64_t)(s[i] - '0');
		else if (ta->ta_n < COUNT_N)
			ta->ta_words[++ta->ta_n] = 0;
	}
}

/* False: the server knows of nobody but this process, or is none of ours. */
static bool
print_tree(void)
{
	struct tally ta = { 0 };

	if (kernel.k_report("counts", take_counts, &ta) != 0 ||
	    ta.ta_users == 0)
		return false;
	print_total(ta.ta_sum);
	print_classes(ta.ta_sum);
	if (ta.ta_users < 2)
		return true;
	ta = (struct tally){ .ta_print = true };
	(void)kernel.k_report("counts", take_counts, &ta);
	return true;
}

static void
print_process(void)
{
	uint64_t number[COUNT_N];

	summary_numbers(number);
	print_total(number);
	print_classes(number);
}

/* --- of the kernel ------------------------------------------------------- */

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

/* --- in the end ---------------------------------------------------------- */

/* Is it for this process to tell? */
static bool
is_teller(void)
{
	uint64_t number[COUNT_N];

	if (backend_state == BACKEND_SERVER)
		return HOST(SYS_getpid, 0, 0, 0, 0, 0, 0) ==
		       config.cf_kernel_pid;
	/* A forked child that touched nothing has nothing to tell. */
	summary_numbers(number);
	return engine_is_owner() || total_routed(number) != 0;
}

void
summary_print(void)
{
	bool reachable;

	if (!config.cf_summary)
		return;
	summary_settle();
	if (!is_teller())
		return;
	/* A process that has lost its kernel has nobody to ask. */
	reachable = kernel.k_report != NULL && backend_reachable();
	if (!reachable || backend_state != BACKEND_SERVER || !print_tree())
		print_process();
	if (!reachable)
		return;
	print_statistics();
	print_report("sockets", true, true);
}
