/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each decoder gets a message made by hand here, every prefix of it, and each
 * of its words replaced by something nasty.
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
put_attr(struct xdr_out *xo, uint32_t type, uint64_t size)
{
	static const uint32_t words[] = { 0100644, 2, 1000, 100 };

	xdr_put_u32(xo, type);
	for (size_t i = 0; i < NITEMS(words); i++)
		xdr_put_u32(xo, words[i]);
	xdr_put_u64(xo, size);
	xdr_put_u64(xo, 8192); /* used */
	xdr_put_u32(xo, 8);    /* rdev */
	xdr_put_u32(xo, 1);
	xdr_put_u64(xo, 77);   /* fsid */
	xdr_put_u64(xo, 4242); /* fileid */
	for (uint32_t t = 1; t <= 3; t++) {
		xdr_put_u32(xo, 1000 * t);
		xdr_put_u32(xo, t);
	}
}

static void
put_opt_attr(struct xdr_out *xo)
{
	xdr_put_u32(xo, 1);
	put_attr(xo, NFS3_REG, 5);
}

static void
put_getattr(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_attr(xo, NFS3_DIR, 4096);
}

static void
put_lookup(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	xdr_put_opaque(xo, "handle", 6);
	put_opt_attr(xo);
	put_opt_attr(xo);
}

static void
put_access(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	xdr_put_u32(xo, 0x1f);
}

static void
put_readlink(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	xdr_put_opaque(xo, "../target", 9);
}

static void
put_read(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	xdr_put_u32(xo, 5);
	xdr_put_u32(xo, 1);
	xdr_put_u32(xo, 5);
}

static void
put_numbers(struct xdr_out *xo, size_t n)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	for (size_t i = 1; i <= n; i++)
		xdr_put_u32(xo, (uint32_t)i);
}

static void
put_fsstat(struct xdr_out *xo)
{
	put_numbers(xo, 13);
}

static void
put_fsinfo(struct xdr_out *xo)
{
	put_numbers(xo, 12);
}

static void
put_pathconf(struct xdr_out *xo)
{
	put_numbers(xo, 2);
	for (int i = 0; i < 4; i++)
		xdr_put_u32(xo, i % 2);
}

static void
put_mnt(struct xdr_out *xo)
{
	xdr_put_u32(xo, NFS3_OK);
	xdr_put_opaque(xo, "root", 4);
	xdr_put_u32(xo, 2);
	xdr_put_u32(xo, 1);
	xdr_put_u32(xo, 390003);
}

static void
put_getport(struct xdr_out *xo)
{
	xdr_put_u32(xo, 2049);
}

static void
put_entry(struct xdr_out *xo, bool plus, const char *name, size_t len,
    uint64_t cookie)
{
	xdr_put_u32(xo, 1);
	xdr_put_u64(xo, 100 + cookie);
	xdr_put_opaque(xo, name, len);
	xdr_put_u64(xo, cookie);
	if (!plus)
		return;
	put_opt_attr(xo);
	xdr_put_u32(xo, 1);
	xdr_put_opaque(xo, "h", 1);
}

static void
put_listing(struct xdr_out *xo, bool plus)
{
	xdr_put_u32(xo, NFS3_OK);
	put_opt_attr(xo);
	xdr_put_fixed(xo, "verifier", 8);
	put_entry(xo, plus, "one", 3, 1);
	put_entry(xo, plus, "four", 4, 2);
	xdr_put_u32(xo, 0);
	xdr_put_u32(xo, 1);
}

static void
put_readdir(struct xdr_out *xo)
{
	put_listing(xo, false);
}

static void
put_readdirplus(struct xdr_out *xo)
{
	put_listing(xo, true);
}

/* What a caller does with a listing. */
static int
listing(struct xdr_in *xi, bool plus, struct nfs3_readdir *res)
{
	struct nfs3_entry de;
	size_t n = 0;
	bool eof;
	int error;

	error = nfs3_readdir_head(xi, res);
	if (error != 0 || res->dr_status != NFS3_OK)
		return error;
	while (nfs3_readdir_entry(xi, plus, &de)) {
		assert_in_range(de.de_namelen, 1, NFS3_NAMEMAX);
		assert_null(memchr(de.de_name, '/', de.de_namelen));
		assert_true(++n < 1000);
	}
	return nfs3_readdir_end(xi, &eof);
}

