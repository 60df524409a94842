/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that are slow to close. */
#ifndef TESTS_UNIT_SYSPROXY_LINGERING_H
#define TESTS_UNIT_SYSPROXY_LINGERING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A connection with data that nobody takes: to close it last takes as long as it
 * lingers, at the longest.  When listener is closed it is reset, and whoever
 * closes it need not wait.
 */
int lingering_socket(int *listener);
/* Some bytes, and fd with the first of them; flags are the host's. */
bool lingering_send(
    int connection, const void *bytes, size_t len, int fd, int flags);

#endif /* !TESTS_UNIT_SYSPROXY_LINGERING_H */
