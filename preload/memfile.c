/* SPDX-License-Identifier: BSD-2-Clause */
/* It is opened a second time, since a descriptor of memfd_create(2) can write. */
#include "preload/memfile.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/text.h"

void
memfile_name(char buf[MEMFILE_NAME], long fd)
{
	struct text t;

	text_init(&t, buf, MEMFILE_NAME);
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, fd);
}

long
memfile_replace(long file, long fd, long flags)
{
	char name[MEMFILE_NAME];
	long again, result;

	memfile_name(name, file);
	again = HOST(SYS_open, name, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
	if (again < 0)
		return again;
	result = HOST(SYS_dup3, again, fd, flags & O_CLOEXEC, 0, 0, 0);
	HOST(SYS_close, again, 0, 0, 0, 0, 0);
	return result;
}
