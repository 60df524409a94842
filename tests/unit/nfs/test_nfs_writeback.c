/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data on their way to a server that takes little of them, says "later", loses
 * them, is full, or lies about what it has got.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/nfs/client.h"

#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define STORE (1 << 20)

/* What the server has got. */
static pthread_mutex_t stored_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t stored[STORE], sent[STORE]; /* stored: stored_lock */
static _Atomic uint32_t asked_stable;

/* Take at most some bytes of a WRITE: how many. */
static uint32_t
store(struct exchange *x, uint32_t most)
{
	uint64_t off = xdr_get_u64(&x->args);
	uint32_t len = xdr_get_u32(&x->args);
	const uint8_t *bytes;
	size_t got;

	atomic_store(&asked_stable, xdr_get_u32(&x->args));
	bytes = xdr_get_opaque(&x->args, STORE, &got);
	if (bytes == NULL || got != len || off + len > STORE)
		return 0;
	len = len < most ? len : most;
	pthread_mutex_lock(&stored_lock);
	memcpy(stored + off, bytes, len);
	pthread_mutex_unlock(&stored_lock);
	return len;
}

static void
lose_all(void)
{
	pthread_mutex_lock(&stored_lock);
	memset(stored, 0, sizeof(stored));
	pthread_mutex_unlock(&stored_lock);
}

static uint32_t
take_all(struct exchange *x)
{
	uint32_t n = store(x, UINT32_MAX);

	put_written(x, n, atomic_load(&asked_stable));
	return 0;
}

static uint32_t
take_little(struct exchange *x)
{
	uint32_t n = store(x, 1000 + x->nth % 7);

	put_written(x, n, atomic_load(&asked_stable));
	return 0;
}

static uint32_t
take_nothing(struct exchange *x)
{
	put_written(x, 0, NFS3_FILE_SYNC);
	return 0;
}

static uint32_t
take_too_much(struct exchange *x)
{
	put_written(x, store(x, UINT32_MAX) + 1, NFS3_FILE_SYNC);
	return 0;
}

static uint32_t
later_twice(struct exchange *x)
{
	if (x->nth < 2)
		return answer_status(x, NFS3ERR_JUKEBOX);
	return take_all(x);
}

static uint32_t
full(struct exchange *x)
{
	return answer_status(x, NFS3ERR_NOSPC);
}

static uint32_t
used_up(struct exchange *x)
{
	return answer_status(x, NFS3ERR_DQUOT);
}

static int
open_empty(const char *path)
{
	int fd = rump_sys_open(
	    path, RUMP_O_RDWR | RUMP_O_CREAT | RUMP_O_TRUNC, 0644);

	must(fd);
	return fd;
}

static void
write_some(int fd, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sent[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(rump_sys_pwrite(fd, sent, len, 0), len);
}

static void
assert_stored(size_t len)
{
	bool equal;

	pthread_mutex_lock(&stored_lock);
	equal = memcmp(stored, sent, len) == 0;
	pthread_mutex_unlock(&stored_lock);
	assert_true(equal);
}

static int
writing_begin(void **state)
{
	lose_all();
	return case_begin(state);
}

static void
a_small_file_is_two_calls(void **state)
{
	int fd;

	must(rump_sys_access("/data", RUMP_W_OK));
	for (size_t i = 0; i < 22; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&wicked[NFS3PROC_WRITE], take_all);
	fd = open_empty("/data/e");
	write_some(fd, 5000);
	must(rump_sys_close(fd));
	assert_stored(5000);
	assert_int_equal(atomic_load(&asked_stable), NFS3_FILE_SYNC);
	assert_int_equal(count(NFS3PROC_CREATE), 1);
	assert_int_equal(count(NFS3PROC_WRITE), 1);
	assert_int_equal(count(NFS3PROC_COMMIT), 0);
	assert_int_equal(count(NFS3PROC_GETATTR), 0);
	assert_int_equal(count(NFS3PROC_SETATTR), 0);
}

static void
short_writes_are_continued(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_little);
	write_some(fd, 200000);
	must(rump_sys_close(fd));
	assert_stored(200000);
}

