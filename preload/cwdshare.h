/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processes with CLONE_FS have in common: working directory, root directory
 * and file creation mask.  The host shares its own, a server those of the
 * kernel's processes; this is what the library itself has to know of them.
 */
#ifndef PRELOAD_CWDSHARE_H
#define PRELOAD_CWDSHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the working directory. */
struct cwd_state {
	atomic_int cs_rule;        /* as cwd_rule() */
	atomic_uint cs_generation; /* one more each time it changes */
};

/* That of this process, or of all that share it. */
struct cwd_state *cwdshare_state(void);

/* A child is about to share it, or what is executed may.  0 or a Linux errno.
 * Not while another thread changes it. */
int cwdshare_begin(void);
/* It is the calling process's own from now on. */
void cwdshare_end(void);
/* In a child with memory of its own, before fdmap_forked(). */
void cwdshare_forked(bool shares);
bool cwdshare_on(void);

/* The others are to know of a root directory ("": one of the kernel's) or mask.
 * Root: false when there have been too many. */
bool cwdshare_may_root(void);
void cwdshare_tell_root(const char *path);
void cwdshare_tell_mask(unsigned mask);
/* Take over what others have told: before a path is looked at. */
void cwdshare_look(void);

/* The descriptor that hands it to the next image, or -1; it stays open across
 * the exec that is about to be made, or not after all.  And, in that image,
 * false: fd is no such descriptor. */
int cwdshare_descriptor(void);
void cwdshare_keep(bool keep);
bool cwdshare_take(int fd);

#endif /* !PRELOAD_CWDSHARE_H */
