/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's functions that the fast transport calls beside the upcalls of
 * the hypercall interface.  A genuine kernel does not have them: then clients
 * are offered the genuine protocol only.
 */
#ifndef SYSPROXY_SERVER_KERNEL_H
#define SYSPROXY_SERVER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rump/rumphost.h"

struct serverkernel {
	int (*sk_syscall)(int, const void *, size_t, int64_t *);
	void (*sk_interrupt)(void);
	void (*sk_interrupt_clear)(void);
	int (*sk_setcred)(int32_t, const struct rump_hostcred *);
	void (*sk_lwp_setcred)(const struct rump_hostcred *);
	void (*sk_exec)(const char *, const uint32_t *, size_t);
	bool (*sk_lingers)(struct lwp *);
	void (*sk_desert)(bool);
	int (*sk_file_get)(int, struct file **);
	int (*sk_file_install)(struct file *, int *);
	void (*sk_file_put)(struct file *);
	int (*sk_hostfd)(int, int *);
	int (*sk_save_files)(void);
	bool (*sk_stats_watched)(void);
	void (*sk_stats)(
	    void (*)(const char *, const char *, uint64_t, void *), void *);
	int (*sk_report)(
	    const char *, void (*)(const char *, size_t, void *), void *);
	/* Of librumpvfs; all NULL without it. */
	void (*sk_cwd_unshare)(void);
	int (*sk_cwd_path)(char *, size_t);
	void (*sk_escape)(bool);
	size_t (*sk_escaped)(char *, size_t, unsigned *);
	int (*sk_mount_url)(const char *, const char *, char *, size_t);
	int (*sk_map_create)(int, int64_t, size_t, int, int, struct rump_map *);
	int (*sk_map_again)(void *, int64_t, size_t, struct rump_map *);
	int (*sk_map_firm)(void *);
	int (*sk_map_fill)(void *, int64_t, size_t);
	int (*sk_map_size)(void *, int64_t *);
	int (*sk_map_dirty)(void *, int64_t, size_t, int64_t);
	int (*sk_map_punch)(void *, int64_t, size_t);
	int (*sk_map_sync)(void *, int64_t, size_t);
	void (*sk_map_ref)(void *);
	void (*sk_map_destroy)(void *);
	void (*sk_map_drop)(void *, int64_t, size_t);
	void *(*sk_map_clone)(void *);
	void (*sk_map_sethooks)(const struct rump_maphooks *);
	void (*sk_lock_sethook)(_Bool (*)(int32_t, uint64_t *));
	void (*sk_lock_retry)(void);
	/* Of librumpnet; NULL without it. */
	int (*sk_hostsocket)(int, int, int, int, int *);
};
extern struct serverkernel serverkernel;

/* Look for them; once. */
void serverkernel_init(void);
/* Is it a kernel of ours, and is its file system layer there? */
bool serverkernel_is_ours(void);
bool serverkernel_has_files(void);

#endif /* !SYSPROXY_SERVER_KERNEL_H */
