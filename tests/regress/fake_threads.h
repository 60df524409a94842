/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the fake kernel's own; see fake_router.c for the calls. */
#ifndef FAKE_THREADS_H
#define FAKE_THREADS_H

/* From router_init(). */
void fake_threads_init(void);
/* From router_forked(). */
void fake_threads_forked(void);
/* Start one; what getppid() says in it, or -errno. */
long fake_threads_start(void);
/* How many run. */
long fake_threads_running(void);
/* Make n that end at once, and join every second one: 0 or -errno. */
long fake_threads_burst(long n);
/* End them all: 0, or -EBUSY when that does not happen. */
long fake_threads_stop(void);

#endif /* !FAKE_THREADS_H */
