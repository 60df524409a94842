/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call reads goes along with it.  This saves the server from asking; it
 * asks for what is missing, because it is long, bad, or not in the table.
 */
#include "preload/engine/engine.h"
#include "preload/remote_link.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/netbsd_inputs.h"

#define STRING_MAX 4096
#define IOVECS_MAX 1024
/* Some room remains for what the call writes. */
#define STAGE_MAX (FAST_DATA - 4096)

/* Of NetBSD's ioctl commands. */
#define IOCTL_READS 0x80000000u
#define IOCTL_SIZE(command) ((command) >> 16 & 0x1fff)
/* Of those fcntl commands that a file system gets. */
#define FCNTL_SIZE(command) ((command) >> 16 & 0xfff)

struct stage {
	struct fast_slot *st_slot;
	uint32_t st_used; /* of the data */
	uint32_t st_n;    /* ranges */
	uint32_t st_max;  /* a longer range is left to the server */
};

/* STAGE_MAX is aligned, too. */
static void
use(struct stage *st, uint32_t len)
{
	st->st_used += (len + 7) & ~7u;
}

/* The copy in the slot; NULL: it is not there. */
static void *
add_range(struct stage *st, uint64_t addr, uint64_t len)
{
	char *to = fast_data(st->st_slot) + st->st_used;

	if (addr == 0 || len == 0 || len > st->st_max ||
	    len > STAGE_MAX - st->st_used || st->st_n == FAST_RANGES ||
	    engine_copy(to, (const void *)addr, len) != 0)
		return NULL;
	st->st_slot->sl_in[st->st_n++] = (struct fast_range){
		.fr_addr = addr,
		.fr_len = (uint32_t)len,
		.fr_off = st->st_used,
	};
	use(st, (uint32_t)len);
	return to;
}

static void
add_string(struct stage *st, uint64_t addr)
{
	char *to = fast_data(st->st_slot) + st->st_used;
	size_t room = STAGE_MAX - st->st_used;
	long len;

	if (addr == 0 || st->st_n == FAST_RANGES)
		return;
	len = engine_copy_string(
	    to, (const void *)addr, room < STRING_MAX ? room : STRING_MAX);
	if (len < 0)
		return;
	st->st_slot->sl_in[st->st_n++] = (struct fast_range){
		.fr_addr = addr,
		.fr_len = (uint32_t)len + 1,
		.fr_off = st->st_used,
	};
	use(st, (uint32_t)len + 1);
}

static void
add_iovecs(struct stage *st, uint64_t addr, uint64_t n, bool data)
{
	const struct rump_iovec *iov;

	if (n > IOVECS_MAX)
		return;
	iov = add_range(st, addr, n * sizeof(*iov));
	if (iov == NULL || !data)
		return;
	for (uint64_t i = 0; i < n && st->st_n < FAST_RANGES; i++)
		(void)add_range(st, (uint64_t)iov[i].iov_base, iov[i].iov_len);
}

static void
add_message(struct stage *st, uint64_t addr, bool send)
{
	const struct rump_msghdr *mh = add_range(st, addr, sizeof(*mh));

	if (mh == NULL)
		return;
	if (send) {
		(void)add_range(st, (uint64_t)mh->msg_name, mh->msg_namelen);
		(void)add_range(
		    st, (uint64_t)mh->msg_control, mh->msg_controllen);
	}
	add_iovecs(st, (uint64_t)mh->msg_iov, (uint32_t)mh->msg_iovlen, send);
}

static uint32_t
fcntl_size(uint32_t command)
{
	switch (command) {
	case RUMP_F_GETLK:
	case RUMP_F_SETLK:
	case RUMP_F_SETLKW:
		return sizeof(struct rump_flock);
	default:
		return (command & RUMP_F_FSCTL) != 0 &&
			       (command & RUMP_F_FSIN) != 0
			   ? FCNTL_SIZE(command)
			   : 0;
	}
}

static uint64_t
byte_count(const struct netbsd_input *ni, const int64_t *args)
{
	uint64_t count;

	if (ni->ni_count == NETBSD_NO_COUNT)
		return ni->ni_size;
	count = (uint64_t)args[ni->ni_count];
	return count > STAGE_MAX ? 0 : count * ni->ni_size;
}

static void
add_input(struct stage *st, const struct netbsd_input *ni, const int64_t *args)
{
	uint64_t addr = (uint64_t)args[ni->ni_slot], count = 0;

	if (ni->ni_count != NETBSD_NO_COUNT)
		count = (uint32_t)args[ni->ni_count];
	switch (ni->ni_kind) {
	case NETBSD_INPUT_STRING:
		add_string(st, addr);
		break;
	case NETBSD_INPUT_BYTES:
		(void)add_range(st, addr, byte_count(ni, args));
		break;
	case NETBSD_INPUT_IOVECS:
	case NETBSD_INPUT_DATA:
		add_iovecs(st, addr, count, ni->ni_kind == NETBSD_INPUT_DATA);
		break;
	case NETBSD_INPUT_RECVMSG:
	case NETBSD_INPUT_SENDMSG:
		add_message(st, addr, ni->ni_kind == NETBSD_INPUT_SENDMSG);
		break;
	case NETBSD_INPUT_FCNTL:
		(void)add_range(st, addr, fcntl_size((uint32_t)count));
		break;
	case NETBSD_INPUT_IOCTL:
		if ((count & IOCTL_READS) != 0)
			(void)add_range(st, addr, IOCTL_SIZE(count));
		break;
	default:
		break;
	}
}

/* Calls that are not NetBSD's. */
static void
add_fastcall(struct stage *st, int num, const int64_t *args)
{
	if (num != FASTCALL_MOUNT && num != FASTCALL_REPORT)
		return;
	add_string(st, (uint64_t)args[0]);
	if (num == FASTCALL_MOUNT)
		add_string(st, (uint64_t)args[1]);
}

void
remote_stage(
    const struct remote *rm, struct fast_slot *sl, int num, const int64_t *args)
{
	struct stage st = {
		.st_slot = sl,
		.st_max =
		    (rm->rm_flags & FAST_BY_VM) != 0 ? FAST_LARGE : STAGE_MAX,
	};

	if (num < 0 || num >= NETBSD_INPUT_CALLS) {
		add_fastcall(&st, num, args);
	} else {
		const struct netbsd_input *ni = netbsd_inputs[num];

		for (int i = 0; i < NETBSD_INPUTS_MAX &&
				ni[i].ni_kind != NETBSD_INPUT_NONE;
		     i++)
			add_input(&st, &ni[i], args);
	}
	sl->sl_nin = st.st_n;
	sl->sl_inlen = st.st_used;
}
