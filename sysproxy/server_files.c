/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table of mapped files.  Its lock is a leaf. */
#include "sysproxy/server_files.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define BUCKETS 1024

struct mapped {
	struct mapped *m_next;
	const void *m_file;
	size_t m_count;
};

static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mapped *buckets[BUCKETS]; /* files_lock */

/* Where file's entry hangs, or one would. */
static struct mapped **
find(const void *file)
{
	struct mapped **where = &buckets[(uintptr_t)file / 64 % BUCKETS];

	while (*where != NULL && (*where)->m_file != file)
		where = &(*where)->m_next;
	return where;
}

bool
files_add(const void *file)
{
	struct mapped **where;
	bool added;

	pthread_mutex_lock(&files_lock);
	where = find(file);
	if (*where == NULL) {
		*where = calloc(1, sizeof(**where));
		if (*where != NULL)
			(*where)->m_file = file;
	}
	added = *where != NULL;
	if (added)
		(*where)->m_count++;
	pthread_mutex_unlock(&files_lock);
	return added;
}

void
files_remove(const void *file)
{
	struct mapped **where, *gone = NULL;

	pthread_mutex_lock(&files_lock);
	where = find(file);
	if (--(*where)->m_count == 0) {
		gone = *where;
		*where = gone->m_next;
	}
	pthread_mutex_unlock(&files_lock);
	free(gone);
}

size_t
files_count(const void *file)
{
	struct mapped **where;
	size_t count;

	pthread_mutex_lock(&files_lock);
	where = find(file);
	count = *where == NULL ? 0 : (*where)->m_count;
	pthread_mutex_unlock(&files_lock);
	return count;
}
