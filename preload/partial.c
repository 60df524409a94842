/* SPDX-License-Identifier: BSD-2-Clause */
/* See partial.h.  Nothing here is hurried: a program that gets here is wrong,
 * or probes its memory. */
#include "preload/partial.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/call.h"
#include "preload/descriptor.h"
#include "preload/memory.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"

#define PAGE 4096UL
#define VECTORS_MAX 1024U

bool
partial_possible(uint64_t addr, uint64_t len)
{
	uint64_t end;

	return !__builtin_add_overflow(addr, len, &end) && end <= INT64_MAX;
}

/* May the page of addr be written to?  The host adds 0 to a word of it, which
 * is the only store that another thread's cannot be lost by. */
static bool
is_writable(uint64_t addr)
{
	uint32_t nobody = 0;

	return HOST(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0,
		   addr & ~3UL,
		   FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) >= 0;
}

static bool
is_present(uint64_t addr, bool write)
{
	char byte;

	if (!write)
		return usercopy_in(&byte, (const void *)addr, 1) == 0;
	return is_writable(addr) ||
	       (memory_present(addr, 1, true) && is_writable(addr));
}

/* How many bytes from addr on are there, of len. */
static uint64_t
present_bytes(uint64_t addr, uint64_t len, bool write)
{
	uint64_t done = 0;

	while (done < len && is_present(addr + done, write))
		done += PAGE - (addr + done) % PAGE;
	return done < len ? done : len;
}

static bool
is_read(const struct partial *pa)
{
	return pa->pa_num == RUMP_SYS_read || pa->pa_num == RUMP_SYS_pread;
}

long
partial_buffer(
    struct call *c, const struct partial *pa, uint64_t addr, uint64_t len)
{
	uint64_t there = 0;

	if (partial_possible(addr, len))
		there = present_bytes(addr, len, is_read(pa));
	/* It may have come since. */
	if (there == 0)
		return -EFAULT;
	return fd_call(c, pa->pa_file, pa->pa_num, (int64_t)addr,
	    (int64_t)there, 0, pa->pa_at);
}

long
partial_vector(
    struct call *c, const struct partial *pa, uint64_t vectors, unsigned n)
{
	struct partial next = *pa;
	struct iovec iov;
	long moved, done = 0;

	for (unsigned i = 0; i < n && i < VECTORS_MAX; i++) {
		if (usercopy_in(
			&iov, (struct iovec *)vectors + i, sizeof(iov)) != 0)
			return -EFAULT;
		if (iov.iov_len == 0)
			continue;
		moved = partial_buffer(
		    c, &next, (uint64_t)iov.iov_base, iov.iov_len);
		if (moved < 0)
			return done != 0 ? done : moved;
		done += moved;
		next.pa_at += moved;
		if ((size_t)moved < iov.iov_len)
			break;
	}
	return done;
}
