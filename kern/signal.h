/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals for processes: rump_boot_setsigmodel() says what they come to. */
#ifndef KERN_SIGNAL_H
#define KERN_SIGNAL_H

/* The current process gets a signal, a NetBSD number. */
void proc_signal(int sig);

#endif /* !KERN_SIGNAL_H */