static void
a_server_that_takes_nothing_is_eio(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_nothing);
	write_some(fd, 5000);
	assert_int_equal(rump_sys_fsync(fd), -1);
	assert_int_equal(errno, RUMP_EIO);
	(void)rump_sys_close(fd);
}

static void
a_server_that_takes_too_much_is_not_believed(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_too_much);
	write_some(fd, 5000);
	assert_int_equal(rump_sys_fsync(fd), -1);
	(void)rump_sys_close(fd);
}

static void
later_is_asked_again(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], later_twice);
	write_some(fd, 5000);
	must(rump_sys_fsync(fd));
	assert_stored(5000);
	assert_int_equal(count(NFS3PROC_WRITE), 3);
	must(rump_sys_close(fd));
}

/* What was unstable is lost with the first verifier. */
static uint32_t
commit_of_another_life(struct exchange *x)
{
	if (x->nth == 0) {
		lose_all();
		atomic_fetch_add(&write_verifier, 1);
	}
	return answers[NFS3PROC_COMMIT](x);
}

static void
what_a_restarted_server_has_lost_is_written_again(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_all);
	atomic_store(&wicked[NFS3PROC_COMMIT], commit_of_another_life);
	write_some(fd, STORE - 10);
	must(rump_sys_fsync(fd));
	assert_stored(STORE - 10);
	assert_true(count(NFS3PROC_COMMIT) > 0);
	must(rump_sys_close(fd));
}

/* The second half of each run comes from another life of the server. */
static uint32_t
take_half_and_restart(struct exchange *x)
{
	uint32_t n = store(x, 20000);

	put_written(x, n, NFS3_UNSTABLE);
	if (x->nth == 2) {
		lose_all();
		atomic_fetch_add(&write_verifier, 1);
	}
	return 0;
}

static void
a_restart_between_two_parts_is_noticed(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_half_and_restart);
	write_some(fd, 300000);
	must(rump_sys_fsync(fd));
	assert_stored(300000);
	must(rump_sys_close(fd));
}

/* Nothing is taken until there is room again. */
static void
fsync_and_write_tell(answer_t *answer, int expected)
{
	int fd = open_empty("/data/e"), error = 0;

	atomic_store(&wicked[NFS3PROC_WRITE], answer);
	write_some(fd, 5000);
	assert_int_equal(rump_sys_fsync(fd), -1);
	assert_int_equal(errno, expected);
	if (rump_sys_pwrite(fd, sent, 5000, 0) < 0)
		error = errno;
	assert_int_equal(error, expected);
	/* The failure of that write may be told here as well, once. */
	(void)rump_sys_fsync(fd);
	atomic_store(&wicked[NFS3PROC_WRITE], take_all);
	write_some(fd, 6000);
	must(rump_sys_fsync(fd));
	assert_stored(6000);
	must(rump_sys_close(fd));
}

static void
a_full_server_is_reported_by_fsync_and_then_by_write(void **state)
{
	fsync_and_write_tell(full, RUMP_ENOSPC);
}

static void
a_quota_is_reported_by_fsync_and_then_by_write(void **state)
{
	fsync_and_write_tell(used_up, RUMP_EDQUOT);
}

static void
a_quota_is_reported_by_close(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], used_up);
	write_some(fd, 5000);
	assert_int_equal(rump_sys_close(fd), -1);
	assert_int_equal(errno, RUMP_EDQUOT);
}

/* Some servers count what was written only when it goes to the disk. */
static void
a_quota_that_is_met_by_commit_is_reported_once(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_all);
	atomic_store(&wicked[NFS3PROC_COMMIT], used_up);
	write_some(fd, STORE - 10);
	assert_int_equal(rump_sys_fsync(fd), -1);
	assert_int_equal(errno, RUMP_EDQUOT);
	assert_true(count(NFS3PROC_COMMIT) > 0);
	must(rump_sys_close(fd));
}

