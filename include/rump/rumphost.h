/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program that hosts the kernel in its own process needs beside the
 * genuine API: system calls by number, faults in copies, signals, mappings of
 * rump files, and mounts by URL.  The hijack library is the main user.
 */
#ifndef RUMP_RUMPHOST_H
#define RUMP_RUMPHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Run NetBSD system call num on the calling thread.  args: len bytes of
 * 8-byte slots as in the argument structure.  Returns 0 and fills retval, a
 * NetBSD errno, or one of
 *   RUMP_ERESTART    a signal ended the sleep; may be restarted
 *   RUMP_ENAMESPACE  a path left the kernel's name space, see below
 */
#define RUMP_ERESTART (-3)
#define RUMP_ENAMESPACE (-7)
int rump_syscall(int num, const void *args, size_t len, int64_t retval[2]);

/*
 * For a SIGSEGV/SIGBUS handler: if ip lies in a copy instruction of the
 * kernel return the address where execution resumes with EFAULT, else 0.
 * Async-signal-safe.
 */
uintptr_t rump_copy_fixup(uintptr_t ip);

/*
 * Signals.  rump_interrupt(): end the interruptible sleep, present or next, of
 * the calling host thread; async-signal-safe; for use in a signal handler that
 * interrupted a call.  It stays in force until rump_interrupt_clear().
 */
void rump_interrupt(void);
void rump_interrupt_clear(void);

/* The calling host thread will not enter the kernel again: free its cache.
 * Called automatically when a pthread ends. */
void rump_thread_fini(void);

/*
 * The kernel's own threads end, and are made again.  park returns when they
 * have left the kernel, or after some seconds when one cannot, or when
 * rump_interrupt() is in force; what is to be done in a thread meanwhile waits
 * for unpark.  In pairs; several may overlap.
 */
void rump_threads_park(void);
void rump_threads_unpark(void);

/*
 * Credentials of the implicit process (the host program); a kernel starts
 * with uid 0.  groups is copied, at most 256 are kept.
 */
void rump_set_hostcred(uint32_t uid, uint32_t euid, uint32_t gid, uint32_t egid,
    size_t ngroups, const uint32_t *groups);

struct lwp;

/* ir_count ids from ir_inside on, in a user namespace, are those from ir_outside on
 * where the kernel is. */
struct rump_idrange {
	uint32_t ir_inside, ir_outside, ir_count;
};
struct rump_idmap {
	const struct rump_idrange *im_uids, *im_gids;
	uint32_t im_nuids, im_ngids;
};

/*
 * What a server does for its clients' processes.  setcred: the credential of
 * process pid becomes this one (real, effective, saved ids), and its umask, if
 * that is not negative, with those that share it; hc_pid, unless it is 0, is
 * what the host calls it, which is what other such processes see of its record
 * locks; 0 or ESRCH.  exec: the process of the calling thread becomes comm; of
 * its descriptors the n of keep (in any order) stay.
 */
struct rump_hostcred {
	uint32_t hc_uid[3], hc_gid[3];
	uint32_t hc_ngroups; /* at most 256 are kept */
	const uint32_t *hc_groups;
	int32_t hc_umask;
	int32_t hc_pid;
	const struct rump_idmap *hc_idmap; /* NULL: no namespace of its own */
};
int rump_proc_setcred(int32_t pid, const struct rump_hostcred *hc);
/* What the calling thread asks for is done with this credential (hc_umask and
 * hc_pid are not looked at); NULL: with that of its process again. */
void rump_lwp_setcred(const struct rump_hostcred *hc);
/* The calling thread's process shares its working directory, root directory and
 * mask with no other one from now on. */
void rump_cwd_unshare(void);

/* The path of the working directory of the calling thread's process, from the root
 * of all, with its NUL, to path, which has room for size bytes.  0, ERANGE, ENOENT
 * (it has been removed) ... */
