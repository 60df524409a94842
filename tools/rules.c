/* SPDX-License-Identifier: BSD-2-Clause */
/* The decisions themselves are those of preload/namespace.c. */
#include "tools/rules.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAXLINKS 40

/*
 * Directories on the way to a mount point that the host lacks are the rump
 * kernel's.  The i-th mount's topmost one becomes a rule.
 */
static int
add_parent(struct rules *rs, const struct plan *pl, size_t i)
{
	char *path = strdup(pl->pl_mounts[i].ma_path);
	char *end = path;

	rs->rs_parents[i] = path;
	if (path == NULL)
		return -1;
	while ((end = strchr(end + 1, '/')) != NULL) {
		*end = '\0';
		if (access(path, F_OK) != 0)
			return namespace_add(
			    &rs->rs_namespace, NS_PARENT, path);
		*end = '/';
	}
	return 0;
}

int
rules_init(struct rules *rs, const struct plan *pl)
{
	const struct hijackspec *hs = &pl->pl_spec;
	int error = 0;
	size_t i;

	memset(rs, 0, sizeof(*rs));
	/* In the order of the router's configuration. */
	for (i = 0; i < pl->pl_nmounts; i++)
		error |= namespace_add(
		    &rs->rs_namespace, NS_MOUNT, pl->pl_mounts[i].ma_path);
	for (i = 0; i < pl->pl_nmounts; i++)
		error |= add_parent(rs, pl, i);
	if (hs->hs_path != NULL)
		error |= namespace_add(&rs->rs_namespace, NS_PATH, hs->hs_path);
	for (i = 0; i < hs->hs_nblankets; i++)
		error |= namespace_add(
		    &rs->rs_namespace, NS_BLANKET, hs->hs_blankets[i]);
	return error != 0 ? -1 : 0;
}

void
rules_fini(struct rules *rs)
{
	size_t i;

	for (i = 0; i < CONFIG_MAXMOUNTS; i++)
		free(rs->rs_parents[i]);
}

/*
 * Put the target of the first symbolic link among the components of path, which
 * holds PATH_MAX bytes, in its place.  Returns false when there is none.
 */
static bool
follow_link(char *path)
{
	char target[PATH_MAX], next[3 * PATH_MAX], cut;
	char *end = path;
	ssize_t n;

	do {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		cut = *end;
		*end = '\0';
		n = readlink(path, target, sizeof(target) - 1);
		if (n >= 0)
			break;
		*end = cut;
	} while (cut != '\0');
	if (n < 0)
		return false;
	target[n] = '\0';
	if (*target == '/')
		*path = '\0';
	else
		*strrchr(path, '/') = '\0';
	snprintf(next, sizeof(next), "%s%s%s/%s", path,
	    *target == '/' ? "" : "/", target, cut == '\0' ? "" : end + 1);
	if (strlen(next) >= PATH_MAX)
		return false;
	strcpy(path, next);
	return true;
}

/* The absolute form of path, into out, which holds PATH_MAX bytes. */
static int
make_absolute(const char *path, char *out)
{
	char cwd[PATH_MAX] = "";
	int n;

	if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return -1;
	n = snprintf(
	    out, PATH_MAX, "%s%s%s", cwd, *path != '/' ? "/" : "", path);
	return n < PATH_MAX ? 0 : -1;
}

int
rules_decide(const struct rules *rs, const char *path, struct ns_decision *nd,
    size_t size)
{
	char absolute[PATH_MAX];
	int links;

	if (make_absolute(path, absolute) != 0)
		return -1;
	for (links = 0; links <= MAXLINKS; links++) {
		if (namespace_decide(&rs->rs_namespace, absolute, nd, size) !=
		    0)
			return -1;
		if (nd->nd_rule != NS_HOST || !follow_link(absolute))
			break;
	}
	return 0;
}