static void
a_quota_keeps_files_and_directories_from_being_made(void **state)
{
	atomic_store(&wicked[NFS3PROC_CREATE], used_up);
	atomic_store(&wicked[NFS3PROC_MKDIR], used_up);
	assert_int_equal(
	    rump_sys_open("/data/new", RUMP_O_WRONLY | RUMP_O_CREAT, 0644), -1);
	assert_int_equal(errno, RUMP_EDQUOT);
	assert_int_equal(rump_sys_mkdir("/data/new", 0755), -1);
	assert_int_equal(errno, RUMP_EDQUOT);
}

static void
a_connection_that_breaks_takes_nothing_along(void **state)
{
	for (size_t n = 1; n < 200; n += 40) {
		int fd = open_empty("/data/e");

		lose_all();
		atomic_store(&wicked[NFS3PROC_WRITE], take_all);
		write_some(fd, 300000);
		atomic_store(&hang_up, n);
		must(rump_sys_close(fd));
		assert_stored(300000);
	}
}

/* --- a server that crashes at any moment ---------------------------------- */

#define ROUNDS 80
#define WRITES 40 /* of a round, at most */

/* Under stored_lock: what it would still have after a crash. */
static uint8_t kept[FILE_SIZE];
static unsigned luck, crashes;

static void
crash(void)
{
	memcpy(stored, kept, FILE_SIZE);
	atomic_fetch_add(&write_verifier, 1);
	crashes++;
}

/* One call in some: crash; now and then nobody gets the answer. */
static bool
perhaps_crash(unsigned some)
{
	bool crashed, mute;

	pthread_mutex_lock(&stored_lock);
	crashed = (unsigned)rand_r(&luck) % some == 0;
	if (crashed)
		crash();
	mute = crashed && crashes % 32 == 0;
	pthread_mutex_unlock(&stored_lock);
	if (mute)
		atomic_store(&hang_up, 1);
	return crashed;
}

static uint32_t
take_and_perhaps_crash(struct exchange *x)
{
	struct xdr_in args = x->args;
	uint64_t off = xdr_get_u64(&args);
	uint32_t n = store(x, 700 + x->nth * 37 % 5000);
	bool stable = atomic_load(&asked_stable) != NFS3_UNSTABLE;

	if (stable) {
		pthread_mutex_lock(&stored_lock);
		memcpy(kept + off, stored + off, n);
		pthread_mutex_unlock(&stored_lock);
	}
	put_written(x, n, stable ? NFS3_FILE_SYNC : NFS3_UNSTABLE);
	(void)perhaps_crash(300);
	return 0;
}

static uint32_t
keep_and_perhaps_crash(struct exchange *x)
{
	bool lost = perhaps_crash(4);

	(void)answers[NFS3PROC_COMMIT](x);
	pthread_mutex_lock(&stored_lock);
	if (!lost)
		memcpy(kept, stored, FILE_SIZE);
	pthread_mutex_unlock(&stored_lock);
	/* The next life answers the commit of the last one's writes. */
	(void)perhaps_crash(10);
	return 0;
}

static uint32_t
read_stored(struct exchange *x)
{
	uint64_t off = xdr_get_u64(&x->args);
	uint32_t len = xdr_get_u32(&x->args);
	size_t data;

	off = off < FILE_SIZE ? off : FILE_SIZE;
	len = len < FILE_SIZE - off ? len : (uint32_t)(FILE_SIZE - off);
	put_data(x, off, len, off + len == FILE_SIZE);
	data = x->out.xo_len - XDR_ROUND(len);
	pthread_mutex_lock(&stored_lock);
	memcpy(x->out.xo_base + data, stored + off, len);
	pthread_mutex_unlock(&stored_lock);
	return 0;
}

/* Parts of the file, each with bytes of its own. */
static void
write_at_random(int fd, unsigned *seed)
{
	unsigned n = 1 + (unsigned)rand_r(seed) % WRITES;

	for (unsigned i = 0; i < n; i++) {
		size_t off = (size_t)rand_r(seed) % FILE_SIZE;
		size_t len = 1 + (size_t)rand_r(seed) % 20000;

		len = len < FILE_SIZE - off ? len : FILE_SIZE - off;
		len = rand_r(seed) % 3 == 0 ? 1 : len;
		memset(sent + off, rand_r(seed), len);
		assert_int_equal(
		    rump_sys_pwrite(fd, sent + off, len, (off_t)off), len);
	}
}

