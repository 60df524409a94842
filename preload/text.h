/* SPDX-License-Identifier: BSD-2-Clause */
/* Building a line of text in a buffer, without libc. */
#ifndef PRELOAD_TEXT_H
#define PRELOAD_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *t_buf;
	size_t t_size; /* of t_buf; what does not fit is cut off */
	size_t t_len;  /* always < t_size; t_buf[t_len] is NUL */
};

void text_init(struct text *t, char *buf, size_t size);
/* The same, behind the string that buf already has. */
void text_continue(struct text *t, char *buf, size_t size);
void text_char(struct text *t, char c);
void text_put(struct text *t, const char *s);
void text_putn(struct text *t, const char *s, size_t len);
void text_dec(struct text *t, int64_t n);
void text_udec(struct text *t, uint64_t n);
void text_hex(struct text *t, uint64_t n); /* with 0x */
void text_oct(struct text *t, uint64_t n); /* with 0 */
/* "s" with C escapes; "..." behind it if more than max bytes are left out. */
void text_quote(struct text *t, const char *s, size_t len, size_t max);

/* Bytewise helpers that are not libc's (which uses vector registers). */
size_t text_length(const char *s);
int text_equal(const char *a, const char *b);
/* Does s begin with prefix? */
int text_begins(const char *s, const char *prefix);

#endif /* !PRELOAD_TEXT_H */
