/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that are for files. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "netcrowd.h"

static char data[100];

static void
moved(void)
{
	int fd = some(), whence = (int)below(6);

	printf("lseek %d %d", fd, whence);
	told(lseek(fd, 0, whence));
}

static void
at_a_place(void)
{
	int fd = some(), place = ONE_OF(0, 0, -1);

	printf("pread %d %d", fd, place);
	told(pread(fd, data, sizeof(data), place));
	printf(" pwrite");
	told(pwrite(fd, data, sizeof(data), place));
}

static void
with_flags(void)
{
	struct iovec iov = { data, sizeof(data) };
	int fd = some(), place = ONE_OF(0, -1);
	int flags = ONE_OF(0, RWF_HIPRI, RWF_SYNC, RWF_APPEND, 0x80000);

	printf("preadv2 %d %d %#x", fd, place, (unsigned)flags);
	told(preadv2(fd, &iov, 1, place, flags));
	printf(" pwritev2");
	told(pwritev2(fd, &iov, 1, place, flags));
}

static void
status(void)
{
	struct stat st;
	int fd = some();

	printf("fstat %d", fd);
	if (told(fstat(fd, &st)) == 0)
		printf(" %o %d %ld", st.st_mode, (int)st.st_nlink,
		    (long)st.st_size);
}

static void
kept(void)
{
	int fd = some();

	printf("fsync %d", fd);
	told(fsync(fd));
	told(fdatasync(fd));
	told(ftruncate(fd, 0));
	told(fchdir(fd));
	told(openat(fd, "x", O_RDONLY));
}

/* From a file, through a pipe, into a pipe. */
static void
spliced(void)
{
	int fd = some(), file = open("/proc/self/exe", O_RDONLY), pipes[2];

	printf("sendfile %d", fd);
	told(sendfile(fd, file, NULL, sizeof(data)));
	close(file);
	if (pipe2(pipes, O_NONBLOCK) != 0)
		return;
	printf(" splice");
	told(splice(fd, NULL, pipes[1], NULL, sizeof(data), SPLICE_F_NONBLOCK));
	told(splice(pipes[0], NULL, fd, NULL, sizeof(data), SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
}

call_fn *const file_calls[] = { moved, at_a_place, with_flags, status, kept,
	spliced, NULL };
