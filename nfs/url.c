/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The URL is cut at '?' and '&' first and percent-decoded afterwards, piece by
 * piece, so that an encoded separator is data.  Options are rows of a table.
 * A row without effect is one whose meaning is what we do anyway (nolock: locks
 * are local), or that does not matter to us; the value is checked all the same.
 */
#include "nfs/url.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

#define SCHEME "nfs://"
#define TOKEN_MAX 64 /* of a token that is shown */
#define VALUE_MAX 64 /* of an option's value */

enum option_kind {
	OPT_NUMBER, /* a number into a uint32_t at op_offset */
	OPT_PORT,   /* a number into a uint16_t of struct nfs_url */
	OPT_ON,     /* a flag: true at op_offset */
	OPT_OFF,    /* a flag: false at op_offset */
	OPT_WORD,   /* one of op_words; its number for op_apply, if any */
	OPT_FLAG,   /* a flag without effect */
	OPT_SWITCH, /* a flag: op_min for op_apply */
	OPT_CALL,   /* a number for op_apply */
};

struct option {
	const char *op_name;
	enum option_kind op_kind;
	uint32_t op_offset;
	uint32_t op_min, op_max;
	const char *op_words; /* separated by spaces */
	void (*op_apply)(struct nfs_options *o, uint32_t value);
};

static void
set_actimeo(struct nfs_options *o, uint32_t value)
{
	o->o_acregmin = o->o_acregmax = value;
	o->o_acdirmin = o->o_acdirmax = value;
}

static void
set_readahead(struct nfs_options *o, uint32_t value)
{
	o->o_readahead = value;
	o->o_has_readahead = true;
}

static void
set_uid(struct nfs_options *o, uint32_t value)
{
	o->o_uid = value;
	o->o_has_uid = true;
}

static void
set_gid(struct nfs_options *o, uint32_t value)
{
	o->o_gid = value;
	o->o_has_gid = true;
}

/* libnfs: attempts to reconnect, -1 without end (parsed as UINT32_MAX). */
static void
set_autoreconnect(struct nfs_options *o, uint32_t value)
{
	o->o_soft = value != UINT32_MAX;
	if (!o->o_soft)
		return;
	o->o_retrans = MAX(value, 1u);
	o->o_has_retrans = true;
}

static void
set_timeo(struct nfs_options *o, uint32_t value)
{
	o->o_timeo = value;
	o->o_has_timeo = true;
}

/* libnfs: milliseconds. */
static void
set_timeout(struct nfs_options *o, uint32_t value)
{
	set_timeo(o, (value + 99) / 100);
}

static void
set_retrans(struct nfs_options *o, uint32_t value)
{
	o->o_retrans = value;
	o->o_has_retrans = true;
}

static const enum nfs_transport transports[] = { NFS_TCP, NFS_UDP, NFS_TCP,
	NFS_UDP };
#define TRANSPORTS "tcp udp tcp6 udp6" /* in this order */

static void
set_proto(struct nfs_options *o, uint32_t value)
{
	o->o_proto = transports[value];
}

static void
set_mountproto(struct nfs_options *o, uint32_t value)
{
	o->o_mountproto = transports[value];
}

static void
set_resvport(struct nfs_options *o, uint32_t value)
{
	o->o_resvport = value != 0;
	o->o_noresvport = value == 0;
}

#define OPTION(member) offsetof(struct nfs_options, member)
#define URL(member) offsetof(struct nfs_url, member)
#define MIB (1024 * 1024)

