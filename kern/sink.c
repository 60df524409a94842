/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/sink.h"

#include "kern/libkern.h"

#define LINE_SIZE 256

void
sink_puts(struct sink *sk, const char *s)
{
	sk->sk_put(sk, s, strlen(s));
}

void
sink_printf(struct sink *sk, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = kvsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sk->sk_put(sk, line, MIN((size_t)len, sizeof(line) - 1));
}
