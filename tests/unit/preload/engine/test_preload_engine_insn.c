/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/engine/insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "preload/engine/site.h"

static const struct {
	const char *text;
	uint8_t bytes[INSN_MAX + 1];
	uint8_t len, rip, kind;
} table[] = {
	{ "nop", { 0x90 }, 1, 0, INSN_PLAIN },
	{ "mov imm32", { 0xb8, 1, 2, 3, 4 }, 5, 0, INSN_PLAIN },
	{ "mov imm16", { 0x66, 0xb8, 1, 2 }, 4, 0, INSN_PLAIN },
	{ "movabs", { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }, 10, 0, INSN_PLAIN },
	{ "lea rip", { 0x48, 0x8d, 0x05, 1, 2, 3, 4 }, 7, 3, INSN_PLAIN },
	{ "movl imm to rip", { 0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8 }, 10, 2,
	    INSN_PLAIN },
	{ "movw imm to rip", { 0x66, 0xc7, 0x05, 1, 2, 3, 4, 5, 6 }, 9, 3,
	    INSN_PLAIN },
	{ "mov sib disp32", { 0x8b, 0x84, 0x24, 1, 2, 3, 4 }, 7, 0,
	    INSN_PLAIN },
	{ "mov sib no base", { 0x8b, 0x04, 0x25, 1, 2, 3, 4 }, 7, 0,
	    INSN_PLAIN },
	{ "test imm", { 0xf7, 0xc1, 1, 2, 3, 4 }, 6, 0, INSN_PLAIN },
	{ "neg", { 0xf7, 0xd9 }, 2, 0, INSN_PLAIN },
	{ "cmpb rip imm8", { 0x80, 0x3d, 1, 2, 3, 4, 5 }, 7, 2, INSN_PLAIN },
	{ "je short", { 0x74, 5 }, 2, 0, INSN_JCC },
	{ "jne near", { 0x0f, 0x85, 1, 2, 3, 4 }, 6, 0, INSN_JCC },
	{ "jmp", { 0xe9, 1, 2, 3, 4 }, 5, 0, INSN_STOP },
	{ "call", { 0xe8, 1, 2, 3, 4 }, 5, 0, INSN_STOP },
	{ "call indirect", { 0xff, 0x15, 1, 2, 3, 4 }, 6, 2, INSN_STOP },
	{ "push indirect", { 0xff, 0x35, 1, 2, 3, 4 }, 6, 2, INSN_PLAIN },
	{ "ret", { 0xc3 }, 1, 0, INSN_STOP },
	{ "syscall", { 0x0f, 0x05 }, 2, 0, INSN_STOP },
	{ "jrcxz", { 0xe3, 4 }, 2, 0, INSN_STOP },
	{ "fs load", { 0x64, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0 }, 9, 0,
	    INSN_PLAIN },
	{ "vmovdqu rip", { 0xc5, 0xfe, 0x6f, 0x05, 1, 2, 3, 4 }, 8, 4,
	    INSN_PLAIN },
	{ "vzeroupper", { 0xc5, 0xf8, 0x77 }, 3, 0, INSN_PLAIN },
	{ "vpalignr", { 0xc4, 0xe3, 0x75, 0x0f, 0xc2, 8 }, 6, 0, INSN_PLAIN },
	{ "kortestd", { 0xc4, 0xe1, 0xf9, 0x98, 0xc1 }, 5, 0, INSN_PLAIN },
	{ "evex load", { 0x62, 0xf1, 0xfe, 0x28, 0x6f, 0x47, 1 }, 7, 0,
	    INSN_PLAIN },
	{ "endbr64", { 0xf3, 0x0f, 0x1e, 0xfa }, 4, 0, INSN_PLAIN },
	{ "unknown in 64 bits", { 0x06 }, 0, 0, 0 },
	{ "prefixes without end",
	    { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		0x66, 0x66, 0x66, 0x66, 0x66 },
	    0, 0, 0 },
};

