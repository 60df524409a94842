/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which kernel a path belongs to.  Pure: also linked by `rumpkit explain`.
 *
 * A path is resolved lexically ("." and ".." and repeated slashes).  The
 * longest mount that it is at or below wins; then path=, whose prefix the
 * kernel does not see; then blanket=, which compares strings, not components.
 */
#ifndef PRELOAD_NAMESPACE_H
#define PRELOAD_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

#define NS_MAXRULES 64
#define NS_HOST (-1) /* no rule: the host's */

enum ns_kind {
	NS_MOUNT,   /* RUMPKIT_MOUNT: passed whole */
	NS_PARENT,  /* a directory above a mount that the host does not have */
	NS_PATH,    /* path=: prefix stripped */
	NS_LITERAL, /* path=// and the like: compared with the raw path */
	NS_BLANKET, /* blanket=: string prefix, passed whole */
	NS_OFF,     /* out of reach (after chroot) */
};

struct ns_rule {
	enum ns_kind nr_kind;
	const char *nr_prefix; /* normalised: no trailing slash, "/" is "" */
	size_t nr_len;
	const char *nr_kernel; /* what the kernel sees in its place */
	size_t nr_kernel_len;
};

struct namespace
{
	/* And one for namespace_enter(). */
	struct ns_rule ns_rules[NS_MAXRULES + 1];
	unsigned ns_n;
	bool ns_entered;
};

/*
 * Add a rule; prefix is absolute, must outlive ns and needs no normalisation
 * beyond a trailing slash.  0, or ENOSPC (too many).
 */
int namespace_add(struct namespace *ns, enum ns_kind kind, const char *prefix);

struct ns_decision {
	int nd_rule;     /* index, or NS_HOST */
	bool nd_changed; /* host: the path touched a rump name on its way and
			  * must be passed as nd_path, normalised */
	size_t nd_len;
	char *nd_path; /* caller's buffer: the kernel's path */
};

/*
 * Decide for an absolute path.  nd->nd_path must have room for size bytes.
 * 0, or ENAMETOOLONG (also for a path that does not begin with '/').
 */
int namespace_decide(const struct namespace *ns, const char *path,
    struct ns_decision *nd, size_t size);

/*
 * May a relative path, from a directory that is the host's, lead to a rump
 * kernel?  Quick and sometimes true in vain: its first component occurs in a
 * prefix, or it contains "..".
 */
bool namespace_maybe(const struct namespace *ns, const char *path);
/* The same for an absolute path: if not, namespace_decide() leaves it as it is. */
bool namespace_leads(const struct namespace *ns, const char *path);

/* The kernel's path kpath (absolute) under rule as the program sees it; length
 * without NUL, or 0 if it does not fit. */
size_t namespace_program_path(const struct namespace *ns, int rule,
    const char *kpath, char *out, size_t size);

/* After chroot(root) on the host: rules below root lose it, others are switched
 * off. */
void namespace_chroot(struct namespace *ns, const char *root);

/* After chroot(2) into a kernel: all are switched off but a last one, by which
 * every absolute path is the kernel's as it stands. */
void namespace_enter(struct namespace *ns);

/* "mount", "path", ...: for traces and explanations. */
const char *namespace_kind_name(enum ns_kind kind);

#endif /* !PRELOAD_NAMESPACE_H */
