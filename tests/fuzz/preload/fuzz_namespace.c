/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decision never writes behind its buffer, and what it leaves to the host is
 * outside every mount when it is decided once more.  The quick look sees all that
 * a decision does not leave as it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/namespace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct namespace ns;
	char *path = malloc(size + 2), *out = malloc(size + 16);
	char *again = malloc(size + 16);
	struct ns_decision nd = { .nd_path = out }, nd2 = { .nd_path = again };

	if (ns.ns_n == 0) {
		namespace_add(&ns, NS_MOUNT, "/a");
		namespace_add(&ns, NS_MOUNT, "/a/b/c");
		namespace_add(&ns, NS_PATH, "/p");
		namespace_add(&ns, NS_BLANKET, "/b");
	}
	path[0] = '/';
	if (size != 0)
		memcpy(path + 1, data, size);
	path[size + 1] = '\0';
	if (namespace_decide(&ns, path, &nd, size + 16) == 0) {
		if (strlen(out) != nd.nd_len || out[0] != '/')
			abort();
		if (nd.nd_rule == NS_HOST &&
		    (namespace_decide(&ns, out, &nd2, size + 16) != 0 ||
			nd2.nd_rule != NS_HOST || nd2.nd_changed))
			abort();
		if (!namespace_leads(&ns, path) &&
		    (nd.nd_rule != NS_HOST || nd.nd_changed))
			abort();
	}
	(void)namespace_maybe(&ns, path + 1);
	free(again);
	free(out);
	free(path);
	return 0;
}
