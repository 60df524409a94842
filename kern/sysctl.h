/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl(7): the few names that programs ask for. */
#ifndef KERN_SYSCTL_H
#define KERN_SYSCTL_H

/* Fetch the host name; the last step of booting. */
void sysctl_boot(void);

#endif /* !KERN_SYSCTL_H */
