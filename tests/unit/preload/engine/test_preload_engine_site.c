/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/engine/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/*
 * A page of code with an .eh_frame_hdr and one unwind entry in front, laid out
 * as a linker does.
 */
struct object {
	uint8_t hdr[64];
	uint8_t fde[32];
	uint8_t code[256];
	uint8_t slot[SLOT_SIZE];
};

static void
put32(uint8_t *p, int64_t v)
{
	int32_t v32 = (int32_t)v;

	memcpy(p, &v32, sizeof(v32));
}

static uint8_t *
object_init(struct object *o, const uint8_t *code, size_t len)
{
	memset(o, 0xcc, sizeof(*o));
	memcpy(o->hdr, (uint8_t[]){ 1, 0x1b, 3, 0x3b }, 4);
	put32(o->hdr + 8, 1);
	put32(o->hdr + 12, o->code - o->hdr);
	put32(o->hdr + 16, o->fde - o->hdr);
	put32(o->fde + 8, o->code - (o->fde + 8));
	put32(o->fde + 12, (int64_t)len);
	memcpy(o->code, code, len);
	return o->code + len - 2; /* the syscall comes last here */
}

static bool
plan(struct object *o, const uint8_t *site, long nr, struct site_plan *pl)
{
	return site_make_plan(
	    site, nr, o->hdr, o->slot, o->slot + SLOT_PREFIX, pl);
}

static void
the_number_before_the_syscall_is_replaced(void **state)
{
	static const uint8_t code[] = { 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 5 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, code, sizeof(code));

	assert_true(plan(&o, site, 39, &pl));
	assert_ptr_equal(pl.pl_at, o.code + 1);
	assert_int_equal(pl.pl_len, 5);
	assert_memory_equal(pl.pl_code, code + 1, 5);
}

static void
without_an_unwind_entry_only_the_very_number_counts(void **state)
{
	static const uint8_t code[] = { 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 5 };
	static const uint8_t wide[] = { 0x48, 0xb8, 39, 0, 0, 0, 0x0f, 5 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, code, sizeof(code));

	assert_true(site_make_plan(site, 39, NULL, o.slot, o.slot, &pl));
	assert_false(site_make_plan(site, 40, NULL, o.slot, o.slot, &pl));
	assert_false(site_make_plan(site, -1, NULL, o.slot, o.slot, &pl));
	site = object_init(&o, wide, sizeof(wide));
	assert_false(site_make_plan(site, 39, NULL, o.slot, o.slot, &pl));
}

static void
a_number_in_the_tail_of_another_instruction_is_not_taken(void **state)
{
	/* movl $39, -0x48(%rsp) ends like mov $39, %eax */
	static const uint8_t code[] = { 0xc7, 0x44, 0x24, 0xb8, 39, 0, 0, 0,
		0x0f, 5 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, code, sizeof(code));

	assert_true(plan(&o, site, 39, &pl));
	assert_ptr_equal(pl.pl_at, o.code); /* hoisted whole */
	assert_int_equal(pl.pl_len, 8);
}

static void
a_hoisted_group_keeps_its_targets(void **state)
{
	/* lea 16(%rip),%rsi; xor %eax,%eax; je +4; syscall */
	static const uint8_t code[] = { 0x48, 0x8d, 0x35, 16, 0, 0, 0, 0x31,
		0xc0, 0x74, 4, 0x0f, 5 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, code, sizeof(code)), *run;
	int32_t d;

	assert_true(plan(&o, site, 0, &pl));
	assert_ptr_equal(pl.pl_at, o.code);
	assert_int_equal(pl.pl_len, 7 + 2 + 6);
	run = o.slot + SLOT_PREFIX - pl.pl_len;
	memcpy(&d, pl.pl_code + 3, sizeof(d));
	assert_ptr_equal(run + 7 + d, o.code + 7 + 16);
	assert_int_equal(pl.pl_code[9], 0x0f);
	assert_int_equal(pl.pl_code[10], 0x84);
	memcpy(&d, pl.pl_code + 11, sizeof(d));
	assert_ptr_equal(run + 15 + d, o.code + 11 + 4);
}

static void
nothing_is_hoisted_across_a_call_or_from_too_little(void **state)
{
	static const uint8_t call[] = { 0xb8, 39, 0, 0, 0, 0xe8, 1, 2, 3, 4,
		0x31, 0xc0, 0x0f, 5 };
	static const uint8_t small[] = { 0x31, 0xc0, 0x89, 0xf8, 0x0f, 5 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, call, sizeof(call));

	assert_false(plan(&o, site, 0, &pl));
	site = object_init(&o, small, sizeof(small));
	assert_false(plan(&o, site, 0, &pl));
}

static void
a_site_inside_an_instruction_is_refused(void **state)
{
	static const uint8_t code[] = { 0xb8, 39, 0, 0, 0, 0xb8, 1, 0x0f, 5,
		0 };
	struct object o;
	struct site_plan pl;

	object_init(&o, code, sizeof(code));
	assert_false(plan(&o, o.code + 7, 39, &pl));
}

static void
the_tail_of_what_a_patch_overwrote_is_not_code(void **state)
{
	/* A jump over lea, then xor %eax,%eax and nops.  The tail of lea
	 * would pass for a movabs up to the syscall. */
	static const uint8_t code[] = { 0xe9, 0, 0, 0, 0, 0x48, 0xb8, 0x31,
		0xc0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x0f, 5 };
	static const uint8_t lea[] = { 0x48, 0x8d, 0x35, 0, 0, 0x48, 0xb8 };
	struct object o;
	struct site_plan pl;
	uint8_t *site = object_init(&o, code, sizeof(code)), *to;

	to = o.slot + SLOT_PREFIX - sizeof(lea);
	memcpy(to, lea, sizeof(lea));
	put32(o.code + 1, to - (o.code + 5));
	assert_false(plan(&o, site, 0, &pl));
}

static void
functions_are_found_by_their_range(void **state)
{
	static const uint8_t code[16] = { 0x90 };
	const uint8_t *begin, *end;
	struct object o;

	object_init(&o, code, sizeof(code));
	assert_true(site_function(o.hdr, o.code + 15, &begin, &end));
	assert_ptr_equal(begin, o.code);
	assert_ptr_equal(end, o.code + 16);
	assert_false(site_function(o.hdr, o.code + 16, &begin, &end));
	assert_false(site_function(o.hdr, o.code - 1, &begin, &end));
	o.hdr[3] = 0x1b;
	assert_false(site_function(o.hdr, o.code, &begin, &end));
	assert_false(site_function(NULL, o.code, &begin, &end));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_before_the_syscall_is_replaced),
		cmocka_unit_test(
		    without_an_unwind_entry_only_the_very_number_counts),
		cmocka_unit_test(
		    a_number_in_the_tail_of_another_instruction_is_not_taken),
		cmocka_unit_test(a_hoisted_group_keeps_its_targets),
		cmocka_unit_test(
		    nothing_is_hoisted_across_a_call_or_from_too_little),
		cmocka_unit_test(a_site_inside_an_instruction_is_refused),
		cmocka_unit_test(
		    the_tail_of_what_a_patch_overwrote_is_not_code),
		cmocka_unit_test(functions_are_found_by_their_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
