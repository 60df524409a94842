/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A script waits for the client alone, so that no case depends on time.
 */
#include "tests/unit/nfs/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/kmem.h"
#include "kern/stats.h"
#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "server: %s\n", what);
		abort();
	}
}

static void *
run_script(void *arg)
{
	struct server *s = arg;

	s->script(s);
	return NULL;
}

/* The loopback address of the server's family with its port. */
static socklen_t
own_address(const struct server *s, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(s->port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (s->family == AF_INET6) {
		memcpy(ss, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	memcpy(ss, &sin, sizeof(sin));
	return sizeof(sin);
}

bool
server_listen(struct server *s)
{
	struct sockaddr_storage ss;
	socklen_t len = own_address(s, &ss);
	int on = 1, type = s->udp ? SOCK_DGRAM : SOCK_STREAM;

	s->listener = socket(s->family, type | SOCK_CLOEXEC, 0);
	if (s->listener < 0)
		return false;
	check(setsockopt(
		  s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0,
	    "setsockopt");
	if (bind(s->listener, (struct sockaddr *)&ss, len) != 0) {
		close(s->listener);
		s->listener = -1;
		return false;
	}
	check(s->udp || listen(s->listener, 16) == 0, "listen");
	check(getsockname(s->listener, (struct sockaddr *)&ss, &len) == 0,
	    "name");
	/* A client may know it already. */
	if (s->port == 0)
		s->port = ntohs(s->family == AF_INET6
				    ? ((struct sockaddr_in6 *)&ss)->sin6_port
				    : ((struct sockaddr_in *)&ss)->sin_port);
	return true;
}

void
server_run(struct server *s, void (*script)(struct server *))
{
	s->script = script;
	check(pthread_create(&s->thread, NULL, run_script, s) == 0, "thread");
}

bool
server_start_as(
    struct server *s, void (*script)(struct server *), int family, bool udp)
{
	*s = (struct server){ .family = family, .udp = udp };
	if (!server_listen(s))
		return false;
	server_run(s, script);
	return true;
}

void
server_start(struct server *s, void (*script)(struct server *))
{
	check(server_start_as(s, script, AF_INET, false), "start");
}

void
server_absent(struct server *s, int family, bool udp)
{
	*s = (struct server){ .family = family, .udp = udp };
	check(server_listen(s), "listen");
	close(s->listener);
	s->listener = -1;
}

void
server_join(struct server *s)
{
	check(pthread_join(s->thread, NULL) == 0, "join");
	if (s->listener >= 0)
		close(s->listener);
}

/* Streams. */

int
take_connection(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL);

	check(fd >= 0, "accept");
	return fd;
}

bool
read_fully(int fd, void *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

/* The next call's xid and procedure; false when the client has gone. */
bool
read_call(int fd, uint32_t *xid, uint32_t *proc)
{
	uint32_t mark, body[256];

	if (!read_fully(fd, &mark, sizeof(mark)))
		return false;
	mark = ntohl(mark) & 0x7fffffff;
	check(mark >= 40 && mark <= sizeof(body), "length of a call");
	if (!read_fully(fd, body, mark))
		return false;
	check(body[1] == 0 && ntohl(body[2]) == 2, "a call");
	check(ntohl(body[3]) == PROG, "program");
	*xid = ntohl(body[0]);
	*proc = ntohl(body[5]);
	return true;
}

void
send_fully(int fd, const void *buf, size_t len)
{
	check(send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
}

/* A successful reply with one word: three times the procedure. */
size_t
make_reply(uint32_t *out, uint32_t xid, uint32_t proc)
{
	const uint32_t words[] = { 0x80000000 | 28, xid, 1, 0, 0, 0, 0,
		3 * proc };

	for (size_t i = 0; i < NITEMS(words); i++)
		out[i] = htonl(words[i]);
	return sizeof(words);
}

void
send_reply(int fd, uint32_t xid, uint32_t proc)
{
	uint32_t out[16];

	send_fully(fd, out, make_reply(out, xid, proc));
}

/* Answer everything until the client goes. */
void
serve(int fd)
{
	uint32_t xid, proc;

	while (read_call(fd, &xid, &proc))
		send_reply(fd, xid, proc);
	close(fd);
}

void
script_echo(struct server *s)
{
	serve(take_connection(s));
}

/* Never answers, over as many connections as the client cares to make. */
void
script_mute(struct server *s)
{
	uint32_t xid, proc;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		while (read_call(fd, &xid, &proc))
			s->seen[0]++;
		close(fd);
	}
}

void
mute_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	server_join(s);
}

/* Datagrams. */

bool
take_datagram(struct server *s, struct datagram *d)
{
	uint32_t body[256];
	ssize_t n;

	d->fromlen = sizeof(d->from);
	n = recvfrom(s->listener, body, sizeof(body), 0,
	    (struct sockaddr *)&d->from, &d->fromlen);
	if (n <= 0)
		return false;
	check(n >= 40, "length of a call");
	check(body[1] == 0 && ntohl(body[2]) == 2, "a call");
	check(ntohl(body[3]) == PROG, "program");
	d->xid = ntohl(body[0]);
	d->proc = ntohl(body[5]);
	return true;
}

void
answer_datagram(
    struct server *s, const struct datagram *d, const void *p, size_t len)
{
	check(sendto(s->listener, p, len, 0, (const struct sockaddr *)&d->from,
		  d->fromlen) == (ssize_t)len,
	    "sendto");
}

void
echo_datagram(struct server *s, const struct datagram *d)
{
	uint32_t out[16];
	size_t len = make_reply(out, d->xid, d->proc);

	answer_datagram(s, d, out + 1, len - 4);
}

void
script_udp_echo(struct server *s)
{
	struct datagram d;

	while (take_datagram(s, &d))
		echo_datagram(s, &d);
}

/* An empty datagram ends the script. */
void
udp_stop(struct server *s)
{
	struct sockaddr_storage ss;
	socklen_t len = own_address(s, &ss);
	int fd = socket(s->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(sendto(fd, "", 0, 0, (struct sockaddr *)&ss, len) == 0, "stop");
	close(fd);
	server_join(s);
}

/* The client. */

uint64_t
stat_value(enum rpc_stat which)
{
	return atomic_load(&rpc_stats[which].ks_value);
}

struct rpc_conn *
open_conn(const struct server *s, enum rpc_patience patience, int timeo_ms,
    unsigned retrans)
{
	static const struct nfs_addr v4 = { .ad_family = RUMP_AF_INET,
		.ad_bytes = { 127, 0, 0, 1 } };
	static const struct nfs_addr v6 = { .ad_family = RUMP_AF_INET6,
		.ad_bytes = { [15] = 1 } };
	struct rpc_params rp = {
		.rp_addr = s->family == AF_INET6 ? v6 : v4,
		.rp_port = s->port,
		.rp_udp = s->udp,
		.rp_prog = PROG,
		.rp_vers = 1,
		.rp_patience = patience,
		.rp_timeo_ns = timeo_ms * MS,
		.rp_retrans = retrans,
		.rp_maxrecord = 4096,
		.rp_name = "test",
	};

	return rpc_conn_create(&rp);
}

/* Call proc; 0 and the result checked, or the errno. */
_Atomic int ended;
int end_error;

void
note_end(struct rpc_call *ca)
{
	end_error = ca->ca_error;
	rpc_call_unref(ca);
	atomic_fetch_add(&ended, 1);
}

int
call(struct rpc_conn *rc, uint32_t proc)
{
	struct rpc_auth auth = { .ra_uid = 1 };
	struct rpc_call *ca = rpc_call_create(rc, proc, &auth, 16, 256);
	struct xdr_in xi;
	int error;

	error = rpc_call_run(rc, ca, &xi);
	if (error == 0) {
		assert_int_equal(xdr_get_u32(&xi), 3 * proc);
		assert_int_equal(xdr_left(&xi), 0);
		assert_true(ca->ca_answered);
	}
	rpc_call_unref(ca);
	return error;
}

static void *
run_caller(void *arg)
{
	struct caller *c = arg;

	rump_schedule();
	for (uint32_t i = 0; i < c->count && c->error == 0; i++)
		c->error = call(c->rc, c->first + i);
	rump_unschedule();
	return NULL;
}

void
start_callers(struct rpc_conn *rc, struct caller *c, size_t n, uint32_t count)
{
	for (size_t i = 0; i < n; i++) {
		c[i] = (struct caller){ rc, (uint32_t)(1000 * i), count };
		check(
		    pthread_create(&c[i].thread, NULL, run_caller, &c[i]) == 0,
		    "thread");
	}
}

void
join_callers(struct caller *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(pthread_join(c[i].thread, NULL) == 0, "join");
}

void
run_callers(struct rpc_conn *rc, struct caller *c, size_t n, uint32_t count)
{
	start_callers(rc, c, n, count);
	join_callers(c, n);
}

static size_t outstanding;

int
script_case_begin(void **state)
{
	outstanding = kmem_outstanding();
	atomic_store(&ended, 0);
	return 0;
}

int
script_case_end(void **state)
{
	if (kmem_outstanding() > outstanding + 4096) {
		fprintf(stderr, "leaked %zu bytes\n",
		    kmem_outstanding() - outstanding);
		return -1;
	}
	return 0;
}

int
script_boot(void **state)
{
	nfspace_set(SCRIPT_SECOND);
	if (rump_init() != 0)
		return -1;
	rump_schedule();
	return 0;
}
