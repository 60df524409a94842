/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout since glibc 2.2, alone in the file since 2.32: a head, entries,
 * strings; offsets count from the head.  Variants of a library for certain
 * processors are passed over: the plain one serves all.
 */
#include "preload/ldcache.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "preload/text.h"

#define MAGIC "glibc-ld.so.cache1.1"
#define MAGIC_SIZE 20
#define X86_64_LIBC6 0x0303

struct head {
	char h_magic[MAGIC_SIZE];
	uint32_t h_count;
	uint32_t h_strings; /* bytes */
	uint32_t h_other[5];
};

struct entry {
	int32_t e_flags;
	uint32_t e_name, e_path; /* offsets */
	uint32_t e_other;
	uint64_t e_hwcap;
};

/* The string at an offset, or NULL. */
static const char *
string_at(const char *cache, size_t size, uint32_t at)
{
	for (size_t i = at; i < size; i++) {
		if (cache[i] == '\0')
			return cache + at;
	}
	return NULL;
}

const char *
ldcache_find(const void *cache, size_t size, const char *name)
{
	const char *bytes = cache, *key;
	struct head h;
	struct entry e;

	if (size < sizeof(h))
		return NULL;
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.h_magic, MAGIC, MAGIC_SIZE) != 0 ||
	    h.h_count > (size - sizeof(h)) / sizeof(e))
		return NULL;
	for (uint32_t i = 0; i < h.h_count; i++) {
		memcpy(&e, bytes + sizeof(h) + i * sizeof(e), sizeof(e));
		if (e.e_flags != X86_64_LIBC6 || e.e_hwcap != 0)
			continue;
		key = string_at(bytes, size, e.e_name);
		if (key != NULL && text_equal(key, name))
			return string_at(bytes, size, e.e_path);
	}
	return NULL;
}
