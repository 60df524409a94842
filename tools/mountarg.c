/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path may contain '=' and so may a URL; what cuts them is the first '='
 * with a scheme behind it.  The kernel has no resolver, so the name in a URL
 * becomes an address here; everything behind the host is the file system's to
 * understand and is passed on as it is.
 */
#include "tools/mountarg.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NFS "nfs://"
#define KERNFS "kernfs:"
#define TMPFS "tmpfs:"
#define ALL_KINDS "nfs://host/export, " TMPFS " and " KERNFS

static int __attribute__((__format__(__printf__, 3, 4)))
fail(char *text, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return -1;
}

/* The length of the scheme that s begins with, 0 if with none. */
static size_t
scheme_length(const char *s)
{
	size_t n = 0;

	if (!islower((unsigned char)s[0]))
		return 0;
	while (islower((unsigned char)s[n]) || isdigit((unsigned char)s[n]) ||
	       (s[n] != '\0' && strchr("+-.", s[n]) != NULL))
		n++;
	return s[n] == ':' ? n : 0;
}

static const char *
find_cut(const char *arg)
{
	const char *p;

	for (p = strchr(arg, '='); p != NULL; p = strchr(p + 1, '=')) {
		if (scheme_length(p + 1) != 0)
			return p;
	}
	return NULL;
}

static int
check_nfs(const char *source, char *text, size_t size)
{
	if (strncmp(source, NFS, strlen(NFS)) != 0)
		return fail(text, size,
		    "%s: a host must follow: nfs://host/export", source);
	if (strchr(source, '\n') != NULL)
		return fail(text, size,
		    "%.*s...: a source cannot contain a newline; write %%0A",
		    (int)strcspn(source, "\n"), source);
	return 0;
}

static int
check_kernfs(const char *source, char *text, size_t size)
{
	if (strcmp(source, KERNFS) == 0)
		return 0;
	return fail(text, size, "%.*s: nothing may follow '" KERNFS "'",
	    (int)strcspn(source, "\n"), source);
}

/* What the options mean is the file system's to say. */
static int
check_tmpfs(const char *source, char *text, size_t size)
{
	const char *rest = source + strlen(TMPFS);

	if (strchr(source, '\n') == NULL && (*rest == '\0' || *rest == '?'))
		return 0;
	return fail(text, size,
	    "%.*s: only options may follow '" TMPFS "', such as " TMPFS
	    "?size=64m",
	    (int)strcspn(source, "\n"), source);
}

static const struct scheme {
	const char *s_name;
	/* NULL: not there yet */
	int (*s_check)(const char *source, char *text, size_t size);
} schemes[] = {
	{ "nfs", check_nfs },
	{ "kernfs", check_kernfs },
	{ "tmpfs", check_tmpfs },
	{ "host", NULL },
};

static int
check_source(const char *source, char *text, size_t size)
{
	size_t i, len = scheme_length(source);
	const struct scheme *s;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		s = &schemes[i];
		if (strlen(s->s_name) != len ||
		    memcmp(s->s_name, source, len) != 0)
			continue;
		if (s->s_check != NULL)
			return s->s_check(source, text, size);
		return fail(text, size,
		    "%s: %s sources are not there yet; there are " ALL_KINDS,
		    source, s->s_name);
	}
	return fail(text, size,
	    "%s: no such kind of source '%.*s:'; there are " ALL_KINDS, source,
	    (int)len, source);
}

/* Copy path with single slashes and none at its end; "." and ".." are errors.
 */
