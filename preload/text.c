/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/text.h"

void
text_init(struct text *t, char *buf, size_t size)
{
	*t = (struct text){ buf, size, 0 };
	buf[0] = '\0';
}

void
text_continue(struct text *t, char *buf, size_t size)
{
	*t = (struct text){ buf, size, text_length(buf) };
}

void
text_char(struct text *t, char c)
{
	if (t->t_len + 1 >= t->t_size)
		return;
	t->t_buf[t->t_len++] = c;
	t->t_buf[t->t_len] = '\0';
}

void
text_putn(struct text *t, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text_char(t, s[i]);
}

void
text_put(struct text *t, const char *s)
{
	text_putn(t, s, text_length(s));
}

static void
text_radix(struct text *t, uint64_t n, unsigned radix)
{
	char digits[24];
	size_t i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[n % radix];
		n /= radix;
	} while (n != 0);
	text_putn(t, digits + i, sizeof(digits) - i);
}

void
text_udec(struct text *t, uint64_t n)
{
	text_radix(t, n, 10);
}

void
text_dec(struct text *t, int64_t n)
{
	if (n < 0)
		text_char(t, '-');
	text_radix(t, n < 0 ? -(uint64_t)n : (uint64_t)n, 10);
}

void
text_hex(struct text *t, uint64_t n)
{
	text_put(t, "0x");
	text_radix(t, n, 16);
}

void
text_oct(struct text *t, uint64_t n)
{
	text_char(t, '0');
	if (n != 0)
		text_radix(t, n, 8);
}

static void
text_escape(struct text *t, unsigned char c)
{
	static const char plain[] = "\n\t\r\\\"", letter[] = "ntr\\\"";

	for (size_t i = 0; plain[i] != '\0'; i++) {
		if (c == (unsigned char)plain[i]) {
			text_char(t, '\\');
			text_char(t, letter[i]);
			return;
		}
	}
	if (c >= ' ' && c < 0x7f) {
		text_char(t, (char)c);
		return;
	}
	text_put(t, "\\x");
	text_char(t, "0123456789abcdef"[c >> 4]);
	text_char(t, "0123456789abcdef"[c & 15]);
}

void
text_quote(struct text *t, const char *s, size_t len, size_t max)
{
	text_char(t, '"');
	for (size_t i = 0; i < len && i < max; i++)
		text_escape(t, (unsigned char)s[i]);
	text_char(t, '"');
	if (len > max)
		text_put(t, "...");
}

size_t
text_length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

int
text_equal(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return *a == *b;
}

int
text_begins(const char *s, const char *prefix)
{
	while (*prefix != '\0') {
		if (*s++ != *prefix++)
			return 0;
	}
	return 1;
}
