/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of --mount, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/mountarg.h"

static const struct good {
	const char *g_arg, *g_path, *g_source;
} goods[] = {
	{ "/data=nfs://h/e", "/data", "nfs://h/e" },
	{ "//data//x/=nfs://h/e", "/data/x", "nfs://h/e" },
	{ "/a=b=nfs://h/e", "/a=b", "nfs://h/e" },
	{ "/a=/b=nfs://h/e", "/a=/b", "nfs://h/e" },
	{ "/a=nfs://h/e?x=nfs:y&z=1", "/a", "nfs://h/e?x=nfs:y&z=1" },
	{ "/...=nfs://h", "/...", "nfs://h" },
	{ "/a=nfs://[::1]:2049/e", "/a", "nfs://[::1]:2049/e" },
	{ "/kern=kernfs:", "/kern", "kernfs:" },
	{ "/tmp/x=tmpfs:", "/tmp/x", "tmpfs:" },
	{ "/t=tmpfs:?size=1m&mode=0700", "/t", "tmpfs:?size=1m&mode=0700" },
};

static const struct bad {
	const char *b_arg;
	const char *b_part; /* of the message */
} bads[] = {
	{ "/data", "'/data': must be PATH=SOURCE" },
	{ "/data=", "'/data=': must be PATH=SOURCE" },
	{ "", "must be PATH=SOURCE" },
	{ "/data=/export", "must be PATH=SOURCE" },
	{ "/data=:x", "must be PATH=SOURCE" },
	{ "data=nfs://h/e", "'data': a mount point is an absolute path" },
	{ "=nfs://h/e", "'': a mount point is an absolute path" },
	{ "/=nfs://h/e", "the root cannot be a mount point" },
	{ "///=nfs://h/e", "the root cannot be a mount point" },
	{ "/a/../b=nfs://h/e", "must not contain '.' or '..'" },
	{ "/a/.=nfs://h/e", "must not contain '.' or '..'" },
	{ "/a\nb=nfs://h/e", "cannot contain a newline" },
	{ "/a=nfs://h/e\nx", "cannot contain a newline" },
	{ "/a=nfs:h", "a host must follow: nfs://host/export" },
	{ "/a=tmpfs:x", "only options may follow 'tmpfs:'" },
	{ "/a=tmpfs:?size=1\nx", "only options may follow 'tmpfs:'" },
	{ "/a=host:/x", "host sources are not there yet" },
	{ "/a=smb://h/e", "no such kind of source 'smb:'; there are nfs://" },
	{ "/a=kernfs:x", "kernfs:x: nothing may follow 'kernfs:'" },
	{ "/a=kernfs:\nx", "nothing may follow 'kernfs:'" },
	{ "/a=nfs4://h/e", "no such kind of source 'nfs4:'" },
};

static const struct resolution {
	const char *r_source, *r_result; /* NULL: fails, */
	const char *r_part;              /* with this in the message */
} resolutions[] = {
	{ "nfs://10.1.2.3/e", "nfs://10.1.2.3/e", NULL },
	{ "nfs://10.1.2.3:2049/e?a=b", "nfs://10.1.2.3:2049/e?a=b", NULL },
	{ "nfs://127.1", "nfs://127.0.0.1", NULL },
	{ "nfs:///e", NULL, "names no server" },
	{ "nfs://:2049/e", NULL, "names no server" },
	{ "nfs://?a=b", NULL, "names no server" },
	{ "nfs://[::1]/e", "nfs://[::1]/e", NULL },
	{ "nfs://[0:0::1]:2049/e?a", "nfs://[::1]:2049/e?a", NULL },
	{ "nfs://[fe80::1%25lo]/e", "nfs://[fe80::1%251]/e", NULL },
	{ "nfs://[fe80::1%lo]/e", "nfs://[fe80::1%251]/e", NULL },
	{ "nfs://[]/e", NULL, "names no server" },
	{ "nfs://[::1/e", NULL, "names no server" },
	{ "nfs://[1.2.3.4]/e", NULL, "no IPv6 address" },
	{ "nfs://[name]/e", NULL, "no IPv6 address" },
	{ "kernfs:", "kernfs:", NULL },
};

static void
a_mount_is_cut_at_the_first_equals_sign_before_a_scheme(void **state)
{
	const struct good *g;
	struct mountarg ma;
	char text[512];

	for (g = goods; g < goods + sizeof(goods) / sizeof(goods[0]); g++) {
		assert_int_equal(
		    mountarg_parse(g->g_arg, &ma, text, sizeof(text)), 0);
		assert_string_equal(ma.ma_path, g->g_path);
		assert_string_equal(ma.ma_source, g->g_source);
		mountarg_fini(&ma);
	}
}

static void
a_bad_mount_is_named_and_changes_nothing(void **state)
{
	struct mountarg ma = { .ma_path = (char *)"kept",
		.ma_source = (char *)"too" };
	const struct bad *b;
	char text[512];

	for (b = bads; b < bads + sizeof(bads) / sizeof(bads[0]); b++) {
		assert_int_equal(
		    mountarg_parse(b->b_arg, &ma, text, sizeof(text)), -1);
		assert_non_null(strstr(text, b->b_part));
		assert_string_equal(ma.ma_path, "kept");
		assert_string_equal(ma.ma_source, "too");
	}
}

static void
a_server_becomes_an_address_and_the_rest_stays(void **state)
{
	const size_t n = sizeof(resolutions) / sizeof(resolutions[0]);
	const struct resolution *r;
	struct mountarg ma;
	char text[512];
	int error;

	for (r = resolutions; r < resolutions + n; r++) {
		ma = (struct mountarg){ .ma_path = strdup("/data"),
			.ma_source = strdup(r->r_source) };
		error = mountarg_resolve(&ma, text, sizeof(text));
		assert_string_equal(ma.ma_source, r->r_source);
		if (r->r_result != NULL) {
			assert_int_equal(error, 0);
			assert_int_equal(ma.ma_nurls, 1);
			assert_string_equal(ma.ma_urls[0], r->r_result);
		} else {
			assert_int_equal(error, -1);
			assert_non_null(strstr(text, r->r_part));
		}
		mountarg_fini(&ma);
	}
}

static void
a_name_gives_an_address_after_the_other(void **state)
{
	struct mountarg ma = { .ma_path = strdup("/data"),
		.ma_source = strdup("nfs://localhost:1/e?soft") };
	char text[512];
	size_t i, j;

	assert_int_equal(mountarg_resolve(&ma, text, sizeof(text)), 0);
	assert_in_range(ma.ma_nurls, 1, MOUNTARG_MAXURLS);
	for (i = 0; i < ma.ma_nurls; i++) {
		assert_true(
		    strcmp(ma.ma_urls[i], "nfs://127.0.0.1:1/e?soft") == 0 ||
		    strcmp(ma.ma_urls[i], "nfs://[::1]:1/e?soft") == 0);
		for (j = 0; j < i; j++)
			assert_string_not_equal(ma.ma_urls[i], ma.ma_urls[j]);
	}
	mountarg_fini(&ma);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_mount_is_cut_at_the_first_equals_sign_before_a_scheme),
		cmocka_unit_test(a_bad_mount_is_named_and_changes_nothing),
		cmocka_unit_test(
		    a_server_becomes_an_address_and_the_rest_stays),
		cmocka_unit_test(a_name_gives_an_address_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
