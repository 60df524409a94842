/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose working directory counts: the host keeps its own while the program's is
 * in a rump kernel, which keeps that one.
 */
#ifndef PRELOAD_CWD_H
#define PRELOAD_CWD_H

#include <stdbool.h>
#include <stddef.h>

/* Hands the working directory from one image of a process to the next. */
#define CWD_VARIABLE "RUMPKIT_CWD"

/* The name space rule that led to the rump working directory, or NS_HOST. */
int cwd_rule(void);
void cwd_set(int rule);

/* The host's working directory, or that of a host descriptor, as an absolute
 * path; 0 or a Linux errno (ENOENT: unlinked or unreachable). */
int cwd_host_path(long dirfd, char *buf, size_t size);

/* The rump working directory as the program sees it.  0, a Linux errno or
 * ROUTE_RESTART. */
int cwd_rump_path(char *buf, size_t size);

/* The same, as it was when it was entered; false where it is not known. */
bool cwd_rump_text(char *buf, size_t size);

/*
 * A child is going to share the directories of the calling process, and its mask
 * (CLONE_FS): 0 or a Linux errno.  It shares them with none any more; does it?
 */
int cwd_share(void);
void cwd_unshare(void);
bool cwd_is_shared(void);
/* Is the calling thread one with directories and mask of the host's, which other
 * threads do not have (unshare(2))? */
bool cwd_is_apart(void);

/* shares: with CLONE_FS. */
void cwd_forked(bool shares);

/*
 * Take over the directory that the image before this one was in, or that which
 * it shared: the kernel
 * goes there if it is in this process; in a server it is there; else relative
 * paths are refused from now on.  0, or a Linux errno.
 */
int cwd_inherit(const char *path);

/* What is shared stays open across the exec that is about to be made, or not
 * after all. */
void cwd_keep(bool keep);

/* Can the working directory be handed on?  0, or a Linux errno. */
int cwd_check(void);
/* NAME=value for the next image; the length, 0: the host's own directory. */
size_t cwd_exec_env(char *buf, size_t size);

#endif /* !PRELOAD_CWD_H */
