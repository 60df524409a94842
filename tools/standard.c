/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tool that is started without a standard descriptor (<&-) would have its first
 * socket or file at that number, where others close or replace it.
 */
#include "tools/rumpkit.h"

#include <fcntl.h>
#include <unistd.h>

void
standard_reserve(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* Reading there fails, or writing, as it would without. */
		(void)!open("/dev/null",
		    (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	}
}
