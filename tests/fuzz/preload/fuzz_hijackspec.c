/* SPDX-License-Identifier: BSD-2-Clause */
/* Any RUMPHIJACK value parses or is refused with a token and a rule. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/hijackspec.h"
#include "preload/namespace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct hijackspec *hs)
{
	const char *end = hs->hs_text + sizeof(hs->hs_text);
	struct namespace ns = { .ns_n = 0 };
	char out[512];
	struct ns_decision nd = { .nd_path = out };

	if ((hs->hs_sockets & ~HS_ALL) != 0 ||
	    hs->hs_nblankets > HIJACKSPEC_MAXBLANKETS)
		abort();
	for (unsigned i = 0; i < hs->hs_nblankets; i++) {
		const char *b = hs->hs_blankets[i];

		if (b < hs->hs_text || b >= end || b[0] != '/')
			abort();
		(void)namespace_add(&ns, NS_BLANKET, b);
	}
	if (hs->hs_path == NULL)
		return;
	/* The prefix leads to the kernel's root. */
	(void)namespace_add(&ns, NS_PATH, hs->hs_path);
	if (namespace_decide(&ns, hs->hs_path, &nd, sizeof(out)) == 0 &&
	    nd.nd_len >= sizeof(out))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *spec = malloc(size + 1);
	struct hijackspec hs;
	struct hijackspec_error he = { .he_rule = NULL };

	if (spec == NULL)
		return 0;
	if (size != 0)
		memcpy(spec, data, size);
	spec[size] = '\0';
	if (hijackspec_parse(spec, &hs, &he) == 0)
		check(&hs);
	else if (he.he_rule == NULL)
		abort();
	free(spec);
	return 0;
}
