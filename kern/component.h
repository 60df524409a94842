/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Components register themselves from a library constructor and are
 * initialised by rump_init() in the order of their types.
 */
#ifndef KERN_COMPONENT_H
#define KERN_COMPONENT_H

#include "rump/rump.h"

/* RUMP_COMPONENT(RUMP_COMPONENT_VFS, nfs) { ... body ... } */
#define RUMP_COMPONENT(ctype, cname)                                           \
	static void rump_component_init_##cname(void);                         \
	static void rump_component_load_##cname(void)                          \
	    __attribute__((__constructor__));                                  \
	static struct rump_component rump_component_##cname = {                \
		.rc_type = (ctype),                                            \
		.rc_init = rump_component_init_##cname,                        \
	};                                                                     \
	static void rump_component_load_##cname(void)                          \
	{                                                                      \
		rump_component_load(&rump_component_##cname);                  \
	}                                                                      \
	static void rump_component_init_##cname(void)

#endif /* !KERN_COMPONENT_H */
