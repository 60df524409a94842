/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fast transport between our own client and our own server on one machine.
 *
 * A client process has one control connection, a stream socket, and, from its
 * first system call on, one area: a sealed memfd of the server's with
 * FAST_SLOTS slots.  A thread that makes a system call owns a slot meanwhile; on
 * the other side each slot has a worker thread of its own, so that a call is
 * one hand-over there and one back.  A sleeper is woken by a shared futex on
 * sl_state.
 *
 *   client                              worker
 *   fill num, args, in ranges
 *   state = REQUEST, wake  ---------->  copies what it needs, runs the call
 *                          <----------  [state = SERVICE: please copy / protect]
 *   does it, state = SERVED ---------->
 *                          <----------  out ranges, error, retval; state = REPLY
 *   copies out, state = IDLE
 *
 * Data travel in the slot's data area: what the call will read is put there by
 * the client beforehand ("in" ranges), what it writes is collected there by the
 * server until the reply ("out" ranges).  What has no room there goes by
 * process_vm_readv/writev where the host permits it, else by SERVICE, piece by
 * piece.  The server treats every word of the area as hostile: it reads each
 * once, masks indices, keeps its own copy of what it checks.
 *
 * Freestanding: the hijack library includes this.
 */
#ifndef SYSPROXY_FAST_H
#define SYSPROXY_FAST_H

#include <stdatomic.h>
#include <stdint.h>

#define FAST_VERSION 6

/* --- the area ---------------------------------------------------------- */

#define FAST_SLOTS 1024
#define FAST_DATA (64 * 1024) /* bytes of data of a slot */
#define FAST_HEAD 4096        /* ... and before them */
#define FAST_SLOT_SIZE (FAST_HEAD + FAST_DATA)
#define FAST_IN (FAST_DATA - 4096) /* ... that a request may use */
#define FAST_ARGS 8
#define FAST_RANGES 32         /* in ranges; out ranges */
#define FAST_LARGE (32 * 1024) /* from here on process_vm_* is preferred */

enum fast_state {
	FAST_IDLE,    /* the client's: nothing is under way */
	FAST_REQUEST, /* the worker's */
	FAST_SERVICE, /* the client's: sl_op, sl_addr, sl_len */
	FAST_SERVED,  /* the worker's: sl_status */
	FAST_REPLY,   /* the client's */
	FAST_DEAD,    /* the server is gone or has given this client up */
};

enum fast_op {
	FAST_COPYIN,    /* [sl_addr, +sl_len) to the data at sl_off */
	FAST_COPYOUT,   /* the other way */
	FAST_COPYINSTR, /* string of at most sl_len bytes with its NUL; sl_len
			 * becomes its length with the NUL */
	FAST_PROTECT,   /* rmh_protect(sl_addr, sl_arg[0], sl_arg[1]) */
	FAST_CUT,       /* rmh_cut(sl_addr, sl_arg[0]) */
	FAST_RAISE,     /* NetBSD signal sl_arg[0] for this process; not
			 * SIGPIPE, which EPIPE tells */
};

/* sl_status: 0, or EFAULT (14), ENAMETOOLONG (63). */

struct fast_range {
	uint64_t fr_addr; /* in the client's address space */
	uint32_t fr_len;
	uint32_t fr_off; /* in the data area */
};

struct fast_slot {
	_Atomic uint32_t sl_state;    /* enum fast_state; the futex */
	_Atomic uint32_t sl_sleeping; /* FAST_SLEEPS_*: who is in futex(2) */
	uint32_t sl_cpu;              /* client: where it runs */
	uint32_t sl_sequence;         /* client: one more each request */
	/* request */
	int32_t sl_num;    /* NetBSD system call, or FASTCALL_* */
	uint32_t sl_flags; /* FAST_ESCAPE */
	uint32_t sl_nin;
	uint32_t sl_inlen;    /* data bytes used by in ranges, from 0; at most
			    * FAST_IN */
	uint32_t sl_children; /* FAST_CHILD messages before this call */
	/* Whose credentials: 0: the process's.  Else those of the host's thread
	 * sl_tid, as the client calls it; the same number stands for the same
	 * ones, and the server looks when it is another than before. */
	uint32_t sl_cred;
	uint32_t sl_tid;
	int64_t sl_args[FAST_ARGS];
	struct fast_range sl_in[FAST_RANGES];
	/* reply */
	int64_t sl_error; /* 0, NetBSD errno, RUMP_ERESTART, RUMP_ENAMESPACE */
	int64_t sl_retval[2];
	uint32_t sl_nout;
	uint32_t
	    sl_apart; /* server: the worker cannot follow to sl_cpu, so that
			    * spinning makes sense */
	struct fast_range sl_out[FAST_RANGES];
	/* service */
	uint32_t sl_op;
	uint32_t sl_status;
	uint64_t sl_addr;
	uint64_t sl_len;
	uint64_t sl_off;
	int64_t sl_arg[2];
};
_Static_assert(sizeof(struct fast_slot) <= FAST_HEAD, "one page");

