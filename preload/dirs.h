/* SPDX-License-Identifier: BSD-2-Clause */
/* Directory listings. */
#ifndef PRELOAD_DIRS_H
#define PRELOAD_DIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/call.h"

struct dirpos;
struct rfile;

void dirpos_destroy(struct dirpos *dp);
/* In a forked child. */
void dirpos_forked(struct dirpos *dp);

/* Is rf a directory?  Asks the kernel the first time. */
bool dirs_is_directory(struct call *c, struct rfile *rf);
/* lseek(2) on a rump directory. */
long dirs_seek(struct call *c, struct rfile *rf, int64_t off, int whence);
/* lseek(2) on a host directory that shows mounts: a result, or
 * CALL_TO_HOST. */
long dirs_host_seek(long fd, int64_t off, int whence);

/*
 * The host directory dev:ino shall show name, which the host does not have
 * there.  name must stay.  False when there are too many.
 */
bool dirs_add_overlay(uint64_t dev, uint64_t ino, const char *name);

/* A host directory was opened as fd: watch its listing if need be. */
void dirs_opened(int fd);
/* Does any host directory show mounts? */
bool dirs_have_overlays(void);

#endif /* !PRELOAD_DIRS_H */
