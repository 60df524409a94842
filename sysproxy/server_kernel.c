/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/server_kernel.h"

#include <dlfcn.h>
#include <string.h>

struct serverkernel serverkernel;

#define SYMBOL(member, name)                                                   \
	{                                                                      \
		offsetof(struct serverkernel, member), name                    \
	}
static const struct symbol {
	size_t offset;
	const char *name;
} core[] = {
	SYMBOL(sk_syscall, "rump_syscall"),
	SYMBOL(sk_interrupt, "rump_interrupt"),
	SYMBOL(sk_interrupt_clear, "rump_interrupt_clear"),
	SYMBOL(sk_setcred, "rump_proc_setcred"),
	SYMBOL(sk_lwp_setcred, "rump_lwp_setcred"),
	SYMBOL(sk_exec, "rump_proc_exec"),
	SYMBOL(sk_lingers, "rump_proc_lingers"),
	SYMBOL(sk_desert, "rump_desert"),
	SYMBOL(sk_file_get, "rump_file_get"),
	SYMBOL(sk_file_install, "rump_file_install"),
	SYMBOL(sk_file_put, "rump_file_put"),
	SYMBOL(sk_hostfd, "rump_hostfd"),
	SYMBOL(sk_stats, "rump_stats_iterate"),
	SYMBOL(sk_stats_watched, "rump_stats_watched"),
	SYMBOL(sk_report, "rump_report"),
}, files[] = {
	SYMBOL(sk_cwd_unshare, "rump_cwd_unshare"),
	SYMBOL(sk_cwd_path, "rump_cwd_path"),
	SYMBOL(sk_save_files, "rump_save_files"),
	SYMBOL(sk_escape, "rump_namei_escape_lwp"),
	SYMBOL(sk_escaped, "rump_namei_escaped"),
	SYMBOL(sk_mount_url, "rump_mount_url"),
	SYMBOL(sk_map_create, "rump_map_create"),
	SYMBOL(sk_map_again, "rump_map_again"),
	SYMBOL(sk_map_firm, "rump_map_firm"),
	SYMBOL(sk_map_fill, "rump_map_fill"),
	SYMBOL(sk_map_size, "rump_map_size"),
	SYMBOL(sk_map_dirty, "rump_map_dirty"),
	SYMBOL(sk_map_punch, "rump_map_punch"),
	SYMBOL(sk_map_sync, "rump_map_sync"),
	SYMBOL(sk_map_ref, "rump_map_ref"),
	SYMBOL(sk_map_destroy, "rump_map_destroy"),
	SYMBOL(sk_map_drop, "rump_map_drop"),
	SYMBOL(sk_map_clone, "rump_map_clone"),
	SYMBOL(sk_map_sethooks, "rump_map_sethooks"),
	SYMBOL(sk_lock_sethook, "rump_lock_sethook"),
	SYMBOL(sk_lock_retry, "rump_lock_retry"),
}, net[] = {
	SYMBOL(sk_hostsocket, "rump_hostsocket"),
};
#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static bool has_core, has_files;

static bool
find(const struct symbol *symbols, size_t n)
{
	void *sym;

	for (size_t i = 0; i < n; i++) {
		sym = dlsym(RTLD_DEFAULT, symbols[i].name);
		if (sym == NULL)
			return false;
		memcpy((char *)&serverkernel + symbols[i].offset, &sym,
		    sizeof(sym));
	}
	return true;
}

void
serverkernel_init(void)
{
	has_core = find(core, NITEMS(core));
	has_files = has_core && find(files, NITEMS(files));
	if (has_core)
		(void)find(net, NITEMS(net));
}

bool
serverkernel_is_ours(void)
{
	return has_core;
}

bool
serverkernel_has_files(void)
{
	return has_files;
}
