/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk keeps the normalised path so far and, while that path is at or below
 * a component rule, how long it was when it came to lie there ("base") and
 * where the rest of the program's text began.  What the kernel gets is the
 * normalised base followed by that rest unchanged: inside the mount, symbolic
 * links and ".." are the kernel's business.
 */
#include "preload/namespace.h"

#include <errno.h>

struct walk {
	const struct namespace *ns;
	char *out;
	size_t size, len; /* out[0..len) is normalised, "" for the root */
	int rule;         /* component rule that covers out, or NS_HOST */
	size_t base;      /* len when rule came to cover out */
	const char *rest; /* program's text behind the base */
	bool touched;     /* has been below some rule */
};

static size_t
length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static bool
same(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool
only_slashes(const char *s)
{
	while (*s == '/')
		s++;
	return *s == '\0';
}

int
namespace_add(struct namespace *ns, enum ns_kind kind, const char *prefix)
{
	struct ns_rule *nr = &ns->ns_rules[ns->ns_n];
	size_t len = length(prefix);

	if (ns->ns_n == NS_MAXRULES)
		return ENOSPC;
	if (kind == NS_PATH && len > 1 && only_slashes(prefix))
		kind = NS_LITERAL;
	while (kind != NS_LITERAL && len > 0 && prefix[len - 1] == '/')
		len--;
	*nr = (struct ns_rule){ kind, prefix, len, prefix, len };
	if (kind == NS_PATH || kind == NS_LITERAL)
		nr->nr_kernel_len = 0;
	ns->ns_n++;
	return 0;
}

static bool
covers(const struct ns_rule *nr, const char *path, size_t len)
{
	return nr->nr_len <= len && same(nr->nr_prefix, path, nr->nr_len) &&
	       (len == nr->nr_len || path[nr->nr_len] == '/');
}

static int
kind_rank(enum ns_kind kind)
{
	switch (kind) {
	case NS_MOUNT:
	case NS_PARENT:
		return 2;
	case NS_PATH:
		return 1;
	default:
		return 0;
	}
}

/* The best component rule for a normalised path. */
static int
find_rule(const struct namespace *ns, const char *path, size_t len)
{
	const struct ns_rule *best = NULL;
	int rule = NS_HOST;

	for (unsigned i = 0; i < ns->ns_n; i++) {
		const struct ns_rule *nr = &ns->ns_rules[i];

		if (kind_rank(nr->nr_kind) == 0 || !covers(nr, path, len))
			continue;
		if (best != NULL &&
		    (kind_rank(nr->nr_kind) < kind_rank(best->nr_kind) ||
			(kind_rank(nr->nr_kind) == kind_rank(best->nr_kind) &&
			    nr->nr_len <= best->nr_len)))
			continue;
		best = nr;
		rule = (int)i;
	}
	return rule;
}

static int
find_blanket(const struct namespace *ns, const char *path, size_t len)
{
	for (unsigned i = 0; i < ns->ns_n; i++) {
		const struct ns_rule *nr = &ns->ns_rules[i];

		if (nr->nr_kind == NS_BLANKET && nr->nr_len <= len &&
		    same(nr->nr_prefix, path, nr->nr_len))
			return (int)i;
	}
	return NS_HOST;
}

static int
find_literal(const struct namespace *ns, const char *path)
{
	size_t len = length(path);

	for (unsigned i = 0; i < ns->ns_n; i++) {
		if (ns->ns_rules[i].nr_kind == NS_LITERAL &&
		    covers(&ns->ns_rules[i], path, len))
			return (int)i;
	}
	return NS_HOST;
}

/* Look again where the walk stands; rest is the text not yet consumed. */
static void
walk_settle(struct walk *w, const char *rest)
{
	int rule = find_rule(w->ns, w->out, w->len);

	if (rule == w->rule)
		return;
	w->rule = rule;
	w->base = w->len;
	w->rest = rest;
	if (rule != NS_HOST)
		w->touched = true;
}

static int
walk_push(struct walk *w, const char *name, size_t len, const char *rest)
{
	if (w->len + 1 + len + 1 > w->size)
		return ENAMETOOLONG;
	w->out[w->len++] = '/';
	for (size_t i = 0; i < len; i++)
		w->out[w->len++] = name[i];
	walk_settle(w, rest);
	return 0;
}

static void
walk_pop(struct walk *w, const char *rest)
{
	while (w->len > 0 && w->out[--w->len] != '/')
		continue;
	if (w->rule != NS_HOST && w->len < w->base)
		w->rule = NS_HOST;
	walk_settle(w, rest);
}

static int
walk_component(struct walk *w, const char *name, size_t len, const char *rest)
{
	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		walk_pop(w, rest);
		return 0;
	}
	return walk_push(w, name, len, rest);
}

