/* SPDX-License-Identifier: BSD-2-Clause */
/* What options ask for, checked and resolved: the input of run and explain. */
#ifndef TOOLS_PLAN_H
#define TOOLS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/hijackspec.h"
#include "sysproxy/address.h"
#include "tools/mountarg.h"
#include "tools/options.h"

enum plan_kernel {
	PLAN_PRIVATE,    /* in a server of the command's own */
	PLAN_IN_PROCESS, /* in the command's process */
	PLAN_JOINED,     /* in the server at pl_server */
};

struct plan {
	enum plan_kernel pl_kernel;
	char pl_server[ADDRESS_URL_MAX]; /* with an absolute path */
	struct mountarg *pl_mounts;      /* owned */
	size_t pl_nmounts;
	const char *pl_hijack;     /* RUMPHIJACK grammar; "" nothing */
	struct hijackspec pl_spec; /* the same, parsed, and what --net adds */
	const char *pl_net;        /* "host" or "sockin" */
	char *pl_pcap;             /* owned: absolute; NULL none */
	const char *pl_trace;      /* NULL none, "" everything, else classes */
	char *pl_log_file;         /* owned: absolute; NULL none */
	char pl_error[1024];       /* set when a function returns -1 */
};

/*
 * Check what op says; what op does not allow is as if not given.  The plan borrows op's strings.  Returns 0 or -1; either
 * way plan_fini() is due.
 */
int plan_init(struct plan *pl, const struct options *op);
void plan_fini(struct plan *pl);

/* Is there anything that would be the rump kernel's? */
bool plan_routes(const struct plan *pl);

/* Resolve the names of servers.  Returns 0 or -1. */
int plan_resolve(struct plan *pl);

/*
 * The mounts as PATH=URL lines, one for each address of a server, allocated;
 * NULL when out of memory.
 */
char *plan_mount_lines(const struct plan *pl);

#endif /* !TOOLS_PLAN_H */
