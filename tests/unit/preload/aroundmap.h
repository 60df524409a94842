/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands around the map of descriptors in a process: a host, an engine and
 * a kernel that can be reached. */
#ifndef TESTS_UNIT_PRELOAD_AROUNDMAP_H
#define TESTS_UNIT_PRELOAD_AROUNDMAP_H

#include <stdbool.h>

/* engine_watch_descriptors() has been called. */
extern bool watched;
/* How often engine_say() has been. */
extern int complaints;

#endif /* !TESTS_UNIT_PRELOAD_AROUNDMAP_H */
