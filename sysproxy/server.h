/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server: other processes' system calls for the kernel in this one.
 *
 * Theory of operation.  One thread, the loop, receives what clients say on their
 * connections and does nothing that may take long.  All else is done by workers,
 * threads of a pool: each slot of a fast client that is in use has one, a
 * classic client's call has one while it lasts, and so has what becomes of a
 * process at exec and at its end.  A worker is bound to an lwp of the client's
 * process of the kernel meanwhile.
 *
 * A client lives from client_create() to the end of its process: the loop sees
 * the end of the connection, has every worker leave (client_quiesce()), and
 * whoever is the last to leave sees to the rest (client_settle()).  Until then
 * nobody frees anything; after the loop has started the end it does not touch
 * the client any more.
 *
 * Nothing that a client can delay is done with a lock held, and nothing is ever
 * sent to one that may have to wait for it.
 */
#ifndef SYSPROXY_SERVER_H
#define SYSPROXY_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "sysproxy/fast.h"

struct arrivals;
struct classic;
struct client;
struct fast_counts;
struct fast_shown;
struct lane;
struct life;
struct lwp;
struct maps;
struct rump_hostcred;
struct token;
struct tree;
struct worker;

/* What the loop does when a descriptor is ready. */
struct watch {
	void (*wa_ready)(void *arg, uint32_t events);
	void *wa_arg;
};

/* Who has sent a message, as the host says. */
struct sender {
	bool given; /* it does */
	pid_t pid;
	uid_t uid;
};

/* --- clients (server_client.c) ------------------------------------------ */

enum client_kind {
	CLIENT_FRESH,   /* connected; nothing said but the banner */
	CLIENT_FAST,    /* fast transport */
	CLIENT_CLASSIC, /* a process by the genuine protocol */
};

/* What is done when all workers have left; greater ones win. */
enum client_after {
	AFTER_NOTHING,
	AFTER_HELLO, /* a new image says hello: another area */
	AFTER_EXEC,  /* c_exec */
	AFTER_EXIT,
};

/* An exec that has been announced. */
struct exec {
	char e_comm[32];
	size_t e_n;
	uint32_t e_keep[FAST_PAYLOAD / sizeof(uint32_t)];
};

struct client {
	struct client *c_next, **c_prevp; /* server_lock */
	enum client_kind c_kind;          /* l: the loop's */
	int c_fd;                         /* i: connection */
	struct watch c_watch;             /* i */
	struct lane *c_lane;              /* i: reference */
	struct lwp *c_mainlwp;            /* i: keeps the process */
	int32_t c_pid;                    /* i: in the kernel; 0: none yet */
	uint64_t c_serial;                /* i: in order of creation, from 1 */
	unsigned
	    *c_counted; /* server_lock: a number of pending ones that has us */
	unsigned c_pending; /* server_lock: of children */
	char c_comm[32];    /* c_lock */

	/* Who it is on the host: set by the loop, or when all is quiet. */
	_Atomic pid_t c_hostpid; /* 0: not known yet */
	int c_pidfd;
	bool c_accepted; /* c_lock: c_uids, c_gids are set */
	uid_t c_uids[4]; /* c_lock: as the host said last, see peer_owns() */
	gid_t c_gids[4];
	_Atomic uid_t c_uid;      /* real */
	_Atomic bool c_ours;      /* all uids are our own, and so is ... */
	_Atomic bool c_inside;    /* ... the user namespace: this one is not */
	_Atomic bool c_mapped;    /* whose ids have names, if they ever will */
	_Atomic bool c_vm;        /* process_vm_* is tried */
	_Atomic uint64_t c_calls; /* so far */

