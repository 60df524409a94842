/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netstat.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/report.h"
#include "net/solist.h"
#include "rump/rumpuser.h"

/* Closed sockets that are remembered. */
#define HISTORY 256
#define NAME_SIZE 64

/* What is shown of a socket. */
struct entry {
	char en_proto[16];
	bool en_kernel; /* a kernel's own, such as a connection to a server */
	const char *en_state;
	bool en_uncounted;
	uint64_t en_received, en_sent;
	char en_own[NAME_SIZE], en_peer[NAME_SIZE];
};

static kmutex_t netstat_lock;
static struct entry *history; /* i; NULL: nothing is remembered */
static uint64_t nclosed;      /* netstat_lock */

/* Addresses as text. */

/* The eight groups of an IPv6 address, the longest run of zeros left out. */
static void
format_in6(char *buf, size_t size, const uint8_t *a)
{
	unsigned group[8];
	int first = -1, longest = 1, len;
	size_t used = 0;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)a[2 * i] << 8 | a[2 * i + 1];
	for (int i = 0; i < 8; i++) {
		for (len = 0; i + len < 8 && group[i + len] == 0;)
			len++;
		if (len > longest) {
			first = i;
			longest = len;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == first) {
			used +=
			    (size_t)ksnprintf(buf + used, size - used, "::");
			i += longest - 1;
			continue;
		}
		used += (size_t)ksnprintf(buf + used, size - used, "%s%x",
		    i > 0 && i != first + longest ? ":" : "", group[i]);
	}
}

static void
format_port(char *buf, size_t size, unsigned port)
{
	size_t used = strlen(buf);

	if (port == 0)
		(void)strlcpy(buf + used, ":*", size - used);
	else
		ksnprintf(buf + used, size - used, ":%u", port);
}

