/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/execenv.h"

#include <errno.h>

#include "preload/text.h"
#include "preload/usercopy.h"

#define COUNT_MAX (1UL << 20) /* the host has a smaller limit */
#define HEAD_SIZE 20          /* of an entry: longer than the names */

/* The first of several entries counts. */
static void
note(const char **where, const char *name, const char *head, const char *entry)
{
	if (*where == NULL && text_begins(head, name))
		*where = entry;
}

static int
read_entry(struct execenv *ee, const char *entry)
{
	char head[HEAD_SIZE];
	int error = usercopy_string(head, entry, sizeof(head), NULL);

	if (error != 0 && error != ENAMETOOLONG)
		return error;
	head[sizeof(head) - 1] = '\0';
	/* Nearly none begins like this. */
	if (!text_begins(head, "LD_"))
		return 0;
	note(&ee->ee_library_path, "LD_LIBRARY_PATH=", head, entry);
	note(&ee->ee_preload, "LD_PRELOAD=", head, entry);
	note(&ee->ee_audit, "LD_AUDIT=", head, entry);
	return 0;
}

int
execenv_read(struct execenv *ee, long envp)
{
	const char *entry;
	int error = 0;

	*ee = (struct execenv){ .ee_envp = (const char *const *)envp };
	if (envp == 0)
		return 0;
	for (;; ee->ee_count++) {
		if (ee->ee_count == COUNT_MAX)
			return E2BIG;
		error = usercopy_in(
		    &entry, &ee->ee_envp[ee->ee_count], sizeof(entry));
		if (error != 0 || entry == NULL)
			return error;
		error = read_entry(ee, entry);
		if (error != 0)
			return error;
	}
}

int
execenv_value(const char *entry, char *buf, size_t size)
{
	buf[0] = '\0';
	if (entry == NULL)
		return 0;
	for (char c = '\0'; c != '='; entry++) {
		if (usercopy_in(&c, entry, 1) != 0)
			return EFAULT;
	}
	return usercopy_string(buf, entry, size, NULL);
}

int
execenv_extend(const struct execenv *ee, char **to, char *audit, char *table)
{
	for (size_t i = 0; i < ee->ee_count; i++) {
		if (usercopy_in(to, &ee->ee_envp[i], sizeof(*to)) != 0)
			return EFAULT;
		if (*to != ee->ee_audit)
			to++;
	}
	*to++ = audit;
	*to++ = table;
	*to = NULL;
	return 0;
}
