/* SPDX-License-Identifier: BSD-2-Clause */
/* A search for libraries, see needed.c. */
#ifndef PRELOAD_LIBSEARCH_H
#define PRELOAD_LIBSEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/elfneeds.h"
#include "preload/loadtable.h"
#include "preload/pool.h"

struct call;
struct place;

#define LIBSEARCH_OBJECTS 256
#define LIBSEARCH_NAMES 768
#define LIBSEARCH_TEXT (512UL * 1024)
#define LIBSEARCH_HEAD 1024 /* the headers of nearly all files */

/* A file of the host, with its first bytes at hand. */
struct libsearch_reader {
	long r_fd;
	long r_have;
	char r_head[LIBSEARCH_HEAD];
};

struct libobject {
	const char *o_path;   /* as the program will know it */
	const char *o_origin; /* its directory, absolute; NULL: not known */
	const char *o_rpath, *o_runpath; /* NULL: none */
	const char *o_needed; /* strings, and an empty one behind them */
	struct libobject *o_loader;
	uint64_t o_device, o_inode; /* of a file of the kernel's */
	long o_copy;                /* ... and its copy; else -1 */
	bool o_nodeflib;
};

struct libname {
	const char *n_name;
	struct libobject *n_object; /* NULL: not found */
};

struct libsearch {
	struct call *s_call;
	struct place *s_place;
	const char *s_library_path; /* "" for none */
	const char *s_preload;
	const char *s_lib; /* what $LIB is */
	const void *s_cache;
	size_t s_cache_size;
	bool s_touches; /* the kernel was asked for a library */
	int s_error;
	unsigned s_nobjects, s_nnames;
	struct libobject s_objects[LIBSEARCH_OBJECTS];
	struct libname s_names[LIBSEARCH_NAMES];
	struct libsearch_reader s_reader;
	struct elfneeds s_elf;
	struct loadtable s_table;
	char s_dir[PATHBUF_SIZE], s_path[2 * PATHBUF_SIZE];
	char s_string[PATHBUF_SIZE];
	size_t s_used;
	char s_text[LIBSEARCH_TEXT];
};

/* What stands for $LIB. */
const char *libsearch_lib(void);

/* elfneeds_read of a struct libsearch_reader. */
void libsearch_reader_init(struct libsearch_reader *r, long fd);
long libsearch_read(const void *cookie, void *buf, size_t len, uint64_t off);

/* A copy of n bytes that lives as long as s, or NULL: too much. */
char *libsearch_keep(struct libsearch *s, const char *string, size_t n);

/* The file that s_elf has been read from, loaded by loader (NULL: the program)
 * as path, which is absolute too, or NULL.  NULL: there are too many. */
struct libobject *libsearch_add(struct libsearch *s, const char *path,
    const char *absolute, struct libobject *loader);

/* Everything that the program, s_objects[0], needs.  Errors: s_error. */
void libsearch_run(struct libsearch *s);

#endif /* !PRELOAD_LIBSEARCH_H */
