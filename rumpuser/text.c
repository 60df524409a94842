/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conversion is parsed into a struct spec, its argument is turned into
 * (sign or radix prefix, digits), and one function lays out padding, prefix,
 * zeros and digits.
 */
#include "rumpuser/text.h"

#include <stdint.h>

struct spec {
	bool sp_left, sp_zero, sp_plus, sp_space, sp_alternate;
	int sp_width;
	int sp_precision; /* -1: not given */
	int sp_long;      /* -2 hh, -1 h, 0, 1 l and all 64-bit lengths */
};

size_t
text_length(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		continue;
	return n;
}

bool
text_equal(const char *a, const char *b)
{
	for (; *a == *b; a++, b++) {
		if (*a == '\0')
			return true;
	}
	return false;
}

bool
text_has_prefix(const char *s, const char *prefix)
{
	for (; *prefix != '\0'; s++, prefix++) {
		if (*s != *prefix)
			return false;
	}
	return true;
}

bool
text_contains(const char *s, const char *part)
{
	for (;; s++) {
		if (text_has_prefix(s, part))
			return true;
		if (*s == '\0')
			return false;
	}
}

static void
sink_char(struct text_sink *sink, char c)
{
	sink->ts_total++;
	if (sink->ts_used == sink->ts_size && sink->ts_flush != NULL) {
		sink->ts_flush(sink);
		sink->ts_used = 0;
	}
	if (sink->ts_used < sink->ts_size)
		sink->ts_buf[sink->ts_used++] = c;
}

static void
sink_fill(struct text_sink *sink, char c, int n)
{
	for (; n > 0; n--)
		sink_char(sink, c);
}

static void
sink_bytes(struct text_sink *sink, const char *s, int n)
{
	for (; n > 0; n--)
		sink_char(sink, *s++);
}

static void
print_field(struct text_sink *sink, const struct spec *sp, const char *prefix,
    int zeros, const char *body, int len)
{
	int nprefix, pad;

	nprefix = (int)text_length(prefix);
	pad = sp->sp_width - nprefix - zeros - len;
	if (!sp->sp_left)
		sink_fill(sink, ' ', pad);
	sink_bytes(sink, prefix, nprefix);
	sink_fill(sink, '0', zeros);
	sink_bytes(sink, body, len);
	if (sp->sp_left)
		sink_fill(sink, ' ', pad);
}

static void
print_number(struct text_sink *sink, const struct spec *sp, const char *prefix,
    uint64_t value, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char buf[24];
	int len, pos, zeros;

	pos = (int)sizeof(buf);
	for (; value != 0; value /= base)
		buf[--pos] = digits[value % base];
	len = (int)sizeof(buf) - pos;
	zeros = 0;
	if (sp->sp_precision >= 0)
		zeros = sp->sp_precision - len;
	else if (sp->sp_zero && !sp->sp_left)
		zeros = sp->sp_width - (int)text_length(prefix) - len;
	if (zeros <= 0)
		zeros = len == 0 && sp->sp_precision != 0;
	print_field(sink, sp, prefix, zeros, buf + pos, len);
}

static void
print_signed(struct text_sink *sink, const struct spec *sp, int64_t value)
{
	const char *prefix = "";
	uint64_t magnitude;

	magnitude = (uint64_t)value;
	if (value < 0) {
		prefix = "-";
		magnitude = -magnitude;
	} else if (sp->sp_plus) {
		prefix = "+";
	} else if (sp->sp_space) {
		prefix = " ";
	}
	print_number(sink, sp, prefix, magnitude, 10, false);
}

static void
print_string(struct text_sink *sink, const struct spec *sp, const char *s)
{
	int len;

	if (s == NULL)
		s = "(null)";
	for (len = 0; len != sp->sp_precision && s[len] != '\0'; len++)
		continue;
	print_field(sink, sp, "", 0, s, len);
}

static int64_t
signed_argument(const struct spec *sp, va_list *ap)
{
	if (sp->sp_long > 0)
		return va_arg(*ap, int64_t);
	if (sp->sp_long == -1)
		return (short)va_arg(*ap, int);
	if (sp->sp_long == -2)
		return (signed char)va_arg(*ap, int);
	return va_arg(*ap, int);
}

static uint64_t
unsigned_argument(const struct spec *sp, va_list *ap)
{
	if (sp->sp_long > 0)
		return va_arg(*ap, uint64_t);
	if (sp->sp_long == -1)
		return (unsigned short)va_arg(*ap, unsigned);
	if (sp->sp_long == -2)
		return (unsigned char)va_arg(*ap, unsigned);
	return va_arg(*ap, unsigned);
}

