/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser that will see the URL is in a library of the kernel.  It is loaded
 * for that, and no kernel is started.
 */
#include "tools/urlcheck.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/libraries.h"

/* The function of a scheme; it returns 0 or an error with a line in text. */
static const struct {
	const char *scheme, *symbol;
} checks[] = {
	{ "nfs:", "rump_nfs_check_url" },
	{ "tmpfs:", "rump_tmpfs_check_url" },
};

static const char *
symbol_for(const char *url)
{
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strncmp(url, checks[i].scheme, strlen(checks[i].scheme)) ==
		    0)
			return checks[i].symbol;
	}
	return NULL;
}

/* Load what url needs; the handle of the last one, or NULL and a line. */
static void *
load(const char *hijack, const char *url, char *text, size_t size)
{
	const struct library *l;
	void *handle = NULL;
	char path[PATH_MAX];

	for (l = libraries; l < libraries + NLIBRARIES; l++) {
		if (l->l_scheme != NULL && !library_serves(l, url))
			continue;
		if (!library_locate(l, getenv("RUMPKIT_LIBDIR"), hijack, path,
			sizeof(path))) {
			snprintf(text, size,
			    "%s is not beside %s; say where it is with"
			    " RUMPKIT_LIBDIR",
			    l->l_name, hijack);
			return NULL;
		}
		handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
		if (handle == NULL) {
			snprintf(text, size, "%s", dlerror());
			return NULL;
		}
	}
	return handle;
}

int
urlcheck(const char *hijack, const char *url, char *text, size_t size)
{
	const char *symbol = symbol_for(url);
	int (*check)(const char *, char *, size_t);
	void *handle, *sym;

	if (symbol == NULL)
		return 0;
	handle = load(hijack, url, text, size);
	if (handle == NULL)
		return -1;
	sym = dlsym(handle, symbol);
	if (sym == NULL) {
		snprintf(text, size, "%s", dlerror());
		return -1;
	}
	memcpy(&check, &sym, sizeof(check));
	return check(url, text, size) != 0 ? -1 : 0;
}
