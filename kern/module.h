/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel modules that are linked in, after module(9).  The structures are those
 * of the genuine system: a component library that was made for it brings them
 * in its link set.
 */
#ifndef KERN_MODULE_H
#define KERN_MODULE_H

#include "kern/types.h"
#include "rump/rump.h"

#define MODULE_CMD_INIT 0
#define MODULE_CMD_FINI 1

struct modinfo {
	uint32_t mi_version; /* __NetBSD_Version__ */
	int mi_class;
	int (*mi_modcmd)(int cmd, void *arg);
	const char *mi_name;
	const char *mi_required; /* names with commas between, or NULL */
};
_Static_assert(sizeof(struct modinfo) == 32, "interface of modules");

/* From rumpuser_dl_bootstrap(): note n modules; they are initialised later. */
void module_note(const struct modinfo *const *mip, size_t n);
/* Initialise what was noted; those that cannot be are named on the console. */
void module_boot(void);

#endif /* !KERN_MODULE_H */
