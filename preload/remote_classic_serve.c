/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a classic server asks of its client.  Addresses are tried.
 *
 * While a new image says that it is one, the requests belong to calls of the old
 * one: there is nothing to read, and nothing may be written.
 *
 * Servers of ours understand that something cannot be read.  A genuine one would
 * read beyond a short answer; it gets zeros, and the call, if it is known which
 * one it is, fails here.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/engine/engine.h"
#include "rump/rumpdefs.h"

#define STRING_MAX 65536 /* a longer one is not answered with its NUL */
_Static_assert(STRING_MAX <= CLASSIC_BUFFER, "strings fit");

void *
classic_map(size_t size)
{
	long r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

void
classic_unmap(void *mem, size_t size)
{
	HOST(SYS_munmap, mem, size, 0, 0, 0, 0);
}

static int
send_copied(struct remote *rm, const void *data, size_t len)
{
	struct wire_frame f;
	size_t framelen =
	    wire_put_copied(&f, rm->rm_classic->cl_rx.rx_hdr.wh_reqno, len);

	return classic_answer(rm, &f, framelen, data, len);
}

static int
send_fault(struct remote *rm, void *buf, size_t len)
{
	classic_blame(rm->rm_classic);
	if (rm->rm_classic->cl_ours)
		return send_copied(rm, NULL, 0);
	memset(buf, 0, len);
	return send_copied(rm, buf, len);
}

static int
copyin(struct remote *rm, const struct wire_copy *wc, void *buf)
{
	const void *from = (const void *)(uintptr_t)wc->wc_addr;

	if (rm->rm_classic->cl_stale || engine_copy(buf, from, wc->wc_len) != 0)
		return send_fault(rm, buf, wc->wc_len);
	return send_copied(rm, buf, wc->wc_len);
}

static int
serve_copyin(struct remote *rm, const void *data, size_t len)
{
	struct classic *cl = rm->rm_classic;
	struct wire_copy wc;
	void *buf;
	int error;

	if (!wire_get_copy(data, len, &wc) || wc.wc_len > WIRE_COPY_MAX)
		return RUMP_ENOTCONN;
	if (wc.wc_len <= sizeof(cl->cl_out))
		return copyin(rm, &wc, cl->cl_out);
	buf = classic_map(wc.wc_len);
	if (buf == NULL)
		return RUMP_ENOTCONN;
	error = copyin(rm, &wc, buf);
	classic_unmap(buf, wc.wc_len);
	return error;
}

/* The string without a NUL, if it is too long. */
static int
serve_copyinstr(struct remote *rm, const void *data, size_t len)
{
	struct classic *cl = rm->rm_classic;
	struct wire_copy wc;
	size_t max;
	long n;

	if (!wire_get_copy(data, len, &wc))
		return RUMP_ENOTCONN;
	max = wc.wc_len < STRING_MAX ? wc.wc_len : STRING_MAX;
	n = cl->cl_stale ? -EFAULT
			 : engine_copy_string((char *)cl->cl_out,
			       (const void *)(uintptr_t)wc.wc_addr, max);
	if (n >= 0)
		return send_copied(rm, cl->cl_out, (size_t)n + 1);
	if (n == -ENAMETOOLONG)
		return send_copied(rm, cl->cl_out, max);
	return send_fault(rm, cl->cl_out, max > 0 ? 1 : 0);
}

static int
serve_copyout(struct remote *rm, const void *data, size_t len)
{
	struct wire_copy wc;

	if (!wire_get_copyout(data, len, &wc))
		return RUMP_ENOTCONN;
	if (rm->rm_classic->cl_stale)
		return 0;
	data = (const char *)data + sizeof(wc);
	if (engine_copy((void *)(uintptr_t)wc.wc_addr, data, wc.wc_len) != 0)
		classic_blame(rm->rm_classic);
	return 0;
}

static int
serve_anonmmap(struct remote *rm, const void *data, size_t len)
{
	struct classic *cl = rm->rm_classic;
	struct wire_frame f;
	uint64_t size;
	void *mem;

	if (!wire_get_word(data, len, &size))
		return RUMP_ENOTCONN;
	mem = cl->cl_stale ? NULL : classic_map(size);
	len = wire_put_mapped(&f, cl->cl_rx.rx_hdr.wh_reqno, (uintptr_t)mem);
	return classic_answer(rm, &f, len, NULL, 0);
}

int
classic_serve(struct remote *rm, const void *data, size_t len)
{
	const struct wire_hdr *h = &rm->rm_classic->cl_rx.rx_hdr;

	switch (h->wh_type) {
	case WIRE_COPYIN:
		return serve_copyin(rm, data, len);
	case WIRE_COPYINSTR:
		return serve_copyinstr(rm, data, len);
	case WIRE_COPYOUT:
	case WIRE_COPYOUTSTR:
		return serve_copyout(rm, data, len);
	case WIRE_ANONMMAP:
		return serve_anonmmap(rm, data, len);
	case WIRE_RAISE:
		remote_raise(h->wh_u, classic_is_alone(rm->rm_classic));
		return 0;
	default:
		return RUMP_ENOTCONN;
	}
}