/* Append text to out[0..len); room for the NUL is kept. */
static int
append(struct ns_decision *nd, size_t size, const char *text, size_t len)
{
	if (nd->nd_len + len + 1 > size)
		return ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		nd->nd_path[nd->nd_len + i] = text[i];
	nd->nd_len += len;
	nd->nd_path[nd->nd_len] = '\0';
	return 0;
}

/* Put the kernel's name in place of the prefix at the head of nd_path. */
static int
replace_prefix(struct ns_decision *nd, size_t size, const struct ns_rule *nr)
{
	size_t tail = nd->nd_len - nr->nr_len, to = nr->nr_kernel_len;
	char *p = nd->nd_path;

	if (to + tail + 1 > size)
		return ENAMETOOLONG;
	if (to <= nr->nr_len) {
		for (size_t i = 0; i < tail; i++)
			p[to + i] = p[nr->nr_len + i];
	} else {
		for (size_t i = tail; i-- > 0;)
			p[to + i] = p[nr->nr_len + i];
	}
	for (size_t i = 0; i < to; i++)
		p[i] = nr->nr_kernel[i];
	nd->nd_len = to + tail;
	p[nd->nd_len] = '\0';
	return nd->nd_len == 0 ? append(nd, size, "/", 1) : 0;
}

/* Does the text end in a way that asks for a directory? */
static bool
wants_directory(const char *path, size_t len)
{
	return len > 0 && (path[len - 1] == '/' ||
			      (path[len - 1] == '.' &&
				  (len < 2 || path[len - 2] == '/' ||
				      (path[len - 2] == '.' &&
					  (len < 3 || path[len - 3] == '/')))));
}

static int
decide_end(struct walk *w, const char *path, struct ns_decision *nd)
{
	int error;

	nd->nd_rule = w->rule;
	nd->nd_changed = false;
	if (w->rule != NS_HOST) {
		nd->nd_len = w->base;
		error = append(nd, w->size, w->rest, length(w->rest));
		if (error != 0)
			return error;
		return replace_prefix(nd, w->size, &w->ns->ns_rules[w->rule]);
	}
	nd->nd_len = w->len;
	error = append(nd, w->size, "/",
	    w->len == 0 || wants_directory(path, length(path)));
	if (error != 0)
		return error;
	nd->nd_rule = find_blanket(w->ns, nd->nd_path, nd->nd_len);
	if (nd->nd_rule != NS_HOST)
		return replace_prefix(
		    nd, w->size, &w->ns->ns_rules[nd->nd_rule]);
	nd->nd_changed = w->touched;
	return 0;
}

static int
decide_literal(const struct ns_rule *nr, const char *path,
    struct ns_decision *nd, size_t size)
{
	nd->nd_len = 0;
	nd->nd_changed = false;
	path += nr->nr_len;
	if (*path == '\0')
		path = "/";
	return append(nd, size, path, length(path));
}

int
namespace_decide(const struct namespace *ns, const char *path,
    struct ns_decision *nd, size_t size)
{
	struct walk w = {
		.ns = ns, .out = nd->nd_path, .size = size, .rule = NS_HOST
	};
	const char *p = path;
	int error;

	if (path[0] != '/' || size < 2)
		return ENAMETOOLONG;
	nd->nd_rule = find_literal(ns, path);
	if (nd->nd_rule != NS_HOST)
		return decide_literal(
		    &ns->ns_rules[nd->nd_rule], path, nd, size);
	walk_settle(&w, path);
	while (*p != '\0') {
		const char *name;

		while (*p == '/')
			p++;
		name = p;
		while (*p != '\0' && *p != '/')
			p++;
		if (p == name)
			break;
		error = walk_component(&w, name, (size_t)(p - name), p);
		if (error != 0)
			return error;
	}
	return decide_end(&w, path, nd);
}

