/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the two transports a program would have with a server. */
#ifndef TOOLS_REACH_H
#define TOOLS_REACH_H

#include <stddef.h>

/*
 * Connect to url, which is of serverurl_client(), and read the greeting.  The
 * words for the transport, or NULL with a line in text.
 */
const char *reach_try(const char *url, char *text, size_t size);

#endif /* !TOOLS_REACH_H */
