/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of entries.h: KIND is F, S or N for RF_FILE, RF_SOCKET and RF_NAME,
 * FLAGS O_PATH or 0, POSITION the rump descriptor, INODE the rule of the name
 * space plus one.  PATH is rf_path; a file can do without, if there is no room.
 *
 * A process that has had rump files says so even if none crosses: there is
 * something to close.
 */
#include "preload/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/entries.h"
#include "preload/fdmap.h"
#include "preload/inherit.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/text.h"

#define WITHOUT_PATH 64 /* bytes of an entry, with one number */

static const char kinds[] = {
	[RF_FILE] = 'F', [RF_SOCKET] = 'S', [RF_NAME] = 'N'
};

/* --- the old image ----------------------------------------------------- */

static void
put_entry(struct text *t, long fd, const struct rfile *rf, bool paths)
{
	bool path = rf->rf_path != NULL && (paths || rf->rf_kind == RF_NAME);

	entry_put_numbers(t, fd, rf);
	text_char(t, ',');
	text_char(t, kinds[rf->rf_kind]);
	entry_put_fields(t, rf->rf_path_only ? O_PATH : 0, rf->rf_fd,
	    (uint64_t)(rf->rf_rule + 1), path ? rf->rf_path : "");
}

static void
put_all(struct text *t, bool paths)
{
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (entry_crosses(fd) && !entry_is_known(fd, rf))
			put_entry(t, fd, rf, paths);
		(void)fdmap_put(rf);
	}
}

int
handover_check(void)
{
	size_t len = sizeof(INHERIT_VARIABLE) + 1;

	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		len += WITHOUT_PATH;
		if (rf->rf_kind == RF_NAME)
			len += text_length(rf->rf_path);
		(void)fdmap_put(rf);
	}
	return len < ENTRIES_MAX ? 0 : E2BIG;
}

size_t
handover_exec_env(char *buf, size_t size)
{
	struct text t;

	if (!fdmap_has_had_files() || remote_descriptor() < 0)
		return 0;
	for (int paths = 1; paths >= 0; paths--) {
		text_init(&t, buf, size);
		text_put(&t, INHERIT_VARIABLE "=");
		put_all(&t, paths);
		if (t.t_len + 1 < t.t_size)
			break;
	}
	return t.t_len;
}

/* --- the new image ----------------------------------------------------- */

static bool
kind_of(char c, enum rfile_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds); i++) {
		if (kinds[i] == c) {
			*kind = (enum rfile_kind)i;
			return true;
		}
	}
	return false;
}

static int
rule_of(const struct entry *e)
{
	return e->e_inode <= names_now()->ns_n ? (int)e->e_inode - 1 : NS_HOST;
}

/* The entry's first number that is there still, or -1; *p behind it. */
static int
first_number(const char **p)
{
	int fd;

	do
		fd = entry_next_number(p);
	while (fd >= 0 && !entry_is_left(fd));
	return fd;
}

/* True when its rump descriptor has a number now. */
static bool
take_over(const struct entry *e)
{
	const char *numbers = e->e_numbers;
	int first = first_number(&numbers), fd;
	enum rfile_kind kind;
	char *path = NULL;

	if (first < 0 || !kind_of(e->e_kind, &kind) || e->e_position < 0 ||
	    e->e_position > INT32_MAX)
		return false;
	if (e->e_path[0] != '\0' || kind == RF_NAME)
		path = string_keep(e->e_path);
	if (fdmap_adopt(first, (int)e->e_position, kind, rule_of(e),
		(e->e_flags & O_PATH) != 0, false, path) < 0)
		return false;
	while ((fd = first_number(&numbers)) >= 0)
		(void)fdmap_dup2(first, fd, -1);
	return true;
}

void
handover_take(const char *value)
{
	struct entry *e = waitmem_get(sizeof(*e), NULL);
	uint32_t *fds = waitmem_get(ENTRIES_MAX, NULL);
	size_t n = 0;

	while (e != NULL && fds != NULL && *value != '\0' &&
	       n < ENTRIES_MAX / sizeof(*fds)) {
		if (!entry_take(&value, e)) {
			engine_say(INHERIT_VARIABLE " is not understood");
			break;
		}
		if (take_over(e))
			fds[n++] = (uint32_t)e->e_position;
	}
	if (fds != NULL)
		remote_execed(fds, n);
	if (fds != NULL)
		waitmem_put(fds);
	if (e != NULL)
		waitmem_put(e);
}
