/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages of a program: what is accepted comes back the same, and
 * nothing is touched behind the buffer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sockin/user_cmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *buf = malloc(size + 1), *again = malloc(size + 1);

	if (size != 0)
		memcpy(buf, data, size);
	if (sockin_cmsg_to_host(buf, size) == 0) {
		sockin_cmsg_from_host(buf, size);
		memcpy(again, buf, size);
		if (sockin_cmsg_to_host(buf, size) != 0)
			abort();
		sockin_cmsg_from_host(buf, size);
		if (memcmp(buf, again, size) != 0)
			abort();
	}
	if (size != 0)
		memcpy(buf, data, size);
	sockin_cmsg_from_host(buf, size);
	free(again);
	free(buf);
	return 0;
}
