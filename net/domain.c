/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Families are attached by component initialisers, one after the other, while
 * the kernel boots, and never go away; lookups need no lock.
 */
#include "net/domain.h"

#include "kern/netbsd.h"

static _Atomic(struct domain *) domains;

static struct domain *
find(int family)
{
	struct domain *dom;

	dom = atomic_load_explicit(&domains, memory_order_acquire);
	while (dom != NULL && dom->dom_family != family)
		dom = dom->dom_next;
	return dom;
}

int
domain_attach(struct domain *dom)
{
	if (find(dom->dom_family) != NULL)
		return EEXIST;
	if (dom->dom_init != NULL)
		dom->dom_init();
	dom->dom_next = atomic_load_explicit(&domains, memory_order_relaxed);
	atomic_store_explicit(&domains, dom, memory_order_release);
	return 0;
}

int
domain_lookup(int family, int type, int proto, const struct protosw **prp)
{
	const struct protosw *pr;
	struct domain *dom;
	size_t i;

	dom = find(family);
	if (dom == NULL)
		return EAFNOSUPPORT;
	for (i = 0; i < dom->dom_nprotosw; i++) {
		pr = &dom->dom_protosw[i];
		if (pr->pr_type == type &&
		    (proto == 0 || pr->pr_protocol == proto ||
			pr->pr_protocol == PR_ANYPROTO)) {
			*prp = pr;
			return 0;
		}
	}
	return proto != 0 ? EPROTONOSUPPORT : EPROTOTYPE;
}
