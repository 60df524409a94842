/* SPDX-License-Identifier: BSD-2-Clause */
/* The text is copied and cut up in place; names and values point into it. */
#include "preload/hijackspec.h"

#include <errno.h>
#include <limits.h>

#include "preload/text.h"

struct word {
	const char *name;
	unsigned bit;
};

static const struct word socket_words[] = {
	{ "local", HS_LOCAL },
	{ "inet", HS_INET },
	{ "link", HS_LINK },
	{ "oroute", HS_OROUTE },
	{ "route", HS_ROUTE },
	{ "inet6", HS_INET6 },
	{ "mpls", HS_MPLS },
	{ NULL, 0 },
};

static const struct word vfs_words[] = {
	{ "nfssvc", HS_NFSSVC },
	{ "getvfsstat", HS_GETVFSSTAT },
	{ "fhcalls", HS_FHCALLS },
	{ NULL, 0 },
};

static int
complain(struct hijackspec_error *he, const char *token, const char *rule)
{
	struct text t;

	text_init(&t, he->he_token, sizeof(he->he_token));
	text_put(&t, token);
	he->he_rule = rule;
	return EINVAL;
}

/* Cut text at the first separator; returns what follows, or NULL. */
static char *
cut(char *text, char separator)
{
	for (; *text != '\0'; text++) {
		if (*text == separator) {
			*text = '\0';
			return text + 1;
		}
	}
	return NULL;
}

static bool
word_bit(const struct word *words, const char *name, unsigned *bit)
{
	for (; words->name != NULL; words++) {
		if (text_equal(words->name, name)) {
			*bit = words->bit;
			return true;
		}
	}
	return false;
}

/* [all:]word:noword... */
static int
parse_words(char *value, const struct word *words, unsigned all, unsigned *bits,
    struct hijackspec_error *he, const char *rule)
{
	bool first = true;
	unsigned bit;
	char *next;

	for (; value != NULL; value = next, first = false) {
		next = cut(value, ':');
		if (text_equal(value, "all") && first)
			*bits = all;
		else if (word_bit(words, value, &bit))
			*bits |= bit;
		else if (text_begins(value, "no") &&
			 word_bit(words, value + 2, &bit))
			*bits &= ~bit;
		else
			return complain(he, value, rule);
	}
	return 0;
}

static int
parse_socket(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char rule[] =
	    "socket=[all:]family:..., family one of local inet link oroute "
	    "route inet6 mpls, or no and a family";

	if (value == NULL)
		return complain(he, "socket", rule);
	return parse_words(
	    value, socket_words, HS_ALL, &hs->hs_sockets, he, rule);
}

static bool
only_slashes(const char *s)
{
	while (*s == '/')
		s++;
	return *s == '\0';
}

static int
parse_path(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char rule[] =
	    "path=/prefix, at least two characters, no trailing slash";
	size_t len;

	if (value == NULL)
		return complain(he, "path", rule);
	len = text_length(value);
	if (value[0] != '/' || len < 2 ||
	    (value[len - 1] == '/' && !only_slashes(value)))
		return complain(he, value, rule);
	hs->hs_path = value;
	return 0;
}

static int
parse_blanket(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char rule[] =
	    "blanket=/prefix:/prefix..., without trailing slashes";
	char *next;

	if (value == NULL)
		return complain(he, "blanket", rule);
	for (; value != NULL; value = next) {
		next = cut(value, ':');
		if (value[0] != '/' || value[text_length(value) - 1] == '/')
			return complain(he, value, rule);
		if (hs->hs_nblankets == HIJACKSPEC_MAXBLANKETS)
			return complain(
			    he, value, "at most 32 blanket prefixes");
		hs->hs_blankets[hs->hs_nblankets++] = value;
	}
	return 0;
}

static int
parse_vfs(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char rule[] =
	    "vfs=[all:]nfssvc:getvfsstat:fhcalls, or no and one of them";

	if (value == NULL)
		return complain(he, "vfs", rule);
	return parse_words(value, vfs_words, HS_ALLVFS, &hs->hs_vfs, he, rule);
}

static int
parse_sysctl(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char *const yes[] = { "y", "yes", "yep", "tottakai" };
	static const char *const no[] = { "n", "no" };

	hs->hs_sysctl = true;
	if (value == NULL)
		return 0;
	for (char *p = value; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (text_equal(value, yes[i]))
			return 0;
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (text_equal(value, no[i])) {
			hs->hs_sysctl = false;
			return 0;
		}
	}
	return complain(he, value, "sysctl[=yes|no]");
}

static int
parse_fdoff(struct hijackspec *hs, char *value, struct hijackspec_error *he)
{
	static const char rule[] = "fdoff=number, from 3 to 1073741822";
	long n = 0;

	if (value == NULL || *value == '\0')
		return complain(he, value == NULL ? "fdoff" : value, rule);
	for (const char *p = value; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || n >= INT_MAX / 2)
			return complain(he, value, rule);
		n = n * 10 + (*p - '0');
	}
	if (n < 3 || n >= INT_MAX / 2)
		return complain(he, value, rule);
	hs->hs_fdoff = (int)n;
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(struct hijackspec *, char *, struct hijackspec_error *);
} items[] = {
	{ "socket", parse_socket },
	{ "path", parse_path },
	{ "blanket", parse_blanket },
	{ "vfs", parse_vfs },
	{ "sysctl", parse_sysctl },
	{ "fdoff", parse_fdoff },
};

static int
parse_item(struct hijackspec *hs, char *item, struct hijackspec_error *he)
{
	char *value = cut(item, '=');

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (*item != '\0' && text_begins(items[i].name, item))
			return items[i].parse(hs, value, he);
	}
	return complain(
	    he, item, "one of socket path blanket vfs sysctl fdoff");
}

int
hijackspec_parse(
    const char *spec, struct hijackspec *hs, struct hijackspec_error *he)
{
	struct text copy;
	char *item, *next;
	int error;

	if (spec == NULL || text_length(spec) >= HIJACKSPEC_MAX)
		spec = HIJACKSPEC_DEFAULT;
	hs->hs_sockets = hs->hs_vfs = hs->hs_nblankets = 0;
	hs->hs_sysctl = false;
	hs->hs_fdoff = 0;
	hs->hs_path = NULL;
	text_init(&copy, hs->hs_text, sizeof(hs->hs_text));
	text_put(&copy, spec);
	for (item = hs->hs_text; item != NULL && *hs->hs_text != '\0';
	     item = next) {
		next = cut(item, ',');
		error = parse_item(hs, item, he);
		if (error != 0)
			return error;
	}
	return 0;
}