static bool
has_dotdot(const char *path)
{
	for (const char *p = path; *p != '\0'; p++) {
		if ((p == path || p[-1] == '/') && p[0] == '.' && p[1] == '.' &&
		    (p[2] == '\0' || p[2] == '/'))
			return true;
	}
	return false;
}

/* Is name[0..len) a component of the prefix (blanket: or does its last one
 * begin it)? */
static bool
occurs(const struct ns_rule *nr, const char *name, size_t len)
{
	const char *p = nr->nr_prefix, *end = p + nr->nr_len;

	while (p < end) {
		const char *from = ++p;

		while (p < end && *p != '/')
			p++;
		if ((size_t)(p - from) == len && same(from, name, len))
			return true;
		if (nr->nr_kind == NS_BLANKET && p == end &&
		    (size_t)(p - from) <= len &&
		    same(from, name, (size_t)(p - from)))
			return true;
	}
	return nr->nr_len == 0;
}

bool
namespace_maybe(const struct namespace *ns, const char *path)
{
	size_t len = 0;

	if (has_dotdot(path))
		return true;
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		while (*path == '/')
			path++;
	}
	while (path[len] != '\0' && path[len] != '/')
		len++;
	for (unsigned i = 0; i < ns->ns_n; i++) {
		if (ns->ns_rules[i].nr_kind != NS_OFF &&
		    ns->ns_rules[i].nr_kind != NS_LITERAL &&
		    occurs(&ns->ns_rules[i], path, len))
			return true;
	}
	return false;
}

bool
namespace_leads(const struct namespace *ns, const char *path)
{
	if (ns->ns_n == 0)
		return false;
	if (find_literal(ns, path) != NS_HOST)
		return true;
	while (*path == '/')
		path++;
	return namespace_maybe(ns, path);
}

size_t
namespace_program_path(const struct namespace *ns, int rule, const char *kpath,
    char *out, size_t size)
{
	/* What was opened or entered by an earlier rule has no prefix then. */
	const struct ns_rule *nr =
	    &ns->ns_rules[ns->ns_entered ? (int)ns->ns_n - 1 : rule];
	struct ns_decision nd = { .nd_path = out };
	size_t klen = length(kpath), skip = 0;

	if (nr->nr_kernel_len <= klen &&
	    same(kpath, nr->nr_kernel, nr->nr_kernel_len))
		skip = nr->nr_kernel_len;
	if (klen == 1 && kpath[0] == '/' && nr->nr_len != 0)
		skip = 1;
	if (append(&nd, size, nr->nr_prefix, nr->nr_len) != 0 ||
	    append(&nd, size, kpath + skip, klen - skip) != 0)
		return 0;
	if (nd.nd_len == 0 && append(&nd, size, "/", 1) != 0)
		return 0;
	return nd.nd_len;
}

void
namespace_chroot(struct namespace *ns, const char *root)
{
	size_t len = length(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	for (unsigned i = 0; i < ns->ns_n; i++) {
		struct ns_rule *nr = &ns->ns_rules[i];

		if (nr->nr_len >= len && same(nr->nr_prefix, root, len) &&
		    (nr->nr_len == len || nr->nr_prefix[len] == '/') &&
		    nr->nr_kind != NS_LITERAL) {
			nr->nr_prefix += len;
			nr->nr_len -= len;
		} else if (len != 0) {
			nr->nr_kind = NS_OFF;
		}
	}
}

void
namespace_enter(struct namespace *ns)
{
	for (unsigned i = 0; i < ns->ns_n; i++)
		ns->ns_rules[i].nr_kind = NS_OFF;
	ns->ns_rules[ns->ns_n++] = (struct ns_rule){ NS_MOUNT, "", 0, "", 0 };
	ns->ns_entered = true;
}

const char *
namespace_kind_name(enum ns_kind kind)
{
	static const char *const names[] = {
		[NS_MOUNT] = "mount",
		[NS_PARENT] = "mount",
		[NS_PATH] = "path",
		[NS_LITERAL] = "path",
		[NS_BLANKET] = "blanket",
		[NS_OFF] = "off",
	};

	return names[kind];
}