int rump_cwd_path(char *path, size_t size);
void rump_proc_exec(const char *comm, const uint32_t *keep, size_t n);
/* Could the end of l's process, in which nothing runs, wait for others?  It has
 * something open, or stands in a directory of another machine. */
bool rump_proc_lingers(struct lwp *l);
/* Whether nobody is left who could call: then what is still to be done for
 * processes that end does not wait for ever for other machines. */
void rump_desert(bool deserted);
/* An open file without a descriptor: taken from one, 0 or EBADF; put under a new
 * one of the calling thread's process, 0 or EMFILE; dropped. */
struct file;
int rump_file_get(int fd, struct file **fpp);
int rump_file_install(struct file *fp, int *fd);
void rump_file_put(struct file *fp);

/*
 * Name space escapes.  While on, a path that the kernel resolves and that
 * meets an absolute symbolic link, or climbs by ".." above the root of a mount
 * that was made with rump_mount_*(), ends the system call with
 * RUMP_ENAMESPACE; rump_namei_escaped() then copies the absolute path (in the
 * program's name space, symbolic links and ".." unresolved, NUL-terminated) at
 * which resolution has to start again.  It returns the length or 0 if there
 * is none or size is too small.  *followed counts the symbolic links
 * already followed, for ELOOP.
 */
void rump_namei_escape_set(bool on);
void rump_namei_escape_lwp(bool on); /* for the calling thread alone */
size_t rump_namei_escaped(char *buf, size_t size, unsigned *followed);

/*
 * Commands of fcntl(2) on files beside NetBSD's: record locks that belong to
 * the open file instead of the process, with struct rump_flock.  They conflict
 * with each other and with those of processes; l_pid of such a lock is -1.
 */
#define RUMP_F_OFD(n)                                                          \
	(RUMP_F_FSCTL | RUMP_F_FSINOUT |                                       \
	    (unsigned)sizeof(struct rump_flock) << 16 | RUMP_F_FSPRIV | (n))
#define RUMP_F_OFD_GETLK RUMP_F_OFD(1)
#define RUMP_F_OFD_SETLK RUMP_F_OFD(2)
#define RUMP_F_OFD_SETLKW RUMP_F_OFD(3)

/*
 * More of them.  Whom SIGIO is for, and what it is instead: the file keeps this
 * for all who have it and makes nothing of it; a negative type, with its pid, or
 * signal leaves what is there.  How long the data of a file may live (uint64_t),
 * which the file keeps as long as it is known; who is not the owner cannot change
 * that (EPERM).
 */
struct rump_fileowner {
	int32_t fo_type, fo_pid, fo_signal;
};
#define RUMP_F_GETOWNER                                                        \
	(RUMP_F_FSCTL | RUMP_F_FSOUT |                                         \
	    (unsigned)sizeof(struct rump_fileowner) << 16 | RUMP_F_FSPRIV | 4)
#define RUMP_F_SETOWNER                                                        \
	(RUMP_F_FSCTL | RUMP_F_FSIN |                                          \
	    (unsigned)sizeof(struct rump_fileowner) << 16 | RUMP_F_FSPRIV | 5)
#define RUMP_F_GETHINT                                                         \
	(RUMP_F_FSCTL | RUMP_F_FSOUT | 8u << 16 | RUMP_F_FSPRIV | 6)
#define RUMP_F_SETHINT                                                         \
	(RUMP_F_FSCTL | RUMP_F_FSIN | 8u << 16 | RUMP_F_FSPRIV | 7)
/* The path of the file without links and detours, char[RUMP_PATHMAX] with a NUL.
 * It comes with a path that may lead to the file, or "".  ENOENT: none is known. */
#define RUMP_PATHMAX 4095
#define RUMP_F_GETPATH                                                         \
	(RUMP_F_FSCTL | RUMP_F_FSINOUT | RUMP_PATHMAX << 16 | RUMP_F_FSPRIV | 8)

