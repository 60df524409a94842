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
/* What MAP_SHARED_VALIDATE accepts: flags that say how, not what. */
#define VALID_FLAGS                                                            \
	(KIND_MASK | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS |         \
	    MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |      \
	    MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |          \
	    MAP_32BIT)

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
	case MAP_SHARED_VALIDATE:
		if ((flags & ~VALID_FLAGS) != 0)
			return EOPNOTSUPP;
		/* FALLTHROUGH */
	case MAP_SHARED:
		*out = RUMP_MAP_SHARED;
		return 0;
	case MAP_PRIVATE:
		*out = RUMP_MAP_PRIVATE;
		return 0;
	default:
		return EINVAL;
	}
}
