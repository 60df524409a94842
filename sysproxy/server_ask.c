/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel wants of a classic client in the middle of a call: requests of
 * the server's, which the worker makes and waits for.  The loop gives the answer
 * to the request with its number; memory for it is taken only when one is
 * outstanding, and only as much as was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "rump/rumpdefs.h"

#include "sysproxy/server_classic.h"
#include "sysproxy/server_worker.h"

#define STRING_MAX 1024 /* PATH_MAX of NetBSD */
/* Copied in one request. */
#define PIECE (4u * 1024 * 1024)

static uint64_t
begin(struct classic *cl, struct asked *as)
{
	uint64_t reqno;

	pthread_mutex_lock(&cl->cl_lock);
	reqno = cl->cl_next++;
	if (as != NULL) {
		as->as_reqno = reqno;
		as->as_next = cl->cl_asked;
		cl->cl_asked = as;
	}
	pthread_mutex_unlock(&cl->cl_lock);
	return reqno;
}

static struct asked **
find(struct classic *cl, uint64_t reqno)
{
	struct asked **asp = &cl->cl_asked;

	while (*asp != NULL && (*asp)->as_reqno != reqno)
		asp = &(*asp)->as_next;
	return asp;
}

/* Until the answer is there; its data are the caller's.  False: there is none. */
static bool
await(struct classic *cl, struct worker *w, struct asked *as, bool sent)
{
	pthread_mutex_lock(&cl->cl_lock);
	while (sent && !as->as_done && !cl->cl_broken &&
	       atomic_load(&w->w_stop) == 0)
		pthread_cond_wait(&cl->cl_changed, &cl->cl_lock);
	if (!as->as_done)
		*find(cl, as->as_reqno) = as->as_next;
	pthread_mutex_unlock(&cl->cl_lock);
	return as->as_done;
}

void *
ask_place(struct classic *cl, const struct wire_hdr *h, size_t len)
{
	struct asked *as;
	bool wanted;

	pthread_mutex_lock(&cl->cl_lock);
	as = *find(cl, h->wh_reqno);
	wanted = as != NULL && wire_answers(h, as->as_type) &&
		 len <= as->as_max && len > 0;
	pthread_mutex_unlock(&cl->cl_lock);
	return wanted ? malloc(len) : NULL;
}

void
ask_answered(
    struct classic *cl, const struct wire_hdr *h, void *data, size_t len)
{
	struct asked *as, **asp;

	pthread_mutex_lock(&cl->cl_lock);
	asp = find(cl, h->wh_reqno);
	as = *asp;
	if (as != NULL && wire_answers(h, as->as_type)) {
		*asp = as->as_next;
		as->as_data = data;
		/* Too long, or without memory: as if it said nothing. */
		as->as_len = data != NULL ? len : 0;
		as->as_done = true;
		data = NULL;
		pthread_cond_broadcast(&cl->cl_changed);
	}
	pthread_mutex_unlock(&cl->cl_lock);
	free(data);
}

/* Ask, and copy what comes, at most *len bytes; then *len is their number. */
static int
ask(struct worker *w, enum wire_type type, uint64_t addr, void *to, size_t *len)
{
	struct classic *cl = w->w_client->c_classic;
	struct asked as = { .as_type = type, .as_max = *len };
	uint64_t reqno = begin(cl, &as);
	struct wire_frame f;
	size_t flen;

	if (type == WIRE_COPYIN)
		flen = wire_put_copyin(&f, reqno, addr, *len);
	else if (type == WIRE_COPYINSTR)
		flen = wire_put_copyinstr(&f, reqno, addr, *len);
	else
		flen = wire_put_anonmmap(&f, reqno, addr);
	if (!await(cl, w, &as, out_send(cl, w, &f, flen, NULL, 0)))
		return RUMP_EFAULT;
	if (as.as_len > 0)
		memcpy(to, as.as_data, as.as_len);
	free(as.as_data);
	*len = as.as_len;
	return 0;
}

int
classic_copyin(struct worker *w, uint64_t from, void *to, size_t len)
{
	size_t n, done;
	int error = from == 0 ? RUMP_EFAULT : 0;

	for (done = 0; error == 0 && done < len; done += n) {
		size_t piece = len - done < PIECE ? len - done : PIECE;

		n = piece;
		error = ask(w, WIRE_COPYIN, from + done, (char *)to + done, &n);
		if (error == 0 && n != piece)
			error = RUMP_EFAULT;
	}
	return error;
}

int
classic_copyinstr(struct worker *w, uint64_t from, char *to, size_t *len)
{
	int error;

	if (from == 0)
		return RUMP_EFAULT;
	/* No string of such a client's is longer: its paths are NetBSD's. */
	if (*len > STRING_MAX)
		*len = STRING_MAX;
	error = ask(w, WIRE_COPYINSTR, from, to, len);
	return error == 0 && *len == 0 ? RUMP_EFAULT : error;
}

int
classic_copyout(struct worker *w, const void *from, uint64_t to, size_t len)
{
	struct classic *cl = w->w_client->c_classic;
	const char *p = from;
	struct wire_frame f;
	size_t n, flen;

	if (to == 0)
		return RUMP_EFAULT;
	for (; len > 0; len -= n, p += n, to += n) {
		n = len < PIECE ? len : PIECE;
		flen = wire_put_copyout(&f, begin(cl, NULL), to, n);
		if (!out_send(cl, w, &f, flen, p, n))
			return RUMP_EFAULT;
	}
	return 0;
}

int
classic_anonmmap(struct worker *w, size_t len, void **addr)
{
	uint64_t word = 0;
	size_t n = sizeof(word);
	int error;

	error = ask(w, WIRE_ANONMMAP, len, &word, &n);
	if (error != 0 || n != sizeof(word))
		return RUMP_EFAULT;
	if (word == 0)
		return RUMP_ENOMEM;
	*addr = (void *)(uintptr_t)word;
	return 0;
}

int
classic_raise(struct client *c, int sig)
{
	struct classic *cl = c->c_classic;
	struct wire_frame f;
	size_t len;

	len = wire_put_raise(&f, begin(cl, NULL), sig);
	return out_send(cl, NULL, &f, len, NULL, 0) ? 0 : RUMP_ESRCH;
}
