/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host says about the process at the other end. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rumphost.h"

#include "rumpuser/text.h"
#include "sysproxy/server.h"

/* 65536 groups, which is as many as the host allows, have 11 bytes each. */
#define STATUS_FIRST 4096
#define STATUS_MAX (1024 * 1024)
#define NAMESPACES 33        /* of processes, one in the other */
#define PEER_GROUPS_MAX 4096 /* more are none */

/* Up to n numbers behind the line's name; returns how many there are. */
static uint32_t
numbers(const char *text, const char *name, uint32_t *out, uint32_t n)
{
	const char *p = strstr(text, name);
	uint32_t i = 0;
	char *end;

	if (p == NULL)
		return 0;
	p += strlen(name);
	while (i < n) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p < '0' || *p > '9')
			break;
		out[i++] = (uint32_t)strtoul(p, &end, 10);
		p = end;
	}
	return i;
}

/* Room for more than len bytes and a NUL; false: that is too much. */
static bool
grow(char **text, size_t *size, size_t len)
{
	size_t larger = *size == 0 ? STATUS_FIRST : 4 * *size;
	char *moved;

	if (len + 1 < *size)
		return true;
	moved = larger <= STATUS_MAX ? realloc(*text, larger) : NULL;
	if (moved == NULL)
		return false;
	*text = moved;
	*size = larger;
	return true;
}

/* All that is in there, with a NUL; NULL: it cannot be read. */
static char *
read_all(int fd)
{
	size_t size = 0, len = 0;
	char *text = NULL;
	ssize_t n = -1;

	while (grow(&text, &size, len)) {
		n = read(fd, text + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n == 0 && len > 0) {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

/* To be freed. */
static char *
read_status(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd);
	(void)close(fd);
	return text;
}

static bool
parse_status(const char *text, struct peer *p)
{
	const char *mask;

	/* The command's name, in the first line, cannot contain a newline. */
	if (numbers(text, "\nUid:", p->p_uid, 4) != 4 ||
	    numbers(text, "\nGid:", p->p_gid, 4) != 4)
		return false;
	p->p_ngroups = numbers(text, "\nGroups:", p->p_groups, PEER_GROUPS);
	mask = strstr(text, "\nUmask:\t");
	p->p_umask = -1;
	if (mask != NULL)
		p->p_umask = (int32_t)strtoul(mask + 8, NULL, 8) & 0777;
	return true;
}

bool
peer_status(pid_t pid, struct peer *p)
{
	char path[32], *text;
	bool known;

	text_format(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = pid > 0 ? read_status(path) : NULL;
	known = text != NULL && parse_status(text, p);
	free(text);
	return known;
}

/* Is that a thread which calls itself tid? */
static bool
is_thread(const char *text, pid_t tid)
{
	uint32_t ids[NAMESPACES];
	uint32_t n = numbers(text, "\nNSpid:", ids, NAMESPACES);

	return n > 0 && ids[n - 1] == (uint32_t)tid;
}

static bool
thread_status(pid_t pid, const char *name, pid_t tid, struct peer *p)
{
	char path[64], *text;
	bool known;

	text_format(
	    path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, name);
	text = read_status(path);
	known = text != NULL && is_thread(text, tid) && parse_status(text, p);
	free(text);
	return known;
}

/* In another namespace it has another name there. */
static bool
find_thread(pid_t pid, pid_t tid, struct peer *p)
{
	char path[32];
	struct dirent *e;
	bool found = false;
	DIR *d;

	text_format(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (d == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL)
		found = e->d_name[0] != '.' &&
			thread_status(pid, e->d_name, tid, p);
	closedir(d);
	return found;
}

bool
peer_thread(pid_t pid, pid_t tid, struct peer *p)
{
	char name[16];

	text_format(name, sizeof(name), "%d", (int)tid);
	return pid > 0 && tid > 0 &&
	       (thread_status(pid, name, tid, p) || find_thread(pid, tid, p));
}

/* As many as there is room for. */
static uint32_t
peer_groups(int fd, uint32_t *groups)
{
	uint32_t n = 0, all[PEER_GROUPS_MAX];
	socklen_t len = sizeof(all);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, all, &len) != 0)
		return 0;
	for (; n < len / sizeof(all[0]) && n < PEER_GROUPS; n++)
		groups[n] = all[n];
	return n;
}

bool
peer_of_socket(int fd, pid_t *pid, struct peer *p)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) != 0 ||
	    uc.uid == (uid_t)-1)
		return false;
	*pid = uc.pid;
	for (int i = 0; i < 4; i++) {
		p->p_uid[i] = uc.uid;
		p->p_gid[i] = uc.gid;
	}
	p->p_ngroups = peer_groups(fd, p->p_groups);
	p->p_umask = -1;
	return true;
}

bool
peer_is_ours(const struct peer *p)
{
	uid_t self = geteuid();

	return p->p_uid[0] == self && p->p_uid[1] == self &&
	       p->p_uid[2] == self;
}

static bool
is_among(uint32_t id, const uint32_t ids[4])
{
	for (int i = 0; i < 4; i++)
		if (ids[i] == id)
			return true;
	return false;
}

bool
peer_owns(const uid_t uids[4], const gid_t gids[4], const struct peer *p)
{
	if (is_among(0, uids))
		return true;
	for (int i = 0; i < 4; i++)
		if (!is_among(p->p_uid[i], uids) ||
		    !is_among(p->p_gid[i], gids))
			return false;
	return true;
}

void
peer_cred(const struct peer *p, struct rump_hostcred *hc)
{
	for (int i = 0; i < 3; i++) {
		hc->hc_uid[i] = p->p_uid[i];
		hc->hc_gid[i] = p->p_gid[i];
	}
	hc->hc_uid[1] = p->p_uid[3];
	hc->hc_gid[1] = p->p_gid[3];
	hc->hc_ngroups = p->p_ngroups;
	hc->hc_groups = p->p_groups;
	hc->hc_umask = p->p_umask;
	hc->hc_pid = 0;
	hc->hc_idmap = NULL;
}

bool
peer_lives(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&pfd, 1, 0) == 0;
}
