/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A patch overwrites exactly one instruction, of at least five bytes, before
 * the syscall, and leaves the syscall itself alone: code that jumps straight to
 * it, threads that are blocked in it and jumps to what follows are unaffected.
 * A thread that is about to execute the overwritten instruction takes the jump,
 * one that is past it runs the old code and traps.  So nothing has to be known
 * about branch targets.
 *
 * With an unwind entry the function is decoded from its start, and the nearest
 * instruction of five bytes or more from which control falls through to the
 * syscall is hoisted together with all that follow it.  Without one, only
 * `mov $nr,%eax' directly before the syscall is taken, and only when nr is the
 * number that has just arrived there.
 */
#include "preload/engine/site.h"

#include <string.h>

#include "preload/engine/broken.h"
#include "preload/engine/insn.h"

#define JUMP_LEN 5
#define BACK_MAX 24 /* instructions looked at before the syscall */

static uint32_t
load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * .eh_frame_hdr: version 1, pointer to .eh_frame (pcrel sdata4), count
 * (udata4), then the sorted table of (function, entry), both relative to the
 * header (datarel sdata4).
 */
bool
site_function(const uint8_t *hdr, const uint8_t *pc, const uint8_t **begin,
    const uint8_t **end)
{
	const uint8_t *table, *fde;
	uint32_t lo, hi, mid;

	if (hdr == NULL || hdr[0] != 1 || hdr[1] != 0x1b || hdr[2] != 0x03 ||
	    hdr[3] != 0x3b)
		return false;
	table = hdr + 12;
	lo = 0;
	hi = load32(hdr + 8);
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (hdr + (int32_t)load32(table + 8 * (size_t)mid) <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	table += 8 * (size_t)(lo - 1);
	fde = hdr + (int32_t)load32(table + 4);
	/* The entry repeats the start, unless its encoding is another. */
	if (fde + 8 + (int32_t)load32(fde + 8) != hdr + (int32_t)load32(table))
		return false;
	*begin = hdr + (int32_t)load32(table);
	*end = *begin + load32(fde + 12);
	return pc < *end;
}

/*
 * A jump of ours that an earlier patch has put here: the instruction that it
 * overwrites may be longer, and is the first one behind the jump.
 */
static int
patched_length(const uint8_t *p, const uint8_t *slots)
{
	const uint8_t *target;
	struct insn in;

	if (p[0] != 0xe9)
		return 0;
	target = p + JUMP_LEN + (int32_t)load32(p + 1);
	if ((uintptr_t)target - (uintptr_t)slots >=
	    (uintptr_t)SLOT_COUNT * SLOT_SIZE)
		return 0;
	return insn_decode(target, &in);
}

/* The last instructions before the syscall, newest last, in a ring. */
struct trail {
	const uint8_t *tr_at[BACK_MAX];
	struct insn tr_in[BACK_MAX];
	unsigned tr_count;
};

static bool
trail_fill(struct trail *tr, const uint8_t *begin, const uint8_t *site,
    const uint8_t *slots)
{
	const uint8_t *p = begin;
	unsigned i;
	int patched;

	tr->tr_count = 0;
	while (p < site) {
		i = tr->tr_count++ % BACK_MAX;
		if (insn_decode(p, &tr->tr_in[i]) == 0)
			return false;
		patched = patched_length(p, slots);
		if (patched != 0)
			tr->tr_in[i].in_len = (uint8_t)patched;
		tr->tr_at[i] = p;
		p += tr->tr_in[i].in_len;
	}
	return p == site;
}

/* How many instructions to hoist; 0 when it cannot be done. */
static unsigned
trail_choose(const struct trail *tr)
{
	const struct insn *in;
	unsigned n;

	for (n = 1; n <= tr->tr_count && n < BACK_MAX; n++) {
		in = &tr->tr_in[(tr->tr_count - n) % BACK_MAX];
		if (in->in_kind == INSN_STOP)
			return 0;
		if (in->in_len >= JUMP_LEN)
			return n;
	}
	return 0;
}

static unsigned
moved_length(const struct insn *in)
{
	return in->in_kind == INSN_JCC ? 6 : in->in_len;
}

static bool
put_distance(uint8_t *p, const uint8_t *target, const uint8_t *next)
{
	intptr_t distance = (intptr_t)target - (intptr_t)next;
	int32_t d32 = (int32_t)distance;

	if (d32 != distance)
		return false;
	memcpy(p, &d32, sizeof(d32));
	return true;
}

/* Write the instruction at `at' into to, for execution at address run. */
static bool
move_insn(
    uint8_t *to, const uint8_t *run, const uint8_t *at, const struct insn *in)
{
	if (in->in_kind == INSN_JCC) {
		to[0] = 0x0f;
		to[1] = 0x80 | (in->in_opcode & 15);
		return put_distance(to + 2, insn_target(at, in), run + 6);
	}
	memcpy(to, at, in->in_len);
	if (in->in_rip == 0)
		return true;
	return put_distance(to + in->in_rip,
	    at + in->in_len + (int32_t)load32(at + in->in_rip),
	    run + in->in_len);
}

static bool
plan_hoist(const struct trail *tr, unsigned n, const uint8_t *end,
    struct site_plan *pl)
{
	unsigned i, j, len = 0;
	const uint8_t *run;

	for (i = tr->tr_count - n; i < tr->tr_count; i++)
		len += moved_length(&tr->tr_in[i % BACK_MAX]);
	if (len > sizeof(pl->pl_code))
		return false;
	run = end - len;
	pl->pl_len = 0;
	for (i = tr->tr_count - n; i < tr->tr_count; i++) {
		j = i % BACK_MAX;
		if (!move_insn(pl->pl_code + pl->pl_len, run + pl->pl_len,
			tr->tr_at[j], &tr->tr_in[j]))
			return false;
		pl->pl_len += moved_length(&tr->tr_in[j]);
	}
	pl->pl_at = tr->tr_at[(tr->tr_count - n) % BACK_MAX];
	return true;
}

/* b8 imm32 with the number that arrived, and no REX prefix before it. */
static bool
plan_immediate(const uint8_t *site, long nr, struct site_plan *pl)
{
	if (nr < 0 || site[-5] != 0xb8 || load32(site - 4) != (uint32_t)nr ||
	    (site[-6] & 0xf0) == 0x40)
		return false;
	pl->pl_at = site - 5;
	pl->pl_len = 5;
	memcpy(pl->pl_code, pl->pl_at, 5);
	return true;
}

bool
site_make_plan(const uint8_t *site, long nr, const uint8_t *hdr,
    const uint8_t *slots, const uint8_t *end, struct site_plan *pl)
{
	const uint8_t *begin, *fend;
	struct trail tr;
	unsigned n;

	if (site[0] != 0x0f || site[1] != 0x05)
		return false;
	if (!site_function(hdr, site, &begin, &fend) ||
	    (BROKEN(BREAK_DECODE) && plan_immediate(site, nr, pl)))
		return plan_immediate(site, nr, pl);
	if (!trail_fill(&tr, begin, site, slots))
		return false;
	n = trail_choose(&tr);
	return n != 0 && plan_hoist(&tr, n, end, pl);
}
