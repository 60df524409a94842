/* SPDX-License-Identifier: BSD-2-Clause */
/* The address that the server listens at. */
#ifndef SYSPROXY_SERVER_LISTEN_H
#define SYSPROXY_SERVER_LISTEN_H

#include <stdbool.h>

/* Is there one? */
bool listen_active(void);
/* Stop listening, and remove the address. */
void listen_end(void);

#endif /* !SYSPROXY_SERVER_LISTEN_H */
