/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text.  The format is parsed into a struct spec, one step per part
 * of a conversion; every byte goes through put(), which alone knows the size
 * of the buffer.
 */
#include "kern/libkern.h"

#include "kern/ksyms.h"
#include "rump/rumpuser.h"

#define LINE 512 /* longest console line, and the digits of any number */

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero;
	int width, precision; /* precision -1: none */
	char length;          /* 'H' char, 'h', 'l' for all of 64 bits, or 0 */
};

static void
put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void
pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void
put_text(struct out *o, const struct spec *sp, const char *s)
{
	size_t max = sp->precision < 0 ? SIZE_MAX : (size_t)sp->precision;
	int len;

	if (s == NULL)
		s = "(null)";
	len = strnlen(s, max);
	if (!sp->left)
		pad(o, ' ', sp->width - len);
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		pad(o, ' ', sp->width - len);
}

static void
put_number(struct out *o, const struct spec *sp, uint64_t n, unsigned base,
    const char *prefix)
{
	char digits[24];
	int plen = strlen(prefix), len = 0;

	do {
		digits[len++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n != 0);
	if (!sp->left && !sp->zero)
		pad(o, ' ', sp->width - plen - len);
	while (*prefix != '\0')
		put(o, *prefix++);
	if (sp->zero && !sp->left)
		pad(o, '0', sp->width - plen - len);
	for (int i = len; i > 0; i--)
		put(o, digits[i - 1]);
	if (sp->left)
		pad(o, ' ', sp->width - plen - len);
}

static const char *
parse_number(const char *fmt, int *np)
{
	int n = 0;

	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		n = MIN(n * 10 + (*fmt - '0'), LINE);
	*np = n;
	return fmt;
}

static const char *
parse_length(const char *fmt, char *length)
{
	*length = 0;
	for (;; fmt++) {
		switch (*fmt) {
		case 'h':
			*length = *length == 'h' ? 'H' : 'h';
			break;
		case 'l':
		case 'z':
		case 'j':
			*length = 'l';
			break;
		default:
			return fmt;
		}
	}
}

static const char *
parse_spec(const char *fmt, struct spec *sp)
{
	*sp = (struct spec){ .precision = -1 };
	for (; *fmt == '-' || *fmt == '0'; fmt++) {
		sp->left |= *fmt == '-';
		sp->zero |= *fmt == '0';
	}
	fmt = parse_number(fmt, &sp->width);
	if (*fmt == '.')
		fmt = parse_number(fmt + 1, &sp->precision);
	return parse_length(fmt, &sp->length);
}

static void
put_signed(struct out *o, const struct spec *sp, int64_t n)
{
	if (sp->length == 0)
		n = (int)n;
	else if (sp->length == 'h')
		n = (short)n;
	else if (sp->length == 'H')
		n = (signed char)n;
	put_number(
	    o, sp, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, n < 0 ? "-" : "");
}

static void
put_unsigned(struct out *o, const struct spec *sp, uint64_t n, unsigned base)
{
	if (sp->length == 0)
		n = (unsigned)n;
	else if (sp->length == 'h')
		n = (unsigned short)n;
	else if (sp->length == 'H')
		n = (unsigned char)n;
	put_number(o, sp, n, base, "");
}

/* In and out of the variable arguments every integer fits 64 bits here: the
 * ABI passes each in a slot of that size. */
struct args {
	va_list ap;
};

static void
convert(struct out *o, const struct spec *sp, char conv, struct args *a)
{
	switch (conv) {
	case 'd':
	case 'i':
		put_signed(o, sp, va_arg(a->ap, int64_t));
		break;
	case 'u':
		put_unsigned(o, sp, va_arg(a->ap, uint64_t), 10);
		break;
	case 'x':
		put_unsigned(o, sp, va_arg(a->ap, uint64_t), 16);
		break;
	case 'p':
		put_number(o, sp, va_arg(a->ap, uint64_t), 16, "0x");
		break;
	case 'c':
		put(o, (char)va_arg(a->ap, int));
		break;
	case 's':
		put_text(o, sp, va_arg(a->ap, const char *));
		break;
	default: /* %% and what we do not know: as it stands */
		put(o, conv);
		break;
	}
}

int
kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct spec sp;
	struct args a;

	va_copy(a.ap, ap);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &sp);
		if (*fmt == '\0')
			break;
		convert(&o, &sp, *fmt, &a);
	}
	va_end(a.ap);
	if (size != 0)
		buf[MIN(o.len, size - 1)] = '\0';
	return o.len;
}

int
ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}

void
kprintf(const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	(void)kvsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	rumpuser_dprintf("%s", line);
}

void
panic(const char *fmt, ...)
{
	const char *name;
	char line[LINE];
	uintptr_t offset;
	va_list ap;

	va_start(ap, fmt);
	(void)kvsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	name = ksyms_find((uintptr_t)__builtin_return_address(0), &offset);
	if (name != NULL)
		rumpuser_dprintf(
		    "panic: %s, in %s+0x%lx\n", line, name, offset);
	else
		rumpuser_dprintf("panic: %s\n", line);
	rumpuser_exit(RUMPUSER_PANIC);
}
