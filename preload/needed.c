/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * The dynamic linker maps a program's libraries before we are there, and to the
 * host the directories of the kernel do not exist.  So the image that executes
 * the program looks for its libraries as the dynamic linker would, copies those
 * that lie in the kernel to memory files, and tells the next image through
 * audit.c which name is which file.
 *
 * The order is that of ld.so(8): breadth first, a name once; DT_RPATH of whom
 * needs it and of those that needed this, LD_LIBRARY_PATH, DT_RUNPATH, the
 * cache, the usual directories.  What is not found here is left to the dynamic
 * linker, and so are a name with $ in it and the variants of a library for
 * certain processors, which the plain one can stand for.
 *
 * Most programs are none of this: their lists of directories name none of the
 * kernel's.  That is all that is looked at then.
 */
#include "preload/needed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/execenv.h"
#include "preload/ldcache.h"
#include "preload/libsearch.h"
#include "preload/names.h"
#include "preload/program_parts.h"
#include "preload/readiness.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/searchpath.h"
#include "preload/text.h"

#define VARIABLE_SIZE (64UL * 1024)
#define NOWHERE "/proc/self/fd/" /* and no number */

_Static_assert(LIBSEARCH_NAMES < LOAD_ENTRIES, "all are taken");

static bool
contains(const char *string, char c)
{
	while (*string != '\0' && *string != c)
		string++;
	return *string != '\0';
}

/* --- is it worth it? --------------------------------------------------- */

static bool
is_rump(struct libsearch *s, const char *path)
{
	return place_find(s->s_place, AT_FDCWD, (long)path, PLACE_LINKS) == 0 &&
	       s->s_place->pl_rump;
}

static bool
has_rump_dir(struct libsearch *s, const char *list, const char *ends)
{
	const struct searchpath_tokens st = { s->s_objects[0].o_origin,
		s->s_lib };

	if (list == NULL || *list == '\0')
		return false;
	while (searchpath_next(&list, ends, &st, s->s_dir, PATHBUF_SIZE)) {
		if (is_rump(s, s->s_dir[0] != '\0' ? s->s_dir : "."))
			return true;
	}
	return false;
}

static bool
has_rump_file(struct libsearch *s, const char *names)
{
	for (; *names != '\0'; names += text_length(names) + 1) {
		if (contains(names, '/') && is_rump(s, names))
			return true;
	}
	return false;
}

static bool
has_rump_preload(struct libsearch *s)
{
	const struct searchpath_tokens st = { NULL, NULL };
	const char *list = s->s_preload;

	while (searchpath_next(&list, ": ", &st, s->s_dir, PATHBUF_SIZE)) {
		if (contains(s->s_dir, '/') && is_rump(s, s->s_dir))
			return true;
	}
	return false;
}

static bool
is_worth_it(struct libsearch *s)
{
	const struct libobject *main = &s->s_objects[0];

	return names_entered() || has_rump_dir(s, s->s_library_path, ":;") ||
	       has_rump_dir(s, main->o_rpath, ":") ||
	       has_rump_dir(s, main->o_runpath, ":") ||
	       has_rump_file(s, main->o_needed) || has_rump_preload(s);
}

/* Is there no library in the list but this one? */
static bool
has_only_us(const char *list)
{
	size_t ours = text_length(engine_library);

	while (*list != '\0') {
		if (*list != ':' && *list != ' ') {
			if (!text_begins(list, engine_library))
				return false;
			list += ours;
		}
		if (*list != '\0' && *list != ':' && *list != ' ')
			return false;
		list += *list != '\0';
	}
	return true;
}

bool
needed_by_lists(const struct execenv *ee)
{
	char *value;
	bool ours;

	if (ee->ee_library_path != NULL || ee->ee_preload == NULL)
		return ee->ee_library_path != NULL;
	value = pool_get(&pathbufs);
	ours = value != NULL &&
	       execenv_value(ee->ee_preload, value, PATHBUF_SIZE) == 0 &&
	       has_only_us(value);
	if (value != NULL)
		pool_put(&pathbufs, value);
	return !ours;
}

/* What nearly all programs are. */
static bool
is_plain(const struct needed_program *np, const struct elfneeds *en)
{
	return np->np_path == NULL && en->en_rpath == ELFNEEDS_NONE &&
	       en->en_runpath == ELFNEEDS_NONE && !needed_by_lists(np->np_env);
}

/* --- the table --------------------------------------------------------- */

static int
put_object(struct libsearch *s, const struct libname *n)
{
	const struct libobject *o = n->n_object;
	const struct load_entry le = {
		.le_kind = o->o_copy >= 0 ? LOAD_COPY : LOAD_HOST,
		.le_name = n->n_name,
		.le_path = o->o_path,
		.le_directory = o->o_origin,
		.le_device = o->o_device,
		.le_inode = o->o_inode,
		.le_copy = o->o_copy,
	};

	return loadtable_put(&s->s_table, &le);
}

/* Below a root directory of the kernel's nothing else is to be found, neither by
 * the dynamic linker, whose root is the host's. */
static int
put_missing(struct libsearch *s, const char *name)
{
	const char *base = name;
	struct text t;
	struct load_entry le = {
		.le_kind = LOAD_HOST,
		.le_name = name,
		.le_path = s->s_path,
		.le_copy = -1,
	};

	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '/')
			base = p + 1;
	}
	text_init(&t, s->s_path, PATHBUF_SIZE);
	text_put(&t, NOWHERE);
	text_put(&t, base);
	return loadtable_put(&s->s_table, &le);
}

static int
fill_table(struct libsearch *s)
{
	int error = 0;

	for (unsigned i = 0; i < s->s_nnames && error == 0; i++) {
		const struct libname *n = &s->s_names[i];

		if (n->n_object != NULL)
			error = put_object(s, n);
		else if (names_entered())
			error = put_missing(s, n->n_name);
	}
	return error;
}

