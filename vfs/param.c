/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/param.h"

#include "rump/rumpuser.h"

/* The power of 1024 that a suffix stands for, or -1. */
static int
suffix_shift(const char *suffix)
{
	static const char letters[] = "kmgt";

	if (suffix[0] == '\0')
		return 0;
	for (int i = 0; letters[i] != '\0'; i++) {
		if ((suffix[0] | 0x20) == letters[i] && suffix[1] == '\0')
			return 10 * (i + 1);
	}
	return -1;
}

bool
param_parse(const char *text, uint64_t *value)
{
	uint64_t n = 0;
	const char *p = text;
	int shift;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return false;
	}
	shift = suffix_shift(p);
	if (p == text || shift < 0 || n > UINT64_MAX >> shift)
		return false;
	*value = n << shift;
	return true;
}

uint64_t
param_get(const char *name, uint64_t fallback, uint64_t lo, uint64_t hi)
{
	char buf[64];
	uint64_t n;

	if (rumpuser_getparam(name, buf, sizeof(buf)) != 0 ||
	    !param_parse(buf, &n))
		return fallback;
	return MIN(MAX(n, lo), hi);
}