static void
encodings_have_the_lengths_of_the_manual(void **state)
{
	struct insn in;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (insn_decode(table[i].bytes, &in) != table[i].len)
			fail_msg("%s: length %d", table[i].text, in.in_len);
		if (table[i].len == 0)
			continue;
		if (in.in_rip != table[i].rip || in.in_kind != table[i].kind)
			fail_msg("%s: rip %d kind %d", table[i].text, in.in_rip,
			    in.in_kind);
	}
}

static void
conditional_jumps_know_their_targets(void **state)
{
	static const uint8_t near[] = { 0x0f, 0x84, 0xfa, 0xff, 0xff, 0xff };
	static const uint8_t back[] = { 0x75, 0xfe };
	struct insn in;

	assert_int_equal(insn_decode(near, &in), 6);
	assert_ptr_equal(insn_target(near, &in), near);
	assert_int_equal(insn_decode(back, &in), 2);
	assert_ptr_equal(insn_target(back, &in), back);
}

struct comparison {
	csh cs;
	cs_insn *insn;
	unsigned long compared, unknown, different;
	unsigned long sites, planned;
};

static void
compare_function(struct comparison *c, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *code;
	size_t left;
	uint64_t addr;
	struct insn in;
	int n;

	while (p < end) {
		code = p;
		left = (size_t)(end - p);
		addr = (uintptr_t)p;
		if (!cs_disasm_iter(c->cs, &code, &left, &addr, c->insn))
			return; /* capstone does not know it: nobody to ask */
		n = insn_decode(p, &in);
		c->compared++;
		c->unknown += n == 0;
		if (n != 0 && n != c->insn->size) {
			c->different++;
			print_message("%p: %s %s: %d, not %d\n", (void *)p,
			    c->insn->mnemonic, c->insn->op_str, n,
			    c->insn->size);
		}
		p += c->insn->size;
	}
}

/* Visit every function of an object that has unwind entries. */
static void
visit_object(struct comparison *c, const uint8_t *hdr)
{
	const uint8_t *begin, *end, *p;
	struct site_plan plan;
	struct insn in;
	uint32_t n, i;
	int32_t at;

	memcpy(&n, hdr + 8, sizeof(n));
	for (i = 0; i < n; i++) {
		memcpy(&at, hdr + 12 + 8 * (size_t)i, sizeof(at));
		if (!site_function(hdr, hdr + at, &begin, &end))
			continue;
		compare_function(c, begin, end);
		for (p = begin; p < end && insn_decode(p, &in) != 0;
		     p += in.in_len) {
			if (in.in_len != 2 || p[0] != 0x0f || p[1] != 0x05)
				continue;
			c->sites++;
			c->planned += site_make_plan(
			    p, -1, hdr, NULL, (const uint8_t *)hdr, &plan);
		}
	}
}

static int
visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	int i;

	if (strstr(info->dlpi_name, "libc.so") == NULL &&
	    strstr(info->dlpi_name, "ld-linux") == NULL)
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			visit_object(
			    arg, (const uint8_t *)(info->dlpi_addr +
						   info->dlpi_phdr[i].p_vaddr));
	}
	return 0;
}

static void
libc_decodes_as_a_disassembler_says_and_its_sites_can_be_patched(void **state)
{
	struct comparison c = { 0 };

	assert_int_equal(cs_open(CS_ARCH_X86, CS_MODE_64, &c.cs), CS_ERR_OK);
	c.insn = cs_malloc(c.cs);
	dl_iterate_phdr(visit, &c);
	cs_free(c.insn, 1);
	cs_close(&c.cs);
	print_message("%lu instructions, %lu unknown; %lu of %lu sites\n",
	    c.compared, c.unknown, c.planned, c.sites);
	assert_true(c.compared > 100000);
	assert_int_equal(c.different, 0);
	assert_true(c.unknown * 1000 < c.compared);
	assert_true(c.sites > 300);
	assert_true(c.planned * 100 >= c.sites * 95);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_have_the_lengths_of_the_manual),
		cmocka_unit_test(conditional_jumps_know_their_targets),
		cmocka_unit_test(
		    libc_decodes_as_a_disassembler_says_and_its_sites_can_be_patched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
