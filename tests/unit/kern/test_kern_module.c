/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/kern/kern_test.h"

#include <string.h>

#include "kern/kmem.h"
#include "kern/ksyms.h"
#include "kern/module.h"
#include "kern/uio.h"

static char trail[64]; /* what modules were told, in order */
static int refusal;

static int
tell(char who, int cmd)
{
	size_t n = strlen(trail);

	trail[n] = who;
	trail[n + 1] = cmd == MODULE_CMD_INIT ? '+' : '-';
	trail[n + 2] = '\0';
	return refusal;
}

#define MODCMD(name, letter)                                                   \
	static int name##_modcmd(int cmd, void *arg)                           \
	{                                                                      \
		return tell(letter, cmd);                                      \
	}
MODCMD(a, 'a')
MODCMD(b, 'b')
MODCMD(c, 'c')

static struct modinfo a, b, c;

static int
start_over(void **state)
{
	const uint32_t version = (uint32_t)rump_getversion();

	a = (struct modinfo){ version, 0, a_modcmd, "a", NULL };
	b = (struct modinfo){ version, 0, b_modcmd, "b", "a" };
	c = (struct modinfo){ version, 0, c_modcmd, "c", "b,a" };
	trail[0] = '\0';
	refusal = 0;
	return 0;
}

static int
load(const struct modinfo *m1, const struct modinfo *m2,
    const struct modinfo *m3)
{
	const struct modinfo *mip[] = { m1, m2, m3 };

	return rump_pub_module_init(mip, m2 == NULL ? 1 : m3 == NULL ? 2 : 3);
}

static void
a_module_comes_after_what_it_requires(void **state)
{
	size_t before = kmem_outstanding();

	assert_int_equal(load(&c, &b, &a), 0);
	assert_string_equal(trail, "a+b+c+");
	assert_int_equal(rump_pub_module_fini(&a), RUMP_EBUSY);
	assert_int_equal(rump_pub_module_fini(&b), RUMP_EBUSY);
	assert_int_equal(rump_pub_module_fini(&c), 0);
	assert_int_equal(rump_pub_module_fini(&b), 0);
	assert_int_equal(rump_pub_module_fini(&a), 0);
	assert_string_equal(trail, "a+b+c+c-b-a-");
	assert_int_equal(rump_pub_module_fini(&a), RUMP_ENOENT);
	assert_int_equal(kmem_outstanding(), before);
}

static void
what_is_required_must_be_there(void **state)
{
	assert_int_equal(load(&b, NULL, NULL), RUMP_ENOENT);
	assert_string_equal(trail, "");
	assert_int_equal(load(&a, NULL, NULL), 0);
	assert_int_equal(load(&b, NULL, NULL), 0);
	assert_int_equal(rump_pub_module_fini(&b), 0);
	assert_int_equal(rump_pub_module_fini(&a), 0);
}

static void
a_name_is_taken_once_and_versions_must_agree(void **state)
{
	struct modinfo other = a;

	assert_int_equal(load(&a, NULL, NULL), 0);
	assert_int_equal(load(&other, NULL, NULL), RUMP_EEXIST);
	assert_int_equal(rump_pub_module_fini(&other), RUMP_ENOENT);
	assert_int_equal(rump_pub_module_fini(&a), 0);
	other.mi_version++;
	assert_int_equal(load(&other, NULL, NULL), RUMP_EPROGMISMATCH);
	assert_string_equal(trail, "a+a-");
}

static void
a_circle_is_refused(void **state)
{
	a.mi_required = "c";
	assert_int_equal(load(&a, &b, &c), RUMP_EMLINK);
	assert_string_equal(trail, "");
	a.mi_required = "a";
	assert_int_equal(load(&a, NULL, NULL), RUMP_EMLINK);
}

static void
a_module_that_refuses_is_not_there(void **state)
{
	refusal = RUMP_ENXIO;
	assert_int_equal(load(&a, NULL, NULL), RUMP_ENXIO);
	refusal = 0;
	assert_int_equal(rump_pub_module_fini(&a), RUMP_ENOENT);
	assert_int_equal(load(&a, NULL, NULL), 0);
	refusal = RUMP_EBUSY;
	assert_int_equal(rump_pub_module_fini(&a), RUMP_EBUSY);
	refusal = 0;
	assert_int_equal(rump_pub_module_fini(&a), 0);
}

/* --- the rest of what the host may lend and borrow --------------------------- */

struct sym {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};

static void
symbols_are_taken_once_and_found_by_address(void **state)
{
	static char names[] = "\0first\0second";
	static struct sym table[] = {
		{ .name = 1, .info = 2, .value = 0x1000, .size = 0x10 },
		{ .name = 7, .info = 1, .value = 0x2000, .size = 8 },
		{ .name = 99, .info = 2, .value = 0x3000, .size = 8 },
	};
	uintptr_t offset;

	assert_int_equal(
	    rump_pub_kernelfsym_load(table, 23, names, 14), RUMP_EINVAL);
	assert_int_equal(
	    rump_pub_kernelfsym_load(table, sizeof(table), names, 4),
	    RUMP_EINVAL);
	assert_null(ksyms_find(0x1004, &offset));
	assert_int_equal(rump_pub_kernelfsym_load(
			     table, sizeof(table), names, sizeof(names)),
	    0);
	assert_int_equal(rump_pub_kernelfsym_load(
			     table, sizeof(table), names, sizeof(names)),
	    RUMP_EBUSY);
	assert_string_equal(ksyms_find(0x1004, &offset), "first");
	assert_int_equal(offset, 4);
	assert_string_equal(ksyms_find(0x2007, &offset), "second");
	assert_null(ksyms_find(0x2008, &offset));
	assert_null(ksyms_find(0x3000, &offset));
}

static void
a_uio_of_the_host_tells_how_far_it_is(void **state)
{
	char to[8] = "", from[4] = "abcd";
	struct uio *uio = rump_pub_uio_setup(to, 8, 100, RUMPUIO_READ);

	assert_int_equal(uiomove(from, 4, uio), 0);
	assert_int_equal(rump_pub_uio_getresid(uio), 4);
	assert_int_equal(rump_pub_uio_getoff(uio), 104);
	assert_int_equal(rump_pub_uio_free(uio), 4);
	assert_memory_equal(to, "abcd", 4);
	uio = rump_pub_uio_setup(from, 4, 0, RUMPUIO_WRITE);
	assert_int_equal(uiomove(to + 4, 4, uio), 0);
	assert_int_equal(rump_pub_uio_free(uio), 0);
	assert_memory_equal(to, "abcdabcd", 8);
}

#define MODULE_TEST(f) cmocka_unit_test_setup(f, start_over)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MODULE_TEST(a_module_comes_after_what_it_requires),
		MODULE_TEST(what_is_required_must_be_there),
		MODULE_TEST(a_name_is_taken_once_and_versions_must_agree),
		MODULE_TEST(a_circle_is_refused),
		MODULE_TEST(a_module_that_refuses_is_not_there),
		cmocka_unit_test(symbols_are_taken_once_and_found_by_address),
		cmocka_unit_test(a_uio_of_the_host_tells_how_far_it_is),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