static int
put_program(struct libsearch *s, long fd)
{
	char number[24];
	struct text t;
	const struct load_entry le = {
		.le_kind = LOAD_PROGRAM,
		.le_name = number,
		.le_path = s->s_objects[0].o_path,
		.le_directory = s->s_objects[0].o_origin,
	};

	text_init(&t, number, sizeof(number));
	text_dec(&t, fd);
	return loadtable_put(&s->s_table, &le);
}

static int
make_table(struct libsearch *s, const struct needed_program *np, long *table)
{
	int error = loadtable_open(&s->s_table);

	if (error != 0)
		return error;
	error = fill_table(s);
	if (error == 0 && np->np_inherits)
		error = put_program(s, np->np_reader->r_fd);
	if (error == 0)
		return loadtable_close(&s->s_table, table);
	loadtable_drop(&s->s_table);
	return error;
}

/* --- from beginning to end --------------------------------------------- */

static const char *
keep_variable(struct libsearch *s, const char *entry)
{
	char *to = s->s_text + s->s_used;

	if (execenv_value(entry, to, VARIABLE_SIZE) != 0)
		*to = '\0';
	s->s_used += text_length(to) + 1;
	return to;
}

/* The host's, or that below a root directory of the kernel's. */
static long
open_cache(struct libsearch *s)
{
	long fd = -1;

	if (!names_entered())
		return HOST(SYS_openat, AT_FDCWD, LDCACHE_PATH,
		    O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (place_find(s->s_place, AT_FDCWD, (long)LDCACHE_PATH, 0) == 0)
		(void)program_copy(s->s_call, s->s_place, LDCACHE_PATH, &fd);
	return fd;
}

static void
map_cache(struct libsearch *s)
{
	long fd = open_cache(s), r = -EBADF;
	struct stat st;

	if (fd < 0)
		return;
	if (HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) == 0 && st.st_size > 0)
		r = HOST(
		    SYS_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (r < 0 && r > -4096)
		return;
	s->s_cache = (const void *)r;
	s->s_cache_size = (size_t)st.st_size;
}

static void
search_fini(struct libsearch *s)
{
	for (unsigned i = 0; i < s->s_nobjects; i++) {
		if (s->s_objects[i].o_copy >= 0)
			HOST(SYS_close, s->s_objects[i].o_copy, 0, 0, 0, 0, 0);
	}
	if (s->s_cache != NULL)
		HOST(SYS_munmap, s->s_cache, s->s_cache_size, 0, 0, 0, 0);
	if (s->s_place != NULL)
		place_destroy(s->s_place);
	waitmem_put(s);
}

/* $ORIGIN of a program of the host is where the host says that it lies. */
static const char *
main_path(struct libsearch *s, const struct needed_program *np)
{
	char link[32];
	struct text t;
	long n;

	if (np->np_path != NULL)
		return np->np_path;
	text_init(&t, link, sizeof(link));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, np->np_reader->r_fd);
	n = HOST(SYS_readlink, link, s->s_path, PATHBUF_SIZE - 1, 0, 0, 0);
	s->s_path[n > 0 ? n : 0] = '\0';
	return s->s_path;
}

static struct libsearch *
search_create(
    struct call *c, const struct needed_program *np, const struct elfneeds *en)
{
	struct libsearch *s = waitmem_get(sizeof(*s), NULL);
	const char *path;

	if (s == NULL)
		return NULL;
	s->s_call = c;
	s->s_place = place_create();
	s->s_lib = libsearch_lib();
	s->s_library_path = np->np_library_path;
	if (s->s_library_path == NULL)
		s->s_library_path =
		    keep_variable(s, np->np_env->ee_library_path);
	s->s_preload = keep_variable(s, np->np_env->ee_preload);
	s->s_elf = *en;
	path = main_path(s, np);
	if (s->s_place != NULL && libsearch_add(s, path, path, NULL) != NULL)
		return s;
	search_fini(s);
	return NULL;
}

static int
run(struct libsearch *s, const struct needed_program *np, long *table)
{
	int error = 0;

	if (is_worth_it(s)) {
		map_cache(s);
		libsearch_run(s);
		error = s->s_error;
	}
	if (error == 0 && (s->s_touches || np->np_inherits))
		error = make_table(s, np, table);
	return error;
}

/* The host would not find the dynamic linker itself. */
static bool
has_rump_interpreter(const struct elfneeds *en)
{
	char *path = pool_get(&pathbufs);
	struct place *pl = place_create();
	bool rump = false;

	if (path != NULL && pl != NULL &&
	    elfneeds_interpreter(en, path, PATHBUF_SIZE) > 0 &&
	    place_decide(pl, path) == 0 && pl->pl_rump) {
		engine_say("%s: a dynamic linker that lies on a rump file "
			   "system cannot be used by a program that does not: "
			   "not run",
		    path);
		rump = true;
	}
	if (pl != NULL)
		place_destroy(pl);
	if (path != NULL)
		pool_put(&pathbufs, path);
	return rump;
}

int
needed_find(struct call *c, const struct needed_program *np, long *table)
{
	struct elfneeds en;
	struct libsearch *s;
	int error;

	*table = -1;
	if (elfneeds_begin(&en, libsearch_read, np->np_reader) != 0)
		return 0;
	/* Of a copy that has been seen to (interp.h). */
	if (np->np_path == NULL && has_rump_interpreter(&en))
		return ENOENT;
	if (is_plain(np, &en))
		return 0;
	s = search_create(c, np, &en);
	if (s == NULL)
		return ENOMEM;
	error = run(s, np, table);
	search_fini(s);
	return error;
}
