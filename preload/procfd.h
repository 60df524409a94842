/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of this process: /proc/self/fd/N, /dev/stdin, ... and
 * /proc/self/cwd. */
#ifndef PRELOAD_PROCFD_H
#define PRELOAD_PROCFD_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct place;
struct rfile;

/*
 * The number that an absolute path names, or -1.  *rest is what follows: "" or
 * a slash and more.  *link: the last component is a link that readlink(2)
 * shows, not a link to such a link.
 */
long procfd_number(const char *path, const char **rest, bool *link);

/* Does an absolute path lead through /proc/self/cwd, and is that a directory
 * of a rump kernel? */
bool procfd_cwd(const char *path, const char **rest);

/* The same of another process: its number, and that of a descriptor, or -1 for
 * its working directory. */
bool procfd_other(const char *path, long *pid, long *fd, const char **rest);

/* Does a path of the host's tell of an open file (fdinfo)? */
bool procfd_info(const char *path, long *pid, long *fd);

/*
 * The program's path of an open rump file, from the pool pathbufs; *exact: it
 * leads to this file now.  NULL when it is not known.
 */
char *procfd_path(struct call *c, const struct rfile *rf, bool *exact);

/* The path that the file about to be opened at pl will be known by, from
 * string_keep(); or NULL. */
char *procfd_name(const struct place *pl);

/* The program's path of the directory where pl's path begins, in buf
 * (PATHBUF_SIZE).  False: it is not known. */
bool procfd_base(const struct place *pl, char *buf);

/* readlink(2) of such a name: CALL_TO_HOST where it names no rump file. */
long procfd_readlink(struct call *c, long upath, long buf, long size);

#endif /* !PRELOAD_PROCFD_H */