static void
print_hex(
    struct text_sink *sink, const struct spec *sp, uint64_t value, bool upper)
{
	const char *prefix = "";

	if (sp->sp_alternate && value != 0)
		prefix = upper ? "0X" : "0x";
	print_number(sink, sp, prefix, value, 16, upper);
}

static void
print_octal(struct text_sink *sink, const struct spec *sp, uint64_t value)
{
	print_number(sink, sp, sp->sp_alternate && value != 0 ? "0" : "", value,
	    8, false);
}

static void
print_char(struct text_sink *sink, const struct spec *sp, int c)
{
	char one = (char)c;

	print_field(sink, sp, "", 0, &one, 1);
}

static bool
parse_flag(struct spec *sp, char c)
{
	switch (c) {
	case '-':
		sp->sp_left = true;
		return true;
	case '0':
		sp->sp_zero = true;
		return true;
	case '+':
		sp->sp_plus = true;
		return true;
	case ' ':
		sp->sp_space = true;
		return true;
	case '#':
		sp->sp_alternate = true;
		return true;
	default:
		return false;
	}
}

static const char *
parse_count(const char *p, int *countp, va_list *ap)
{
	int count;

	if (*p == '*') {
		*countp = va_arg(*ap, int);
		return p + 1;
	}
	/* A count beyond any sense stops growing rather than overflow. */
	for (count = 0; *p >= '0' && *p <= '9'; p++) {
		if (count < 100000)
			count = count * 10 + (*p - '0');
	}
	*countp = count;
	return p;
}

static const char *
parse_length(const char *p, struct spec *sp)
{
	for (;; p++) {
		switch (*p) {
		case 'h':
			sp->sp_long--;
			break;
		case 'l':
		case 'j':
		case 'z':
		case 't':
		case 'q':
			sp->sp_long = 1;
			break;
		default:
			return p;
		}
	}
}

static const char *
parse_spec(const char *p, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){ .sp_precision = -1 };
	while (parse_flag(sp, *p))
		p++;
	p = parse_count(p, &sp->sp_width, ap);
	if (sp->sp_width < 0) {
		sp->sp_left = true;
		sp->sp_width = sp->sp_width == INT32_MIN ? 0 : -sp->sp_width;
	}
	if (*p == '.') {
		p = parse_count(p + 1, &sp->sp_precision, ap);
		if (sp->sp_precision < 0)
			sp->sp_precision = -1;
	}
	return parse_length(p, sp);
}

/* Print one conversion; false if it is not one. */
static bool
print_conversion(struct text_sink *sink, struct spec *sp, char c, va_list *ap)
{
	switch (c) {
	case 'd':
	case 'i':
		print_signed(sink, sp, signed_argument(sp, ap));
		return true;
	case 'u':
		print_number(
		    sink, sp, "", unsigned_argument(sp, ap), 10, false);
		return true;
	case 'x':
	case 'X':
		print_hex(sink, sp, unsigned_argument(sp, ap), c == 'X');
		return true;
	case 'o':
		print_octal(sink, sp, unsigned_argument(sp, ap));
		return true;
	case 'p':
		print_number(sink, sp, "0x",
		    (uint64_t)(uintptr_t)va_arg(*ap, void *), 16, false);
		return true;
	case 's':
		print_string(sink, sp, va_arg(*ap, const char *));
		return true;
	case 'c':
		print_char(sink, sp, va_arg(*ap, int));
		return true;
	case '%':
		sink_char(sink, '%');
		return true;
	default:
		return false;
	}
}

void
text_vprint(struct text_sink *sink, const char *fmt, va_list ap)
{
	struct spec spec;
	va_list args;
	const char *p;

	va_copy(args, ap);
	while (*fmt != '\0') {
		if (*fmt != '%') {
			sink_char(sink, *fmt++);
			continue;
		}
		p = parse_spec(fmt + 1, &spec, &args);
		if (print_conversion(sink, &spec, *p, &args))
			fmt = p + 1;
		else
			sink_char(sink, *fmt++);
	}
	va_end(args);
}

size_t
text_format(char *buf, size_t size, const char *fmt, ...)
{
	struct text_sink sink = {
		.ts_buf = buf,
		.ts_size = size == 0 ? 0 : size - 1,
	};
	va_list ap;

	va_start(ap, fmt);
	text_vprint(&sink, fmt, ap);
	va_end(ap);
	if (size != 0)
		buf[sink.ts_used] = '\0';
	return sink.ts_total;
}
