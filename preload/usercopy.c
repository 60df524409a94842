/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's copy routines, which survive a fault, tried once more after
 * memory.c has filled what it can. */
#include "preload/usercopy.h"

#include <errno.h>

#include "preload/engine/engine.h"
#include "preload/memory.h"

int
usercopy_in(void *dst, const void *uaddr, size_t len)
{
	long r = engine_copy(dst, uaddr, len);

	if (r != 0 && memory_present((uintptr_t)uaddr, len, false))
		r = engine_copy(dst, uaddr, len);
	return (int)-r;
}

int
usercopy_out(const void *src, void *uaddr, size_t len)
{
	long r = engine_copy(uaddr, src, len);

	if (r != 0 && memory_present((uintptr_t)uaddr, len, true))
		r = engine_copy(uaddr, src, len);
	return (int)-r;
}

int
usercopy_string(char *dst, const void *uaddr, size_t size, size_t *len)
{
	long r = engine_copy_string(dst, uaddr, size);

	if (r == -EFAULT && memory_present((uintptr_t)uaddr, size, false))
		r = engine_copy_string(dst, uaddr, size);
	if (r < 0)
		return (int)-r;
	if (len != NULL)
		*len = (size_t)r;
	return 0;
}
