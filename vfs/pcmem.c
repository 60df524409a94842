/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/pcmem.h"

#include <stdatomic.h>

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/param.h"

#define LIMIT_DEFAULT (UINT64_C(1) << 30)

static _Atomic uint64_t used;
static _Atomic uint64_t limit = LIMIT_DEFAULT;

void
pcmem_init(void)
{
	pcmem_setlimit(
	    param_get("RUMP_MEMLIMIT", LIMIT_DEFAULT * 2, 0, UINT64_MAX) / 2);
}

int
pcmem_charge(uint64_t bytes)
{
	uint64_t most = pcmem_limit();
	uint64_t now = atomic_load_explicit(&used, memory_order_relaxed);

	do {
		if (now > most || bytes > most - now)
			return ENOSPC;
	} while (!atomic_compare_exchange_weak_explicit(&used, &now,
	    now + bytes, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

void
pcmem_uncharge(uint64_t bytes)
{
	uint64_t old =
	    atomic_fetch_sub_explicit(&used, bytes, memory_order_relaxed);

	KASSERT(old >= bytes);
}

uint64_t
pcmem_used(void)
{
	return atomic_load_explicit(&used, memory_order_relaxed);
}

uint64_t
pcmem_limit(void)
{
	return atomic_load_explicit(&limit, memory_order_relaxed);
}

uint64_t
pcmem_free(void)
{
	uint64_t most = pcmem_limit(), now = pcmem_used();

	return now < most ? most - now : 0;
}

void
pcmem_setlimit(uint64_t bytes)
{
	atomic_store_explicit(&limit, bytes, memory_order_relaxed);
}
