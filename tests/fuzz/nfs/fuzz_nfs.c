/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz targets for everything in nfs/ that reads foreign bytes.  One program a
 * target: FUZZ_TARGET names the row of the table.  Beside not crashing, each
 * target checks what the headers promise to callers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nfs/addr.h"
#include "nfs/proto.h"
#include "nfs/rpcbind.h"
#include "nfs/rpcmsg.h"
#include "nfs/rpcrx.h"
#include "nfs/url.h"
#include "rump/rumpdefs.h"
#include "tests/fuzz/nfs/fuzz.h"

static void
promise(int kept, const char *what)
{
	if (!kept) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void
promise_error(int error)
{
	promise(error == 0 || error == RUMP_EBADRPC, "0 or EBADRPC");
}

static void
promise_attr(const struct nfs3_attr *a)
{
	promise(a->a_type >= NFS3_REG && a->a_type <= NFS3_FIFO, "type");
	promise(a->a_size <= INT64_MAX, "size");
	promise(a->a_mtime.t_nsec < 1000000000, "nanoseconds");
	promise((a->a_mode & ~07777u) == 0, "mode");
}

static void
promise_opt_attr(const struct nfs3_opt_attr *oa)
{
	if (oa->oa_there)
		promise_attr(&oa->oa_attr);
}

static void
promise_fh(const struct nfs3_fh *fh)
{
	promise(fh->fh_len >= 1 && fh->fh_len <= NFS3_FHSIZE, "handle");
}

static void
fuzz_getattr(const uint8_t *data, size_t size)
{
	struct nfs3_getattr res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_getattr_result(&xi, &res);
	promise_error(error);
	if (error == 0 && res.ga_status == NFS3_OK)
		promise_attr(&res.ga_attr);
}

static void
fuzz_lookup(const uint8_t *data, size_t size)
{
	struct nfs3_lookup res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_lookup_result(&xi, &res);
	promise_error(error);
	if (error != 0)
		return;
	promise_opt_attr(&res.lo_dir_attr);
	if (res.lo_status != NFS3_OK)
		return;
	promise_fh(&res.lo_fh);
	promise_opt_attr(&res.lo_attr);
}

static void
fuzz_access(const uint8_t *data, size_t size)
{
	struct nfs3_access res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_access_result(&xi, &res);
	promise_error(error);
	if (error == 0)
		promise_opt_attr(&res.ac_attr);
}

static void
fuzz_readlink(const uint8_t *data, size_t size)
{
	struct nfs3_readlink res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_readlink_result(&xi, &res);
	promise_error(error);
	if (error != 0 || res.rl_status != NFS3_OK)
		return;
	promise(res.rl_len >= 1 && res.rl_len <= NFS3_PATHMAX, "length");
	promise(memchr(res.rl_path, 0, res.rl_len) == NULL, "NUL");
}

static void
fuzz_read(const uint8_t *data, size_t size)
{
	struct nfs3_read res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_read_head(&xi, &res);
	promise_error(error);
	if (error == 0)
		promise_opt_attr(&res.rd_attr);
}

static void
list(const uint8_t *data, size_t size, bool plus)
{
	struct nfs3_readdir res;
	struct nfs3_entry de;
	struct xdr_in xi;
	size_t left;
	bool eof;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_readdir_head(&xi, &res);
	promise_error(error);
	if (error != 0 || res.dr_status != NFS3_OK)
		return;
	left = xdr_left(&xi);
	while (nfs3_readdir_entry(&xi, plus, &de)) {
		promise(xdr_left(&xi) < left, "progress");
		left = xdr_left(&xi);
		promise(de.de_namelen >= 1 && de.de_namelen <= NFS3_NAMEMAX,
		    "length of a name");
		promise(memchr(de.de_name, '/', de.de_namelen) == NULL &&
			    memchr(de.de_name, 0, de.de_namelen) == NULL,
		    "name");
		promise_opt_attr(&de.de_attr);
		if (de.de_has_fh)
			promise_fh(&de.de_fh);
	}
	promise_error(nfs3_readdir_end(&xi, &eof));
}

static void
fuzz_readdir(const uint8_t *data, size_t size)
{
	list(data, size, false);
}

static void
fuzz_readdirplus(const uint8_t *data, size_t size)
{
	list(data, size, true);
}

static void
fuzz_fsstat(const uint8_t *data, size_t size)
{
	struct nfs3_fsstat res;
	struct xdr_in xi;

	xdr_in_init(&xi, data, size);
	promise_error(nfs3_fsstat_result(&xi, &res));
}

static void
fuzz_fsinfo(const uint8_t *data, size_t size)
{
	struct nfs3_fsinfo res;
	struct xdr_in xi;

	xdr_in_init(&xi, data, size);
	promise_error(nfs3_fsinfo_result(&xi, &res));
}

static void
fuzz_pathconf(const uint8_t *data, size_t size)
{
	struct nfs3_pathconf res;
	struct xdr_in xi;

	xdr_in_init(&xi, data, size);
	promise_error(nfs3_pathconf_result(&xi, &res));
}

static void
promise_wcc(const struct nfs3_wcc *wc)
{
	if (wc->wc_has_before)
		promise(wc->wc_before.wa_mtime.t_nsec < 1000000000,
		    "nanoseconds before");
	promise_opt_attr(&wc->wc_after);
}

static void
fuzz_change(const uint8_t *data, size_t size)
{
	struct nfs3_change res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_change_result(&xi, &res);
	promise_error(error);
	if (error == 0)
		promise_wcc(&res.ch_wcc);
}

static void
fuzz_made(const uint8_t *data, size_t size)
{
	struct nfs3_made res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_made_result(&xi, &res);
	promise_error(error);
	if (error != 0)
		return;
	promise_wcc(&res.ma_dir);
	promise(res.ma_status == NFS3_OK || !res.ma_has_fh, "a failed handle");
	promise_opt_attr(&res.ma_attr);
	if (res.ma_has_fh)
		promise_fh(&res.ma_fh);
}

static void
fuzz_rename(const uint8_t *data, size_t size)
{
	struct nfs3_rename res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_rename_result(&xi, &res);
	promise_error(error);
	if (error != 0)
		return;
	promise_wcc(&res.rn_from);
	promise_wcc(&res.rn_to);
}

static void
fuzz_link(const uint8_t *data, size_t size)
{
	struct nfs3_link res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_link_result(&xi, &res);
	promise_error(error);
	if (error != 0)
		return;
	promise_opt_attr(&res.ln_attr);
	promise_wcc(&res.ln_dir);
}

static void
fuzz_write(const uint8_t *data, size_t size)
{
	struct nfs3_write res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_write_result(&xi, &res);
	promise_error(error);
	if (error != 0)
		return;
	promise_wcc(&res.wr_wcc);
	promise(res.wr_committed <= NFS3_FILE_SYNC, "stability");
}

static void
fuzz_commit(const uint8_t *data, size_t size)
{
	struct nfs3_commit res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = nfs3_commit_result(&xi, &res);
	promise_error(error);
	if (error == 0)
		promise_wcc(&res.co_wcc);
}

static void
fuzz_mnt(const uint8_t *data, size_t size)
{
	struct mount3_mnt res;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = mount3_mnt_result(&xi, &res);
	promise_error(error);
	if (error != 0 || res.mn_status != NFS3_OK)
		return;
	promise_fh(&res.mn_fh);
	promise(res.mn_nflavours <= MOUNT3_MAXFLAVOURS, "flavours");
}

static void
fuzz_getport(const uint8_t *data, size_t size)
{
	struct xdr_in xi;
	uint16_t port;

	xdr_in_init(&xi, data, size);
	promise_error(pmap_getport_result(&xi, &port));
}

static void
fuzz_getaddr(const uint8_t *data, size_t size)
{
	struct xdr_in xi;
	uint16_t port;

	xdr_in_init(&xi, data, size);
	promise_error(rpcbind_getaddr_result(&xi, &port));
}

/* What can be read can be written, and then read again. */
static void
fuzz_addr(const uint8_t *data, size_t size)
{
	char text[NFS_ADDR_TEXT], *exact = malloc(size + 1);
	struct nfs_addr ad = { 0 }, again = { 0 };

	memcpy(exact, data, size);
	if (nfs_addr_parse(exact, size, &ad)) {
		nfs_addr_format(&ad, text, sizeof(text));
		promise(nfs_addr_parse(text, strlen(text), &again), "reads");
		promise(memcmp(&ad, &again, sizeof(ad)) == 0, "the same");
	}
	free(exact);
}

static void
fuzz_rpcmsg(const uint8_t *data, size_t size)
{
	struct rpc_reply re;
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, data, size);
	error = rpc_reply_decode(&xi, &re);
	promise_error(error);
	if (error == 0)
		promise(rpc_outcome_errno(re.re_outcome) >= 0, "errno");
}

