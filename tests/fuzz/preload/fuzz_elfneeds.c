/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever a file says, reading stays within it and strings within buffers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/elfneeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *b_data;
	size_t b_size;
};

static long
read_bytes(const void *cookie, void *buf, size_t len, uint64_t off)
{
	const struct bytes *b = cookie;

	if (off >= b->b_size)
		return 0;
	if (len > b->b_size - off)
		len = b->b_size - off;
	memcpy(buf, b->b_data + off, len);
	return (long)len;
}

static void
check_string(const struct elfneeds *en, uint64_t at, size_t size)
{
	char *buf = malloc(size);
	long n = elfneeds_string(en, at, buf, size);

	if (n >= 0 && ((size_t)n >= size || strlen(buf) != (size_t)n))
		abort();
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	struct elfneeds en;
	char name[32];

	if (elfneeds_begin(&en, read_bytes, &b) != 0)
		return 0;
	if (en.en_count > ELFNEEDS_MAX)
		abort();
	for (unsigned i = 0; i < en.en_count; i++)
		check_string(&en, en.en_needed[i], 16);
	check_string(&en, en.en_soname, 1);
	check_string(&en, en.en_rpath, 64);
	check_string(&en, en.en_runpath, 4096);
	(void)elfneeds_interpreter(&en, name, sizeof(name));
	return 0;
}
