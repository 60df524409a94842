/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What compilers call for structure copies and initialisers.  Local to the
 * library, because libc's versions use vector registers, which a routed call
 * does not save.
 */
#include <stddef.h>
#include <string.h>

void *
memcpy(void *restrict to, const void *restrict from, size_t len)
{
	void *d = to;

	__asm__ volatile("rep movsb"
			 : "+D"(d), "+S"(from), "+c"(len)
			 :
			 : "memory");
	return to;
}

void *
memset(void *to, int c, size_t len)
{
	void *d = to;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(len) : "a"(c) : "memory");
	return to;
}
