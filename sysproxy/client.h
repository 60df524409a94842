/* SPDX-License-Identifier: BSD-2-Clause */
/* The process as a client: what client.c, client_fork.c and client_exec.c
 * share. */
#ifndef SYSPROXY_CLIENT_H
#define SYSPROXY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sysproxy/address.h"
#include "sysproxy/client_link.h"

/* Where the server is; for the exec of a program with another directory. */
extern struct address client_address;
extern bool client_address_was_relative;

/*
 * The link of the calling process, with a reference, or NULL.  Signals are
 * held.
 */
struct link *client_get(void);
/*
 * Make lk, whose reference is taken, the link of the calling process: a child
 * of vfork(2) has an entry of its own beside its parent's.  ENOMEM.
 */
int client_install(struct link *lk);
/* Forget the link of a child of vfork(2) that has left this memory. */
void client_forget(pid_t pid);

/*
 * Connect and say who we are: a new guest, or the process that auth stands for
 * (then cancel: it is not wanted any more, and there is no link).  Sleeps with
 * the caller's signals.  A host errno.
 */
int client_open(const uint32_t *auth, bool cancel, struct link **lkp);
/* The handshake of an exec over a link. */
int client_greet_exec(struct link *lk);
/* Make a call on the process's link by the rules of rumpclient_setconnretry().
 * A host errno. */
int client_call(struct call *ca);
/* The errno for an answer of class WIRE_ERROR; 0 for others. */
int client_answer_error(const struct wire_hdr *h);

/* What the previous program left for this one; ENOENT: nothing. */
int client_exec_resume(struct link **lkp);

/* The command's name for the server. */
#define CLIENT_NAME_MAX 16
void client_name(char name[CLIENT_NAME_MAX]);

#endif /* !SYSPROXY_CLIENT_H */
