/* SPDX-License-Identifier: BSD-2-Clause */
/* fcntl(2) commands, record locks, ioctl(2) requests. */
#ifndef PRELOAD_ABI_FCNTL_H
#define PRELOAD_ABI_FCNTL_H

struct flock;
struct rump_flock;

/* F_GETLK, F_SETLK, F_SETLKW as NetBSD's; 0 or EINVAL. */
int abi_lock_cmd_to_netbsd(int cmd, int *out);
/* 0 or EINVAL (l_type, l_whence). */
int abi_flock_to_netbsd(const struct flock *in, struct rump_flock *out);
void abi_flock_to_linux(const struct rump_flock *in, struct flock *out);
/* LOCK_SH, LOCK_EX, LOCK_UN, LOCK_NB; 0 or EINVAL. */
int abi_flock_op_to_netbsd(int op, int *out);

/* A Linux ioctl request that passes an int both ways, as NetBSD's; 0 or
 * ENOTTY. */
int abi_ioctl_to_netbsd(unsigned request, unsigned *out);

#endif /* !PRELOAD_ABI_FCNTL_H */
