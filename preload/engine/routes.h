/* SPDX-License-Identifier: BSD-2-Clause */
/* The routes of signal and process calls; see syscall_table/linux.tbl.  They
 * run on the program's stack and are not deferred. */
#ifndef ENGINE_ROUTES_H
#define ENGINE_ROUTES_H

#include "preload/call.h"

long route_rt_sigaction(struct call *c);
long route_rt_sigprocmask(struct call *c);
long route_rt_sigreturn(struct call *c);
long route_rt_sigsuspend(struct call *c);
long route_rt_sigtimedwait(struct call *c);
long route_rt_sigpending(struct call *c);
long route_sigaltstack(struct call *c);
long route_signalfd(struct call *c);
long route_signalfd4(struct call *c);
long route_clone(struct call *c);
long route_clone3(struct call *c);
long route_fork(struct call *c);
long route_vfork(struct call *c);
long route_execve(struct call *c);
long route_execveat(struct call *c);
long route_exit(struct call *c);
long route_exit_group(struct call *c);
long route_prctl(struct call *c);
long route_seccomp(struct call *c);
long route_unshare(struct call *c);
long route_setns(struct call *c);

#endif /* !ENGINE_ROUTES_H */
