/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/searchpath.h"

#include "preload/text.h"

static bool
is_one_of(char c, const char *set)
{
	while (*set != '\0' && *set != c)
		set++;
	return *set != '\0';
}

/* Is [s, end) NAME or {NAME} and perhaps more?  Its length, or 0. */
static size_t
token_length(const char *s, const char *end, const char *name)
{
	const char *p = s;
	bool brace = p < end && *p == '{';

	if (brace)
		p++;
	while (*name != '\0' && p < end && *p == *name) {
		p++;
		name++;
	}
	if (*name != '\0' || (brace && (p == end || *p++ != '}')))
		return 0;
	return (size_t)(p - s);
}

/* What stands for the token at s, behind '$', of *len bytes; NULL: it is not
 * known, *len 0: it is none. */
static const char *
token_value(const char *s, const char *end, const struct searchpath_tokens *st,
    size_t *len)
{
	*len = token_length(s, end, "ORIGIN");
	if (*len != 0)
		return st->st_origin;
	*len = token_length(s, end, "LIB");
	if (*len != 0)
		return st->st_lib;
	*len = token_length(s, end, "PLATFORM");
	return "x86_64";
}

static bool
expand(struct text *t, const char *s, const char *end,
    const struct searchpath_tokens *st)
{
	while (s < end) {
		const char *value;
		size_t len = 0;

		if (*s != '$') {
			text_char(t, *s++);
			continue;
		}
		value = token_value(s + 1, end, st, &len);
		if (len != 0 && value == NULL)
			return false;
		text_put(t, len != 0 ? value : "$");
		s += 1 + len;
	}
	return t->t_len + 1 < t->t_size;
}

bool
searchpath_next(const char **list, const char *ends,
    const struct searchpath_tokens *st, char *buf, size_t size)
{
	const char *begin, *end;
	struct text t;

	while (*list != NULL) {
		begin = end = *list;
		while (*end != '\0' && !is_one_of(*end, ends))
			end++;
		*list = *end == '\0' ? NULL : end + 1;
		text_init(&t, buf, size);
		if (expand(&t, begin, end, st))
			return true;
	}
	return false;
}
