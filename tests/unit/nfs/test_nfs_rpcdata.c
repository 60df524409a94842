/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that carry data from their owner's memory, on connections whose server
 * reads as it pleases; and connections that are killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/nfs/script.h"

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define HEAD 44 /* a call without credential, and the length of its data */
#define SIZE (4 << 20)
#define LARGE (12 * SIZE) /* more than the host keeps of a stream */

static uint8_t data[SIZE], mine[SIZE], arrived[SIZE];

/* A call that sends len bytes of data in pieces of piece bytes. */
struct sending {
	struct rump_iovec iov[RPC_DATA_MAX];
	_Atomic int over;
	int error;
	bool again;
};

static void
sent(struct rpc_call *ca)
{
	struct sending *sd = ca->ca_arg;

	sd->error = ca->ca_error;
	sd->again = rpc_call_retransmitted(ca);
	rpc_call_unref(ca);
	atomic_store(&sd->over, 1);
}

static void
start_sending_from(struct rpc_conn *rc, struct sending *sd, uint8_t *from,
    uint32_t len, uint32_t piece)
{
	struct rpc_call *ca = rpc_call_create(rc, 7, NULL, 4, 256);
	int n = 0;

	memset(sd, 0, sizeof(*sd));
	for (uint32_t off = 0; off < len; off += piece, n++)
		sd->iov[n] = (struct rump_iovec){ from + off % SIZE,
			len - off < piece ? len - off : piece };
	xdr_put_u32(&ca->ca_msg, len);
	rpc_call_attach(ca, sd->iov, n);
	rpc_call_start(rc, ca, sent, sd);
}

static void
start_sending(
    struct rpc_conn *rc, struct sending *sd, uint32_t len, uint32_t piece)
{
	start_sending_from(rc, sd, data, len, piece);
}

/* The data of a call, which repeat after SIZE bytes, and their padding. */
static bool
take_bytes(int fd, size_t len)
{
	size_t padding = (4 - len % 4) % 4, n;

	for (; len > 0; len -= n) {
		n = len < SIZE ? len : SIZE;
		if (!read_fully(fd, arrived, n))
			return false;
		check(memcmp(arrived, data, n) == 0, "data");
	}
	if (padding != 0 && !read_fully(fd, arrived, padding))
		return false;
	for (size_t i = 0; i < padding; i++)
		check(arrived[i] == 0, "padding");
	return true;
}

/* Take a call with data; its length, or 0 when the client has gone. */
static size_t
take_data(int fd, uint32_t *xid)
{
	uint32_t words[1 + HEAD / 4], mark, len;

	if (!read_fully(fd, words, sizeof(words)))
		return 0;
	mark = ntohl(words[0]) & 0x7fffffff;
	*xid = ntohl(words[1]);
	len = ntohl(words[HEAD / 4]);
	check(mark == HEAD + ((len + 3) & ~3u), "length");
	return take_bytes(fd, len) ? len : 0;
}

static void
script_data(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid;

	while (take_data(fd, &xid) != 0)
		send_reply(fd, xid, 7);
	close(fd);
}

static void
data_go_out_whole_whatever_their_pieces(void **state)
{
	static const uint32_t sizes[][2] = { { 1, 1 }, { 2, 1 }, { 3, 3 },
		{ 4, 1 }, { 64, 1 }, { 63, 1 }, { 4096, 4096 }, { 65537, 4096 },
		{ 1 << 20, 1 << 16 }, { SIZE, 1 << 16 }, { SIZE - 3, SIZE } };
	struct sending sd;
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_data);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	for (size_t i = 0; i < NITEMS(sizes); i++) {
		start_sending(rc, &sd, sizes[i][0], sizes[i][1]);
		assert_int_equal(rpc_wait(rc, &sd.over), 0);
		assert_int_equal(sd.error, 0);
		assert_false(sd.again);
	}
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Fills the way to the client before it reads anything. */
static void
script_talk_first(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid;

	for (uint32_t i = 0; i < (8 << 20) / 32; i++)
		send_reply(fd, 0x70000000 + i, 1);
	while (take_data(fd, &xid) != 0)
		send_reply(fd, xid, 7);
	close(fd);
}

