/* SPDX-License-Identifier: BSD-2-Clause */
/* What --summary prints when the program ends. */
#ifndef PRELOAD_SUMMARY_H
#define PRELOAD_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/*
 * The page in which the processes of a tree count: a memory file of this size,
 * sealed, that rumpkit(1) has made, and whose path is in the environment.
 */
#define SUMMARY_VARIABLE "RUMPKIT_SUMMARY_PAGE"
#define SUMMARY_SIZE 4096
#define SUMMARY_MARK 0x73756d6d61727931
#define SUMMARY_SEALS (0x2 | 0x4) /* neither shrinks nor grows */
#define SUMMARY_CLASSES 6

struct summary_page {
	uint64_t sp_mark;
	_Atomic(uint64_t) sp_programs;
	_Atomic(uint64_t) sp_routed[SUMMARY_CLASSES];
	_Atomic(uint64_t) sp_passed, sp_refused, sp_failed;
	_Atomic(uint64_t) sp_bytes_in, sp_bytes_out, sp_time_ns;
};

/* path is the page's, or NULL. */
void summary_init(const char *path);

/*
 * A call that was routed has ended, in the rump kernel (rump) or on the host,
 * to which it was left.
 */
void summary_count(
    const struct call *c, bool rump, bool refused, long result, uint64_t ns);
/* Monotonic time; 0 when no summary is wanted. */
uint64_t summary_clock(void);
/* Lines with the totals, the kernel's statistics and its sockets; of a tree by
 * the process that rumpkit became, by others nothing. */
void summary_print(void);

#endif /* !PRELOAD_SUMMARY_H */
