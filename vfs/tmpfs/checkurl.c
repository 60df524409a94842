/* SPDX-License-Identifier: BSD-2-Clause */
/* For programs that want to know what a mount would say of a source. */
#include "rump/rumphost.h"
#include "vfs/tmpfs/options.h"

int
rump_tmpfs_check_url(const char *url, char *text, size_t size)
{
	struct tmpfs_options to;

	return tmpfs_options_parse(url, &to, text, size);
}
