/* SPDX-License-Identifier: BSD-2-Clause */
#include "rumpuser/vector.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * State components x87, SSE, AVX, opmask, ZMM_Hi256 and Hi16_ZMM.  AMX tiles
 * are large, and no function of libc's uses them.
 */
#define COMPONENTS 0xe7U

/* The processor's answer, once known: cpuid is slow in a virtual machine. */
#define KNOWN 0x100U
static _Atomic uint32_t usable; /* KNOWN | components to save */

#define XSAVE_HEADER 512
#define XSAVE_HEADER_END 576

static bool
have_xsave(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (c & (1U << 27)) != 0; /* OSXSAVE */
}

static uint32_t
enabled_components(void)
{
	uint32_t high, low;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static uint32_t
components(void)
{
	uint32_t mask;

	mask = atomic_load_explicit(&usable, memory_order_relaxed);
	if (mask == 0) {
		mask = KNOWN;
		if (have_xsave())
			mask |= enabled_components() & COMPONENTS;
		atomic_store_explicit(&usable, mask, memory_order_relaxed);
	}
	return mask & ~KNOWN;
}

void
vector_save(struct vector_state *vs)
{
	uint32_t mask;
	unsigned i;

	mask = components();
	if (mask == 0) {
		__asm__ volatile("fxsave64 %0" : "=m"(*vs));
		return;
	}
	for (i = XSAVE_HEADER; i < XSAVE_HEADER_END; i++)
		vs->vs_area[i] = 0;
	__asm__ volatile("xsave64 %0" : "+m"(*vs) : "a"(mask), "d"(0));
}

void
vector_restore(const struct vector_state *vs)
{
	uint32_t mask;

	mask = components();
	if (mask == 0)
		__asm__ volatile("fxrstor64 %0" : : "m"(*vs));
	else
		__asm__ volatile("xrstor64 %0" : : "m"(*vs), "a"(mask), "d"(0));
}
