/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real connection over loopback against a server that follows a script:
 * each case is a script for the server's thread and what the client must see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/nfs/script.h"

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser_host.h"

static void
a_call_is_answered(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(call(rc, i), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
many_threads_share_one_connection(void **state)
{
	struct caller c[16];
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	run_callers(rc, c, NITEMS(c), 200);
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Waits until four calls are in flight, and answers the last one first. */
static void
script_reorder(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid[4], proc[4];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			check(read_call(fd, &xid[i], &proc[i]), "call");
		for (int i = 3; i >= 0; i--)
			send_reply(fd, xid[i], proc[i]);
	}
	serve(fd);
}

static void
replies_may_come_in_another_order(void **state)
{
	struct caller c[4];
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_reorder);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	run_callers(rc, c, NITEMS(c), 20);
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
script_one_byte_at_a_time(struct server *s)
{
	int fd = take_connection(s), on = 1;
	uint32_t xid, proc, out[16];
	size_t len;

	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
	for (int n = 0; n < 3; n++) {
		check(read_call(fd, &xid, &proc), "call");
		len = make_reply(out, xid, proc);
		for (size_t i = 0; i < len; i++)
			send_fully(fd, (uint8_t *)out + i, 1);
	}
	serve(fd);
}

static void
replies_may_trickle_in(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_one_byte_at_a_time);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(call(rc, i), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Takes a call and hangs up, twice: before and within the reply. */
static void
script_hang_up(struct server *s)
{
	uint32_t proc, out[16];
	int fd = take_connection(s);

	check(read_call(fd, &s->seen[0], &proc), "call");
	close(fd);
	fd = take_connection(s);
	check(read_call(fd, &s->seen[1], &proc), "call");
	(void)make_reply(out, s->seen[1], proc);
	send_fully(fd, out, 20);
	close(fd);
	fd = take_connection(s);
	check(read_call(fd, &s->seen[2], &proc), "call");
	send_reply(fd, s->seen[2], proc);
	serve(fd);
}

static void
a_lost_connection_is_made_again_and_the_call_repeated(void **state)
{
	uint64_t again = stat_value(RPC_STAT_RETRANSMITS);
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_hang_up);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 5), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
	assert_int_equal(s.seen[0], s.seen[1]);
	assert_int_equal(s.seen[0], s.seen[2]);
	assert_int_equal(stat_value(RPC_STAT_RETRANSMITS), again + 2);
}

/* The host refuses one send. */

static struct rumpuser_hostops plain;
static _Atomic int refusals;

static long
refusing_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	int left = atomic_load(&refusals);

	if ((nr == SYS_sendmsg || nr == SYS_sendto) && left > 0 &&
	    atomic_compare_exchange_strong(&refusals, &left, left - 1))
		return -ENOBUFS;
	return plain.ho_syscall(nr, a, b, c, d, e, f);
}

/* Takes a call that is not answered before the next connection. */
static void
script_second_chance(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid, proc;

	check(read_call(fd, &xid, &proc), "call");
	atomic_store((_Atomic uint32_t *)&s->seen[0], 1);
	while (read_call(fd, &xid, &proc))
		continue;
	close(fd);
	serve(take_connection(s));
}

static bool
is_asleep(struct rpc_conn *rc)
{
	bool asleep;

	mutex_enter(&rc->rc_lock);
	asleep = rc->rc_asleep;
	mutex_exit(&rc->rc_lock);
	return asleep;
}

static void
a_receiver_that_sleeps_hears_of_a_send_that_failed(void **state)
{
	uint64_t before = stat_value(RPC_STAT_TIMEOUTS);
	struct rumpuser_hostops refusing;
	struct caller c[1];
	struct server s;
	struct rpc_conn *rc;

	refusing = plain = rumpuser_hostops;
	refusing.ho_syscall = refusing_syscall;
	rumpuser_set_hostops(&refusing);
	server_start(&s, script_second_chance);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	start_callers(rc, c, 1, 1);
	while (
	    atomic_load((_Atomic uint32_t *)&s.seen[0]) == 0 || !is_asleep(rc))
		sched_yield();
	atomic_store(&refusals, 1);
	assert_int_equal(call(rc, 7), 0);
	assert_int_equal(atomic_load(&refusals), 0);
	join_callers(c, 1);
	assert_int_equal(c[0].error, 0);
	assert_int_equal(stat_value(RPC_STAT_TIMEOUTS), before);
	rpc_conn_destroy(rc);
	server_join(&s);
	rumpuser_set_hostops(&plain);
}