static void
a_server_that_talks_before_it_reads_is_heard_while_we_send(void **state)
{
	struct sending sd[4];
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_talk_first);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	rc->rc_xid = 1;
	for (size_t i = 0; i < NITEMS(sd); i++)
		start_sending(rc, &sd[i], SIZE, 1 << 16);
	for (size_t i = 0; i < NITEMS(sd); i++) {
		assert_int_equal(rpc_wait(rc, &sd[i].over), 0);
		assert_int_equal(sd[i].error, 0);
	}
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Wants all of a large call before it answers the small one that came first. */
static void
script_large_first(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid, proc, large;

	check(read_call(fd, &xid, &proc), "call");
	atomic_store((_Atomic uint32_t *)&s->seen[0], 1);
	check(take_data(fd, &large) == LARGE, "data");
	send_reply(fd, large, 7);
	send_reply(fd, xid, proc);
	serve(fd);
}

struct sender {
	struct rpc_conn *rc;
	struct sending sd;
	int error;
};

static void *
run_sender(void *arg)
{
	struct sender *sn = arg;

	rump_schedule();
	start_sending(sn->rc, &sn->sd, LARGE, SIZE);
	sn->error = rpc_wait(sn->rc, &sn->sd.over);
	rump_unschedule();
	return NULL;
}

static void
a_receiver_that_sleeps_does_not_keep_others_from_sending(void **state)
{
	struct sender sn = { 0 };
	struct caller c[1];
	struct server s;
	struct rpc_conn *rc;
	pthread_t thread;

	server_start(&s, script_large_first);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	start_callers(rc, c, 1, 1);
	while (atomic_load((_Atomic uint32_t *)&s.seen[0]) == 0)
		sched_yield();
	sn.rc = rc;
	check(pthread_create(&thread, NULL, run_sender, &sn) == 0, "thread");
	check(pthread_join(thread, NULL) == 0, "join");
	join_callers(c, 1);
	assert_int_equal(sn.error, 0);
	assert_int_equal(c[0].error, 0);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Reads nothing for a while, then everything. */
static void
script_slow_reader(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid, proc;

	check(read_call(fd, &xid, &proc), "first call");
	send_reply(fd, xid, proc);
	while (atomic_load((_Atomic uint32_t *)&s->seen[0]) == 0)
		sched_yield();
	check(take_data(fd, &xid) == LARGE, "data");
	send_reply(fd, xid, 7);
	check(read_call(fd, &xid, &proc), "call");
	send_reply(fd, xid, proc);
	serve(fd);
}

static void
set_sending(struct rpc_conn *rc, bool sending)
{
	mutex_enter(&rc->rc_lock);
	rc->rc_sending = sending;
	cv_broadcast(&rc->rc_sendcv);
	mutex_exit(&rc->rc_lock);
}

static bool
sleeps(struct rpc_conn *rc)
{
	bool asleep;

	mutex_enter(&rc->rc_lock);
	asleep = rc->rc_asleep;
	mutex_exit(&rc->rc_lock);
	return asleep;
}

/* A thread that sends and finds no room leaves, for it does not wait for what it
 * sends. */
static void
what_a_sender_leaves_is_sent_by_a_receiver_that_slept_meanwhile(void **state)
{
	uint64_t before = stat_value(RPC_STAT_TIMEOUTS);
	struct sending sd;
	struct caller c[1];
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_slow_reader);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	assert_int_equal(call(rc, 3), 0);
	start_sending(rc, &sd, LARGE, SIZE);
	set_sending(rc, true);
	start_callers(rc, c, 1, 1);
	while (!sleeps(rc))
		sched_yield();
	set_sending(rc, false);
	atomic_store((_Atomic uint32_t *)&s.seen[0], 1);
	join_callers(c, 1);
	assert_int_equal(c[0].error, 0);
	assert_int_equal(rpc_wait(rc, &sd.over), 0);
	assert_int_equal(sd.error, 0);
	assert_int_equal(stat_value(RPC_STAT_TIMEOUTS), before);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Answers when it has seen the head of the call, and then reads the rest. */
static void
script_hasty(struct server *s)
{
	int fd = take_connection(s);
	uint32_t head[1 + HEAD / 4];
	size_t left;

	check(read_fully(fd, head, sizeof(head)), "head");
	send_reply(fd, ntohl(head[1]), 7);
	s->seen[0] = 1;
	left = (ntohl(head[0]) & 0x7fffffff) - HEAD;
	check(take_bytes(fd, left), "the rest");
	serve(fd);
}

static void
data_are_not_touched_after_the_end_of_their_call(void **state)
{
	struct sending sd;
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_hasty);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	memcpy(mine, data, sizeof(mine));
	start_sending_from(rc, &sd, mine, LARGE, SIZE);
	assert_int_equal(rpc_wait(rc, &sd.over), 0);
	assert_int_equal(sd.error, 0);
	/* The memory is the owner's again; the server has the old bytes. */
	memset(mine, 0xee, sizeof(mine));
	assert_int_equal(call(rc, 3), 0);
	rpc_conn_destroy(rc);
	server_join(&s);
	assert_int_equal(s.seen[0], 1);
}

