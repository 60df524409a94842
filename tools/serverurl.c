/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/serverurl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ad is good as far as its words go: relative to what? */
static enum address_error
complete(struct address *ad)
{
	enum address_error error;
	char *cwd;

	if (!address_is_relative(ad))
		return ADDRESS_OK;
	cwd = get_current_dir_name();
	error = cwd != NULL ? address_make_absolute(ad, cwd) : ADDRESS_NOPATH;
	free(cwd);
	return error;
}

static int
finish(enum address_error error, struct address *ad, const char *name,
    const char *given, char *url, char *text, size_t size)
{
	if (error == ADDRESS_OK)
		error = complete(ad);
	if (error != ADDRESS_OK) {
		snprintf(text, size,
		    "%s'%s': %s; a server is unix://PATH or"
		    " tcp://A.B.C.D:PORT",
		    name, given, address_strerror(error));
		return -1;
	}
	address_format(ad, url);
	return 0;
}

int
serverurl_client(const char *option, char *url, char *text, size_t size)
{
	const char *given = option != NULL ? option : getenv("RUMP_SERVER");
	enum address_error error;
	struct address ad;

	if (given == NULL) {
		snprintf(text, size,
		    "which server? say --server URL, or set RUMP_SERVER");
		return -1;
	}
	error = address_parse(given, &ad);
	if (error == ADDRESS_OK)
		error = address_check_client(&ad);
	return finish(error, &ad,
	    option != NULL ? "--server " : "RUMP_SERVER=", given, url, text,
	    size);
}

int
serverurl_listen(const char *operand, char *url, char *text, size_t size)
{
	struct address ad;
	enum address_error error = address_parse(operand, &ad);

	return finish(error, &ad, "", operand, url, text, size);
}

struct address
serverurl_address(const char *url)
{
	struct address ad = { .ad_port = 0 };
	enum address_error error = address_parse(url, &ad);

	assert(error == ADDRESS_OK);
	(void)error;
	return ad;
}
