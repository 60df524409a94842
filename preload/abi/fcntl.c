/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/abi/fcntl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#include "preload/abi/map.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static const struct abi_pair lock_cmds[] = {
	{ F_GETLK, RUMP_F_GETLK },
	{ F_SETLK, RUMP_F_SETLK },
	{ F_SETLKW, RUMP_F_SETLKW },
	{ F_OFD_GETLK, RUMP_F_OFD_GETLK },
	{ F_OFD_SETLK, RUMP_F_OFD_SETLK },
	{ F_OFD_SETLKW, RUMP_F_OFD_SETLKW },
};

static const struct abi_pair lock_types[] = {
	{ F_RDLCK, RUMP_F_RDLCK },
	{ F_WRLCK, RUMP_F_WRLCK },
	{ F_UNLCK, RUMP_F_UNLCK },
};

int
abi_lock_cmd_to_netbsd(int cmd, int *out)
{
	uint32_t value;

	if (!abi_to_netbsd(
		lock_cmds, ABI_NITEMS(lock_cmds), (uint32_t)cmd, &value))
		return EINVAL;
	*out = (int)value;
	return 0;
}

int
abi_flock_to_netbsd(const struct flock *in, struct rump_flock *out)
{
	uint32_t type;

	if (!abi_to_netbsd(lock_types, ABI_NITEMS(lock_types),
		(uint32_t)in->l_type, &type))
		return EINVAL;
	if (in->l_whence < SEEK_SET || in->l_whence > SEEK_END)
		return EINVAL;
	*out = (struct rump_flock){
		.l_start = in->l_start,
		.l_len = in->l_len,
		.l_type = (int16_t)type,
		.l_whence = in->l_whence,
	};
	return 0;
}

void
abi_flock_to_linux(const struct rump_flock *in, struct flock *out)
{
	uint32_t type;

	if (!abi_to_linux(lock_types, ABI_NITEMS(lock_types),
		(uint32_t)in->l_type, &type))
		type = F_UNLCK;
	*out = (struct flock){
		.l_type = (short)type,
		.l_whence = in->l_whence,
		.l_start = in->l_start,
		.l_len = in->l_len,
		.l_pid = in->l_pid,
	};
}

static const struct abi_pair flock_ops[] = {
	{ LOCK_SH, RUMP_LOCK_SH },
	{ LOCK_EX, RUMP_LOCK_EX },
	{ LOCK_NB, RUMP_LOCK_NB },
	{ LOCK_UN, RUMP_LOCK_UN },
};

int
abi_flock_op_to_netbsd(int op, int *out)
{
	uint32_t bits, rest;
	int kind = op & (LOCK_SH | LOCK_EX | LOCK_UN);

	bits = abi_bits_to_netbsd(
	    flock_ops, ABI_NITEMS(flock_ops), (uint32_t)op, &rest);
	if (rest != 0 ||
	    (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN))
		return EINVAL;
	*out = (int)bits;
	return 0;
}

static const struct abi_pair int_ioctls[] = {
	{ FIONREAD, RUMP_FIONREAD },
	{ FIONBIO, RUMP_FIONBIO },
	{ FIOASYNC, RUMP_FIOASYNC },
	{ SIOCOUTQ, RUMP_FIONWRITE },
	{ SIOCATMARK, RUMP_SIOCATMARK },
};

int
abi_ioctl_to_netbsd(unsigned request, unsigned *out)
{
	if (!abi_to_netbsd(int_ioctls, ABI_NITEMS(int_ioctls), request, out))
		return ENOTTY;
	return 0;
}
