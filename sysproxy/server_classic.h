/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that speak the genuine protocol, docs/PROTOCOL.md. */
#ifndef SYSPROXY_SERVER_CLASSIC_H
#define SYSPROXY_SERVER_CLASSIC_H

#include <stddef.h>
#include <stdint.h>

struct classic;
struct client;
struct worker;

/*
 * Copying for the call that w is carrying out; 0 or EFAULT.  string: *len is the
 * most, and then what came.  anonmmap: or ENOMEM.
 */
int classic_copyin(struct worker *w, uint64_t from, void *to, size_t len);
int classic_copyinstr(struct worker *w, uint64_t from, char *to, size_t *len);
int classic_copyout(
    struct worker *w, const void *from, uint64_t to, size_t len);
int classic_anonmmap(struct worker *w, size_t len, void **addr);
int classic_raise(struct client *c, int sig);

/* What settling does with such clients. */
void classic_settle_exec(struct client *c);
void classic_destroy(struct classic *cl);

#endif /* !SYSPROXY_SERVER_CLASSIC_H */