/*
 * Commands of ioctl(2) on files, with an int64_t: move it forward to data, or to
 * a hole, of which there is one at the end of the file.  ENXIO: there is none;
 * ENOTTY: the file system does not know.
 */
#define RUMP_FIOSEEKDATA 0xc0086661ul
#define RUMP_FIOSEEKHOLE 0xc0086662ul

/*
 * Another one, for a file that is open for writing: space for a range that may
 * lie behind the end of the file, which stays where it is.  ENOSPC, EFBIG;
 * ENOTTY as above.
 */
struct rump_reserve {
	int64_t rr_pos, rr_len;
};
#define RUMP_FIORESERVE 0x80106663ul
/* And one with an uint32_t, which becomes the flags of chflags(2) that the file
 * has; ENOTTY as above. */
#define RUMP_FIOGETFLAGS 0x40046664ul

/*
 * What NetBSD's calls cannot say and its kernel calls EINVAL.  openat(2) with
 * O_UNNAMED: a new regular file in a directory, path, without a name there; with
 * O_EXCL it never gets one.  linkat(2) with AT_FD: the file is descriptor fd1
 * itself, name1 is not looked at, and with AT_FD_OWN it must be root's call or
 * that of whoever has opened it (ENOENT); with AT_NOREPLACE or AT_EXCHANGE it renames,
 * where the new name is not there yet (EEXIST), or makes both change places.
 * EOPNOTSUPP, for renaming EINVAL: the file system cannot.  O_STICKY, which
 * NetBSD overlooks: the sticky bit of the mode is for files, too.
 */
#define RUMP_O_UNNAMED (RUMP_O_CREAT | RUMP_O_DIRECTORY | RUMP_O_ALT_IO)
#define RUMP_O_STICKY 0x40000000
/*
 * Flags of openat(2) that F_GETFL gives back.  O_NEITHER, with O_RDWR: the
 * caller must be allowed to read and write, and can do neither by this file.
 * O_NAME: it is there to name the file by, and its closing ends no record locks.
 * O_NOATIME, which F_SETFL can change: reading leaves no trace; EPERM for who
 * does not own the file.  The marks mean nothing to the kernel.
 */
#define RUMP_O_NEITHER 0x2000
#define RUMP_O_NAME 0x4000
#define RUMP_O_NOATIME 0x20000000
#define RUMP_O_MARK_DIRECTORY 0x8000000
#define RUMP_O_MARK_NOFOLLOW 0x10000000
#define RUMP_O_MARK_UNNAMED 0x1000
#define RUMP_O_KEPT                                                            \
	(RUMP_O_NEITHER | RUMP_O_NAME | RUMP_O_NOATIME |                       \
	    RUMP_O_MARK_DIRECTORY | RUMP_O_MARK_NOFOLLOW |                     \
	    RUMP_O_MARK_UNNAMED)
/* The file that descriptor fd has open, however and by whatever name, is opened
 * anew; path is not looked at.  ENXIO: it is none.  With O_ALT_IO as well the
 * file is a FIFO that somebody has open, and path is DEVICE.NUMBER, in
 * hexadecimal digits, of its node: for fstat, fchmod, fchown and futimens alone.
 * ENOENT. */
#define RUMP_O_AGAIN 0x100000
#define RUMP_AT_FD 0x10000
#define RUMP_AT_NOREPLACE 0x20000
#define RUMP_AT_EXCHANGE 0x40000
#define RUMP_AT_FD_OWN 0x80000

/*
 * Mappings of rump files: the page cache of a mapped file is a contiguous
 * window of a memfd.  rump_map_create() pins the file behind rump descriptor
 * fd (readable; else EACCES; not a regular file: ENODEV) and tells where
 * [off, off + len) lies; len may pass the end of file.  A shared writable
 * mapping wants a descriptor that is open for both (else EACCES).  The caller
 * maps rm_hostfd at rm_hostoff.  Pages are valid only after rump_map_fill(),
 * which reads [off, off + len) (page aligned, relative to the file) and returns
 * 0, EFAULT (wholly behind the end of file: the program gets SIGBUS), EIO,
 * RUMP_ERESTART.  rump_map_destroy() unpins; the last one of a map that was
 * written to writes to the file system what is still unsaved.
 */
