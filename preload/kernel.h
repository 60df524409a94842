/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel in this process.  Its libraries are loaded with RTLD_LOCAL, so
 * that neither they nor what they need enter the program's symbol scope, and
 * are reached through the functions found here.
 */
#ifndef PRELOAD_KERNEL_H
#define PRELOAD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rump/rump.h"
#include "rump/rumphost.h"

struct rumpuser_hostops;

struct kernel {
	void (*k_set_hostops)(const struct rumpuser_hostops *);
	void (*k_setsigmodel)(enum rump_sigmodel);
	int (*k_init)(void);
	int (*k_syscall)(int, const void *, size_t, int64_t *);
	uintptr_t (*k_copy_fixup)(uintptr_t);
	void (*k_interrupt)(void);
	void (*k_interrupt_clear)(void);
	void (*k_thread_fini)(void);
	int (*k_save_files)(void);
	void (*k_exit_prepare)(void);
	void (*k_set_hostcred)(
	    uint32_t, uint32_t, uint32_t, uint32_t, size_t, const uint32_t *);
	/* In this process alone: a server is told with each call. */
	void (*k_lwp_setcred)(const struct rump_hostcred *);
	void (*k_escape_set)(bool);
	size_t (*k_escaped)(char *, size_t, unsigned *);
	int (*k_map_create)(int, int64_t, size_t, int, int, struct rump_map *);
	/* rm_hostfd of k_map_create() has been used; it may be gone. */
	void (*k_map_mapped)(int);
	int (*k_map_fill)(void *, int64_t, size_t);
	int (*k_map_again)(void *, int64_t, size_t, struct rump_map *);
	int (*k_map_size)(void *, int64_t *);
	int (*k_map_dirty)(void *, int64_t, size_t, int64_t);
	int (*k_map_punch)(void *, int64_t, size_t);
	int (*k_map_sync)(void *, int64_t, size_t);
	void (*k_map_sethooks)(const struct rump_maphooks *);
	void (*k_map_ref)(void *);
	void (*k_map_destroy)(void *);
	void (*k_map_drop)(void *, int64_t, size_t);
	int (*k_hostfd)(int, int *);
	int (*k_hostsocket)(int, int, int, int, int *);
	int (*k_mount_url)(const char *, const char *, char *, size_t);
	bool (*k_stats_watched)(void);
	void (*k_stats)(
	    void (*)(const char *, const char *, uint64_t, void *), void *);
	int (*k_report)(
	    const char *, void (*)(const char *, size_t, void *), void *);
	void (*k_threads_park)(void);
	void (*k_threads_unpark)(void);
};

extern struct kernel kernel;

/*
 * Load the libraries, boot, set credentials.  On failure false, and one line
 * in text.  Runs libc code: from the constructor only.
 */
bool kernel_start(const char *libdir, char *text, size_t size);

#endif /* !PRELOAD_KERNEL_H */
