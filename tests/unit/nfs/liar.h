/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server for tests.  It knows a directory with a file f and a link l, agrees to
 * all changes without making them (e* is an empty file), and answers well, but for the procedures that a case has given it other answers
 * for.
 */
#ifndef TESTS_UNIT_NFS_LIAR_H
#define TESTS_UNIT_NFS_LIAR_H

#include <stdatomic.h>

#include "nfs/pace.h"
#include "nfs/proto.h"

#define FILE_SIZE 100000

/* A call as the server sees it, and the answer in the making. */
struct exchange {
	uint32_t proc;
	struct xdr_in args;
	struct nfs3_fh fh;
	struct xdr_out out; /* at the results */
	unsigned nth;       /* of this procedure, from 0 */
};

/* What is wrong with the server: 0, or an RPC accept status. */
typedef uint32_t answer_t(struct exchange *x);

extern answer_t *const answers[22];  /* the sound ones, by procedure */
extern answer_t *_Atomic wicked[22]; /* in their place */
extern _Atomic unsigned counts[22];  /* calls */
extern _Atomic size_t cut;           /* bytes to keep of results, + 1 */
extern _Atomic size_t hang_up;       /* close behind so many bytes of the
					* next reply, + 1; then well again */
extern _Atomic unsigned garbage;     /* seed for random results */
extern char text[512];               /* of the last mount */

void put_attr(struct xdr_out *xo, const struct nfs3_fh *fh);
void put_opt_attr(struct xdr_out *xo, const struct nfs3_fh *fh);
/* A READ of count bytes at off: each byte is its offset. */
void put_data(struct exchange *x, uint64_t off, uint32_t count, bool eof);
/* The file before and after a change that was nobody else's. */
void put_wcc(struct xdr_out *xo, const struct nfs3_fh *fh);
/* Status and wcc_data. */
uint32_t answer_status(struct exchange *x, uint32_t status);
/* A WRITE of count bytes. */
void put_written(struct exchange *x, uint32_t count, uint32_t stable);
extern _Atomic uint64_t write_verifier;
void put_dir_head(struct exchange *x);
void put_entry(struct exchange *x, const char *name, uint64_t cookie);
void put_dir_end(struct exchange *x, bool eof);
/* Status, no attributes, and n words. */
void put_numbers(struct exchange *x, size_t n, uint32_t value);

/* For a group of tests: the server, and the kernel, with short pauses. */
int liar_begin(void **state);
int liar_end(void **state);
/* Mount the server on /data, with options. */
void mount_with(const char *options);
/* Well again, and nothing counted. */
void reset(void);
/* For a case: with a mount. */
int case_begin(void **state);
int case_end(void **state);

#endif /* !TESTS_UNIT_NFS_LIAR_H */
