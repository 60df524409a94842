/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/pcmem.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/param.h"
#include "vfs/user.h"

/* When the host does not say how much memory it has. */
#define LIMIT_UNKNOWN (UINT64_C(1) << 30)

static struct pcmem_account all;

void
pcmem_init(void)
{
	uint64_t memory = rumpcomp_vfs_memory();

	if (memory == 0)
		memory = LIMIT_UNKNOWN * 2;
	pcmem_account_init(
	    &all, param_get("RUMP_MEMLIMIT", memory, 0, UINT64_MAX) / 2);
}

void
pcmem_account_init(struct pcmem_account *pa, uint64_t limit)
{
	atomic_init(&pa->pa_used, 0);
	atomic_init(&pa->pa_limit, limit);
}

static uint64_t
used_of(struct pcmem_account *pa)
{
	return atomic_load_explicit(&pa->pa_used, memory_order_relaxed);
}

static uint64_t
limit_of(struct pcmem_account *pa)
{
	return atomic_load_explicit(&pa->pa_limit, memory_order_relaxed);
}

static int
take(struct pcmem_account *pa, uint64_t bytes)
{
	uint64_t most = limit_of(pa), now = used_of(pa);

	do {
		if (now > most || bytes > most - now)
			return ENOSPC;
	} while (!atomic_compare_exchange_weak_explicit(&pa->pa_used, &now,
	    now + bytes, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

static void
give(struct pcmem_account *pa, uint64_t bytes)
{
	uint64_t old = atomic_fetch_sub_explicit(
	    &pa->pa_used, bytes, memory_order_relaxed);

	KASSERT(old >= bytes);
}

int
pcmem_charge(struct pcmem_account *pa, uint64_t bytes)
{
	int error;

	error = take(pa, bytes);
	if (error != 0)
		return error;
	error = take(&all, bytes);
	if (error != 0)
		give(pa, bytes);
	return error;
}

void
pcmem_uncharge(struct pcmem_account *pa, uint64_t bytes)
{
	give(pa, bytes);
	give(&all, bytes);
}

static uint64_t
left(struct pcmem_account *pa)
{
	uint64_t most = limit_of(pa), now = used_of(pa);

	return now < most ? most - now : 0;
}

uint64_t
pcmem_free(struct pcmem_account *pa)
{
	return MIN(left(pa), left(&all));
}

uint64_t
pcmem_used(void)
{
	return used_of(&all);
}

uint64_t
pcmem_limit(void)
{
	return limit_of(&all);
}

void
pcmem_setlimit(uint64_t bytes)
{
	atomic_store_explicit(&all.pa_limit, bytes, memory_order_relaxed);
}