/* Ignores a call the first time. */
static void
script_deaf(struct server *s)
{
	int fd = take_connection(s);
	uint32_t proc;

	check(read_call(fd, &s->seen[0], &proc), "call");
	check(read_call(fd, &s->seen[1], &proc), "repetition");
	send_reply(fd, s->seen[1], proc);
	send_reply(fd, s->seen[1], proc); /* and once too often */
	serve(fd);
}

static void
an_unanswered_call_is_repeated(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_deaf);
	rc = open_conn(&s, RPC_HARD, 50, 2);
	assert_int_equal(call(rc, 5), 0);
	assert_int_equal(call(rc, 6), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
	assert_int_equal(s.seen[0], s.seen[1]);
}

static void
a_soft_call_ends_with_etimedout(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_mute);
	rc = open_conn(&s, RPC_SOFT, 20, 2);
	assert_int_equal(call(rc, 5), RUMP_ETIMEDOUT);
	assert_int_equal(call(rc, 5), RUMP_ETIMEDOUT);
	rpc_conn_destroy(rc);
	mute_stop(&s);
	assert_true(s.seen[0] >= 4);
}

static void
a_soft_call_to_nobody_ends_with_etimedout(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, false);
	rc = open_conn(&s, RPC_SOFT, 20, 2);
	assert_int_equal(call(rc, 5), RUMP_ETIMEDOUT);
	rpc_conn_destroy(rc);
}

static void
an_impatient_call_gets_the_error_of_the_connection(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, false);
	rc = open_conn(&s, RPC_ONCE, 10000, 2);
	assert_int_equal(call(rc, 5), RUMP_ECONNREFUSED);
	rpc_conn_destroy(rc);
	server_start(&s, script_mute);
	rc = open_conn(&s, RPC_ONCE, 20, 2);
	assert_int_equal(call(rc, 5), RUMP_ETIMEDOUT);
	rpc_conn_destroy(rc);
	mute_stop(&s);
}

/* Comes up when the client has begun to try. */
static void
script_late(struct server *s)
{
	while (stat_value(RPC_STAT_CALLS) == s->before)
		sched_yield();
	check(server_listen(s), "listen");
	serve(take_connection(s));
}

static void
a_hard_call_waits_for_its_server(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, false);
	s.before = stat_value(RPC_STAT_CALLS);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	server_run(&s, script_late);
	assert_int_equal(call(rc, 5), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Replies that nobody asked for, then the right one. */
static void
script_wrong_xids(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid, proc;

	check(read_call(fd, &xid, &proc), "call");
	for (uint32_t i = 1; i < 50; i++)
		send_reply(fd, xid + i, proc);
	send_reply(fd, 0, proc);
	send_reply(fd, xid, proc);
	serve(fd);
}

/* The minutes count from the last answer, if that came after the last program. */
static void
patience_ends_with_silence(void **state)
{
	const int64_t minute = 60 * nfspace_second();

	assert_true(nfspace_is_worth_waiting(0, 0, 1000 * minute));
	assert_true(nfspace_is_worth_waiting(0, minute, 1000 * minute));
	assert_true(nfspace_is_worth_waiting(minute, 0, 5 * minute));
	assert_false(nfspace_is_worth_waiting(minute, 0, 6 * minute));
	assert_true(nfspace_is_worth_waiting(minute, 4 * minute, 8 * minute));
	assert_false(nfspace_is_worth_waiting(minute, 4 * minute, 9 * minute));
}

/* ... but not when nobody is left for whom. */
static void
a_hard_call_for_nobody_is_given_up(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_mute);
	rc = open_conn(&s, RPC_HARD, 10, 2);
	nfspace_set(MS);
	rump_desert(true);
	atomic_store(&ended, 0);
	rpc_call_start(rc, rpc_call_create(rc, 1, NULL, 0, 64), note_end, NULL);
	/* The first has taken the time of all. */
	assert_int_equal(call(rc, 2), RUMP_EIO);
	assert_int_equal(atomic_load(&ended), 1);
	assert_int_equal(end_error, RUMP_ETIMEDOUT);
	assert_int_equal(call(rc, 3), RUMP_EIO);
	rump_desert(false);
	nfspace_set(SCRIPT_SECOND);
	rpc_conn_destroy(rc);
	mute_stop(&s);
}

static void
replies_nobody_asked_for_are_skipped(void **state)
{
	uint64_t unknown = stat_value(RPC_STAT_UNKNOWN);
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_wrong_xids);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	rc->rc_xid = 100;
	assert_int_equal(call(rc, 5), 0);
	assert_int_equal(stat_value(RPC_STAT_UNKNOWN), unknown + 50);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
