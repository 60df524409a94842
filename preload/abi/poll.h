/* SPDX-License-Identifier: BSD-2-Clause */
/* Event bits of poll(2). */
#ifndef PRELOAD_ABI_POLL_H
#define PRELOAD_ABI_POLL_H

/* POLLRDHUP has no NetBSD twin: it is dropped. */
short abi_poll_to_netbsd(short events);
/* asked: the Linux events that were asked for; POLLWRNORM comes back only if
 * it is among them, since NetBSD has one bit for it and POLLOUT. */
short abi_poll_to_linux(short revents, short asked);

#endif /* !PRELOAD_ABI_POLL_H */
