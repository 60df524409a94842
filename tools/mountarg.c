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

struct scheme {
	const char *s_name;
	bool s_there;
};

static const struct scheme schemes[] = {
	{ "nfs", true },
	{ "tmpfs", false },
	{ "kernfs", false },
	{ "host", false },
};

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
check_source(const char *source, char *text, size_t size)
{
	size_t i, len = scheme_length(source);

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strlen(schemes[i].s_name) != len ||
		    memcmp(schemes[i].s_name, source, len) != 0)
			continue;
		if (!schemes[i].s_there)
			return fail(text, size,
			    "%s: %s sources are not there yet; there is"
			    " nfs://host/export",
			    source, schemes[i].s_name);
		if (strncmp(source, NFS, strlen(NFS)) != 0)
			return fail(text, size,
			    "%s: a host must follow: nfs://host/export",
			    source);
		if (strchr(source, '\n') != NULL)
			return fail(text, size,
			    "%.*s...: a source cannot contain a newline; write"
			    " %%0A",
			    (int)strcspn(source, "\n"), source);
		return 0;
	}
	return fail(text, size,
	    "%s: no such kind of source '%.*s:'; there is nfs://host/export",
	    source, (int)len, source);
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
	ma->ma_path = clean;
	ma->ma_source = source;
	return 0;
}

void
mountarg_fini(struct mountarg *ma)
{
	free(ma->ma_path);
	free(ma->ma_source);
}

static bool
has_ipv6(const char *host)
{
	struct addrinfo hints = { .ai_family = AF_INET6 }, *ai;

	if (getaddrinfo(host, NULL, &hints, &ai) != 0)
		return false;
	freeaddrinfo(ai);
	return true;
}

/* The IPv4 address of a host name, as digits. */
static int
resolve(const char *host, char *digits, char *text, size_t size)
{
	struct addrinfo hints = { .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	int error;

	error = getaddrinfo(host, NULL, &hints, &ai);
	if (error != 0 && has_ipv6(host))
		return fail(text, size,
		    "%s: has IPv6 addresses only, which NFS mounts cannot use"
		    " yet",
		    host);
	if (error != 0)
		return fail(text, size,
		    "%s: cannot resolve the server's name: %s", host,
		    error == EAI_SYSTEM ? strerror(errno)
					: gai_strerror(error));
	inet_ntop(AF_INET, &((struct sockaddr_in *)ai->ai_addr)->sin_addr,
	    digits, INET_ADDRSTRLEN);
	freeaddrinfo(ai);
	return 0;
}

int
mountarg_resolve(struct mountarg *ma, char *text, size_t size)
{
	const char *host = ma->ma_source + strlen(NFS);
	size_t len = strcspn(host, ":/?");
	char name[256], digits[INET_ADDRSTRLEN], *url;

	if (*host == '[')
		return fail(text, size,
		    "%s: NFS over IPv6 is not there yet; give an IPv4 address",
		    ma->ma_source);
	if (len == 0)
		return fail(text, size,
		    "%s: names no server; it must be nfs://host/export",
		    ma->ma_source);
	if (len >= sizeof(name))
		return fail(text, size, "%s: the server's name is too long",
		    ma->ma_source);
	memcpy(name, host, len);
	name[len] = '\0';
	if (resolve(name, digits, text, size) != 0)
		return -1;
	if (asprintf(&url, NFS "%s%s", digits, host + len) < 0)
		return fail(text, size, "out of memory");
	free(ma->ma_source);
	ma->ma_source = url;
	return 0;
}