static int
decode_readdir(struct xdr_in *xi, void *res)
{
	return listing(xi, false, res);
}

static int
decode_readdirplus(struct xdr_in *xi, void *res)
{
	return listing(xi, true, res);
}

#define DECODER(name, function)                                                \
	static int decode_##name(struct xdr_in *xi, void *res)                 \
	{                                                                      \
		return function(xi, res);                                      \
	}
DECODER(getattr, nfs3_getattr_result)
DECODER(lookup, nfs3_lookup_result)
DECODER(access, nfs3_access_result)
DECODER(readlink, nfs3_readlink_result)
DECODER(read, nfs3_read_head)
DECODER(fsstat, nfs3_fsstat_result)
DECODER(fsinfo, nfs3_fsinfo_result)
DECODER(pathconf, nfs3_pathconf_result)
DECODER(mnt, mount3_mnt_result)
DECODER(getport, pmap_getport_result)

static const struct {
	const char *name;
	void (*put)(struct xdr_out *xo);
	int (*decode)(struct xdr_in *xi, void *res);
	bool streams; /* writes its result before the end is seen */
} decoders[] = {
	{ "getattr", put_getattr, decode_getattr },
	{ "lookup", put_lookup, decode_lookup },
	{ "access", put_access, decode_access },
	{ "readlink", put_readlink, decode_readlink },
	{ "read", put_read, decode_read },
	{ "fsstat", put_fsstat, decode_fsstat },
	{ "fsinfo", put_fsinfo, decode_fsinfo },
	{ "pathconf", put_pathconf, decode_pathconf },
	{ "mnt", put_mnt, decode_mnt },
	{ "getport", put_getport, decode_getport },
	{ "readdir", put_readdir, decode_readdir, true },
	{ "readdirplus", put_readdirplus, decode_readdirplus, true },
};

static union {
	uint8_t bytes[1024];
	uint64_t align;
} result;

static size_t
make(size_t i, uint8_t *buf, size_t size)
{
	struct xdr_out xo;

	xdr_out_init(&xo, buf, size);
	decoders[i].put(&xo);
	assert_false(xo.xo_failed);
	return xo.xo_len;
}

static void
whole_messages_are_read_to_their_end(void **state)
{
	uint8_t buf[1024];
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i, buf, sizeof(buf));

		xdr_in_init(&xi, buf, len);
		if (decoders[i].decode(&xi, &result) != 0 || xi.xi_pos != len)
			fail_msg("%s", decoders[i].name);
	}
}

