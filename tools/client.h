/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of a running kernel, for the subcommands that look at one: one call
 * at a time, over the fast transport (sysproxy/fast.h), which only servers of
 * rumpkit at unix:// addresses speak; or, in a tree, through the hijack library.
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

/* Is this process one of a tree with a kernel?  Then that is the one to talk to
 * if nobody names another: */
bool client_in_tree(void);
/* ... and does it answer?  After that. */
bool client_reaches_tree(void);
/* 0, or -1 with a line in text. */
int client_of_tree(struct client **clp, char *text, size_t size);

/* url is of serverurl_client().  0, or -1 with a line in text. */
int client_connect(
    const char *url, struct client **clp, char *text, size_t size);
void client_disconnect(struct client *cl);

/* Memory that a call is passed the address of. */
struct client_memory {
	const void *cm_in; /* the call reads it, or NULL */
	void *cm_out;      /* it writes it, or NULL */
	size_t cm_len;
};
#define CLIENT_MEMORIES 4
#define CLIENT_ARGS 8

struct client_call {
	int cc_num; /* NetBSD system call or FASTCALL_* */
	int64_t cc_args[CLIENT_ARGS];
	struct client_memory cc_memory[CLIENT_MEMORIES];
	int64_t cc_retval[2]; /* result */
};

/* 0, a NetBSD errno, or -1: the server is gone. */
int client_call(struct client *cl, struct client_call *cc);

bool client_is_of_tree(const struct client *cl);

/* Wait until the server has hung up. */
void client_await_end(const struct client *cl);

/* The text of a report of the kernel, or of the server's "clients" and "stats",
 * to be freed.  0, a NetBSD errno, or -1. */
int client_report(struct client *cl, const char *name, char **textp);

#endif /* !TOOLS_CLIENT_H */