/* The receiver: one call that places its data, one that does not. */

static struct rpc_call calls[2];
static uint8_t heads[2][64], place[300];

static enum rpc_place
locate(const uint8_t *head, size_t len, size_t *off, size_t *size)
{
	if (len < 12)
		return PLACE_MORE;
	if (head[4] != 0)
		return PLACE_NONE;
	*off = 12;
	*size = (size_t)head[10] << 8 | head[11];
	return PLACE_DATA;
}

static struct rpc_call *
find(void *arg, uint32_t xid)
{
	return xid < 2 ? &calls[xid] : NULL;
}

static void
complete(void *arg, struct rpc_call *ca, int error)
{
	promise_error(error);
	promise(ca->ca_headlen <= ca->ca_headsize, "head");
	promise(ca->ca_got <= ca->ca_size, "data");
}

/* First byte: how many bytes arrive at a time.  The rest: the stream. */
static void
fuzz_rpcrx(const uint8_t *data, size_t size)
{
	static const struct rpcrx_ops ops = { find, complete };
	static struct rpcrx rx;
	struct rump_iovec pieces[2] = { { place, 100 }, { place + 100, 200 } };
	struct rump_iovec iov[RPCRX_IOV];
	size_t step;
	int error = 0;

	if (size < 1)
		return;
	step = data[0] + 1u;
	data++;
	size--;
	for (int i = 0; i < 2; i++)
		calls[i] = (struct rpc_call){ .ca_head = heads[i],
			.ca_headsize = sizeof(heads[i]) };
	calls[0].ca_locate = locate;
	calls[0].ca_iov = pieces;
	calls[0].ca_niov = 2;
	calls[0].ca_size = sizeof(place);
	rpcrx_init(&rx, &ops, NULL, 4096);
	while (size > 0 && error == 0) {
		size_t n = step < size ? step : size, left = n;
		int niov = rpcrx_room(&rx, iov);

		for (int i = 0; i < niov && left > 0; i++) {
			size_t k =
			    left < iov[i].iov_len ? left : iov[i].iov_len;

			memcpy(iov[i].iov_base, data, k);
			data += k;
			left -= k;
		}
		n -= left;
		error = rpcrx_take(&rx, n);
		promise_error(error);
		size -= n;
	}
}