static void
no_prefix_passes_and_results_stay_untouched(void **state)
{
	uint8_t buf[1024];
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i, buf, sizeof(buf));

		for (size_t n = 0; n < len; n++) {
			memset(&result, 0xa5, sizeof(result));
			xdr_in_init(&xi, buf, n);
			assert_int_equal(
			    decoders[i].decode(&xi, &result), RUMP_EBADRPC);
			if (decoders[i].streams)
				continue;
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
	uint8_t buf[1024];
	struct xdr_out xo;
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(decoders); i++) {
		size_t len = make(i, buf, sizeof(buf));

		for (size_t off = 0; off < len; off += 4) {
			for (size_t j = 0; j < NITEMS(nasty); j++) {
				int error;

				(void)make(i, buf, sizeof(buf));
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
	struct nfs3_getattr ga;
	struct nfs3_lookup lo;
	struct nfs3_fsstat fs;
	struct nfs3_fsinfo fi;
	struct mount3_mnt mn;
	uint8_t buf[1024];
	struct xdr_in xi;

	xdr_in_init(&xi, buf, make(0, buf, sizeof(buf)));
	assert_int_equal(nfs3_getattr_result(&xi, &ga), 0);
	assert_int_equal(ga.ga_attr.a_type, NFS3_DIR);
	assert_int_equal(ga.ga_attr.a_mode, 0644);
	assert_int_equal(ga.ga_attr.a_nlink, 2);
	assert_int_equal(ga.ga_attr.a_uid, 1000);
	assert_int_equal(ga.ga_attr.a_gid, 100);
	assert_int_equal(ga.ga_attr.a_size, 4096);
	assert_int_equal(ga.ga_attr.a_used, 8192);
	assert_int_equal(ga.ga_attr.a_major, 8);
	assert_int_equal(ga.ga_attr.a_minor, 1);
	assert_int_equal(ga.ga_attr.a_fsid, 77);
	assert_int_equal(ga.ga_attr.a_fileid, 4242);
	assert_int_equal(ga.ga_attr.a_mtime.t_sec, 2000);
	assert_int_equal(ga.ga_attr.a_ctime.t_nsec, 3);

	xdr_in_init(&xi, buf, make(1, buf, sizeof(buf)));
	assert_int_equal(nfs3_lookup_result(&xi, &lo), 0);
	assert_int_equal(lo.lo_fh.fh_len, 6);
	assert_memory_equal(lo.lo_fh.fh_data, "handle", 6);
	assert_true(lo.lo_attr.oa_there && lo.lo_dir_attr.oa_there);

	xdr_in_init(&xi, buf, make(5, buf, sizeof(buf)));
	assert_int_equal(nfs3_fsstat_result(&xi, &fs), 0);
	assert_true(fs.fs_tbytes == 0x100000002);
	assert_true(fs.fs_afiles == 0xb0000000c);
	assert_int_equal(fs.fs_invarsec, 13);

	xdr_in_init(&xi, buf, make(6, buf, sizeof(buf)));
	assert_int_equal(nfs3_fsinfo_result(&xi, &fi), 0);
	assert_int_equal(fi.fi_rtmax, 1);
	assert_int_equal(fi.fi_dtpref, 7);
	assert_true(fi.fi_maxfilesize == 0x800000009);
	assert_int_equal(fi.fi_properties, 12);

	xdr_in_init(&xi, buf, make(8, buf, sizeof(buf)));
	assert_int_equal(mount3_mnt_result(&xi, &mn), 0);
	assert_int_equal(mn.mn_fh.fh_len, 4);
	assert_int_equal(mn.mn_nflavours, 2);
	assert_int_equal(mn.mn_flavours[1], 390003);
}

static void
failures_carry_their_attributes(void **state)
{
	struct nfs3_lookup lo;
	struct nfs3_read rd;
	uint8_t buf[256];
	struct xdr_out xo;
	struct xdr_in xi;

	xdr_out_init(&xo, buf, sizeof(buf));
	xdr_put_u32(&xo, NFS3ERR_NOENT);
	put_opt_attr(&xo);
	xdr_in_init(&xi, buf, xo.xo_len);
	assert_int_equal(nfs3_lookup_result(&xi, &lo), 0);
	assert_int_equal(lo.lo_status, NFS3ERR_NOENT);
	assert_true(lo.lo_dir_attr.oa_there);
	xdr_in_init(&xi, buf, xo.xo_len);
	assert_int_equal(nfs3_read_head(&xi, &rd), 0);
	assert_true(rd.rd_attr.oa_there);
}

/* One GETATTR reply with a word of the attributes changed. */
static int
getattr_with(size_t word, uint32_t value, struct nfs3_getattr *ga)
{
	uint8_t buf[128];
	struct xdr_out xo;
	struct xdr_in xi;
	size_t len = make(0, buf, sizeof(buf));

	xdr_out_init(&xo, buf + 4 + 4 * word, 4);
	xdr_put_u32(&xo, value);
	xdr_in_init(&xi, buf, len);
	return nfs3_getattr_result(&xi, ga);
}

static void
attributes_that_would_hurt_are_refused(void **state)
{
	struct nfs3_getattr ga;

	assert_int_equal(getattr_with(0, 0, &ga), RUMP_EBADRPC); /* type */
	assert_int_equal(getattr_with(0, 8, &ga), RUMP_EBADRPC);
	assert_int_equal(getattr_with(5, 0x80000000, &ga), RUMP_EBADRPC);
	assert_int_equal(getattr_with(5, 0x7fffffff, &ga), 0);
	assert_int_equal(getattr_with(16, 0xffffffff, &ga), 0);
	assert_int_equal(ga.ga_attr.a_atime.t_nsec, 999999999);
}

static void
names_that_would_hurt_are_refused(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} names[] = { { "", 0 }, { "a/b", 3 }, { "/", 1 }, { "a\0b", 3 } };
	char longname[256];
	struct nfs3_entry de;
	uint8_t buf[512];
	struct xdr_out xo;
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(names); i++) {
		xdr_out_init(&xo, buf, sizeof(buf));
		put_entry(&xo, false, names[i].name, names[i].len, 1);
		xdr_in_init(&xi, buf, xo.xo_len);
		assert_false(nfs3_readdir_entry(&xi, false, &de));
		assert_true(xi.xi_failed);
	}
	memset(longname, 'n', sizeof(longname));
	for (size_t len = 255; len <= 256; len++) {
		xdr_out_init(&xo, buf, sizeof(buf));
		put_entry(&xo, false, longname, len, 1);
		xdr_in_init(&xi, buf, xo.xo_len);
		assert_int_equal(
		    nfs3_readdir_entry(&xi, false, &de), len == 255);
	}
}

