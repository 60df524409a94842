/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls over datagrams, and over IPv6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/nfs/script.h"

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static void
udp_start(struct server *s, void (*script)(struct server *))
{
	check(server_start_as(s, script, AF_INET, true), "start");
}

static void
a_call_is_answered(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_udp_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(call(rc, i), 0);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
many_threads_share_one_socket(void **state)
{
	struct caller c[32];
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_udp_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	run_callers(rc, c, NITEMS(c), 100);
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, 0);
	assert_int_equal(rc->rc_timer.tm_inflight, 0);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
the_other_family_works_as_well(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	if (!server_start_as(&s, script_udp_echo, AF_INET6, true))
		skip();
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 1), 0);
	rpc_conn_destroy(rc);
	udp_stop(&s);
	check(server_start_as(&s, script_echo, AF_INET6, false), "start");
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 1), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Loses the first two sendings of every call. */
static void
script_lossy(struct server *s)
{
	struct datagram d;
	uint32_t last = 0;

	while (take_datagram(s, &d)) {
		s->seen[0] = d.xid == last ? s->seen[0] + 1 : 1;
		last = d.xid;
		if (s->seen[0] == 3)
			echo_datagram(s, &d);
	}
}

static void
a_lost_call_is_repeated_under_its_number(void **state)
{
	uint64_t again = stat_value(RPC_STAT_RETRANSMITS);
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_lossy);
	rc = open_conn(&s, RPC_HARD, 10, 2);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(call(rc, i), 0);
	assert_true(stat_value(RPC_STAT_RETRANSMITS) >= again + 10);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

/* The server has some time even when nobody is left who waits. */
static void
a_call_for_nobody_is_repeated_for_a_while(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_lossy);
	rc = open_conn(&s, RPC_HARD, 10, 1);
	rump_desert(true);
	assert_int_equal(call(rc, 1), 0);
	rump_desert(false);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

/* Whatever else may come from the server's address, and then the reply. */
static void
script_noisy(struct server *s)
{
	uint32_t noise[16] = { 0 };
	struct datagram d;

	while (take_datagram(s, &d)) {
		answer_datagram(s, &d, noise, 1);
		answer_datagram(s, &d, noise, 3);
		noise[0] = htonl(d.xid + 1);
		answer_datagram(s, &d, noise, sizeof(noise));
		/* The right number, and then it breaks off. */
		noise[0] = htonl(d.xid);
		noise[1] = htonl(1);
		answer_datagram(s, &d, noise, 4);
		answer_datagram(s, &d, noise, 12);
		/* Longer than any reply to it. */
		answer_datagram(s, &d, noise, sizeof(noise));
		echo_datagram(s, &d);
		echo_datagram(s, &d);
	}
}

static void
noise_and_repetitions_are_ignored(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_noisy);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	for (uint32_t i = 0; i < 20; i++) {
		struct rpc_call *ca = rpc_call_create(rc, i, NULL, 16, 28);
		struct xdr_in xi;

		assert_int_equal(rpc_call_run(rc, ca, &xi), 0);
		assert_int_equal(xdr_get_u32(&xi), 3 * i);
		assert_false(rpc_call_retransmitted(ca));
		rpc_call_unref(ca);
	}
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
script_nonsense(struct server *s)
{
	uint32_t noise[3] = { 0, htonl(1), htonl(7) };
	struct datagram d;

	while (take_datagram(s, &d)) {
		noise[0] = htonl(d.xid);
		answer_datagram(s, &d, noise, sizeof(noise));
	}
}

static void
nothing_but_nonsense_is_an_error_after_a_while(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_nonsense);
	rc = open_conn(&s, RPC_HARD, 10, 2);
	assert_int_equal(call(rc, 1), RUMP_EBADRPC);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
script_udp_mute(struct server *s)
{
	struct datagram d;

	while (take_datagram(s, &d))
		s->seen[0]++;
}

static void
a_soft_call_to_a_mute_server_ends_with_etimedout(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_udp_mute);
	rc = open_conn(&s, RPC_SOFT, 10, 2);
	assert_int_equal(call(rc, 1), RUMP_ETIMEDOUT);
	rpc_conn_destroy(rc);
	udp_stop(&s);
	assert_int_equal(s.seen[0], 3);
}

static void
what_the_network_says_is_the_error_of_soft_calls(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, true);
	rc = open_conn(&s, RPC_ONCE, 60000, 2);
	assert_int_equal(call(rc, 1), RUMP_ECONNREFUSED);
	rpc_conn_destroy(rc);
	rc = open_conn(&s, RPC_SOFT, 60000, 2);
	assert_int_equal(call(rc, 1), RUMP_ECONNREFUSED);
	rpc_conn_destroy(rc);
}

/* Comes up when the client has begun to try. */
static void
script_udp_late(struct server *s)
{
	while (stat_value(RPC_STAT_RETRANSMITS) == s->before)
		sched_yield();
	check(server_listen(s), "listen");
	script_udp_echo(s);
}

