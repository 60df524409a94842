/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No copy of the host's path is kept: it changes without us when somebody
 * renames a parent, and it is needed only for relative paths that could lead
 * into a mount (namespace_maybe()).
 */
#include "preload/cwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/namespace.h"
#include "preload/text.h"

static atomic_int rule_of_cwd = NS_HOST;

int
cwd_rule(void)
{
	return atomic_load_explicit(&rule_of_cwd, memory_order_relaxed);
}

void
cwd_set(int rule)
{
	atomic_store(&rule_of_cwd, rule);
}

int
cwd_host_path(long dirfd, char *buf, size_t size)
{
	char name[32];
	struct text t;
	long n;

	if ((int)dirfd == AT_FDCWD) {
		n = HOST(SYS_getcwd, buf, size, 0, 0, 0, 0);
	} else {
		text_init(&t, name, sizeof(name));
		text_put(&t, "/proc/self/fd/");
		text_dec(&t, (int)dirfd);
		n = HOST(SYS_readlink, name, buf, size - 1, 0, 0, 0);
		if (n >= 0)
			buf[n] = '\0';
	}
	if (n < 0)
		return (int)-n;
	return buf[0] == '/' ? 0 : ENOENT;
}
