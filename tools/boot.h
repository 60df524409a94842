/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel in this very process, which is to be a server.  Unlike in a hijacked
 * program its libraries are loaded with RTLD_GLOBAL: the server, a part of
 * librumpuser, looks for the kernel's functions by name.
 */
#ifndef TOOLS_BOOT_H
#define TOOLS_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/plan.h"

struct boot_user {
	unsigned bu_umask;
	unsigned long bu_nofile; /* the hard limit */
};

/* What the user of this process gives to the kernel's first process; before
 * the process changes it for itself. */
void boot_user(struct boot_user *bu);
/* What one process may have is not what those that it serves may. */
void boot_raise_limits(void);

/*
 * Load the libraries that lie beside the hijack library: all of them, or, with
 * a plan, those that it needs.  0, or -1 with a line in text.
 */
int boot_load(
    const char *hijack, const struct plan *pl, char *text, size_t size);
/* Load one more, before the start. */
int boot_load_more(const char *path, char *text, size_t size);
/* Is "rumpvfs" or "librumpvfs.so.0" the name of a library of ours? */
bool boot_loaded(const char *name);

/*
 * Go into the background, after loading and before the start; the original
 * process ends with the status that boot_daemonized() is told, which also lets
 * go of the standard descriptors when that is 0.
 */
int boot_daemonize(char *text, size_t size);
void boot_daemonized(int status);

/* Start the kernel.  0, or -1 with a line in text. */
int boot_start(const struct boot_user *bu, char *text, size_t size);

/* Make the mounts of a plan.  0, or -1 after saying what failed. */
int boot_mount(const struct plan *pl);

/* Have a file of the host, which is prepared.  0, or -1 with a line in text. */
struct drive;
int boot_drive(const struct drive *dr, char *text, size_t size);

/* Serve: see rump/rumpserver.h.  0, or -1 with a line in text. */
int boot_adopt(
    int fd, const char *comm, void (*ended)(void), char *text, size_t size);
/* 0, or a NetBSD errno after a line on standard error. */
int boot_listen(const char *url, unsigned flags);
/* Until the last client has ended, or somebody wants the end. */
void boot_wait(void);

/* What a kernel does at its end, and the end of this process. */
void boot_end(void) __attribute__((__noreturn__));

#endif /* !TOOLS_BOOT_H */