/*
 * Behind the first slot's: what a process shows of itself to those that may look
 * at it (FASTCALL_LOOK_*), and the kernel does not know.
 */
#define FAST_SHOWN 1280
#define FAST_SHOWN_NUMBERS 200
struct fast_shown {
	/* Where the path that it was opened by stands; 0: nowhere. */
	_Atomic uint64_t fs_path[FAST_SHOWN_NUMBERS];
	/* The rump descriptor behind a number, plus one; 0: none. */
	_Atomic uint32_t fs_number[FAST_SHOWN_NUMBERS];
	_Atomic uint32_t fs_cwd; /* the working directory is the kernel's */
};
_Static_assert(sizeof(struct fast_slot) <= FAST_SHOWN &&
		   FAST_SHOWN + sizeof(struct fast_shown) <= FAST_HEAD,
    "one page");

#define FAST_SLEEPS_CLIENT 1u
#define FAST_SLEEPS_SERVER 2u

/*
 * sl_flags.  ESCAPE: rump_namei_escape_set(true) for this call; with
 * RUMP_ENAMESPACE the path and the number of links followed come by
 * FASTCALL_ESCAPED.
 */
#define FAST_ESCAPE 0x1

/*
 * Behind the slots: what --summary counts of the client's calls.  A process
 * touches nobody else's numbers, and they are there when it has been killed.
 */
#define FAST_CLASSES 6
enum fast_count {
	COUNT_PROGRAMS,
	COUNT_ROUTED, /* so many for each class of calls */
	COUNT_PASSED = COUNT_ROUTED + FAST_CLASSES,
	COUNT_REFUSED,
	COUNT_FAILED,
	COUNT_BYTES_IN,
	COUNT_BYTES_OUT,
	COUNT_TIME_NS,
	COUNT_N
};
struct fast_counts {
	_Atomic uint64_t fc_number[COUNT_N];
};
#define FAST_COUNTS ((uint64_t)FAST_SLOTS * FAST_SLOT_SIZE) /* where */
#define FAST_COUNTS_SIZE 4096
#define FAST_AREA (FAST_COUNTS + FAST_COUNTS_SIZE) /* bytes of all of it */

static inline struct fast_slot *
fast_slot(void *area, uint32_t i)
{
	return (
	    struct fast_slot *)((char *)area + (uint64_t)i * FAST_SLOT_SIZE);
}

static inline char *
fast_data(struct fast_slot *sl)
{
	return (char *)sl + FAST_HEAD;
}

/* --- calls beside NetBSD's ----------------------------------------------
 * Addresses are the client's; copyin, copyout as for any system call.
 * Results in sl_retval; errors NetBSD's.  A handle is a small integer of the
 * client's process; fork copies them, exec drops them.
 */