xid_zero_is_a_number_like_any_other(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	rc->rc_xid = UINT32_MAX - 1;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(call(rc, i), 0);
	assert_int_equal(rc->rc_xid, 2);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* What the server says instead of a reply, and what comes of it. */

static uint32_t bad_words[64];
static size_t bad_len;

/* A client that hangs up on nonsense comes back and gets the same again. */
static void
script_bad(struct server *s)
{
	uint32_t xid, proc, out[64];
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		s->seen[0]++;
		if (read_call(fd, &xid, &proc)) {
			for (size_t i = 0; i < NITEMS(out); i++)
				out[i] = htonl(bad_words[i]);
			if (bad_len >= 8)
				out[1] = htonl(xid);
			send_fully(fd, out, bad_len);
		}
		serve(fd);
	}
}

static const struct {
	const char *name;
	size_t len;
	uint32_t words[10];
	int error;
	bool ends; /* the connection, three times before we give up */
} bad_replies[] = {
	{ "program unavailable", 28, { 0x80000018, 0, 1, 0, 0, 0, 1 },
	    RUMP_EPROGUNAVAIL },
	{ "program mismatch", 36, { 0x80000020, 0, 1, 0, 0, 0, 2, 2, 2 },
	    RUMP_EPROGMISMATCH },
	{ "procedure", 28, { 0x80000018, 0, 1, 0, 0, 0, 3 },
	    RUMP_EPROCUNAVAIL },
	{ "garbage arguments", 28, { 0x80000018, 0, 1, 0, 0, 0, 4 },
	    RUMP_EBADRPC },
	{ "system error", 28, { 0x80000018, 0, 1, 0, 0, 0, 5 }, RUMP_EIO },
	{ "auth", 24, { 0x80000014, 0, 1, 1, 1, 5 }, RUMP_EAUTH },
	{ "rpc version", 28, { 0x80000018, 0, 1, 1, 0, 3, 3 },
	    RUMP_ERPCMISMATCH },
	{ "truncated", 12, { 0x80000008, 0, 1 }, RUMP_EBADRPC },
	{ "xid alone", 8, { 0x80000004, 0 }, RUMP_EBADRPC },
	{ "not a reply", 28, { 0x80000018, 0, 0, 0, 0, 0, 0 }, RUMP_EBADRPC },
	{ "verifier length", 28, { 0x80000018, 0, 1, 0, 0, 0xffffffff, 0 },
	    RUMP_EBADRPC },
	{ "record too long", 28, { 0xffffffff, 0, 1, 0, 0, 0, 0 }, RUMP_EBADRPC,
	    true },
	{ "fragments too long", 28, { 0x00001001, 0, 1, 0, 0, 0, 0 },
	    RUMP_EBADRPC, true },
	{ "longer than its buffer", 256, { 0x800000fc }, RUMP_EBADRPC },
};

static void
nonsense_fails_the_call_and_nothing_else(void **state)
{
	struct server s;
	struct rpc_conn *rc;
	int error;

	for (size_t i = 0; i < NITEMS(bad_replies); i++) {
		struct rpc_call *ca;
		struct xdr_in xi;

		memset(bad_words, 0, sizeof(bad_words));
		memcpy(bad_words, bad_replies[i].words,
		    sizeof(bad_replies[i].words));
		bad_len = bad_replies[i].len;
		server_start(&s, script_bad);
		rc = open_conn(&s, RPC_HARD, 10000, 2);
		ca = rpc_call_create(rc, 1, NULL, 0, 200);
		error = rpc_call_run(rc, ca, &xi);
		if (error != bad_replies[i].error)
			fail_msg("%s: %d", bad_replies[i].name, error);
		rpc_call_unref(ca);
		rpc_conn_destroy(rc);
		mute_stop(&s);
		assert_int_equal(s.seen[0], bad_replies[i].ends ? 3 : 1);
	}
}

/* Breaks off within the reply for ever. */
static void
script_torn(struct server *s)
{
	uint32_t xid, proc, out[16];
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		if (read_call(fd, &xid, &proc)) {
			(void)make_reply(out, xid, proc);
			send_fully(fd, out, 20);
			s->seen[0]++;
		}
		close(fd);
	}
}

/* Breaks off four times, then answers. */
static void
script_torn_for_a_while(struct server *s)
{
	uint32_t xid, proc, out[16];
	int fd;

	for (int i = 0; i < 4; i++) {
		fd = take_connection(s);
		check(read_call(fd, &xid, &proc), "call");
		(void)make_reply(out, xid, proc);
		send_fully(fd, out, 20);
		close(fd);
	}
	serve(take_connection(s));
}

static void
a_hard_call_outlives_torn_replies(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_torn_for_a_while);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	assert_int_equal(call(rc, 1), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
a_server_that_never_finishes_a_reply_is_given_up_by_soft_calls(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_torn);
	rc = open_conn(&s, RPC_SOFT, 10000, 2);
	assert_int_equal(call(rc, 1), RUMP_EIO);
	rpc_conn_destroy(rc);
	mute_stop(&s);
	assert_int_equal(s.seen[0], 3);
}

