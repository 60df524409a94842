/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP connection in a capture: sequence numbers, handshake and end.
 *
 * Functions add what they have to say to a batch, at most CAPFILE_BATCH packets
 * in one step; capture_lock is held.
 */
#ifndef SOCKIN_CAPSTREAM_H
#define SOCKIN_CAPSTREAM_H

#include "kern/queue.h"
#include "sockin/capaddr.h"
#include "sockin/capfile.h"

enum capstream_stage { CS_IDLE, CS_STARTED, CS_ESTABLISHED, CS_OVER };

/* One direction. */
struct capstream_side {
	uint32_t s_next;  /* sequence number of the next byte */
	uint32_t s_acked; /* of the first that the other has not acknowledged */
	bool s_fin;
};

struct capstream {
	struct capaddr *cs_addr; /* i */
	bool cs_accepted;        /* the peer has sent the first SYN */
	enum capstream_stage cs_stage;
	bool cs_mirror; /* the other end is captured, too, and tells all */
	struct pcap_end cs_own, cs_peer; /* from CS_STARTED on */
	struct capstream_side cs_out, cs_in;
	struct list cs_list;
};

void capstream_init(struct capstream *cs, struct capaddr *ca)
    REQUIRES(capture_lock);
void capstream_fini(struct capstream *cs) REQUIRES(capture_lock);

/* A first sign of the connection: who is who, and the SYN.  False when that
 * cannot be known, or all is over. */
bool capstream_start(struct capstream *cs, struct capfile_batch *ba,
    const struct pcap_end *peer) REQUIRES(capture_lock);
/* The handshake, as far as it is missing, if the host says that the socket is
 * connected; else false. */
bool capstream_establish(struct capstream *cs, struct capfile_batch *ba)
    REQUIRES(capture_lock);

/* The rest is for established ones.  len bytes of data at most
 * PCAP_SEGMENT_MAX; NULL: they are not known. */
void capstream_data(struct capstream *cs, struct capfile_batch *ba, bool out,
    const uint8_t *data, size_t len) REQUIRES(capture_lock);
void capstream_fin(struct capstream *cs, struct capfile_batch *ba, bool out)
    REQUIRES(capture_lock);
/* Also of a started one. */
void capstream_reset(struct capstream *cs, struct capfile_batch *ba, bool out)
    REQUIRES(capture_lock);

/* The socket is about to be closed: what is missing, and the end that the host
 * will make. */
void capstream_end(struct capstream *cs, struct capfile_batch *ba)
    REQUIRES(capture_lock);
/* So are all. */
void capstream_end_all(void) REQUIRES(capture_lock);

#endif /* !SOCKIN_CAPSTREAM_H */