static void
links_that_would_hurt_are_refused(void **state)
{
	char path[NFS3_PATHMAX + 1];
	struct nfs3_readlink rl;
	uint8_t buf[NFS3_PATHMAX + 64];
	struct xdr_out xo;
	struct xdr_in xi;
	static const size_t lengths[] = { 0, 1, NFS3_PATHMAX,
		NFS3_PATHMAX + 1 };

	memset(path, 'p', sizeof(path));
	for (size_t i = 0; i < NITEMS(lengths); i++) {
		xdr_out_init(&xo, buf, sizeof(buf));
		xdr_put_u32(&xo, NFS3_OK);
		xdr_put_u32(&xo, 0);
		xdr_put_opaque(&xo, path, lengths[i]);
		xdr_in_init(&xi, buf, xo.xo_len);
		assert_int_equal(nfs3_readlink_result(&xi, &rl),
		    lengths[i] == 0 || lengths[i] > NFS3_PATHMAX ? RUMP_EBADRPC
								 : 0);
	}
}

static void
handles_have_1_to_64_bytes(void **state)
{
	static const uint8_t bytes[65];
	struct mount3_mnt mn;
	uint8_t buf[256];
	struct xdr_out xo;
	struct xdr_in xi;

	for (size_t len = 0; len <= 65; len++) {
		xdr_out_init(&xo, buf, sizeof(buf));
		xdr_put_u32(&xo, NFS3_OK);
		xdr_put_opaque(&xo, bytes, len);
		xdr_put_u32(&xo, 0);
		xdr_in_init(&xi, buf, xo.xo_len);
		assert_int_equal(mount3_mnt_result(&xi, &mn),
		    len >= 1 && len <= 64 ? 0 : RUMP_EBADRPC);
	}
}

static void
a_count_that_contradicts_the_data_is_refused(void **state)
{
	struct nfs3_read rd;
	uint8_t buf[64];
	struct xdr_out xo;
	struct xdr_in xi;

	xdr_out_init(&xo, buf, sizeof(buf));
	xdr_put_u32(&xo, NFS3_OK);
	xdr_put_u32(&xo, 0);
	xdr_put_u32(&xo, 5);
	xdr_put_u32(&xo, 0);
	xdr_put_u32(&xo, 6);
	xdr_in_init(&xi, buf, xo.xo_len);
	assert_int_equal(nfs3_read_head(&xi, &rd), RUMP_EBADRPC);
}

static void
flavours_beyond_our_room_are_skipped(void **state)
{
	struct mount3_mnt mn;
	uint8_t buf[512];
	struct xdr_out xo;
	struct xdr_in xi;

	xdr_out_init(&xo, buf, sizeof(buf));
	xdr_put_u32(&xo, NFS3_OK);
	xdr_put_opaque(&xo, "h", 1);
	xdr_put_u32(&xo, 50);
	for (uint32_t i = 0; i < 50; i++)
		xdr_put_u32(&xo, i);
	xdr_in_init(&xi, buf, xo.xo_len);
	assert_int_equal(mount3_mnt_result(&xi, &mn), 0);
	assert_int_equal(mn.mn_nflavours, MOUNT3_MAXFLAVOURS);
	assert_int_equal(xi.xi_pos, xo.xo_len);
}

