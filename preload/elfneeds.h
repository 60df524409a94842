/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ELF file says about the libraries that it needs.  Pure: the file is
 * whatever the caller's function reads, and all of it is hostile.
 */
#ifndef PRELOAD_ELFNEEDS_H
#define PRELOAD_ELFNEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELFNEEDS_MAX 256 /* libraries; more are not looked at */
#define ELFNEEDS_NONE UINT64_MAX

/* Up to len bytes from off on: their number, or negative. */
typedef long (*elfneeds_read)(
    const void *cookie, void *buf, size_t len, uint64_t off);

struct elfneeds {
	elfneeds_read en_read;
	const void *en_cookie;
	uint64_t en_interp, en_interp_size; /* PT_INTERP, size 0: none */
	/* The strings of the dynamic section, as places in the file. */
	uint64_t en_strings, en_strings_size;
	/* Strings: distances from there, or ELFNEEDS_NONE. */
	uint64_t en_soname, en_rpath, en_runpath;
	uint64_t en_needed[ELFNEEDS_MAX];
	unsigned en_count;
	bool en_nodeflib; /* not in the usual directories */
};

/*
 * Read the headers.  0, or ENOEXEC: not a 64-bit x86 program or library.  One
 * without a dynamic section needs nothing.
 */
int elfneeds_begin(struct elfneeds *en, elfneeds_read read, const void *cookie);

/* Copy a string: its length, or -1 when there is none or it has no room. */
long elfneeds_string(
    const struct elfneeds *en, uint64_t at, char *buf, size_t size);
/* The same with the path of the interpreter. */
long elfneeds_interpreter(const struct elfneeds *en, char *buf, size_t size);

#endif /* !PRELOAD_ELFNEEDS_H */
