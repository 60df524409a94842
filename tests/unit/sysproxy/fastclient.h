/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of the fast transport, as plain as can be: for tests, and as an
 * example of sysproxy/fast.h.  A client may be in the process of its server.
 */
#ifndef TESTS_UNIT_SYSPROXY_FASTCLIENT_H
#define TESTS_UNIT_SYSPROXY_FASTCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysproxy/fast.h"

struct fastclient {
	int fc_fd;
	char *fc_area;
	int32_t fc_pid;
	uint64_t fc_flags;    /* FAST_BY_VM, ... */
	uint32_t fc_services; /* so many of any kind were asked for */
	uint32_t fc_ops[8];   /* ... by kind */
	bool fc_spin;         /* do not sleep */
	bool fc_counting;     /* hello says so */
	uint32_t fc_children; /* FAST_CHILD messages so far */
	/* Called for FAST_PROTECT, FAST_CUT and FAST_RAISE. */
	void (*fc_service)(struct fastclient *, struct fast_slot *);
};

/* What a call reads: it goes with the request. */
struct fastin {
	const void *fi_addr;
	uint32_t fi_len;
};

/* Say hello over fd, which is the client's from now on.  novm: no
 * process_vm_*.  0, or what FAST_REFUSED said, or -1. */
int fastclient_hello(struct fastclient *fc, int fd, bool novm);
void fastclient_close(struct fastclient *fc);
/* The connection of a child of this client's process; -1: not sent. */
int fastclient_fork(struct fastclient *fc);
bool fastclient_start(struct fastclient *fc, unsigned slot);

/* Make a call in slot; in ends with a NULL address, or is NULL.  The error;
 * retval may be NULL.  -1: the server is gone. */
int64_t fastclient_call(struct fastclient *fc, unsigned slot, int num,
    const int64_t *args, const struct fastin *in, int64_t *retval);
/* The two halves of it. */
void fastclient_request(struct fastclient *fc, unsigned slot, int num,
    const int64_t *args, const struct fastin *in);
int64_t fastclient_reply(struct fastclient *fc, unsigned slot, int64_t *retval);

/* Receive a message; *fd (may be NULL) what came with it, or -1. */
bool fastclient_receive(struct fastclient *fc, struct fast_message *m, int *fd);
bool fastclient_send(struct fastclient *fc, const struct fast_message *m,
    const void *payload, int fd);

#endif /* !TESTS_UNIT_SYSPROXY_FASTCLIENT_H */
