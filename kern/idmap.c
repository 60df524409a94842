/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/idmap.h"

#include <stdatomic.h>

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "rump/rumphost.h"

struct idmap {
	_Atomic uint32_t im_refcnt;
	size_t im_size; /* i: of this object */
	const struct rump_idrange *im_ranges[IDMAP_NKINDS]; /* i */
	uint32_t im_n[IDMAP_NKINDS];                        /* i */
	struct rump_idrange im_all[];                       /* i */
};

struct idmap *
idmap_create(const struct rump_idmap *from)
{
	const struct rump_idrange *const given[IDMAP_NKINDS] = { from->im_uids,
		from->im_gids };
	const uint32_t n[IDMAP_NKINDS] = { from->im_nuids, from->im_ngids };
	size_t size = sizeof(struct idmap) +
		      ((size_t)n[0] + n[1]) * sizeof(struct rump_idrange);
	struct idmap *im = kmem_zalloc(size, KM_SLEEP);
	struct rump_idrange *next = im->im_all;

	atomic_init(&im->im_refcnt, 1);
	im->im_size = size;
	for (int kind = 0; kind < IDMAP_NKINDS; kind++) {
		im->im_ranges[kind] = next;
		im->im_n[kind] = n[kind];
		for (uint32_t i = 0; i < n[kind]; i++)
			*next++ = given[kind][i];
	}
	return im;
}

struct idmap *
idmap_hold(struct idmap *im)
{
	if (im != NULL)
		atomic_fetch_add_explicit(
		    &im->im_refcnt, 1, memory_order_relaxed);
	return im;
}

void
idmap_drop(struct idmap *im)
{
	if (im != NULL && atomic_fetch_sub_explicit(
			      &im->im_refcnt, 1, memory_order_acq_rel) == 1)
		kmem_free(im, im->im_size);
}

/* The range that the kernel's id is in, or NULL. */
static const struct rump_idrange *
range_of(const struct idmap *im, enum idmap_kind kind, uint32_t id)
{
	for (uint32_t i = 0; i < im->im_n[kind]; i++) {
		const struct rump_idrange *ir = &im->im_ranges[kind][i];

		if (id - ir->ir_outside < ir->ir_count)
			return ir;
	}
	return NULL;
}

bool
idmap_knows(const struct idmap *im, enum idmap_kind kind, uint32_t id)
{
	return im == NULL || range_of(im, kind, id) != NULL;
}

uint32_t
idmap_inside(const struct idmap *im, enum idmap_kind kind, uint32_t id)
{
	const struct rump_idrange *ir;

	if (im == NULL)
		return id;
	ir = range_of(im, kind, id);
	return ir != NULL ? id - ir->ir_outside + ir->ir_inside : IDMAP_NOBODY;
}

int
idmap_outside(const struct idmap *im, enum idmap_kind kind, uint32_t *id)
{
	if (im == NULL || *id == UINT32_MAX)
		return 0;
	for (uint32_t i = 0; i < im->im_n[kind]; i++) {
		const struct rump_idrange *ir = &im->im_ranges[kind][i];

		if (*id - ir->ir_inside < ir->ir_count) {
			*id = *id - ir->ir_inside + ir->ir_outside;
			return 0;
		}
	}
	return EINVAL;
}