static void
a_hard_call_waits_for_its_server(void **state)
{
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, true);
	s.before = stat_value(RPC_STAT_RETRANSMITS);
	rc = open_conn(&s, RPC_HARD, 10, 2);
	server_run(&s, script_udp_late);
	assert_int_equal(call(rc, 5), 0);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
what_no_datagram_can_hold_is_an_error(void **state)
{
	static uint8_t much[70000];
	struct rump_iovec iov = { much, sizeof(much) };
	struct rpc_call *ca;
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_udp_echo);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 1), 0);
	ca = rpc_call_create(rc, 7, NULL, 4, 64);
	xdr_put_u32(&ca->ca_msg, sizeof(much));
	rpc_call_attach(ca, &iov, 1);
	rpc_call_start(rc, ca, note_end, NULL);
	assert_int_equal(rpc_wait(rc, &ended), 0);
	assert_int_equal(end_error, RUMP_EMSGSIZE);
	assert_int_equal(call(rc, 2), 0);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

static void
killing_ends_the_wait(void **state)
{
	uint64_t before = stat_value(RPC_STAT_CALLS);
	struct caller c[4];
	struct server s;
	struct rpc_conn *rc;

	udp_start(&s, script_udp_mute);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	start_callers(rc, c, NITEMS(c), 1);
	while (stat_value(RPC_STAT_CALLS) < before + NITEMS(c))
		sched_yield();
	rpc_conn_kill(rc);
	join_callers(c, NITEMS(c));
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, RUMP_EIO);
	rpc_conn_destroy(rc);
	udp_stop(&s);
}

/* The timer alone. */

static void
time_outs_follow_the_server_and_double(void **state)
{
	struct rpctimer tm;
	int64_t first;

	rpctimer_init(&tm, true, 1100 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 0), 1100 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 1), 2200 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 1000), 60000 * MS);
	for (int i = 0; i < 50; i++)
		rpctimer_answered(&tm, 1, MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 0), 100 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 2, 0), 1100 * MS);
	for (int i = 0; i < 50; i++)
		rpctimer_answered(&tm, 1, 300 * MS);
	first = rpctimer_timeout(&tm, 1, 0);
	assert_true(first >= 300 * MS && first < 1100 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 2), 4 * first);
	rpctimer_answered(&tm, 1, -5);
	assert_true(rpctimer_timeout(&tm, 1, 0) > 0);
}

static void
time_outs_of_streams_grow_by_what_the_mount_says(void **state)
{
	struct rpctimer tm;

	rpctimer_init(&tm, false, 60000 * MS);
	rpctimer_answered(&tm, 1, MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 0), 60000 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, 2), 180000 * MS);
	assert_int_equal(rpctimer_timeout(&tm, 1, UINT32_MAX), 600000 * MS);
	tm.tm_inflight = 1000;
	assert_true(rpctimer_open(&tm));
}

static void
the_window_grows_slowly_and_shrinks_at_once(void **state)
{
	struct rpctimer tm;
	unsigned before;

	rpctimer_init(&tm, true, 1100 * MS);
	tm.tm_inflight = 3;
	assert_true(rpctimer_open(&tm));
	tm.tm_inflight = 4;
	assert_false(rpctimer_open(&tm));
	for (int i = 0; i < 5; i++)
		rpctimer_answered(&tm, 1, MS);
	assert_true(rpctimer_open(&tm));
	for (int i = 0; i < 10000; i++)
		rpctimer_answered(&tm, 1, MS);
	before = tm.tm_window;
	rpctimer_lost(&tm);
	assert_int_equal(tm.tm_window, before / 2);
	for (int i = 0; i < 10; i++)
		rpctimer_lost(&tm);
	tm.tm_inflight = 1;
	assert_true(rpctimer_open(&tm));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_CASE(a_call_is_answered),
		SCRIPT_CASE(many_threads_share_one_socket),
		SCRIPT_CASE(the_other_family_works_as_well),
		SCRIPT_CASE(a_lost_call_is_repeated_under_its_number),
		SCRIPT_CASE(a_call_for_nobody_is_repeated_for_a_while),
		SCRIPT_CASE(noise_and_repetitions_are_ignored),
		SCRIPT_CASE(nothing_but_nonsense_is_an_error_after_a_while),
		SCRIPT_CASE(a_soft_call_to_a_mute_server_ends_with_etimedout),
		SCRIPT_CASE(what_the_network_says_is_the_error_of_soft_calls),
		SCRIPT_CASE(a_hard_call_waits_for_its_server),
		SCRIPT_CASE(what_no_datagram_can_hold_is_an_error),
		SCRIPT_CASE(killing_ends_the_wait),
		cmocka_unit_test(time_outs_follow_the_server_and_double),
		cmocka_unit_test(
		    time_outs_of_streams_grow_by_what_the_mount_says),
		cmocka_unit_test(the_window_grows_slowly_and_shrinks_at_once),
	};

	return cmocka_run_group_tests(tests, script_boot, NULL);
}
