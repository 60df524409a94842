/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings and formatting without libc, whose versions use vector registers
 * and, in the case of stdio, locks and memory.
 */
#ifndef RUMPUSER_TEXT_H
#define RUMPUSER_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

size_t text_length(const char *s);
bool text_equal(const char *a, const char *b);
bool text_has_prefix(const char *s, const char *prefix);
bool text_contains(const char *s, const char *part);

/*
 * Formatted output goes to a buffer; when that is full it is handed to flush
 * and filled anew, or, with flush NULL, the rest is only counted.
 */
struct text_sink {
	char *ts_buf;
	size_t ts_size;
	size_t ts_used;  /* bytes in the buffer */
	size_t ts_total; /* bytes produced so far */
	void (*ts_flush)(struct text_sink *sink);
};

/*
 * printf(3) without floating point, wide characters, %n and positional
 * arguments; q is accepted for ll.  An unknown conversion is shown as it
 * stands.  No NUL is written.
 */
void text_vprint(struct text_sink *sink, const char *fmt, va_list ap);

/*
 * snprintf(3) on text_vprint(): returns the length that was needed, and ends
 * the buffer with a NUL if size is not 0.
 */
size_t text_format(char *buf, size_t size, const char *fmt, ...)
    __attribute__((__format__(__printf__, 3, 4)));

#endif /* !RUMPUSER_TEXT_H */
