/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A protocol family for tests of buffered sockets: connected pairs, streams and
 * datagrams, whose sent data go into the peer's receive buffer as long as there
 * is room.
 */
#ifndef TESTS_UNIT_NET_PAIRNET_H
#define TESTS_UNIT_NET_PAIRNET_H

#define PF_PAIRNET 77

/* Attach the family; in a thread that is in the kernel. */
void pairnet_init(void);

#endif /* !TESTS_UNIT_NET_PAIRNET_H */
