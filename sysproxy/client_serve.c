/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the server asks of its client.  Nothing that it says is believed but the
 * addresses, and those are tried.
 *
 * While a handshake EXEC is under way its requests belong to calls of the
 * program that has been replaced: there is nothing to read, and nothing may be
 * written.
 */
#include "sysproxy/client_linkvar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rump/rumpsignal.h"

#include "sysproxy/client_memory.h"

#define STRING_MAX 65536 /* a longer one is not answered with its NUL */
#define ON_STACK 4096

static bool
is_stale(const struct link *lk)
{
	return lk->lk_state == WIRE_EXECING;
}

static int
send_copied(struct link *lk, const void *data, size_t len)
{
	struct wire_frame f;
	size_t framelen;

	framelen = wire_put_copied(&f, lk->lk_rx.rx_hdr.wh_reqno, len);
	return link_send(lk, &f, framelen, data, len, lk->lk_mask);
}

/*
 * Servers of ours understand that nothing could be read.  A genuine one would
 * read beyond a short answer; it gets zeros, and the call, if it is known which
 * one it is, fails here.
 */
static int
send_fault(struct link *lk, void *buf, size_t len)
{
	link_blame(lk);
	if (lk->lk_ours)
		return send_copied(lk, NULL, 0);
	memset(buf, 0, len);
	return send_copied(lk, buf, len);
}

static int
copyin(struct link *lk, const struct wire_copy *wc, void *buf)
{
	if (is_stale(lk) ||
	    client_memory_read(buf, wc->wc_addr, wc->wc_len) != 0)
		return send_fault(lk, buf, wc->wc_len);
	return send_copied(lk, buf, wc->wc_len);
}

static int
serve_copyin(struct link *lk, const void *data, size_t len)
{
	char small[ON_STACK];
	struct wire_copy wc;
	void *buf;
	int error;

	if (!wire_get_copy(data, len, &wc) || wc.wc_len > WIRE_COPY_MAX)
		return ENOTCONN;
	if (wc.wc_len <= sizeof(small))
		return copyin(lk, &wc, small);
	buf = malloc(wc.wc_len);
	if (buf == NULL)
		return ENOTCONN;
	error = copyin(lk, &wc, buf);
	free(buf);
	return error;
}

static int
copyinstr(struct link *lk, const struct wire_copy *wc, char *buf, size_t max)
{
	size_t got;

	if (is_stale(lk) ||
	    client_memory_read_string(buf, wc->wc_addr, max, &got) != 0)
		return send_fault(lk, buf, max > 0 ? 1 : 0);
	return send_copied(lk, buf, got);
}

static int
serve_copyinstr(struct link *lk, const void *data, size_t len)
{
	char small[ON_STACK];
	struct wire_copy wc;
	size_t max;
	char *buf;
	int error;

	if (!wire_get_copy(data, len, &wc))
		return ENOTCONN;
	max = wc.wc_len < STRING_MAX ? wc.wc_len : STRING_MAX;
	if (max <= sizeof(small))
		return copyinstr(lk, &wc, small, max);
	buf = malloc(max);
	if (buf == NULL)
		return ENOTCONN;
	error = copyinstr(lk, &wc, buf, max);
	free(buf);
	return error;
}

static int
serve_copyout(struct link *lk, const void *data, size_t len)
{
	struct wire_copy wc;

	if (!wire_get_copyout(data, len, &wc))
		return ENOTCONN;
	if (is_stale(lk))
		return 0;
	data = (const char *)data + sizeof(wc);
	if (client_memory_write(wc.wc_addr, data, wc.wc_len) != 0)
		link_blame(lk);
	return 0;
}

static int
serve_anonmmap(struct link *lk, const void *data, size_t len)
{
	struct wire_frame f;
	uint64_t size, addr;
	size_t framelen;

	if (!wire_get_word(data, len, &size))
		return ENOTCONN;
	addr = is_stale(lk) ? 0 : client_memory_map(size);
	framelen = wire_put_mapped(&f, lk->lk_rx.rx_hdr.wh_reqno, addr);
	return link_send(lk, &f, framelen, NULL, 0, lk->lk_mask);
}

/*
 * The protocol does not say which thread the signal is for.  When only this one
 * makes a call, it is the one; else the host picks a thread that wants it.
 */
static int
serve_raise(struct link *lk)
{
	int sig = rump_signal2host((int)lk->lk_rx.rx_hdr.wh_u);

	if (sig == 0)
		return 0;
	if (link_is_alone(lk))
		(void)raise(sig);
	else
		(void)kill(getpid(), sig);
	return 0;
}

int
link_serve(struct link *lk, const void *data, size_t len)
{
	switch (lk->lk_rx.rx_hdr.wh_type) {
	case WIRE_COPYIN:
		return serve_copyin(lk, data, len);
	case WIRE_COPYINSTR:
		return serve_copyinstr(lk, data, len);
	case WIRE_COPYOUT:
	case WIRE_COPYOUTSTR:
		return serve_copyout(lk, data, len);
	case WIRE_ANONMMAP:
		return serve_anonmmap(lk, data, len);
	case WIRE_RAISE:
		return serve_raise(lk);
	default:
		return ENOTCONN;
	}
}
