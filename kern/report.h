/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel has to say about itself, as text.  A component that knows
 * something attaches a report; kernfs shows each as a file of that name, and
 * rump_report() gives it to the program that hosts the kernel.
 */
#ifndef KERN_REPORT_H
#define KERN_REPORT_H

#include "kern/queue.h"
#include "kern/sink.h"

struct report {
	const char *rp_name;
	/* Lines; may sleep. */
	void (*rp_print)(struct sink *sk);
	struct list rp_list;
};

/* Make n reports known; they live for ever. */
void report_attach(struct report *rp, size_t n);
/* The nth in order of attachment, or NULL; none changes its number. */
const struct report *report_nth(size_t nth);
/* Its number, or -1. */
int report_find(const char *name, size_t namelen);

/* The core's own: version, hostname, times, metrics.  Part of booting. */
void report_boot(void);

#endif /* !KERN_REPORT_H */
