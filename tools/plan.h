/* SPDX-License-Identifier: BSD-2-Clause */
/* What options ask for, checked and resolved: the input of run and explain. */
#ifndef TOOLS_PLAN_H
#define TOOLS_PLAN_H

#include <stddef.h>

#include "preload/hijackspec.h"
#include "tools/mountarg.h"
#include "tools/options.h"

struct plan {
	struct mountarg *pl_mounts; /* owned */
	size_t pl_nmounts;
	const char *pl_hijack;     /* RUMPHIJACK grammar; "" nothing */
	struct hijackspec pl_spec; /* the same, parsed, and what --net adds */
	const char *pl_net;        /* "host" or "sockin" */
	char *pl_pcap;             /* owned: absolute; NULL none */
	const char *pl_trace;      /* NULL none, "" everything, else classes */
	const char *pl_log_file;
	char pl_error[1024]; /* set when a function returns -1 */
};

/*
 * Check what op says.  The plan borrows op's strings.  Returns 0 or -1; either
 * way plan_fini() is due.
 */
int plan_init(struct plan *pl, const struct options *op);
void plan_fini(struct plan *pl);

/* Resolve the names of servers.  Returns 0 or -1. */
int plan_resolve(struct plan *pl);

/*
 * The mounts as PATH=URL lines, one for each address of a server, allocated;
 * NULL when out of memory.
 */
char *plan_mount_lines(const struct plan *pl);

#endif /* !TOOLS_PLAN_H */
