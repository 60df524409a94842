/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of the program's whose descriptor stands elsewhere in the host,
 * because a descriptor of ours is there and cannot move: somebody waits for it,
 * an epoll set knows it by its number, the kernel holds it.
 *
 * Calls with descriptors among their arguments are told where these stand
 * before anything else sees them (fdalias_translate()); numbers in memory are
 * the routes' business.  The place itself, the number where such a descriptor
 * stands, is not the program's.
 */
#ifndef PRELOAD_FDALIAS_H
#define PRELOAD_FDALIAS_H

#include <stdbool.h>
#include <stddef.h>

struct call;

/* Where the program's number stands; -1: there, where the number says. */
long fdalias_place(long number);
/* Is something of another number there? */
bool fdalias_is_place(long fd);
/* The host's number for the program's: its place, itself, or -1: not for the
 * program. */
long fdalias_resolve(long number);

/* number stands at place from now on, a number that nobody has; no more; false
 * when memory is out. */
bool fdalias_enter(long number, long place);
void fdalias_forget(long number);

/* Have the arguments of a call say where its descriptors stand. */
void fdalias_translate(struct call *c);

/* The lowest number >= number that stands elsewhere, or -1. */
long fdalias_next(long number);

/* Hands them from one image of a process to the next. */
#define FDALIAS_VARIABLE "RUMPKIT_NUMBERS"
size_t fdalias_exec_env(char *buf, size_t size);
void fdalias_take(const char *value);

#endif /* !PRELOAD_FDALIAS_H */
