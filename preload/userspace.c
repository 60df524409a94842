/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids are translated by the kernel, which knows from the host how (kern/idmap.h).
 * A new namespace has no names for anybody at first.  Somebody writes its two maps
 * once, its first process or another one, and nobody is told: so as long as one is
 * empty the server is asked to look again before each call.
 */
#include "preload/userspace.h"

#include "preload/backend.h"
#include "preload/cred.h"
#include "preload/remote.h"
#include "preload/text.h"

#define OTHER "other"

/* A vfork child leaves it to the image that it executes, for all that is known here
 * is its parent's. */
void
userspace_look(void)
{
	struct thread *t = &engine_thread;

	if (t->t_borrowed || backend_state != BACKEND_SERVER)
		return;
	cred_forget();
	if (remote_look_at_cred())
		t->t_users = false;
}

size_t
userspace_exec_env(char *buf, size_t size)
{
	struct text t;

	if (!engine_thread.t_users)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, USERSPACE_VARIABLE "=" OTHER);
	return t.t_len;
}

void
userspace_take(const char *value)
{
	engine_thread.t_users = text_equal(value, OTHER);
}
