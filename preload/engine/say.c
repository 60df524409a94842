/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of the library itself: a small printf and one write. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/call.h"

struct line {
	char ln_text[1024];
	size_t ln_len;
};

static void
put_char(struct line *ln, char c)
{
	if (ln->ln_len < sizeof(ln->ln_text) - 1)
		ln->ln_text[ln->ln_len++] = c;
}

static void
put_string(struct line *ln, const char *s)
{
	if (s == NULL)
		s = "(null)";
	while (*s != '\0')
		put_char(ln, *s++);
}

static void
put_number(struct line *ln, uint64_t v, unsigned base)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (n > 0)
		put_char(ln, digits[--n]);
}

static void
put_signed(struct line *ln, int64_t v)
{
	if (v < 0)
		put_char(ln, '-');
	put_number(ln, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
}

/* %s %c %d %u %x %p, with l, ll or z before d, u and x. */
static void
put_conversion(struct line *ln, char conv, bool wide, va_list *ap)
{
	switch (conv) {
	case 's':
		put_string(ln, va_arg(*ap, const char *));
		break;
	case 'c':
		put_char(ln, (char)va_arg(*ap, int));
		break;
	case 'd':
		put_signed(ln, wide ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case 'u':
	case 'x':
		put_number(ln,
		    wide ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned),
		    conv == 'u' ? 10 : 16);
		break;
	case 'p':
		put_string(ln, "0x");
		put_number(ln, (uintptr_t)va_arg(*ap, void *), 16);
		break;
	default:
		put_char(ln, conv);
		break;
	}
}

void
engine_say(const char *fmt, ...)
{
	struct line ln;
	bool wide;
	va_list ap;

	ln.ln_len = 0;
	put_string(&ln, "rumpkit: ");
	va_start(ap, fmt);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put_char(&ln, *fmt);
			continue;
		}
		wide = false;
		for (fmt++; *fmt == 'l' || *fmt == 'z'; fmt++)
			wide = true;
		if (*fmt == '\0')
			break;
		put_conversion(&ln, *fmt, wide, &ap);
	}
	va_end(ap);
	ln.ln_text[ln.ln_len++] = '\n';
	HOST(SYS_write, 2, ln.ln_text, ln.ln_len, 0, 0, 0);
}
