/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls, each with arguments at random. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crowd.h"

#define SLOTS 6
#define PATH_LENGTH 1024

static int slots[SLOTS] = { -1, -1, -1, -1, -1, -1 };
static char data[8192];

static const char *const names[] = { "a", "a", "a", "b", "b", "c", "d", "e",
	"s", "\xff\x80" };
static const mode_t modes[] = { 0, 0111, 0400, 0600, 0640, 0644, 0666, 0700,
	0711, 0755, 0777, 01777, 01770, 02755, 02775, 02640, 04755, 04711,
	04644, 06777, 06070, 0070, 0007 };
static const id_t ids[] = { (id_t)-1, (id_t)-1, 0, 1001, 1001, 1002, 1003, 1004,
	1005 };
static const int sizes[] = { 0, 1, 100, 4095, 4096, 4097, 10000, -1 };

/* Adds a component to the path, most often one that may be there. */
static void
add_name(char *path)
{
	char *end = path + strlen(path);

	switch (below(80)) {
	case 0:
		strcpy(end, ".");
		return;
	case 1:
	case 2:
		strcpy(end, "..");
		return;
	case 3:
		memset(end, 'l', NAME_MAX);
		end[NAME_MAX] = '\0';
		return;
	case 4:
		memset(end, 'l', NAME_MAX + 1);
		end[NAME_MAX + 1] = '\0';
		return;
	default:
		strcpy(end, ONE_OF(names));
	}
}

/* A path below the directory; what climbs out of it finds nothing. */
static const char *
some_path(char *path)
{
	static const unsigned depths[] = { 1, 1, 1, 2, 2, 3 };
	unsigned depth, i, up = 0;
	char *name;

	*path = '\0';
	depth = ONE_OF(depths);
	for (i = 0; i < depth; i++) {
		if (i > 0)
			strcat(path, below(30) == 0 ? "//" : "/");
		name = path + strlen(path);
		add_name(name);
		if (strcmp(name, "..") == 0 && up++ >= i)
			strcpy(name, "a");
	}
	if (below(20) == 0)
		strcat(path, "/");
	if (below(200) == 0)
		*path = '\0';
	return (path);
}

/* Long names are printed short. */
static const char *
shown(const char *path)
{
	static char text[4][PATH_LENGTH];
	static unsigned turn;
	char *to = text[turn++ % 4];
	size_t i = 0, run;

	while (*path != '\0' && i < PATH_LENGTH - 16) {
		run = strspn(path, "l");
		if (run > 3) {
			i += (size_t)sprintf(to + i, "{%zu}", run);
			path += run;
		} else {
			to[i++] = *path++;
		}
	}
	to[i] = '\0';
	return (to);
}

static unsigned
some_slot(void)
{
	unsigned i, slot = below(SLOTS);

	for (i = 0; i < SLOTS; i++, slot = (slot + 1) % SLOTS)
		if (slots[slot] >= 0)
			return (slot);
	return (slot);
}

static void
call_open(const char *path)
{
	static const int ways[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR,
		O_RDONLY | O_CREAT, O_RDWR | O_CREAT, O_WRONLY | O_CREAT,
		O_RDWR | O_CREAT | O_EXCL, O_WRONLY | O_TRUNC,
		O_RDONLY | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC,
		O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW,
		O_RDWR | O_CREAT | O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW,
		O_WRONLY | O_APPEND, O_RDONLY | O_NOATIME, O_RDWR | O_TMPFILE,
		O_WRONLY | O_CREAT | O_APPEND };
	unsigned slot = below(SLOTS);
	int flags = ONE_OF(ways);
	mode_t mode = ONE_OF(modes);
	int fd;

	if (only_nfs && (flags & O_TMPFILE) == O_TMPFILE)
		flags = O_RDONLY;

	if (slots[slot] >= 0)
		close(slots[slot]);
	fd = open(path, flags | O_NONBLOCK, mode);
	slots[slot] = fd;
	told(fd < 0 ? -1 : 0, "%u = open(%s, %#o, %o)", slot, shown(path),
	    flags, mode);
}

