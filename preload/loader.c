/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/loader.h"

#include <errno.h>
#include <stddef.h>

#include "preload/text.h"
#include "preload/usercopy.h"

#define OPTION_SIZE 32 /* longer than those that have a value */

static const char *const with_value[] = {
	"--library-path",
	"--inhibit-rpath",
	"--audit",
	"--preload",
	"--argv0",
	"--glibc-hwcaps-prepend",
	"--glibc-hwcaps-mask",
};
#define NWITH_VALUE (sizeof(with_value) / sizeof(with_value[0]))

bool
loader_is_named(const char *path)
{
	const char *base = path;

	for (const char *p = path; p != NULL && *p != '\0'; p++) {
		if (*p == '/')
			base = p + 1;
	}
	return base != NULL &&
	       (text_begins(base, "ld-linux") || text_begins(base, "ld.so") ||
		   text_begins(base, "ld-2."));
}

static bool
has_value(const char *option)
{
	for (size_t i = 0; i < NWITH_VALUE; i++) {
		if (text_equal(option, with_value[i]))
			return true;
	}
	return false;
}

int
loader_parse(const char *const *argv, long n, struct loader_arguments *la)
{
	char option[OPTION_SIZE];
	const char *arg;
	int error;

	la->la_program = la->la_library_path = -1;
	for (long i = 1; i < n; i++) {
		if (usercopy_in(&arg, &argv[i], sizeof(arg)) != 0)
			return EFAULT;
		error = usercopy_string(option, arg, sizeof(option), NULL);
		if (error == EFAULT)
			return error;
		option[sizeof(option) - 1] = '\0';
		if (!text_begins(option, "--")) {
			la->la_program = i;
			return 0;
		}
		if (error == 0 && has_value(option))
			i++;
		if (text_equal(option, with_value[0]))
			la->la_library_path = i;
	}
	return 0;
}
