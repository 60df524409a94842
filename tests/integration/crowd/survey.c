/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line for each node, sorted: what it is and which of its times are new.
 * File systems may stamp with the host's coarse clock, which lags behind: before
 * a call it is waited for until that clock has come this far.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"

#define NODES_MAX 1024

struct lines {
	char *l_text[NODES_MAX];
	ino_t l_ino[NODES_MAX];
	const char *l_new[NODES_MAX]; /* which times */
	int l_count;
};

static struct lines now, before;
static struct timespec start;

static bool
earlier(const struct timespec *a, const struct timespec *b)
{

	return (a->tv_sec < b->tv_sec ||
		(a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec));
}

void
survey_begin(void)
{
	struct timespec coarse;

	clock_gettime(CLOCK_REALTIME, &start);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	while (!earlier(&start, &coarse));
}

static unsigned
hash_of(int at, const char *name)
{
	unsigned char data[4096];
	unsigned hash = 5381;
	ssize_t i, size;
	int fd;

	fd = openat(at, name, O_RDONLY | O_NOATIME);
	must(fd >= 0, name);
	while ((size = read(fd, data, sizeof(data))) > 0)
		for (i = 0; i < size; i++)
			hash = hash * 33 + data[i];
	must(size == 0, name);
	close(fd);
	return (hash);
}

/* The first name of the file. */
static const char *
known_as(ino_t ino)
{
	int i;

	for (i = 0; i < now.l_count; i++)
		if (now.l_ino[i] == ino)
			return (now.l_text[i]);
	return (NULL);
}

/* Which times are not before the call. */
static const char *
new_times(const struct stat *st)
{
	static const char *const texts[] = { "", " A", " M", " AM", " C", " AC",
		" MC", " AMC" };

	return (texts[!earlier(&st->st_atim, &start) +
		      2 * !earlier(&st->st_mtim, &start) +
		      4 * !earlier(&st->st_ctim, &start)]);
}

static void
describe(int at, const char *name, const char *path, const struct stat *st)
{
	const char *first;
	char *line;
	int length;

	must(now.l_count < NODES_MAX, "too many nodes");
	first = S_ISDIR(st->st_mode) ? NULL : known_as(st->st_ino);
	length = first == NULL ? 0 : (int)strcspn(first, " ");
	must(asprintf(&line, "%s %o %u:%u links %lu size %ld %x %.*s", path,
		 st->st_mode, st->st_uid, st->st_gid,
		 (unsigned long)st->st_nlink,
		 S_ISDIR(st->st_mode) ? 0L : (long)st->st_size,
		 S_ISREG(st->st_mode) ? hash_of(at, name) : 0, length,
		 first == NULL ? "" : first) > 0,
	    "memory");
	now.l_new[now.l_count] = only_nfs ? "" : new_times(st);
	now.l_ino[now.l_count] = st->st_ino;
	now.l_text[now.l_count++] = line;
}

static int
by_name(const void *a, const void *b)
{

	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* The names in the directory, sorted; fd is not consumed. */
static int
names_in(int fd, char **names)
{
	struct dirent *e;
	int copy, count = 0;
	DIR *d;

	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME);
	must(copy >= 0, "open");
	d = fdopendir(copy);
	must(d != NULL, "opendir");
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			names[count++] = strdup(e->d_name);
	closedir(d);
	qsort(names, (size_t)count, sizeof(names[0]), by_name);
	return (count);
}

static void
walk(int dir, const char *prefix)
{
	char *names[NODES_MAX], *path;
	int count, fd, i;
	struct stat st;

	count = names_in(dir, names);
	for (i = 0; i < count; i++) {
		must(fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0,
		    names[i]);
		must(asprintf(&path, "%s/%s", prefix, names[i]) > 0, "memory");
		describe(dir, names[i], path, &st);
		if (S_ISDIR(st.st_mode)) {
			fd = openat(dir, names[i], O_RDONLY | O_NOATIME);
			must(fd >= 0, path);
			walk(fd, path);
			close(fd);
		}
		free(path);
		free(names[i]);
	}
}

static bool
has(const struct lines *lines, const char *text)
{
	int i;

	for (i = 0; i < lines->l_count; i++)
		if (strcmp(lines->l_text[i], text) == 0)
			return (true);
	return (false);
}

static void
print_changes(void)
{
	int i;

	for (i = 0; i < before.l_count; i++)
		if (!has(&now, before.l_text[i]))
			printf("    - %s\n", before.l_text[i]);
	for (i = 0; i < now.l_count; i++)
		if (*now.l_new[i] != '\0' || !has(&before, now.l_text[i]))
			printf("    + %s%s\n", now.l_text[i], now.l_new[i]);
}

void
survey_end(int top)
{
	struct stat st;
	int i;

	now.l_count = 0;
	must(fstat(top, &st) == 0, "fstat");
	describe(top, ".", ".", &st);
	walk(top, ".");
	print_changes();
	for (i = 0; i < before.l_count; i++)
		free(before.l_text[i]);
	before = now;
}
