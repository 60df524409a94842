/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each look in vain doubles the number of waits that pass until the next one,
 * each that was not halves it: with a slow server one wait in 256 costs a look,
 * and with one that is quick most of the time the pause stays short.  Where others
 * wait for the processor it is theirs, and nothing is won by looking.
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
rpcspin_note(struct rpcspin *rs, enum rpcspin_end end)
{
	switch (end) {
	case RPCSPIN_CAME:
		rs->rs_penalty /= 2;
		return;
	case RPCSPIN_VAIN:
		rs->rs_penalty = MIN(2 * rs->rs_penalty + 1, RPCSPIN_REST);
		break;
	case RPCSPIN_SHARED:
		rs->rs_penalty = RPCSPIN_REST;
		break;
	}
	rs->rs_rest = rs->rs_penalty;
}
