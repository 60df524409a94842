/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests count on their standard descriptors: that 0 is one that can be
 * duplicated, and that what they open is another.  Whoever runs them may have
 * been started without any.  And their files have the permissions that they
 * say.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void __attribute__((__constructor__)) begin_as_usual(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
	umask(022);
}
