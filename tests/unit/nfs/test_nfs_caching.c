/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many calls reach the server, and what happens when what we knew of a file
 * has become wrong meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/nfs/client.h"

#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define THREADS 8
#define TRUNCATED 5000

static void
assert_bytes(int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(content[i], (uint8_t)i);
}

static void
a_listing_spares_lookups_and_getattrs(void **state)
{
	struct rump_stat st;

	assert_int_equal(list(4096), 2);
	atomic_store(&counts[NFS3PROC_GETATTR], 0);
	assert_int_equal(rump_sys_stat("/data/f", &st), 0);
	assert_int_equal(st.st_size, FILE_SIZE);
	assert_int_equal(rump_sys_lstat("/data/l", &st), 0);
	assert_int_equal(st.st_mode & RUMP_S_IFMT, RUMP_S_IFLNK);
	assert_int_equal(count(NFS3PROC_LOOKUP), 0);
	assert_int_equal(count(NFS3PROC_GETATTR), 0);
	assert_int_equal(count(NFS3PROC_READDIRPLUS), 1);
}

static uint32_t
access_with_attributes(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	put_opt_attr(&x->out, &x->fh);
	xdr_put_u32(&x->out, 0x3f);
	return 0;
}

static void
an_open_asks_for_access_and_attributes_at_once(void **state)
{
	atomic_store(&wicked[NFS3PROC_ACCESS], access_with_attributes);
	assert_int_equal(list(4096), 2);
	atomic_store(&counts[NFS3PROC_ACCESS], 0);
	atomic_store(&counts[NFS3PROC_GETATTR], 0);
	assert_int_equal(read_file(), FILE_SIZE);
	assert_int_equal(count(NFS3PROC_ACCESS), 1);
	assert_int_equal(count(NFS3PROC_GETATTR), 0);
	assert_int_equal(count(NFS3PROC_LOOKUP), 0);
	/* Then access is known, and only the attributes are asked for. */
	assert_int_equal(read_file(), FILE_SIZE);
	assert_int_equal(count(NFS3PROC_ACCESS), 1);
	assert_int_equal(count(NFS3PROC_GETATTR), 1);
}

static void
an_open_without_attributes_in_access_still_asks_for_them(void **state)
{
	assert_int_equal(list(4096), 2);
	atomic_store(&counts[NFS3PROC_GETATTR], 0);
	assert_int_equal(read_file(), FILE_SIZE);
	assert_int_equal(count(NFS3PROC_GETATTR), 1);
}

static void *
list_thread(void *arg)
{
	*(int *)arg = list(4096);
	return NULL;
}

