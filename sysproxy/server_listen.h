/* SPDX-License-Identifier: BSD-2-Clause */
/* The address that the server listens at. */
#ifndef SYSPROXY_SERVER_LISTEN_H
#define SYSPROXY_SERVER_LISTEN_H

#include <stdbool.h>

/* Is there one? */
bool listen_active(void);
/* From the loop: nobody can be let in for want of descriptors; is it so still? */
bool listen_retry(void);
/* Stop listening, and remove the address. */
void listen_end(void);

#endif /* !SYSPROXY_SERVER_LISTEN_H */
