/* SPDX-License-Identifier: BSD-2-Clause */
/* Directory records and control messages of any contents are converted within
 * their buffers or refused. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/abi/dirent.h"
#include "preload/abi/socket.h"
#include "rump/rumpabi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
dirents(const uint8_t *in, size_t size, size_t room)
{
	uint8_t *out = malloc(room + 1);
	struct abi_dirents d = {
		.in = in, .in_len = size, .out = out, .out_len = room
	};

	(void)abi_dirents_convert(&d, ABI_DIRENT64);
	if (d.out_pos > room || d.in_pos > size)
		abort();
	d.in_pos = d.out_pos = 0;
	(void)abi_dirents_convert(&d, ABI_DIRENT_OLD);
	(void)abi_dirents_skip(&d, UINT64_MAX);
	free(out);
}

static void
messages(const uint8_t *in, size_t size, size_t room)
{
	uint8_t *out = malloc(room + 1);
	struct rump_sockaddr_storage ss;
	size_t len = 0;
	int truncated;

	if (abi_cmsg_to_netbsd(in, size, out, room, &len) == 0 && len > room)
		abort();
	if (abi_cmsg_to_linux(in, size, out, room, &len, &truncated) == 0 &&
	    len > room)
		abort();
	(void)abi_sockaddr_to_netbsd(in, size, &ss, &len);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *in;

	if (size < 1)
		return 0;
	/* Exactly as long as it says, so that a sanitizer sees the end. */
	in = malloc(size > 1 ? size - 1 : 1);
	memcpy(in, data + 1, size - 1);
	dirents(in, size - 1, data[0]);
	messages(in, size - 1, data[0]);
	free(in);
	return 0;
}
