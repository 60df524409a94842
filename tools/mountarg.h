/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of --mount: PATH=SOURCE. */
#ifndef TOOLS_MOUNTARG_H
#define TOOLS_MOUNTARG_H

#include <stddef.h>

#define MOUNTARG_MAXURLS 8 /* addresses of one server that are tried */

struct mountarg {
	char *ma_path;   /* owned: absolute, no "." or "..", single slashes */
	char *ma_source; /* owned: a URL, as given */
	/* The same for the kernel, owned: one for each address of the server,
	 * in the resolver's order.  Empty before mountarg_resolve(). */
	char *ma_urls[MOUNTARG_MAXURLS];
	size_t ma_nurls;
};

/*
 * Split at the first '=' that is followed by a scheme and check both halves.
 * Returns 0, or -1 with one line in text that names the token, the rule and
 * what would work.
 */
int mountarg_parse(
    const char *arg, struct mountarg *ma, char *text, size_t size);

/*
 * Make ma_urls of ma_source with numeric addresses in the place of the host
 * name; asks the resolver.  Returns 0, or -1 with a line in text.
 */
int mountarg_resolve(struct mountarg *ma, char *text, size_t size);

void mountarg_fini(struct mountarg *ma);

#endif /* !TOOLS_MOUNTARG_H */