static void
a_port_has_16_bits(void **state)
{
	uint8_t buf[4] = { 0, 1, 0, 0 };
	uint16_t port = 99;
	struct xdr_in xi;

	xdr_in_init(&xi, buf, sizeof(buf));
	assert_int_equal(pmap_getport_result(&xi, &port), RUMP_EBADRPC);
	assert_int_equal(port, 99);
}

static void
statuses_become_errnos(void **state)
{
	assert_int_equal(nfs3_errno(NFS3_OK), 0);
	assert_int_equal(nfs3_errno(NFS3ERR_NOENT), RUMP_ENOENT);
	assert_int_equal(nfs3_errno(NFS3ERR_STALE), RUMP_ESTALE);
	assert_int_equal(nfs3_errno(NFS3ERR_BADHANDLE), RUMP_ESTALE);
	assert_int_equal(nfs3_errno(NFS3ERR_NOTSUPP), RUMP_EOPNOTSUPP);
	assert_int_equal(nfs3_errno(NFS3ERR_JUKEBOX), RUMP_EAGAIN);
	assert_int_equal(nfs3_errno(NFS3ERR_NOTEMPTY), RUMP_ENOTEMPTY);
	assert_int_equal(nfs3_errno(12345), RUMP_EIO);
	assert_int_equal(nfs3_errno(UINT32_MAX), RUMP_EIO);
}

static void
arguments_are_laid_out_as_the_rfc_says(void **state)
{
	static const uint8_t want[] = {
		0, 0, 0, 3, 'a', 'b', 'c', 0, /* handle */
		0, 0, 0, 0, 0, 0, 0, 9,       /* cookie */
		'v', 'e', 'r', 'i', 'f', 'i', 'e', 'r', 0, 0, 0x10, 0, 0, 0,
		0x20, 0, /* dircount, maxcount */
	};
	struct nfs3_fh fh = { 3, "abc" };
	struct nfs3_dirpos pos = { .dp_cookie = 9 };
	uint8_t buf[NFS3_ARGS_MAX];
	struct xdr_out xo;

	memcpy(pos.dp_verf, "verifier", 8);
	xdr_out_init(&xo, buf, sizeof(buf));
	nfs3_readdirplus_args(&xo, &fh, &pos, 4096, 8192);
	assert_int_equal(xo.xo_len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	xdr_out_init(&xo, buf, sizeof(buf));
	nfs3_read_args(&xo, &fh, 0x100000002, 3);
	assert_memory_equal(buf + 8, "\0\0\0\1\0\0\0\2\0\0\0\3", 12);
	xdr_out_init(&xo, buf, sizeof(buf));
	nfs3_name_args(&xo, &fh, "x", 1);
	assert_memory_equal(buf + 8, "\0\0\0\1x\0\0\0", 8);
	xdr_out_init(&xo, buf, sizeof(buf));
	pmap_getport_args(&xo, 1, 2, PMAP_TCP);
	assert_memory_equal(buf, "\0\0\0\1\0\0\0\2\0\0\0\6\0\0\0\0", 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_are_read_to_their_end),
		cmocka_unit_test(no_prefix_passes_and_results_stay_untouched),
		cmocka_unit_test(any_word_may_be_anything),
		cmocka_unit_test(values_arrive_in_their_members),
		cmocka_unit_test(failures_carry_their_attributes),
		cmocka_unit_test(attributes_that_would_hurt_are_refused),
		cmocka_unit_test(names_that_would_hurt_are_refused),
		cmocka_unit_test(links_that_would_hurt_are_refused),
		cmocka_unit_test(handles_have_1_to_64_bytes),
		cmocka_unit_test(a_count_that_contradicts_the_data_is_refused),
		cmocka_unit_test(flavours_beyond_our_room_are_skipped),
		cmocka_unit_test(a_port_has_16_bits),
		cmocka_unit_test(statuses_become_errnos),
		cmocka_unit_test(arguments_are_laid_out_as_the_rfc_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
