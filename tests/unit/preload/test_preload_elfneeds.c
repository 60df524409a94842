/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/elfneeds.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BASE 0x400000UL /* where the file is loaded */

/* A file as small as one can be that has everything. */
static struct file {
	Elf64_Ehdr f_eh;
	Elf64_Phdr f_ph[3];
	Elf64_Dyn f_dyn[12];
	char f_interp[16];
	char f_strings[64];
} file;

static const char strings[] = "\0liba.so\0./b.so\0$ORIGIN/x\0/y\0me.so";
enum {
	S_A = 1,
	S_B = 9,
	S_RPATH = 16,
	S_RUNPATH = 26,
	S_ME = 29,
};
static size_t file_size;

static long
read_file(const void *cookie, void *buf, size_t len, uint64_t off)
{
	if (off >= file_size)
		return 0;
	if (len > file_size - off)
		len = file_size - off;
	memcpy(buf, (const char *)&file + off, len);
	return (long)len;
}

static void
segment(int i, uint32_t type, size_t from, size_t to)
{
	file.f_ph[i] = (Elf64_Phdr){ .p_type = type,
		.p_offset = from,
		.p_vaddr = BASE + from,
		.p_filesz = to - from };
}

static int
make(void **state)
{
	static const Elf64_Dyn dyn[] = {
		{ DT_NEEDED, { S_A } },
		{ DT_NEEDED, { S_B } },
		{ DT_SONAME, { S_ME } },
		{ DT_RPATH, { S_RPATH } },
		{ DT_RUNPATH, { S_RUNPATH } },
		{ DT_STRTAB, { BASE + offsetof(struct file, f_strings) } },
		{ DT_STRSZ, { sizeof(strings) } },
		{ DT_FLAGS_1, { DF_1_NODEFLIB } },
		{ DT_NULL, { 0 } },
		{ DT_NEEDED, { S_A } },
	};

	memset(&file, 0, sizeof(file));
	file_size = sizeof(file);
	memcpy(file.f_eh.e_ident, ELFMAG, SELFMAG);
	file.f_eh.e_ident[EI_CLASS] = ELFCLASS64;
	file.f_eh.e_ident[EI_DATA] = ELFDATA2LSB;
	file.f_eh.e_machine = EM_X86_64;
	file.f_eh.e_type = ET_DYN;
	file.f_eh.e_phoff = offsetof(struct file, f_ph);
	file.f_eh.e_phentsize = sizeof(Elf64_Phdr);
	file.f_eh.e_phnum = 3;
	segment(0, PT_LOAD, 0, sizeof(file));
	segment(1, PT_DYNAMIC, offsetof(struct file, f_dyn),
	    offsetof(struct file, f_interp));
	segment(2, PT_INTERP, offsetof(struct file, f_interp),
	    offsetof(struct file, f_strings));
	memcpy(file.f_dyn, dyn, sizeof(dyn));
	strcpy(file.f_interp, "/lib/ld.so");
	memcpy(file.f_strings, strings, sizeof(strings));
	return 0;
}

static void
assert_string(const struct elfneeds *en, uint64_t at, const char *want)
{
	char buf[64];

	assert_int_equal(
	    elfneeds_string(en, at, buf, sizeof(buf)), strlen(want));
	assert_string_equal(buf, want);
}

static struct elfneeds
begin(void)
{
	struct elfneeds en;

	assert_int_equal(elfneeds_begin(&en, read_file, NULL), 0);
	return en;
}

static void
names_and_lists_are_found(void **state)
{
	struct elfneeds en = begin();
	char buf[32];

	assert_int_equal(en.en_count, 2);
	assert_string(&en, en.en_needed[0], "liba.so");
	assert_string(&en, en.en_needed[1], "./b.so");
	assert_string(&en, en.en_soname, "me.so");
	assert_string(&en, en.en_rpath, "$ORIGIN/x");
	assert_string(&en, en.en_runpath, "/y");
	assert_true(en.en_nodeflib);
	assert_int_equal(elfneeds_interpreter(&en, buf, sizeof(buf)), 10);
	assert_string_equal(buf, "/lib/ld.so");
}

