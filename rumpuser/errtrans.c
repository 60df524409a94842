/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errno translation by name.  Linux has names that NetBSD lacks; they become
 * EINVAL, as does a number that is none.
 */
#include "rumpuser/errtrans.h"

#include <assert.h>
#include <errno.h>

#include "rump/rumpdefs.h"
#include "rump/rumperrno2host.h"

#define SAME(name) [name] = RUMP_##name,

static const unsigned char errtrans_table[] = { RUMP_ERRNO_SHARED(SAME) };

static_assert(sizeof(errtrans_table) <= 134, "errno numbers of Linux");
static_assert(RUMP_ELAST <= 255, "fits the element type");
static_assert(
    EAGAIN == 11 && RUMP_EAGAIN == 35 && EDEADLK == 35 && RUMP_EDEADLK == 11,
    "below ERANGE the two that differ");
static_assert(
    EOPNOTSUPP == ENOTSUP && EWOULDBLOCK == EAGAIN, "one number, one entry");

int
rumpuser_component_errtrans(int hosterr)
{
	if (hosterr == 0)
		return 0;
	if (hosterr < 0 || hosterr >= (int)sizeof(errtrans_table) ||
	    errtrans_table[hosterr] == 0)
		return RUMP_EINVAL;
	return errtrans_table[hosterr];
}