struct rump_map {
	void *rm_handle;
	const void *rm_file; /* the same for all maps of a file */
	int rm_hostfd;
	int64_t rm_hostoff;
	bool rm_writable; /* the descriptor allows shared mappings to write */
	bool rm_memory;   /* of a memory file: its pages stay what they are, and
			   * rump_map_dirty() does no more than set its times */
	bool rm_apart;    /* rm_hostfd has nothing but this file, and whoever
			   * maps it gets SIGBUS behind the end of file by the
			   * host, which says nothing of pages that are not
			   * filled: rump_map_fill() before and after */
};
int rump_map_create(
    int fd, int64_t off, size_t len, int prot, int flags, struct rump_map *rm);
/* Another map, of [off, off + len) of handle's file, with its rights. */
int rump_map_again(void *handle, int64_t off, size_t len, struct rump_map *rm);
int rump_map_fill(void *handle, int64_t off, size_t len);
/* The size of the file.  May sleep.  0, an errno, or RUMP_ERESTART. */
int rump_map_size(void *handle, int64_t *size);
/*
 * The program is going to write to pages [off, off + len) of a shared mapping,
 * which it could not until now; size is what rump_map_size() has said, with no
 * rmh_cut() since.  Short, does not sleep.  0, or an errno such as EAGAIN when
 * a page is not valid any more: fill it first.
 */
int rump_map_dirty(void *handle, int64_t off, size_t len, int64_t size);
/* Make a hole of pages [off, off + len) of the file, in every mapping of it, by a
 * map of a descriptor that is open for writing.  0, or an errno such as
 * EOPNOTSUPP. */
int rump_map_punch(void *handle, int64_t off, size_t len);
/* Write what is unsaved in [off, off + len), and wait.  0, an errno, or
 * RUMP_ERESTART. */
int rump_map_sync(void *handle, int64_t off, size_t len);
void rump_map_ref(void *handle); /* one more rump_map_destroy() to come */
void rump_map_destroy(void *handle);
/*
 * Whoever has rm_hostfd, whose memory must be apart, may store into it, but cannot
 * cut it off any more; nor can we: truncation is no SIGBUS for this file from now
 * on.  0, ENODEV (not apart) or what the host says.
 */
int rump_map_firm(void *handle);
/*
 * Undo rump_map_fill() for the 64 KiB blocks that lie wholly in [off, off +
 * len) of the file: the caller has made them inaccessible in every mapping
 * made from handle, and fills them again before they are used.
 */
void rump_map_drop(void *handle, int64_t off, size_t len);
/* Another map of the same, in which the same is filled: what is dropped of one is
 * not of the other.  NULL: no memory. */
void *rump_map_clone(void *handle);
/*
 * Called by any thread, without a lock of the kernel; they must not call it.
 * Set once, before the first map.
 */
struct rump_maphooks {
	/* What is stored to [lo, hi) in shared mappings of file (not memory
	 * files) from now on needs another rump_map_dirty(). */
	void (*rmh_protect)(const void *file, int64_t lo, int64_t hi);
	/* file ends at size: pages wholly behind that need rump_map_fill(), and
	 * what the program has of its own there is lost. */
	void (*rmh_cut)(const void *file, int64_t size);
	/* Does rmh_protect(), called by this thread, reach everybody who maps
	 * file?  NULL: yes. */
	bool (*rmh_alone)(const void *file);
	/* Maps are shown by processes that rmh_cut() does not reach: each file
	 * gets memory of its own as long as there are descriptors. */
	bool rmh_apart;
};
void rump_map_sethooks(const struct rump_maphooks *hooks);

