/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory tree and a real NFS server (ganesha) that exports it. */
#ifndef TESTS_INTEGRATION_NFS_SERVER_H
#define TESTS_INTEGRATION_NFS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct nfs_server {
	char top[64]; /* scratch directory */
	char dir[80]; /* what is exported, as /export */
	char state[80];
	pid_t pid;
	unsigned nfsport, mntport;
};

/* True when a server can be run here: root, ganesha, environment. */
bool server_possible(void);
/* Make an empty exported directory and serve it; options as ganesha.py's. */
void server_start(struct nfs_server *s, const char *options);
/* The same in two steps. */
void server_prepare(struct nfs_server *s);
void server_serve(struct nfs_server *s, const char *options);
/* SIGKILL, as a crash would; and the same server again. */
void server_kill(struct nfs_server *s);
void server_restart(struct nfs_server *s);
/* End the server and remove everything. */
void server_stop(struct nfs_server *s);
/* "nfs://127.0.0.1/export?nfsport=..&mountport=.." + more, in static memory. */
const char *server_url(const struct nfs_server *s, const char *more);

#endif /* !TESTS_INTEGRATION_NFS_SERVER_H */
