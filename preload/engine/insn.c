/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A length decoder.  It runs in the SIGSYS handler, so it is small, allocates
 * nothing and knows only 64-bit mode.  An encoding that it does not know makes
 * the site unpatchable, which costs time and nothing else; a wrong length would
 * be a disaster, and a unit test compares it with a full disassembler.
 */
#include "preload/engine/insn.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What follows an opcode: the kind of immediate, and whether ModRM. */
enum {
	NONE,
	IMM8,
	IMM16,
	IMM32,  /* 2 bytes with an operand size prefix */
	IMMV,   /* mov $imm,%reg: 2, 4 or 8 bytes */
	OFFSET, /* moffs: 8, or 4 with an address size prefix */
	ENTER,  /* 3 bytes */
	REL32,  /* always 4 bytes */
	GROUP3, /* f6, f7: an immediate for /0 and /1 only */
	KIND = 0x0f,
	M = 0x10,
	BAD = 0x80,
};

#define ARITH(base)                                                            \
	[base] = M, [(base) + 1] = M, [(base) + 2] = M, [(base) + 3] = M,      \
	[(base) + 4] = IMM8, [(base) + 5] = IMM32,                             \
	[(base) + 6 ...(base) + 7] = BAD

static const uint8_t one_byte[256] = {
	ARITH(0x00),
	ARITH(0x08),
	ARITH(0x10),
	ARITH(0x18),
	ARITH(0x20),
	ARITH(0x28),
	ARITH(0x30),
	ARITH(0x38),
	[0x40 ... 0x4f] = BAD, /* REX, taken before */
	[0x60 ... 0x62] = BAD,
	[0x63] = M,
	[0x64 ... 0x67] = BAD, /* prefixes, taken before */
	[0x68] = IMM32,
	[0x69] = M | IMM32,
	[0x6a] = IMM8,
	[0x6b] = M | IMM8,
	[0x70 ... 0x7f] = IMM8,
	[0x80] = M | IMM8,
	[0x81] = M | IMM32,
	[0x82] = BAD,
	[0x83] = M | IMM8,
	[0x84 ... 0x8f] = M,
	[0x9a] = BAD,
	[0xa0 ... 0xa3] = OFFSET,
	[0xa8] = IMM8,
	[0xa9] = IMM32,
	[0xb0 ... 0xb7] = IMM8,
	[0xb8 ... 0xbf] = IMMV,
	[0xc0 ... 0xc1] = M | IMM8,
	[0xc2] = IMM16,
	[0xc4 ... 0xc5] = BAD, /* VEX, taken before */
	[0xc6] = M | IMM8,
	[0xc7] = M | IMM32,
	[0xc8] = ENTER,
	[0xca] = IMM16,
	[0xcd] = IMM8,
	[0xce] = BAD,
	[0xd0 ... 0xd3] = M,
	[0xd4 ... 0xd6] = BAD,
	[0xd8 ... 0xdf] = M,
	[0xe0 ... 0xe7] = IMM8,
	[0xe8 ... 0xe9] = REL32,
	[0xea] = BAD,
	[0xeb] = IMM8,
	[0xf6 ... 0xf7] = M | GROUP3,
	[0xfe ... 0xff] = M,
};

/* 0f xx; also map 1 of VEX and EVEX, where nothing is without ModRM but
 * vzeroupper. */
static const uint8_t two_byte[256] = {
	[0x00 ... 0x03] = M,
	[0x04] = BAD,
	[0x0a] = BAD,
	[0x0c] = BAD,
	[0x0d] = M,
	[0x0f] = BAD, /* 3DNow! */
	[0x10 ... 0x23] = M,
	[0x24 ... 0x27] = BAD,
	[0x28 ... 0x2f] = M,
	[0x36] = BAD,
	[0x38 ... 0x3f] = BAD, /* escapes taken before */
	[0x40 ... 0x6f] = M,
	[0x70 ... 0x73] = M | IMM8,
	[0x74 ... 0x76] = M,
	[0x78 ... 0x7f] = M,
	[0x80 ... 0x8f] = REL32,
	[0x90 ... 0x9f] = M,
	[0xa3] = M,
	[0xa4] = M | IMM8,
	[0xa5] = M,
	[0xa6 ... 0xa7] = BAD,
	[0xab] = M,
	[0xac] = M | IMM8,
	[0xad ... 0xb9] = M,
	[0xba] = M | IMM8,
	[0xbb ... 0xc1] = M,
	[0xc2] = M | IMM8,
	[0xc3] = M,
	[0xc4 ... 0xc6] = M | IMM8,
	[0xc7] = M,
	[0xd0 ... 0xff] = M,
};

struct cursor {
	const uint8_t *cu_start, *cu_p;
	bool cu_opsize, cu_addrsize, cu_rexw;
};

static bool
take_prefixes(struct cursor *cu)
{
	static const uint8_t legacy[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e,
		0x36, 0x3e, 0x26, 0x64, 0x65 };
	size_t i;

	for (;; cu->cu_p++) {
		for (i = 0; i < sizeof(legacy); i++) {
			if (*cu->cu_p == legacy[i])
				break;
		}
		if (i == sizeof(legacy))
			break;
		cu->cu_opsize |= i == 0;
		cu->cu_addrsize |= i == 1;
		if (cu->cu_p - cu->cu_start >= INSN_MAX - 1)
			return false;
	}
	if ((*cu->cu_p & 0xf0) == 0x40)
		cu->cu_rexw = (*cu->cu_p++ & 8) != 0;
	return true;
}

