/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls DIRECTORY SECTION: makes the section's calls in DIRECTORY; without
 * arguments, the sections' names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "calls.h"

#define EDGE_PAGES 256
#define PAGE 4096
/* Names that climb out of it stay on the file system. */
#define HERE "here"

static const struct section *const families[] = {
	opening_sections,
	data_sections,
	message_sections,
	moving_sections,
	name_sections,
	attribute_sections,
	again_sections,
	descriptor_sections,
	flag_sections,
	locking_sections,
	mapping_sections,
	sharing_sections,
	socket_sections,
	offload_sections,
	status_sections,
	stream_sections,
	xattr_sections,
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

void
note(const char *format, ...)
{
	va_list ap;

	printf("  ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

long
say(const char *what, long result)
{
	int error = errno;

	if (result != -1)
		note("%s = %ld", what, result);
	else
		note("%s = %s", what, strerrorname_np(error));
	errno = error;
	return (result);
}

void
must(int condition, const char *what)
{

	if (condition)
		return;
	printf("the test itself failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

void
show(const char *what, const void *data, long size)
{
	const unsigned char *p = data;
	long i, run;

	if (size < 0) {
		note("%s: %s", what, strerrorname_np(errno));
		return;
	}
	printf("  %s: %ld \"", what, size);
	for (i = 0; i < size; i += run) {
		for (run = 1; i + run < size && p[i + run] == p[i];)
			run++;
		if (run < 4)
			run = 1;
		putchar(p[i] >= ' ' && p[i] < 127 ? p[i] : '.');
		if (run > 1)
			printf("{%ld}", run);
	}
	printf("\"\n");
}

void
make(const char *path, const char *text)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	must(fd >= 0, path);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	must(close(fd) == 0, path);
}

void
state(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		note("%s: %s", path, strerrorname_np(errno));
		return;
	}
	note("%s: mode %o links %lu size %ld owner %u:%u", path, st.st_mode,
	    (unsigned long)st.st_nlink,
	    S_ISDIR(st.st_mode) ? 0L : (long)st.st_size, st.st_uid, st.st_gid);
}

void
contents(const char *path)
{
	static char data[1 << 20];
	ssize_t size;
	int fd;

	fd = open(path, O_RDONLY);
	size = fd < 0 ? -1 : pread(fd, data, sizeof(data), 0);
	show(path, data, size);
	if (fd >= 0)
		close(fd);
}

void *
edge(size_t size)
{
	static char *end;

	if (end == NULL) {
		end = mmap(NULL, (EDGE_PAGES + 1) * PAGE,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(end != MAP_FAILED, "mmap");
		end += EDGE_PAGES * PAGE;
		must(mprotect(end, PAGE, PROT_NONE) == 0, "mprotect");
	}
	return (end - size);
}

char *
edge_string(const char *text)
{

	return (strcpy(edge(strlen(text) + 1), text));
}

char *
endless(const char *text)
{

	return (memcpy(edge(strlen(text)), text, strlen(text)));
}

static const struct section *
find(const char *name)
{
	const struct section *s;
	size_t i;

	for (i = 0; i < FAMILIES; i++)
		for (s = families[i]; s->name != NULL; s++)
			if (name == NULL)
				puts(s->name);
			else if (strcmp(s->name, name) == 0)
				return (s);
	return (NULL);
}

int
main(int argc, char **argv)
{
	const struct section *s;

	setvbuf(stdout, NULL, _IOLBF, 0);
	s = find(argc == 3 ? argv[2] : NULL);
	if (argc != 3)
		return (0);
	must(s != NULL, argv[2]);
	must(chdir(argv[1]) == 0, argv[1]);
	must(mkdir(HERE, 0755) == 0 && chdir(HERE) == 0, HERE);
	umask(022);
	s->run();
	return (0);
}
