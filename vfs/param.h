/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunables from the host's environment, by rumpuser_getparam(). */
#ifndef VFS_PARAM_H
#define VFS_PARAM_H

#include "kern/types.h"

/*
 * The number that parameter name holds, with an optional suffix k, m, g or t
 * (powers of 1024), brought into [lo, hi]; fallback if it is not set or not
 * such a number.
 */
uint64_t param_get(
    const char *name, uint64_t fallback, uint64_t lo, uint64_t hi);
/* The parser: false if text is no such number, or too large. */
bool param_parse(const char *text, uint64_t *value);

#endif /* !VFS_PARAM_H */
