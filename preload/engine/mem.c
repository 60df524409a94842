/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy and its kin, hidden in the library, so that a structure assignment
 * never reaches libc's versions, which use vector registers that a patched
 * site has not saved.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Keeps the compiler from seeing memmove in memmove. */
#define NOT_A_PATTERN __asm__ volatile("")

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *d = to;

	__asm__ volatile("rep movsb"
			 : "+D"(d), "+S"(from), "+c"(n)
			 :
			 : "memory");
	return to;
}

void *
memset(void *to, int c, size_t n)
{
	void *d = to;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return to;
}

void *
memmove(void *to, const void *from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(to, from, n);
	while (n-- > 0) {
		d[n] = s[n];
		NOT_A_PATTERN;
	}
	return to;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	for (; n > 0; n--, p++, q++) {
		if (*p != *q)
			return *p < *q ? -1 : 1;
	}
	return 0;
}

size_t
strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0') {
		n++;
		NOT_A_PATTERN;
	}
	return n;
}