enum fast_call {
	FASTCALL_FIRST = 0x10000,
	/* (): the credentials of this process have changed: the server looks
	 * at /proc/PID/status of the client, and at the maps of its user
	 * namespace, and takes them over.  retval[0]: 0 as long as nobody has
	 * written these, 1 afterwards. */
	FASTCALL_CRED = FASTCALL_FIRST,
	/* (rumpfd) -> FAST_FD message: a duplicate of rump_hostfd().  Errors as
	 * there. */
	FASTCALL_HOSTFD,
	/* (): rump_save_files() */
	FASTCALL_SAVE,
	/* (buf, size) -> length, retval[1] links followed:
	 * rump_namei_escaped() */
	FASTCALL_ESCAPED,
	/* (rumpfd, off, len, prot, flags, struct fast_map *); ENODEV for
	 * clients of other users where only the memory of all files could be
	 * handed out, and if they want to write */
	FASTCALL_MAP_CREATE,
	FASTCALL_MAP_AGAIN,   /* (handle, off, len, struct fast_map *) */
	FASTCALL_MAP_FILL,    /* (handle, off, len) */
	FASTCALL_MAP_SIZE,    /* (handle) -> size */
	FASTCALL_MAP_DIRTY,   /* (handle, off, len, size) */
	FASTCALL_MAP_PUNCH,   /* (handle, off, len) */
	FASTCALL_MAP_SYNC,    /* (handle, off, len) */
	FASTCALL_MAP_REF,     /* (handle) */
	FASTCALL_MAP_DESTROY, /* (handle) */
	FASTCALL_MAP_DROP,    /* (handle, off, len) */
	/* (handle) -> FAST_FD message: what to map at fp_hostoff.  Others than
	 * the server's own user cannot write to it. */
	FASTCALL_MAP_MEMORY,
	/* (dir, url, textbuf, size): rump_mount_url(); the server's user or
	 * root only */
	FASTCALL_MOUNT,
	/* (name, offset, buf, size) -> bytes: of rump_report(); "stats" is the
	 * table of counters ("name value" each), "counts" a line
	 * for each user of the caller's tree of processes: uid, COUNT_N
	 * numbers; "clients" one line a client: pid here, pid on the host (0:
	 * not known before it speaks), uid, calls, threads, "fast" or
	 * "classic", command.  Pieces may be of different moments: have size
	 * large enough for all of it. */
	FASTCALL_REPORT,
	/* (rumpfd) -> FAST_FD message: a token, to be sent to another process
	 * of the tree over SCM_RIGHTS */
	FASTCALL_EXPORT,
	/* (inode) -> rumpfd: of the token with that st_ino, which is on its way
	 * in a FAST_TOKEN message (the call waits for it); EBADF: not one of
	 * ours */
	FASTCALL_IMPORT,
	/* (): the server ends; as reboot(2), the server's user or root only */
	FASTCALL_HALT,
	/* (buf, len): a line of the trace, with its newline and without the
	 * process id at its front, of a process that cannot open the log file
	 * which the server's environment names.  EPERM: the server has none;
	 * EINVAL: no line; EIO */
	FASTCALL_LOG,
	/* (): rump_cwd_unshare() */
	FASTCALL_UNSHARE,
	/* (family, type, protocol, inode) -> rumpfd: rump_hostsocket() of the
	 * socket with that st_ino, which is on its way in a FAST_TOKEN message
	 * (the call waits for it) */
	FASTCALL_HOSTSOCKET,
	/* (ownpid, pid, number, buf, size) -> rumpfd: a duplicate, as
	 * pidfd_getfd(2) makes one, of what process pid of the host has at number; in buf the path that the process says it
	 * was opened by, or "".  As on the host only for who may look at that
	 * process: EPERM.  ESRCH: nothing is known of it, or the pids are not
	 * those of the server; EBADF: it shows nothing of the kernel's there */
	FASTCALL_LOOK_FILE,
	/* (ownpid, pid, buf, size): the path in the kernel of its working
	 * directory; ENOENT: that is the host's */
	FASTCALL_LOOK_CWD,
	FASTCALL_END
};

struct fast_map {
	uint64_t fp_handle;
	uint64_t fp_file; /* rm_file's identity */
	int64_t fp_hostoff;
	uint32_t fp_writable;
	uint32_t fp_memory;
};

/* --- the control connection --------------------------------------------
 * Messages of a fixed size, each sent in one piece; fm_len bytes of payload
 * may follow.  A connection is made
 *   by the server, as one end of a socketpair, which it gives to the client
 *     (its first client's parent): FAST_HELLO comes first, but for FAST_CHILD;
 *   the same by a client, which keeps one end for its child and sends the other
 *     (FAST_CHILD);
 *   by connecting to a classic unix:// address: after the banner, whose last
 *     word is FAST_BANNER, a classic HANDSHAKE request of kind FAST_HANDSHAKE
 *     with the command name as payload; after its answer, FAST_HELLO.
 * The server asks for SCM_CREDENTIALS on its ends: process_vm_* goes to the
 * pid that sent HELLO, held by a pidfd, credentials are that process's.  An
 * exec leaves the connection open; the new image sends FAST_EXEC as its first
 * message, and FAST_HELLO again when it makes its first call.
 * The end of the connection is the end of the process.
 *
 * FAST_CHILD is not answered.  The child's process is a copy of the sender's as it
 * is between the calls whose sl_children does not count that message and those
 * whose does; what cannot be copied is answered to the child's HELLO, with
 * FAST_REFUSED.  The count starts with what the last HELLO of this image said.
 */
