/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a program's path leads. */
#ifndef PRELOAD_RESOLVE_H
#define PRELOAD_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/call.h"
#include "preload/namespace.h"

struct path_route;
struct rfile;

#define PLACE_PATH 4096

struct place {
	struct place *pl_free; /* the pool's */
	bool pl_rump;
	bool pl_changed;      /* host: pass pl_path instead of the program's
				 * path, without its directory */
	bool pl_nofollow;     /* rump: pl_path's last component is the object
			       * itself, whatever the call says */
	int pl_rule;          /* rump: name space rule */
	int pl_dirfd;         /* rump: descriptor to start from */
	int pl_error;         /* refused calls: what they answer */
	unsigned pl_links;    /* symbolic links followed so far */
	char *pl_known;       /* rump: the program's path of it, or NULL: what
			       * the rest says */
	struct rfile *pl_dir; /* rump: reference that keeps pl_dirfd open */
	const struct path_route *pl_route;
	char pl_path[PLACE_PATH]; /* rump: the kernel's path; "" is pl_dirfd
				   * itself */
};

/* flags of place_find() */
#define PLACE_EMPTY 0x1    /* "" names the directory itself */
#define PLACE_NOFOLLOW 0x2 /* the last component is not followed */
#define PLACE_LINKS 0x4    /* look for host links into a mount */
#define PLACE_ABSOLUTE 0x8 /* host: want pl_path absolute in any case */

void place_init(struct place *pl);
void place_fini(struct place *pl);

/*
 * Decide for the path at address upath of the program, relative to dirfd
 * (AT_FDCWD or a descriptor).  0, or a Linux errno: EFAULT, ENAMETOOLONG,
 * ENOENT (empty), EBADF.
 */
int place_find(struct place *pl, long dirfd, long upath, unsigned flags);

/* Decide for an absolute path by its text alone.  0 or ENAMETOOLONG. */
int place_decide(struct place *pl, const char *path);

/* The kernel answered ROUTE_ESCAPED: decide anew for where it stopped.  0, or
 * ELOOP, ENAMETOOLONG, ENOENT. */
int place_escaped(struct place *pl, unsigned flags);

/*
 * The one-path calls.  op makes the call on a rump place; it may be called
 * again after an escape.  after, if not NULL, sees a host call that succeeded
 * (c->result) and returns the result for the program.
 */
struct path_route {
	int8_t pr_dirfd; /* argument index, -1: the working directory */
	int8_t pr_path;
	int8_t pr_at;     /* argument with AT_ flags, -1: none */
	uint8_t pr_flags; /* PLACE_* in any case */
	int (*pr_op)(struct call *c, const struct place *pl, int64_t *value);
	long (*pr_after)(struct call *c);
};
long path_run(struct call *c, const struct path_route *pr);
/* The same with flags that depend on the call. */
long path_run_flags(
    struct call *c, const struct path_route *pr, unsigned flags);

/*
 * For calls that take no directory: open pl relative to its descriptor with
 * NetBSD flags, make call num with args, whose first is replaced by the new
 * descriptor, and close that.  As rump_call().
 */
int place_by_descriptor(struct call *c, const struct place *pl, int nflags,
    int num, int64_t *args, int64_t *value);

/* Rules exist whose mount points the host has too. */
extern bool resolve_shadowed;
const char *resolve_rule_name(int rule);

#endif /* !PRELOAD_RESOLVE_H */
