/* SPDX-License-Identifier: BSD-2-Clause */
#include "nfs/pace.h"

#include <stdatomic.h>

#include "kern/clock.h"
#include "kern/remote.h"

#define SILENCE 300 /* a server may need some minutes to come back */

static _Atomic int64_t second = INT64_C(1000000000);
static _Atomic int64_t heard_ns; /* of any server, since nobody is left */

int64_t
nfspace_second(void)
{
	return atomic_load_explicit(&second, memory_order_relaxed);
}

bool
nfspace_is_worth_waiting(int64_t deserted_ns, int64_t last_ns, int64_t now_ns)
{
	int64_t since = MAX(deserted_ns, last_ns);

	return deserted_ns == 0 || now_ns - since < SILENCE * nfspace_second();
}

bool
nfspace_is_patient(void)
{
	return nfspace_is_worth_waiting(
	    remote_deserted(), atomic_load(&heard_ns), uptime_ns());
}

void
nfspace_heard(void)
{
	if (PREDICT_FALSE(remote_deserted() != 0))
		atomic_store(&heard_ns, uptime_ns());
}

void
nfspace_set(int64_t ns)
{
	atomic_store(&second, ns);
}