static void
call_mkdir(const char *path)
{
	mode_t mode = below(2) == 0 ? 0777 : ONE_OF(modes);

	told(mkdir(path, mode), "mkdir(%s, %o)", shown(path), mode);
}

static void
call_rmdir(const char *path)
{

	told(rmdir(path), "rmdir(%s)", shown(path));
}

static void
call_unlink(const char *path)
{

	told(unlink(path), "unlink(%s)", shown(path));
}

static void
call_rename(const char *path)
{
	static const unsigned ways[] = { 0, 0, 0, 0, RENAME_NOREPLACE,
		RENAME_EXCHANGE };
	char to[PATH_LENGTH];
	unsigned way = ONE_OF(ways);

	some_path(to);
	if (only_nfs)
		way = 0;
	told(renameat2(AT_FDCWD, path, AT_FDCWD, to, way), "rename(%s, %s, %u)",
	    shown(path), shown(to), way);
}

/* Hosts may keep others from linking what is not theirs. */
static bool
privileged(void)
{

	return (setfsuid((uid_t)-1) == 0);
}

static void
call_link(const char *path)
{
	char to[PATH_LENGTH];
	int follow = below(3) == 0 ? AT_SYMLINK_FOLLOW : 0;

	some_path(to);
	if (!privileged()) {
		printf("no link(%s)\n", shown(path));
		return;
	}
	told(linkat(AT_FDCWD, path, AT_FDCWD, to, follow), "link(%s, %s, %#x)",
	    shown(path), shown(to), follow);
}

static void
call_symlink(const char *path)
{
	char to[PATH_LENGTH];

	some_path(to);
	told(symlink(to, path), "symlink(%s, %s)", shown(to), shown(path));
}

static void
call_readlink(const char *path)
{
	char text[PATH_LENGTH];
	ssize_t size;

	size = readlink(path, text, sizeof(text) - 1);
	text[size < 0 ? 0 : size] = '\0';
	told(size, "readlink(%s, \"%s\")", shown(path), shown(text));
}

static void
call_mknod(const char *path)
{
	static const mode_t kinds[] = { S_IFREG, S_IFIFO, S_IFIFO, S_IFSOCK, 0,
		S_IFDIR, S_IFLNK, 0170000 };
	mode_t mode = ONE_OF(kinds) | ONE_OF(modes);

	if (geteuid() != 0 && below(4) == 0)
		mode = S_IFCHR | 0666;
	told(mknod(path, mode, makedev(1, 3)), "mknod(%s, %o)", shown(path),
	    mode);
}

static void
call_chmod(const char *path)
{
	mode_t mode = ONE_OF(modes);

	told(chmod(path, mode), "chmod(%s, %o)", shown(path), mode);
}

static void
call_chown(const char *path)
{
	int flags = below(2) == 0 ? AT_SYMLINK_NOFOLLOW : 0;
	uid_t uid = ONE_OF(ids);
	gid_t gid = ONE_OF(ids);

	told(fchownat(AT_FDCWD, path, uid, gid, flags),
	    "chown(%s, %d, %d, %#x)", shown(path), (int)uid, (int)gid, flags);
}

static void
call_truncate(const char *path)
{
	int size = ONE_OF(sizes);

	told(truncate(path, size), "truncate(%s, %d)", shown(path), size);
}

static const struct timespec *
some_times(struct timespec *times)
{
	static const struct timespec ways[] = { { 0, UTIME_NOW },
		{ 0, UTIME_OMIT }, { 1000000, 5 }, { 0, 1000000000 },
		{ -5, 0 } };

	if (below(3) == 0) {
		times[0] = times[1] = ways[0];
		return (NULL);
	}
	times[0] = ONE_OF(ways);
	times[1] = ONE_OF(ways);
	return (times);
}

