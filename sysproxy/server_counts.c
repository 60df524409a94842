/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processes of a tree count, for --summary.
 *
 * Each counts in its own area, where nobody else can write.  When that goes, at
 * exec and at the end of the process, however it came, its numbers are added to
 * those of the tree.  These are apart for each user, whom the host tells: who
 * counts what is not true does so under its own name.
 *
 * A tree is a client that has come by itself with all that descend from it by
 * forks.  It is there as long as one of them is.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rumpuser/text.h"
#include "sysproxy/server.h"

#define USERS_MAX 1024 /* of a tree; more of them count as the last */
#define LINE_SIZE (12 + 21 * COUNT_N)

struct share {
	uid_t sh_uid;
	uint64_t sh_number[COUNT_N];
};

struct tree {
	unsigned tr_refs;
	size_t tr_n, tr_room;
	struct share *tr_share;
};

/* c_tree and c_counts of all clients, and all trees.  Above server_lock. */
static pthread_mutex_t counts_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- trees --------------------------------------------------------------- */

static struct tree *
tree_of(struct client *c)
{
	if (c->c_tree == NULL)
		c->c_tree = calloc(1, sizeof(*c->c_tree));
	if (c->c_tree != NULL && c->c_tree->tr_refs == 0)
		c->c_tree->tr_refs = 1;
	return c->c_tree;
}

static void
tree_release(struct tree *tr)
{
	if (tr == NULL || --tr->tr_refs != 0)
		return;
	free(tr->tr_share);
	free(tr);
}

/* NULL: no memory, and nobody's yet. */
static struct share *
share_of(struct tree *tr, uid_t uid)
{
	struct share *larger;
	size_t i, room;

	for (i = 0; i < tr->tr_n; i++)
		if (tr->tr_share[i].sh_uid == uid)
			return &tr->tr_share[i];
	if (tr->tr_n == tr->tr_room) {
		room = tr->tr_room == 0 ? 2 : 2 * tr->tr_room;
		larger = room <= USERS_MAX
			     ? realloc(tr->tr_share, room * sizeof(*larger))
			     : NULL;
		if (larger == NULL)
			return tr->tr_n != 0 ? &tr->tr_share[tr->tr_n - 1]
					     : NULL;
		tr->tr_share = larger;
		tr->tr_room = room;
	}
	tr->tr_share[tr->tr_n] = (struct share){ .sh_uid = uid };
	return &tr->tr_share[tr->tr_n++];
}

/* Whoever counts too far stays there. */
static void
add(struct tree *tr, uid_t uid, const struct fast_counts *fc)
{
	struct share *sh = share_of(tr, uid);
	uint64_t n;

	for (size_t i = 0; sh != NULL && i < COUNT_N; i++) {
		n = atomic_load_explicit(
		    &fc->fc_number[i], memory_order_relaxed);
		if (n > UINT64_MAX - sh->sh_number[i])
			n = UINT64_MAX - sh->sh_number[i];
		sh->sh_number[i] += n;
	}
}

/* --- clients ------------------------------------------------------------- */

void
counts_join(struct client *c, struct client *parent)
{
	pthread_mutex_lock(&counts_lock);
	c->c_tree = tree_of(parent);
	if (c->c_tree != NULL)
		c->c_tree->tr_refs++;
	pthread_mutex_unlock(&counts_lock);
}

void
counts_begin(struct client *c)
{
	pthread_mutex_lock(&counts_lock);
	if (tree_of(c) != NULL)
		c->c_counts = (const void *)(c->c_area + FAST_COUNTS);
	pthread_mutex_unlock(&counts_lock);
}

void
counts_end(struct client *c)
{
	if (c->c_counts == NULL)
		return;
	pthread_mutex_lock(&counts_lock);
	add(c->c_tree, c->c_uid, c->c_counts);
	c->c_counts = NULL;
	pthread_mutex_unlock(&counts_lock);
}

void
counts_leave(struct client *c)
{
	pthread_mutex_lock(&counts_lock);
	tree_release(c->c_tree);
	c->c_tree = NULL;
	pthread_mutex_unlock(&counts_lock);
}

/* --- the report ---------------------------------------------------------- */

struct census {
	const struct tree *ce_of;
	struct tree ce_now; /* with those that live */
};

static void
add_living(struct client *c, void *arg)
{
	struct census *ce = arg;

	if (c->c_counts != NULL && c->c_tree == ce->ce_of)
		add(&ce->ce_now, c->c_uid, c->c_counts);
}

static void
say_share(const struct share *sh, void (*func)(const char *, size_t, void *),
    void *arg)
{
	char line[LINE_SIZE];
	size_t len;

	len = text_format(line, sizeof(line), "%u", (unsigned)sh->sh_uid);
	for (size_t i = 0; i < COUNT_N; i++)
		len += text_format(line + len, sizeof(line) - len, " %lu",
		    (unsigned long)sh->sh_number[i]);
	line[len++] = '\n';
	func(line, len, arg);
}

/* Nobody becomes a part of the past meanwhile. */
void
counts_report(struct client *c,
    void (*func)(const char *text, size_t len, void *arg), void *arg)
{
	struct census ce = { 0 };
	struct tree *tr;

	pthread_mutex_lock(&counts_lock);
	tr = c->c_tree;
	if (tr != NULL && tr->tr_n != 0) {
		ce.ce_now.tr_share = malloc(tr->tr_n * sizeof(struct share));
		if (ce.ce_now.tr_share != NULL) {
			ce.ce_now.tr_n = ce.ce_now.tr_room = tr->tr_n;
			memcpy(ce.ce_now.tr_share, tr->tr_share,
			    tr->tr_n * sizeof(struct share));
		}
	}
	ce.ce_of = tr;
	if (tr != NULL)
		client_iterate(add_living, &ce);
	pthread_mutex_unlock(&counts_lock);
	for (size_t i = 0; i < ce.ce_now.tr_n; i++)
		say_share(&ce.ce_now.tr_share[i], func, arg);
	free(ce.ce_now.tr_share);
}
