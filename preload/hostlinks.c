/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host cannot follow such a link itself: the mount is not there.  One
 * readlink(2) for each component; done only when the host's own attempt has
 * failed, or when the host has something of its own at a mount point.
 */
#include "preload/hostlinks.h"

#include <errno.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/namespace.h"
#include "preload/pool.h"
#include "preload/text.h"

struct walk {
	const struct namespace *w_ns;
	struct text w_done; /* resolved so far; "" is the root */
	char *w_rest;       /* PATHBUF_SIZE: what is still to be resolved */
	char *w_link;       /* PATHBUF_SIZE: scratch */
	bool w_nofollow;
	unsigned w_links;
};

static void
pop(struct text *t)
{
	while (t->t_len > 0 && t->t_buf[--t->t_len] != '/')
		continue;
	t->t_buf[t->t_len] = '\0';
}

/* Take the next component off the rest: its length, *tail what follows. */
static size_t
next(const char *rest, const char **name, const char **tail)
{
	size_t len = 0;

	while (*rest == '/')
		rest++;
	while (rest[len] != '\0' && rest[len] != '/')
		len++;
	*name = rest;
	*tail = rest + len;
	return len;
}

static bool
is_rump(struct walk *w)
{
	struct ns_decision nd = { .nd_path = w->w_link };

	return namespace_decide(w->w_ns, w->w_done.t_buf, &nd, PATHBUF_SIZE) ==
		   0 &&
	       nd.nd_rule != NS_HOST;
}

/* w_done is a link with target w_link (n bytes): put it before the rest. */
static bool
expand(struct walk *w, long n, const char *tail)
{
	size_t rest = text_length(tail);

	if (++w->w_links > HOSTLINKS_MAX || (size_t)n + rest + 1 > PATHBUF_SIZE)
		return false;
	for (size_t i = 0; i <= rest; i++)
		w->w_link[(size_t)n + i] = tail[i];
	for (size_t i = 0; i <= (size_t)n + rest; i++)
		w->w_rest[i] = w->w_link[i];
	if (w->w_rest[0] == '/')
		w->w_done.t_len = 0;
	else
		pop(&w->w_done);
	w->w_done.t_buf[w->w_done.t_len] = '\0';
	return true;
}

/* One component.  True: go on; false: *found tells. */
static bool
step(struct walk *w, bool *found)
{
	const char *name, *tail;
	size_t len = next(w->w_rest, &name, &tail);
	long n;

	if (len == 0)
		return false;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		pop(&w->w_done);
	} else if (len != 1 || name[0] != '.') {
		text_char(&w->w_done, '/');
		text_putn(&w->w_done, name, len);
		if (is_rump(w)) {
			text_put(&w->w_done, tail);
			*found = true;
			return false;
		}
		if (w->w_nofollow && *tail == '\0')
			return false;
		n = HOST(SYS_readlink, w->w_done.t_buf, w->w_link, PATHBUF_SIZE,
		    0, 0, 0);
		if (n >= 0)
			return expand(w, n, tail);
		if (n != -EINVAL)
			return false;
	}
	for (size_t i = 0;; i++) {
		w->w_rest[i] = tail[i];
		if (tail[i] == '\0')
			return true;
	}
}

bool
hostlinks_walk(const struct namespace *ns, const char *path, bool nofollow,
    char *out, size_t size)
{
	struct walk w = { .w_ns = ns, .w_nofollow = nofollow };
	struct text rest;
	bool found = false;

	w.w_rest = pool_get(&pathbufs);
	w.w_link = pool_get(&pathbufs);
	if (w.w_rest != NULL && w.w_link != NULL) {
		text_init(&w.w_done, out, size);
		text_init(&rest, w.w_rest, PATHBUF_SIZE);
		text_put(&rest, path);
		while (step(&w, &found))
			continue;
	}
	if (w.w_rest != NULL)
		pool_put(&pathbufs, w.w_rest);
	if (w.w_link != NULL)
		pool_put(&pathbufs, w.w_link);
	return found && w.w_done.t_len + 1 < size;
}
