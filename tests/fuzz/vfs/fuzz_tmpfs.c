/* SPDX-License-Identifier: BSD-2-Clause */
/* A source of tmpfs is understood within bounds, or refused with one line. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfs/tmpfs/options.h"

#define TEXT 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* What the parser has of the kernel. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((__format__(__printf__, 3, 4)));
int rumpuser_getparam(const char *name, void *buf, size_t size);

int
ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int
rumpuser_getparam(const char *name, void *buf, size_t size)
{
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char scheme[] = "tmpfs:";
	size_t head = size > 0 && data[0] == '?' ? strlen(scheme) : 0;
	char *url = malloc(head + size + 1), text[TEXT] = "";
	struct tmpfs_options to;
	int error;

	memcpy(url, scheme, head);
	if (size > 0)
		memcpy(url + head, data, size);
	url[head + size] = '\0';
	error = tmpfs_options_parse(url, &to, text, sizeof(text));
	if (error == 0 && (to.to_mode & ~07777u) != 0)
		abort();
	if (error != 0 && (text[0] == '\0' || strnlen(text, TEXT) == TEXT ||
			      strchr(text, '\n') != NULL))
		abort();
	free(url);
	return 0;
}
