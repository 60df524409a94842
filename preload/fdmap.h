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

#include "preload/lock.h"

enum rfile_kind {
	RF_FILE,    /* an open file of the rump kernel */
	RF_SOCKET,  /* a socket of it */
	RF_NAME,    /* O_PATH of what has no descriptor in the kernel: rf_fd is
		     * its directory, rf_path its name there */
	RF_OVERLAY, /* host directory that mounts are shown in */
	RF_PROCFD,  /* host directory /proc/PID/fd, where ours are left out */
	RF_EPOLL,   /* host epoll set, with rf_epset */
};

struct dirpos;
struct epset;
struct watch;

/* rf_hostfd when it is not a descriptor */
#define RF_HOSTFD_UNKNOWN (-1)
#define RF_HOSTFD_NONE (-2)

/*
 * An open file description.  Every number that dup(2) makes of it counts as a
 * reference, and so does every call that uses it.
 */
struct rfile {
	_Atomic(uint32_t) rf_refs; /* first: survives in the pool, 0 = free */
	unsigned rf_birth;         /* of fdmap_birth(), when it was made */
	uint32_t rf_opening;       /* see fdshare.c; 0: nobody else knows it */
	int rf_fd;                 /* rump descriptor; host kinds: -1 */
	enum rfile_kind rf_kind;
	int rf_rule;               /* namespace rule it was found by */
	bool rf_path_only;         /* O_PATH: I/O on it is EBADF */
	_Atomic(uint8_t) rf_isdir; /* 0 not known yet, 1 directory, 2 other */
	_Atomic(int) rf_hostfd;    /* RF_SOCKET: see readiness.c */
	struct lock rf_watch_lock;
	struct watch *rf_watches; /* rf_watch_lock; see watch.h */
	struct dirpos *rf_dir;    /* position in a listing, see dirs.c */
	struct epset *rf_epset;   /* RF_EPOLL: see classic_set.h; NULL in a
				   * vfork child's map */
	/* RF_NAME: the name.  RF_FILE: the program's path at the time of
	 * open(2), or NULL where that is not known.  From string_keep(). */
	char *rf_path;
};

/*
 * Open the placeholder, or go on with the one of the image before this, which
 * handed (the variable's value, or NULL) names.  0 or a Linux errno.  What the
 * next image is handed: as router_exec_env().
 */
int fdmap_init(const char *handed);
size_t fdmap_exec_env(char *buf, size_t size);
#define PLACE_VARIABLE "RUMPKIT_PLACE"

/*
 * Children.  fdmap_birth() just before the kernel makes the child's process:
 * what is opened later is not the child's.  Its result goes to fdview_create(),
 * or, in a child with memory of its own, to fdmap_forked(); 0: the child has no
 * process in the kernel.
 */
unsigned fdmap_birth(void);
/* How many there were: what is made from now on is younger than the last. */
unsigned fdmap_births(void);
/* shares: the child has our table of the host's descriptors, not a copy. */
void fdmap_forked(unsigned birth, bool shares);

/*
 * The map of a child that shares our memory: of the calling process's files.
 * NULL when memory is out.  It is used where engine_thread.t_view points to it.
 * The child checks it where other threads have run meanwhile.  To destroy it
 * closes nothing.
 */
struct fdview;
struct fdview *fdview_create(unsigned birth);
void fdview_check(void);
/* The map of the calling process, for a child that is to share it. */
struct fdview *fdview_current(void);
void fdview_destroy(struct fdview *v);

/*
 * Give rump descriptor fd a number, lowest free >= min.  Consumes fd: it is
 * closed when there is none.  Returns the number or -errno.
 */
long fdmap_install(
    int fd, enum rfile_kind kind, int rule, bool path_only, bool cloexec);
/* The same, with rf_path, which is consumed too. */
long fdmap_install_path(int fd, enum rfile_kind kind, int rule, bool path_only,
    bool cloexec, char *path);
/* Is there a number for one more, and for what the kernel in this process has
 * behind a socket, as it looks?  0, or EMFILE and the like. */
int fdmap_room(void);
/*
 * Number, a descriptor of the host that stood for it on its way here, is rump
 * descriptor fd from now on.  path (may be NULL) is consumed.  The number, or
 * -errno, and fd is not closed.
 */
long fdmap_adopt(int number, int fd, enum rfile_kind kind, int rule,
    bool path_only, bool cloexec, char *path);
/* Has this process, or one that it was copied from, had a rump file? */
bool fdmap_has_had_files(void);
/* Enter host descriptor fd, a directory of kind RF_OVERLAY or RF_PROCFD. */
void fdmap_enter_host(int fd, enum rfile_kind kind);
/* The same of RF_EPOLL; es is consumed. */
void fdmap_enter_epoll(int fd, struct epset *es);
/* The set behind a number, with a reference for this call, or NULL. */
struct rfile *fdmap_get_epoll(long fd);

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

/* fd is one of our own; see hidden.h, which alone changes that.  False when
 * there is no room for the number. */
bool fdmap_is_hidden(long fd);
bool fdmap_set_hidden(long fd, bool hidden);

/* The host's descriptor fd is that of some rump file. */
bool fdmap_is_placeholder(long fd);

/* The lowest number >= fd of a rump file, or -1. */
long fdmap_next(long fd);

/* The calls that change numbers; each returns a Linux result, and does the
 * host's part itself. */
long fdmap_close(long fd);
long fdmap_dup(long fd, long min, bool cloexec);
long fdmap_dup2(long from, long to, long flags);
long fdmap_close_range(unsigned long first, unsigned long last, long flags);

#endif /* !PRELOAD_FDMAP_H */