/* The same as datagrams: each byte of length, then so many bytes. */
static void
fuzz_datagram(const uint8_t *data, size_t size)
{
	static const struct rpcrx_ops ops = { find, complete };
	static struct rpcrx rx;
	struct rump_iovec pieces[2] = { { place, 100 }, { place + 100, 200 } };

	for (int i = 0; i < 2; i++)
		calls[i] = (struct rpc_call){ .ca_head = heads[i],
			.ca_headsize = sizeof(heads[i]) };
	calls[0].ca_locate = locate;
	calls[0].ca_iov = pieces;
	calls[0].ca_niov = 2;
	calls[0].ca_size = sizeof(place);
	rpcrx_init(&rx, &ops, NULL, 4096);
	while (size > 0) {
		size_t n = data[0] < size ? data[0] : size - 1;

		rpcrx_datagram(&rx, data + 1, n);
		data += n + 1;
		size -= n + 1;
	}
}

static void
fuzz_url(const uint8_t *data, size_t size)
{
	char text[64], *url = malloc(size + 1);
	struct nfs_url u;
	int error;

	memcpy(url, data, size);
	url[size] = '\0';
	error = nfs_url_parse(url, &u, text, sizeof(text));
	promise(error == 0 || error == RUMP_EINVAL, "0 or EINVAL");
	promise((error == 0) == (text[0] == '\0'), "text");
	promise(memchr(text, 0, sizeof(text)) != NULL, "terminated");
	for (const char *p = text; *p != '\0'; p++)
		promise(*p >= 0x20 && *p < 0x7f, "printable");
	if (error == 0)
		promise(u.u_export[0] == '/', "export");
	free(url);
}

static const struct {
	const char *name;
	void (*run)(const uint8_t *data, size_t size);
} targets[] = {
	{ "access", fuzz_access },
	{ "change", fuzz_change },
	{ "commit", fuzz_commit },
	{ "addr", fuzz_addr },
	{ "fsinfo", fuzz_fsinfo },
	{ "fsstat", fuzz_fsstat },
	{ "getaddr", fuzz_getaddr },
	{ "getattr", fuzz_getattr },
	{ "getport", fuzz_getport },
	{ "link", fuzz_link },
	{ "lookup", fuzz_lookup },
	{ "made", fuzz_made },
	{ "mnt", fuzz_mnt },
	{ "pathconf", fuzz_pathconf },
	{ "read", fuzz_read },
	{ "readdir", fuzz_readdir },
	{ "readdirplus", fuzz_readdirplus },
	{ "readlink", fuzz_readlink },
	{ "rename", fuzz_rename },
	{ "rpcmsg", fuzz_rpcmsg },
	{ "rpcrx", fuzz_rpcrx },
	{ "datagram", fuzz_datagram },
	{ "url", fuzz_url },
	{ "write", fuzz_write },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*run)(const uint8_t *, size_t);

	for (size_t i = 0; run == NULL && i < NITEMS(targets); i++) {
		if (strcmp(targets[i].name, FUZZ_TARGET) == 0)
			run = targets[i].run;
	}
	promise(run != NULL, FUZZ_TARGET " is a target");
	run(data, size);
	return 0;
}

/* What the codecs want of the kernel, without the kernel. */

int
ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void
panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}
