/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers whose buffers are partly not the program's to touch.  The kernel
 * ends such a call with EFAULT and moves no position; the host moves what it
 * can, which is what is done here, after the fact.
 */
#ifndef PRELOAD_PARTIAL_H
#define PRELOAD_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/fdmap.h"

struct call;

/* How much the host moves at most in one call. */
#define PARTIAL_MOST 0x7ffff000UL

/* A transfer by the kernel's call num, one of read, write, pread and pwrite;
 * at is ignored by the former two. */
struct partial {
	struct rfile *pa_file;
	int pa_num;
	int64_t pa_at;
};

/* Can [addr, addr + len) be part of a program at all? */
bool partial_possible(uint64_t addr, uint64_t len);
/* What can be moved of [addr, addr + len) after all, or -EFAULT. */
long partial_buffer(
    struct call *c, const struct partial *pa, uint64_t addr, uint64_t len);
/* The same for n vectors of the program's. */
long partial_vector(
    struct call *c, const struct partial *pa, uint64_t vectors, unsigned n);

#endif /* !PRELOAD_PARTIAL_H */
