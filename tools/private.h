/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel of one tree of processes, in a server process of its own. */
#ifndef TOOLS_PRIVATE_H
#define TOOLS_PRIVATE_H

#include <stdbool.h>

#include "tools/plan.h"

struct private
{
	/* What is wanted. */
	const struct plan *pr_plan;
	const char *pr_hijack;  /* the hijack library */
	const char *pr_command; /* the first client */
	bool pr_verbose;
	/* What came of it. */
	int pr_control; /* control connection, close-on-exec */
};

/*
 * Start it: boot, make the plan's mounts, serve.  The environment is the one
 * that the kernel shall see.  It ends with its last client, the first of which
 * is the command, which is to hold pr_control.  0, or an exit status after
 * saying what failed.
 */
int private_start(struct private *pr);

#endif /* !TOOLS_PRIVATE_H */
