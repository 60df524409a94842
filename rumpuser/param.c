/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of the kernel.  Names that begin with an underscore are computed
 * here; all others come from the environment.
 */
#include "rump/rumpuser.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/text.h"

/* The default of RUMP_NCPU. */
#define NCPU_DEFAULT "2"

/* Longest value that is computed here. */
#define VALUE_BYTES 512

static int
give(const char *value, char *buf, size_t len)
{
	if (text_length(value) >= len)
		return RUMP_ERANGE;
	text_format(buf, len, "%s", value);
	return 0;
}

/* Read a small file of the host's; false when that cannot be. */
static bool
read_line(const char *path, char *buf, size_t size)
{
	long fd, got;

	fd = rumpuser_host_syscall(
	    SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return false;
	got = rumpuser_host_syscall(SYS_read, fd, buf, size - 1, 0, 0, 0);
	rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (got <= 0)
		return false;
	buf[got] = '\0';
	return true;
}

static unsigned
parse_decimal(const char **pp)
{
	unsigned n;

	for (n = 0; **pp >= '0' && **pp <= '9'; (*pp)++)
		n = n * 10 + (unsigned)(**pp - '0');
	return n;
}

/* How many numbers a list such as "0-3,8" has. */
static unsigned
count_list(const char *p)
{
	unsigned count, first, last;

	for (count = 0; *p >= '0' && *p <= '9';) {
		first = last = parse_decimal(&p);
		if (*p == '-') {
			p++;
			last = parse_decimal(&p);
		}
		if (last >= first)
			count += last - first + 1;
		if (*p == ',')
			p++;
	}
	return count;
}

static unsigned
online_processors(void)
{
	char line[512];
	unsigned n;

	if (!read_line("/sys/devices/system/cpu/online", line, sizeof(line)))
		return 1;
	n = count_list(line);
	return n == 0 ? 1 : n;
}

static int
param_ncpu(char *buf, size_t len)
{
	char text[VALUE_BYTES];
	const char *value;

	value = rumpuser_hostops.ho_getenv("RUMP_NCPU");
	if (value == NULL)
		return give(NCPU_DEFAULT, buf, len);
	if (!text_equal(value, "host"))
		return give(value, buf, len);
	text_format(text, sizeof(text), "%u", online_processors());
	return give(text, buf, len);
}

static int
param_hostname(char *buf, size_t len)
{
	char text[VALUE_BYTES];
	struct utsname uts;
	int pid;

	pid = (int)rumpuser_host_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	if (rumpuser_host_syscall(SYS_uname, &uts, 0, 0, 0, 0, 0) == 0)
		text_format(
		    text, sizeof(text), "rump-%05d.%s", pid, uts.nodename);
	else
		text_format(text, sizeof(text), "rump-%05d", pid);
	return give(text, buf, len);
}

int
rumpuser_getparam(const char *name, void *buf, size_t len)
{
	const char *value;

	if (text_equal(name, RUMPUSER_PARAM_NCPU))
		return param_ncpu(buf, len);
	if (text_equal(name, RUMPUSER_PARAM_HOSTNAME))
		return param_hostname(buf, len);
	if (name[0] == '_')
		return RUMP_EINVAL;
	value = rumpuser_hostops.ho_getenv(name);
	if (value == NULL)
		return RUMP_ENOENT;
	return give(value, buf, len);
}
