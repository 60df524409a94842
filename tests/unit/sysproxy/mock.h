/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that does what a test says, frame by frame, and calls of the client
 * in threads of their own.
 */
#ifndef TESTS_UNIT_SYSPROXY_MOCK_H
#define TESTS_UNIT_SYSPROXY_MOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysproxy/wire.h"

#define MOCK_BANNER "RUMPSP-0.4-NetBSD-7.99.34/amd64\n"
#define MOCK_BANNER_OURS "RUMPSP-0.4-NetBSD-7.99.34/amd64 rumpkit-1\n"

struct mock {
	char m_dir[64];
	char m_url[128];
	int m_listening;
	int m_fd; /* the connection that mock_accept() made last */
	const char *m_banner;
	uint64_t m_reqno;
};

/* Listen, and put the URL into RUMP_SERVER. */
void mock_open(struct mock *m, bool tcp);
/* End it, and have the client forget that it was one. */
void mock_close(struct mock *m);

/* Take a connection and send the banner. */
void mock_accept(struct mock *m);
/* The same, and a handshake: it has that kind, and is answered. */
void mock_welcome(struct mock *m, enum wire_kind kind);
void mock_hang_up(struct mock *m);

struct frame {
	struct wire_hdr f_hdr;
	size_t f_len;
	unsigned char *f_data; /* to be freed by mock_free() */
};
/* false: the client has hung up. */
bool mock_read(struct mock *m, struct frame *f);
void mock_free(struct frame *f);
/* Read a frame that must be of this class and type. */
struct frame mock_expect(
    struct mock *m, enum wire_class class, enum wire_type type);
/* Read the request for system call num; returns its number. */
uint64_t mock_expect_call(struct mock *m, int num);

void mock_send(struct mock *m, const void *data, size_t len);
void mock_send_frame(struct mock *m, const struct wire_frame *f,
    size_t framelen, const void *data, size_t len);
void mock_return(struct mock *m, uint64_t reqno, int error, int64_t retval);
/* Ask for memory of the client and read the answer. */
struct frame mock_copyin(struct mock *m, const void *addr, size_t len);
struct frame mock_copyinstr(struct mock *m, const void *addr, size_t max);
void mock_copyout(
    struct mock *m, const void *addr, const void *data, size_t len);

/* A call by a thread of its own. */
struct caller {
	pthread_t c_thread;
	int c_num;
	int64_t c_args[8];
	size_t c_nargs;
	int c_error;
	int64_t c_retval[2];
};
void caller_start(struct caller *c, int num);
/* Wait for its end; returns the error. */
int caller_join(struct caller *c);

/* rumpclient_init() by another thread. */
void init_start(pthread_t *thread);
/* Its errno. */
int init_join(pthread_t thread);
/* A client that has greeted. */
void mock_open_with_client(struct mock *m, bool tcp, const char *banner);

#endif /* !TESTS_UNIT_SYSPROXY_MOCK_H */
