/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded under ganesha.nfsd in tests: registration with a portmapper
 * pretends to succeed, so that no rpcbind has to run.  The server finds its
 * programs by its own tables.
 */
#include <stdbool.h>

bool svc_reg(
    void *xprt, unsigned prog, unsigned vers, void *dispatch, void *netconf);
bool rpcb_unset(unsigned prog, unsigned vers, void *netconf);

bool
svc_reg(void *xprt, unsigned prog, unsigned vers, void *dispatch, void *netconf)
{
	(void)xprt;
	(void)prog;
	(void)vers;
	(void)dispatch;
	(void)netconf;
	return true;
}

bool
rpcb_unset(unsigned prog, unsigned vers, void *netconf)
{
	(void)prog;
	(void)vers;
	(void)netconf;
	return true;
}