static void
a_file_without_a_dynamic_section_needs_nothing(void **state)
{
	struct elfneeds en;
	char buf[32];

	file.f_ph[1].p_type = file.f_ph[2].p_type = PT_NOTE;
	en = begin();
	assert_int_equal(en.en_count, 0);
	assert_true(en.en_soname == ELFNEEDS_NONE);
	assert_true(en.en_rpath == ELFNEEDS_NONE);
	assert_true(en.en_runpath == ELFNEEDS_NONE);
	assert_int_equal(elfneeds_string(&en, 0, buf, sizeof(buf)), -1);
	assert_int_equal(elfneeds_interpreter(&en, buf, sizeof(buf)), -1);
}

static void
refuse(uint8_t *byte, uint8_t value)
{
	uint8_t old = *byte;
	struct elfneeds en;

	*byte = value;
	assert_int_equal(elfneeds_begin(&en, read_file, NULL), ENOEXEC);
	*byte = old;
	assert_int_equal(elfneeds_begin(&en, read_file, NULL), 0);
}

static void
what_is_for_another_machine_is_refused(void **state)
{
	struct elfneeds en;

	refuse(&file.f_eh.e_ident[0], 'X');
	refuse(&file.f_eh.e_ident[EI_CLASS], ELFCLASS32);
	refuse(&file.f_eh.e_ident[EI_DATA], ELFDATA2MSB);
	refuse((uint8_t *)&file.f_eh.e_machine, EM_386);
	refuse((uint8_t *)&file.f_eh.e_type, ET_REL);
	refuse((uint8_t *)&file.f_eh.e_phentsize, 32);
	for (file_size = 0; file_size < offsetof(struct file, f_dyn);
	     file_size++)
		assert_int_equal(elfneeds_begin(&en, read_file, NULL), ENOEXEC);
}

static void
strings_outside_of_the_table_are_none(void **state)
{
	struct elfneeds en;
	char buf[64];

	file.f_dyn[0].d_un.d_val = sizeof(strings);
	file.f_dyn[1].d_un.d_val = UINT64_MAX - 1;
	en = begin();
	assert_int_equal(en.en_count, 2);
	assert_int_equal(
	    elfneeds_string(&en, en.en_needed[0], buf, sizeof(buf)), -1);
	assert_int_equal(
	    elfneeds_string(&en, en.en_needed[1], buf, sizeof(buf)), -1);
	/* One that has no end, and one that has no room. */
	file.f_dyn[6].d_un.d_val = S_ME + 3;
	en = begin();
	assert_int_equal(
	    elfneeds_string(&en, en.en_soname, buf, sizeof(buf)), -1);
	assert_int_equal(elfneeds_string(&en, S_A, buf, 7), -1);
	assert_int_equal(elfneeds_string(&en, S_A, buf, 8), 7);
}

static void
a_table_that_is_not_loaded_has_no_strings(void **state)
{
	struct elfneeds en;
	char buf[64];

	file.f_dyn[5].d_un.d_ptr = BASE - 1;
	en = begin();
	assert_int_equal(
	    elfneeds_string(&en, en.en_needed[0], buf, sizeof(buf)), -1);
	file.f_dyn[5].d_un.d_ptr = BASE + sizeof(file);
	en = begin();
	assert_int_equal(
	    elfneeds_string(&en, en.en_needed[0], buf, sizeof(buf)), -1);
}

static void
too_many_names_are_cut_off(void **state)
{
	/* One entry after the other, up to the end of the file and around. */
	for (size_t i = 0; i < 12; i++)
		file.f_dyn[i] = (Elf64_Dyn){ DT_NEEDED, { S_A } };
	assert_int_equal(begin().en_count, 12);
	file.f_ph[1].p_filesz = UINT64_MAX;
	assert_in_range(begin().en_count, 0, ELFNEEDS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_and_lists_are_found, make),
		cmocka_unit_test_setup(
		    a_file_without_a_dynamic_section_needs_nothing, make),
		cmocka_unit_test_setup(
		    what_is_for_another_machine_is_refused, make),
		cmocka_unit_test_setup(
		    strings_outside_of_the_table_are_none, make),
		cmocka_unit_test_setup(
		    a_table_that_is_not_loaded_has_no_strings, make),
		cmocka_unit_test_setup(too_many_names_are_cut_off, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
