/* SPDX-License-Identifier: BSD-2-Clause */
/* Patching of sites while the program runs. */
#ifndef ENGINE_PATCH_H
#define ENGINE_PATCH_H

#include <stdint.h>

/* Call nr has trapped at site: patch it if that has become worth while. */
void patch_hit(uintptr_t site, long nr);
/* Patch every site of every loaded object that has unwind entries, at the start
 * or later, in place of what would trap. */
void patch_everything(void);
/* No more patches: text cannot be made writable, or must not be. */
void patch_stop(void);
/* In the child of a fork. */
void patch_forked(void);

#endif /* !ENGINE_PATCH_H */
