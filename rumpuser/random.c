/* SPDX-License-Identifier: BSD-2-Clause */
#include "rump/rumpuser.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/errtrans.h"

/* What the host gives in one piece, whatever signals arrive. */
#define RANDOM_PIECE 256

int
rumpuser_getrandom(void *buf, size_t len, int flags, size_t *got)
{
	long result;
	unsigned hostflags;

	hostflags = (flags & RUMPUSER_RANDOM_NOWAIT) != 0 ? GRND_NONBLOCK : 0;
	if (len > RANDOM_PIECE)
		len = RANDOM_PIECE;
	do
		result = rumpuser_host_syscall(
		    SYS_getrandom, buf, len, hostflags, 0, 0, 0);
	while (result == -EINTR);
	if (result < 0)
		return errtrans_result(result);
	*got = (size_t)result;
	return 0;
}
