/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host is asked first: it knows who may look at whom, and what is at that
 * number is a placeholder if it is the kernel's.  The rest the server knows, of
 * processes that have called it since they were made or executed something
 * (sysproxy/server_look.c); of others, the host's answer stands.
 */
#include "preload/procother.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fdslots.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

/* What the placeholder of a descriptor looks like. */
#define PLACEHOLDER "/proc/self"

/* Does the host show the link, and, unless text is NULL, with this text? */
static bool
host_shows(long pid, long fd, const char *text)
{
	char link[64], shown[sizeof(PLACEHOLDER)];
	struct text t;
	long n;

	text_init(&t, link, sizeof(link));
	text_put(&t, "/proc/");
	text_dec(&t, pid);
	text_put(&t, fd >= 0 ? "/fd/" : "/cwd");
	if (fd >= 0)
		text_dec(&t, fd);
	n = HOST(SYS_readlink, link, shown, sizeof(shown), 0, 0, 0);
	if (n <= 0)
		return false;
	if (text == NULL)
		return true;
	if (n == sizeof(shown))
		return false;
	shown[n] = '\0';
	return text_equal(shown, text);
}

/* The program's path of the kernel's, and the rule that leads from the one to the
 * other.  NS_HOST: the program has none. */
static int
program_path(const char *kernel_path, char *path)
{
	struct place *pl = place_create();
	int found = NS_HOST;

	for (unsigned i = 0;
	     pl != NULL && found == NS_HOST && i < names_now()->ns_n; i++) {
		if (namespace_program_path(names_now(), (int)i, kernel_path,
			path, PATHBUF_SIZE) != 0 &&
		    place_decide(pl, path) == 0 && pl->pl_rump &&
		    text_equal(pl->pl_path, kernel_path))
			found = pl->pl_rule;
	}
	if (pl != NULL)
		place_destroy(pl);
	return found;
}

static int
kernel_call(int num, int fd, int64_t a, int64_t b)
{
	int64_t args[BACKEND_SLOTS] = { fd, a, b }, retval[2];

	return (int)rump_backend_syscall(num, args, retval);
}

/* By which rule the program would have found what fd is. */
static int
rule_of(int fd)
{
	char *kernel_path = pool_get(&pathbufs), *path = pool_get(&pathbufs);
	int rule = NS_HOST;

	if (kernel_path != NULL && path != NULL) {
		kernel_path[0] = '\0';
		if (kernel_call(RUMP_SYS_fcntl, fd, (int64_t)RUMP_F_GETPATH,
			(int64_t)kernel_path) == 0)
			rule = program_path(kernel_path, path);
	}
	if (path != NULL)
		pool_put(&pathbufs, path);
	if (kernel_path != NULL)
		pool_put(&pathbufs, kernel_path);
	return rule != NS_HOST ? rule : 0;
}

/* path: that it was opened by, or "". */
static struct rfile *
file_of(int fd, const char *path)
{
	struct rump_stat st = { 0 };
	struct rfile *rf = NULL;

	if (kernel_call(RUMP_SYS_fstat, fd, (int64_t)&st, 0) == 0)
		rf = S_ISSOCK(st.st_mode)
			 ? rfile_create(fd, RF_SOCKET, NS_HOST, false)
			 : rfile_create(fd, RF_FILE, rule_of(fd), false);
	if (rf == NULL)
		(void)kernel_call(RUMP_SYS_close, fd, 0, 0);
	else if (path[0] == '/')
		rf->rf_path = string_keep(path);
	return rf;
}

static bool
may_ask(void)
{
	return backend_state == BACKEND_SERVER && backend_reachable();
}

struct rfile *
procother_file(long pid, long fd)
{
	struct rfile *rf = NULL;
	char *path;
	int rumpfd;

	if (!may_ask() || !host_shows(pid, fd, PLACEHOLDER))
		return NULL;
	path = pool_get(&pathbufs);
	if (path == NULL)
		return NULL;
	if (remote_look_file(pid, fd, path, PATHBUF_SIZE, &rumpfd) == 0)
		rf = file_of(rumpfd, path);
	pool_put(&pathbufs, path);
	return rf;
}

int
procother_cwd(long pid, char *path)
{
	char *kernel_path;
	int rule = NS_HOST;

	if (!may_ask() || !host_shows(pid, -1, NULL))
		return NS_HOST;
	kernel_path = pool_get(&pathbufs);
	if (kernel_path == NULL)
		return NS_HOST;
	if (remote_look_cwd(pid, kernel_path, PATHBUF_SIZE) == 0)
		rule = program_path(kernel_path, path);
	pool_put(&pathbufs, kernel_path);
	return rule;
}
