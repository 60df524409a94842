/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of Linux's tables of mounts, /proc/PID/mounts and /proc/PID/mountinfo.
 * Pure. */
#ifndef PRELOAD_MOUNTLINE_H
#define PRELOAD_MOUNTLINE_H

#include <stddef.h>

struct text;

struct mountline {
	const char *ml_type; /* Linux's name of it */
	const char *ml_from;
	const char *ml_on;
	unsigned long ml_flags; /* as statfs(2) shows them */
	unsigned ml_major;      /* mountinfo only, from here */
	unsigned ml_minor;
	unsigned ml_id;
	unsigned ml_parent;
};

/* Put the line, with its newline. */
void mountline_put(struct text *t, const struct mountline *ml);
void mountline_put_info(struct text *t, const struct mountline *ml);

/* The identity of the mount that path, absolute and normalised, lies on
 * according to a mountinfo of len bytes; 0: it has none. */
unsigned mountline_holder(const char *info, size_t len, const char *path);

#endif /* !PRELOAD_MOUNTLINE_H */
