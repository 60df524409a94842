/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded under ganesha.nfsd in tests: registration with a portmapper
 * pretends to succeed, so that no rpcbind has to run.  The server finds its
 * programs by its own tables.  And 127.0.0.1 is an address on a machine that has
 * no other: with AI_ADDRCONFIG, which the server asks for, it would be none.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

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

int
getaddrinfo(const char *restrict node, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
	int (*next)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	struct addrinfo any = { .ai_family = AF_UNSPEC };

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (next == NULL)
		return EAI_SYSTEM;
	if (hints != NULL)
		any = *hints;
	any.ai_flags &= ~AI_ADDRCONFIG;
	return next(node, service, &any, found);
}
