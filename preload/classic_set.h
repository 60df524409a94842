/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The members of epoll sets that are descriptors of a classic server.
 *
 * The host's set holds the host's descriptors; beside it stands a struct epset
 * with the server's, which a wait asks for by one poll(2) together with the
 * host's set (remote_classic_epoll.c).
 *
 * Levels are what poll says.  An edge has to be guessed: a condition that was
 * told is not asked for again before the program has done something that could
 * have consumed it (epsets_note()), so that an edge-triggered member may be told
 * more often than by Linux, and never less often to a program that reads or
 * writes until EAGAIN.
 *
 * A member is a pair of a number and an open file description, and goes with the
 * latter.  Sets are known by the entry of their number in the map of descriptors
 * (RF_EPOLL), so that duplicates are the same set and a forked child has a copy;
 * what the child changes is not seen by its parent.
 */
#ifndef PRELOAD_CLASSIC_SET_H
#define PRELOAD_CLASSIC_SET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoll_event;
struct epset;
struct epset_member;
struct rfile;

/* Empty; NULL when memory is out. */
struct epset *epset_create(void);
void epset_destroy(struct epset *es);

/* What epoll_ctl(2) does with number, which is rf.  0 or a Linux errno. */
int epset_ctl(struct epset *es, long op, struct rfile *rf, int number,
    const struct epoll_event *event);

/* rf is closed. */
void epsets_forget(const struct rfile *rf);
/* In a forked child, before numbers are looked at. */
void epsets_forked(void);

/*
 * The program has made a call about descriptor rumpfd of the server: conditions
 * (POLLIN, ...) may have ended, and are told when they are there again.
 */
void epsets_note(int rumpfd, uint32_t conditions);

/* --- a wait ------------------------------------------------------------- */

/* Somebody who waits: woken, by an eventfd, when what is to be asked for has
 * changed. */
struct epset_waiter;
struct epset_waiter *epset_enter(struct epset *es);
void epset_leave(struct epset *es, struct epset_waiter *w);
/* The descriptor to wait for; wakes that have come are forgotten.  -1: there was
 * no number for one, so that the caller has to look now and then. */
int epset_waker(struct epset_waiter *w);

/* One that was asked for; gone where the number is not the member's any more. */
struct epset_asked {
	struct epset_member *ea_member;
	uint64_t ea_number;
};

size_t epset_size(struct epset *es);
/* Up to n that are to be asked for, as classic_poll() has it; how many. */
unsigned epset_ask(struct epset *es, struct pollfd *fds,
    struct epset_asked *asked, unsigned n);
/* The server says revents: is there an event for the caller?  At most one is
 * told what is told once. */
bool epset_claim(const struct epset *es, const struct epset_asked *asked,
    short revents, struct epoll_event *event);
/* Counts the waits, so that they take turns. */
unsigned epset_turn(struct epset *es);

#endif /* !PRELOAD_CLASSIC_SET_H */
