/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields are separated by blanks, so blanks in names are escaped, as octal
 * numbers; and so is what a reader may take for a comment.
 */
#include "preload/mountline.h"

#include <stdbool.h>

#include "preload/text.h"

/* ST_ bits of statfs(2), in the order of Linux's tables. */
static const struct {
	unsigned long bit;
	const char *word;
} options[] = {
	{ 0x2, ",nosuid" },
	{ 0x4, ",nodev" },
	{ 0x8, ",noexec" },
	{ 0x400, ",noatime" },
	{ 0x1000, ",relatime" },
};
#define NOPTIONS (sizeof(options) / sizeof(options[0]))
#define READ_ONLY 0x1
#define SYNCHRONOUS 0x10

static bool
is_escaped(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\\' || c == '#';
}

static void
put_name(struct text *t, const char *name)
{
	for (; *name != '\0'; name++) {
		if (is_escaped(*name)) {
			text_char(t, '\\');
			text_char(t, (char)('0' + (*name >> 6)));
			text_char(t, (char)('0' + ((*name >> 3) & 7)));
			text_char(t, (char)('0' + (*name & 7)));
		} else {
			text_char(t, *name);
		}
	}
}

/* What belongs to the file system, then what belongs to the mount. */
static void
put_super_options(struct text *t, unsigned long flags)
{
	text_put(t, (flags & READ_ONLY) != 0 ? "ro" : "rw");
	if ((flags & SYNCHRONOUS) != 0)
		text_put(t, ",sync");
}

static void
put_mount_options(struct text *t, unsigned long flags)
{
	for (size_t i = 0; i < NOPTIONS; i++) {
		if ((flags & options[i].bit) != 0)
			text_put(t, options[i].word);
	}
}

void
mountline_put(struct text *t, const struct mountline *ml)
{
	put_name(t, ml->ml_from);
	text_char(t, ' ');
	put_name(t, ml->ml_on);
	text_char(t, ' ');
	put_name(t, ml->ml_type);
	text_char(t, ' ');
	put_super_options(t, ml->ml_flags);
	put_mount_options(t, ml->ml_flags);
	text_put(t, " 0 0\n");
}

void
mountline_put_info(struct text *t, const struct mountline *ml)
{
	text_udec(t, ml->ml_id);
	text_char(t, ' ');
	text_udec(t, ml->ml_parent);
	text_char(t, ' ');
	text_udec(t, ml->ml_major);
	text_char(t, ':');
	text_udec(t, ml->ml_minor);
	text_put(t, " / ");
	put_name(t, ml->ml_on);
	text_put(t, (ml->ml_flags & READ_ONLY) != 0 ? " ro" : " rw");
	put_mount_options(t, ml->ml_flags);
	text_put(t, " - ");
	put_name(t, ml->ml_type);
	text_char(t, ' ');
	put_name(t, ml->ml_from);
	text_char(t, ' ');
	put_super_options(t, ml->ml_flags);
	text_char(t, '\n');
}

/* One field, up to the blank behind it. */
struct field {
	const char *f_at;
	const char *f_end; /* of the line */
};

static unsigned
octal(char c)
{
	return (unsigned char)c & 7;
}

static char
field_char(struct field *f)
{
	char c = *f->f_at++;

	if (c != '\\' || f->f_end - f->f_at < 3)
		return c;
	c = (char)(octal(f->f_at[0]) << 6 | octal(f->f_at[1]) << 3 |
		   octal(f->f_at[2]));
	f->f_at += 3;
	return c;
}

static bool
field_ends(const struct field *f)
{
	return f->f_at >= f->f_end || *f->f_at == ' ';
}

static void
field_next(struct field *f)
{
	while (!field_ends(f))
		f->f_at++;
	if (f->f_at < f->f_end)
		f->f_at++;
}

/* Does path lie on the mount point that the field names?  *len: how long that
 * is. */
static bool
field_holds(struct field f, const char *path, size_t *len)
{
	size_t n = 0;

	while (!field_ends(&f)) {
		if (path[n] == '\0' || field_char(&f) != path[n])
			return false;
		n++;
	}
	*len = n;
	return n > 0 && (path[n] == '\0' || path[n] == '/' || n == 1);
}

static unsigned
field_number(const struct field *f)
{
	unsigned n = 0;

	for (const char *p = f->f_at; p < f->f_end && *p >= '0' && *p <= '9';
	     p++)
		n = n * 10 + (unsigned)(*p - '0');
	return n;
}

#define FIELD_ON 4

unsigned
mountline_holder(const char *info, size_t len, const char *path)
{
	const char *end = info + len, *eol;
	size_t most = 0, n;
	unsigned holder = 0;

	for (; info < end; info = eol + 1) {
		struct field id, on;

		for (eol = info; eol < end && *eol != '\n';)
			eol++;
		id = on = (struct field){ info, eol };
		for (int i = 0; i < FIELD_ON; i++)
			field_next(&on);
		/* The last of several on one point lies on the others. */
		if (field_holds(on, path, &n) && n >= most) {
			most = n;
			holder = field_number(&id);
		}
	}
	return holder;
}
