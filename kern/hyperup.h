/* SPDX-License-Identifier: BSD-2-Clause */
/* The upcalls that the hypercall layer makes into the kernel. */
#ifndef KERN_HYPERUP_H
#define KERN_HYPERUP_H

#include "rump/rumpuser.h"

extern const struct rumpuser_hyperup hyperup;

#endif /* !KERN_HYPERUP_H */
