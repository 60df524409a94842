/* SPDX-License-Identifier: BSD-2-Clause */
#include "nfs/change.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/node.h"

static struct nfs3_wcc_attr
state_of(const struct nfs3_attr *attr)
{
	return (
	    struct nfs3_wcc_attr){ attr->a_size, attr->a_mtime, attr->a_ctime };
}

static bool
same_time(const struct nfs3_time *a, const struct nfs3_time *b)
{
	return a->t_sec == b->t_sec && a->t_nsec == b->t_nsec;
}

/* As far as contents go: what changes a file's links or modes is no matter. */
static bool
same_content(const struct nfs3_wcc_attr *a, const struct nfs3_wcc_attr *b)
{
	return a->wa_size == b->wa_size &&
	       same_time(&a->wa_mtime, &b->wa_mtime);
}

static bool
is_ours(const struct nfschanges *cs, const struct nfs3_wcc_attr *st)
{
	for (unsigned i = 0; i < cs->cs_nours; i++) {
		if (same_content(&cs->cs_ours[i], st))
			return true;
	}
	return false;
}

/* Are the rights what they were when we last looked? */
static bool
rights_known(const struct nfschanges *cs, const struct nfs3_wcc_attr *st)
{
	for (unsigned i = 0; i < cs->cs_nours; i++) {
		if (same_time(&cs->cs_ours[i].wa_ctime, &st->wa_ctime))
			return true;
	}
	return false;
}

static void
add_ours(struct nfschanges *cs, const struct nfs3_wcc_attr *st)
{
	unsigned i = 0;

	if (cs->cs_nours < NFSCHANGE_STATES)
		cs->cs_ours[cs->cs_nours++] = *st;
	else
		cs->cs_ours[cs->cs_next++ % NFSCHANGE_STATES] = *st;
	while (i < cs->cs_nstrange) {
		if (same_content(&cs->cs_strange[i], st))
			cs->cs_strange[i] = cs->cs_strange[--cs->cs_nstrange];
		else
			i++;
	}
}

static void
see_state(struct nfschanges *cs, const struct nfs3_wcc_attr *st)
{
	if (is_ours(cs, st))
		return;
	if (cs->cs_nstrange < NFSCHANGE_STATES)
		cs->cs_strange[cs->cs_nstrange++] = *st;
	else
		cs->cs_foreign = true;
}

void
nfschange_see(struct nfsnode *np, const struct nfs3_attr *attr)
{
	struct nfschanges *cs = &np->n_changes;
	struct nfs3_wcc_attr st = state_of(attr), old = state_of(&np->n_attr);

	if (same_content(&st, &old))
		return;
	if (cs->cs_running != 0)
		see_state(cs, &st);
	else
		np->n_change++;
}

void
nfschange_begin(struct nfschange *c, struct nfsnode *np)
{
	struct nfschanges *cs = &np->n_changes;
	struct nfs3_wcc_attr st;

	c->c_node = np;
	mutex_enter(&np->n_lock);
	cs->cs_count++;
	c->c_count = 0;
	if (cs->cs_running++ != 0) {
		cs->cs_parallel = true;
	} else {
		cs->cs_parallel = false;
		cs->cs_nours = cs->cs_next = cs->cs_nstrange = 0;
		cs->cs_foreign = false;
		st = state_of(&np->n_attr);
		add_ours(cs, &st);
		c->c_count = cs->cs_count;
	}
	mutex_exit(&np->n_lock);
	c->c_asked_ns = uptime_ns();
}

bool
nfschange_alone(const struct nfschange *c)
{
	struct nfsnode *np = c->c_node;
	bool alone;

	mutex_enter(&np->n_lock);
	alone = c->c_count != 0 && np->n_changes.cs_count == c->c_count;
	mutex_exit(&np->n_lock);
	return alone;
}

/* What the reply says of before and after. */
static void
take_wcc(struct nfsnode *np, const struct nfs3_wcc *wcc, int64_t asked_ns)
    REQUIRES(np->n_lock)
{
	struct nfschanges *cs = &np->n_changes;
	struct nfs3_wcc_attr after = state_of(&wcc->wc_after.oa_attr);
	bool rights = false;

	if (wcc->wc_has_before) {
		rights = rights_known(cs, &wcc->wc_before);
		see_state(cs, &wcc->wc_before);
	} else if (!is_ours(cs, &after)) {
		cs->cs_foreign = true;
	}
	add_ours(cs, &after);
	nfsnode_update_own(np, &wcc->wc_after.oa_attr, asked_ns, rights);
}

/* Has anybody else changed the node while calls of ours were in flight? */
static bool
seen_foreign(const struct nfsnode *np) REQUIRES(np->n_lock)
{
	const struct nfschanges *cs = &np->n_changes;

	if (cs->cs_parallel && np->n_vnode->v_type == VREG)
		return false;
	return cs->cs_nstrange != 0 || cs->cs_foreign;
}

void
nfschange_end(struct nfschange *c, const struct nfs3_wcc *wcc)
{
	struct nfsnode *np = c->c_node;
	struct nfschanges *cs = &np->n_changes;
	int64_t now = uptime_ns();

	mutex_enter(&np->n_lock);
	if (wcc != NULL && wcc->wc_after.oa_there) {
		take_wcc(np, wcc, c->c_asked_ns);
	} else {
		np->n_attr_until_ns = 0;
		cs->cs_blind_ns = now;
	}
	if (--cs->cs_running == 0 && seen_foreign(np))
		np->n_change++;
	cs->cs_count++;
	cs->cs_ended_ns = now;
	mutex_exit(&np->n_lock);
}

struct nfsview
nfschange_view(struct nfsnode *np)
{
	struct nfsview view;

	mutex_enter(&np->n_lock);
	view.v_count =
	    np->n_changes.cs_running == 0 ? np->n_changes.cs_count : 0;
	view.v_change = np->n_change;
	mutex_exit(&np->n_lock);
	return view;
}

bool
nfschange_unseen(struct nfsnode *np, const struct nfsview *view)
{
	struct nfsview now = nfschange_view(np);

	return now.v_count != 0 && now.v_count == view->v_count &&
	       now.v_change == view->v_change;
}
