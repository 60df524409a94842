/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server is started by tests/lib/ganesha.py (GANESHA names it, NOREG the
 * preload that it needs), which leaves its configuration in the state
 * directory: a restart after a crash runs the same command on the same ports.
 */
#include "tests/integration/nfs/server.h"
#include "tests/lib/scratch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

bool
server_possible(void)
{
	return geteuid() == 0 && getenv("GANESHA") != NULL &&
	       getenv("NOREG") != NULL &&
	       system("command -v ganesha.nfsd >/dev/null") == 0;
}

void
server_prepare(struct nfs_server *s)
{
	must(scratch_make(s->top), "mkdtemp");
	snprintf(s->dir, sizeof(s->dir), "%s/export", s->top);
	snprintf(s->state, sizeof(s->state), "%s/server", s->top);
	must(mkdir(s->dir, 0755) == 0, "mkdir");
	must(chmod(s->top, 0755) == 0, "chmod");
}

void
server_serve(struct nfs_server *s, const char *options)
{
	char command[1024];
	FILE *f;
	int pid;

	snprintf(command, sizeof(command), "python3 '%s' start '%s' '%s' %s",
	    getenv("GANESHA"), s->dir, s->state, options);
	f = popen(command, "r");
	must(f != NULL, "popen");
	must(fscanf(f, "%d %u %u", &pid, &s->nfsport, &s->mntport) == 3,
	    "ganesha.py");
	must(pclose(f) == 0, "ganesha.py");
	s->pid = pid;
}

void
server_start(struct nfs_server *s, const char *options)
{
	server_prepare(s);
	server_serve(s, options);
}

void
server_kill(struct nfs_server *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	/* Not our child at first: gone when nobody of that number is left. */
	while (waitpid(s->pid, NULL, 0) != s->pid && kill(s->pid, 0) == 0)
		sched_yield();
	s->pid = 0;
}

static bool
log_says_ready(const char *log)
{
	char line[512];
	bool ready = false;
	FILE *f = fopen(log, "r");

	while (f != NULL && !ready && fgets(line, sizeof(line), f) != NULL)
		ready = strstr(line, "NFS SERVER INITIALIZED") != NULL;
	if (f != NULL)
		fclose(f);
	return ready;
}

void
server_restart(struct nfs_server *s)
{
	char conf[128], log[128], pidfile[128];

	snprintf(conf, sizeof(conf), "%s/ganesha.conf", s->state);
	snprintf(log, sizeof(log), "%s/log2", s->state);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", s->state);
	unlink(log);
	s->pid = fork();
	must(s->pid >= 0, "fork");
	if (s->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		setsid();
		setenv("LD_PRELOAD", getenv("NOREG"), 1);
		execlp("ganesha.nfsd", "ganesha.nfsd", "-F", "-f", conf, "-L",
		    log, "-p", pidfile, "-N", "NIV_EVENT", (char *)NULL);
		_exit(127);
	}
	while (!log_says_ready(log))
		must(kill(s->pid, 0) == 0, "ganesha.nfsd");
}

void
server_stop(struct nfs_server *s)
{
	char command[128];

	server_kill(s);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->top);
	must(system(command) == 0, "rm");
}

const char *
server_url(const struct nfs_server *s, const char *more)
{
	static char url[512];

	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/export?nfsport=%u&mountport=%u%s", s->nfsport,
	    s->mntport, more);
	return url;
}
