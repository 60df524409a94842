/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the program's descriptor numbers to what is behind them.
 *
 * A rump file's number is a real host descriptor: a duplicate of one O_PATH
 * descriptor, so that lowest-number allocation, close-on-exec, RLIMIT_NOFILE
 * and /proc/self/fd behave, and stray I/O on it fails with EBADF.  The table
 * also knows our own descriptors, which the program must not touch, and host
 * directories whose listing we complete.
 */
#ifndef PRELOAD_FDMAP_H
#define PRELOAD_FDMAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rfile_kind {
	RF_FILE,    /* an open file of the rump kernel */
	RF_SOCKET,  /* a socket of it */
	RF_NAME,    /* O_PATH of what has no descriptor in the kernel: rf_fd is
		     * its directory, rf_path its name there */
	RF_OVERLAY, /* host directory that mounts are shown in */
	RF_PROCFD,  /* host directory /proc/PID/fd, where ours are left out */
};

struct dirpos;

/*
 * An open file description.  Every number that dup(2) makes of it counts as a
 * reference, and so does every call that uses it.
 */
struct rfile {
	_Atomic(uint32_t) rf_refs; /* first: survives in the pool, 0 = free */
	int rf_fd;                 /* rump descriptor; host kinds: -1 */
	enum rfile_kind rf_kind;
	int rf_rule;               /* namespace rule it was found by */
	bool rf_path_only;         /* O_PATH: I/O on it is EBADF */
	_Atomic(uint8_t) rf_isdir; /* 0 not known yet, 1 directory, 2 other */
	struct dirpos *rf_dir;     /* position in a listing, see dirs.c */
	/* RF_NAME: the name.  RF_FILE: the program's path at the time of
	 * open(2), or NULL where that is not known.  From string_keep(). */
	char *rf_path;
};

/* Open the placeholder.  0 or a Linux errno. */
int fdmap_init(void);
/* In a forked child. */
void fdmap_forked(void);

/*
 * Give rump descriptor fd a number, lowest free >= min.  Consumes fd: it is
 * closed when there is none.  Returns the number or -errno.
 */
long fdmap_install(
    int fd, enum rfile_kind kind, int rule, bool path_only, bool cloexec);
/* The same, with rf_path, which is consumed too. */
long fdmap_install_path(int fd, enum rfile_kind kind, int rule, bool path_only,
    bool cloexec, char *path);
/* Enter host descriptor fd, a directory of kind RF_OVERLAY or RF_PROCFD. */
void fdmap_enter_host(int fd, enum rfile_kind kind);

/*
 * The file behind a number with a reference for this call, or NULL if it is the
 * host's.  *error is EBADF for our own descriptors, else 0.
 */
struct rfile *fdmap_get(long fd, int *error);
/* Returns 0 or what closing the file answered (NetBSD errno), if this was the
 * last reference. */
int fdmap_put(struct rfile *rf);

/* The rump file behind a number, as fdmap_get(), but NULL for the host kinds
 * too. */
struct rfile *fdmap_get_rump(long fd, int *error);

/* fd is one of our own. */
bool fdmap_is_hidden(long fd);

/* The calls that change numbers; each returns a Linux result, and does the
 * host's part itself. */
long fdmap_close(long fd);
long fdmap_dup(long fd, long min, bool cloexec);
long fdmap_dup2(long from, long to, long flags);
long fdmap_close_range(unsigned long first, unsigned long last, long flags);

/* Hide fd, one of the library's own, and keep its number at *where, which
 * changes when the program asks for it.  The number or -errno. */
long fdmap_hide_at(int fd, atomic_int *where);

/* ho_fd_hide and ho_fd_unhide of rumpuser_host.h. */
long fdmap_hide(int fd);
void fdmap_unhide(int fd);

#endif /* !PRELOAD_FDMAP_H */
