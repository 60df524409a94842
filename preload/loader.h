/* SPDX-License-Identifier: BSD-2-Clause */
/* The dynamic linker as a program: ld.so [option ...] program [argument ...] */
#ifndef PRELOAD_LOADER_H
#define PRELOAD_LOADER_H

#include <stdbool.h>

/* Indices of arguments, or -1. */
struct loader_arguments {
	long la_program;
	long la_library_path;
};

/* Is that its name?  (NULL: no.) */
bool loader_is_named(const char *path);

/* Read n arguments of the program's memory.  0 or EFAULT. */
int loader_parse(const char *const *argv, long n, struct loader_arguments *la);

#endif /* !PRELOAD_LOADER_H */
