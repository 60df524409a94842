/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/client_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Above what programs use by number, and below where a hijack library may
 * begin to number those of a kernel. */
#define KEPT_FROM 200

int (*host_socket)(int, int, int);
int (*host_close)(int);
int (*host_connect)(int, const struct sockaddr *, socklen_t);
int (*host_fcntl)(int, int, ...);
int (*host_poll)(struct pollfd *, nfds_t, int);
ssize_t (*host_read)(int, void *, size_t);
ssize_t (*host_sendmsg)(int, const struct msghdr *, int);
int (*host_setsockopt)(int, int, int, const void *, socklen_t);
int (*host_dup)(int);
int (*host_execve)(const char *, char *const *, char *const *);
int (*host_signalfd)(int, const sigset_t *, int);

__attribute__((__weak__)) void *
rumphijack_dlsym(void *handle, const char *name)
{
	return dlsym(handle, name);
}

static int
find(const char *name, void *pointer)
{
	void *function = rumphijack_dlsym(RTLD_NEXT, name);

	if (function == NULL) {
		fprintf(stderr, "rumpclient: no function %s\n", name);
		return ENOSYS;
	}
	*(void **)pointer = function;
	return 0;
}

int
client_host_init(void)
{
	const struct {
		const char *name;
		void *pointer;
	} wanted[] = {
		{ "socket", &host_socket },
		{ "close", &host_close },
		{ "connect", &host_connect },
		{ "fcntl", &host_fcntl },
		{ "poll", &host_poll },
		{ "read", &host_read },
		{ "sendmsg", &host_sendmsg },
		{ "setsockopt", &host_setsockopt },
		{ "dup", &host_dup },
		{ "execve", &host_execve },
		{ "signalfd", &host_signalfd },
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (error == 0)
			error = find(wanted[i].name, wanted[i].pointer);
	return error;
}

int
client_host_copy(int fd, int *copy)
{
	int high = host_fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FROM);

	if (high == -1 && errno == EINVAL) /* behind the limit */
		high = host_fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high == -1)
		return errno;
	*copy = high;
	return 0;
}

int
client_host_keep(int fd, int *kept)
{
	int error = client_host_copy(fd, kept);

	(void)host_close(fd);
	return error;
}

int
client_host_wait(int fd, short events, const sigset_t *mask)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	long n;

	n = syscall(SYS_ppoll, &pfd, 1, NULL, mask, sizeof(unsigned long));
	return n < 0 ? errno : 0;
}