#define FAST_BANNER "rumpkit-1"
#define FAST_HANDSHAKE 0x4657 /* kind */

enum fast_type {
	FAST_HELLO,   /* c: fm_arg FAST_VERSION, fm_addr: FAST_NO_VM,
		       * FAST_COUNTING, and a number in FAST_NONCE; fm_pad:
		       * FAST_CHILD messages of this image so far */
	FAST_WELCOME, /* s: fd: the area; fm_arg: rump pid; fm_addr: FAST_BY_*,
		       * and that number;
		       * fm_pad: the server's pid, for PR_SET_PTRACER.  FAST_START
		       * may be sent before it has come. */
	FAST_REFUSED, /* s: fm_arg: NetBSD errno; then the end */
	FAST_START,   /* c: fm_arg: slot that is used from now on */
	FAST_INTR,    /* c: fm_arg: slot, fm_addr: its sl_sequence: end the
		       * call's interruptible sleep with RUMP_ERESTART */
	FAST_EXEC,    /* c: payload: uint32_t rump descriptors that stay, then
		       * (fm_arg many) the command name without NUL */
	FAST_FD,      /* s: fd: result of the FASTCALL in slot fm_arg, sent
		       * before its reply */
	FAST_TOKEN,   /* c: fd: what FASTCALL_IMPORT or _HOSTSOCKET is to look
		       * at, not more than FAST_TOKENS at a time; fm_addr: its
		       * st_ino, for when it gets lost on its way */
	FAST_CHILD,   /* c: fd: connection of a child of this process, with
		       * SO_PASSCRED set; fm_arg: FAST_SHARES* */
	FAST_MADE,    /* s: first of all on such a connection, or door */
	FAST_DOOR,    /* c: fd: a door, see below; one for a connection */
};
#define FAST_TOKENS 1024

/*
 * A child that has nothing of its parent's in the kernel need not be announced.
 * It comes by itself when it needs the kernel, by the door: a SOCK_SEQPACKET of
 * the host that a process has made, of which the server has one end and whoever
 * descends from that process the other.  FAST_CHILD is sent there, with fm_arg 0
 * and a connection; the payload, of at most FAST_COMM bytes, is the name of the
 * command.  The new process has nothing open.  A door is for those who run as the
 * user who has sent FAST_DOOR, what others send there is dropped; it keeps the
 * server there, as a client does.
 */
#define FAST_COMM 16
/* Its number, in the environment. */
#define FAST_DOOR_VARIABLE "RUMPKIT_DOOR"

/*
 * FAST_CHILD: the child has its parent's table of descriptors, not a copy.  Both
 * have said HELLO.  They keep each other's connection open, so that the end of
 * the process is the end of what the host calls so.
 */
#define FAST_SHARES 0x1
/* ... its parent's working directory, root directory and mask. */
#define FAST_SHARES_CWD 0x2

/* FAST_HELLO */
#define FAST_NO_VM 0x1    /* no process_vm_* */
#define FAST_COUNTING 0x2 /* the numbers behind the slots are used */

/* Another thread may execute a program before the answer to a HELLO has been read:
 * the new image knows its own by the number that it has given. */
#define FAST_NONCE (~UINT64_C(0xff))

/* FAST_WELCOME */
#define FAST_BY_VM 0x1 /* process_vm_* works for this client */
#define FAST_DIRECT                                                            \
	0x2 /* nobody records what sockets carry: the data of one
			   * that FASTCALL_HOSTFD gives may pass the kernel by */

#define FAST_PAYLOAD (64 * 1024) /* at most */

struct fast_message {
	uint32_t fm_type;
	uint32_t fm_arg;
	uint64_t fm_addr;
	uint32_t fm_len;
	uint32_t fm_pad;
};

/* The inherited control connection: its number, in the environment. */
#define FAST_VARIABLE "RUMPKIT_KERNEL"

#endif /* !SYSPROXY_FAST_H */
