/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * The dynamic linker opens the libraries of a program before the hijack library
 * is there, by itself.  What it offers to those who want to say where libraries
 * are is LD_AUDIT (rtld-audit(7)): a library in a name space of its own that is
 * asked for each name.  This is one.  It knows nothing of kernels: the image
 * before has looked for the libraries and copied those that lie in a kernel
 * (needed.c); here each name becomes the path of a copy, /proc/self/fd/N, and
 * what was loaded gets the name that the program knows it by.
 *
 * Names of the host's libraries are given, too.  The linker would find them, but
 * on its way look into directories of the kernel, miss them, and never look
 * there again, also when dlopen(3) asks and could have them.
 *
 * A library that was loaded from a copy has /proc/self/fd as its $ORIGIN.  When
 * it later opens others by that, the path is put right.
 *
 * Neither libc nor thread-local storage is here: the linker would load a second
 * libc for us.  No system call is made after the libraries have been loaded.
 */
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/loadtable.h"

#define EXPORT __attribute__((visibility("default")))
#define ARENA_SIZE (512 * 1024)
#define PATH_SIZE 4096
#define FD_DIR "/proc/self/fd"
#define FD_PATH_SIZE 32
#define RECORD_SIZE 1120 /* of struct link_map, at least */

struct entry {
	const char *e_name;
	char *e_path;
	const char *e_directory;
	uint64_t e_identity[2]; /* device and inode of the original, or 0 */
	struct link_map *e_map; /* what was loaded */
	char e_kind;
	int e_fd;                  /* of a copy; -1 later */
	char e_copy[FD_PATH_SIZE]; /* its path */
};

static struct entry entries[LOAD_ENTRIES];
static unsigned nentries;
static char arena[ARENA_SIZE];
static size_t used;
/* Loading the program: what it needs is there after that. */
static bool begun, loaded;
static char answer[PATH_SIZE];
static struct entry *asked;  /* for last */
static struct entry *beside; /* whose directory the answer begins with */

/* --- without libc ------------------------------------------------------ */

