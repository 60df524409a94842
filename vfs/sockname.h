/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of AF_UNIX sockets.  The sockets are the host's; a node of any file
 * system here is the name of one, and has a file of the host behind it to which
 * the host's socket is bound.
 */
#ifndef VFS_SOCKNAME_H
#define VFS_SOCKNAME_H

#include "kern/types.h"

struct file;
struct fileops;
struct mount;
struct vnode;

extern const struct fileops sockname_fileops;

/* Does an open with these arguments ask for sockname_make()? */
bool sockname_wanted(int oflags, mode_t mode);

/*
 * openat(2) with O_CREAT | O_EXCL | O_ALT_IO and a mode of type S_IFSOCK: make
 * the node and a place for the host's socket.  The descriptor is there to have
 * the socket bound: write(2) once what the program calls it (at most
 * SOCKNAME_MAX bytes), read(2) gives the host's path to bind it to, without a
 * NUL, and close(2) ends it.  The name can be read by who knows that path, from
 * the symbolic link NAME.name where the path is NAME/s.  EEXIST, ENFILE, what
 * making a node says, and errors of the host.
 */
int sockname_make(int dirfd, const char *path, mode_t mode, register_t *retval);
#define SOCKNAME_MAX 108

/*
 * Make fp, opened for writing with O_ALT_IO, a file of socket vp; fo_hostfd is
 * an O_PATH descriptor of the host's file, to connect to through the host's
 * /proc/self/fd.  EOPNOTSUPP without O_ALT_IO; ENXIO when no socket has been
 * bound to it here, and for who does not open it for writing.
 */
int sockname_open(struct vnode *vp, int fflags, struct file *fp);

/* A name of vp has been removed: was it the last? */
void sockname_removed(struct vnode *vp);
/* There will be no vnode of mp any more. */
void sockname_unmounted(const struct mount *mp);
void sockname_init(void);

#endif /* !VFS_SOCKNAME_H */
