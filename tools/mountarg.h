/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of --mount: PATH=SOURCE. */
#ifndef TOOLS_MOUNTARG_H
#define TOOLS_MOUNTARG_H

#include <stddef.h>

struct mountarg {
	char *ma_path;   /* owned: absolute, no "." or "..", single slashes */
	char *ma_source; /* owned: a URL */
};

/*
 * Split at the first '=' that is followed by a scheme and check both halves.
 * Returns 0, or -1 with one line in text that names the token, the rule and
 * what would work.
 */
int mountarg_parse(
    const char *arg, struct mountarg *ma, char *text, size_t size);

/*
 * Put a numeric address in the place of the host name in ma_source; asks the
 * resolver.  Returns 0, or -1 with a line in text.
 */
int mountarg_resolve(struct mountarg *ma, char *text, size_t size);

void mountarg_fini(struct mountarg *ma);

#endif /* !TOOLS_MOUNTARG_H */
