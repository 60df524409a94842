/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_PRELOAD_WATCHED_H
#define TESTS_UNIT_PRELOAD_WATCHED_H

#include <stdbool.h>

/* engine_watch_descriptors() has been called. */
extern bool watched;

#endif /* !TESTS_UNIT_PRELOAD_WATCHED_H */
