/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a fast client, as the kernel sees it during a call.
 *
 * What the client has put into its data area is taken from there; what the kernel
 * writes is collected there and reaches the client's memory when it has the
 * reply.  Larger data, and what the client has not foreseen, are copied at once:
 * by process_vm_*, or by the client itself.  Before something is copied at once
 * that overlaps what has been collected, the latter is sent ahead, so that all
 * happens in the order in which the kernel did it.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server.h"
#include "sysproxy/server_classic.h"
#include "sysproxy/server_worker.h"

#define PAGE 4096u
/* Less room than this for pieces is none. */
#define ROOM_LEAST 1024u

/* process_vm_* said that it is not for us, as opposed to a fault. */
#define NOT_PERMITTED (-1)

static char *
data(struct worker *w)
{
	return fast_data(w->w_sl);
}

/* --- by the host --------------------------------------------------------- */

static int
vm_result(struct client *c, ssize_t n, size_t len)
{
	if (n == (ssize_t)len)
		return 0;
	if (n < 0 && errno != EFAULT) {
		atomic_store_explicit(&c->c_vm, false, memory_order_relaxed);
		return NOT_PERMITTED;
	}
	return RUMP_EFAULT;
}

static bool
vm_usable(const struct client *c)
{
	return atomic_load_explicit(&c->c_vm, memory_order_relaxed) &&
	       peer_lives(c->c_pidfd);
}

static int
vm_read(struct client *c, uint64_t from, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)(uintptr_t)from, len };

	if (!vm_usable(c))
		return NOT_PERMITTED;
	return vm_result(
	    c, process_vm_readv(c->c_hostpid, &local, 1, &remote, 1, 0), len);
}

static int
vm_write(struct client *c, const void *from, uint64_t to, size_t len)
{
	struct iovec local = { (void *)(uintptr_t)from, len };
	struct iovec remote = { (void *)(uintptr_t)to, len };

	if (!vm_usable(c))
		return NOT_PERMITTED;
	return vm_result(
	    c, process_vm_writev(c->c_hostpid, &local, 1, &remote, 1, 0), len);
}

/* By the page: behind the string there may be nothing. */
void
copy_peek(struct client *c, uint64_t from, char *to, size_t size)
{
	size_t done = 0, n;

	while (done < size) {
		n = PAGE - (from + done) % PAGE;
		if (n > size - done)
			n = size - done;
		if (vm_read(c, from + done, to + done, n) != 0)
			break;
		if (memchr(to + done, '\0', n) != NULL)
			return;
		done += n;
	}
	to[0] = '\0';
}

/* --- by the client -------------------------------------------------------- */

static int
ask(struct worker *w, enum fast_op op, uint64_t addr, uint64_t len,
    uint32_t off)
{
	struct fast_slot *sl = w->w_sl;

	sl->sl_addr = addr;
	sl->sl_len = len;
	sl->sl_off = off;
	if (!slot_service(w, op))
		return RUMP_EFAULT;
	switch (*(volatile uint32_t *)&sl->sl_status) {
	case 0:
		return 0;
	case RUMP_ENAMETOOLONG:
		return RUMP_ENAMETOOLONG;
	default:
		return RUMP_EFAULT;
	}
}

/* Send what has been collected ahead. */
static int
flush(struct worker *w)
{
	int error = 0;

	for (uint32_t i = 0; i < w->w_nout && error == 0; i++) {
		const struct fast_range *r = &w->w_out[i];

		error = vm_write(
		    w->w_client, data(w) + r->fr_off, r->fr_addr, r->fr_len);
		if (error == NOT_PERMITTED)
			error = ask(
			    w, FAST_COPYOUT, r->fr_addr, r->fr_len, r->fr_off);
	}
	/* The kernel takes it for sent: the client is to find out, too. */
	if (error != 0)
		return error;
	w->w_nout = 0;
	w->w_outlen = (w->w_inlen + 63) & ~63u;
	return error;
}

/* Bytes for pieces, at w_outlen. */
static uint32_t
room(const struct worker *w)
{
	return FAST_DATA - w->w_outlen;
}

static int
make_room(struct worker *w)
{
	return room(w) < ROOM_LEAST ? flush(w) : 0;
}

static int
piecewise_in(struct worker *w, uint64_t from, char *to, size_t len)
{
	int error = make_room(w);

	while (error == 0 && len > 0) {
		uint32_t n = len < room(w) ? (uint32_t)len : room(w);

		error = ask(w, FAST_COPYIN, from, n, w->w_outlen);
		if (error == 0)
			memcpy(to, data(w) + w->w_outlen, n);
		from += n;
		to += n;
		len -= n;
	}
	return error;
}

