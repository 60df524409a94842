/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/handover.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysproxy/fast.h"
#include "tools/client.h"

/* Set a variable, or remove it when there is nothing to say. */
static int
put(const char *name, const char *value)
{
	return value != NULL ? setenv(name, value, 1) : unsetenv(name);
}

static bool
has_word(const char *list, const char *word, char separator)
{
	size_t len = strlen(word);
	const char *p = list;

	for (; p != NULL; p = strchr(p, separator)) {
		p += *p == separator;
		if (strncmp(p, word, len) == 0 &&
		    (p[len] == separator || p[len] == '\0'))
			return true;
	}
	return false;
}

/* Put word before what the variable has, unless it is there. */
static int
put_first(const char *name, const char *word, const char *separator)
{
	const char *old = getenv(name);
	char *joined;
	int error;

	if (old == NULL || *old == '\0')
		return put(name, word);
	if (has_word(old, word, *separator))
		return 0;
	if (asprintf(&joined, "%s%s%s", word, separator, old) < 0)
		return -1;
	error = put(name, joined);
	free(joined);
	return error;
}

static int
put_mounts(const struct plan *pl)
{
	char *lines;
	int error;

	if (pl->pl_nmounts == 0)
		return put("RUMPKIT_MOUNT", NULL);
	lines = plan_mount_lines(pl);
	if (lines == NULL)
		return -1;
	error = put("RUMPKIT_MOUNT", lines);
	free(lines);
	return error;
}

static const char *
flag(const struct options *op, enum option_id id)
{
	return options_flag(op, id) ? "1" : NULL;
}

static const char *
trace(const struct plan *pl)
{
	if (pl->pl_trace != NULL && *pl->pl_trace == '\0')
		return "1";
	return pl->pl_trace;
}

/* Where the kernel is. */
static int
put_kernel(const struct plan *pl)
{
	bool here = pl->pl_kernel == PLAN_IN_PROCESS;
	bool joined = pl->pl_kernel == PLAN_JOINED;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (put("RUMPKIT_IN_PROCESS", here ? "1" : NULL) != 0 ||
	    put("RUMPKIT_KERNEL_PID", pid) != 0 ||
	    put("RUMP_SERVER", joined ? pl->pl_server : NULL) != 0)
		return -1;
	return put("RUMPKIT_SERVER", NULL);
}

bool
handover_is_within(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (getenv("RUMPKIT_KERNEL_PID") != NULL && preload != NULL &&
	    strstr(preload, "librumphijack") != NULL)
		return true;
	/* The environment was scrubbed. */
	return client_in_tree() && client_reaches_tree();
}

int
handover_prepare(
    const struct plan *pl, const struct options *op, const char *library)
{
	if (put_first("LD_PRELOAD", library, ":") != 0 || put_kernel(pl) != 0 ||
	    put_mounts(pl) != 0 || put("RUMPHIJACK", pl->pl_hijack) != 0 ||
	    put("RUMPKIT_NET", pl->pl_net) != 0 ||
	    put("RUMPKIT_PCAP", pl->pl_pcap) != 0 ||
	    put("RUMPKIT_CONFIG", NULL) != 0 ||
	    put("RUMPKIT_TRACE", trace(pl)) != 0 ||
	    put("RUMPKIT_LOG_FILE", pl->pl_log_file) != 0 ||
	    put("RUMPKIT_SUMMARY", flag(op, OPTION_SUMMARY)) != 0 ||
	    put("RUMPKIT_QUIET", flag(op, OPTION_QUIET)) != 0 ||
	    put(FAST_VARIABLE, NULL) != 0)
		return -1;
	if (options_flag(op, OPTION_VERBOSE))
		return put("RUMP_VERBOSE", "1");
	return 0;
}

int
handover_connection(int fd)
{
	char number[16];
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) != 0)
		return -1;
	snprintf(number, sizeof(number), "%d", fd);
	return put(FAST_VARIABLE, number);
}
