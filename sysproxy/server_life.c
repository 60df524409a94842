/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that share their descriptors keep each other's connections open.
 * So the host is asked when such a process ends, and its connection is shut
 * down then: the rest is as with any other.
 *
 * All of it is the loop's.  Events of a life may be on their way when it ends, so
 * that it is freed behind them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sysproxy/server.h"

struct life {
	struct life *li_next; /* of those that are over */
	struct watch li_watch;
	int li_pidfd;
	struct client *li_client; /* NULL: over */
};

static struct life *over;

static void
process_ended(void *arg, uint32_t events)
{
	struct life *li = arg;

	(void)events;
	if (li->li_client == NULL)
		return;
	loop_unwatch(li->li_pidfd);
	(void)shutdown(li->li_client->c_fd, SHUT_RDWR);
}

/* Without memory or descriptors the process ends with the last one that has its
 * connection. */
void
life_watch(struct client *c)
{
	struct life *li;

	if (c->c_life != NULL)
		return;
	li = malloc(sizeof(*li));
	if (li == NULL)
		return;
	li->li_watch = (struct watch){ process_ended, li };
	li->li_client = c;
	li->li_pidfd = fcntl(c->c_pidfd, F_DUPFD_CLOEXEC, 0);
	if (li->li_pidfd >= 0 && loop_watch(li->li_pidfd, &li->li_watch) == 0) {
		c->c_life = li;
		return;
	}
	if (li->li_pidfd >= 0)
		(void)close(li->li_pidfd);
	free(li);
}

void
life_end(struct client *c)
{
	struct life *li = c->c_life;

	if (li == NULL)
		return;
	loop_unwatch(li->li_pidfd);
	(void)close(li->li_pidfd);
	li->li_client = NULL;
	li->li_next = over;
	over = li;
	c->c_life = NULL;
}

void
life_reap(void)
{
	struct life *li;

	while ((li = over) != NULL) {
		over = li->li_next;
		free(li);
	}
}
