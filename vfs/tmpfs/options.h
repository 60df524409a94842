/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a tmpfs: tmpfs:[?key=value[&key=value]...] with the keys of
 * Linux's tmpfs.  No I/O and no allocation.
 */
#ifndef VFS_TMPFS_OPTIONS_H
#define VFS_TMPFS_OPTIONS_H

#include "kern/types.h"

struct tmpfs_options {
	uint64_t to_size;  /* bytes; 0: as much as files in memory may have */
	uint64_t to_nodes; /* files of all kinds; 0: as memory allows */
	mode_t to_mode;    /* of the root, as the next two */
	uid_t to_uid;
	gid_t to_gid;
	bool to_has_uid, to_has_gid; /* else those of who mounts it */
};

/*
 * Parse url.  0, or EINVAL with one line in text (size bytes, size > 0) that
 * names the token, the rule and what would work.
 */
int tmpfs_options_parse(
    const char *url, struct tmpfs_options *to, char *text, size_t size);

#endif /* !VFS_TMPFS_OPTIONS_H */
