/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairs of a Linux number and a NetBSD number, and searches over them. */
#ifndef PRELOAD_ABI_MAP_H
#define PRELOAD_ABI_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABI_NITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct abi_pair {
	uint32_t ap_linux;
	uint32_t ap_netbsd;
};

/* The translation of a single number: true and *out, or false. */
bool abi_to_netbsd(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *out);
bool abi_to_linux(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *out);

/*
 * The translation of a set of bits; an entry applies when all its bits are
 * set, and earlier entries take their bits first.  What no entry took is
 * left in *rest (may be NULL).
 */
uint32_t abi_bits_to_netbsd(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *rest);
uint32_t abi_bits_to_linux(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *rest);

#endif /* !PRELOAD_ABI_MAP_H */
