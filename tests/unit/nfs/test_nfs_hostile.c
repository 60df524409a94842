/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on a mount whose server lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/nfs/client.h"

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static void
assert_content(void)
{
	assert_int_equal(read_file(), FILE_SIZE);
	for (size_t i = 0; i < FILE_SIZE; i++)
		assert_int_equal(content[i], (uint8_t)i);
}

static int
read_link(void)
{
	char buf[1024];
	ssize_t n = rump_sys_readlink("/data/l", buf, sizeof(buf));

	return n < 0 ? -errno : (int)n;
}

static void
a_sound_server_is_served(void **state)
{
	assert_int_equal(list(4096), 2);
	assert_content();
	assert_int_equal(read_link(), 1);
}

static uint32_t
dir_same_cookie(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", 5);
	put_dir_end(x, false);
	return 0;
}

static uint32_t
dir_cookie_twice(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", 100 + 2 * x->nth);
	put_entry(x, "l", 100 + 2 * x->nth);
	put_dir_end(x, false);
	return 0;
}

static uint32_t
dir_in_a_circle(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", 1 + x->nth % 3);
	put_dir_end(x, false);
	return 0;
}

static uint32_t
dir_back_to_the_start(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", x->nth % 2 == 0 ? 1 : 0);
	put_dir_end(x, false);
	return 0;
}

static uint32_t
dir_nothing_and_more(struct exchange *x)
{
	put_dir_head(x);
	put_dir_end(x, false);
	return 0;
}

/* Who has read up to the second "f" would come back to the first. */
static uint32_t
dir_circle_inside(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", 2);
	put_entry(x, "l", 1);
	put_entry(x, "f", 2);
	put_entry(x, "l", 3);
	put_dir_end(x, true);
	return 0;
}

static uint32_t
dir_through_the_first_piece(struct exchange *x)
{
	put_dir_head(x);
	if (x->nth == 0) {
		put_entry(x, "f", 1);
		put_entry(x, "l", 2);
	} else {
		put_entry(x, "f", 3);
		put_entry(x, "l", 1);
		put_entry(x, "f", 4);
	}
	put_dir_end(x, x->nth != 0);
	return 0;
}

static void
directories_that_go_in_circles_end_with_eio(void **state)
{
	static answer_t *const circles[] = { dir_same_cookie, dir_cookie_twice,
		dir_in_a_circle, dir_back_to_the_start, dir_nothing_and_more,
		dir_circle_inside, dir_through_the_first_piece };
	static const size_t sizes[] = { 24, 100, 4096 };

	for (size_t i = 0; i < NITEMS(circles); i++) {
		for (size_t j = 0; j < NITEMS(sizes); j++) {
			assert_int_equal(case_end(state), 0);
			mount_with("");
			atomic_store(&wicked[NFS3PROC_READDIRPLUS], circles[i]);
			assert_int_equal(list(sizes[j]), -RUMP_EIO);
		}
	}
}

static uint32_t
proc_unavailable(struct exchange *x)
{
	return 3;
}

static uint32_t
not_supported(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3ERR_NOTSUPP);
	xdr_put_u32(&x->out, 0);
	return 0;
}

static void
a_server_without_readdirplus_is_asked_for_readdir(void **state)
{
	static answer_t *const lacks[] = { proc_unavailable, not_supported };

	for (size_t i = 0; i < NITEMS(lacks); i++) {
		assert_int_equal(case_end(state), 0);
		mount_with("");
		atomic_store(&wicked[NFS3PROC_READDIRPLUS], lacks[i]);
		assert_int_equal(list(4096), 2);
		assert_int_equal(atomic_load(&counts[NFS3PROC_READDIR]), 1);
		assert_int_equal(atomic_load(&counts[NFS3PROC_READDIRPLUS]), 1);
	}
}

static uint32_t
read_nothing(struct exchange *x)
{
	put_data(x, 0, 0, false);
	return 0;
}

static uint32_t
read_too_much(struct exchange *x)
{
	(void)xdr_get_u64(&x->args);
	put_data(x, 0, xdr_get_u32(&x->args) + 4, false);
	return 0;
}

static uint32_t
read_contradiction(struct exchange *x)
{
	put_data(x, 0, 8, false);
	x->out.xo_base[28 + 4 + 4 + 3] = 9; /* count, not the length */
	return 0;
}

static uint32_t
read_missing_data(struct exchange *x)
{
	put_data(x, 0, 4096, false);
	x->out.xo_len -= 8;
	return 0;
}

static void
data_that_contradict_themselves_are_errors(void **state)
{
	static const struct {
		answer_t *answer;
		int error;
	} lies[] = {
		{ read_nothing, RUMP_EIO },
		{ read_too_much, RUMP_EBADRPC },
		{ read_contradiction, RUMP_EBADRPC },
		{ read_missing_data, RUMP_EBADRPC },
	};

	for (size_t i = 0; i < NITEMS(lies); i++) {
		atomic_store(&wicked[NFS3PROC_READ], lies[i].answer);
		assert_int_equal(read_file(), -lies[i].error);
	}
	/* Nothing of this was kept. */
	atomic_store(&wicked[NFS3PROC_READ], NULL);
	assert_content();
}