static void
call_utimens(const char *path)
{
	int flags = below(3) == 0 ? AT_SYMLINK_NOFOLLOW : 0;
	struct timespec times[2];
	const struct timespec *arg;

	arg = some_times(times);
	told(utimensat(AT_FDCWD, path, arg, flags),
	    "utimensat(%s, %s%ld.%lx %ld.%lx, %#x)", shown(path),
	    arg == NULL ? "NULL " : "", times[0].tv_sec, times[0].tv_nsec,
	    times[1].tv_sec, times[1].tv_nsec, flags);
}

static void
call_access(const char *path)
{
	int mode = (int)below(8), flags = below(2) == 0 ? AT_EACCESS : 0;

	told(syscall(SYS_faccessat2, AT_FDCWD, path, mode, flags),
	    "access(%s, %d, %#x)", shown(path), mode, flags);
}

static void
call_stat(const char *path)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	told(stat(path, &st), "stat(%s) %o", shown(path), st.st_mode);
}

static int
by_name(const void *a, const void *b)
{

	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static void
call_list(const char *path)
{
	char *found[64];
	int count = 0, i;
	struct dirent *e;
	DIR *d;

	d = opendir(path);
	told(d == NULL ? -1 : 0, "list(%s)", shown(path));
	if (d == NULL)
		return;
	while (count < 64 && (e = readdir(d)) != NULL)
		must(asprintf(&found[count++], "%s(%d)", shown(e->d_name),
			 e->d_type) > 0,
		    "memory");
	closedir(d);
	qsort(found, (size_t)count, sizeof(found[0]), by_name);
	for (i = 0; i < count; i++) {
		printf("    %s\n", found[i]);
		free(found[i]);
	}
}

static void
call_chdir(const char *path)
{
	char next[PATH_LENGTH];
	struct stat st;

	if (told(chdir(path), "chdir(%s)", shown(path)) != 0)
		return;
	some_path(next);
	told(lstat(next, &st), "    there lstat(%s)", shown(next));
	told(mkdir(next, 0777), "    there mkdir(%s)", shown(next));
}

/* By a directory's descriptor, or another's. */
static void
call_at(const char *path)
{
	unsigned slot = some_slot();
	int fd = slots[slot];

	switch (below(5)) {
	case 0:
		told(mkdirat(fd, path, 0775), "mkdirat(%u, %s)", slot,
		    shown(path));
		return;
	case 1:
		told(unlinkat(fd, path, 0), "unlinkat(%u, %s)", slot,
		    shown(path));
		return;
	case 2:
		told(renameat(fd, path, AT_FDCWD, "a"), "renameat(%u, %s, a)",
		    slot, shown(path));
		return;
	case 3:
		if (!privileged())
			break;
		told(linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH),
		    "linkat(%u, %s)", slot, shown(path));
		return;
	default:
		break;
	}
	told(symlinkat("b", fd, path), "symlinkat(%u, %s)", slot, shown(path));
}

static void
call_read(unsigned slot)
{
	int size = ONE_OF(sizes);

	size = size < 0 ? 5 : size;
	told(read(slots[slot], data, (size_t)size % sizeof(data)),
	    "read(%u, %d)", slot, size);
}

static void
call_write(unsigned slot)
{
	int size = ONE_OF(sizes);

	size = size < 0 ? 5 : size;
	memset(data, 'a' + (int)below(26), sizeof(data));
	told(write(slots[slot], data, (size_t)size % sizeof(data)),
	    "write(%u, %d)", slot, size);
}

static void
call_pwrite(unsigned slot)
{
	int at = ONE_OF(sizes);

	at = at < 0 ? 5 : at;
	memset(data, 'A' + (int)below(26), sizeof(data));
	told(pwrite(slots[slot], data, 10, at), "pwrite(%u, %d)", slot, at);
}

static void
call_ftruncate(unsigned slot)
{
	int size = ONE_OF(sizes);

	size = size < 0 ? 5 : size;
	told(ftruncate(slots[slot], size), "ftruncate(%u, %d)", slot, size);
}

