/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name space in force.  It changes when a root directory does, while other
 * threads look at it: who has asked for it keeps what was in force then.
 */
#ifndef PRELOAD_NAMES_H
#define PRELOAD_NAMES_H

#include <stdbool.h>

#include "preload/namespace.h"

/* Never written again once there are threads. */
const struct namespace *names_now(void);

/* At the start: as namespace_add(). */
int names_add(enum ns_kind kind, const char *prefix);

/* Memory for the next change, which then cannot fail.  0 or ENOMEM. */
int names_reserve(void);

/*
 * The host's root directory is root now, a path below the one before; or the
 * kernel's process has one of its own, and every absolute path is the kernel's.
 * Both keep the numbers of rules.  False: there was no memory, nothing changed.
 */
bool names_chroot(const char *root);
bool names_enter(void);

/* Has the kernel's process a root directory of its own? */
bool names_entered(void);

/* In a forked child. */
void names_forked(void);

#endif /* !PRELOAD_NAMES_H */
