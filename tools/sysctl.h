/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables of a kernel by name. */
#ifndef TOOLS_SYSCTL_H
#define TOOLS_SYSCTL_H

#include <stddef.h>

#include "tools/client.h"

/* The nth name, or NULL. */
const char *sysctl_name(unsigned n);

/*
 * Ask for "name", or set "name=value"; text gets "name = value".  0; or a
 * NetBSD errno or -1, with what is wrong in text, which is empty if it is the
 * kernel who says no.
 */
int sysctl_perform(
    struct client *cl, const char *word, char *text, size_t size);

#endif /* !TOOLS_SYSCTL_H */
