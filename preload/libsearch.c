/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/libsearch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/stat.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/ldcache.h"
#include "preload/memcopy.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/searchpath.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

static const char *const usual[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
};
#define NUSUAL (sizeof(usual) / sizeof(usual[0]))

const char *
libsearch_lib(void)
{
	return HOST(SYS_access, usual[0], 0, 0, 0, 0, 0) == 0
		   ? "lib/x86_64-linux-gnu"
		   : "lib64";
}

/* --- text -------------------------------------------------------------- */

/* A copy of n bytes of s, or NULL: too much for one program. */
char *
libsearch_keep(struct libsearch *s, const char *string, size_t n)
{
	char *to = s->s_text + s->s_used;

	if (n >= LIBSEARCH_TEXT - s->s_used)
		return NULL;
	memcpy(to, string, n);
	to[n] = '\0';
	s->s_used += n + 1;
	return to;
}

/* The directory of an absolute path; NULL for others. */
static const char *
origin_of(struct libsearch *s, const char *path)
{
	size_t n = 0;

	if (path == NULL || path[0] != '/')
		return NULL;
	for (size_t i = 0; path[i] != '\0'; i++) {
		if (path[i] == '/')
			n = i;
	}
	return libsearch_keep(s, path, n > 0 ? n : 1);
}

static bool
contains(const char *string, char c)
{
	while (*string != '\0' && *string != c)
		string++;
	return *string != '\0';
}

/* --- files ------------------------------------------------------------- */

void
libsearch_reader_init(struct libsearch_reader *r, long fd)
{
	r->r_fd = fd;
	r->r_have = HOST(SYS_pread64, fd, r->r_head, LIBSEARCH_HEAD, 0, 0, 0);
}

long
libsearch_read(const void *cookie, void *buf, size_t len, uint64_t off)
{
	const struct libsearch_reader *r = cookie;
	uint64_t have = r->r_have > 0 ? (uint64_t)r->r_have : 0;

	if (off < have && len <= have - off) {
		memcpy(buf, r->r_head + off, len);
		return (long)len;
	}
	return HOST(SYS_pread64, r->r_fd, buf, len, off, 0, 0);
}

/* A string of the file in s_elf; NULL: none. */
static const char *
keep_string(struct libsearch *s, uint64_t at)
{
	long n;

	if (at == ELFNEEDS_NONE)
		return NULL;
	n = elfneeds_string(&s->s_elf, at, s->s_string, PATHBUF_SIZE);
	return n >= 0 ? libsearch_keep(s, s->s_string, (size_t)n) : NULL;
}

static const char *
keep_needed(struct libsearch *s)
{
	const char *first = s->s_text + s->s_used;

	for (unsigned i = 0; i < s->s_elf.en_count; i++)
		(void)keep_string(s, s->s_elf.en_needed[i]);
	return libsearch_keep(s, "", 0) != NULL ? first : "";
}

static void
add_name(struct libsearch *s, const char *name, struct libobject *o)
{
	if (name == NULL || s->s_nnames == LIBSEARCH_NAMES)
		return;
	s->s_names[s->s_nnames++] = (struct libname){ name, o };
}

static const struct libname *
find_name(const struct libsearch *s, const char *name)
{
	for (unsigned i = 0; i < s->s_nnames; i++) {
		if (text_equal(s->s_names[i].n_name, name))
			return &s->s_names[i];
	}
	return NULL;
}

/* The object in s_elf.  NULL: there are too many. */
struct libobject *
libsearch_add(struct libsearch *s, const char *path, const char *absolute,
    struct libobject *loader)
{
	struct libobject *o = &s->s_objects[s->s_nobjects];
	const struct elfneeds *en = &s->s_elf;
	const char *soname;

