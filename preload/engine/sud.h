/* SPDX-License-Identifier: BSD-2-Clause */
/* Syscall User Dispatch: the net under everything that is not patched. */
#ifndef ENGINE_SUD_H
#define ENGINE_SUD_H

#include <stdbool.h>

/* Arm the calling thread: 0 or -errno (-EINVAL: the host has no SUD). */
long sud_arm(void);
void sud_disarm(void);
/* Make the host's SIGSYS ours. */
void sud_install(void);
/* Armed in this process; false in ENGINE_EAGER mode. */
extern bool sud_armed;

#endif /* !ENGINE_SUD_H */
