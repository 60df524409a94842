/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host shows a map as whoever opens it counts: in ids of this process, however
 * many namespaces lie between.  Of this process's own namespace it shows what that
 * is to the one around it, to this process and to each other that is in it alike.
 */
#include "sysproxy/server_idmap.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rump/rumphost.h"

#include "rumpuser/text.h"

#define RANGES 340              /* the host allows no more */
#define TEXT_SIZE (40 * RANGES) /* three numbers a line */

/* The map and what it points at. */
struct peermap {
	struct rump_idmap pm_map; /* first */
	struct rump_idrange pm_uids[RANGES], pm_gids[RANGES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* The host's words for both maps. */
struct maptext {
	char mt_uids[TEXT_SIZE], mt_gids[TEXT_SIZE];
};

static struct maptext own;
static bool own_is_known;

/* The whole text with a NUL; false: it cannot be had. */
static bool
read_map(const char *name, const char *kind, char *text, size_t size)
{
	char path[48];
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	text_format(path, sizeof(path), "/proc/%s/%s", name, kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len + 1 < size) {
		n = read(fd, text + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	(void)close(fd);
	text[len] = '\0';
	return n == 0;
}

static bool
read_maps(const char *name, struct maptext *mt)
{
	return read_map(name, "uid_map", mt->mt_uids, TEXT_SIZE) &&
	       read_map(name, "gid_map", mt->mt_gids, TEXT_SIZE);
}

static void
read_own(void)
{
	own_is_known = read_maps("self", &own);
}

static uint32_t
parse(const char *text, struct rump_idrange *ranges)
{
	uint32_t n = 0;
	char *end;

	for (; n < RANGES; n++) {
		ranges[n].ir_inside = (uint32_t)strtoul(text, &end, 10);
		if (end == text)
			break;
		ranges[n].ir_outside = (uint32_t)strtoul(end, &end, 10);
		ranges[n].ir_count = (uint32_t)strtoul(end, &end, 10);
		text = end;
	}
	return n;
}

/* The host calls so what has no name in the reader's namespace. */
static bool
is_around(const struct rump_idrange *ranges, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (ranges[i].ir_outside + ranges[i].ir_count <
		    ranges[i].ir_count)
			return true;
	return false;
}

static struct peermap *
make(const struct maptext *mt)
{
	struct peermap *pm = malloc(sizeof(*pm));

	if (pm == NULL)
		return NULL;
	pm->pm_map.im_nuids = parse(mt->mt_uids, pm->pm_uids);
	pm->pm_map.im_uids = pm->pm_uids;
	pm->pm_map.im_ngids = parse(mt->mt_gids, pm->pm_gids);
	pm->pm_map.im_gids = pm->pm_gids;
	return pm;
}

static bool
find(const char *name, struct maptext *mt, struct rump_idmap **im)
{
	struct peermap *pm;

	pthread_once(&once, read_own);
	if (!own_is_known)
		return true;
	if (!read_maps(name, mt))
		return false;
	if (strcmp(mt->mt_uids, own.mt_uids) == 0 &&
	    strcmp(mt->mt_gids, own.mt_gids) == 0)
		return true;
	pm = make(mt);
	if (pm == NULL)
		return false;
	if (is_around(pm->pm_uids, pm->pm_map.im_nuids) ||
	    is_around(pm->pm_gids, pm->pm_map.im_ngids))
		free(pm);
	else
		*im = &pm->pm_map;
	return true;
}

bool
idmap_of_peer(pid_t pid, struct rump_idmap **im)
{
	struct maptext *mt = malloc(sizeof(*mt));
	char name[16];
	bool found;

	*im = NULL;
	text_format(name, sizeof(name), "%d", (int)pid);
	found = mt != NULL && find(name, mt, im);
	free(mt);
	return found;
}

bool
idmap_is_complete(const struct rump_idmap *im)
{
	return im == NULL || (im->im_nuids != 0 && im->im_ngids != 0);
}