/* VEX and EVEX: the map is in the first payload byte (implied by c5). */
static int
take_vex(struct cursor *cu, uint8_t lead, struct insn *in)
{
	int attr, map = 1;

	if (lead == 0xc5) {
		cu->cu_p += 1;
	} else {
		map = *cu->cu_p & (lead == 0x62 ? 7 : 31);
		cu->cu_p += lead == 0x62 ? 3 : 2;
	}
	in->in_opcode = *cu->cu_p++;
	switch (map) {
	case 1:
		attr = two_byte[in->in_opcode];
		if ((attr & KIND) == REL32)
			return lead == 0x62 ? BAD : M; /* kmov, kortest... */
		return attr;
	case 2:
	case 5:
	case 6:
		return M;
	case 3:
		return M | IMM8;
	default:
		return BAD;
	}
}

static int
take_two_byte(struct cursor *cu, struct insn *in)
{
	uint8_t op = *cu->cu_p++;

	in->in_opcode = op;
	if (op == 0x38) {
		in->in_opcode = *cu->cu_p++;
		return M;
	}
	if (op == 0x3a) {
		in->in_opcode = *cu->cu_p++;
		return M | IMM8;
	}
	if ((op & 0xf0) == 0x80) {
		in->in_kind = INSN_JCC;
		in->in_near = 1;
	}
	/* syscall, sysret, ud2, sysenter, sysexit, ud1 */
	if (op == 0x05 || op == 0x07 || op == 0x0b || op == 0x34 ||
	    op == 0x35 || op == 0xb9)
		in->in_kind = INSN_STOP;
	return two_byte[op];
}

static bool
one_byte_stops(uint8_t op, uint8_t modrm)
{
	int reg = modrm >> 3 & 7;

	if (op == 0xff)
		return reg >= 2 && reg <= 5; /* call, jmp */
	if (op == 0xc7)
		return modrm == 0xf8; /* xbegin */
	return op == 0xc2 || op == 0xc3 || (op >= 0xca && op <= 0xcf) ||
	       (op >= 0xe0 && op <= 0xe3) || (op >= 0xe8 && op <= 0xeb) ||
	       op == 0xf1 || op == 0xf4;
}

static int
take_opcode(struct cursor *cu, struct insn *in)
{
	uint8_t op = *cu->cu_p++;

	in->in_opcode = op;
	if (op == 0x0f)
		return take_two_byte(cu, in);
	if (op == 0xc4 || op == 0xc5 || op == 0x62)
		return take_vex(cu, op, in);
	if (op == 0x8f && (*cu->cu_p & 0x38) != 0)
		return BAD; /* XOP */
	if ((op & 0xf0) == 0x70)
		in->in_kind = INSN_JCC;
	else if (one_byte_stops(op, *cu->cu_p))
		in->in_kind = INSN_STOP;
	return one_byte[op];
}

static int
take_modrm(struct cursor *cu, struct insn *in, int kind)
{
	uint8_t modrm = *cu->cu_p++, mod = modrm >> 6, rm = modrm & 7;
	uint8_t base = rm;

	if (kind == GROUP3) {
		kind = in->in_opcode == 0xf6 ? IMM8 : IMM32;
		if ((modrm >> 3 & 7) > 1)
			kind = NONE;
	}
	if (mod == 3)
		return kind;
	if (rm == 4)
		base = *cu->cu_p++ & 7; /* SIB */
	if (mod == 1) {
		cu->cu_p += 1;
	} else if (mod == 2) {
		cu->cu_p += 4;
	} else if (base == 5) {
		if (rm == 5)
			in->in_rip = (uint8_t)(cu->cu_p - cu->cu_start);
		cu->cu_p += 4;
	}
	return kind;
}

static int
immediate_size(const struct cursor *cu, int kind)
{
	switch (kind) {
	case IMM8:
		return 1;
	case IMM16:
		return 2;
	case IMM32:
		return cu->cu_opsize && !cu->cu_rexw ? 2 : 4;
	case IMMV:
		return cu->cu_rexw ? 8 : cu->cu_opsize ? 2 : 4;
	case OFFSET:
		return cu->cu_addrsize ? 4 : 8;
	case ENTER:
		return 3;
	case REL32:
		return 4;
	default:
		return 0;
	}
}

int
insn_decode(const uint8_t *p, struct insn *in)
{
	struct cursor cu = { .cu_start = p, .cu_p = p };
	int attr, kind;
	ptrdiff_t len;

	memset(in, 0, sizeof(*in));
	if (!take_prefixes(&cu))
		return 0;
	attr = take_opcode(&cu, in);
	if ((attr & BAD) != 0)
		return 0;
	kind = attr & KIND;
	if ((attr & M) != 0)
		kind = take_modrm(&cu, in, kind);
	len = cu.cu_p - p + immediate_size(&cu, kind);
	if (len > INSN_MAX)
		return 0;
	in->in_len = (uint8_t)len;
	return (int)len;
}

const uint8_t *
insn_target(const uint8_t *p, const struct insn *in)
{
	int32_t distance;

	if (!in->in_near)
		return p + in->in_len + (int8_t)p[in->in_len - 1];
	memcpy(&distance, p + in->in_len - 4, sizeof(distance));
	return p + in->in_len + distance;
}
