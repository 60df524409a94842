/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/component.h"

#include "kern/boot.h"
#include "kern/guard.h"
#include "kern/types.h"

static _Atomic uint32_t guard;
static struct rump_component *first;          /* guard */
static struct rump_component **last = &first; /* guard */
static bool closed;                           /* guard */

void
rump_component_load(const struct rump_component *rc_const)
{
	/* The interface hands out a const pointer to a record that it wants
	 * writable. */
	struct rump_component *rc =
	    (struct rump_component *)(uintptr_t)rc_const;

	guard_enter(&guard);
	if (!closed && rc->rc_prevp == NULL) {
		rc->rc_next = NULL;
		rc->rc_prevp = last;
		*last = rc;
		last = &rc->rc_next;
	}
	guard_exit(&guard);
}

static void
init_type(int type)
{
	for (struct rump_component *rc = first; rc != NULL; rc = rc->rc_next)
		if (rc->rc_type == type && boot_failure() == 0)
			rc->rc_init();
}

int
component_initall(void)
{
	static const int8_t order[] = {
		RUMP_COMPONENT_KERN,
		RUMP__FACTION_VFS,
		RUMP_COMPONENT_VFS,
		RUMP__FACTION_NET,
		RUMP_COMPONENT_NET,
		RUMP_COMPONENT_NET_ROUTE,
		RUMP_COMPONENT_NET_IF,
		RUMP_COMPONENT_NET_IFCFG,
		RUMP__FACTION_DEV,
		RUMP_COMPONENT_DEV,
		RUMP_COMPONENT_DEV_AFTERMAINBUS,
		RUMP_COMPONENT_KERN_VFS,
		RUMP_COMPONENT_POSTINIT,
		RUMP_COMPONENT_SYSCALL,
	};

	guard_enter(&guard);
	closed = true;
	guard_exit(&guard);
	for (size_t i = 0; i < NITEMS(order); i++)
		init_type(order[i]);
	return boot_failure();
}
