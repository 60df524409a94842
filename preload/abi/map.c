/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches are linear: the tables have a dozen or two entries. */
#include "preload/abi/map.h"

bool
abi_to_netbsd(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (map[i].ap_linux == value) {
			*out = map[i].ap_netbsd;
			return true;
		}
	}
	return false;
}

bool
abi_to_linux(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (map[i].ap_netbsd == value) {
			*out = map[i].ap_linux;
			return true;
		}
	}
	return false;
}

uint32_t
abi_bits_to_netbsd(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *rest)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if ((value & map[i].ap_linux) == map[i].ap_linux) {
			bits |= map[i].ap_netbsd;
			value &= ~map[i].ap_linux;
		}
	}
	if (rest != NULL)
		*rest = value;
	return bits;
}

uint32_t
abi_bits_to_linux(
    const struct abi_pair *map, size_t n, uint32_t value, uint32_t *rest)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if ((value & map[i].ap_netbsd) == map[i].ap_netbsd) {
			bits |= map[i].ap_linux;
			value &= ~map[i].ap_netbsd;
		}
	}
	if (rest != NULL)
		*rest = value;
	return bits;
}
