/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/realname.h"

#include <stdbool.h>

#include "preload/backend.h"
#include "preload/pool.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"

#define MAXLINKS 40

static char *
name_of(const struct place *pl)
{
	char *buf, *name = NULL;

	if (pl->pl_path[0] != '\0')
		return procfd_name(pl);
	buf = pool_get(&pathbufs);
	if (buf == NULL)
		return NULL;
	if (procfd_base(pl, buf))
		name = string_keep(buf);
	pool_put(&pathbufs, buf);
	return name;
}

/* The link at pl, read into buf. */
static bool
read_link(struct call *c, const struct place *pl, char *buf)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)buf, PATHBUF_SIZE - 1 };
	int64_t n;

	if (pl->pl_path[0] == '\0' ||
	    rump_call(c, RUMP_SYS_readlinkat, args, &n) != 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* The path that a link called name with this content leads to, in out. */
static bool
follow(const char *name, const char *content, char *out)
{
	size_t dir = 0;
	struct text t;

	for (size_t i = 0; name[i] != '\0'; i++) {
		if (name[i] == '/')
			dir = i + 1;
	}
	text_init(&t, out, PATHBUF_SIZE);
	if (content[0] != '/')
		text_putn(&t, name, dir);
	text_put(&t, content);
	return t.t_len + 1 < t.t_size;
}

/* Where the last component of a path of n bytes begins; its slash goes, too. */
static size_t
parent(const char *path, size_t n)
{
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

/* Take "." and ".." out of an absolute path, in place: names are resolved by
 * their text. */
static void
take_dots_out(char *path)
{
	size_t to = 0, len;

	for (const char *from = path; *from != '\0'; from += len) {
		while (*from == '/')
			from++;
		for (len = 0; from[len] != '\0' && from[len] != '/';)
			len++;
		if (len == 0 || (len == 1 && from[0] == '.'))
			continue;
		if (len == 2 && from[0] == '.' && from[1] == '.') {
			to = parent(path, to);
			continue;
		}
		path[to++] = '/';
		for (size_t i = 0; i < len; i++)
			path[to++] = from[i];
	}
	if (to == 0)
		path[to++] = '/';
	path[to] = '\0';
}

/* One link further: the new name, and *pl with it; NULL when name is no link,
 * or leads out of the kernel. */
static char *
step(struct call *c, struct place *pl, const char *name, char *buf, char *out)
{
	if (!read_link(c, pl, buf) || !follow(name, buf, out) ||
	    place_decide(pl, out) != 0 || !pl->pl_rump)
		return NULL;
	return string_keep(out);
}

static char *
follow_all(struct call *c, struct place *pl, char *name)
{
	char *buf = pool_get(&pathbufs), *out = pool_get(&pathbufs), *next;

	for (int i = 0; i < MAXLINKS && buf != NULL && out != NULL; i++) {
		next = step(c, pl, name, buf, out);
		if (next == NULL)
			break;
		string_free(name);
		name = next;
	}
	if (buf != NULL)
		pool_put(&pathbufs, buf);
	if (out != NULL)
		pool_put(&pathbufs, out);
	return name;
}

char *
realname_of(struct call *c, const struct place *pl)
{
	struct place *copy;
	char *name = name_of(pl);

	if (name == NULL || pl->pl_path[0] == '\0')
		return name;
	copy = place_create();
	if (copy == NULL)
		return name;
	if (name[0] == '/' && place_decide(copy, name) == 0 && copy->pl_rump)
		name = follow_all(c, copy, name);
	place_destroy(copy);
	if (name[0] == '/')
		take_dots_out(name);
	return name;
}
