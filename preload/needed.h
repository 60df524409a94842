/* SPDX-License-Identifier: BSD-2-Clause */
/* The libraries of a program that is about to be executed. */
#ifndef PRELOAD_NEEDED_H
#define PRELOAD_NEEDED_H

#include <stdbool.h>

struct call;
struct execenv;
struct libsearch_reader;

struct needed_program {
	/* The host's file: the program, or a copy of it. */
	const struct libsearch_reader *np_reader;
	const char *np_path; /* of one of the kernel's, absolute; else NULL */
	const struct execenv *np_env;
	const char *np_library_path; /* instead of LD_LIBRARY_PATH, or NULL */
	bool
	    np_inherits; /* this descriptor is how the dynamic linker gets the program */
};

/*
 * Look for the program's libraries.  0 and *table, a descriptor for
 * LOAD_VARIABLE that is close-on-exec; -1 where the dynamic linker needs no
 * help.  Else an error of rump_call().  c: the call of exec.
 */
int needed_find(struct call *c, const struct needed_program *np, long *table);

/* Do LD_LIBRARY_PATH or LD_PRELOAD name more than our library?  Then any
 * program may need some of the kernel's. */
bool needed_by_lists(const struct execenv *ee);

#endif /* !PRELOAD_NEEDED_H */
