/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment: what it was at start, and what a new program is given. */
#ifndef ENGINE_ENVIRON_H
#define ENGINE_ENVIRON_H

#include <stddef.h>

/* From the constructor: keep LD_PRELOAD, RUMP* and RUMPKIT*; find our path. */
void environ_init(char **envp);
/* Programs that are executed from now on patch their sites at their start, unless
 * the user has chosen something else. */
void environ_patch_at_start(void);
/* Start-up is over: the program may overwrite what envp points to. */
void environ_close(void);

/*
 * An environment for exec from the program's envp (which may be NULL or bad):
 * with this library first in LD_PRELOAD and our variables where they are
 * missing.  *newp is envp itself when nothing has to change, else lies in
 * (*map, *maplen): a mapping that the caller gives or, where that is NULL or too
 * small, a new one; the caller's in any case.  0, -EFAULT, -ENOMEM, -E2BIG.
 * On the kernel stack: it needs more than the program's may have.
 */
long environ_rebuild(char **envp, char ***newp, void **map, size_t *maplen);

#endif /* !ENGINE_ENVIRON_H */