	pthread_mutex_t c_lock;
	unsigned c_nworkers;       /* c_lock: who would be in the way */
	bool c_quiescing;          /* c_lock: nobody new */
	enum client_after c_after; /* c_lock */
	struct worker **c_workers; /* c_lock: by slot; NULL: no area */
	char *c_area;              /* as c_workers */
	_Atomic(struct fast_shown *) c_shown; /* in c_area */
	struct exec *c_exec;                  /* l, then settle's */
	struct tree *c_tree; /* server_counts.c, as the next; NULL: alone */
	const struct fast_counts *c_counts; /* in c_area; NULL: none */
	_Atomic(struct maps *) c_maps;
	bool c_shares;       /* l: others have copies of its connection */
	_Atomic bool c_mask; /* its mask is others', too */
	bool c_door;         /* l: it has opened one */
	struct life *c_life; /* l: see life_watch() */
	_Atomic uint32_t c_children; /* made since HELLO counted: a futex */
	struct arrivals *c_received; /* c_lock: what it has sent */
	_Atomic uint32_t c_arrivals; /* so many times: a futex */
	void (*c_ended)(void);       /* i: to be told of the end, or NULL */
	struct classic *c_classic;   /* i, of CLIENT_CLASSIC */

	/* l: the message that is being received. */
	struct fast_message c_msg;
	size_t c_got; /* of header and payload */
	char *c_payload;
	int c_right;    /* descriptor that came with it, -1: none */
	bool c_drained; /* ... was the last one */
	struct sender c_sender;
};

extern pthread_mutex_t server_lock; /* the list of clients */

/*
 * A client for connection fd, which it owns from now on.  NULL: no memory, or
 * too many.  It is not known to the loop.
 */
struct client *client_create(int fd, enum client_kind kind);
/*
 * Its process, a child of that of the calling thread's lwp; flags as in rfork.
 * 0 or a NetBSD errno.
 */
int client_rfork(struct client *c, int flags, const char *comm);
/* Undo client_create() of one that no loop knows, and its process. */
void client_destroy(struct client *c);

/* It says nothing yet, and is one of *pending; EAGAIN: there are too many.  It has
 * said something, or is gone.  The number itself goes. */
int client_pend(struct client *c, unsigned *pending);
void client_served(struct client *c);
void client_pending_end(const unsigned *pending);

/* From the loop: the connection has ended. */
void client_end(struct client *c);
/* From the loop: have all workers leave, then do what after says. */
void client_quiesce(struct client *c, enum client_after after);
/* One of c_nworkers leaves; its thread may have to settle things.  The client
 * may be gone afterwards. */
void client_leave(struct client *c);
/* One more, unless the client is being quiesced. */
bool client_enter(struct client *c);

/* Send one message, without waiting; with descriptor fd if that is not -1.
 * False: it cannot be sent, or not now. */
bool client_send(struct client *c, const struct fast_message *m, int fd);

/* What rump_lock_sethook() wants to know. */
bool client_ending(int32_t pid, uint64_t *bound);
/* Visit each client; under server_lock. */
void client_iterate(void (*func)(struct client *, void *), void *arg);

/* The credentials of c's process become those that the host tells.  From a
 * thread of ours; 0 or a NetBSD errno. */
int client_setcred(struct client *c);
/* The client's user, and its namespace: see idmap_of_peer(). */
struct rump_idmap;
void client_place(struct client *c, bool ours, const struct rump_idmap *im);
/* The calling worker has the credentials of thread tid of c's process, as that
 * calls it.  0 or EPERM. */
int client_lendcred(struct client *c, pid_t tid);
/* System call num is going to be made: our own user may end the kernel, whoever
 * he is in it. */
void client_allow_reboot(const struct client *c, int num);

/* --- what the host says of a process (server_peer.c) --------------------- */

#define PEER_GROUPS 256
struct peer {
	/* Real, effective, saved, and that of file systems, setfsuid(2). */
	uid_t p_uid[4];
	gid_t p_gid[4];
	uint32_t p_ngroups;
	uint32_t p_groups[PEER_GROUPS];
	int32_t p_umask; /* -1: not known */
};

