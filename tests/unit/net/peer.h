/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the socket tests share: host sockets on loopback as peers, rump sockets
 * connected to them, and a way to see that a thread sleeps.
 */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include <sys/types.h>

#include <pthread.h>

#include "rump/rumpabi.h"

/* A host socket that listens on a port of loopback that the host chose. */
int peer_listen(struct rump_sockaddr_in *sin);
/* Fill sin with loopback and a port where nobody listens. */
void peer_nobody(struct rump_sockaddr_in *sin);
/* A connected pair: a rump stream socket and its host peer. */
void peer_pair(int *rumpfd, int *hostfd);
/* Exactly len bytes on a host socket, or the test fails. */
void peer_read(int hostfd, void *buf, size_t len);
void peer_write(int hostfd, const void *buf, size_t len);
/* Number of descriptors that this process has open. */
int peer_count_fds(void);

/* A thread that runs func(arg) and can be watched. */
struct sleeper {
	void (*sl_func)(void *);
	void *sl_arg;
	pthread_t sl_thread;
	_Atomic pid_t sl_tid;
};
void sleeper_start(struct sleeper *sl, void (*func)(void *), void *arg);
/* Return when the thread sleeps in host call nr (of ours: SYS_ppoll). */
void sleeper_wait_asleep(struct sleeper *sl, long nr);
void sleeper_join(struct sleeper *sl);

#endif /* !TESTS_UNIT_NET_PEER_H */