static const struct option options[] = {
	{ "version", OPT_WORD, .op_words = "3" },
	{ "vers", OPT_WORD, .op_words = "3" },
	{ "nfsvers", OPT_WORD, .op_words = "3" },
	{ "nfsport", OPT_PORT, URL(u_port) },
	{ "port", OPT_PORT, URL(u_port) },
	{ "mountport", OPT_PORT, URL(u_mountport) },
	{ "uid", OPT_CALL, 0, 0, UINT32_MAX - 1, .op_apply = set_uid },
	{ "gid", OPT_CALL, 0, 0, UINT32_MAX - 1, .op_apply = set_gid },
	{ "rsize", OPT_NUMBER, OPTION(o_rsize), 1024, MIB },
	{ "wsize", OPT_NUMBER, OPTION(o_wsize), 1024, MIB },
	{ "readdirsize", OPT_NUMBER, OPTION(o_readdirsize), 4096, MIB },
	{ "timeo", OPT_CALL, 0, 1, 6000, .op_apply = set_timeo },
	{ "timeout", OPT_CALL, 0, 1, 600000, .op_apply = set_timeout },
	{ "retrans", OPT_CALL, 0, 1, 100, .op_apply = set_retrans },
	{ "soft", OPT_ON, OPTION(o_soft) },
	{ "softerr", OPT_ON, OPTION(o_soft) },
	{ "hard", OPT_OFF, OPTION(o_soft) },
	{ "ro", OPT_ON, OPTION(o_ro) },
	{ "readonly", OPT_ON, OPTION(o_ro) },
	{ "rw", OPT_OFF, OPTION(o_ro) },
	{ "ac", OPT_OFF, OPTION(o_noac) },
	{ "noac", OPT_ON, OPTION(o_noac) },
	{ "acregmin", OPT_NUMBER, OPTION(o_acregmin), 0, 86400 },
	{ "acregmax", OPT_NUMBER, OPTION(o_acregmax), 0, 86400 },
	{ "acdirmin", OPT_NUMBER, OPTION(o_acdirmin), 0, 86400 },
	{ "acdirmax", OPT_NUMBER, OPTION(o_acdirmax), 0, 86400 },
	{ "actimeo", OPT_CALL, 0, 0, 86400, .op_apply = set_actimeo },
	{ "readahead", OPT_CALL, 0, 0, 64 * MIB, .op_apply = set_readahead },
	{ "cto", OPT_OFF, OPTION(o_nocto) },
	{ "nocto", OPT_ON, OPTION(o_nocto) },
	{ "rdirplus", OPT_OFF, OPTION(o_nordirplus) },
	{ "nordirplus", OPT_ON, OPTION(o_nordirplus) },
	{ "resvport", OPT_SWITCH, 0, 1, .op_apply = set_resvport },
	{ "noresvport", OPT_SWITCH, 0, 0, .op_apply = set_resvport },
	{ "proto", OPT_WORD, .op_words = TRANSPORTS, .op_apply = set_proto },
	{ "tcp", OPT_SWITCH, 0, 0, .op_apply = set_proto },
	{ "udp", OPT_SWITCH, 0, 1, .op_apply = set_proto },
	{ "mountproto", OPT_WORD, .op_words = TRANSPORTS,
	    .op_apply = set_mountproto },
	{ "mountvers", OPT_WORD, .op_words = "3" },
	{ "pmapport", OPT_PORT, URL(u_pmapport) },
	{ "sec", OPT_WORD, .op_words = "sys" },
	{ "nolock", OPT_FLAG },
	{ "local_lock", OPT_WORD, .op_words = "all" },
	{ "intr", OPT_FLAG },
	{ "nointr", OPT_FLAG },
	{ "fg", OPT_FLAG },
	{ "sharecache", OPT_FLAG },
	{ "noatime", OPT_FLAG },
	{ "nodiratime", OPT_FLAG },
	{ "nosuid", OPT_FLAG },
	{ "nodev", OPT_FLAG },
	{ "autoreconnect", OPT_CALL, 0, 0, 100, .op_apply = set_autoreconnect },
	{ "auto-traverse-mounts", OPT_WORD, .op_words = "0 1" },
	{ "dircache", OPT_WORD, .op_words = "0 1" },
	{ "tcp-syncnt", OPT_WORD, .op_words = "1 2 3 4 5 6" },
	{ "xprtsec", OPT_WORD, .op_words = "none" },
	{ "debug", OPT_WORD, .op_words = "0" },
};

/* Messages: a cursor over the caller's text. */

struct text {
	char *t_buf;
	size_t t_size; /* > 0 */
	size_t t_len;
};

static void
text_add(struct text *t, const char *s)
{
	size_t n = MIN(strlen(s), t->t_size - 1 - t->t_len);

	memcpy(t->t_buf + t->t_len, s, n);
	t->t_len += n;
	t->t_buf[t->t_len] = '\0';
}

