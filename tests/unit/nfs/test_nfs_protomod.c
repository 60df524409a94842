/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Procedures that modify: each decoder gets a message made by hand here, every
 * prefix of it, and each of its words replaced by something nasty; each encoder
 * is compared with the bytes of the RFC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "nfs/proto.h"
#include "rump/rumpdefs.h"

static void
put_opt_attr(struct xdr_out *xo)
{
	xdr_put_u32(xo, 1);
	xdr_put_u32(xo, NFS3_REG);
	for (uint32_t i = 1; i <= 4; i++)
		xdr_put_u32(xo, i);
	for (uint64_t i = 5; i <= 9; i++)
		xdr_put_u64(xo, i);
	for (uint32_t i = 10; i <= 15; i++)
		xdr_put_u32(xo, i);
}

static void
put_wcc(struct xdr_out *xo)
{
	xdr_put_u32(xo, 1);
	xdr_put_u64(xo, 0x100000002);
	for (uint32_t i = 3; i <= 6; i++)
		xdr_put_u32(xo, i);
	put_opt_attr(xo);
}

static void
put_change(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_wcc(xo);
}

static void
put_made(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	xdr_put_u32(xo, 1);
	xdr_put_opaque(xo, "handle", 6);
	put_opt_attr(xo);
	put_wcc(xo);
}

static void
put_rename(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3ERR_NOENT);
	put_wcc(xo);
	put_wcc(xo);
}

static void
put_link(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	put_wcc(xo);
}

static void
put_write(struct xdr_out *xo)
{
	put_change(xo);
	xdr_put_u32(xo, 4096);
	xdr_put_u32(xo, NFS3_FILE_SYNC);
	xdr_put_u64(xo, 0x1122334455667788);
}

static void
put_commit(struct xdr_out *xo)
{
	put_change(xo);
	xdr_put_u64(xo, 0x1122334455667788);
}

#define DECODER(name)                                                          \
	static int decode_##name(struct xdr_in *xi, void *res)                 \
	{                                                                      \
		return nfs3_##name##_result(xi, res);                          \
	}
DECODER(change)
DECODER(made)
DECODER(rename)
DECODER(link)
DECODER(write)
DECODER(commit)

static const struct {
	void (*put)(struct xdr_out *xo);
	int (*decode)(struct xdr_in *xi, void *res);
} decoders[] = {
	{ put_change, decode_change },
	{ put_made, decode_made },
	{ put_rename, decode_rename },
	{ put_link, decode_link },
	{ put_write, decode_write },
	{ put_commit, decode_commit },
};

static union {
	uint8_t bytes[1024];
	uint64_t align;
} result;

static uint8_t buf[NFS3_ARGS_MAX];

static size_t
make(size_t i)
{
	struct xdr_out xo;

	xdr_out_init(&xo, buf, sizeof(buf));
	decoders[i].put(&xo);
	assert_false(xo.xo_failed);
	return xo.xo_len;
}

static void
whole_messages_are_read_to_their_end(void **state)
{
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i);

		xdr_in_init(&xi, buf, len);
		assert_int_equal(decoders[i].decode(&xi, &result), 0);
		assert_int_equal(xi.xi_pos, len);
	}
}

static void
no_prefix_passes_and_results_stay_untouched(void **state)
{
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i);

		for (size_t n = 0; n < len; n++) {
			memset(&result, 0xa5, sizeof(result));
			xdr_in_init(&xi, buf, n);
			assert_int_equal(
			    decoders[i].decode(&xi, &result), RUMP_EBADRPC);
			for (size_t j = 0; j < sizeof(result); j++)
				assert_int_equal(result.bytes[j], 0xa5);
		}
	}
}

static void
any_word_may_be_anything(void **state)
{
	static const uint32_t nasty[] = { 0, 1, 2, 0x7fffffff, 0x80000000,
		0xfffffffc, 0xffffffff };
	struct xdr_out xo;
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i);

		for (size_t off = 0; off < len; off += 4) {
			for (size_t j = 0; j < NITEMS(nasty); j++) {
				int error;

				(void)make(i);
				xdr_out_init(&xo, buf + off, 4);
				xdr_put_u32(&xo, nasty[j]);
				xdr_in_init(&xi, buf, len);
				error = decoders[i].decode(&xi, &result);
				assert_true(
				    error == 0 || error == RUMP_EBADRPC);
			}
		}
	}
}

static void
values_arrive_in_their_members(void **state)
{
	struct nfs3_made ma;
	struct nfs3_rename rn;
	struct nfs3_write wr;
	struct xdr_in xi;

	xdr_in_init(&xi, buf, make(1));
	assert_int_equal(nfs3_made_result(&xi, &ma), 0);
	assert_true(ma.ma_has_fh);
	assert_int_equal(ma.ma_fh.fh_len, 6);
	assert_int_equal(ma.ma_attr.oa_attr.a_size, 5);
	assert_true(ma.ma_dir.wc_has_before);
	assert_true(ma.ma_dir.wc_before.wa_size == 0x100000002);
	assert_int_equal(ma.ma_dir.wc_before.wa_mtime.t_nsec, 4);
	assert_int_equal(ma.ma_dir.wc_before.wa_ctime.t_sec, 5);
	assert_int_equal(ma.ma_dir.wc_after.oa_attr.a_ctime.t_nsec, 15);

	xdr_in_init(&xi, buf, make(2));
	assert_int_equal(nfs3_rename_result(&xi, &rn), 0);
	assert_int_equal(rn.rn_status, NFS3ERR_NOENT);
	assert_true(rn.rn_from.wc_has_before && rn.rn_to.wc_after.oa_there);

	xdr_in_init(&xi, buf, make(4));
	assert_int_equal(nfs3_write_result(&xi, &wr), 0);
	assert_int_equal(wr.wr_count, 4096);
	assert_int_equal(wr.wr_committed, NFS3_FILE_SYNC);
	assert_true(wr.wr_verf == 0x1122334455667788);
}