static void
call_fallocate(unsigned slot)
{
	static const int ways[] = { 0, 0, 1, 3, 2 };
	int way = ONE_OF(ways), at = ONE_OF(sizes), size = ONE_OF(sizes);

	if (only_nfs)
		return;
	told(fallocate(slots[slot], way, at, size), "fallocate(%u, %d, %d, %d)",
	    slot, way, at, size);
}

static void
call_fchmod(unsigned slot)
{
	mode_t mode = ONE_OF(modes);

	told(fchmod(slots[slot], mode), "fchmod(%u, %o)", slot, mode);
}

static void
call_fchown(unsigned slot)
{
	uid_t uid = ONE_OF(ids);
	gid_t gid = ONE_OF(ids);

	told(fchown(slots[slot], uid, gid), "fchown(%u, %d, %d)", slot,
	    (int)uid, (int)gid);
}

static void
call_futimens(unsigned slot)
{
	struct timespec times[2];
	const struct timespec *arg;

	arg = some_times(times);
	told(futimens(slots[slot], arg), "futimens(%u, %s%ld.%lx %ld.%lx)",
	    slot, arg == NULL ? "NULL " : "", times[0].tv_sec, times[0].tv_nsec,
	    times[1].tv_sec, times[1].tv_nsec);
}

static void
call_seek(unsigned slot)
{
	struct stat st;
	int at = ONE_OF(sizes);

	if (fstat(slots[slot], &st) == 0 && S_ISDIR(st.st_mode))
		at = 0;
	told(lseek(slots[slot], at, SEEK_SET), "lseek(%u, %d)", slot, at);
}

static void
call_fstat(unsigned slot)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	told(fstat(slots[slot], &st), "fstat(%u) %o %u:%u links %lu", slot,
	    st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
}

static void
call_fchdir(unsigned slot)
{
	struct stat st;

	if (told(fchdir(slots[slot]), "fchdir(%u)", slot) == 0)
		told(lstat("a", &st), "    there lstat(a)");
}

static void
call_copy(unsigned slot)
{
	unsigned to = some_slot();
	off_t from = 0, at = 4096;

	told(copy_file_range(slots[slot], &from, slots[to], &at, 50, 0),
	    "copy_file_range(%u, %u)", slot, to);
}

static void
call_store(unsigned slot)
{
	struct stat st;
	char *p;

	p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, slots[slot], 0);
	told(p == MAP_FAILED ? -1 : 0, "mmap(%u)", slot);
	if (p == MAP_FAILED)
		return;
	/* A store alone leaves the times on our memory file system. */
	if (fstat(slots[slot], &st) == 0 && st.st_size > 10) {
		p[5] = (char)('0' + below(10));
		told(pwrite(slots[slot], &p[5], 1, 5), "    pwrite of a store");
	}
	must(munmap(p, 4096) == 0, "munmap");
}

static void
call_close(unsigned slot)
{

	told(close(slots[slot]), "close(%u)", slot);
	slots[slot] = -1;
}

static void (*const by_path[])(const char *) = { call_open, call_open,
	call_open, call_open, call_mkdir, call_mkdir, call_mkdir, call_rmdir,
	call_unlink, call_rename, call_rename, call_rename, call_link,
	call_link, call_symlink, call_readlink, call_mknod, call_chmod,
	call_chmod, call_chmod, call_chown, call_chown, call_chown,
	call_truncate, call_utimens, call_utimens, call_access, call_stat,
	call_list, call_chdir, call_at, call_at };
static void (*const by_slot[])(unsigned) = { call_read, call_write, call_write,
	call_pwrite, call_ftruncate, call_fallocate, call_fchmod, call_fchown,
	call_futimens, call_seek, call_fstat, call_fchdir, call_copy,
	call_store, call_close };

void
call_something(int top)
{
	char path[PATH_LENGTH];

	if (below(10) < 7 || slots[some_slot()] < 0)
		ONE_OF(by_path)(some_path(path));
	else
		ONE_OF(by_slot)(some_slot());
	must(fchdir(top) == 0, "fchdir");
}
