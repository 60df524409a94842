/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that follows a script in a thread of its own, and the client of the
 * connection under test.
 */
#ifndef TESTS_UNIT_NFS_SCRIPT_H
#define TESTS_UNIT_NFS_SCRIPT_H

#include <sys/socket.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "nfs/pace.h"
#include "nfs/rpc.h"
#include "nfs/rpcconn.h"

#define PROG 4711
#define MS INT64_C(1000000)
#define SCRIPT_SECOND (50 * MS) /* see nfspace_set() */

struct server {
	int listener; /* or the socket for datagrams */
	int family;   /* host's */
	bool udp;
	uint16_t port;
	pthread_t thread;
	void (*script)(struct server *s);
	uint32_t seen[8]; /* what the script noted */
	uint64_t before;  /* calls made before it began */
};

/* Abort with a message: the server's thread cannot fail a test. */
void check(bool ok, const char *what);
/* Start the script on a port of its own: over TCP and IPv4. */
void server_start(struct server *s, void (*script)(struct server *));
/* With the host's family; false if the host does not have it. */
bool server_start_as(
    struct server *s, void (*script)(struct server *), int family, bool udp);
void server_join(struct server *s);
/* Make s->listener, a socket that listens (or one for datagrams) at s->port, or
 * at any port if that is 0; false if the host has no such family. */
bool server_listen(struct server *s);
/* A port that nobody listens at. */
void server_absent(struct server *s, int family, bool udp);
/* Start the thread alone. */
void server_run(struct server *s, void (*script)(struct server *));

/* For scripts over TCP. */
int take_connection(struct server *s);
bool read_fully(int fd, void *buf, size_t len);
/* The next call's xid and procedure, of one without data; false when the client
 * has gone. */
bool read_call(int fd, uint32_t *xid, uint32_t *proc);
void send_fully(int fd, const void *buf, size_t len);
/* A successful reply with one word, three times the procedure; its length, with
 * the record mark. */
size_t make_reply(uint32_t *out, uint32_t xid, uint32_t proc);
void send_reply(int fd, uint32_t xid, uint32_t proc);
/* Answer everything until the client goes. */
void serve(int fd);
/* The first connection is served like that. */
void script_echo(struct server *s);
/* Never answers, over as many connections as the client cares to make; ended by
 * mute_stop(), which joins. */
void script_mute(struct server *s);
void mute_stop(struct server *s);

uint64_t stat_value(enum rpc_stat which);
struct rpc_conn *open_conn(const struct server *s, enum rpc_patience patience,
    int timeo_ms, unsigned retrans);
/* Datagrams: take a call, and answer where it came from. */
struct datagram {
	struct sockaddr_storage from;
	socklen_t fromlen;
	uint32_t xid, proc;
};
/* False when the socket was shut down. */
bool take_datagram(struct server *s, struct datagram *d);
void answer_datagram(
    struct server *s, const struct datagram *d, const void *p, size_t len);
/* The reply of make_reply(). */
void echo_datagram(struct server *s, const struct datagram *d);
/* Answers everything until stopped by udp_stop(), which joins. */
void script_udp_echo(struct server *s);
void udp_stop(struct server *s);

/* Call proc; 0 and the result checked, or the errno. */
int call(struct rpc_conn *rc, uint32_t proc);

/* For rpc_call_start(): how many calls have ended, and the error of the last. */
extern _Atomic int ended;
extern int end_error;
void note_end(struct rpc_call *ca);

/* Threads that call. */
struct caller {
	struct rpc_conn *rc;
	uint32_t first;
	uint32_t count;
	int error;
	pthread_t thread;
};
void start_callers(
    struct rpc_conn *rc, struct caller *c, size_t n, uint32_t count);
void join_callers(struct caller *c, size_t n);
void run_callers(
    struct rpc_conn *rc, struct caller *c, size_t n, uint32_t count);

/* Fixture: the kernel, entered once, with short pauses; every case gives its memory back. */
int script_boot(void **state);
int script_case_begin(void **state);
int script_case_end(void **state);
#define SCRIPT_CASE(f)                                                         \
	cmocka_unit_test_setup_teardown(f, script_case_begin, script_case_end)

#endif /* !TESTS_UNIT_NFS_SCRIPT_H */
