/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each look in vain doubles the number of waits that pass until the next one,
 * each that was not halves it: with a slow server one wait in 256 costs a look,
 * and with one that is quick most of the time the pause stays short.
 */
#include "nfs/rpcspin.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

bool
rpcspin_due(struct rpcspin *rs)
{
	if (rs->rs_rest == 0)
		return true;
	rs->rs_rest--;
	return false;
}

void
rpcspin_note(struct rpcspin *rs, bool came)
{
	if (came) {
		rs->rs_penalty /= 2;
		return;
	}
	rs->rs_penalty = MIN(2 * rs->rs_penalty + 1, RPCSPIN_REST);
	rs->rs_rest = rs->rs_penalty;
}