static long
host(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static bool
equal(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return *a == *b;
}

/* What follows prefix in s, or NULL. */
static char *
behind(const char *s, const char *prefix)
{
	while (*prefix != '\0') {
		if (*s++ != *prefix++)
			return NULL;
	}
	return (char *)(uintptr_t)s;
}

/* Append s at p, where there is room up to end; NULL: there is not. */
static char *
put(char *p, const char *end, const char *s)
{
	while (p != NULL && *s != '\0')
		p = p < end ? (*p = *s++, p + 1) : NULL;
	if (p != NULL && p < end)
		*p = '\0';
	return p < end ? p : NULL;
}

static uint64_t
number_of(const char *s)
{
	uint64_t n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (uint64_t)(*s++ - '0');
	return n;
}

static void
name_copy(struct entry *e)
{
	char digits[12], *p = digits + sizeof(digits) - 1;
	int n = e->e_fd;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	(void)put(put(e->e_copy, e->e_copy + FD_PATH_SIZE, FD_DIR "/"),
	    e->e_copy + FD_PATH_SIZE, p);
}

/* --- the table --------------------------------------------------------- */

/* The string at *p, which goes behind it; NULL: it does not end. */
static char *
take_string(char **p, const char *end)
{
	char *s = *p;

	while (*p < end) {
		if (*(*p)++ == '\0')
			return s;
	}
	return NULL;
}

/* An entry at *p, and its descriptor if it has one. */
static bool
take_entry(char **p, const char *end, const int **fds, const int *fds_end)
{
	struct entry *e = &entries[nentries];
	const char *device, *inode;

	if (*p == end || nentries == LOAD_ENTRIES)
		return false;
	e->e_kind = *(*p)++;
	e->e_name = take_string(p, end);
	e->e_path = take_string(p, end);
	e->e_directory = take_string(p, end);
	device = take_string(p, end);
	inode = take_string(p, end);
	if (inode == NULL)
		return false;
	e->e_identity[0] = number_of(device);
	e->e_identity[1] = number_of(inode);
	e->e_fd = -1;
	if (e->e_kind == LOAD_PROGRAM)
		e->e_fd = (int)number_of(e->e_name);
	if (e->e_kind == LOAD_COPY) {
		if (*fds == fds_end)
			return false;
		e->e_fd = *(*fds)++;
	}
	if (e->e_fd >= 0)
		name_copy(e);
	nentries++;
	return true;
}

/* One message.  False: there is none. */
static bool
take_message(int s)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(LOAD_COPIES * sizeof(int))];
	} control;
	struct iovec iov = { arena + used, sizeof(arena) - used };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	const struct cmsghdr *cm;
	const int *fds = NULL, *fds_end = NULL;
	char *p = arena + used;
	long n = host(SYS_recvmsg, s, (long)&mh, MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return false;
	used += (size_t)n;
	cm = CMSG_FIRSTHDR(&mh);
	if (cm != NULL && cm->cmsg_type == SCM_RIGHTS) {
		fds = (const int *)(const void *)CMSG_DATA(cm);
		fds_end = fds + (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	}
	while (take_entry(&p, arena + used, &fds, fds_end))
		continue;
	return true;
}

static void
take_table(int s)
{
	while (used < sizeof(arena) && take_message(s))
		continue;
	host(SYS_close, s, 0, 0);
}

static void
close_all(void)
{
	for (unsigned i = 0; i < nentries; i++) {
		if (entries[i].e_fd >= 0)
			host(SYS_close, entries[i].e_fd, 0, 0);
		entries[i].e_fd = -1;
	}
}

/* --- the environment --------------------------------------------------- */

/* Our library was put behind all others.  Alone, its entry goes. */
static bool
shorten_audit(char *value)
{
	char *last = value;

	for (char *p = value; *p != '\0'; p++) {
		if (*p == ':')
			last = p;
	}
	if (last == value)
		return false;
	*last = '\0';
	return true;
}

/* Is the entry the program's own? */
static bool
stays(char *entry)
{
	char *value = behind(entry, LOAD_VARIABLE "=");

	if (value != NULL) {
		take_table((int)number_of(value));
		return false;
	}
	value = behind(entry, "LD_AUDIT=");
	return value == NULL || shorten_audit(value);
}

static __attribute__((constructor)) void
start(int argc, char **argv, char **envp)
{
	char **to = envp;

	(void)argc;
	(void)argv;
	for (char **from = envp; *from != NULL; from++) {
		if (stays(*from))
			*to++ = *from;
	}
	*to = NULL;
}

/* --- what the dynamic linker asks -------------------------------------- */

EXPORT unsigned
la_version(unsigned version)
{
	return version;
}

/* A name before any search. */
static const char *
find_name(const char *name)
{
	asked = NULL;
	for (unsigned i = 0; !loaded && i < nentries; i++) {
		struct entry *e = &entries[i];

		if (e->e_kind == LOAD_PROGRAM || !equal(e->e_name, name))
			continue;
		asked = e;
		return e->e_kind == LOAD_COPY ? e->e_copy : e->e_path;
	}
	return name;
}

/*
 * The path of something beside a copy, as that of something beside e's file.
 * What is loaded from there has an $ORIGIN that begins in the same way.
 */
static const char *
put_right(struct entry *e, const char *name)
{
	const char *rest = behind(name, FD_DIR), *end = answer + PATH_SIZE;
	char *p;

	if (rest == NULL || *rest != '/' || *e->e_directory == '\0')
		return name;
	p = put(answer, end, e->e_directory);
	if (put(p, end, rest) == NULL)
		return name;
	beside = e;
	return answer;
}

EXPORT char *
la_objsearch(const char *name, uintptr_t *cookie, unsigned flag)
{
	uintptr_t e = *cookie - (uintptr_t)entries;

	if (flag == LA_SER_ORIG)
		name = find_name(name);
	else if (loaded && e < sizeof(entries))
		name = put_right((struct entry *)*cookie, name);
	return (char *)(uintptr_t)name;
}

/* How struct link_map goes on behind its public part. */
struct record {
	struct link_map r_public;
	struct link_map *r_real;
	Lmid_t r_space;
	struct {
		const char *name;
	} * r_names; /* by which it was asked for, the first one first */
};

/* It was not asked for by the path that it had from us, but by its name: that
 * is what ldd(1) shows. */
static void
rename_object(struct link_map *map, Lmid_t lmid, const struct entry *e)
{
	struct record *r = (struct record *)(void *)map;
	const char *ours = e->e_kind == LOAD_COPY ? e->e_copy : e->e_path;

	if (r->r_real == map && r->r_space == lmid && r->r_names != NULL &&
	    equal(r->r_names->name, ours))
		r->r_names->name = e->e_name;
}

/* What is loaded now?  What was asked for last, or the program, which has no
 * name. */
static struct entry *
find_loaded(const char *name)
{
	if (loaded)
		return NULL;
	if (asked != NULL &&
	    equal(name,
		asked->e_kind == LOAD_COPY ? asked->e_copy : asked->e_path))
		return asked;
	for (unsigned i = 0; *name == '\0' && i < nentries; i++) {
		if (entries[i].e_kind == LOAD_PROGRAM)
			return &entries[i];
	}
	return NULL;
}

EXPORT unsigned
la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie)
{
	struct entry *e = find_loaded(map->l_name);

	if (lmid == LM_ID_BASE)
		begun = true;
	if (e != NULL && e->e_kind != LOAD_PROGRAM)
		rename_object(map, lmid, e);
	if (e != NULL && e->e_kind != LOAD_HOST) {
		*cookie = (uintptr_t)e;
		e->e_map = map;
		if (e->e_kind == LOAD_COPY)
			map->l_name = e->e_path;
	} else if (beside != NULL && behind(map->l_name, FD_DIR) != NULL) {
		*cookie = (uintptr_t)beside;
	}
	return 0;
}

/*
 * The linker knows again what is loaded by device and inode, which are behind
 * the public part of its record: let it know the copy as the original, or it
 * would load that beside it when dlopen(3) comes by another path.
 */
static void
identify(const struct entry *e)
{
	uint64_t *words = (uint64_t *)(void *)e->e_map, *end;
	struct stat st;

	if (e->e_map == NULL || e->e_identity[1] == 0 ||
	    host(SYS_fstat, e->e_fd, (long)&st, 0) != 0)
		return;
	for (end = words + RECORD_SIZE / sizeof(*words); words < end; words++) {
		if (words[0] == st.st_dev && words[1] == st.st_ino) {
			words[0] = e->e_identity[0];
			words[1] = e->e_identity[1];
			return;
		}
	}
}

EXPORT void
la_activity(uintptr_t *cookie, unsigned flag)
{
	(void)cookie;
	if (flag != LA_ACT_CONSISTENT || !begun || loaded)
		return;
	loaded = true;
	for (unsigned i = 0; i < nentries; i++) {
		if (entries[i].e_kind == LOAD_COPY)
			identify(&entries[i]);
	}
	close_all();
}