static int
piecewise_out(struct worker *w, const char *from, uint64_t to, size_t len)
{
	int error = make_room(w);

	while (error == 0 && len > 0) {
		uint32_t n = len < room(w) ? (uint32_t)len : room(w);

		memcpy(data(w) + w->w_outlen, from, n);
		error = ask(w, FAST_COPYOUT, to, n, w->w_outlen);
		from += n;
		to += n;
		len -= n;
	}
	return error;
}

/* --- what the kernel asks for -------------------------------------------- */

/* Is something collected that [addr, addr + len) overlaps? */
static bool
overlaps_out(const struct worker *w, uint64_t addr, size_t len)
{
	for (uint32_t i = 0; i < w->w_nout; i++) {
		const struct fast_range *r = &w->w_out[i];

		if (addr - r->fr_addr < r->fr_len || r->fr_addr - addr < len)
			return true;
	}
	return false;
}

/* Where [addr, addr + len) is among what came with the call, or NULL; *more:
 * bytes from there to the end of the range. */
static const char *
find_in(struct worker *w, uint64_t addr, size_t len, size_t *more)
{
	for (uint32_t i = 0; i < w->w_nin; i++) {
		const struct fast_range *r = &w->w_in[i];
		uint64_t off = addr - r->fr_addr;

		if (off < r->fr_len && len <= r->fr_len - off) {
			*more = r->fr_len - off;
			return data(w) + r->fr_off + off;
		}
	}
	return NULL;
}

int
copy_in(struct worker *w, uint64_t from, void *to, size_t len)
{
	const char *there;
	size_t more;
	int error = 0;

	if (w->w_nout != 0 && overlaps_out(w, from, len)) {
		error = flush(w);
		w->w_nin = 0; /* may be out of date now */
		if (error != 0)
			return error;
	}
	there = find_in(w, from, len, &more);
	if (there != NULL) {
		memcpy(to, there, len);
		return 0;
	}
	error = vm_read(w->w_client, from, to, len);
	if (error == NOT_PERMITTED)
		error = piecewise_in(w, from, to, len);
	return error;
}

static void
collect(struct worker *w, const void *from, uint64_t to, uint32_t len)
{
	struct fast_range *last = NULL;

	memcpy(data(w) + w->w_outlen, from, len);
	if (w->w_nout > 0)
		last = &w->w_out[w->w_nout - 1];
	if (last != NULL && last->fr_addr + last->fr_len == to &&
	    last->fr_off + last->fr_len == w->w_outlen)
		last->fr_len += len;
	else
		w->w_out[w->w_nout++] =
		    (struct fast_range){ to, len, w->w_outlen };
	w->w_outlen += len;
}

int
copy_out(struct worker *w, const void *from, uint64_t to, size_t len)
{
	bool large = len >= FAST_LARGE && vm_usable(w->w_client);
	int error;

	if (!large && len <= room(w) && w->w_nout < FAST_RANGES) {
		collect(w, from, to, (uint32_t)len);
		return 0;
	}
	/* Nothing is written behind what may turn out to be no memory. */
	if (w->w_nout != 0) {
		error = flush(w);
		if (error != 0)
			return error;
	}
	error = vm_write(w->w_client, from, to, len);
	if (error == NOT_PERMITTED)
		error = piecewise_out(w, from, to, len);
	return error;
}

/* The string is in the client's memory, page by page. */
static int
vm_string(struct worker *w, uint64_t from, char *to, size_t *len)
{
	size_t n, length, done = 0;
	int error;

	while (done < *len) {
		n = PAGE - (from + done) % PAGE;
		n = n < *len - done ? n : *len - done;
		error = vm_read(w->w_client, from + done, to + done, n);
		if (error != 0)
			return error;
		length = strnlen(to + done, n);
		done += length;
		/* What stands behind these n bytes has not been read. */
		if (length < n) {
			*len = done + 1;
			return 0;
		}
	}
	return RUMP_ENAMETOOLONG;
}

static int
asked_string(struct worker *w, uint64_t from, char *to, size_t *len)
{
	size_t n;
	int error = make_room(w);

	if (error != 0)
		return error;
	n = *len < room(w) ? *len : room(w);
	error = ask(w, FAST_COPYINSTR, from, n, w->w_outlen);
	if (error != 0)
		return error;
	memcpy(to, data(w) + w->w_outlen, n);
	n = strnlen(to, n);
	if (n == *len || to[n] != '\0')
		return RUMP_ENAMETOOLONG;
	*len = n + 1;
	return 0;
}

