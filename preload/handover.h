/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open rump files that cross an exec while the kernel is in a server: there the
 * process stays as it is, and the next image only has to know which number is
 * which descriptor.
 */
#ifndef PRELOAD_HANDOVER_H
#define PRELOAD_HANDOVER_H

#include <stddef.h>

/* As the functions of inherit.h. */
int handover_check(void);
size_t handover_exec_env(char *buf, size_t size);
void handover_take(const char *value);

#endif /* !PRELOAD_HANDOVER_H */
