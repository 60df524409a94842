/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables are copied at start: programs overwrite their initial environment
 * (setproctitle).  A new program's environment is rebuilt outside of the
 * program's own memory, since the caller may be a vfork child.
 *
 * A program that is executed with an environment in which there is nothing of
 * ours (env -i) is not to see what is added there: it stands behind a variable
 * that says so, where the new image ends the list before the program looks.
 *
 * The host's auxiliary vector stands behind the list's end, and there are programs
 * that look for it there (Go's).  What has been taken out of the list leaves a gap
 * before it, which is made to look like a part of the vector.
 */
#include "preload/engine/environ.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/late.h"
#include "preload/engine/thread.h"

#define KEPT_MAX 62 /* and RUMPKIT_KERNEL_PID; a bit each */
#define KEPT_SMALL 1024
#define LIBRARY_MAX 4096
#define ENTRIES_MAX (1 << 20)
#define HEAD_SIZE 512 /* of an entry; a longer library path is merged anew */
#define LOOK_SIZE 8   /* of each entry, to tell whether it matters */
#define SCRATCH_STEP (64UL * 1024)
#define VALUE_MAX (128 * 1024)
#define PRELOAD_MAX (VALUE_MAX + LIBRARY_MAX + 16)
#define HANDED_MAX (128 * 1024) /* the host's limit for one string */
#define AUDIT_TAKES 2           /* entries at most, before we look */
#define TAG_MAX 4095            /* below any address */

static const char PRELOAD[] = "LD_PRELOAD=";
/* What the router hands on: nobody else's values are passed. */
static const char *const HANDED[] = { "RUMPKIT_CWD=", "RUMPKIT_FDS=",
	"RUMPKIT_KERNEL=", "RUMPKIT_NUMBERS=", "RUMPKIT_COMM=",
	"RUMPKIT_NOFILE=", "RUMPKIT_DOOR=", "RUMPKIT_NETWORK=",
	"RUMPKIT_PLACE=", "RUMPKIT_ROOT=", "RUMPKIT_USERS=" };
_Static_assert(sizeof(HANDED) / sizeof(HANDED[0]) == EXEC_STRINGS, "all");
static const char KERNEL_PID[] = "RUMPKIT_KERNEL_PID";
static const char HIDDEN[] = "RUMPKIT_HIDDEN=1";

const char *engine_library = "";
static const char
    *kept[KEPT_MAX + 1]; /* NAME=value, LD_PRELOAD not among them */
static unsigned kept_count;
static char kept_small[KEPT_SMALL];
static char kernel_pid[sizeof(KERNEL_PID) + 24];
static char **start_envp, **start_end; /* ... and its NULL */
static bool hidden; /* what is ours in it is not the program's */

static bool
begins(const char *s, const char *prefix)
{
	while (*prefix != '\0') {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

/* Same NAME= ? */
static bool
same_name(const char *a, const char *b)
{
	for (; *a == *b; a++, b++) {
		if (*a == '=')
			return true;
		if (*a == '\0')
			return false;
	}
	return false;
}

/* The index in HANDED, or -1. */
static int
handed_index(const char *entry)
{
	for (int i = 0; i < EXEC_STRINGS; i++) {
		if (begins(entry, HANDED[i]))
			return i;
	}
	return -1;
}

static bool
is_kept(const char *entry)
{
	return begins(entry, "RUMP") && handed_index(entry) < 0 &&
	       !same_name(entry, HIDDEN);
}

/* A name that is relative still was so when the dynamic linker took it. */
static void
find_library(void)
{
	static LATE char path[LIBRARY_MAX];
	struct dl_find_object object;
	const char *name;
	long n;

	if (_dl_find_object((void *)engine_range_begin, &object) != 0)
		return;
	name = object.dlfo_link_map->l_name;
	if (name[0] == '/') {
		if (strlen(name) < LIBRARY_MAX)
			engine_library = name;
		return;
	}
	n = HOST(SYS_getcwd, path, sizeof(path) / 2, 0, 0, 0, 0);
	if (n <= 0 || (size_t)n + strlen(name) + 1 > sizeof(path))
		return;
	path[n - 1] = '/';
	memcpy(path + n, name, strlen(name) + 1);
	engine_library = path;
}

void
environ_init(char **envp)
{
	size_t total = 0;
	char *space = kept_small;
	char **e;
	long r;

	start_envp = envp;
	kept_count = 0; /* the page is written before it is read: one fault */
	find_library();
	for (e = envp; *e != NULL; e++) {
		if (is_kept(*e))
			total += strlen(*e) + 1;
		hidden |= same_name(*e, HIDDEN);
	}
	start_end = e;
	if (total > sizeof(kept_small)) {
		r = HOST(SYS_mmap, 0, total, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (r < 0)
			return;
		space = (char *)r;
	}
	for (e = envp; *e != NULL && kept_count < KEPT_MAX; e++) {
		if (!is_kept(*e))
			continue;
		memcpy(space, *e, strlen(*e) + 1);
		kept[kept_count++] = space;
		space += strlen(space) + 1;
	}
}

/* Programs that are executed from here on belong to this process's kernel, or to
 * the one that it was told of. */
static void
keep_kernel_pid(void)
{
	long pid = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), rest;
	char *p = kernel_pid + sizeof(kernel_pid) - 1;

	if (engine_getenv(KERNEL_PID) != NULL)
		return;
	for (rest = pid; rest > 0; rest /= 10)
		*--p = (char)('0' + rest % 10);
	*--p = '=';
	p -= sizeof(KERNEL_PID) - 1;
	memcpy(p, KERNEL_PID, sizeof(KERNEL_PID) - 1);
	kept[kept_count++] = p;
}

/* What stands behind HIDDEN, and that.  The strings stay where they are. */
static void
hide(char **envp)
{
	while (*envp != NULL && !same_name(*envp, HIDDEN))
		envp++;
	*envp = NULL;
}

/*
 * Entries are addresses, and the vector begins with a small number.  A gap of an
 * odd number of words cannot be pairs: it ends the vector, and who finds nothing
 * there asks /proc/self/auxv.
 */
static void
close_gap(char **envp)
{
	uintptr_t *from, *at, *limit;
	bool odd;

	while (*envp != NULL)
		envp++;
	from = at = (uintptr_t *)(envp + 1);
	limit = (uintptr_t *)(start_end + 1 + AUDIT_TAKES);
	while (at < limit && (*at == 0 || *at > TAG_MAX))
		at++;
	if (*at == 0 || *at > TAG_MAX)
		return;
	odd = (at - from) % 2 != 0;
	for (; from < at; from++)
		*from = odd || (at - from) % 2 != 0 ? AT_NULL : AT_IGNORE;
}

void
environ_close(void)
{
	if (!router_idle)
		keep_kernel_pid();
	if (hidden)
		hide(start_envp);
	close_gap(start_envp);
	start_envp = NULL;
}

void
environ_patch_at_start(void)
{
	if (engine_getenv("RUMPKIT_ENGINE") != NULL || kept_count == KEPT_MAX)
		return;
	kept[kept_count] = "RUMPKIT_ENGINE=both";
	kept_count++;
}

static const char *
value_of(const char *entry, const char *name)
{
	size_t n;

	if (entry[0] != name[0] || !begins(entry, name))
		return NULL;
	n = strlen(name);
	return entry[n] == '=' ? entry + n + 1 : NULL;
}

const char *
engine_getenv(const char *name)
{
	const char *v;
	char **e;
	unsigned i;

	for (i = 0; i < kept_count; i++) {
		v = value_of(kept[i], name);
		if (v != NULL)
			return v;
	}
	for (e = start_envp; e != NULL && *e != NULL; e++) {
		v = value_of(*e, name);
		if (v != NULL)
			return v;
	}
	return NULL;
}

/* --- rebuilding ------------------------------------------------------- */

struct survey {
	size_t su_entries;
	const char *su_preload; /* the program's entry, NULL none */
	bool su_has_library;    /* ... and it leads with this library */
	/* The program's own of HANDED, NULL none. */
	const char *su_handed[EXEC_STRINGS];
	const char *su_hidden; /* HIDDEN, which is not its own, NULL none */
	uint64_t su_present;   /* bit i: kept[i] is there */
};

static bool
is_separator(char c)
{
	return c == ':' || c == ' ';
}

static const char *
base_name(const char *s, const char *end)
{
	const char *base = s;

	for (; s < end; s++) {
		if (*s == '/')
			base = s + 1;
	}
	return base;
}

/* Is the token [s, end) this library by name? */
static bool
names_library(const char *s, const char *end)
{
	const char *libend = engine_library + strlen(engine_library);
	const char *lib = base_name(engine_library, libend);
	const char *base = base_name(s, end);

	return end - base == libend - lib &&
	       memcmp(base, lib, (size_t)(libend - lib)) == 0;
}

static const char *
token_end(const char *s)
{
	while (*s != '\0' && !is_separator(*s))
		s++;
	return s;
}

/* Does the list start with this library under its full name? */
static bool
leads_with_library(const char *list)
{
	const char *end = token_end(list);

	return (size_t)(end - list) == strlen(engine_library) &&
	       memcmp(list, engine_library, (size_t)(end - list)) == 0;
}

static long
read_entry(char **envp, size_t i, char **entry)
{
	return engine_copy(entry, &envp[i], sizeof(*entry));
}

/* Can an entry that begins like this be one of PRELOAD, HANDED or kept? */
static bool
is_interesting(const char *head)
{
	return begins(head, "LD_P") || begins(head, "RUMP");
}

/* head: the first bytes of an entry at address entry. */
static void
note_entry(struct survey *su, const char *head, const char *entry)
{
	int i = handed_index(head);
	unsigned k;

	for (k = 0; k < kept_count; k++) {
		if (same_name(head, kept[k]))
			su->su_present |= 1UL << k;
	}
	if (i >= 0)
		su->su_handed[i] = entry;
	if (same_name(head, HIDDEN))
		su->su_hidden = entry;
	if (su->su_preload == NULL && begins(head, PRELOAD)) {
		su->su_preload = entry;
		su->su_has_library =
		    leads_with_library(head + sizeof(PRELOAD) - 1);
	}
}

static long
survey(char **envp, struct survey *su)
{
	char *entry, head[HEAD_SIZE];
	size_t i;

	memset(su, 0, sizeof(*su));
	for (i = 0; envp != NULL; i++) {
		if (i == ENTRIES_MAX)
			return -E2BIG;
		if (read_entry(envp, i, &entry) != 0)
			return -EFAULT;
		if (entry == NULL)
			break;
		if (engine_copy_string(head, entry, LOOK_SIZE) == -EFAULT)
			return -EFAULT;
		if (!is_interesting(head))
			continue;
		if (engine_copy_string(head, entry, sizeof(head)) == -EFAULT)
			return -EFAULT;
		head[sizeof(head) - 1] = '\0';
		note_entry(su, head, entry);
	}
	su->su_entries = i;
	return 0;
}

/* This library, then the other tokens of list. */
static size_t
merge_preload(char *to, const char *list)
{
	char *p = to;
	const char *end;

	memcpy(p, PRELOAD, sizeof(PRELOAD) - 1);
	p += sizeof(PRELOAD) - 1;
	memcpy(p, engine_library, strlen(engine_library));
	p += strlen(engine_library);
	while (*list != '\0') {
		end = token_end(list);
		if (end > list && !names_library(list, end)) {
			*p++ = ':';
			memcpy(p, list, (size_t)(end - list));
			p += end - list;
		}
		list = *end == '\0' ? end : end + 1;
	}
	*p++ = '\0';
	return (size_t)(p - to);
}

/* One that nobody hands on to another program but we. */
static bool
is_handed(const struct survey *su, const char *entry)
{
	if (entry == su->su_hidden)
		return true;
	for (int i = 0; i < EXEC_STRINGS; i++) {
		if (entry == su->su_handed[i])
			return true;
	}
	return false;
}

/* Is there nothing of ours?  LD_PRELOAD is anybody's. */
static bool
is_bare(const struct survey *su)
{
	for (int i = 0; i < EXEC_STRINGS; i++) {
		if (su->su_handed[i] != NULL)
			return false;
	}
	return su->su_present == 0;
}

/* handed: what the router says, NULL where it says nothing. */
static long
write_entries(char **envp, const struct survey *su, char *preload,
    char *const handed[EXEC_STRINGS], char **out)
{
	bool bare = is_bare(su);
	size_t i, n = 0;
	unsigned k;

	if (!bare || su->su_preload != NULL)
		out[n++] = preload;
	for (i = 0; i < su->su_entries; i++) {
		if (read_entry(envp, i, &out[n]) != 0)
			return -EFAULT;
		if (out[n] != su->su_preload && !is_handed(su, out[n]))
			n++;
	}
	if (bare)
		out[n++] = (char *)(uintptr_t)HIDDEN;
	if (bare && su->su_preload == NULL)
		out[n++] = preload;
	for (i = 0; i < EXEC_STRINGS; i++) {
		if (handed[i] != NULL)
			out[n++] = handed[i];
	}
	for (k = 0; k < kept_count; k++) {
		if ((su->su_present & (1UL << k)) == 0)
			out[n++] = (char *)(uintptr_t)kept[k];
	}
	out[n] = NULL;
	return 0;
}

static bool
is_complete(const struct survey *su)
{
	uint64_t all = (1UL << kept_count) - 1;

	for (int i = 0; i < EXEC_STRINGS; i++) {
		if (su->su_handed[i] != NULL)
			return false;
	}
	return su->su_has_library && su->su_present == all;
}

/* old and preload have room for VALUE_MAX and PRELOAD_MAX bytes. */
static long
write_preload(const struct survey *su, char *old, char *preload)
{
	long n;

	if (su->su_preload == NULL) {
		merge_preload(preload, "");
		return 0;
	}
	n = engine_copy_string(old, su->su_preload, VALUE_MAX);
	if (n < 0)
		return n == -ENAMETOOLONG ? -E2BIG : n;
	merge_preload(preload, old + sizeof(PRELOAD) - 1);
	return 0;
}

/* Ask the router.  What it says stands packed from to on, where there is room for
 * HANDED_MAX bytes each; the end of it. */
static char *
write_handed(char *to, char *handed[EXEC_STRINGS])
{
	for (unsigned i = 0; i < EXEC_STRINGS; i++) {
		handed[i] = NULL;
		if (!router_idle && router_exec_env(i, to, HANDED_MAX) != 0) {
			handed[i] = to;
			to += strlen(to) + 1;
		}
	}
	return to;
}

/* At least len bytes, which may be what an exec before has left in *map.  0 or
 * -ENOMEM. */
static long
map_scratch(size_t len, void **map, size_t *maplen)
{
	long r;

	if (*map != NULL && *maplen >= len)
		return 0;
	if (*map != NULL)
		HOST(SYS_munmap, *map, *maplen, 0, 0, 0, 0);
	*map = NULL;
	r = HOST(SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r < 0)
		return -ENOMEM;
	*map = (void *)r;
	*maplen = len;
	return 0;
}

long
environ_rebuild(char **envp, char ***newp, void **map, size_t *maplen)
{
	char *base, *preload, *handed[EXEC_STRINGS];
	size_t entries, len;
	struct survey su;
	char **out;
	long r;

	*newp = envp;
	if (engine_library[0] == '\0')
		return 0;
	r = survey(envp, &su);
	if (r != 0 || (is_complete(&su) && router_idle))
		return r;
	/* What is short comes first: the host makes few pages then. */
	entries =
	    (su.su_entries + kept_count + EXEC_STRINGS + 3) * sizeof(char *);
	len = entries + EXEC_STRINGS * HANDED_MAX + PRELOAD_MAX + VALUE_MAX;
	r = map_scratch((len + SCRATCH_STEP - 1) & -SCRATCH_STEP, map, maplen);
	if (r != 0)
		return r;
	base = *map;
	out = (char **)(void *)base;
	preload = write_handed(base + entries, handed);
	r = 0;
	if (su.su_has_library)
		preload = (char *)(uintptr_t)su.su_preload;
	else
		r = write_preload(&su, preload + PRELOAD_MAX, preload);
	if (r == 0)
		r = write_entries(envp, &su, preload, handed, out);
	if (r == 0)
		*newp = out;
	return r;
}