/* A foreign token in quotes, shortened, bytes that do not print as \xNN. */
static void
text_add_token(struct text *t, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char shown[5];

	text_add(t, "\"");
	for (size_t i = 0; i < MIN(len, (size_t)TOKEN_MAX); i++) {
		uint8_t c = (uint8_t)s[i];

		if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"') {
			shown[0] = (char)c;
			shown[1] = '\0';
		} else {
			shown[0] = '\\';
			shown[1] = 'x';
			shown[2] = hex[c >> 4];
			shown[3] = hex[c & 15];
			shown[4] = '\0';
		}
		text_add(t, shown);
	}
	text_add(t, len > TOKEN_MAX ? "...\"" : "\"");
}

/* "nfs: <what> <token>: <rule>", and EINVAL for the caller to return. */
static int
refuse(struct text *t, const char *what, const char *s, size_t len,
    const char *rule)
{
	text_add(t, "nfs: ");
	text_add(t, what);
	text_add(t, " ");
	text_add_token(t, s, len);
	text_add(t, ": ");
	text_add(t, rule);
	return EINVAL;
}

static int
refuse_unknown(struct text *t, const char *s, size_t len)
{
	(void)refuse(t, "unknown option", s, len, "known are");
	for (size_t i = 0; i < NITEMS(options); i++) {
		text_add(t, " ");
		text_add(t, options[i].op_name);
	}
	return EINVAL;
}

static void
text_add_u32(struct text *t, uint32_t v)
{
	char buf[11];
	char *p = buf + sizeof(buf) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	text_add(t, p);
}

static int
refuse_range(struct text *t, const struct option *op, const char *s, size_t len,
    uint32_t min, uint32_t max)
{
	text_add(t, "nfs: option ");
	text_add(t, op->op_name);
	text_add(t, " cannot be ");
	text_add_token(t, s, len);
	text_add(t, ": a number from ");
	text_add_u32(t, min);
	text_add(t, " to ");
	text_add_u32(t, max);
	text_add(t, " is wanted");
	return EINVAL;
}

/* Lexical pieces. */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Percent-decode s into out (size bytes with the NUL). */
static int
decode(const char *s, size_t len, char *out, size_t size, struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		int hi, lo;

		if (n + 1 >= size)
			return refuse(t, "part", s, len, "it is too long");
		if (s[i] != '%') {
			out[n] = s[i];
			continue;
		}
		hi = len - i > 2 ? hex_digit(s[i + 1]) : -1;
		lo = len - i > 2 ? hex_digit(s[i + 2]) : -1;
		if (hi < 0 || lo < 0)
			return refuse(t, "bad escape", s + i,
			    MIN(len - i, (size_t)3),
			    "two hexadecimal digits are wanted behind %; "
			    "write %25 for a percent sign");
		if (hi == 0 && lo == 0)
			return refuse(t, "bad escape", s + i, 3,
			    "a zero byte cannot be in a name or value");
		out[n] = (char)(hi << 4 | lo);
		i += 2;
	}
	out[n] = '\0';
	return 0;
}

/* A decimal number of at most max; false for anything else. */
static bool
number(const char *s, size_t len, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > max)
		return false;
	*value = (uint32_t)v;
	return true;
}

static size_t
span(const char *s, size_t len, char stop)
{
	size_t n = 0;

	while (n < len && s[n] != stop)
		n++;
	return n;
}

/* Options. */

/* The place of s in a list of words. */
static bool
word_listed(const char *words, const char *s, uint32_t *place)
{
	size_t len = strlen(s), n;

	for (uint32_t i = 0;; i++, words += n + 1) {
		n = span(words, strlen(words), ' ');
		if (n == len && strncmp(words, s, n) == 0) {
			*place = i;
			return true;
		}
		if (words[n] == '\0')
			return false;
	}
}

static int
apply_word(const struct option *op, const char *value, struct nfs_url *u,
    struct text *t)
{
	uint32_t place;

	if (value != NULL && word_listed(op->op_words, value, &place)) {
		if (op->op_apply != NULL)
			op->op_apply(&u->u_options, place);
		return 0;
	}
	text_add(t, "nfs: option ");
	text_add(t, op->op_name);
	text_add(t, value != NULL ? " cannot be " : " needs a value");
	if (value != NULL)
		text_add_token(t, value, strlen(value));
	text_add(t, "; what works: ");
	text_add(t, op->op_words);
	return EINVAL;
}

static int
apply_number(const struct option *op, const char *value, struct nfs_url *u,
    struct text *t)
{
	uint32_t min = op->op_min, max = op->op_max, v;
	char *base =
	    (char *)(op->op_kind == OPT_PORT ? (void *)u : &u->u_options);