int
copy_string(struct worker *w, uint64_t from, char *to, size_t *len)
{
	const char *there;
	size_t more = 0;
	int error;

	there = find_in(w, from, 1, &more);
	if (there != NULL) {
		more = more < *len ? more : *len;
		memcpy(to, there, more);
		if (strnlen(to, more) < more) {
			*len = strnlen(to, more) + 1;
			return 0;
		}
		if (more == *len)
			return RUMP_ENAMETOOLONG;
	}
	error = vm_string(w, from, to, len);
	if (error == NOT_PERMITTED)
		error = asked_string(w, from, to, len);
	return error;
}

/* --- hypercalls ------------------------------------------------------------ */

/* The thread's worker, if it works for that very client. */
static struct worker *
worker_of(const struct client *c)
{
	struct worker *w = worker_self();

	return w != NULL && w->w_client == c ? w : NULL;
}

int
rumpuser_sp_copyin(void *ctl, const void *remote, void *local, size_t len)
{
	struct client *c = ctl;
	struct worker *w = worker_of(c);
	int error, nlocks;

	if (w == NULL)
		return RUMP_EFAULT;
	if (c->c_kind == CLIENT_CLASSIC) {
		nlocks = cpu_release(NULL);
		error = classic_copyin(w, (uintptr_t)remote, local, len);
		cpu_acquire(nlocks, NULL);
		return error;
	}
	return copy_in(w, (uintptr_t)remote, local, len);
}

int
rumpuser_sp_copyinstr(void *ctl, const void *remote, void *local, size_t *len)
{
	struct client *c = ctl;
	struct worker *w = worker_of(c);
	int error, nlocks;

	if (w == NULL)
		return RUMP_EFAULT;
	if (c->c_kind == CLIENT_CLASSIC) {
		nlocks = cpu_release(NULL);
		error = classic_copyinstr(w, (uintptr_t)remote, local, len);
		cpu_acquire(nlocks, NULL);
		return error;
	}
	error = copy_string(w, (uintptr_t)remote, local, len);
	if (error != RUMP_ENAMETOOLONG)
		return error;
	/* The kernel is to see that there is no NUL. */
	memset(local, '?', *len);
	return 0;
}

int
rumpuser_sp_copyout(void *ctl, const void *local, void *remote, size_t len)
{
	struct client *c = ctl;
	struct worker *w = worker_of(c);
	int error, nlocks;

	if (w == NULL)
		return RUMP_EFAULT;
	if (c->c_kind == CLIENT_CLASSIC) {
		nlocks = cpu_release(NULL);
		error = classic_copyout(w, local, (uintptr_t)remote, len);
		cpu_acquire(nlocks, NULL);
		return error;
	}
	return copy_out(w, local, (uintptr_t)remote, len);
}

int
rumpuser_sp_copyoutstr(void *ctl, const void *local, void *remote, size_t *len)
{
	size_t n = strnlen(local, *len);

	if (n == *len)
		return RUMP_ENAMETOOLONG;
	*len = n + 1;
	return rumpuser_sp_copyout(ctl, local, remote, n + 1);
}

int
rumpuser_sp_anonmmap(void *ctl, size_t len, void **addr)
{
	struct client *c = ctl;
	struct worker *w = worker_of(c);
	int error, nlocks;

	if (w == NULL || c->c_kind != CLIENT_CLASSIC)
		return RUMP_EFAULT;
	nlocks = cpu_release(NULL);
	error = classic_anonmmap(w, len, addr);
	cpu_acquire(nlocks, NULL);
	return error;
}

int
rumpuser_sp_raise(void *ctl, int sig)
{
	struct client *c = ctl;
	struct worker *w = worker_of(c);

	if (c->c_kind == CLIENT_CLASSIC)
		return classic_raise(c, sig);
	/* EPIPE tells it all, and the client raises it where it is due. */
	if (sig == RUMP_SIGPIPE)
		return 0;
	/* A signal for a process in whose name nobody calls has no way. */
	if (w == NULL)
		return RUMP_ESRCH;
	w->w_sl->sl_arg[0] = sig;
	return slot_service(w, FAST_RAISE) ? 0 : RUMP_ESRCH;
}
