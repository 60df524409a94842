/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/hijackspec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *spec;
	int error;
	unsigned sockets;
	const char *path;
	unsigned nblankets;
	const char *token; /* of an error */
} specs[] = {
	{ "", 0, 0, NULL, 0, NULL },
	{ NULL, 0, HS_ALL & ~HS_LOCAL, "/rump", 0, NULL },
	{ "path=/x", 0, 0, "/x", 0, NULL },
	{ "p=/x,p=/y", 0, 0, "/y", 0, NULL },
	{ "path=//", 0, 0, "//", 0, NULL },
	{ "path=/", EINVAL, 0, NULL, 0, "/" },
	{ "path=/x/", EINVAL, 0, NULL, 0, "/x/" },
	{ "path=x", EINVAL, 0, NULL, 0, "x" },
	{ "path", EINVAL, 0, NULL, 0, "path" },
	{ "socket=inet", 0, HS_INET, NULL, 0, NULL },
	{ "s=all", 0, HS_ALL, NULL, 0, NULL },
	{ "socket=all:noinet:nolocal", 0, HS_ALL & ~(HS_INET | HS_LOCAL), NULL,
	    0, NULL },
	{ "socket=inet:all", EINVAL, 0, NULL, 0, "all" },
	{ "socket=inet:noinet", 0, 0, NULL, 0, NULL },
	{ "socket=", EINVAL, 0, NULL, 0, "" },
	{ "socket", EINVAL, 0, NULL, 0, "socket" },
	{ "socket=ipx", EINVAL, 0, NULL, 0, "ipx" },
	{ "socket=link:oroute:route:inet6:mpls", 0,
	    HS_LINK | HS_OROUTE | HS_ROUTE | HS_INET6 | HS_MPLS, NULL, 0,
	    NULL },
	{ "blanket=/a:/b,path=/c", 0, 0, "/c", 2, NULL },
	{ "blanket=/a/", EINVAL, 0, NULL, 0, "/a/" },
	{ "blanket=", EINVAL, 0, NULL, 0, "" },
	{ "b=a", EINVAL, 0, NULL, 0, "a" },
	{ "vfs=all:nofhcalls,sysctl,fdoff=3", 0, 0, NULL, 0, NULL },
	{ "sysctl=TOTTAKAI", 0, 0, NULL, 0, NULL },
	{ "sysctl=perhaps", EINVAL, 0, NULL, 0, "perhaps" },
	{ "vfs=quota", EINVAL, 0, NULL, 0, "quota" },
	{ "fdoff=2", EINVAL, 0, NULL, 0, "2" },
	{ "fdoff=1073741823", EINVAL, 0, NULL, 0, "1073741823" },
	{ "fdoff=99999999999999999999", EINVAL, 0, NULL, 0,
	    "99999999999999999999" },
	{ "fdoff=3x", EINVAL, 0, NULL, 0, "3x" },
	{ "pathx=/x", EINVAL, 0, NULL, 0, "pathx" },
	{ "path=/x,", EINVAL, 0, NULL, 0, "" },
	{ "=/x", EINVAL, 0, NULL, 0, "" },
	{ "nonsense", EINVAL, 0, NULL, 0, "nonsense" },
};

static void
specifications_parse_as_the_table_says(void **state)
{
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct hijackspec hs;
		struct hijackspec_error he = { .he_rule = NULL };

		print_message(
		    "%s\n", specs[i].spec == NULL ? "(unset)" : specs[i].spec);
		assert_int_equal(
		    hijackspec_parse(specs[i].spec, &hs, &he), specs[i].error);
		if (specs[i].error != 0) {
			assert_string_equal(he.he_token, specs[i].token);
			assert_non_null(he.he_rule);
			continue;
		}
		assert_int_equal(hs.hs_sockets, specs[i].sockets);
		assert_int_equal(hs.hs_nblankets, specs[i].nblankets);
		if (specs[i].path == NULL)
			assert_null(hs.hs_path);
		else
			assert_string_equal(hs.hs_path, specs[i].path);
	}
}

static void
a_value_that_is_too_long_counts_as_unset(void **state)
{
	static struct hijackspec hs;
	struct hijackspec_error he;
	char spec[HIJACKSPEC_MAX + 1];

	memset(spec, 'x', sizeof(spec) - 1);
	spec[sizeof(spec) - 1] = '\0';
	assert_int_equal(hijackspec_parse(spec, &hs, &he), 0);
	assert_string_equal(hs.hs_path, "/rump");
	spec[sizeof(spec) - 2] = '\0';
	assert_int_equal(hijackspec_parse(spec, &hs, &he), EINVAL);
	assert_int_equal(strlen(he.he_token), sizeof(he.he_token) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specifications_parse_as_the_table_says),
		cmocka_unit_test(a_value_that_is_too_long_counts_as_unset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
