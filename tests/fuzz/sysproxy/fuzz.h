/* SPDX-License-Identifier: BSD-2-Clause */
/* What libFuzzer calls, and ../nfs/replay.c in its place. */
#ifndef TESTS_FUZZ_SYSPROXY_FUZZ_H
#define TESTS_FUZZ_SYSPROXY_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* !TESTS_FUZZ_SYSPROXY_FUZZ_H */
