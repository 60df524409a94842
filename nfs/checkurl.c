/* SPDX-License-Identifier: BSD-2-Clause */
/* For programs that want to know what a mount would say of a URL. */
#include "nfs/url.h"
#include "rump/rumphost.h"

int
rump_nfs_check_url(const char *url, char *text, size_t size)
{
	struct nfs_url u;

	return nfs_url_parse(url, &u, text, size);
}