static uint32_t
read_a_thousand(struct exchange *x)
{
	uint64_t off = xdr_get_u64(&x->args);
	uint32_t count = xdr_get_u32(&x->args);

	put_data(x, off, count < 1000 ? count : 1000, false);
	return 0;
}

static void
short_replies_are_continued(void **state)
{
	atomic_store(&wicked[NFS3PROC_READ], read_a_thousand);
	assert_content();
}

static uint32_t
read_one_byte(struct exchange *x)
{
	put_data(x, xdr_get_u64(&x->args), 1, false);
	return 0;
}

static void
a_server_that_trickles_is_given_up(void **state)
{
	atomic_store(&wicked[NFS3PROC_READ], read_one_byte);
	assert_int_equal(read_file(), -RUMP_EIO);
	assert_true(atomic_load(&counts[NFS3PROC_READ]) < 10000);
}

static uint32_t
later_once(struct exchange *x)
{
	if (x->nth > 0)
		return answers[x->proc](x);
	xdr_put_u32(&x->out, NFS3ERR_JUKEBOX);
	xdr_put_u32(&x->out, 0);
	return 0;
}

static void
a_server_that_says_later_is_asked_again(void **state)
{
	atomic_store(&wicked[NFS3PROC_READ], later_once);
	atomic_store(&wicked[NFS3PROC_READLINK], later_once);
	assert_content();
	assert_int_equal(read_link(), 1);
}

static uint32_t
link_with_nul(struct exchange *x)
{
	put_numbers(x, 0, 0);
	xdr_put_opaque(&x->out, "a\0b", 3);
	return 0;
}

static uint32_t
link_too_long(struct exchange *x)
{
	static const char path[5000];

	put_numbers(x, 0, 0);
	xdr_put_opaque(&x->out, path, sizeof(path));
	return 0;
}

static void
links_that_would_hurt_are_errors(void **state)
{
	atomic_store(&wicked[NFS3PROC_READLINK], link_with_nul);
	assert_int_equal(read_link(), -RUMP_EBADRPC);
	atomic_store(&wicked[NFS3PROC_READLINK], link_too_long);
	assert_int_equal(read_link(), -RUMP_EBADRPC);
}

/* The handle of the file is a directory now. */
static uint32_t
attr_of_another_kind(struct exchange *x)
{
	struct nfs3_fh dir = { .fh_len = 1, .fh_data = { 'r' } };

	xdr_put_u32(&x->out, NFS3_OK);
	put_attr(&x->out, x->fh.fh_data[0] == 'f' ? &dir : &x->fh);
	return 0;
}

static uint32_t
lookup_of_another_kind(struct exchange *x)
{
	struct nfs3_fh dir = { .fh_len = 1, .fh_data = { 'r' } };

	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_opaque(&x->out, "f", 1);
	put_opt_attr(&x->out, &dir);
	xdr_put_u32(&x->out, 0);
	return 0;
}

static void
a_handle_that_changes_its_kind_is_stale(void **state)
{
	char buf[10];
	struct rump_stat st;
	int fd = rump_sys_open("/data/f", RUMP_O_RDONLY);

	assert_true(fd >= 0);
	atomic_store(&wicked[NFS3PROC_GETATTR], attr_of_another_kind);
	atomic_store(&wicked[NFS3PROC_LOOKUP], lookup_of_another_kind);
	assert_int_equal(rump_sys_open("/data/f", RUMP_O_RDONLY), -1);
	assert_int_equal(errno, RUMP_ESTALE);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, RUMP_ESTALE);
	assert_int_equal(rump_sys_close(fd), 0);
	/* Nobody has it open any more: the new file takes its place. */
	atomic_store(&wicked[NFS3PROC_GETATTR], NULL);
	assert_int_equal(rump_sys_stat("/data/f", &st), 0);
	assert_int_equal(st.st_mode & RUMP_S_IFMT, RUMP_S_IFDIR);
}

static uint32_t
stale(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3ERR_STALE);
	xdr_put_u32(&x->out, 0);
	return 0;
}

static uint32_t
stale_once(struct exchange *x)
{
	return x->nth > 0 ? answers[x->proc](x) : stale(x);
}

static void
a_stale_handle_is_looked_up_once_more_at_open(void **state)
{
	assert_content();
	atomic_store(&counts[NFS3PROC_GETATTR], 0);
	atomic_store(&counts[NFS3PROC_LOOKUP], 0);
	atomic_store(&wicked[NFS3PROC_GETATTR], stale_once);
	assert_content();
	assert_int_equal(atomic_load(&counts[NFS3PROC_LOOKUP]), 1);
}