static void
threads_that_list_share_one_call(void **state)
{
	pthread_t t[THREADS];
	int entries[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, list_thread, &entries[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(entries[i], 2);
	}
	assert_int_equal(count(NFS3PROC_READDIRPLUS), 1);
}

static uint32_t
bad_cookie_once(struct exchange *x)
{
	if (x->nth == 1) {
		xdr_put_u32(&x->out, NFS3ERR_BAD_COOKIE);
		xdr_put_u32(&x->out, 0);
		return 0;
	}
	put_dir_head(x);
	if (x->nth == 3)
		put_entry(x, "l", 2);
	else
		put_entry(x, "f", 1);
	put_dir_end(x, x->nth == 3);
	return 0;
}

static void
a_verifier_that_is_too_old_is_asked_for_again(void **state)
{
	atomic_store(&wicked[NFS3PROC_READDIRPLUS], bad_cookie_once);
	assert_int_equal(list(4096), 2);
	assert_int_equal(count(NFS3PROC_READDIRPLUS), 4);
}

static uint32_t
bad_cookie_always(struct exchange *x)
{
	if (xdr_get_u64(&x->args) != 0) {
		xdr_put_u32(&x->out, NFS3ERR_BAD_COOKIE);
		xdr_put_u32(&x->out, 0);
		return 0;
	}
	put_dir_head(x);
	put_entry(x, "f", 1);
	put_dir_end(x, false);
	return 0;
}

static void
a_server_that_understands_no_cookie_is_eio(void **state)
{
	atomic_store(&wicked[NFS3PROC_READDIRPLUS], bad_cookie_always);
	assert_int_equal(list(4096), -RUMP_EIO);
}

/* The file has become shorter, and the attributes have not been asked for. */
static uint32_t
read_truncated(struct exchange *x)
{
	uint64_t off = xdr_get_u64(&x->args);
	uint32_t asked = xdr_get_u32(&x->args);
	uint64_t left = off < TRUNCATED ? TRUNCATED - off : 0;

	put_data(x, off, asked < left ? asked : (uint32_t)left, asked >= left);
	return 0;
}

static void
a_file_that_was_truncated_ends_without_zeros(void **state)
{
	atomic_store(&wicked[NFS3PROC_READ], read_truncated);
	assert_int_equal(read_file(), TRUNCATED);
	assert_bytes(TRUNCATED);
	/* Nothing of this was kept when it is long again. */
	atomic_store(&wicked[NFS3PROC_READ], NULL);
	assert_int_equal(read_file(), FILE_SIZE);
	assert_bytes(FILE_SIZE);
}

static void
a_read_behind_the_new_end_is_the_end(void **state)
{
	struct rump_iovec iov[2] = { { content, 10 }, { content + 10, 10 } };
	int fd = rump_sys_open("/data/f", RUMP_O_RDONLY);

	assert_true(fd >= 0);
	atomic_store(&wicked[NFS3PROC_READ], read_truncated);
	assert_int_equal(rump_sys_pread(fd, content, 100, 50000), 0);
	assert_int_equal(rump_sys_pread(fd, content, 100, TRUNCATED - 1), 1);
	assert_int_equal(rump_sys_preadv(fd, iov, 2, TRUNCATED - 15), 15);
	assert_int_equal(rump_sys_preadv(fd, iov, 2, TRUNCATED), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static uint32_t
long_link(struct exchange *x)
{
	char path[1500];

	memset(path, 'x', sizeof(path));
	put_numbers(x, 0, 0);
	xdr_put_opaque(&x->out, path, sizeof(path));
	return 0;
}

static void
a_long_link_is_read_and_not_followed(void **state)
{
	char buf[2000];
	struct rump_stat st;

	atomic_store(&wicked[NFS3PROC_READLINK], long_link);
	assert_int_equal(rump_sys_readlink("/data/l", buf, sizeof(buf)), 1500);
	assert_int_equal(rump_sys_readlink("/data/l", buf, 100), 100);
	assert_int_equal(rump_sys_stat("/data/l", &st), -1);
	assert_int_equal(errno, RUMP_ENAMETOOLONG);
}

static void
a_connection_may_end_behind_any_byte(void **state)
{
	assert_int_equal(case_end(state), 0);
	mount_with("&noac");
	for (size_t n = 0; n < 200; n += n < 36 ? 1 : 12) {
		atomic_store(&hang_up, n + 1);
		assert_int_equal(read_file(), FILE_SIZE);
		assert_bytes(FILE_SIZE);
	}
}

/* A file that changes all the time, so that nothing stays in the cache. */
static uint32_t
attr_ever_newer(struct exchange *x)
{
	struct xdr_out mtime;

	xdr_put_u32(&x->out, NFS3_OK);
	put_attr(&x->out, &x->fh);
	xdr_out_init(&mtime, x->out.xo_base + x->out.xo_len - 16, 4);
	if (x->fh.fh_data[0] == 'f')
		xdr_put_u32(&mtime, 2000 + x->nth);
	return 0;
}

static _Atomic bool enough;

/* Reads that leave readahead behind, which closing cancels. */
static void *
open_and_close(void *arg)
{
	char buf[4096];

	while (!atomic_load(&enough)) {
		int fd = rump_sys_open("/data/f", RUMP_O_RDONLY);

		assert_true(fd >= 0);
		assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 4096);
		assert_int_equal(rump_sys_close(fd), 0);
	}
	return NULL;
}

/* The mapping waits for what is being cancelled: it must not see that. */
static void
a_map_fault_survives_cancelled_readahead(void **state)
{
	struct rump_map map;
	pthread_t t[2];
	int fd = rump_sys_open("/data/f", RUMP_O_RDONLY), failed = 0;

	assert_true(fd >= 0);
	assert_int_equal(rump_map_create(fd, 0, FILE_SIZE, RUMP_PROT_READ,
			     RUMP_MAP_SHARED, &map),
	    0);
	assert_int_equal(rump_sys_close(fd), 0);
	atomic_store(&wicked[NFS3PROC_GETATTR], attr_ever_newer);
	atomic_store(&enough, false);
	for (size_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, open_and_close, NULL);
	for (int i = 0; i < 1000 && failed == 0; i++)
		failed = rump_map_fill(map.rm_handle, 65536, 4096);
	atomic_store(&enough, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	rump_map_destroy(map.rm_handle);
	assert_int_equal(failed, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_listing_spares_lookups_and_getattrs),
		CASE(an_open_asks_for_access_and_attributes_at_once),
		CASE(an_open_without_attributes_in_access_still_asks_for_them),
		CASE(threads_that_list_share_one_call),
		CASE(a_verifier_that_is_too_old_is_asked_for_again),
		CASE(a_server_that_understands_no_cookie_is_eio),
		CASE(a_file_that_was_truncated_ends_without_zeros),
		CASE(a_read_behind_the_new_end_is_the_end),
		CASE(a_map_fault_survives_cancelled_readahead),
		CASE(a_long_link_is_read_and_not_followed),
		CASE(a_connection_may_end_behind_any_byte),
	};

	return cmocka_run_group_tests(tests, liar_begin, liar_end);
}