static void
a_signal_ends_the_wait_and_not_the_connection(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 1), 0);
	for (uint32_t i = 0; i < 20; i++) {
		rump_interrupt();
		assert_int_equal(call(rc, i), -3 /* ERESTART */);
		rump_interrupt_clear();
	}
	assert_int_equal(call(rc, 7), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
a_signal_ends_the_wait_for_a_server_that_is_gone(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, false);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	rump_interrupt();
	assert_int_equal(call(rc, 1), -3);
	rump_interrupt_clear();
	rpc_conn_destroy(rc);
}

/* Calls that nobody waits for. */

static void
whoever_waits_ends_the_calls_of_others(void **state)
{
	struct server s;
	struct rpc_conn *rc;
	_Atomic int *flag = &ended;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	atomic_store(&ended, 0);
	rpc_call_start(rc, rpc_call_create(rc, 1, NULL, 0, 64), note_end, NULL);
	rpc_call_start(rc, rpc_call_create(rc, 2, NULL, 0, 64), note_end, NULL);
	assert_int_equal(call(rc, 3), 0);
	assert_int_equal(atomic_load(&ended), 2);
	assert_int_equal(end_error, 0);
	atomic_store(&ended, 0);
	rpc_call_start(rc, rpc_call_create(rc, 4, NULL, 0, 64), note_end, NULL);
	assert_int_equal(rpc_wait(rc, flag), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
a_cancelled_call_ends_at_once_and_its_reply_is_skipped(void **state)
{
	struct server s;
	struct rpc_conn *rc;
	struct rpc_call *ca;

	server_start(&s, script_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 1), 0);
	atomic_store(&ended, 0);
	ca = rpc_call_create(rc, 1, NULL, 0, 64);
	rpc_call_ref(ca);
	rpc_call_start(rc, ca, note_end, NULL);
	assert_true(rpc_call_cancel(rc, ca));
	assert_int_equal(atomic_load(&ended), 1);
	assert_int_equal(end_error, RUMP_ECANCELED);
	assert_false(rpc_call_cancel(rc, ca));
	rpc_call_unref(ca);
	assert_int_equal(call(rc, 2), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

static void
destroying_ends_what_is_outstanding(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_mute);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	atomic_store(&ended, 0);
	for (int i = 0; i < 5; i++)
		rpc_call_start(
		    rc, rpc_call_create(rc, 1, NULL, 0, 64), note_end, NULL);
	rpc_conn_destroy(rc);
	assert_int_equal(atomic_load(&ended), 5);
	assert_int_equal(end_error, RUMP_EIO);
	mute_stop(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_CASE(a_call_is_answered),
		SCRIPT_CASE(many_threads_share_one_connection),
		SCRIPT_CASE(replies_may_come_in_another_order),
		SCRIPT_CASE(replies_may_trickle_in),
		SCRIPT_CASE(
		    a_lost_connection_is_made_again_and_the_call_repeated),
		SCRIPT_CASE(a_receiver_that_sleeps_hears_of_a_send_that_failed),
		SCRIPT_CASE(an_unanswered_call_is_repeated),
		SCRIPT_CASE(a_soft_call_ends_with_etimedout),
		SCRIPT_CASE(a_soft_call_to_nobody_ends_with_etimedout),
		SCRIPT_CASE(an_impatient_call_gets_the_error_of_the_connection),
		SCRIPT_CASE(a_hard_call_waits_for_its_server),
		SCRIPT_CASE(patience_ends_with_silence),
		SCRIPT_CASE(a_hard_call_for_nobody_is_given_up),
		SCRIPT_CASE(replies_nobody_asked_for_are_skipped),
		SCRIPT_CASE(xid_zero_is_a_number_like_any_other),
		SCRIPT_CASE(nonsense_fails_the_call_and_nothing_else),
		SCRIPT_CASE(
		    a_server_that_never_finishes_a_reply_is_given_up_by_soft_calls),
		SCRIPT_CASE(a_hard_call_outlives_torn_replies),
		SCRIPT_CASE(a_signal_ends_the_wait_and_not_the_connection),
		SCRIPT_CASE(a_signal_ends_the_wait_for_a_server_that_is_gone),
		SCRIPT_CASE(whoever_waits_ends_the_calls_of_others),
		SCRIPT_CASE(
		    a_cancelled_call_ends_at_once_and_its_reply_is_skipped),
		SCRIPT_CASE(destroying_ends_what_is_outstanding),
	};

	return cmocka_run_group_tests(tests, script_boot, NULL);
}
