/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake kernel's side of the birth of a process, which it counts. */
#ifndef FAKE_BIRTHS_H
#define FAKE_BIRTHS_H

#include <stdatomic.h>
#include <stdbool.h>

/* In memory that parents and children share. */
struct fake_births {
	atomic_int fb_begun; /* in parents */
	atomic_int fb_over;
	atomic_int fb_failed;   /* ... of these */
	atomic_int fb_borrowed; /* in children */
	atomic_int fb_forked;
	atomic_int fb_sharing; /* ... of these, with a table that is shared */
	atomic_int fb_wrong;   /* not where it belongs, or signals are open */
};

/* Count from now on. */
void fake_births_start(struct fake_births *fb);
/* From router_forked(). */
void fake_births_forked(bool shares);

#endif /* !FAKE_BIRTHS_H */
