/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks.  The kernel's process is copied first, on the parent's connection; the
 * key to the copy is in memory that the child inherits or, after vfork(2),
 * shares.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "rump/rumpclient.h"
#include "sysproxy/client.h"

struct rumpclient_fork {
	uint32_t rf_auth[WIRE_NAUTH];
	pid_t rf_parent;
	pid_t rf_child; /* known to the parent if it shares memory with it */
};

static int
prefork(struct rumpclient_fork *rf)
{
	struct call ca = { .ca_datalen = 0 };
	int error;

	ca.ca_framelen = wire_put_prefork(&ca.ca_frame, 0);
	error = client_call(&ca);
	if (error == 0)
		error = client_answer_error(&ca.ca_answer);
	if (error != 0)
		return error;
	if (!wire_get_auth(ca.ca_payload, ca.ca_len, rf->rf_auth))
		return EPROTO;
	rf->rf_parent = getpid();
	return 0;
}

struct rumpclient_fork *
rumpclient_prefork(void)
{
	struct rumpclient_fork *rf = calloc(1, sizeof(*rf));
	int error = ENOMEM;

	if (rf != NULL)
		error = prefork(rf);
	if (error == 0)
		return rf;
	free(rf);
	errno = error;
	return NULL;
}

int
rumpclient_fork_init(struct rumpclient_fork *rf)
{
	struct link *lk;
	int error;

	error = client_open(rf->rf_auth, false, &lk);
	if (error == 0)
		error = client_install(lk);
	if (error == 0) {
		rf->rf_child = getpid();
		return 0;
	}
	errno = error;
	return -1;
}

void
rumpclient_fork_cancel(struct rumpclient_fork *rf)
{
	struct link *lk;
	int saved = errno;

	/* A server that answers nevertheless has not understood. */
	if (client_open(rf->rf_auth, true, &lk) == 0)
		link_unref(lk);
	free(rf);
	errno = saved;
}

void
rumpclient_fork_vparent(struct rumpclient_fork *rf)
{
	if (rf->rf_child != 0)
		client_forget(rf->rf_child);
	free(rf);
}

pid_t
rumpclient__forked(struct rumpclient_fork *rf, pid_t pid)
{
	if (rf == NULL)
		return -1;
	if (pid == -1)
		rumpclient_fork_cancel(rf);
	else if (pid != 0)
		rumpclient_fork_vparent(rf);
	else if (rumpclient_fork_init(rf) == -1)
		return -1;
	return pid;
}

pid_t
rumpclient_fork(void)
{
	struct rumpclient_fork *rf = rumpclient_prefork();

	return rumpclient__forked(rf, rf != NULL ? fork() : -1);
}

int
rumpclient_daemon(int nochdir, int noclose)
{
	struct rumpclient_fork *rf = rumpclient_prefork();

	if (rf == NULL)
		return -1;
	if (daemon(nochdir, noclose) == -1) {
		/* In which of the two processes that is cannot be told. */
		if (rf->rf_parent == getpid())
			rumpclient_fork_cancel(rf);
		return -1;
	}
	return rumpclient_fork_init(rf);
}