/* Whom a process runs as; false when it cannot be told. */
bool peer_status(pid_t pid, struct peer *p);
/* ... and thread tid of that process, which may be in a PID namespace. */
bool peer_thread(pid_t pid, pid_t tid, struct peer *p);
/* The same of the other end of a connected socket, as it was at connect(2). */
bool peer_of_socket(int fd, pid_t *pid, struct peer *p);
/* Is every user id our own effective one? */
bool peer_is_ours(const struct peer *p);
/* What the kernel is to know of it: files are all that it keeps from anybody,
 * so the effective ids are those of file systems. */
void peer_cred(const struct peer *p, struct rump_hostcred *hc);
/* Can a process that ran as those have become p by itself?  An exec of a set-id
 * program says nothing to us, and whoever has kept the connection of what was
 * before is not that program. */
bool peer_owns(const uid_t uids[4], const gid_t gids[4], const struct peer *p);
/* Does the process that pidfd stands for still run? */
bool peer_lives(int pidfd);

/* --- fast transport ------------------------------------------------------ */

/* Listen to what c says from now on (server_control.c).  0 or a NetBSD errno. */
int control_begin(struct client *c);
/* The same of a client that is watched already, from the loop. */
void control_take(struct client *c);
/* A new image, or a new process, says hello.  When all is quiet; false: the
 * connection is to be ended. */
bool control_hello(struct client *c);

/* Start to serve slot; false: the connection is to be ended (server_slot.c). */
bool slot_start(struct client *c, unsigned slot);
/* End the interruptible sleep of the call with that sequence number. */
void slot_interrupt(struct client *c, unsigned slot, uint32_t sequence);
/* Have w leave its client, as soon as it can; under c_lock. */
void slot_stop(struct worker *w);
/* Answer the call under way, which does not return. */
void slot_reply(struct worker *w, int error);
/* Ask the client to do something; sl_* but sl_op are set.  False: it is gone. */
bool slot_service(struct worker *w, enum fast_op op);

/* From the loop: parent has sent fd, consumed, for its child (server_child.c); -1:
 * it was lost on its way.  shares: FAST_SHARES* */
void child_make(struct client *parent, int fd, uint32_t shares);
/* A client for connection fd, consumed, which is closed in lane ln; NULL: it is
 * none, or there is no memory, which its other end is told.  And it begins, or, with an error, ends so. */
struct client *child_create(int fd, struct lane *ln);
void child_begin(struct client *c, int error);
/* From the loop: processes of that user come by fd, consumed (server_door.c).  ln is
 * the lane of who has sent it. */
void door_open(struct lane *ln, int fd, uid_t uid);
/* The end of c's process on the host ends its connection, of which others have
 * copies.  From the loop, when the process is known; and its own end. */
void life_watch(struct client *c);
void life_end(struct client *c);
/* From the loop, when it has no events any more. */
void life_reap(void);
/* Until w's client has number children; false: it is about to leave. */
bool child_await(struct worker *w, uint32_t number);

/* FASTCALL_* num (server_calls.c); as rump_syscall(). */
int fastcall(struct worker *w, int num, const int64_t *args, int64_t *retval);
/* Send descriptor fd to w's client, as the result of the call of its slot. */
int fastcall_give(struct worker *w, int fd);

/* Copying for a call of w's slot (server_copy.c); 0 or EFAULT, string: or
 * ENAMETOOLONG. */
int copy_in(struct worker *w, uint64_t from, void *to, size_t len);
int copy_out(struct worker *w, const void *from, uint64_t to, size_t len);
int copy_string(struct worker *w, uint64_t from, char *to, size_t *len);
/* A string of at most size bytes, with its NUL, of c's memory, which nobody is
 * asked for; "" where that cannot be read. */
void copy_peek(struct client *c, uint64_t from, char *to, size_t size);

/* What the processes of a tree count (server_counts.c).  c belongs to its
 * parent's tree. */
