/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that is replaced and remains the process of the kernel: the
 * connection is handed over by number in the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpclient.h"
#include "sysproxy/client.h"
#include "sysproxy/client_host.h"
#include "sysproxy/client_signals.h"

#define EXECFD "RUMPCLIENT__EXECFD"
#define PARSED "RUMP__PARSEDSERVER"
#define OURS "RUMPKIT__OURS" /* beside EXECFD: the server is one of ours */

/* What is added to an environment; the last ones only if not empty. */
struct additions {
	char ad_execfd[sizeof(EXECFD "=2147483647,2147483647")];
	char ad_parsed[sizeof(PARSED "=") + ADDRESS_URL_MAX];
	char ad_ours[sizeof(OURS "=yes")];
};

/* Memory of the last attempt; a vfork child cannot free it itself. */
static _Atomic(char **) left_over;

/* The new program's side. */

static bool
take_number(const char **sp, char behind, int *number)
{
	char *end;
	long n;

	if (**sp < '0' || **sp > '9')
		return false;
	errno = 0;
	n = strtol(*sp, &end, 10);
	if (errno != 0 || n > INT_MAX || *end != behind)
		return false;
	*sp = end + 1;
	*number = (int)n;
	return true;
}

static bool
is_stream_socket(int fd)
{
	int type = -1;
	socklen_t len = sizeof(type);

	return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) ==
		   0 &&
	       type == SOCK_STREAM;
}

static bool
is_signalfd(int fd)
{
	sigset_t none;

	sigemptyset(&none);
	return host_signalfd(fd, &none, 0) != -1;
}

static int
resume(int fd, int sigfd, bool ours, struct link **lkp)
{
	struct link *lk;
	int error;

	(void)host_fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)host_fcntl(sigfd, F_SETFD, FD_CLOEXEC);
	error = link_create(fd, sigfd, WIRE_RUNNING, ours, &lk);
	if (error != 0)
		return error;
	error = client_greet_exec(lk);
	if (error != 0) {
		link_unref(lk);
		return error;
	}
	*lkp = lk;
	return 0;
}

int
client_exec_resume(struct link **lkp)
{
	const char *value = getenv(EXECFD);
	bool good, ours = getenv(OURS) != NULL;
	int fd, sigfd;

	if (value == NULL)
		return ENOENT;
	good = take_number(&value, ',', &fd) &&
	       take_number(&value, '\0', &sigfd) && is_stream_socket(fd) &&
	       is_signalfd(sigfd);
	(void)unsetenv(EXECFD);
	(void)unsetenv(OURS);
	if (!good) {
		fprintf(stderr,
		    "rumpclient: " EXECFD " does not name a connection\n");
		return EINVAL;
	}
	return resume(fd, sigfd, ours, lkp);
}

/* The old program's side. */

static bool
is_variable(const char *s, const char *name)
{
	size_t len = strlen(name);

	return strncmp(s, name, len) == 0 && s[len] == '=';
}

static size_t
count(char *const envp[])
{
	size_t n = 0;

	while (envp[n] != NULL)
		n++;
	return n;
}

static bool
is_ours_to_set(const char *s)
{
	return is_variable(s, EXECFD) || is_variable(s, PARSED) ||
	       is_variable(s, OURS);
}

/* The environment with our additions, in one piece of memory. */
static char **
make_environment(char *const envp[], const struct additions *ad)
{
	size_t n = count(envp), out = 0;
	struct additions *kept;
	char **list;

	list = malloc((n + 4) * sizeof(*list) + sizeof(*ad));
	if (list == NULL)
		return NULL;
	kept = memcpy(&list[n + 4], ad, sizeof(*ad));
	for (size_t i = 0; i < n; i++)
		if (!is_ours_to_set(envp[i]))
			list[out++] = envp[i];
	list[out++] = kept->ad_execfd;
	if (kept->ad_parsed[0] != '\0')
		list[out++] = kept->ad_parsed;
	if (kept->ad_ours[0] != '\0')
		list[out++] = kept->ad_ours;
	list[out] = NULL;
	free(atomic_exchange(&left_over, list));
	return list;
}

/* Would the new program find the server by itself? */
static bool
needs_parsed(char *const envp[])
{
	if (client_address_was_relative || getenv(PARSED) != NULL)
		return true;
	for (size_t i = 0; envp[i] != NULL; i++)
		if (is_variable(envp[i], "RUMP_SERVER"))
			return false;
	return true;
}

static void
make_additions(struct link *lk, char *const envp[], struct additions *ad)
{
	char url[ADDRESS_URL_MAX];
	int fds[2];

	memset(ad, 0, sizeof(*ad));
	link_descriptors(lk, fds);
	(void)snprintf(ad->ad_execfd, sizeof(ad->ad_execfd), EXECFD "=%d,%d",
	    fds[0], fds[1]);
	if (link_is_ours(lk))
		memcpy(ad->ad_ours, OURS "=yes", sizeof(ad->ad_ours));
	if (!needs_parsed(envp))
		return;
	address_format(&client_address, url);
	(void)snprintf(ad->ad_parsed, sizeof(ad->ad_parsed), PARSED "=%s", url);
}

static void
set_inherited(const int fds[2], bool inherited)
{
	for (int i = 0; i < 2; i++)
		(void)host_fcntl(fds[i], F_SETFD, inherited ? 0 : FD_CLOEXEC);
}

/* The link is frozen: no other thread is inside a frame when it ends. */
static int
replace(struct link *lk, const char *path, char *const argv[],
    char *const envp[], const struct held *he)
{
	struct additions ad;
	struct held again;
	char **list;
	int fds[2], error;

	make_additions(lk, envp, &ad);
	list = make_environment(envp, &ad);
	if (list == NULL)
		return ENOMEM;
	link_descriptors(lk, fds);
	set_inherited(fds, true);
	client_signals_release(he); /* the new program inherits the mask */
	(void)host_execve(path, argv, list);
	error = errno;
	client_signals_hold(&again);
	set_inherited(fds, false);
	return error;
}

static int
freeze_and_replace(struct link *lk, const char *path, char *const argv[],
    char *const envp[], const struct held *he)
{
	int error = link_freeze(lk, &he->he_mask);

	if (error != 0)
		return error;
	error = replace(lk, path, argv, envp, he);
	link_thaw(lk);
	return error;
}

int
rumpclient_exec(const char *path, char *const argv[], char *const envp[])
{
	static char *const nothing[] = { NULL };
	struct link *lk;
	struct held he;
	int error = ENOTCONN;

	if (envp == NULL) /* as for execve(2) */
		envp = nothing;
	client_signals_hold(&he);
	lk = client_get();
	if (lk != NULL) {
		error = freeze_and_replace(lk, path, argv, envp, &he);
		link_unref(lk);
	}
	client_signals_release(&he);
	errno = error;
	return -1;
}
