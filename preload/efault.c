/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call failed with EFAULT: which of its memory may be mapped rump files that
 * are not filled yet, or that no store was seen to?  The letters of the call's
 * format tell for most arguments; vectors and messages are followed.  Calls
 * that only read what they are given make no page dirty.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/mappings.h"
#include "preload/memory.h"

#define STRING_SPAN 4096 /* a path */
#define POINTER_SPAN 512 /* any structure that is not followed */
#define IOVECS_MAX 1024UL

static bool
present_vector(uintptr_t addr, size_t count, bool write)
{
	struct iovec iov;
	bool done;

	if (count > IOVECS_MAX)
		count = IOVECS_MAX;
	done = memory_present(addr, count * sizeof(iov), false);
	for (size_t i = 0; i < count; i++) {
		if (engine_copy(&iov, (struct iovec *)addr + i, sizeof(iov)) !=
		    0)
			break;
		done |=
		    memory_present((uintptr_t)iov.iov_base, iov.iov_len, write);
	}
	return done;
}

static bool
present_message(uintptr_t addr, bool write)
{
	bool done = memory_present(addr, sizeof(struct msghdr), write);
	struct msghdr mh;

	if (engine_copy(&mh, (void *)addr, sizeof(mh)) != 0)
		return done;
	done |= memory_present((uintptr_t)mh.msg_name, mh.msg_namelen, write);
	done |=
	    memory_present((uintptr_t)mh.msg_control, mh.msg_controllen, write);
	return present_vector((uintptr_t)mh.msg_iov, mh.msg_iovlen, write) ||
	       done;
}

static bool
present_messages(uintptr_t addr, size_t count, bool write)
{
	bool done = false;

	for (size_t i = 0; i < count && i < IOVECS_MAX; i++) {
		uintptr_t at = addr + i * sizeof(struct mmsghdr);

		done |= memory_present(at, sizeof(struct mmsghdr), true);
		done |= present_message(at, write);
	}
	return done;
}

/* How much a pointer argument of the given kind may cover. */
static size_t
argument_size(const struct call *c, char letter, int i)
{
	switch (letter) {
	case 'b':
		return i < 5 ? (size_t)c->arg[i + 1] : 0;
	case 's':
	case 'P':
		return STRING_SPAN;
	case 'p':
	case 'a':
		return POINTER_SPAN;
	default:
		return 0;
	}
}

/* Does the call only read what its buffers hold? */
static bool
only_reads(long nr)
{
	switch (nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_vmsplice:
	case SYS_process_vm_writev:
		return true;
	default:
		return false;
	}
}

/* What the arguments' letters do not tell. */
static bool
present_behind(const struct call *c, bool write)
{
	uintptr_t addr = (uintptr_t)c->arg[1];
	size_t count = (size_t)c->arg[2];

	switch (c->nr) {
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv:
	case SYS_pwritev:
	case SYS_preadv2:
	case SYS_pwritev2:
	case SYS_vmsplice:
	case SYS_process_vm_readv:
	case SYS_process_vm_writev:
		return present_vector(addr, count, write);
	case SYS_sendmsg:
	case SYS_recvmsg:
		return present_message(addr, write);
	case SYS_sendmmsg:
	case SYS_recvmmsg:
		return present_messages(addr, (unsigned)count, write);
	case SYS_poll:
	case SYS_ppoll:
		return memory_present((uintptr_t)c->arg[0],
		    (unsigned)c->arg[1] * sizeof(struct pollfd), true);
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return memory_present(
		    addr, (unsigned)count * sizeof(struct epoll_event), true);
	default:
		return false;
	}
}

bool
router_efault(struct call *c)
{
	const struct linux_call *lc;
	bool done = false, write = !only_reads(c->nr);

	if (mappings_n == 0 || !backend_reachable() ||
	    (unsigned long)c->nr >= linux_ncalls)
		return false;
	lc = &linux_calls[c->nr];
	for (int i = 0; i < lc->lc_nargs && lc->lc_format[i] != '\0'; i++) {
		char letter = lc->lc_format[i];
		size_t len = argument_size(c, letter, i);

		if (len != 0)
			done |= memory_present((uintptr_t)c->arg[i], len,
			    write && letter != 's' && letter != 'P');
	}
	return present_behind(c, write) || done;
}
