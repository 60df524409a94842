/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumperrno2host.h"
#include "rump/rumpsignal.h"
#include "rump/rumpuser.h"

/* Every name of NetBSD's, in the order of its numbers from 1. */
static const char *const netbsd_names[] = {
	"EPERM",
	"ENOENT",
	"ESRCH",
	"EINTR",
	"EIO",
	"ENXIO",
	"E2BIG",
	"ENOEXEC",
	"EBADF",
	"ECHILD",
	"EDEADLK",
	"ENOMEM",
	"EACCES",
	"EFAULT",
	"ENOTBLK",
	"EBUSY",
	"EEXIST",
	"EXDEV",
	"ENODEV",
	"ENOTDIR",
	"EISDIR",
	"EINVAL",
	"ENFILE",
	"EMFILE",
	"ENOTTY",
	"ETXTBSY",
	"EFBIG",
	"ENOSPC",
	"ESPIPE",
	"EROFS",
	"EMLINK",
	"EPIPE",
	"EDOM",
	"ERANGE",
	"EAGAIN",
	"EINPROGRESS",
	"EALREADY",
	"ENOTSOCK",
	"EDESTADDRREQ",
	"EMSGSIZE",
	"EPROTOTYPE",
	"ENOPROTOOPT",
	"EPROTONOSUPPORT",
	"ESOCKTNOSUPPORT",
	"EOPNOTSUPP",
	"EPFNOSUPPORT",
	"EAFNOSUPPORT",
	"EADDRINUSE",
	"EADDRNOTAVAIL",
	"ENETDOWN",
	"ENETUNREACH",
	"ENETRESET",
	"ECONNABORTED",
	"ECONNRESET",
	"ENOBUFS",
	"EISCONN",
	"ENOTCONN",
	"ESHUTDOWN",
	"ETOOMANYREFS",
	"ETIMEDOUT",
	"ECONNREFUSED",
	"ELOOP",
	"ENAMETOOLONG",
	"EHOSTDOWN",
	"EHOSTUNREACH",
	"ENOTEMPTY",
	"EPROCLIM",
	"EUSERS",
	"EDQUOT",
	"ESTALE",
	"EREMOTE",
	"EBADRPC",
	"ERPCMISMATCH",
	"EPROGUNAVAIL",
	"EPROGMISMATCH",
	"EPROCUNAVAIL",
	"ENOLCK",
	"ENOSYS",
	"EFTYPE",
	"EAUTH",
	"ENEEDAUTH",
	"EIDRM",
	"ENOMSG",
	"EOVERFLOW",
	"EILSEQ",
	"ENOTSUP",
	"ECANCELED",
	"EBADMSG",
	"ENODATA",
	"ENOSR",
	"ENOSTR",
	"ETIME",
	"ENOATTR",
	"EMULTIHOP",
	"ENOLINK",
	"EPROTO",
};

static int
netbsd_number(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(netbsd_names) / sizeof(netbsd_names[0]); i++) {
		if (strcmp(netbsd_names[i], name) == 0)
			return (int)i + 1;
	}
	return RUMP_EINVAL;
}

static void
numbers_are_translated_by_name(void **state)
{
	const char *name;
	int error;

	for (error = 1; error < 4096; error++) {
		name = strerrorname_np(error);
		/* Linux has one number for two of NetBSD's names. */
		if (error == ENOTSUP)
			name = "EOPNOTSUPP";
		if (name == NULL)
			name = "";
		assert_int_equal(
		    rumpuser_component_errtrans(error), netbsd_number(name));
	}
}

static void
the_famous_differences(void **state)
{
	assert_int_equal(rumpuser_component_errtrans(EAGAIN), 35);
	assert_int_equal(rumpuser_component_errtrans(EDEADLK), 11);
	assert_int_equal(rumpuser_component_errtrans(ENOTSUP), 45);
	assert_int_equal(rumpuser_component_errtrans(ETIMEDOUT), 60);
	assert_int_equal(rumpuser_component_errtrans(EPROTO), 96);
	assert_int_equal(rumpuser_component_errtrans(EREMOTEIO), 22);
	assert_int_equal(rumpuser_component_errtrans(ENOMEDIUM), 22);
}

static void
what_is_no_error_number_is_einval(void **state)
{
	assert_int_equal(rumpuser_component_errtrans(0), 0);
	assert_int_equal(rumpuser_component_errtrans(-1), RUMP_EINVAL);
	assert_int_equal(rumpuser_component_errtrans(INT32_MIN), RUMP_EINVAL);
	assert_int_equal(rumpuser_component_errtrans(INT32_MAX), RUMP_EINVAL);
}

static void
numbers_go_to_the_host_by_name_too(void **state)
{
	for (int error = 1; error <= RUMP_ELAST; error++) {
		int host = rump_errno2host(error);

		if (host == EINVAL)
			continue;
		if (error == RUMP_ENOTSUP)
			assert_int_equal(host, ENOTSUP);
		else
			assert_int_equal(
			    rumpuser_component_errtrans(host), error);
	}
	assert_int_equal(rump_errno2host(0), 0);
	assert_int_equal(rump_errno2host(RUMP_EAGAIN), EAGAIN);
	assert_int_equal(rump_errno2host(RUMP_EFTYPE), EINVAL);
	assert_int_equal(rump_errno2host(RUMP_ELAST + 1), EINVAL);
	assert_int_equal(rump_errno2host(-1), EINVAL);
}

static void
every_error_has_words_of_its_own(void **state)
{
	const char *unknown = rump_strerror(RUMP_ELAST + 1);

	assert_string_equal(unknown, rump_strerror(-2));
	for (int error = 0; error <= RUMP_ELAST; error++) {
		assert_non_null(rump_strerror(error));
		assert_string_not_equal(rump_strerror(error), unknown);
		for (int other = 0; other < error; other++)
			assert_string_not_equal(
			    rump_strerror(error), rump_strerror(other));
	}
	assert_string_equal(
	    rump_strerror(RUMP_ENOENT), "no such file or directory");
}

static void
signals_are_translated_by_name(void **state)
{
	assert_int_equal(rump_signal2host(RUMP_SIGUSR1), SIGUSR1);
	assert_int_equal(rump_signal2host(RUMP_SIGPIPE), SIGPIPE);
	assert_int_equal(rump_signal2host(RUMP_SIGPWR), SIGPWR);
	assert_int_equal(rump_signal2host(RUMP_SIGEMT), 0);
	assert_int_equal(rump_signal2host(RUMP_SIGINFO), 0);
	assert_int_equal(rump_signal2host(0), 0);
	assert_int_equal(rump_signal2host(-1), 0);
	assert_int_equal(rump_signal2host(64), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_translated_by_name),
		cmocka_unit_test(the_famous_differences),
		cmocka_unit_test(what_is_no_error_number_is_einval),
		cmocka_unit_test(numbers_go_to_the_host_by_name_too),
		cmocka_unit_test(every_error_has_words_of_its_own),
		cmocka_unit_test(signals_are_translated_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