static void
format_name(char *buf, size_t size, const struct rump_sockaddr_storage *ss)
{
	const struct rump_sockaddr_in6 *sin6 = (const void *)ss;
	const struct rump_sockaddr_in *sin = (const void *)ss;
	const uint8_t *b = (const uint8_t *)&sin->sin_addr;
	char address[NAME_SIZE - 10];

	(void)strlcpy(buf, "*:*", size);
	if (ss->ss_len >= sizeof(*sin) && ss->ss_family == AF_INET) {
		ksnprintf(buf, size, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		format_port(buf, size, __builtin_bswap16(sin->sin_port));
	} else if (ss->ss_len >= sizeof(*sin6) && ss->ss_family == AF_INET6) {
		format_in6(address, sizeof(address), sin6->sin6_addr);
		ksnprintf(buf, size, "[%s]", address);
		format_port(buf, size, __builtin_bswap16(sin6->sin6_port));
	}
}

static void
ask_name(struct socket *so,
    int (*ask)(struct socket *, struct rump_sockaddr_storage *), char *buf)
{
	struct rump_sockaddr_storage ss;

	if (ask == NULL || ask(so, &ss) != 0)
		ss.ss_len = 0;
	format_name(buf, NAME_SIZE, &ss);
}

/* Protocol and state as text. */

static const struct {
	int protocol;
	const char *name;
} protocols[] = {
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmp" },
};

static void
format_protocol(char *buf, size_t size, const struct socket *so, int protocol)
{
	int family = so->so_proto->pr_domain->dom_family;
	const char *six = family == AF_INET6 ? "6" : "";

	if (so->so_type == SOCK_RAW) {
		ksnprintf(buf, size, "raw%s/%d", six, protocol);
		return;
	}
	for (size_t i = 0; i < NITEMS(protocols); i++) {
		if (protocols[i].protocol == protocol) {
			ksnprintf(buf, size, "%s%s", protocols[i].name, six);
			return;
		}
	}
	ksnprintf(buf, size, "%d%s", protocol, six);
}

static const char *
state_name(const struct socket *so, bool has_peer)
{
	uint32_t state = so->so_state;

	if (so->so_type != SOCK_STREAM)
		return has_peer ? "CONNECTED" : "-";
	if ((state & SS_LISTENING) != 0)
		return "LISTEN";
	if (has_peer)
		return "ESTABLISHED";
	return (state & SS_ISCONNECTING) != 0 ? "SYN_SENT" : "CLOSED";
}

static int
usual_protocol(const struct socket *so)
{
	if (so->so_proto->pr_protocol != PR_ANYPROTO)
		return so->so_proto->pr_protocol;
	return so->so_type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

static void
entry_fill(struct entry *en, struct socket *so)
{
	const struct protosw *pr = so->so_proto;
	struct soinfo si = {
		.si_protocol = usual_protocol(so),
		.si_received = so->so_nreceived,
		.si_sent = so->so_nsent,
	};

	if (pr->pr_info != NULL)
		pr->pr_info(so, &si);
	format_protocol(en->en_proto, sizeof(en->en_proto), so, si.si_protocol);
	en->en_kernel = (so->so_state & SS_FILE) == 0;
	en->en_received = si.si_received;
	en->en_sent = si.si_sent;
	en->en_uncounted = si.si_uncounted;
	ask_name(so, pr->pr_sockaddr, en->en_own);
	ask_name(so, pr->pr_peeraddr, en->en_peer);
	en->en_state = si.si_state != NULL
			   ? si.si_state
			   : state_name(so, strcmp(en->en_peer, "*:*") != 0);
}

static const char *
format_bytes(char *buf, size_t size, const struct entry *en, uint64_t n)
{
	if (en->en_uncounted)
		return "-";
	ksnprintf(buf, size, "%llu", (unsigned long long)n);
	return buf;
}

static void
entry_print(struct sink *sk, const struct entry *en, const char *state)
{
	char in[24], out[24];

	sink_printf(sk, "%-8s %-8s %12s %12s %-22s %-22s %s\n", en->en_proto,
	    en->en_kernel ? "kernel" : "program",
	    format_bytes(in, sizeof(in), en, en->en_received),
	    format_bytes(out, sizeof(out), en, en->en_sent), en->en_own,
	    en->en_peer, state);
}

void
netstat_connected(struct socket *so, const struct rump_sockaddr *peer)
{
	struct rump_sockaddr_storage *kept, *none = NULL;

	if (PREDICT_TRUE(history == NULL) || so->so_type != SOCK_STREAM ||
	    peer->sa_len > sizeof(*kept))
		return;
	kept = kmem_zalloc(sizeof(*kept), KM_SLEEP);
	memcpy(kept, peer, peer->sa_len);
	/* A second connection of the socket keeps the first name. */
	if (!atomic_compare_exchange_strong(&so->so_lastpeer, &none, kept))
		kmem_free(kept, sizeof(*kept));
}

void
netstat_closing(struct socket *so)
{
	struct entry en;

	if (PREDICT_TRUE(history == NULL))
		return;
	if (so->so_serial == 0)
		goto out;
	entry_fill(&en, so);
	if (so->so_lastpeer != NULL)
		format_name(en.en_peer, sizeof(en.en_peer), so->so_lastpeer);
	mutex_enter(&netstat_lock);
	history[nclosed++ % HISTORY] = en;
	mutex_exit(&netstat_lock);
out:
	kmem_free(so->so_lastpeer, sizeof(*so->so_lastpeer));
	so->so_lastpeer = NULL;
}

/* The nth of those remembered; false behind the last. */
static bool
history_get(uint64_t nth, struct entry *en)
{
	uint64_t most;

	mutex_enter(&netstat_lock);
	most = MIN(nclosed, HISTORY);
	if (nth < most)
		*en = history[(nclosed - most + nth) % HISTORY];
	mutex_exit(&netstat_lock);
	return nth < most;
}

static void
print_socket(struct socket *so, void *arg)
{
	struct sink *sk = arg;
	struct entry en;

	entry_fill(&en, so);
	entry_print(sk, &en, en.en_state);
}

static void
print_sockets(struct sink *sk)
{
	struct entry en;
	uint64_t more;

	sink_printf(sk, "%-8s %-8s %12s %12s %-22s %-22s %s\n", "Proto",
	    "Owner", "Bytes in", "Bytes out", "Local address",
	    "Foreign address", "State");
	so_iterate(print_socket, sk);
	if (history == NULL)
		return;
	for (uint64_t i = 0; history_get(i, &en); i++)
		entry_print(sk, &en, "closed");
	mutex_enter(&netstat_lock);
	more = nclosed > HISTORY ? nclosed - HISTORY : 0;
	mutex_exit(&netstat_lock);
	if (more != 0)
		sink_printf(sk, "%llu sockets more were closed before these\n",
		    (unsigned long long)more);
}

static struct report report = {
	.rp_name = "sockets",
	.rp_print = print_sockets,
};

void
netstat_init(void)
{
	char value[8];

	mutex_init(&netstat_lock, "netstat");
	report_attach(&report, 1);
	if (rumpuser_getparam("RUMPKIT_SUMMARY", value, sizeof(value)) == 0 &&
	    value[0] != '\0' && strcmp(value, "0") != 0)
		history = kmem_zalloc(HISTORY * sizeof(*history), KM_SLEEP);
}