	if (s->s_nobjects == LIBSEARCH_OBJECTS)
		return NULL;
	o->o_path = libsearch_keep(s, path, text_length(path));
	if (o->o_path == NULL)
		return NULL;
	s->s_nobjects++;
	o->o_origin = origin_of(s, absolute);
	o->o_runpath = keep_string(s, en->en_runpath);
	/* One that has both ignores the older one. */
	o->o_rpath = o->o_runpath == NULL ? keep_string(s, en->en_rpath) : NULL;
	o->o_needed = keep_needed(s);
	o->o_loader = loader;
	o->o_copy = -1;
	o->o_nodeflib = en->en_nodeflib;
	/* Whoever needs it by its own name has it already. */
	soname = keep_string(s, en->en_soname);
	if (soname != NULL && find_name(s, soname) == NULL)
		add_name(s, soname, o);
	return o;
}

static bool
read_host(struct libsearch *s, long fd)
{
	libsearch_reader_init(&s->s_reader, fd);
	return elfneeds_begin(&s->s_elf, libsearch_read, &s->s_reader) == 0;
}

/* --- candidates -------------------------------------------------------- */

static struct libobject *
try_host(struct libsearch *s, const char *path, struct libobject *loader)
{
	struct libobject *o = NULL;
	long fd = HOST(SYS_openat, AT_FDCWD, path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);

	if (fd < 0)
		return NULL;
	if (read_host(s, fd))
		o = libsearch_add(s, path, path, loader);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return o;
}

/* The copy that has been made already of a file of the kernel's. */
static struct libobject *
find_copy(struct libsearch *s, const struct stat *st)
{
	for (unsigned i = 0; i < s->s_nobjects; i++) {
		struct libobject *o = &s->s_objects[i];

		if (o->o_copy >= 0 && o->o_device == st->st_dev &&
		    o->o_inode == st->st_ino)
			return o;
	}
	return NULL;
}

/* Is it worth a copy? */
static bool
is_elf(struct call *c, int64_t fd)
{
	char head[4] = { 0 };
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)head, 4, 0, 0 }, n;

	return rump_call(c, RUMP_SYS_pread, args, &n) == 0 &&
	       memcmp(head, "\177ELF", 4) == 0;
}

/* The copy of a library of the kernel's, open as fd and called name. */
static struct libobject *
take_library(struct libsearch *s, int64_t fd, const char *path,
    const char *name, struct libobject *loader)
{
	int64_t args[BACKEND_SLOTS] = { fd, 0 };
	struct rump_stat st;
	struct libobject *o;
	struct stat shown;
	long copy = -1;

	args[1] = (int64_t)&st;
	if (rump_call(s->s_call, RUMP_SYS_fstat, args, NULL) != 0 ||
	    !S_ISREG(st.st_mode) || !is_elf(s->s_call, fd))
		return NULL;
	abi_stat(&st, &shown);
	o = find_copy(s, &shown);
	if (o != NULL)
		return o;
	s->s_error = memcopy_make(s->s_call, fd, st.st_size, name, &copy);
	if (s->s_error != 0)
		return NULL;
	if (read_host(s, copy))
		o = libsearch_add(s, path, name, loader);
	if (o == NULL) {
		HOST(SYS_close, copy, 0, 0, 0, 0, 0);
		return NULL;
	}
	o->o_copy = copy;
	o->o_device = shown.st_dev;
	o->o_inode = shown.st_ino;
	return o;
}

/* At s_place.  *escaped: the search goes on elsewhere. */
static struct libobject *
try_rump(struct libsearch *s, const char *path, struct libobject *loader,
    bool *escaped)
{
	const struct place *pl = s->s_place;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		RUMP_O_RDONLY | RUMP_O_NONBLOCK };
	struct libobject *o;
	char *name;
	int64_t fd;
	int error = rump_call(s->s_call, RUMP_SYS_openat, args, &fd);

	s->s_touches = true;
	*escaped = error == ROUTE_ESCAPED;
	if (error == ROUTE_RESTART)
		s->s_error = error;
	if (error != 0)
		return NULL;
	name = path[0] != '/' ? procfd_name(pl) : string_keep(path);
	o = take_library(s, fd, path, name, loader);
	if (name != NULL)
		string_free(name);
	args[0] = fd;
	(void)rump_call(s->s_call, RUMP_SYS_close, args, NULL);
	return o;
}

