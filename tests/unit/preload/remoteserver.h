/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server of the fast transport for tests of its client: threads of the test,
 * one for the control connection, one for each slot in use.  What a slot's worker
 * does with a request is the test's.  What stands around the client in the hijack
 * library is here, too.
 */
#ifndef TESTS_UNIT_PRELOAD_REMOTESERVER_H
#define TESTS_UNIT_PRELOAD_REMOTESERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/remote_link.h"

#define NSEEN 64

struct server {
	int s_fd, s_area;
	char *s_map;
	uint32_t s_flags;
	uint32_t s_refuse; /* an errno: nobody is welcome */
	bool s_deaf;       /* hang up at HELLO */
	bool s_first;      /* say MADE before anything else */
	bool s_late; /* answer first what an earlier image has asked, ... */
	int s_stale; /* ... with this descriptor */
	void (*s_serve)(struct server *, struct fast_slot *);
	pthread_t s_loop, s_workers[FAST_SLOTS];
	_Atomic unsigned s_nworkers;
	_Atomic bool s_stop;
	/* Messages, of any type but those that the loop understands. */
	struct fast_message s_seen[NSEEN];
	_Atomic unsigned s_nseen;
	_Atomic unsigned s_hellos, s_calls;
};

/* A server and a client that is new to it; the caller starts and ends it. */
struct server *server_create(
    struct remote *rm, void (*serve)(struct server *, struct fast_slot *));
void server_start(struct server *s);
void server_end(struct server *s, struct remote *rm);

/* For s_serve: hand the slot over, and wait for it to be in a state (or for the
 * server's end: the state then). */
void server_set(struct fast_slot *sl, uint32_t state);
uint32_t server_wait(struct server *s, struct fast_slot *sl, uint32_t wanted);

/* Send a message, with a descriptor unless fd is -1. */
void server_send(
    struct server *s, uint32_t type, uint32_t arg, uint64_t addr, int fd);

/* --- what the client has done ------------------------------------------ */

extern atomic_uint said; /* lines by engine_say() */
/* The last calls of memory_hooks. */
extern int64_t protected_lo, protected_hi, cut_at;
extern const void *hook_file;

#endif /* !TESTS_UNIT_PRELOAD_REMOTESERVER_H */
