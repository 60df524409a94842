/* SPDX-License-Identifier: BSD-2-Clause */
/* A command that uses a kernel which is there already. */
#ifndef TOOLS_JOIN_H
#define TOOLS_JOIN_H

#include "tools/plan.h"

/*
 * Have the server make the plan's mounts, apart from those that it has already;
 * they stay when the command has ended.  0, or an exit status after saying what
 * failed.
 */
int join_mounts(const struct plan *pl);

#endif /* !TOOLS_JOIN_H */
