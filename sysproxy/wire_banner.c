/* SPDX-License-Identifier: BSD-2-Clause */
/* The line with which a server greets. */
#include "sysproxy/wire.h"

static const char mark[] = "RUMPSP-";

/* A part of the line that is being read. */
struct cursor {
	const char *c_at;
	const char *c_end;
};

static bool
skip_mark(struct cursor *c)
{
	for (const char *m = mark; *m != '\0'; m++) {
		if (c->c_at == c->c_end || *c->c_at != *m)
			return false;
		c->c_at++;
	}
	return true;
}

/* A decimal number of at most four digits, and the character behind it. */
static bool
take_number(struct cursor *c, char behind, unsigned *number)
{
	unsigned n = 0;
	int digits = 0;

	while (c->c_at < c->c_end && *c->c_at >= '0' && *c->c_at <= '9') {
		if (++digits > 4)
			return false;
		n = n * 10 + (unsigned)(*c->c_at++ - '0');
	}
	if (digits == 0 || c->c_at == c->c_end || *c->c_at != behind)
		return false;
	c->c_at++;
	*number = n;
	return true;
}

/* Printable text of at least a byte that ends at end. */
static bool
take_text(struct cursor *c, const char *end, char *text)
{
	size_t n = 0;

	if (end == NULL || end <= c->c_at)
		return false;
	while (c->c_at < end) {
		if (*c->c_at <= ' ' || *c->c_at > '~')
			return false;
		text[n++] = *c->c_at++;
	}
	text[n] = '\0';
	return true;
}

static const char *
find_first(const struct cursor *c, char what)
{
	for (const char *p = c->c_at; p < c->c_end; p++)
		if (*p == what)
			return p;
	return NULL;
}

static const char *
find_last(const struct cursor *c, char what)
{
	const char *found = NULL;

	for (const char *p = c->c_at; p < c->c_end; p++)
		if (*p == what)
			found = p;
	return found;
}

/* Words of our own may follow: genuine clients look at the newline alone. */
static bool
parse_machine(struct cursor c, struct wire_banner *wb)
{
	const char *space = find_first(&c, ' ');

	if (space == NULL)
		return take_text(&c, c.c_end, wb->wb_machine);
	if (!take_text(&c, space, wb->wb_machine))
		return false;
	c.c_at++;
	return take_text(&c, c.c_end, wb->wb_word);
}

static bool
parse_line(struct cursor c, struct wire_banner *wb)
{
	if (!skip_mark(&c) || !take_number(&c, '.', &wb->wb_major) ||
	    !take_number(&c, '-', &wb->wb_minor) ||
	    !take_text(&c, find_first(&c, '-'), wb->wb_ostype))
		return false;
	c.c_at++;
	if (!take_text(&c, find_last(&c, '/'), wb->wb_osrelease))
		return false;
	c.c_at++;
	return parse_machine(c, wb);
}

static bool
is_string(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

enum wire_bannerstate
wire_banner_parse(const char *buf, size_t len, struct wire_banner *wb)
{
	struct cursor all = { buf, buf + len };
	struct wire_banner got = { 0 };
	const char *newline = find_first(&all, '\n');

	if (newline == NULL)
		return len < WIRE_BANNER_MAX ? WIRE_BANNER_MORE
					     : WIRE_BANNER_BAD;
	if (newline + 1 != all.c_end || len > WIRE_BANNER_MAX)
		return WIRE_BANNER_BAD;
	all.c_end = newline;
	if (!parse_line(all, &got))
		return WIRE_BANNER_BAD;
	*wb = got;
	if (got.wb_major != WIRE_MAJOR || got.wb_minor != WIRE_MINOR)
		return WIRE_BANNER_VERSION;
	if (!is_string(got.wb_machine, "amd64"))
		return WIRE_BANNER_MACHINE;
	return WIRE_BANNER_OK;
}

/* What is being written: never more than the banner's bytes. */
struct line {
	char l_text[WIRE_BANNER_MAX];
	size_t l_len; /* WIRE_BANNER_MAX + 1: it did not fit */
};

static void
append(struct line *l, const char *s)
{
	for (; *s != '\0' && l->l_len <= WIRE_BANNER_MAX; s++) {
		if (l->l_len < WIRE_BANNER_MAX)
			l->l_text[l->l_len] = *s;
		l->l_len++;
	}
}

size_t
wire_banner_make(char *buf, const char *ostype, const char *osrelease,
    const char *machine, const char *word)
{
	const char *const parts[] = { mark, "0.4-", ostype, "-", osrelease, "/",
		machine, word != NULL ? " " : "", word != NULL ? word : "",
		"\n" };
	struct line l = { .l_len = 0 };
	struct wire_banner wb;

	_Static_assert(WIRE_MAJOR == 0 && WIRE_MINOR == 4, "as in parts");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		append(&l, parts[i]);
	if (l.l_len > WIRE_BANNER_MAX ||
	    wire_banner_parse(l.l_text, l.l_len, &wb) == WIRE_BANNER_BAD)
		return 0;
	if (!is_string(wb.wb_ostype, ostype) ||
	    !is_string(wb.wb_osrelease, osrelease) ||
	    !is_string(wb.wb_machine, machine) ||
	    !is_string(wb.wb_word, word != NULL ? word : ""))
		return 0;
	for (size_t i = 0; i < l.l_len; i++)
		buf[i] = l.l_text[i];
	return l.l_len;
}
