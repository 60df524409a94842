/* SPDX-License-Identifier: BSD-2-Clause */
/* The router's rules for paths, as a plan makes them. */
#ifndef TOOLS_RULES_H
#define TOOLS_RULES_H

#include <stddef.h>

#include "preload/config.h"
#include "preload/namespace.h"
#include "tools/plan.h"

struct rules {
	struct namespace rs_namespace;
	char *rs_parents[CONFIG_MAXMOUNTS]; /* owned: prefixes of rules */
};

/*
 * The rules of a plan, which must outlive them.  0, or -1 when there are too
 * many; rules_fini() is due either way.
 */
int rules_init(struct rules *rs, const struct plan *pl);
void rules_fini(struct rules *rs);

/*
 * Decide about a path, from the current directory if it is relative; symbolic
 * links of the host are followed.  nd->nd_path, of size bytes, gets the path as
 * its kernel sees it.  0, or -1 when it is too long.
 */
int rules_decide(const struct rules *rs, const char *path,
    struct ns_decision *nd, size_t size);

#endif /* !TOOLS_RULES_H */
