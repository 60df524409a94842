/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Random calls of several users on one directory.  What is printed depends on
 * the seed and on the file system alone, so that two of them are compared by
 * comparing what they print.
 */

/* Below n, from a sequence that is the same everywhere. */
unsigned below(unsigned n);
#define ONE_OF(table) ((table)[below(sizeof(table) / sizeof((table)[0]))])

/* Prints an error of the program itself and ends it. */
void must(bool condition, const char *what);

/* Prints the call and its result or errno; the format is the call's. */
long told(long result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes an identity at random and returns its name; root_again() undoes it. */
const char *become_somebody(void);
void root_again(void);

/* One call; returns when it has printed it. */
void call_something(int top);

/* Only what NFS version 3 knows is done and compared. */
extern bool only_nfs;

/*
 * Prints what differs in the tree under top since the last survey, and which
 * times of which nodes are not before the last call to survey_begin().
 */
void survey_begin(void);
void survey_end(int top);

#endif