static struct libobject *
try_path(struct libsearch *s, const char *path, struct libobject *loader)
{
	struct place *pl = s->s_place;
	struct libobject *o;
	bool escaped;

	if (place_find(pl, AT_FDCWD, (long)path, PLACE_LINKS) != 0)
		return NULL;
	while (pl->pl_rump && s->s_error == 0) {
		if (!backend_reachable())
			return NULL;
		o = try_rump(s, path, loader, &escaped);
		if (!escaped || place_escaped(pl, PLACE_LINKS) != 0)
			return o;
	}
	return s->s_error == 0
		   ? try_host(s, pl->pl_changed ? pl->pl_path : path, loader)
		   : NULL;
}

/* --- the search -------------------------------------------------------- */

/* In the directories of a list, which belongs to object of. */
static struct libobject *
try_list(struct libsearch *s, const char *list, const char *ends,
    const struct libobject *of, const char *name, struct libobject *loader)
{
	const struct searchpath_tokens st = { of->o_origin, s->s_lib };
	struct libobject *o = NULL;
	struct text t;

	if (list == NULL || *list == '\0')
		return NULL;
	while (o == NULL && s->s_error == 0 &&
	       searchpath_next(&list, ends, &st, s->s_dir, PATHBUF_SIZE)) {
		text_init(&t, s->s_path, sizeof(s->s_path));
		text_put(&t, s->s_dir);
		if (s->s_dir[0] != '\0')
			text_char(&t, '/');
		text_put(&t, name);
		o = try_path(s, s->s_path, loader);
	}
	return o;
}

static struct libobject *
try_usual(struct libsearch *s, const char *name, struct libobject *loader)
{
	struct libobject *o = NULL;
	const char *path = NULL;
	struct text t;

	if (s->s_cache != NULL)
		path = ldcache_find(s->s_cache, s->s_cache_size, name);
	if (path != NULL)
		o = try_path(s, path, loader);
	for (size_t i = 0; i < NUSUAL && o == NULL && s->s_error == 0; i++) {
		text_init(&t, s->s_path, sizeof(s->s_path));
		text_put(&t, usual[i]);
		text_char(&t, '/');
		text_put(&t, name);
		o = try_path(s, s->s_path, loader);
	}
	return o;
}

static struct libobject *
locate(struct libsearch *s, const char *name, struct libobject *loader)
{
	struct libobject *o = NULL;

	/* The host's, whatever the root directory is. */
	if (text_equal(name, engine_library))
		return try_host(s, name, loader);
	if (contains(name, '/'))
		return try_path(s, name, loader);
	for (struct libobject *l = loader;
	     l != NULL && o == NULL && loader->o_runpath == NULL;
	     l = l->o_loader)
		o = try_list(s, l->o_rpath, ":", l, name, loader);
	if (o == NULL)
		o = try_list(
		    s, s->s_library_path, ":;", &s->s_objects[0], name, loader);
	if (o == NULL)
		o = try_list(s, loader->o_runpath, ":", loader, name, loader);
	if (o == NULL && !loader->o_nodeflib)
		o = try_usual(s, name, loader);
	return o;
}

static void
need(struct libsearch *s, const char *name, struct libobject *loader)
{
	if (s->s_error != 0 || contains(name, '$') ||
	    find_name(s, name) != NULL)
		return;
	add_name(s, name, locate(s, name, loader));
}

/* The tokens of LD_PRELOAD, which the program is said to need first. */
static void
need_preloads(struct libsearch *s)
{
	const char *p = s->s_preload, *end, *name;

	for (; *p != '\0'; p = *end != '\0' ? end + 1 : end) {
		for (end = p; *end != '\0' && *end != ':' && *end != ' ';)
			end++;
		name = end > p ? libsearch_keep(s, p, (size_t)(end - p)) : NULL;
		if (name != NULL)
			need(s, name, &s->s_objects[0]);
	}
}

void
libsearch_run(struct libsearch *s)
{
	need_preloads(s);
	for (unsigned i = 0; i < s->s_nobjects; i++) {
		struct libobject *o = &s->s_objects[i];

		for (const char *name = o->o_needed; *name != '\0';
		     name += text_length(name) + 1)
			need(s, name, o);
	}
}