static void
what_was_synchronised_survives_every_crash(void **state)
{
	unsigned seed = 4711;
	bool equal;
	int fd;

	must(rump_sys_unmount("/data", 0));
	mount_with("&wsize=4096");
	memset(kept, 0, sizeof(kept));
	memset(sent, 0, sizeof(sent));
	luck = 815;
	crashes = 0;
	atomic_store(&wicked[NFS3PROC_WRITE], take_and_perhaps_crash);
	atomic_store(&wicked[NFS3PROC_COMMIT], keep_and_perhaps_crash);
	atomic_store(&wicked[NFS3PROC_READ], read_stored);
	fd = rump_sys_open("/data/f", RUMP_O_RDWR);
	must(fd);
	for (int i = 0; i < ROUNDS; i++) {
		write_at_random(fd, &seed);
		must(rump_sys_fsync(fd));
		pthread_mutex_lock(&stored_lock);
		equal = memcmp(kept, sent, FILE_SIZE) == 0;
		crash();
		pthread_mutex_unlock(&stored_lock);
		assert_true(equal);
	}
	must(rump_sys_close(fd));
	assert_true(crashes > ROUNDS * 5 / 4);
	assert_true(count(NFS3PROC_COMMIT) > ROUNDS);
}

static uint32_t
read_later(struct exchange *x)
{
	if (x->nth >= 1)
		return answers[NFS3PROC_READ](x);
	xdr_put_u32(&x->out, NFS3ERR_JUKEBOX);
	xdr_put_u32(&x->out, 0);
	return 0;
}

static void
a_signal_does_not_keep_data_from_being_saved(void **state)
{
	int fd = open_empty("/data/e");

	atomic_store(&wicked[NFS3PROC_WRITE], take_all);
	write_some(fd, 300000);
	rump_interrupt();
	must(rump_sys_close(fd));
	rump_interrupt_clear();
	assert_stored(300000);
	assert_true(count(NFS3PROC_COMMIT) > 0);
}

/* A fault cannot be told to come later. */
static void
a_page_of_a_mapping_is_waited_for(void **state)
{
	int fd = rump_sys_open("/data/f", RUMP_O_RDONLY);
	struct rump_map map;

	must(fd);
	atomic_store(&wicked[NFS3PROC_READ], read_later);
	assert_int_equal(rump_map_create(fd, 0, FILE_SIZE, RUMP_PROT_READ,
			     RUMP_MAP_SHARED, &map),
	    0);
	must(rump_sys_close(fd));
	assert_int_equal(rump_map_fill(map.rm_handle, 0, 4096), 0);
	rump_map_destroy(map.rm_handle);
	assert_true(count(NFS3PROC_READ) >= 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, writing_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_small_file_is_two_calls),
		CASE(short_writes_are_continued),
		CASE(a_server_that_takes_nothing_is_eio),
		CASE(a_server_that_takes_too_much_is_not_believed),
		CASE(later_is_asked_again),
		CASE(what_a_restarted_server_has_lost_is_written_again),
		CASE(a_restart_between_two_parts_is_noticed),
		CASE(a_full_server_is_reported_by_fsync_and_then_by_write),
		CASE(a_quota_is_reported_by_fsync_and_then_by_write),
		CASE(a_quota_is_reported_by_close),
		CASE(a_quota_that_is_met_by_commit_is_reported_once),
		CASE(a_quota_keeps_files_and_directories_from_being_made),
		CASE(a_connection_that_breaks_takes_nothing_along),
		CASE(what_was_synchronised_survives_every_crash),
		CASE(a_signal_does_not_keep_data_from_being_saved),
		CASE(a_page_of_a_mapping_is_waited_for),
	};

	return cmocka_run_group_tests(tests, liar_begin, liar_end);
}
