/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command's hijack library is told, through the environment. */
#ifndef TOOLS_HANDOVER_H
#define TOOLS_HANDOVER_H

#include <stdbool.h>

#include "tools/options.h"
#include "tools/plan.h"

/* Has this process been run by another rumpkit?  The library, which is in it,
 * keeps what the next one needs out of the environment. */
bool handover_is_within(void);

/* Change this process's environment.  0 or -1, with errno. */
int handover_prepare(
    const struct plan *pl, const struct options *op, const char *library);

/* Hand on a control connection, too, which stays open.  0 or -1, with errno. */
int handover_connection(int fd);

#endif /* !TOOLS_HANDOVER_H */
