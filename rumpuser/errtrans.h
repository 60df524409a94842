/* SPDX-License-Identifier: BSD-2-Clause */
/* From the host's errno numbers to NetBSD's. */
#ifndef RUMPUSER_ERRTRANS_H
#define RUMPUSER_ERRTRANS_H

#include "rump/rumpuser.h"

/*
 * NetBSD errno for the result of a host call: 0 for one that is not negative,
 * else that of the -errno; EINVAL for a name that NetBSD does not have.
 */
static inline int
errtrans_result(long result)
{
	return result >= 0 ? 0 : rumpuser_component_errtrans((int)-result);
}

#endif /* !RUMPUSER_ERRTRANS_H */
