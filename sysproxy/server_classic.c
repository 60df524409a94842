/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/server_classic.h"

#include "rump/rumpdefs.h"

int
classic_copyin(struct worker *w, uint64_t from, void *to, size_t len)
{
	return RUMP_EFAULT;
}

int
classic_copyinstr(struct worker *w, uint64_t from, char *to, size_t *len)
{
	return RUMP_EFAULT;
}

int
classic_copyout(struct worker *w, const void *from, uint64_t to, size_t len)
{
	return RUMP_EFAULT;
}

int
classic_anonmmap(struct worker *w, size_t len, void **addr)
{
	return RUMP_EFAULT;
}

int
classic_raise(struct client *c, int sig)
{
	return RUMP_ESRCH;
}

void
classic_settle_exec(struct client *c)
{
}

void
classic_destroy(struct classic *cl)
{
}
