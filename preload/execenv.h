/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment that a program is about to be given. */
#ifndef PRELOAD_EXECENV_H
#define PRELOAD_EXECENV_H

#include <stddef.h>

/* What the dynamic linker will find: NAME=value in the program's memory, NULL:
 * nothing. */
struct execenv {
	const char *const *ee_envp;
	size_t ee_count;
	const char *ee_library_path;
	const char *ee_preload;
	const char *ee_audit;
};

/* 0, EFAULT or E2BIG. */
int execenv_read(struct execenv *ee, long envp);

/* Copy a value without the name, "" for NULL.  0, EFAULT or ENAMETOOLONG. */
int execenv_value(const char *entry, char *buf, size_t size);

/*
 * A vector of ee_count + 3 pointers: the program's environment with two more
 * strings in it, of which audit takes the place of ee_audit.  0 or EFAULT.
 */
int execenv_extend(
    const struct execenv *ee, char **to, char *audit, char *table);

#endif /* !PRELOAD_EXECENV_H */
