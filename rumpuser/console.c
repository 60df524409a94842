/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's console, raw: no stdio, whose locks the program may hold. */
#include "rump/rumpuser.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/text.h"

/* A message of up to this size is one write, so lines do not mix. */
#define LINE_BYTES 1024

/* Nobody can be told about an error here. */
static void
write_all(int fd, const char *buf, size_t len)
{
	long result;

	while (len > 0) {
		result =
		    rumpuser_host_syscall(SYS_write, fd, buf, len, 0, 0, 0);
		if (result == -EINTR)
			continue;
		if (result <= 0)
			return;
		buf += result;
		len -= (size_t)result;
	}
}

static void
flush_stderr(struct text_sink *sink)
{
	write_all(STDERR_FILENO, sink->ts_buf, sink->ts_used);
}

void
rumpuser_putchar(int c)
{
	char one = (char)c;

	write_all(STDOUT_FILENO, &one, 1);
}

void
rumpuser_dprintf(const char *fmt, ...)
{
	char line[LINE_BYTES];
	struct text_sink sink = {
		.ts_buf = line,
		.ts_size = sizeof(line),
		.ts_flush = flush_stderr,
	};
	va_list ap;

	va_start(ap, fmt);
	text_vprint(&sink, fmt, ap);
	va_end(ap);
	flush_stderr(&sink);
}
