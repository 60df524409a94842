/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl(7): the few names that programs ask for. */
#ifndef KERN_SYSCTL_H
#define KERN_SYSCTL_H

#include "kern/types.h"

/* Fetch the host name; the last step of booting. */
void sysctl_boot(void);
/* Copy the host name, cut off to fit. */
void sysctl_hostname(char *buf, size_t size);

#endif /* !KERN_SYSCTL_H */
