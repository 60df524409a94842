/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/comm.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/thread.h"
#include "preload/text.h"

void
comm_set(const char *path)
{
	struct text t;
	const char *last = path;

	for (; *path != '\0'; path++) {
		if (path[0] == '/')
			last = path + 1;
	}
	text_init(&t, engine_thread.t_comm, sizeof(engine_thread.t_comm));
	text_put(&t, last);
}

size_t
comm_exec_env(char *buf, size_t size)
{
	struct text t;

	if (engine_thread.t_comm[0] == '\0')
		return 0;
	text_init(&t, buf, size);
	text_put(&t, COMM_VARIABLE "=");
	text_put(&t, engine_thread.t_comm);
	return t.t_len;
}

void
comm_take(const char *name)
{
	HOST(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
}
