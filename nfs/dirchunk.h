/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of one reply of READDIR or READDIRPLUS, found by cookie and by
 * name.  Immutable once made, but for marks on entries that we have removed
 * since; reference counted.
 */
#ifndef NFS_DIRCHUNK_H
#define NFS_DIRCHUNK_H

#include <stdatomic.h>

#include "kern/queue.h"
#include "nfs/proto.h"

/* Followed by attributes and handle, if it has them, and the name. */
struct direntry {
	uint64_t e_cookie;
	uint64_t e_fileid;
	uint32_t e_hash; /* cache_hash() of the name */
	uint32_t e_next; /* in the same bucket: position + 1, or 0 */
	uint16_t e_size; /* of all this; a multiple of 8 */
	uint8_t e_namelen;
	uint8_t e_type;      /* DT_* */
	uint8_t e_fhlen;     /* 0: neither attributes nor handle */
	_Atomic bool e_gone; /* removed by ourselves since */
};

struct dirchunk {
	struct list ch_list; /* the keeper's */
	unsigned ch_misses;  /* the keeper's */
	_Atomic uint32_t ch_refcnt;
	uint64_t ch_start, ch_end; /* cookies before the first entry and of
				      * the last one */
	uint64_t ch_low, ch_high;  /* least and greatest of its cookies */
	bool ch_eof;
	int64_t ch_asked_ns; /* when the call was made */
	uint8_t ch_verf[8];
	size_t ch_allocated;
	size_t ch_used; /* bytes of entries */
	uint32_t ch_nentries;
	uint32_t ch_nbuckets; /* a power of two */
	uint32_t *ch_sorted;  /* positions by cookie */
	uint32_t *ch_buckets; /* by name: position + 1, or 0 */
	_Alignas(8) uint8_t ch_data[];
};

/*
 * The entries that xi is at, which came behind cookie start, with one
 * reference.  0; EBADRPC; EIO when the cookies lead in a circle, or nowhere.
 */
int dirchunk_make(struct xdr_in *xi, bool plus, uint64_t start,
    int64_t asked_ns, struct dirchunk **chp);
void dirchunk_ref(struct dirchunk *ch);
void dirchunk_unref(struct dirchunk *ch);

/* The entry at a position below ch_used. */
struct direntry *dirchunk_entry(const struct dirchunk *ch, size_t pos);
const char *direntry_name(const struct direntry *e);
/* Of an entry with e_fhlen != 0. */
void direntry_file(
    const struct direntry *e, struct nfs3_fh *fh, struct nfs3_attr *attr);
/* Where the entries behind cookie begin; false if that is not in ch. */
bool dirchunk_behind(const struct dirchunk *ch, uint64_t cookie, size_t *pos);
/* The entry of that name that is not gone, or NULL. */
const struct direntry *dirchunk_name(
    const struct dirchunk *ch, const char *name, size_t len, uint32_t hash);
/* The entry of that name is gone, if there is one. */
void dirchunk_remove(
    struct dirchunk *ch, const char *name, size_t len, uint32_t hash);
bool direntry_gone(const struct direntry *e);
/* Does some cookie stand in both? */
bool dirchunk_overlap(const struct dirchunk *a, const struct dirchunk *b);

#endif /* !NFS_DIRCHUNK_H */
