/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/report.h"

#include "kern/boot.h"
#include "kern/clock.h"
#include "kern/guard.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "kern/sysctl.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

/* Ticks a second that interfaces with ticks count in; there is no tick. */
#define HZ 100
#define PAGESIZE 4096
#define NS_PER_US 1000

static _Atomic uint32_t guard;
static struct list reports = LIST_INITIALIZER(reports); /* guard to append */
static struct rump_timespec boottime;                   /* i */

void
report_attach(struct report *rp, size_t n)
{
	guard_enter(&guard);
	for (size_t i = 0; i < n; i++)
		list_insert_tail(&reports, &rp[i].rp_list);
	guard_exit(&guard);
}

const struct report *
report_nth(size_t nth)
{
	const struct report *found = NULL;
	struct list *n;

	guard_enter(&guard);
	LIST_FOREACH (n, &reports) {
		if (nth-- == 0) {
			found = LIST_ENTRY(n, struct report, rp_list);
			break;
		}
	}
	guard_exit(&guard);
	return found;
}

int
report_find(const char *name, size_t namelen)
{
	const struct report *rp;

	for (int i = 0; (rp = report_nth((size_t)i)) != NULL; i++) {
		if (strlen(rp->rp_name) == namelen &&
		    memcmp(rp->rp_name, name, namelen) == 0)
			return i;
	}
	return -1;
}

static void
print_version(struct sink *sk)
{
	sink_puts(sk, OSTYPE " " OSRELEASE " (rumpkit)\n");
}

static void
print_hostname(struct sink *sk)
{
	char name[MAXHOSTNAMELEN];

	sysctl_hostname(name, sizeof(name));
	sink_puts(sk, name);
	sink_puts(sk, "\n");
}

static void
print_boottime(struct sink *sk)
{
	sink_printf(sk, "%lld\n", (long long)boottime.tv_sec);
}

static void
print_time(struct sink *sk)
{
	struct rump_timespec now;

	getnanotime(&now);
	sink_printf(sk, "%lld %ld\n", (long long)now.tv_sec,
	    (long)now.tv_nsec / NS_PER_US);
}

static void
print_hz(struct sink *sk)
{
	sink_printf(sk, "%d\n", HZ);
}

static void
print_pagesize(struct sink *sk)
{
	sink_printf(sk, "%d\n", PAGESIZE);
}

static struct report own[] = {
	{ .rp_name = "boottime", .rp_print = print_boottime },
	{ .rp_name = "hostname", .rp_print = print_hostname },
	{ .rp_name = "hz", .rp_print = print_hz },
	{ .rp_name = "metrics", .rp_print = metrics_print },
	{ .rp_name = "pagesize", .rp_print = print_pagesize },
	{ .rp_name = "time", .rp_print = print_time },
	{ .rp_name = "version", .rp_print = print_version },
};

void
report_boot(void)
{
	getnanotime(&boottime);
	report_attach(own, NITEMS(own));
}

struct visitor {
	struct sink sink;
	void (*func)(const char *, size_t, void *);
	void *arg;
};

static void
visit(struct sink *sk, const char *text, size_t len)
{
	struct visitor *v = CONTAINER_OF(sk, struct visitor, sink);

	v->func(text, len, v->arg);
}

int
rump_report(
    const char *name, void (*func)(const char *, size_t, void *), void *arg)
{
	struct visitor v = { { visit }, func, arg };
	int number;

	number = report_find(name, strlen(name));
	if (number < 0)
		return ENOENT;
	rump_schedule();
	report_nth((size_t)number)->rp_print(&v.sink);
	rump_unschedule();
	return 0;
}
