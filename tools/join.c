/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/join.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rump/rumpdefs.h"
#include "sysproxy/fast.h"
#include "tools/client.h"
#include "tools/rumpkit.h"

#define REASON_MAX 1024

/* Does a line of the report, "SOURCE on PATH type TYPE (...)", speak of path? */
static bool
names_path(const char *line, const char *path)
{
	const char *on = strstr(line, " on ");
	size_t len = strlen(path);

	if (on == NULL || on > line + strcspn(line, "\n"))
		return false;
	on += strlen(" on ");
	return strncmp(on, path, len) == 0 &&
	       strncmp(on + len, " type ", strlen(" type ")) == 0;
}

/* What is mounted at path, to be freed; NULL: nothing. */
static char *
mounted(const char *report, const char *path)
{
	const char *line = report;

	while (*line != '\0') {
		if (names_path(line, path))
			return strndup(line, strcspn(line, "\n"));
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

/* "10.1.2.3:/export" of nfs://10.1.2.3:2049/export?soft */
static bool
is_nfs_source(const char *line, const char *url)
{
	const char *host = url + strlen("nfs://");
	size_t hostlen =
	    *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
	const char *path = host + strcspn(host, "/");

	return strncmp(line, host, hostlen) == 0 && line[hostlen] == ':' &&
	       strncmp(line + hostlen + 1, path, strcspn(path, "?")) == 0;
}

/* Is what the line says of a mount what ma asks for? */
static bool
is_the_same(const char *line, const struct mountarg *ma)
{
	size_t len = strcspn(ma->ma_source, ":"), i;
	const char *type = strstr(line, " type ") + strlen(" type ");

	if (strncmp(type, ma->ma_source, len) != 0 || type[len] != ' ')
		return false;
	if (strncmp(ma->ma_source, "nfs:", strlen("nfs:")) != 0)
		return true;
	for (i = 0; i < ma->ma_nurls; i++) {
		if (is_nfs_source(line, ma->ma_urls[i]))
			return true;
	}
	return false;
}

/* An errno; reason holds REASON_MAX bytes. */
static int
mount_url(struct client *cl, const char *path, const char *url, char *reason)
{
	struct client_call cc = {
		.cc_num = FASTCALL_MOUNT,
		.cc_args = { (int64_t)(uintptr_t)path, (int64_t)(uintptr_t)url,
		    (int64_t)(uintptr_t)reason, REASON_MAX },
		.cc_memory = { { .cm_in = path, .cm_len = strlen(path) + 1 },
		    { .cm_in = url, .cm_len = strlen(url) + 1 },
		    { .cm_out = reason, .cm_len = REASON_MAX } },
	};
	int error;

	*reason = '\0';
	error = client_call(cl, &cc);
	reason[REASON_MAX - 1] = '\0';
	return error;
}

static const char *
describe(int error, const char *reason)
{
	if (error < 0)
		return "the server ended meanwhile";
	if (*reason != '\0')
		return reason;
	if (error == RUMP_EPERM)
		return "only the server's own user and root may mount there";
	return "cannot be mounted";
}

static int
mount_one(struct client *cl, const struct mountarg *ma)
{
	char reasons[MOUNTARG_MAXURLS][REASON_MAX];
	int errors[MOUNTARG_MAXURLS];
	size_t i;

	for (i = 0; i < ma->ma_nurls; i++) {
		errors[i] =
		    mount_url(cl, ma->ma_path, ma->ma_urls[i], reasons[i]);
		if (errors[i] == 0)
			return 0;
	}
	for (i = 0; i < ma->ma_nurls; i++)
		complain(0, "%s=%s: %s", ma->ma_path, ma->ma_urls[i],
		    describe(errors[i], reasons[i]));
	return STATUS_FAILED;
}

/* Unless it is there. */
static int
ensure(struct client *cl, const struct mountarg *ma, const char *report)
{
	char *line = mounted(report, ma->ma_path);
	int status = 0;

	if (line == NULL)
		return mount_one(cl, ma);
	if (!is_the_same(line, ma))
		status = complain(STATUS_FAILED,
		    "--mount %s: the server has something else there: %s",
		    ma->ma_path, line);
	free(line);
	return status;
}

static int
ensure_all(struct client *cl, const struct plan *pl)
{
	int status = 0;
	char *report;
	size_t i;

	if (client_report(cl, "mounts", &report) != 0)
		return complain(STATUS_FAILED,
		    "%s: the server does not say what it has mounted",
		    pl->pl_server);
	for (i = 0; i < pl->pl_nmounts && status == 0; i++)
		status = ensure(cl, &pl->pl_mounts[i], report);
	free(report);
	return status;
}

int
join_mounts(const struct plan *pl)
{
	struct client *cl;
	char text[512];
	int status;

	if (pl->pl_nmounts == 0)
		return 0;
	if (client_connect(pl->pl_server, &cl, text, sizeof(text)) != 0)
		return complain(STATUS_FAILED, "%s", text);
	status = ensure_all(cl, pl);
	client_disconnect(cl);
	return status;
}