static _Atomic unsigned file_asked;

static uint32_t
stale_file_once(struct exchange *x)
{
	if (x->fh.fh_data[0] != 'f' || atomic_fetch_add(&file_asked, 1) > 0)
		return answers[x->proc](x);
	return stale(x);
}

/* As when another process has just put a new one in its place. */
static void
a_file_that_goes_once_it_was_found_is_looked_for_again(void **state)
{
	atomic_store(&file_asked, 0);
	atomic_store(&wicked[NFS3PROC_ACCESS], stale_file_once);
	assert_content();
	assert_int_equal(atomic_load(&file_asked), 2);
}

static void
stale_handles_are_estale(void **state)
{
	atomic_store(&wicked[NFS3PROC_LOOKUP], stale);
	assert_int_equal(rump_sys_open("/data/f", RUMP_O_RDONLY), -1);
	assert_int_equal(errno, RUMP_ESTALE);
}

/* Everything that a program may do; only that it ends counts. */
static void
use_everything(void)
{
	static const char *const paths[] = { "/data/f", "/data/l", "/data",
		"/data/f/f", "/data/nothing" };
	struct rump_statvfs sv;
	struct rump_stat st;

	for (size_t i = 0; i < NITEMS(paths); i++) {
		int fd = rump_sys_open(paths[i], RUMP_O_RDONLY);

		(void)rump_sys_stat(paths[i], &st);
		(void)rump_sys_access(paths[i], 1);
		(void)rump_sys_pathconf(paths[i], RUMP__PC_NAME_MAX);
		if (fd >= 0)
			rump_sys_close(fd);
	}
	(void)list(4096);
	(void)list(24);
	(void)read_file();
	(void)read_link();
	(void)rump_sys_statvfs1("/data", &sv, RUMP_MNT_WAIT);
}

static void
truncated_replies_are_errors(void **state)
{
	for (size_t n = 0; n < 120; n += 4) {
		assert_int_equal(case_end(state), 0);
		mount_with("&noac");
		atomic_store(&cut, n + 1);
		use_everything();
		assert_true(read_file() < 0);
	}
}

static void
random_replies_do_no_harm(void **state)
{
	for (unsigned seed = 1; seed < 400; seed++) {
		if (seed % 20 == 0) {
			assert_int_equal(case_end(state), 0);
			mount_with(seed % 40 == 0 ? "&noac" : "&noac&soft");
		}
		atomic_store(&garbage, 1000 * seed);
		use_everything();
	}
}

/* Does not answer before it is let go. */

static _Atomic bool let_go, asked;

static uint32_t
read_not_yet(struct exchange *x)
{
	atomic_store(&asked, true);
	while (!atomic_load(&let_go))
		sched_yield();
	return answers[NFS3PROC_READ](x);
}

static void *
run_reader(void *arg)
{
	*(int *)arg = read_file();
	return NULL;
}

static void
a_forced_unmount_wakes_who_waits_for_the_server(void **state)
{
	pthread_t readers[4];
	int got[4];

	atomic_store(&let_go, false);
	atomic_store(&asked, false);
	atomic_store(&wicked[NFS3PROC_READ], read_not_yet);
	for (size_t i = 0; i < NITEMS(readers); i++)
		assert_int_equal(
		    pthread_create(&readers[i], NULL, run_reader, &got[i]), 0);
	while (!atomic_load(&asked))
		sched_yield();
	assert_int_equal(rump_sys_unmount("/data", RUMP_MNT_FORCE), 0);
	for (size_t i = 0; i < NITEMS(readers); i++) {
		assert_int_equal(pthread_join(readers[i], NULL), 0);
		/* Who came late found no mount. */
		assert_true(got[i] == -RUMP_EIO || got[i] == -RUMP_ENOENT);
	}
	atomic_store(&let_go, true);
	mount_with("");
	atomic_store(&wicked[NFS3PROC_READ], NULL);
	assert_content();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_sound_server_is_served),
		CASE(directories_that_go_in_circles_end_with_eio),
		CASE(a_server_without_readdirplus_is_asked_for_readdir),
		CASE(data_that_contradict_themselves_are_errors),
		CASE(short_replies_are_continued),
		CASE(a_server_that_trickles_is_given_up),
		CASE(a_server_that_says_later_is_asked_again),
		CASE(links_that_would_hurt_are_errors),
		CASE(a_handle_that_changes_its_kind_is_stale),
		CASE(a_stale_handle_is_looked_up_once_more_at_open),
		CASE(a_file_that_goes_once_it_was_found_is_looked_for_again),
		CASE(stale_handles_are_estale),
		CASE(truncated_replies_are_errors),
		CASE(random_replies_do_no_harm),
		CASE(a_forced_unmount_wakes_who_waits_for_the_server),
	};

	return cmocka_run_group_tests(tests, liar_begin, liar_end);
}
