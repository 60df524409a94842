/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of a capture.  The packets of one step are appended with one host
 * call, so that the file is whole whatever becomes of the process.
 */
#ifndef SOCKIN_CAPFILE_H
#define SOCKIN_CAPFILE_H

#include "kern/mutex.h"
#include "rump/rumpabi.h"
#include "sockin/pcap.h"

/* Protects everything of the capture; there is one only. */
extern kmutex_t capture_lock;

/* Open what RUMPKIT_PCAP names, if anything; part of booting.  0 or an errno. */
int capfile_open(void);
/* No lock: an answer that was true may be so no more. */
bool capfile_is_open(void);

/* Packets of one step: handshake, data or end, acknowledgement. */
#define CAPFILE_BATCH 6

struct capfile_batch {
	uint8_t ba_heads[CAPFILE_BATCH][PCAP_HEAD_MAX];
	struct rump_iovec ba_iov[2 * CAPFILE_BATCH];
	int ba_npackets, ba_niov;
	size_t ba_len;
};

void capfile_begin(struct capfile_batch *ba);
/* Stamp the packet and make its headers; its data stay where they are until
 * capfile_end(). */
void capfile_add(struct capfile_batch *ba, struct pcap_packet *pp)
    REQUIRES(capture_lock);
/* Write; an error ends the capture with a line on the console. */
void capfile_end(struct capfile_batch *ba) REQUIRES(capture_lock);

#endif /* !SOCKIN_CAPFILE_H */
