/* SPDX-License-Identifier: BSD-2-Clause */
/* In a static program there is nothing that dl_bootstrap could find. */
#include <stdlib.h>

#include "rump/rumpuser.h"

static void
modinit(const struct modinfo *const *mi, size_t n)
{
	abort();
}

static int
symload(void *sym, uint64_t symbytes, char *str, uint64_t strbytes)
{
	abort();
}

static void
compload(const struct rump_component *rc)
{
	abort();
}

int
main(void)
{
	rumpuser_dl_bootstrap(modinit, symload, compload);
	return 0;
}
