/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command's hijack library is told, through the environment. */
#ifndef TOOLS_HANDOVER_H
#define TOOLS_HANDOVER_H

#include "tools/options.h"
#include "tools/plan.h"

/* Change this process's environment.  0 or -1, with errno. */
int handover_prepare(
    const struct plan *pl, const struct options *op, const char *library);

/* Hand on a control connection, too, which stays open, and the path of a page of
 * counters, or "".  0 or -1, with errno. */
int handover_connection(int fd, const char *page);

#endif /* !TOOLS_HANDOVER_H */
