/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User namespaces.  A thread that enters one (unshare(2), setns(2), clone(2)) has
 * t_users set until the kernel's server has looked how ids are called there.
 */
#ifndef PRELOAD_USERSPACE_H
#define PRELOAD_USERSPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/engine/thread.h"

/* Have the server look. */
void userspace_look(void);

/* Before a call to the kernel. */
static inline void
userspace_tell(void)
{
	if (__builtin_expect(engine_thread.t_users, false))
		userspace_look();
}

/* For the next image. */
#define USERSPACE_VARIABLE "RUMPKIT_USERS"
size_t userspace_exec_env(char *buf, size_t size);
void userspace_take(const char *value);

#endif /* !PRELOAD_USERSPACE_H */