static void
a_stability_that_nobody_defined_is_refused(void **state)
{
	struct nfs3_write wr;
	struct xdr_out xo;
	struct xdr_in xi;
	size_t len = make(4);

	xdr_out_init(&xo, buf + len - 12, 4);
	xdr_put_u32(&xo, 3);
	xdr_in_init(&xi, buf, len);
	assert_int_equal(nfs3_write_result(&xi, &wr), RUMP_EBADRPC);
}

/* --- arguments ------------------------------------------------------------- */

static const struct nfs3_fh fh = { 3, "abc" };
static const struct nfs3_dirname dn = { &fh, "name", 4 };
#define FH "\0\0\0\3abc\0"
#define DN FH "\0\0\0\4name"

static struct xdr_out xo;

static struct xdr_out *
start(void)
{
	xdr_out_init(&xo, buf, sizeof(buf));
	return &xo;
}

/* The string's NUL is not meant. */
#define ENCODED(s)                                                             \
	do {                                                                   \
		assert_int_equal(xo.xo_len, sizeof(s) - 1);                    \
		assert_memory_equal(buf, s, sizeof(s) - 1);                    \
	} while (0)

static const struct nfs3_sattr none;
static const struct nfs3_sattr all = {
	.sa_set_mode = true,
	.sa_mode = 1,
	.sa_set_uid = true,
	.sa_uid = 2,
	.sa_set_gid = true,
	.sa_gid = 3,
	.sa_set_size = true,
	.sa_size = 0x400000005,
	.sa_set_atime = NFS3_TIME_SERVER,
	.sa_set_mtime = NFS3_TIME_GIVEN,
	.sa_mtime = { 6, 7 },
};
#define NONE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ALL                                                                    \
	"\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\3"                     \
	"\0\0\0\1\0\0\0\4\0\0\0\5\0\0\0\1\0\0\0\2\0\0\0\6\0\0\0\7"

static void
arguments_are_laid_out_as_the_rfc_says(void **state)
{
	nfs3_setattr_args(start(), &fh, &all);
	ENCODED(FH ALL "\0\0\0\0");
	nfs3_write_args(start(), &fh, 0x100000002, 3, NFS3_UNSTABLE);
	ENCODED(FH "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\0\0\0\0\3");
	nfs3_create_args(start(), &dn, NFS3_GUARDED, &all, NULL);
	ENCODED(DN "\0\0\0\1" ALL);
	nfs3_create_args(
	    start(), &dn, NFS3_EXCLUSIVE, NULL, (const uint8_t *)"verifier");
	ENCODED(DN "\0\0\0\2verifier");
	nfs3_mkdir_args(start(), &dn, &none);
	ENCODED(DN NONE);
	nfs3_symlink_args(start(), &dn, &none, "target", 6);
	ENCODED(DN NONE "\0\0\0\6target\0\0");
	nfs3_mknod_args(start(), &dn, NFS3_FIFO, &none, 1, 2);
	ENCODED(DN "\0\0\0\7" NONE);
	nfs3_mknod_args(start(), &dn, NFS3_CHR, &none, 1, 2);
	ENCODED(DN "\0\0\0\4" NONE "\0\0\0\1\0\0\0\2");
	nfs3_rename_args(start(), &dn, &dn);
	ENCODED(DN DN);
	nfs3_link_args(start(), &fh, &dn);
	ENCODED(FH DN);
	nfs3_commit_args(start(), &fh, 0x100000002, 3);
	ENCODED(FH "\0\0\0\1\0\0\0\2\0\0\0\3");
}

static void
the_longest_arguments_fit(void **state)
{
	static char target[NFS3_PATHMAX], name[NFS3_NAMEMAX];
	struct nfs3_fh long_fh = { .fh_len = NFS3_FHSIZE };
	struct nfs3_dirname long_dn = { &long_fh, name, sizeof(name) };

	nfs3_symlink_args(start(), &long_dn, &all, target, sizeof(target));
	assert_false(xo.xo_failed);
	nfs3_rename_args(start(), &long_dn, &long_dn);
	assert_false(xo.xo_failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_are_read_to_their_end),
		cmocka_unit_test(no_prefix_passes_and_results_stay_untouched),
		cmocka_unit_test(any_word_may_be_anything),
		cmocka_unit_test(values_arrive_in_their_members),
		cmocka_unit_test(a_stability_that_nobody_defined_is_refused),
		cmocka_unit_test(arguments_are_laid_out_as_the_rfc_says),
		cmocka_unit_test(the_longest_arguments_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
