/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of servers, as they are given to us. */
#ifndef TOOLS_SERVERURL_H
#define TOOLS_SERVERURL_H

#include <stddef.h>

#include "sysproxy/address.h"

/*
 * The server to talk to: that of --server, or with NULL that of RUMP_SERVER, so
 * that it means the same in every directory; into url, of ADDRESS_URL_MAX
 * bytes.  0, or -1 with a line in text.
 */
int serverurl_client(const char *option, char *url, char *text, size_t size);

/* The same of an address to listen at. */
int serverurl_listen(const char *operand, char *url, char *text, size_t size);

/* The address that url, of one of these functions, stands for. */
struct address serverurl_address(const char *url);

#endif /* !TOOLS_SERVERURL_H */
