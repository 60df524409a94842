/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork by the genuine protocol.  The parent asks for a copy of its process, which
 * waits here under a key until the child comes over a connection of its own and
 * names the key.  The child's process is then a copy of the copy, which ends.
 *
 * A parent may well be gone when its child comes.  So copies outlive it, but
 * there are only so many of them: the oldest one makes room.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server_classic.h"
#include "sysproxy/server_lane.h"

#define PREFORKS_MAX 256

struct prefork {
	struct prefork *pf_next;
	uint32_t pf_auth[WIRE_NAUTH];
	struct client *pf_client; /* has a process, and no connection */
	uid_t pf_uid;
	bool pf_local; /* pf_uid is known */
};

static pthread_mutex_t preforks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct prefork *preforks; /* preforks_lock: the newest first */
static unsigned npreforks;       /* preforks_lock */

static void
prefork_free(struct prefork *pf)
{
	client_destroy(pf->pf_client);
	free(pf);
}

/* The oldest one, taken out of the list, if there are too many. */
static struct prefork *
take_surplus(void)
{
	struct prefork **pfp = &preforks, *pf;

	if (npreforks <= PREFORKS_MAX)
		return NULL;
	while ((*pfp)->pf_next != NULL)
		pfp = &(*pfp)->pf_next;
	pf = *pfp;
	*pfp = NULL;
	npreforks--;
	return pf;
}

static void
enlist(struct prefork *pf)
{
	struct prefork *surplus;

	pthread_mutex_lock(&preforks_lock);
	pf->pf_next = preforks;
	preforks = pf;
	npreforks++;
	surplus = take_surplus();
	pthread_mutex_unlock(&preforks_lock);
	if (surplus != NULL)
		prefork_free(surplus);
}

static enum wire_errcode
make(struct client *parent, struct prefork **pfp)
{
	struct classic *cl = parent->c_classic;
	struct prefork *pf = calloc(1, sizeof(*pf));

	if (pf == NULL)
		return WIRE_ERR_NOMEM;
	pf->pf_local = cl->cl_local;
	pf->pf_uid = cl->cl_peer.p_uid[0];
	if (getrandom(pf->pf_auth, sizeof(pf->pf_auth), 0) !=
	    (ssize_t)sizeof(pf->pf_auth))
		goto fail;
	pf->pf_client = client_create(-1, CLIENT_FRESH);
	if (pf->pf_client == NULL)
		goto fail;
	if (client_rfork(pf->pf_client, RUMP_RFFDG, parent->c_comm) != 0) {
		client_destroy(pf->pf_client);
		free(pf);
		return WIRE_ERR_RFORK_FAILED;
	}
	*pfp = pf;
	return WIRE_ERR_NONE;

fail:
	free(pf);
	return WIRE_ERR_NOMEM;
}

void
prefork_make(struct client *parent, uint64_t reqno)
{
	struct classic *cl = parent->c_classic;
	struct prefork *pf = NULL;
	enum wire_errcode code;
	struct wire_frame f;
	size_t len;

	code = make(parent, &pf);
	if (code != WIRE_ERR_NONE) {
		len = wire_put_error(&f, reqno, code);
	} else {
		len = wire_put_auth(&f, reqno, pf->pf_auth);
		enlist(pf);
	}
	(void)out_send(cl, worker_self(), &f, len, NULL, 0);
}

/* Comparing takes as long for a wrong key as for a right one. */
static bool
same_key(const uint32_t *a, const uint32_t *b)
{
	uint32_t differ = 0;

	for (int i = 0; i < WIRE_NAUTH; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static struct prefork *
take(const struct classic *cl, const struct wire_fork *wf)
{
	struct prefork **pfp, *pf;

	pthread_mutex_lock(&preforks_lock);
	for (pfp = &preforks; (pf = *pfp) != NULL; pfp = &pf->pf_next)
		if (same_key(pf->pf_auth, wf->wf_auth) &&
		    pf->pf_local == cl->cl_local &&
		    (!pf->pf_local || pf->pf_uid == cl->cl_peer.p_uid[0]))
			break;
	if (pf != NULL) {
		*pfp = pf->pf_next;
		npreforks--;
	}
	pthread_mutex_unlock(&preforks_lock);
	return pf;
}

static void
be(struct lwp *l)
{
	cpu_upcalls.hyp_schedule();
	cpu_upcalls.hyp_lwproc_switch(l);
	cpu_upcalls.hyp_unschedule();
}

/* The copied process has one lwp, which this thread is for a moment. */
static int
copy_process(struct client *c, struct client *from)
{
	int error;

	be(from->c_mainlwp);
	error = client_rfork(c, RUMP_RFFDG, from->c_comm);
	be(NULL);
	return error;
}

static void
discard(struct worker *w, void *arg)
{
	(void)w;
	prefork_free(arg);
}

enum wire_errcode
prefork_take(struct client *c, const struct wire_fork *wf)
{
	struct prefork *pf = take(c->c_classic, wf);
	int error;

	if (pf == NULL)
		return WIRE_ERR_INVALID_PREFORK;
	error = wf->wf_cancel != 0 ? 0 : copy_process(c, pf->pf_client);
	/* Closing its files may take long. */
	lane_submit(c->c_lane, discard, pf);
	return error != 0 ? WIRE_ERR_RFORK_FAILED : WIRE_ERR_NONE;
}
