/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/entries.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/text.h"

bool
entry_crosses(long fd)
{
	long flags = HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0);

	return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static bool
is_same(long fd, const struct rfile *rf)
{
	struct rfile *other;
	int error;

	other = fdmap_get_rump(fd, &error);
	if (other != NULL)
		(void)fdmap_put(other);
	return other == rf;
}

/* No other number has it, and no other call; we have a reference. */
static bool
is_single(const struct rfile *rf)
{
	return atomic_load(&rf->rf_refs) <= 2;
}

bool
entry_is_known(long fd, const struct rfile *rf)
{
	if (is_single(rf))
		return false;
	for (long i = fdmap_next(0); i < fd; i = fdmap_next(i + 1)) {
		if (is_same(i, rf) && entry_crosses(i))
			return true;
	}
	return false;
}

void
entry_put_numbers(struct text *t, long fd, const struct rfile *rf)
{
	text_dec(t, fd);
	while (!is_single(rf) && (fd = fdmap_next(fd + 1)) >= 0) {
		if (!is_same(fd, rf) || !entry_crosses(fd))
			continue;
		text_char(t, '+');
		text_dec(t, fd);
	}
}

static void
put_field(struct text *t, int64_t n)
{
	text_char(t, ',');
	text_dec(t, n);
}

void
entry_put_fields(struct text *t, int64_t flags, int64_t position,
    uint64_t inode, const char *path)
{
	put_field(t, flags);
	put_field(t, position);
	put_field(t, (int64_t)inode);
	put_field(t, (int64_t)text_length(path));
	text_char(t, ',');
	text_put(t, path);
	text_char(t, ';');
}

/* An integer that ends with end; false: there is none. */
static bool
take_number(const char **p, char end, int64_t *value)
{
	bool negative = **p == '-';
	const char *digits;
	uint64_t n = 0;

	if (negative)
		(*p)++;
	for (digits = *p; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint64_t)(**p - '0');
	if (*p == digits || **p != end)
		return false;
	(*p)++;
	*value = (int64_t)(negative ? 0 - n : n);
	return true;
}

static bool
take_numbers(const char **p, const char **numbers)
{
	*numbers = *p;
	while ((**p >= '0' && **p <= '9') || **p == '+')
		(*p)++;
	if (*p == *numbers || **p != ',')
		return false;
	(*p)++;
	return true;
}

static bool
take_kind(const char **p, char *kind)
{
	*kind = **p;
	if (*kind == '\0' || (*p)[1] != ',')
		return false;
	*p += 2;
	return true;
}

static bool
take_path(const char **p, char *path)
{
	int64_t len;
	struct text t;

	if (!take_number(p, ',', &len) || len < 0 || len >= PATHBUF_SIZE)
		return false;
	for (int64_t i = 0; i < len; i++) {
		if ((*p)[i] == '\0')
			return false;
	}
	text_init(&t, path, PATHBUF_SIZE);
	text_putn(&t, *p, (size_t)len);
	*p += len;
	return *(*p)++ == ';';
}

bool
entry_take(const char **p, struct entry *e)
{
	int64_t inode;

	if (!take_numbers(p, &e->e_numbers) || !take_kind(p, &e->e_kind) ||
	    !take_number(p, ',', &e->e_flags) ||
	    !take_number(p, ',', &e->e_position) ||
	    !take_number(p, ',', &inode) || !take_path(p, e->e_path))
		return false;
	e->e_inode = (uint64_t)inode;
	return true;
}

int
entry_next_number(const char **p)
{
	int fd = -1;

	if (**p == '+')
		(*p)++;
	for (; **p >= '0' && **p <= '9' && fd < (1 << 24); (*p)++)
		fd = (fd < 0 ? 0 : fd) * 10 + (**p - '0');
	return fd;
}

bool
entry_is_left(int fd)
{
	long flags = HOST(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);

	return flags >= 0 && (flags & O_PATH) != 0 && !fdmap_is_hidden(fd);
}
