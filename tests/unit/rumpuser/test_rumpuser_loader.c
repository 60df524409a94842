/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * librumptestset.so has link sets as a genuine component library has; this
 * program is the main object, and exports symbols of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "rump/rump.h"
#include "rump/rumpuser.h"

/* Of librumptestset.so; the tables hold one and two. */
extern struct rump_component rumptest_first, rumptest_second;
extern char rumptest_module[];
void rumptest_function(void);

int rump_of_main_program = 1;
int other_of_main_program = 1;

static int modinits, symloads, complods;
static const struct rump_component *components[8];
static const Elf64_Sym *symtab;
static size_t nsyms;
static const char *strtab;
static size_t strbytes;
static int symload_error;

static void
modinit(const struct modinfo *const *mi, size_t n)
{
	modinits++;
	assert_int_equal(symloads, 1);
	assert_int_equal(n, 1);
	assert_ptr_equal(mi[0], rumptest_module);
}

static int
symload(void *sym, uint64_t symbytes, char *str, uint64_t bytes)
{
	symloads++;
	assert_int_equal(symbytes % sizeof(Elf64_Sym), 0);
	symtab = sym;
	nsyms = symbytes / sizeof(Elf64_Sym);
	strtab = str;
	strbytes = bytes;
	return symload_error;
}

static void
compload(const struct rump_component *rc)
{
	components[complods++] = rc;
}

static void
bootstrap(int error)
{
	modinits = symloads = complods = 0;
	symload_error = error;
	rumpuser_dl_bootstrap(modinit, symload, compload);
}

static const Elf64_Sym *
find(const char *name)
{
	size_t i;

	for (i = 0; i < nsyms; i++) {
		assert_in_range(symtab[i].st_name, 0, strbytes - 1);
		if (strcmp(strtab + symtab[i].st_name, name) == 0)
			return &symtab[i];
	}
	return NULL;
}

static void
link_sets_are_loaded_after_the_symbols(void **state)
{
	bootstrap(0);
	assert_int_equal(modinits, 1);
	assert_int_equal(complods, 2);
	assert_ptr_equal(components[0], &rumptest_first);
	assert_ptr_equal(components[1], &rumptest_second);
}

static void
symbols_have_absolute_addresses(void **state)
{
	bootstrap(0);
	assert_int_equal(symloads, 1);
	assert_non_null(find("rumptest_first"));
	assert_non_null(find("rumptest_function"));
	assert_int_equal(
	    find("rumptest_function")->st_value, rumptest_function);
	assert_int_equal(
	    find("rump_of_main_program")->st_value, &rump_of_main_program);
	assert_int_equal(find("rumpuser_malloc")->st_value, rumpuser_malloc);
}

static void
only_the_kernels_names_and_objects_are_told(void **state)
{
	size_t i;

	bootstrap(0);
	assert_null(find("other_of_main_program"));
	assert_null(find("test_of_no_kernel_prefix"));
	assert_null(find("rumptest_thread_local"));
	/* Of libc, whose path does not contain librump. */
	assert_null(find("__libc_start_main"));
	for (i = 0; i < nsyms; i++)
		assert_int_not_equal(symtab[i].st_shndx, SHN_UNDEF);
}

static void
a_refused_table_is_freed_and_the_rest_goes_on(void **state)
{
	bootstrap(16);
	assert_int_equal(symloads, 1);
	assert_int_equal(complods, 2);
}

static void
callbacks_may_be_missing(void **state)
{
	rumpuser_dl_bootstrap(NULL, NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_sets_are_loaded_after_the_symbols),
		cmocka_unit_test(symbols_have_absolute_addresses),
		cmocka_unit_test(only_the_kernels_names_and_objects_are_told),
		cmocka_unit_test(a_refused_table_is_freed_and_the_rest_goes_on),
		cmocka_unit_test(callbacks_may_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
