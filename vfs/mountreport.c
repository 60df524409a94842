/* SPDX-License-Identifier: BSD-2-Clause */
/* The report "mounts": a line for each, in the words of mount(8). */
#include "vfs/mountreport.h"

#include "kern/netbsd.h"
#include "kern/report.h"
#include "vfs/mount.h"

static void
print_mount(struct sink *sk, const struct mount *mp)
{
	uint32_t flag = mp->mnt_flag;

	sink_puts(sk, mp->mnt_fromname);
	sink_puts(sk, " on ");
	sink_puts(sk, mp->mnt_onname);
	sink_printf(sk, " type %s (%s%s)\n", mp->mnt_op->vfs_name,
	    (flag & MNT_RDONLY) != 0 ? "read-only" : "read-write",
	    (flag & MNT_SYNCHRONOUS) != 0 ? ", synchronous" : "");
}

static void
print_mounts(struct sink *sk)
{
	struct mount *mp;

	for (size_t n = 0; (mp = mount_nth(n)) != NULL; n++) {
		print_mount(sk, mp);
		mount_unref(mp);
	}
}

static struct report report = {
	.rp_name = "mounts",
	.rp_print = print_mounts,
};

void
mountreport_init(void)
{
	report_attach(&report, 1);
}