	if (op->op_kind == OPT_PORT) {
		min = 1;
		max = UINT16_MAX;
	}
	if (op->op_apply == set_autoreconnect && value != NULL &&
	    strcmp(value, "-1") == 0)
		v = UINT32_MAX;
	else if (value == NULL || !number(value, strlen(value), max, &v) ||
		 v < min)
		return refuse_range(t, op, value != NULL ? value : "",
		    value != NULL ? strlen(value) : 0, min, max);
	if (op->op_kind == OPT_PORT)
		*(uint16_t *)(void *)(base + op->op_offset) = (uint16_t)v;
	else if (op->op_kind == OPT_NUMBER)
		*(uint32_t *)(void *)(base + op->op_offset) = v;
	else
		op->op_apply(&u->u_options, v);
	return 0;
}

static int
apply_flag(const struct option *op, const char *value, struct nfs_url *u,
    struct text *t)
{
	bool *flag = (bool *)((char *)&u->u_options + op->op_offset);

	if (value != NULL && strcmp(value, "1") != 0) {
		text_add(t, "nfs: option ");
		text_add(t, op->op_name);
		text_add(t, " cannot be ");
		text_add_token(t, value, strlen(value));
		text_add(t, ": it is a switch and takes no value");
		return EINVAL;
	}
	if (op->op_kind == OPT_SWITCH)
		op->op_apply(&u->u_options, op->op_min);
	else if (op->op_kind != OPT_FLAG)
		*flag = op->op_kind == OPT_ON;
	return 0;
}

static int
apply(const struct option *op, const char *value, struct nfs_url *u,
    struct text *t)
{
	switch (op->op_kind) {
	case OPT_NUMBER:
	case OPT_PORT:
	case OPT_CALL:
		return apply_number(op, value, u, t);
	case OPT_WORD:
		return apply_word(op, value, u, t);
	default:
		return apply_flag(op, value, u, t);
	}
}

static int
parse_option(const char *s, size_t len, struct nfs_url *u, struct text *t)
{
	size_t keylen = span(s, len, '=');
	char key[VALUE_MAX], value[VALUE_MAX];
	bool has_value = keylen < len;
	int error;

	if (keylen == 0 || keylen >= sizeof(key))
		return refuse_unknown(t, s, len);
	error = decode(s, keylen, key, sizeof(key), t);
	if (error == 0 && has_value)
		error = decode(
		    s + keylen + 1, len - keylen - 1, value, sizeof(value), t);
	if (error != 0)
		return error;
	for (size_t i = 0; i < NITEMS(options); i++) {
		if (strcmp(options[i].op_name, key) == 0)
			return apply(
			    &options[i], has_value ? value : NULL, u, t);
	}
	return refuse_unknown(t, s, keylen);
}

static int
parse_options(const char *s, struct nfs_url *u, struct text *t)
{
	size_t len = strlen(s), n;
	int error;

	while (len != 0) {
		n = span(s, len, '&');
		error = n != 0 ? parse_option(s, n, u, t) : 0;
		if (error != 0)
			return error;
		if (n == len)
			break;
		s += n + 1;
		len -= n + 1;
	}
	return 0;
}

/* Authority and path. */

/* An IPv6 address whose scope, if any, stands behind "%25" or "%". */
static bool
read_addr6(const char *s, size_t len, struct nfs_addr *ad)
{
	size_t scope = span(s, len, '%'), skip = 0;
	char plain[NFS_ADDR_TEXT];

	if (len - scope > 3 && strncmp(s + scope, "%25", 3) == 0)
		skip = 2;
	if (len - skip > sizeof(plain))
		return false;
	for (size_t i = 0; i < len - skip; i++)
		plain[i] = s[i > scope ? i + skip : i];
	return nfs_addr_parse(plain, len - skip, ad) &&
	       ad->ad_family == AF_INET6;
}

static int
parse_addr6(const char *s, size_t len, struct nfs_url *u, struct text *t)
{
	if (!read_addr6(s, len, &u->u_addr))
		return refuse(t, "server", s, len,
		    "an IPv6 address is wanted in brackets; a scope is the "
		    "number of an interface behind %25");
	if (nfs_addr_is_linklocal(&u->u_addr) && u->u_addr.ad_scope == 0)
		return refuse(t, "server", s, len,
		    "a link-local address needs the number of the interface "
		    "behind it, such as [fe80::1%252]");
	return 0;
}

