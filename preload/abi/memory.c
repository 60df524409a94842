/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a mapping goes is the host's business: only its kind is passed on. */
#include "preload/abi/memory.h"

#include <errno.h>
#include <sys/mman.h>

#include "rump/rumpdefs.h"

_Static_assert(PROT_READ == RUMP_PROT_READ, "passed unchanged");
_Static_assert(PROT_WRITE == RUMP_PROT_WRITE, "passed unchanged");
_Static_assert(PROT_EXEC == RUMP_PROT_EXEC, "passed unchanged");

#define KIND_MASK 0xf

int
abi_prot_to_netbsd(int prot, int *out)
{
	if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) != 0)
		return EINVAL;
	*out = prot;
	return 0;
}

int
abi_mapflags_to_netbsd(int flags, int *out)
{
	switch (flags & KIND_MASK) {
	case MAP_SHARED:
	case MAP_SHARED_VALIDATE:
		*out = RUMP_MAP_SHARED;
		return 0;
	case MAP_PRIVATE:
		*out = RUMP_MAP_PRIVATE;
		return 0;
	default:
		return EINVAL;
	}
}
