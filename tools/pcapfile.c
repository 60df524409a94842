/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/pcapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/rumpkit.h"

static int
fail(const char *path, const char *why)
{
	return complain(STATUS_FAILED, "--pcap: %s: %s", path, why);
}

int
pcapfile_make(const char *path)
{
	struct stat st;
	int fd, status = 0;

	if (path == NULL)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		status = fail(path, "must be a regular file");
	else if (ftruncate(fd, 0) != 0)
		status = fail(path, strerror(errno));
	close(fd);
	return status;
}