void counts_join(struct client *c, struct client *parent);
/* c counts in its area; and its area goes, or c itself. */
void counts_begin(struct client *c);
void counts_end(struct client *c);
void counts_leave(struct client *c);
/* A line for each user of c's tree, as FASTCALL_REPORT has it. */
void counts_report(struct client *c,
    void (*func)(const char *text, size_t len, void *arg), void *arg);

/* FASTCALL_REPORT (server_report.c): the report of that name for c.  0, *text to
 * be freed (NULL: nothing), or a NetBSD errno. */
int report_make(struct client *c, const char *name, char **text, size_t *len);

/* FASTCALL_LOG (server_log.c). */
int log_call(struct worker *w, const int64_t *args, int64_t *retval);

/* Mappings (server_map.c). */
struct maps *maps_create(void);
struct maps *maps_copy(struct maps *ms); /* of a parent, for its child */
void maps_clear(struct maps *ms);        /* exec */
void maps_destroy(struct maps *ms);
int maps_call(struct worker *w, int num, const int64_t *args, int64_t *retval);
void maps_init(void);

/* FASTCALL_LOOK_* (server_look.c). */
int look_file(struct worker *w, const int64_t *args, int64_t *retval);
int look_cwd(struct worker *w, const int64_t *args, int64_t *retval);

/* Open files that travel (server_token.c).  token_ref(): a reference to the token
 * whose socket has that inode, or NULL. */
int token_export(struct worker *w, int rumpfd);
int token_import(struct worker *w, uint64_t inode, int *rumpfd);
struct token *token_ref(uint64_t inode);
void token_unref(struct token *t); /* may be NULL */

/* A descriptor that a client has sent (server_received.c). */
struct received {
	uint64_t r_inode;      /* 0: no socket */
	struct token *r_token; /* reference; NULL: it is none of ours */
	int r_fd;              /* an Internet socket; -1: something else */
	bool r_lost;           /* it has not arrived */
};
/* From the loop: fd, consumed, is to be asked about; -1: what has that inode was
 * lost on its way. */
void received_put(struct client *c, int fd, uint64_t inode);
/* Until w's client has sent what has that inode: *r is the caller's, who drops
 * it.  False: w is to leave. */
bool received_await(struct worker *w, uint64_t inode, struct received *r);
void received_drop(const struct received *r); /* not from the loop */
/* Who waits for one looks again, also at w_stop. */
void received_wake(struct client *c);
void received_destroy(struct client *c);
/* From the loop: some of a message, without waiting, as recvmsg(2).  *right is the
 * first descriptor that came along, if it was -1; the others are closed in lane ln
 * (server_message.c).  What there is no room for is lost. */
ssize_t message_receive(int fd, struct iovec *iov, size_t n, int *right,
    struct sender *s, struct lane *ln);
/* The same, but then nothing is received: EMFILE. */
ssize_t message_receive_all(int fd, struct iovec *iov, size_t n, int *right,
    struct sender *s, struct lane *ln);

/* --- the loop (server_loop.c) --------------------------------------------- */

/* Start the loop if need be.  0 or a NetBSD errno. */
int loop_start(void);
/* Watch for input; w stays until loop_unwatch(). */
int loop_watch(int fd, struct watch *w);
void loop_unwatch(int fd);
/* Do not look at input, or do so again; the end is told once meanwhile, without
 * EPOLLIN. */
void loop_pause(int fd, struct watch *w, bool pause);
/* Also tell when there is room for output, or not any more. */
void loop_output(int fd, struct watch *w, bool on);

/* A client, or a door, is watched; it is not any more.  A client's connection has
 * ended; all of the client has. */
void server_client_came(void);
void server_client_gone(void);
void server_client_ends(void);
void server_client_ended(void);
/* End everything, from a worker: rumpuser_sp_wait() returns. */
void server_halt(void);

#endif /* !SYSPROXY_SERVER_H */