static int
check_path(const char *path, char *out, char *text, size_t size)
{
	const char *p = path;
	size_t len, used = 0;

	if (*path != '/')
		return fail(text, size,
		    "'%s': a mount point is an absolute path, such as /data",
		    path);
	while (*(p += strspn(p, "/")) != '\0') {
		len = strcspn(p, "/");
		if ((len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return fail(text, size,
			    "%s: a mount point must not contain '.' or '..';"
			    " write the path out",
			    path);
		out[used++] = '/';
		memcpy(out + used, p, len);
		used += len;
		p += len;
	}
	out[used] = '\0';
	if (used >= PATH_MAX)
		return fail(text, size,
		    "%.60s...: a mount point must be shorter than %d bytes",
		    path, PATH_MAX);
	if (used == 0)
		return fail(text, size,
		    "%s: the root cannot be a mount point; choose a directory"
		    " such as /data",
		    path);
	if (strchr(out, '\n') != NULL)
		return fail(text, size,
		    "%.*s...: a mount point cannot contain a newline",
		    (int)strcspn(path, "\n"), path);
	return 0;
}

int
mountarg_parse(const char *arg, struct mountarg *ma, char *text, size_t size)
{
	const char *cut = find_cut(arg);
	char *path, *clean, *source;
	int error = -1;

	if (cut == NULL)
		return fail(text, size,
		    "'%s': must be PATH=SOURCE, such as"
		    " /data=nfs://server/export",
		    arg);
	path = strndup(arg, (size_t)(cut - arg));
	clean = malloc((size_t)(cut - arg) + 2);
	source = strdup(cut + 1);
	if (path == NULL || clean == NULL || source == NULL)
		fail(text, size, "out of memory");
	else if (check_path(path, clean, text, size) == 0 &&
		 check_source(source, text, size) == 0)
		error = 0;
	free(path);
	if (error != 0) {
		free(clean);
		free(source);
		return error;
	}
	*ma = (struct mountarg){ .ma_path = clean, .ma_source = source };
	return 0;
}

void
mountarg_fini(struct mountarg *ma)
{
	size_t i;

	for (i = 0; i < ma->ma_nurls; i++)
		free(ma->ma_urls[i]);
	free(ma->ma_path);
	free(ma->ma_source);
}

static int add_url(struct mountarg *ma, char *text, size_t size,
    const char *fmt, ...) __attribute__((__format__(__printf__, 4, 5)));

static int
add_url(struct mountarg *ma, char *text, size_t size, const char *fmt, ...)
{
	va_list ap;
	char *url;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&url, fmt, ap);
	va_end(ap);
	if (n < 0)
		return fail(text, size, "out of memory");
	ma->ma_urls[ma->ma_nurls++] = url;
	return 0;
}

/* The URL with an address; rest is what follows the host. */
static int
add_address(struct mountarg *ma, const struct sockaddr *sa, const char *rest,
    char *text, size_t size)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	char digits[INET6_ADDRSTRLEN];

	if (ma->ma_nurls == MOUNTARG_MAXURLS)
		return 0;
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &sin->sin_addr, digits, sizeof(digits));
		return add_url(ma, text, size, NFS "%s%s", digits, rest);
	}
	inet_ntop(AF_INET6, &sin6->sin6_addr, digits, sizeof(digits));
	if (sin6->sin6_scope_id == 0)
		return add_url(ma, text, size, NFS "[%s]%s", digits, rest);
	return add_url(ma, text, size, NFS "[%s%%25%u]%s", digits,
	    sin6->sin6_scope_id, rest);
}

static int
resolve(struct mountarg *ma, const char *host, int family, const char *rest,
    char *text, size_t size)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = family == AF_INET6 ? AI_NUMERICHOST : 0 };
	struct addrinfo *list, *ai;
	int error;

	error = getaddrinfo(host, NULL, &hints, &list);
	if (error != 0 && family == AF_INET6)
		return fail(text, size,
		    "[%s]: no IPv6 address; it stands in brackets, a scope"
		    " behind %%25: [fe80::1%%25eth0]",
		    host);
	if (error != 0)
		return fail(text, size,
		    "%s: cannot resolve the server's name: %s", host,
		    error == EAI_SYSTEM ? strerror(errno)
					: gai_strerror(error));
	for (ai = list; ai != NULL && error == 0; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET || ai->ai_family == AF_INET6)
			error = add_address(ma, ai->ai_addr, rest, text, size);
	}
	freeaddrinfo(list);
	return error;
}

/* Take "%25" in an IPv6 address as the '%' before its scope. */
static void
decode_scope(char *host)
{
	char *p = strchr(host, '%');

	if (p != NULL && strncmp(p, "%25", 3) == 0)
		memmove(p + 1, p + 3, strlen(p + 3) + 1);
}

static int
resolve_nfs(struct mountarg *ma, char *text, size_t size)
{
	const char *host = ma->ma_source + strlen(NFS), *rest;
	bool ip6 = *host == '[';
	char name[256];
	size_t len;

	host += ip6;
	len = strcspn(host, ip6 ? "]/?" : ":/?");
	if (len == 0 || (ip6 && host[len] != ']'))
		return fail(text, size,
		    "%s: names no server; it must be nfs://host/export",
		    ma->ma_source);
	if (len >= sizeof(name))
		return fail(text, size, "%s: the server's name is too long",
		    ma->ma_source);
	memcpy(name, host, len);
	name[len] = '\0';
	rest = host + len + ip6;
	if (ip6)
		decode_scope(name);
	return resolve(ma, name, ip6 ? AF_INET6 : AF_UNSPEC, rest, text, size);
}

int
mountarg_resolve(struct mountarg *ma, char *text, size_t size)
{
	if (strncmp(ma->ma_source, NFS, strlen(NFS)) == 0)
		return resolve_nfs(ma, text, size);
	return add_url(ma, text, size, "%s", ma->ma_source);
}
