/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log file of a tree's trace, for processes that cannot open it: those that
 * have become another user's, mostly.  They get no descriptor of it, with which
 * they could cut it off, but have us append line by line, and the process id in
 * front of each is what the host says of them.
 *
 * A file for each process ("%p") may lie where others can make links, whose
 * names they can guess.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"

#include "rumpuser/text.h"
#include "sysproxy/server.h"
#include "sysproxy/server_worker.h"

#define LINE_MAX_BYTES 4096
#define PID_SIZE 16
#define NAME_SIZE 4096

/* name with each %p replaced; false: too long. */
static bool
file_name(const char *name, const char *pid, char *path, bool *own)
{
	size_t n = 0, len = strlen(pid);

	*own = false;
	for (; *name != '\0'; name++) {
		if (n + len + 1 >= NAME_SIZE)
			return false;
		if (name[0] != '%' || name[1] != 'p') {
			path[n++] = *name;
			continue;
		}
		memcpy(path + n, pid, len);
		n += len;
		name++;
		*own = true;
	}
	path[n] = '\0';
	return true;
}

static int
open_log(const char *pid)
{
	const char *name = getenv("RUMPKIT_LOG_FILE");
	char path[NAME_SIZE];
	bool own;

	if (name == NULL || *name != '/' || !file_name(name, pid, path, &own))
		return -1;
	return open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK |
		(own ? O_NOFOLLOW : 0),
	    0666);
}

/* Nothing but the line's end ends a line. */
static bool
is_line(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)s[i] < ' ' && s[i] != '\n') ||
		    (s[i] == '\n') != (i == len - 1))
			return false;
	}
	return true;
}

int
log_call(struct worker *w, const int64_t *args, int64_t *retval)
{
	char line[PID_SIZE + LINE_MAX_BYTES], pid[PID_SIZE];
	size_t len = (size_t)args[1], n;
	int error, fd;

	if (len == 0 || len > LINE_MAX_BYTES)
		return RUMP_EINVAL;
	(void)text_format(pid, sizeof(pid), "%d", (int)w->w_client->c_hostpid);
	n = strlen(pid);
	memcpy(line, pid, n);
	line[n++] = ' ';
	error = copy_in(w, (uint64_t)args[0], line + n, len);
	if (error == 0 && !is_line(line + n, len))
		error = RUMP_EINVAL;
	if (error != 0)
		return error;
	fd = open_log(pid);
	if (fd < 0)
		return RUMP_EPERM;
	if (write(fd, line, n + len) != (ssize_t)(n + len))
		error = RUMP_EIO;
	(void)close(fd);
	return error;
}