/* Answers the head of a call, and reads nothing else any more. */
static void
script_sated(struct server *s)
{
	int fd = take_connection(s);
	uint32_t head[1 + HEAD / 4];
	uint8_t byte;

	check(read_fully(fd, head, sizeof(head)), "head");
	send_reply(fd, ntohl(head[1]), 7);
	/* Until the client has had enough. */
	while (recv(fd, &byte, 1, MSG_PEEK) > 0 &&
	       atomic_load((_Atomic uint32_t *)&s->seen[0]) == 0)
		sched_yield();
	close(fd);
}

static void
an_answer_to_half_a_call_counts_when_the_other_half_cannot_be_sent(void **state)
{
	struct sending sd;
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_sated);
	rc = open_conn(&s, RPC_HARD, 20, 2);
	start_sending(rc, &sd, LARGE, SIZE);
	assert_int_equal(rpc_wait(rc, &sd.over), 0);
	assert_int_equal(sd.error, 0);
	atomic_store((_Atomic uint32_t *)&s.seen[0], 1);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Reads nothing. */
static void
script_stuffed(struct server *s)
{
	int fd = take_connection(s);

	while (atomic_load((_Atomic uint32_t *)&s->seen[0]) == 0)
		sched_yield();
	close(fd);
}

static void
a_soft_call_whose_data_do_not_get_out_ends_with_etimedout(void **state)
{
	struct sending sd[3];
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_stuffed);
	rc = open_conn(&s, RPC_SOFT, 20, 2);
	for (size_t i = 0; i < NITEMS(sd); i++)
		start_sending(rc, &sd[i], LARGE, SIZE);
	for (size_t i = 0; i < NITEMS(sd); i++) {
		assert_int_equal(rpc_wait(rc, &sd[i].over), 0);
		assert_int_equal(sd[i].error, RUMP_ETIMEDOUT);
	}
	assert_null(rc->rc_partial);
	atomic_store((_Atomic uint32_t *)&s.seen[0], 1);
	rpc_conn_destroy(rc);
	server_join(&s);
}

/* Takes a call with data, and hangs up; then answers it. */
static void
script_forgetful(struct server *s)
{
	int fd = take_connection(s);
	uint32_t xid;

	check(take_data(fd, &s->seen[0]) != 0, "data");
	close(fd);
	fd = take_connection(s);
	check(take_data(fd, &s->seen[1]) != 0, "data again");
	send_reply(fd, s->seen[1], 7);
	check(take_data(fd, &xid) != 0, "one more");
	send_reply(fd, xid, 7);
	serve(fd);
}