static int
parse_addr4(const char *s, size_t len, struct nfs_url *u, struct text *t)
{
	if (nfs_addr_parse(s, len, &u->u_addr) &&
	    u->u_addr.ad_family == AF_INET)
		return 0;
	return refuse(t, "server", s, len,
	    "a numeric IPv4 address (A.B.C.D), or an IPv6 address in "
	    "brackets, is wanted");
}

static int
parse_port(const char *s, size_t len, struct nfs_url *u, struct text *t)
{
	uint32_t port;

	if (!number(s, len, UINT16_MAX, &port) || port == 0)
		return refuse(
		    t, "port", s, len, "a number from 1 to 65535 is wanted");
	u->u_port = (uint16_t)port;
	return 0;
}

static int
parse_authority(const char *s, size_t len, struct nfs_url *u, struct text *t)
{
	bool v6 = len > 0 && s[0] == '[';
	size_t host = span(s, len, v6 ? ']' : ':');
	size_t behind = host;
	int error = 0;

	if (v6 && host == len)
		return refuse(
		    t, "server", s, len, "the closing bracket is missing");
	if (v6)
		behind++;
	else if (host < len &&
		 span(s + host + 1, len - host - 1, ':') < len - host - 1)
		return refuse(
		    t, "server", s, len, "an IPv6 address stands in brackets");
	if (behind < len && s[behind] != ':')
		return refuse(
		    t, "server", s, len, "only a port may follow the address");
	if (behind < len)
		error = parse_port(s + behind + 1, len - behind - 1, u, t);
	if (error != 0)
		return error;
	return v6 ? parse_addr6(s + 1, host - 1, u, t)
		  : parse_addr4(s, host, u, t);
}

/* What begins behind the server, which is the last authority bytes before s. */
static int
parse_path(const char *s, size_t len, size_t authority, struct nfs_url *u,
    struct text *t)
{
	size_t n;
	int error;

	if (len == 0)
		return refuse(t, "there is no export behind the server",
		    s - authority, authority,
		    "nfs://HOST[:port]/export[?key=value&...] is wanted");
	error = decode(s, len, u->u_export, sizeof(u->u_export), t);
	if (error != 0)
		return error;
	for (n = strlen(u->u_export); n > 1 && u->u_export[n - 1] == '/'; n--)
		u->u_export[n - 1] = '\0';
	return 0;
}

void
nfs_options_default(struct nfs_options *o)
{
	*o = (struct nfs_options){
		.o_timeo = 600,
		.o_retrans = 2,
		.o_proto = NFS_TCP,
		.o_acregmin = 3,
		.o_acregmax = 60,
		.o_acdirmin = 30,
		.o_acdirmax = 60,
	};
}

void
nfs_options_complete(struct nfs_options *o)
{
	if (o->o_proto != NFS_UDP)
		return;
	if (!o->o_has_timeo)
		o->o_timeo = 11;
	if (!o->o_has_retrans)
		o->o_retrans = 3;
}

static int
parse(const char *url, struct nfs_url *u, struct text *t)
{
	size_t scheme = sizeof(SCHEME) - 1, authority, path;
	const char *s = url + scheme;
	int error;

	if (strncmp(url, SCHEME, scheme) != 0)
		return refuse(t, "URL", url, strlen(url),
		    "it does not begin with nfs://");
	path = span(s, strlen(s), '?');
	authority = span(s, path, '/');
	error = parse_authority(s, authority, u, t);
	if (error == 0)
		error = parse_path(
		    s + authority, path - authority, authority, u, t);
	if (error == 0 && s[path] == '?')
		error = parse_options(s + path + 1, u, t);
	return error;
}

int
nfs_url_parse(const char *url, struct nfs_url *u, char *text, size_t size)
{
	struct text t = { .t_buf = text, .t_size = size };
	struct nfs_url got = { .u_pmapport = 111 };
	int error;

	KASSERT(size > 0);
	text[0] = '\0';
	nfs_options_default(&got.u_options);
	error = parse(url, &got, &t);
	nfs_options_complete(&got.u_options);
	if (error == 0)
		*u = got;
	return error;
}
