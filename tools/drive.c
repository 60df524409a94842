/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is being read, and where to say what is wrong with it. */
struct reading {
	struct drive *rd_drive;
	bool rd_sized;
	char *rd_text;
	size_t rd_size;
};

static int __attribute__((__format__(__printf__, 2, 3)))
wrong(const struct reading *rd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rd->rd_text, rd->rd_size, fmt, ap);
	va_end(ap);
	return -1;
}

static int
read_number(const struct reading *rd, const char *value, uint64_t *n)
{
	static const char units[] = "kmgt";
	const char *unit = NULL;
	char *end;

	errno = 0;
	*n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || errno != 0)
		return wrong(rd, "'%s' is not a number", value);
	if (*end != '\0') {
		unit = strchr(units, *end);
		if (unit == NULL || end[1] != '\0')
			return wrong(rd, "'%s' is not a number", value);
		if (__builtin_mul_overflow(
			*n, UINT64_C(1) << 10 * (unit - units + 1), n))
			return wrong(rd, "%s is too much", value);
	}
	return *n > INT64_MAX ? wrong(rd, "%s is too much", value) : 0;
}

static int
read_string(const struct reading *rd, const char *value, char *out, size_t size)
{
	if (strlen(value) >= size)
		return wrong(rd, "'%.40s...' is too long", value);
	strcpy(out, value);
	return 0;
}

static int
read_size(struct reading *rd, const char *value)
{
	struct drive *dr = rd->rd_drive;

	rd->rd_sized = true;
	dr->dr_host = strcmp(value, "host") == 0;
	return dr->dr_host ? 0 : read_number(rd, value, &dr->dr_size);
}

static int
read_type(const struct reading *rd, const char *value)
{
	static const struct {
		const char *name;
		enum rump_etfs_type type;
	} types[] = {
		{ "blk", RUMP_ETFS_BLK },
		{ "chr", RUMP_ETFS_CHR },
		{ "reg", RUMP_ETFS_REG },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, value) != 0)
			continue;
		rd->rd_drive->dr_type = types[i].type;
		return 0;
	}
	return wrong(rd, "type '%s' is none of blk, chr and reg", value);
}

static int
read_word(struct reading *rd, char *word)
{
	struct drive *dr = rd->rd_drive;
	char *value = strchr(word, '=');

	if (value == NULL)
		return wrong(rd, "'%s' has no value", word);
	*value++ = '\0';
	if (strcmp(word, "key") == 0)
		return read_string(rd, value, dr->dr_key, sizeof(dr->dr_key));
	if (strcmp(word, "hostpath") == 0)
		return read_string(
		    rd, value, dr->dr_hostpath, sizeof(dr->dr_hostpath));
	if (strcmp(word, "size") == 0)
		return read_size(rd, value);
	if (strcmp(word, "offset") == 0)
		return read_number(rd, value, &dr->dr_offset);
	if (strcmp(word, "type") == 0)
		return read_type(rd, value);
	if (strcmp(word, "disklabel") == 0)
		return wrong(
		    rd, "disklabels are not read: say offset and size");
	return wrong(rd,
	    "'%s' is not one of key, hostpath, size, offset and "
	    "type",
	    word);
}

static int
check(const struct reading *rd)
{
	const struct drive *dr = rd->rd_drive;

	if (dr->dr_key[0] != '/')
		return wrong(rd, "it needs key= with an absolute path");
	if (dr->dr_hostpath[0] == '\0')
		return wrong(rd, "it needs hostpath=");
	if (!rd->rd_sized && dr->dr_type != RUMP_ETFS_REG)
		return wrong(rd, "it needs size=, a number or \"host\"");
	if (rd->rd_sized && dr->dr_size == 0 && !dr->dr_host &&
	    dr->dr_type != RUMP_ETFS_REG)
		return wrong(rd, "size=0: a disk has room for something");
	return 0;
}

int
drive_parse(const char *spec, struct drive *dr, char *text, size_t size)
{
	struct reading rd = {
		.rd_drive = dr,
		.rd_text = text,
		.rd_size = size,
	};
	char *copy = strdup(spec), *rest, *word;
	int result = 0;

	memset(dr, 0, sizeof(*dr));
	dr->dr_type = RUMP_ETFS_BLK;
	dr->dr_size = RUMP_ETFS_SIZE_ENDOFF;
	if (copy == NULL)
		return wrong(&rd, "out of memory");
	rest = copy;
	while (result == 0 && (word = strsep(&rest, ",")) != NULL)
		result = read_word(&rd, word);
	free(copy);
	return result != 0 ? result : check(&rd);
}

static int
say(const struct drive *dr, char *text, size_t size)
{
	snprintf(text, size, "%s: %s", dr->dr_hostpath, strerror(errno));
	return -1;
}

/* Only what is too short grows. */
static int
extend(const struct drive *dr, int fd)
{
	struct stat st;
	uint64_t end;

	if (fstat(fd, &st) != 0)
		return -1;
	if (dr->dr_size == RUMP_ETFS_SIZE_ENDOFF || !S_ISREG(st.st_mode))
		return 0;
	if (__builtin_add_overflow(dr->dr_offset, dr->dr_size, &end) ||
	    end > INT64_MAX) {
		errno = EFBIG;
		return -1;
	}
	return (uint64_t)st.st_size >= end ? 0 : ftruncate(fd, (off_t)end);
}

int
drive_prepare(struct drive *dr, char *text, size_t size)
{
	char absolute[PATH_MAX];
	int fd, result;

	if (!dr->dr_host) {
		fd = open(dr->dr_hostpath, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		result = fd < 0 ? -1 : extend(dr, fd);
		if (result != 0)
			(void)say(dr, text, size);
		if (fd >= 0)
			(void)close(fd);
		if (result != 0)
			return -1;
	}
	if (realpath(dr->dr_hostpath, absolute) == NULL)
		return say(dr, text, size);
	memcpy(dr->dr_hostpath, absolute, sizeof(absolute));
	return 0;
}
