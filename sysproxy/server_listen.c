/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/server_listen.h"

#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"
#include "rump/rumpuser.h"

static uint32_t server_flags;

void
rumpuser_sp_setflags(uint32_t flags)
{
	server_flags = flags;
}

bool
listen_active(void)
{
	return false;
}

void
listen_end(void)
{
}

int
rumpuser_sp_init(const char *url, const char *ostype, const char *osrelease,
    const char *machine)
{
	return RUMP_EOPNOTSUPP;
}

void
rumpuser_sp_fini(void *ctl)
{
	listen_end();
}
