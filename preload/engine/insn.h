/* SPDX-License-Identifier: BSD-2-Clause */
/* Decode x86-64 instructions just far enough to move them. */
#ifndef ENGINE_INSN_H
#define ENGINE_INSN_H

#include <stdint.h>

enum insn_kind {
	INSN_PLAIN, /* may be executed elsewhere, RIP operand adjusted */
	INSN_JCC,   /* conditional jump, short or near */
	INSN_STOP,  /* transfers control otherwise, or must not be moved */
};

struct insn {
	uint8_t in_len;    /* bytes, 1 to 15 */
	uint8_t in_rip;    /* offset of a RIP-relative disp32; 0 none */
	uint8_t in_kind;   /* enum insn_kind */
	uint8_t in_opcode; /* last opcode byte */
	uint8_t in_near;   /* INSN_JCC: rel32, else rel8 */
};

/* Longest encoding; that many bytes are read at most. */
#define INSN_MAX 15

/*
 * Decode the instruction at p into *in.  Returns its length, or 0 when it is
 * not known (then *in is undefined).
 */
int insn_decode(const uint8_t *p, struct insn *in);

/* Where a conditional jump at p, decoded into *in, goes. */
const uint8_t *insn_target(const uint8_t *p, const struct insn *in);

#endif /* !ENGINE_INSN_H */
