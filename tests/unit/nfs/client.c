/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/nfs/client.h"

#include <errno.h>

#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define ENDLESS 10000 /* calls for one listing */

uint8_t content[2 * FILE_SIZE];

void
must(ssize_t result)
{
	if (result < 0)
		fail_msg("errno %d", errno);
}

unsigned
count(enum nfs3_proc proc)
{
	return atomic_load(&counts[proc]);
}

static int
count_entries(const char *buf, ssize_t n)
{
	int entries = 0;

	for (ssize_t off = 0; off < n; entries++)
		off += ((const struct rump_dirent *)(buf + off))->d_reclen;
	return entries;
}

int
list(size_t size)
{
	char buf[4096];
	int fd = rump_sys_open("/data", RUMP_O_RDONLY), entries = 0, calls = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = rump_sys_getdents(fd, buf, size)) > 0) {
		entries += count_entries(buf, n);
		if (++calls == ENDLESS)
			fail_msg("a listing without end");
	}
	if (n < 0)
		entries = -errno;
	rump_sys_close(fd);
	return entries;
}

int
read_file(void)
{
	int fd = rump_sys_open("/data/f", RUMP_O_RDONLY), got = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = rump_sys_read(
		    fd, content + got, sizeof(content) - (size_t)got)) > 0)
		got += (int)n;
	if (n < 0)
		got = -errno;
	rump_sys_close(fd);
	return got;
}
