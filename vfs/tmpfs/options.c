/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/tmpfs/options.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/param.h"

#define SCHEME "tmpfs:"
#define VALUE_MAX 32
#define MODE_DEFAULT (S_ISTXT | S_IRWXU | S_IRWXG | S_IRWXO)

/* Text between two characters. */
struct token {
	const char *t_text;
	size_t t_len;
};

static bool
set_size(struct tmpfs_options *to, const char *value)
{
	return param_parse(value, &to->to_size);
}

static bool
set_nodes(struct tmpfs_options *to, const char *value)
{
	return param_parse(value, &to->to_nodes);
}

static bool
set_mode(struct tmpfs_options *to, const char *value)
{
	mode_t mode = 0;
	const char *p;

	for (p = value; *p >= '0' && *p <= '7' && mode <= ALLPERMS; p++)
		mode = mode << 3 | (mode_t)(*p - '0');
	if (p == value || *p != '\0' || mode > ALLPERMS)
		return false;
	to->to_mode = mode;
	return true;
}

/* -1 means "keep" elsewhere and nobody. */
static bool
parse_id(const char *value, uint32_t *id)
{
	uint64_t n;

	for (const char *p = value; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
	}
	if (!param_parse(value, &n) || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

static bool
set_uid(struct tmpfs_options *to, const char *value)
{
	to->to_has_uid = true;
	return parse_id(value, &to->to_uid);
}

static bool
set_gid(struct tmpfs_options *to, const char *value)
{
	to->to_has_gid = true;
	return parse_id(value, &to->to_gid);
}

#define SIZE_RULE "must be a number, perhaps with k, m, g or t behind it"
#define ID_RULE "must be a number below 4294967295"

static const struct key {
	const char *k_name;
	bool (*k_set)(struct tmpfs_options *to, const char *value);
	const char *k_rule;
} keys[] = {
	{ "size", set_size, SIZE_RULE },
	{ "nr_inodes", set_nodes, SIZE_RULE },
	{ "mode", set_mode, "must be octal permission bits, such as 0755" },
	{ "uid", set_uid, ID_RULE },
	{ "gid", set_gid, ID_RULE },
};

static const struct key *
find_key(const struct token *name)
{
	for (size_t i = 0; i < NITEMS(keys); i++) {
		if (strlen(keys[i].k_name) == name->t_len &&
		    memcmp(keys[i].k_name, name->t_text, name->t_len) == 0)
			return &keys[i];
	}
	return NULL;
}

/* Text of the url for a message: no newline, and not too much. */
struct shown {
	char s_text[64];
};

static struct shown
shown(const struct token *t)
{
	struct shown s;
	size_t n = 0;

	while (
	    n < MIN(t->t_len, sizeof(s.s_text) - 1) && t->t_text[n] != '\n') {
		s.s_text[n] = t->t_text[n];
		n++;
	}
	s.s_text[n] = '\0';
	return s;
}

static int
set_option(const struct token *name, const struct token *value,
    struct tmpfs_options *to, char *text, size_t size)
{
	const struct key *k = find_key(name);
	char buf[VALUE_MAX];

	if (k == NULL) {
		ksnprintf(text, size,
		    "tmpfs: no such option '%s'; there are size, nr_inodes,"
		    " mode, uid and gid",
		    shown(name).s_text);
		return EINVAL;
	}
	if (value->t_len < sizeof(buf)) {
		memcpy(buf, value->t_text, value->t_len);
		buf[value->t_len] = '\0';
		if (k->k_set(to, buf))
			return 0;
	}
	ksnprintf(text, size, "tmpfs: %s=%s: it %s", k->k_name,
	    shown(value).s_text, k->k_rule);
	return EINVAL;
}

/* From s up to c, or to the end. */
static struct token
token_until(const char *s, size_t len, char c)
{
	struct token t = { s, 0 };

	while (t.t_len < len && s[t.t_len] != c)
		t.t_len++;
	return t;
}

static int
parse_options(const char *s, struct tmpfs_options *to, char *text, size_t size)
{
	int error = 0;

	while (*s != '\0' && error == 0) {
		struct token all = token_until(s, strlen(s), '&');
		struct token name = token_until(s, all.t_len, '=');
		struct token value = { s + all.t_len, 0 };

		if (name.t_len < all.t_len)
			value = (struct token){ s + name.t_len + 1,
				all.t_len - name.t_len - 1 };
		error = set_option(&name, &value, to, text, size);
		s += all.t_len;
		if (*s == '&')
			s++;
	}
	return error;
}

int
tmpfs_options_parse(
    const char *url, struct tmpfs_options *to, char *text, size_t size)
{
	const char *rest = url + strlen(SCHEME);

	*to = (struct tmpfs_options){ .to_mode = MODE_DEFAULT };
	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0 ||
	    (*rest != '\0' && *rest != '?')) {
		const struct token t = { url, strlen(url) };

		ksnprintf(text, size,
		    "%s: it must be '" SCHEME "', perhaps with options"
		    " behind it: " SCHEME "?size=64m&mode=0700",
		    shown(&t).s_text);
		return EINVAL;
	}
	return *rest == '\0' ? 0 : parse_options(rest + 1, to, text, size);
}
