/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's memory, which may be bad, and its vector registers. */
#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/engine/engine.h"
#include "preload/engine/entry.h"

#define PAGE 4096UL

long
engine_copy(void *to, const void *from, size_t len)
{
	return engine_copy_bytes(to, from, len) == 0 ? 0 : -EFAULT;
}

/* Page by page: a string may end just before a hole. */
long
engine_copy_string(char *to, const void *from, size_t size)
{
	const char *src = from;
	size_t done = 0, n, i;

	while (done < size) {
		n = PAGE - ((uintptr_t)(src + done) & (PAGE - 1));
		if (n > size - done)
			n = size - done;
		if (engine_copy(to + done, src + done, n) != 0)
			return -EFAULT;
		for (i = done; i < done + n; i++) {
			if (to[i] == '\0')
				return (long)i;
		}
		done += n;
	}
	return -ENAMETOOLONG;
}

/* Bytes of the state that xsave writes; 0: the processor or the host has only
 * fxsave. */
static size_t
vector_state_size(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0 ||
	    !__get_cpuid_count(13, 0, &a, &b, &c, &d))
		return 0;
	return b;
}

long
engine_call_saved(long (*fn)(void *), void *arg)
{
	static size_t size; /* cpuid is slow in a virtual machine */
	static bool known;

	if (!known) {
		size = vector_state_size();
		known = true;
	}
	return engine_call_saved_size(fn, arg, size);
}