static void
a_call_that_was_sent_twice_says_so(void **state)
{
	struct sending sd;
	struct server s;
	struct rpc_conn *rc;

	server_start(&s, script_forgetful);
	rc = open_conn(&s, RPC_HARD, 10000, 2);
	start_sending(rc, &sd, 100000, 4096);
	assert_int_equal(rpc_wait(rc, &sd.over), 0);
	assert_int_equal(sd.error, 0);
	assert_true(sd.again);
	start_sending(rc, &sd, 100000, 4096);
	assert_int_equal(rpc_wait(rc, &sd.over), 0);
	assert_false(sd.again);
	rpc_conn_destroy(rc);
	server_join(&s);
	assert_int_equal(s.seen[0], s.seen[1]);
}

/* Killing. */

static void
killing_ends_the_wait_for_a_mute_server(void **state)
{
	struct caller c[8];
	struct server s;
	struct rpc_conn *rc;
	uint64_t before = stat_value(RPC_STAT_CALLS);

	server_start(&s, script_mute);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	start_callers(rc, c, NITEMS(c), 1);
	while (stat_value(RPC_STAT_CALLS) < before + NITEMS(c))
		sched_yield();
	rpc_conn_kill(rc);
	join_callers(c, NITEMS(c));
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, RUMP_EIO);
	assert_int_equal(call(rc, 1), RUMP_EIO);
	rpc_conn_destroy(rc);
	mute_stop(&s);
}

static void
killing_ends_the_wait_for_a_server_that_is_gone(void **state)
{
	struct caller c[4];
	struct server s;
	struct rpc_conn *rc;
	uint64_t before = stat_value(RPC_STAT_CALLS);

	server_absent(&s, AF_INET, false);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	start_callers(rc, c, NITEMS(c), 1);
	while (stat_value(RPC_STAT_CALLS) < before + NITEMS(c))
		sched_yield();
	rpc_conn_kill(rc);
	join_callers(c, NITEMS(c));
	for (size_t i = 0; i < NITEMS(c); i++)
		assert_int_equal(c[i].error, RUMP_EIO);
	rpc_conn_destroy(rc);
}

static void
killing_ends_what_nobody_waits_for(void **state)
{
	struct sending sd;
	struct server s;
	struct rpc_conn *rc;

	server_absent(&s, AF_INET, false);
	rc = open_conn(&s, RPC_HARD, 60000, 2);
	start_sending(rc, &sd, SIZE, 1 << 16);
	rpc_conn_kill(rc);
	assert_int_equal(atomic_load(&sd.over), 1);
	assert_int_equal(sd.error, RUMP_EIO);
	start_sending(rc, &sd, 1, 1);
	assert_int_equal(atomic_load(&sd.over), 1);
	rpc_conn_destroy(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_CASE(data_go_out_whole_whatever_their_pieces),
		SCRIPT_CASE(
		    a_server_that_talks_before_it_reads_is_heard_while_we_send),
		SCRIPT_CASE(
		    a_receiver_that_sleeps_does_not_keep_others_from_sending),
		SCRIPT_CASE(
		    what_a_sender_leaves_is_sent_by_a_receiver_that_slept_meanwhile),
		SCRIPT_CASE(data_are_not_touched_after_the_end_of_their_call),
		SCRIPT_CASE(
		    an_answer_to_half_a_call_counts_when_the_other_half_cannot_be_sent),
		SCRIPT_CASE(
		    a_soft_call_whose_data_do_not_get_out_ends_with_etimedout),
		SCRIPT_CASE(a_call_that_was_sent_twice_says_so),
		SCRIPT_CASE(killing_ends_the_wait_for_a_mute_server),
		SCRIPT_CASE(killing_ends_the_wait_for_a_server_that_is_gone),
		SCRIPT_CASE(killing_ends_what_nobody_waits_for),
	};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	return cmocka_run_group_tests(tests, script_boot, NULL);
}
