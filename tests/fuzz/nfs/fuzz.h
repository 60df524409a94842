/* SPDX-License-Identifier: BSD-2-Clause */
/* What libFuzzer calls, and replay.c in its place. */
#ifndef TESTS_FUZZ_NFS_FUZZ_H
#define TESTS_FUZZ_NFS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int ksnprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((__format__(__printf__, 3, 4)));
void panic(const char *fmt, ...)
    __attribute__((__format__(__printf__, 1, 2), __noreturn__));

#endif /* !TESTS_FUZZ_NFS_FUZZ_H */
