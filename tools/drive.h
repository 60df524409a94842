/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the host that a server's kernel has: option -d of rump_server. */
#ifndef TOOLS_DRIVE_H
#define TOOLS_DRIVE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rump/rump.h"

struct drive {
	char dr_key[1024];
	char dr_hostpath[PATH_MAX];
	enum rump_etfs_type dr_type;
	uint64_t dr_offset;
	uint64_t dr_size; /* RUMP_ETFS_SIZE_ENDOFF: what there is */
	bool dr_host;     /* the file is there, and stays as it is */
};

/*
 * Read "key=/K,hostpath=P,size=N|host[,offset=N][,type=blk|chr|reg]"; numbers
 * may end in k, m, g or t.  0, or -1 and in text what is wrong.
 */
int drive_parse(const char *spec, struct drive *dr, char *text, size_t size);

/* Make the host's file if there is none, and long enough; dr_hostpath becomes
 * absolute.  0, or -1 and a line in text. */
int drive_prepare(struct drive *dr, char *text, size_t size);

#endif /* !TOOLS_DRIVE_H */
