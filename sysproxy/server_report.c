/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What FASTCALL_REPORT answers: the kernel's own reports, and what the server
 * knows of its clients.  Their names are the host's, which knows when a program
 * has been executed that says nothing yet, or that calls itself something else.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rump/rumphost.h"

#include "rumpuser/text.h"
#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"

#define TEXT_MAX (1024u * 1024)
#define COMM_SIZE 32

/* A text that is being made. */
struct report {
	char *r_text;
	size_t r_len, r_size;
};

static void
append(const char *text, size_t len, void *arg)
{
	struct report *r = arg;
	char *larger;

	if (len > TEXT_MAX - r->r_len)
		len = TEXT_MAX - r->r_len;
	if (r->r_len + len > r->r_size) {
		larger = realloc(r->r_text, 2 * (r->r_len + len));
		if (larger == NULL)
			return;
		r->r_text = larger;
		r->r_size = 2 * (r->r_len + len);
	}
	memcpy(r->r_text + r->r_len, text, len);
	r->r_len += len;
}

static void
append_stat(const char *name, const char *help, uint64_t value, void *arg)
{
	char number[32];

	append(name, strlen(name), arg);
	append(number,
	    text_format(number, sizeof(number), " %lu\n", (unsigned long)value),
	    arg);
}

/* --- clients ------------------------------------------------------------- */

struct seen {
	int32_t se_pid;
	pid_t se_hostpid;
	uid_t se_uid;
	uint64_t se_calls;
	unsigned se_nworkers;
	bool se_fast;
	char se_comm[COMM_SIZE];
};

struct seen_list {
	struct seen *sl_seen;
	size_t sl_n, sl_room;
};

static void
see(struct client *c, void *arg)
{
	struct seen_list *sl = arg;
	struct seen *larger, *se;

	if (sl->sl_n == sl->sl_room) {
		larger = realloc(
		    sl->sl_seen, (2 * sl->sl_room + 16) * sizeof(*larger));
		if (larger == NULL)
			return;
		sl->sl_seen = larger;
		sl->sl_room = 2 * sl->sl_room + 16;
	}
	se = &sl->sl_seen[sl->sl_n++];
	pthread_mutex_lock(&c->c_lock);
	*se = (struct seen){
		.se_pid = c->c_pid,
		.se_hostpid = c->c_hostpid,
		.se_uid = c->c_uid,
		.se_calls = atomic_load(&c->c_calls),
		.se_nworkers = c->c_nworkers,
		.se_fast = c->c_kind == CLIENT_FAST,
	};
	memcpy(se->se_comm, c->c_comm, sizeof(se->se_comm));
	pthread_mutex_unlock(&c->c_lock);
}

/* The host's name for it, while it has one. */
static void
ask_name(struct seen *se)
{
	char path[32], name[COMM_SIZE];
	ssize_t n;
	int fd;

	text_format(path, sizeof(path), "/proc/%d/comm", (int)se->se_hostpid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, name, sizeof(name) - 1);
	(void)close(fd);
	if (n < 1 || name[n - 1] != '\n')
		return;
	name[n - 1] = '\0';
	memcpy(se->se_comm, name, (size_t)n);
}

/* Names are what programs say; a line is one line. */
static void
tidy_name(char *name)
{
	if (*name == '\0')
		strcpy(name, "?");
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			*name = '?';
}

static void
append_client(struct seen *se, struct report *r)
{
	char line[160];
	size_t len;

	/* Neither has one who has not spoken, nor one on another machine. */
	if (se->se_hostpid > 0)
		ask_name(se);
	tidy_name(se->se_comm);
	len = text_format(line, sizeof(line), "%d %d %u %lu %u %s %s\n",
	    (int)se->se_pid, (int)se->se_hostpid, (unsigned)se->se_uid,
	    (unsigned long)se->se_calls, se->se_nworkers,
	    se->se_fast ? "fast" : "classic", se->se_comm);
	append(line, len < sizeof(line) ? len : sizeof(line) - 1, r);
}

static void
append_clients(struct report *r)
{
	struct seen_list sl = { 0 };

	client_iterate(see, &sl);
	for (size_t i = 0; i < sl.sl_n; i++)
		append_client(&sl.sl_seen[i], r);
	free(sl.sl_seen);
}

int
report_make(struct client *c, const char *name, char **text, size_t *len)
{
	struct report r = { 0 };
	int error = 0;

	if (strcmp(name, "clients") == 0)
		append_clients(&r);
	else if (strcmp(name, "counts") == 0)
		counts_report(c, append, &r);
	else if (strcmp(name, "stats") == 0)
		serverkernel.sk_stats(append_stat, &r);
	else
		error = serverkernel.sk_report(name, append, &r);
	*text = r.r_text;
	*len = r.r_len;
	return error;
}
