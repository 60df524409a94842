/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether and how a `syscall' instruction can be reached through a jump. */
#ifndef ENGINE_SITE_H
#define ENGINE_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/engine/layout.h"

/* Replace the instruction at pl_at by a 5-byte jump to a stub that begins with
 * the pl_len bytes of pl_code, made to run at address `stub' of site_plan(). */
struct site_plan {
	const uint8_t *pl_at;
	unsigned pl_len;
	uint8_t pl_code[SLOT_PREFIX];
};

/*
 * Find the function that contains pc through an .eh_frame_hdr section.
 * Returns false if there is none or the encoding is not the usual one.
 */
bool site_function(const uint8_t *hdr, const uint8_t *pc, const uint8_t **begin,
    const uint8_t **end);

/*
 * Plan the patch of the syscall instruction at site, at which call nr
 * arrived.  hdr: the .eh_frame_hdr of the object that contains it, or NULL.
 * slots: where the stubs of patched sites lie, SLOT_COUNT of them.
 * end: address at which the relocated code will end.  nr may be negative:
 * number unknown, then an unwind entry is required.
 */
bool site_make_plan(const uint8_t *site, long nr, const uint8_t *hdr,
    const uint8_t *slots, const uint8_t *end, struct site_plan *pl);

#endif /* !ENGINE_SITE_H */
