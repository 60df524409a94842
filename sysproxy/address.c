/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/address.h"

#define SCHEME_MAX 15
#define HOST_MAX 63

/* The C library's own are not everywhere. */
static size_t
length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static bool
is_scheme(const char *url, size_t len, const char *scheme)
{
	size_t i;

	for (i = 0; i < len && scheme[i] != '\0'; i++)
		if (url[i] != scheme[i])
			return false;
	return i == len && scheme[i] == '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number up to max; *sp moves behind it. */
static bool
take_number(const char **sp, uint32_t max, uint32_t *number)
{
	const char *s = *sp;
	uint32_t n = 0;

	if (!is_digit(*s))
		return false;
	for (; is_digit(*s); s++) {
		n = n * 10 + (uint32_t)(*s - '0');
		if (n > max)
			return false;
	}
	*sp = s;
	*number = n;
	return true;
}

/* Four numbers with dots between, or "*", or "0"; then a colon. */
static bool
take_host(const char **sp, uint32_t *host)
{
	const char *s = *sp;
	uint32_t part, all = 0;

	if ((s[0] == '*' || s[0] == '0') && s[1] == ':') {
		*host = 0;
		*sp = s + 2;
		return true;
	}
	for (int i = 0; i < 4; i++) {
		if (!take_number(&s, 255, &part) || *s != (i < 3 ? '.' : ':'))
			return false;
		s++;
		all = all << 8 | part;
	}
	if (s - 1 - *sp > HOST_MAX)
		return false;
	*host = all;
	*sp = s;
	return true;
}

static enum address_error
parse_tcp(const char *rest, struct address *ad)
{
	struct address got = { .ad_family = ADDRESS_TCP };
	uint32_t port;

	if (!take_host(&rest, &got.ad_host))
		return ADDRESS_HOST;
	if (!take_number(&rest, 65535, &port) ||
	    (*rest != '\0' && *rest != '/'))
		return ADDRESS_PORT;
	got.ad_port = (uint16_t)port;
	*ad = got;
	return ADDRESS_OK;
}

static enum address_error
parse_unix(const char *path, struct address *ad)
{
	struct address got = { .ad_family = ADDRESS_UNIX };
	size_t len = length(path);

	if (len == 0)
		return ADDRESS_NOPATH;
	if (len >= ADDRESS_PATH_MAX)
		return ADDRESS_TOOLONG;
	for (size_t i = 0; i < len; i++)
		got.ad_path[i] = path[i];
	*ad = got;
	return ADDRESS_OK;
}

enum address_error
address_parse(const char *url, struct address *ad)
{
	size_t len = 0;
	const char *rest;

	if (url == NULL || *url == '\0')
		return ADDRESS_EMPTY;
	while (url[len] != '\0' && url[len] != ':' && len <= SCHEME_MAX)
		len++;
	if (len == 0 || len > SCHEME_MAX || url[len] != ':' ||
	    url[len + 1] != '/' || url[len + 2] != '/')
		return ADDRESS_NOSCHEME;
	rest = url + len + 3;
	if (is_scheme(url, len, "unix"))
		return parse_unix(rest, ad);
	if (is_scheme(url, len, "tcp"))
		return parse_tcp(rest, ad);
	if (is_scheme(url, len, "tcp6"))
		return ADDRESS_TCP6;
	return ADDRESS_UNKNOWN;
}

enum address_error
address_check_client(const struct address *ad)
{
	if (ad->ad_family == ADDRESS_TCP &&
	    (ad->ad_host == 0 || ad->ad_port == 0))
		return ADDRESS_WILDCARD;
	return ADDRESS_OK;
}

bool
address_is_relative(const struct address *ad)
{
	return ad->ad_family == ADDRESS_UNIX && ad->ad_path[0] != '/';
}

enum address_error
address_make_absolute(struct address *ad, const char *cwd)
{
	struct address got = { .ad_family = ADDRESS_UNIX };
	size_t dirlen = length(cwd), len = length(ad->ad_path);

	if (!address_is_relative(ad))
		return ADDRESS_OK;
	if (dirlen >= ADDRESS_PATH_MAX || dirlen + 1 + len >= ADDRESS_PATH_MAX)
		return ADDRESS_TOOLONG;
	for (size_t i = 0; i < dirlen; i++)
		got.ad_path[i] = cwd[i];
	got.ad_path[dirlen] = '/';
	for (size_t i = 0; i < len; i++)
		got.ad_path[dirlen + 1 + i] = ad->ad_path[i];
	*ad = got;
	return ADDRESS_OK;
}

static char *
put_text(char *to, const char *s)
{
	while (*s != '\0')
		*to++ = *s++;
	return to;
}

static char *
put_number(char *to, uint32_t n)
{
	char digits[10];
	int i = 0;

	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	while (i > 0)
		*to++ = digits[--i];
	return to;
}

static char *
put_host(char *to, uint32_t host)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		to = put_number(to, host >> shift & 0xff);
		*to++ = shift > 0 ? '.' : ':';
	}
	return to;
}

void
address_format(const struct address *ad, char *url)
{
	if (ad->ad_family == ADDRESS_UNIX) {
		url = put_text(url, "unix://");
		*put_text(url, ad->ad_path) = '\0';
		return;
	}
	url = put_host(put_text(url, "tcp://"), ad->ad_host);
	url = put_number(url, ad->ad_port);
	*put_text(url, "/") = '\0';
}

const char *
address_strerror(enum address_error error)
{
	switch (error) {
	case ADDRESS_OK:
		return "nothing is wrong";
	case ADDRESS_EMPTY:
		return "no URL was given";
	case ADDRESS_NOSCHEME:
		return "the URL does not begin with unix:// or tcp://";
	case ADDRESS_UNKNOWN:
		return "only unix:// and tcp:// are known";
	case ADDRESS_TCP6:
		return "tcp6:// is not supported";
	case ADDRESS_NOPATH:
		return "no path follows unix://";
	case ADDRESS_TOOLONG:
		return "the path of the socket is too long";
	case ADDRESS_HOST:
		return "tcp:// wants an IPv4 address with dots, or *, and a "
		       "colon";
	case ADDRESS_PORT:
		return "the port is not a number from 0 to 65535, at the end "
		       "or before a slash";
	case ADDRESS_WILDCARD:
		return "a client needs the address and port of one server";
	}
	return "the URL is not understood";
}

int
address_errno(enum address_error error, int eopnotsupp, int enametoolong)
{
	switch (error) {
	case ADDRESS_OK:
		return 0;
	case ADDRESS_TCP6:
		return eopnotsupp;
	case ADDRESS_TOOLONG:
		return enametoolong;
	default:
		return 22; /* EINVAL, everywhere */
	}
}
