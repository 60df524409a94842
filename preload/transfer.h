/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving data between two descriptors of which at least one is a rump file:
 * what sendfile(2), copy_file_range(2) and splice(2) have in common.
 */
#ifndef PRELOAD_TRANSFER_H
#define PRELOAD_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct rfile;

struct transfer_side {
	long ts_fd;
	struct rfile *ts_rf; /* reference; NULL: the host's */
	long ts_offp;        /* address of the program's position, 0: the
			      * file's own */
	int64_t ts_off;      /* the position; not of streams */
	unsigned ts_type;    /* S_IFMT of the file */
	uint64_t ts_dev, ts_ino;
	int64_t ts_size;
	int ts_flags;   /* Linux open flags */
	bool ts_stream; /* a pipe, socket or terminal: no position */
};

/* Look at a descriptor and the position at address offp.  0 or a Linux errno:
 * EBADF, EFAULT, EINVAL (position), ESPIPE (a position for a stream). */
int transfer_side(struct call *c, struct transfer_side *ts, long fd, long offp);
void transfer_side_fini(struct transfer_side *ts);

/*
 * Move up to len bytes, as a route's result.  Takes the sides over.  A piece at
 * a time; what the receiver does not take stays with the sender.  nonblock: do
 * not wait for a pipe of the host.
 */
long transfer_run(struct call *c, const struct transfer_side *in,
    const struct transfer_side *out, size_t len, bool nonblock);

#endif /* !PRELOAD_TRANSFER_H */
