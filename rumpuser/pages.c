/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mapping with more than page alignment is made too long, and what sticks
 * out at both ends is given back.
 *
 * Memory that one thread unmaps another may get at the same address.  The host
 * orders the two, but neither the language nor a race detector knows that;
 * hence the count.
 */
#include "rumpuser/pages.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/errtrans.h"

#define PAGE_BYTES 4096UL

static _Atomic unsigned long unmappings;

static size_t
page_round(size_t len)
{
	return (len + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

void
pages_unmap(void *mem, size_t len)
{
	atomic_fetch_add_explicit(&unmappings, 1, memory_order_release);
	rumpuser_host_syscall(SYS_munmap, mem, page_round(len), 0, 0, 0, 0);
}

/* Keep [mem, mem + len) of the mapping of total bytes at base. */
static void
trim(char *base, size_t total, char *mem, size_t len)
{
	size_t after, before;

	before = (size_t)(mem - base);
	after = total - before - len;
	if (before != 0)
		pages_unmap(base, before);
	if (after != 0)
		pages_unmap(mem + len, after);
}

int
pages_map(void *hint, size_t len, size_t align, int exec, void **mem)
{
	size_t total;
	char *base, *start;
	long result;
	int prot;

	if (len > SIZE_MAX / 4 || align > SIZE_MAX / 4)
		return RUMP_ENOMEM;
	len = page_round(len);
	total = align > PAGE_BYTES ? len + align - PAGE_BYTES : len;
	prot = PROT_READ | PROT_WRITE | (exec != 0 ? PROT_EXEC : 0);
	result = rumpuser_host_syscall(
	    SYS_mmap, hint, total, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (result < 0)
		return errtrans_result(result);
	(void)atomic_load_explicit(&unmappings, memory_order_acquire);
	base = start = (char *)result;
	if (align > PAGE_BYTES)
		start += -(uintptr_t)base & (align - 1);
	trim(base, total, start, len);
	*mem = start;
	return 0;
}

int
rumpuser_anonmmap(
    void *prefaddr, size_t len, int alignbit, int exec, void **mem)
{
	if (alignbit < 0 || alignbit >= 48)
		return RUMP_EINVAL;
	return pages_map(prefaddr, len, (size_t)1 << alignbit, exec, mem);
}

void
rumpuser_unmap(void *mem, size_t len)
{
	pages_unmap(mem, len);
}
