/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seccomp_docker COMMAND [ARGUMENT ...]: run COMMAND under a filter with the
 * effect of Docker's default profile on a container without capabilities:
 * calls that the profile leaves out fail with EPERM, clone3 with ENOSYS,
 * clone and unshare cannot make namespaces.
 */
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <unistd.h>

static const int forbidden[] = {
	SCMP_SYS(acct),
	SCMP_SYS(add_key),
	SCMP_SYS(bpf),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(clock_settime),
	SCMP_SYS(delete_module),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(finit_module),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fspick),
	SCMP_SYS(init_module),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(ioperm),
	SCMP_SYS(iopl),
	SCMP_SYS(kcmp),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(kexec_load),
	SCMP_SYS(keyctl),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(mbind),
	SCMP_SYS(mount),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(move_mount),
	SCMP_SYS(move_pages),
	SCMP_SYS(nfsservctl),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(pivot_root),
	SCMP_SYS(quotactl),
	SCMP_SYS(reboot),
	SCMP_SYS(request_key),
	SCMP_SYS(set_mempolicy),
	SCMP_SYS(setdomainname),
	SCMP_SYS(setns),
	SCMP_SYS(settimeofday),
	SCMP_SYS(swapoff),
	SCMP_SYS(swapon),
	SCMP_SYS(sysfs),
	SCMP_SYS(umount2),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(ustat),
	SCMP_SYS(vm86),
	SCMP_SYS(vmsplice),
};

#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx;

	if (argc < 2)
		errx(2, "usage: seccomp_docker command [argument ...]");
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (ctx == NULL)
		errx(1, "seccomp_init");
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		(void)seccomp_rule_add(
		    ctx, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
	(void)seccomp_rule_add(
	    ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (int bit = 0; bit < 32; bit++)
		if ((NAMESPACES & 1u << bit) != 0)
			(void)seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
			    SCMP_SYS(clone), 1,
			    SCMP_A0(SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit));
	if (seccomp_load(ctx) != 0)
		errx(1, "seccomp_load");
	execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
