/* SPDX-License-Identifier: BSD-2-Clause */
#include "nfs/pace.h"

#include <stdatomic.h>

static _Atomic int64_t second = INT64_C(1000000000);

int64_t
nfspace_second(void)
{
	return atomic_load_explicit(&second, memory_order_relaxed);
}

void
nfspace_set(int64_t ns)
{
	atomic_store(&second, ns);
}
