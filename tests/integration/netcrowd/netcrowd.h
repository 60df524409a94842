/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls on sockets.  Each prints itself, what it was given and what came
 * of it, so that two kernels can be compared line by line.
 */
#ifndef NETCROWD_H
#define NETCROWD_H

#include <sys/socket.h>

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
/* One of the values that follow. */
#define ONE_OF(...)                                                            \
	(((const int[]){                                                       \
	    __VA_ARGS__ })[below(NITEMS(((int[]){ __VA_ARGS__ })))])

/* A number below n, from the seed. */
unsigned below(unsigned n);
/* Prints the end of a call's line but for its newline; returns the result. */
long told(long result);

/* Descriptors: one of those at hand, which may be none; one more of them, for
 * which another may have to go; one that has been closed. */
int some(void);
void keep(int fd);
void forget(int fd);

/* An address, good or bad, and its length, told. */
socklen_t some_address(struct sockaddr_storage *ss);
/* What a call has filled of room bytes: ports by the order in which they came. */
void tell_address(const struct sockaddr_storage *ss, socklen_t len, int room);
int some_room(void);

typedef void call_fn(void);
extern call_fn *const connection_calls[],
    *const message_calls[], *const setting_calls[], *const wait_calls[],
							*const file_calls[];

#endif /* !NETCROWD_H */