/*
 * Processes that have ended on the host, but not yet here, may have locks.  Of
 * whom a lock is in the way asks the hook: is process pid (0: any process) about
 * to end?  *bound is 0 at first and limits that to those that there are then.
 * If so, the lock is waited for.  rump_lock_retry() says that a process has
 * ended here.  Called without a lock of the kernel; set once.
 */
void rump_lock_sethook(_Bool (*ending)(int32_t pid, uint64_t *bound));
void rump_lock_retry(void);

/*
 * The host descriptor behind rump descriptor rumpfd, for poll(2), epoll(7) and
 * the like: its readiness is the rump object's.  It belongs to the kernel,
 * which closes it with the last descriptor of the open file and when no call
 * uses that any more; until then its number stays the same.  Whoever keeps the
 * number keeps the rump descriptor open.  The caller neither reads, writes nor
 * closes it.  0, EBADF, or EOPNOTSUPP for an object that is not a host's: a
 * file, and one day a socket of a protocol of the kernel's own, whose readiness
 * will be told another way.
 *
 * A FIFO that was opened with O_ALT_IO, and may be with that alone, has an
 * O_PATH descriptor here, of the FIFO of the host that stands for it; it is to
 * be opened through the host's /proc/self/fd.
 */
int rump_hostfd(int rumpfd, int *hostfd);

/*
 * A socket of the kernel's around host socket hostfd, which is of that kind:
 * family, type (with SOCK_NONBLOCK for a socket that does not wait) and protocol
 * as for socket(2).  The kernel has a duplicate of its own, the caller closes
 * hostfd.  0 and *rumpfd, the errors of socket(2), EPROTOTYPE (hostfd is
 * something else), or EOPNOTSUPP: no socket of this family is a host's.
 */
int rump_hostsocket(
    int family, int type, int protocol, int hostfd, int *rumpfd);

/* As sync(2), but says what came of it: 0, an errno, or RUMP_ERESTART. */
int rump_save_files(void);

/*
 * The program is about to end by itself: what the kernel does at its own end is
 * done now (files are saved, those that were removed while open go).  Sleeps.
 * Once; the kernel can be used afterwards, but nobody will tidy up.
 */
void rump_exit_prepare(void);

/*
 * Mount.  dir is an absolute path in the kernel's name space; missing
 * directories are made in the memory root.  source is a URL (nfs://A.B.C.D...
 * with a numeric address, tmpfs:, kernfs:; keys as in rumpkit(1)).  On failure
 * text (size bytes) gets one line that names the offending token, the rule and
 * the cure.
 */
int rump_mount_url(
    const char *dir, const char *source, char *text, size_t size);

/*
 * What a mount would say of an NFS URL as such, without asking a server; works
 * before rump_init(), too.  0, or an errno and one line in text.
 */
int rump_nfs_check_url(const char *url, char *text, size_t size);
/* The same of the source of a tmpfs. */
int rump_tmpfs_check_url(const char *url, char *text, size_t size);

/*
 * Visit every statistics counter (name, help, value) in order of attachment;
 * name is name{label="value"} where several are of one family.
 */
void rump_stats_iterate(
    void (*func)(const char *, const char *, uint64_t, void *), void *arg);

/*
 * Can programs read the statistics, by a kernfs?  What goes past the kernel is
 * not counted: only who hears that they cannot may let something do so, from
 * then on.
 */
bool rump_stats_watched(void);

/*
 * Visit the text of a report, the contents of the file of that name in kernfs
 * ("metrics", "mounts", "sockets", ...), piece by piece; pieces are not
 * terminated.  0, or ENOENT if no component has such a report.
 */
int rump_report(const char *name,
    void (*func)(const char *text, size_t len, void *arg), void *arg);

#endif /* !RUMP_RUMPHOST_H */
