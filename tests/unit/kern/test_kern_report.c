/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports, sinks, and the statistics as OpenMetrics text. */
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/report.h"
#include "kern/stats.h"
#include "rump/rumphost.h"

struct text {
	struct sink t_sink;
	char t_buf[16384];
	size_t t_len;
};

static void
put(struct sink *sk, const char *s, size_t len)
{
	struct text *t = (struct text *)sk;

	assert_true(len < sizeof(t->t_buf) - t->t_len);
	memcpy(t->t_buf + t->t_len, s, len);
	t->t_len += len;
	t->t_buf[t->t_len] = '\0';
}

static struct text text = { .t_sink = { put } };

static const char *
metrics(void)
{
	text.t_len = 0;
	metrics_print(&text.t_sink);
	return text.t_buf;
}

static uint64_t asked = 41;

static uint64_t
ask(void)
{
	return ++asked;
}

static struct kstat stats[] = {
	{ "test_counter", "counts" },
	{ .ks_name = "test_state",
	    .ks_help = "goes up and down",
	    .ks_kind = KSTAT_GAUGE },
	{ .ks_name = "test_asked", .ks_help = "is asked for", .ks_read = ask },
	{ .ks_name = "test_family",
	    .ks_help = "has labels",
	    .ks_label = "a=\"b\"" },
	{ .ks_name = "test_family",
	    .ks_help = "has labels",
	    .ks_label = "a=\"c\"" },
};

static void
statistics_are_openmetrics_text(void **state)
{
	const char *s;

	kstat_attach(stats, sizeof(stats) / sizeof(stats[0]));
	KSTAT_ADD(&stats[0], UINT64_MAX);
	KSTAT_ADD(&stats[1], 5);
	KSTAT_SUB(&stats[1], 2);
	KSTAT_ADD(&stats[4], 7);
	s = strstr(metrics(), "# TYPE rump_test_counter");
	assert_non_null(s);
	assert_string_equal(s, "# TYPE rump_test_counter counter\n"
			       "# HELP rump_test_counter counts\n"
			       "rump_test_counter_total 18446744073709551615\n"
			       "# TYPE rump_test_state gauge\n"
			       "# HELP rump_test_state goes up and down\n"
			       "rump_test_state 3\n"
			       "# TYPE rump_test_asked counter\n"
			       "# HELP rump_test_asked is asked for\n"
			       "rump_test_asked_total 42\n"
			       "# TYPE rump_test_family counter\n"
			       "# HELP rump_test_family has labels\n"
			       "rump_test_family_total{a=\"b\"} 0\n"
			       "rump_test_family_total{a=\"c\"} 7\n"
			       "# EOF\n");
}

static void
sum_labelled(const char *name, const char *help, uint64_t value, void *arg)
{
	if (strcmp(name, "test_family{a=\"c\"}") == 0)
		*(uint64_t *)arg += value;
}

static void
the_host_sees_labels_in_names(void **state)
{
	uint64_t sum = 0;

	rump_stats_iterate(sum_labelled, &sum);
	assert_int_equal(sum, 7);
}

static void
a_long_piece_of_text_is_cut_off_and_a_string_is_not(void **state)
{
	char line[1001];

	memset(line, 'x', 1000);
	line[1000] = '\0';
	text.t_len = 0;
	sink_printf(&text.t_sink, "%s", line);
	assert_int_equal(text.t_len, 255);
	text.t_len = 0;
	sink_puts(&text.t_sink, line);
	assert_int_equal(text.t_len, 1000);
}

static void
print_hello(struct sink *sk)
{
	sink_puts(sk, "hello\n");
}

static struct report reports[] = {
	{ .rp_name = "test", .rp_print = print_hello },
	{ .rp_name = "test2", .rp_print = print_hello },
};

static void
reports_keep_their_numbers(void **state)
{
	int hz = report_find("hz", 2), first;

	assert_true(hz >= 0);
	assert_int_equal(report_find("test", 4), -1);
	report_attach(reports, 2);
	first = report_find("test", 4);
	assert_int_equal(report_find("test2", 5), first + 1);
	assert_int_equal(report_find("test2", 4), first);
	assert_int_equal(report_find("hz", 2), hz);
	assert_ptr_equal(report_nth((size_t)first), &reports[0]);
	assert_null(report_nth((size_t)first + 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics_are_openmetrics_text),
		cmocka_unit_test(the_host_sees_labels_in_names),
		cmocka_unit_test(
		    a_long_piece_of_text_is_cut_off_and_a_string_is_not),
		cmocka_unit_test(reports_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
