/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One lock for all pairs protects the links between them; it comes before the
 * two so_lock, which are never held together.
 */
#include "pairnet.h"

#include "kern/libkern.h"
#include "net/mbuf.h"
#include "net/sockbuf.h"
#include "rump/rumpdefs.h"

struct pair_pcb {
	struct socket *pp_peer; /* pair_lock */
};

static kmutex_t pair_lock;
static struct domain pairnet;

static struct socket *
peer_of(struct socket *so)
{
	return ((struct pair_pcb *)so->so_pcb)->pp_peer;
}

static int
pair_attach(struct socket *so, int proto)
{
	so->so_pcb = kmem_zalloc(sizeof(struct pair_pcb), KM_SLEEP);
	return 0;
}

static void
cut(struct socket *so)
{
	mutex_enter(&so->so_lock);
	soisdisconnected(so);
	mutex_exit(&so->so_lock);
}

static void
pair_detach(struct socket *so)
{
	struct socket *peer;

	mutex_enter(&pair_lock);
	peer = peer_of(so);
	if (peer != NULL) {
		((struct pair_pcb *)peer->so_pcb)->pp_peer = NULL;
		cut(peer);
	}
	mutex_exit(&pair_lock);
	kmem_free(so->so_pcb, sizeof(struct pair_pcb));
}

static int
pair_connect2(struct socket *so, struct socket *so2)
{
	mutex_enter(&pair_lock);
	((struct pair_pcb *)so->so_pcb)->pp_peer = so2;
	((struct pair_pcb *)so2->so_pcb)->pp_peer = so;
	mutex_exit(&pair_lock);
	mutex_enter(&so->so_lock);
	soisconnected(so);
	mutex_exit(&so->so_lock);
	mutex_enter(&so2->so_lock);
	soisconnected(so2);
	mutex_exit(&so2->so_lock);
	return 0;
}

/* Move one piece from so_snd of one to so_rcv of the other. */
static bool
move(struct socket *from, struct socket *to)
{
	bool stream = from->so_type == RUMP_SOCK_STREAM;
	struct mbuf *m;
	size_t room;

	mutex_enter(&to->so_lock);
	room = sb_space(&to->so_rcv);
	mutex_exit(&to->so_lock);
	if (room == 0)
		return false;
	mutex_enter(&from->so_lock);
	m = sb_take(&from->so_snd, stream ? room : SIZE_MAX);
	if (m != NULL)
		sowwakeup(from);
	mutex_exit(&from->so_lock);
	if (m == NULL)
		return false;
	mutex_enter(&to->so_lock);
	if (stream)
		sb_append_stream(&to->so_rcv, m);
	else
		sb_append_record(&to->so_rcv, m);
	sorwakeup(to);
	mutex_exit(&to->so_lock);
	return true;
}

static void
pair_output(struct socket *so)
{
	mutex_enter(&pair_lock);
	while (peer_of(so) != NULL && move(so, peer_of(so)))
		continue;
	mutex_exit(&pair_lock);
}

static void
pair_rcvd(struct socket *so)
{
	mutex_enter(&pair_lock);
	while (peer_of(so) != NULL && move(peer_of(so), so))
		continue;
	mutex_exit(&pair_lock);
}

static int
pair_shutdown(struct socket *so, int how)
{
	struct socket *peer;

	mutex_enter(&pair_lock);
	peer = peer_of(so);
	if (peer != NULL && how != RUMP_SHUT_RD) {
		mutex_enter(&peer->so_lock);
		socantrcvmore(peer);
		mutex_exit(&peer->so_lock);
	}
	mutex_exit(&pair_lock);
	return 0;
}

#define PAIR(type)                                                             \
	{                                                                      \
		.pr_type = (type), .pr_domain = &pairnet,                      \
		.pr_attach = pair_attach, .pr_detach = pair_detach,            \
		.pr_connect2 = pair_connect2, .pr_output = pair_output,        \
		.pr_rcvd = pair_rcvd, .pr_shutdown = pair_shutdown             \
	}

static const struct protosw pair_protosw[] = {
	PAIR(RUMP_SOCK_STREAM),
	PAIR(RUMP_SOCK_DGRAM),
};

static struct domain pairnet = {
	.dom_family = PF_PAIRNET,
	.dom_name = "pairnet",
	.dom_protosw = pair_protosw,
	.dom_nprotosw = NITEMS(pair_protosw),
};

void
pairnet_init(void)
{
	mutex_init(&pair_lock, "pairnet");
	KASSERT(domain_attach(&pairnet) == 0);
	KASSERT(domain_attach(&pairnet) == RUMP_EEXIST);
}
