/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordinary C program that reads a directory by every usual interface and
 * prints what it saw; test_reader.py compares the output under rumpkit with
 * the output on the exported directory.
 *
 * reader DIRECTORY MODE, MODE one of: stdio dirs walk map share threads sparse
 * fork erofs.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *top;

static const char *
at(const char *name)
{
	static __thread char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static unsigned long
digest(const unsigned char *p, size_t n, unsigned long h)
{
	while (n-- > 0)
		h = h * 1099511628211ul ^ *p++;
	return h;
}

static void
read_stdio(void)
{
	char line[256], *big;
	FILE *f;
	size_t n;

	f = fopen(at("text"), "r");
	if (f == NULL)
		err(1, "text");
	for (int i = 0; i < 3 && fgets(line, sizeof(line), f) != NULL; i++)
		fputs(line, stdout);
	fseek(f, -20, SEEK_END);
	printf("%ld %s", ftell(f), fgets(line, sizeof(line), f));
	rewind(f);
	printf("%s", fgets(line, sizeof(line), f));
	fclose(f);

	big = malloc(1 << 20);
	f = fopen(at("big"), "r");
	while ((n = fread(big, 1, 1 << 20, f)) > 0)
		printf("%zu %lx\n", n, digest((void *)big, n, 1));
	printf("%d %d\n", feof(f), ferror(f));
	fclose(f);
	free(big);
	f = fopen(at("missing"), "r");
	printf("%p %s\n", (void *)f, strerror(errno));
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
read_dirs(void)
{
	struct dirent **names, *d;
	char buf[PATH_MAX];
	long where;
	DIR *dir;
	int n;

	n = scandir(at("many"), &names, NULL, by_name);
	for (int i = 0; i < n; i += 97)
		printf("%s %d\n", names[i]->d_name, names[i]->d_type);
	printf("%d\n", n);

	dir = opendir(at("tree"));
	d = readdir(dir);
	where = telldir(dir);
	d = readdir(dir);
	snprintf(buf, sizeof(buf), "%s", d->d_name);
	while (readdir(dir) != NULL)
		continue;
	seekdir(dir, where);
	printf("%d\n", strcmp(readdir(dir)->d_name, buf));
	rewinddir(dir);
	for (n = 0; readdir(dir) != NULL; n++)
		continue;
	printf("%d\n", n);
	printf("%d\n", fstatat(dirfd(dir), "a/file1", &(struct stat){ 0 }, 0));
	closedir(dir);
	printf("%s\n", realpath(at("dirlink/c/../../b/file2"), buf));
	printf("%p %s\n", (void *)realpath(at("loop1"), buf), strerror(errno));
	printf("%p %s\n", (void *)opendir(at("text")), strerror(errno));
}

static int
walk_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	printf("%s %d %o %ld %d\n", path, type, st->st_mode,
	    S_ISDIR(st->st_mode) ? 0 : (long)st->st_size, ftw->level);
	return 0;
}

static void
walk(void)
{
	if (nftw(at("tree"), walk_one, 4, FTW_PHYS) != 0)
		err(1, "nftw");
}

static void
map_file(int flags, int prot)
{
	struct stat st;
	unsigned char *p;
	int fd;

	fd = open(at("big"), O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		err(1, "big");
	p = mmap(NULL, (size_t)st.st_size, prot, flags, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	printf("%lx\n", digest(p, (size_t)st.st_size, 1));
	if ((prot & PROT_WRITE) != 0) {
		memset(p + 4000, 0x5a, 5000);
		printf("%lx\n", digest(p, 20000, 1));
	}
	printf("%d\n", munmap(p, (size_t)st.st_size));
	fd = open(at("big"), O_RDONLY);
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096);
	printf("%lx %d\n", digest(p, 8192, 1), memcmp(p, p, 10));
	printf("%d\n", msync(p, 8192, MS_SYNC));
	printf("%d\n", mprotect(p, 4096, PROT_NONE));
	printf("%d\n", p[5000]);
	munmap(p, 8192);
	errno = 0;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("%d %s\n", p == MAP_FAILED, strerror(errno));
	close(fd);
}

static long
resident_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f;

	f = fopen("/proc/self/status", "r");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* A 4 GiB file maps with under 64 MiB resident. */
static void
map_sparse(void)
{
	const size_t size = (size_t)4 << 30;
	unsigned long sum = 0;
	unsigned char *p;
	int fd;

	fd = open(at("huge"), O_RDONLY);
	if (fd < 0)
		err(1, "huge");
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	for (size_t i = 0; i < size; i += size / 64)
		sum += p[i];
	sum += p[size - 1] + p[size / 2 + 7];
	printf("%lu %s\n", sum,
	    resident_kib() < 64 * 1024 ? "small" : "too much resident");
}

static void *
thread_read(void *arg)
{
	unsigned long h = (unsigned long)arg;
	char buf[4096];
	ssize_t n;
	int fd;

	fd = open(at("big"), O_RDONLY);
	for (int i = 0; i < 200; i++) {
		n = pread(fd, buf, sizeof(buf),
		    ((long)arg * 7919 + i * 104729l) % 9000000);
		h = digest((void *)buf, n > 0 ? (size_t)n : 0, h);
	}
	close(fd);
	return (void *)h;
}

static void
read_threads(void)
{
	pthread_t t[16];
	void *h;

	for (long i = 0; i < 16; i++)
		pthread_create(&t[i], NULL, thread_read, (void *)i);
	for (int i = 0; i < 16; i++) {
		pthread_join(t[i], &h);
		printf("%lx\n", (unsigned long)h);
	}
}

static void
try_fork(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (open(at("text"), O_RDONLY) >= 0)
			_exit(1);
		_exit(errno == ENOTSUP ? 42 : 2);
	}
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	printf("parent %d\n", access(at("text"), R_OK));
}

static void
say(const char *what, int r)
{
	printf("%s %d %s\n", what, r, r < 0 ? strerror(errno) : "");
}

static void
read_only(void)
{
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s/new", top);
	say("creat", open(at("new"), O_WRONLY | O_CREAT, 0644));
	say("write", open(at("text"), O_WRONLY));
	say("truncate", truncate(at("text"), 0));
	say("mkdir", mkdir(at("new"), 0755));
	say("unlink", unlink(at("text")));
	say("rmdir", rmdir(at("tree")));
	say("symlink", symlink("x", at("new")));
	say("link", link(at("text"), other));
	say("rename", rename(at("text"), other));
	say("chmod", chmod(at("text"), 0600));
	say("utimes", utimensat(AT_FDCWD, at("text"), NULL, 0));
	say("access", access(at("text"), W_OK));
	say("mkfifo", mkfifo(at("new"), 0644));
	say("rename to host", rename(at("text"), "/tmp/rumpkit-never"));
	say("link to host", link(at("text"), "/tmp/rumpkit-never"));
}

static const struct {
	const char *name;
	void (*func)(void);
} modes[] = {
	{ "stdio", read_stdio },
	{ "dirs", read_dirs },
	{ "walk", walk },
	{ "sparse", map_sparse },
	{ "threads", read_threads },
	{ "fork", try_fork },
	{ "erofs", read_only },
};

int
main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: reader DIRECTORY MODE");
	top = argv[1];
	if (strcmp(argv[2], "map") == 0)
		map_file(MAP_PRIVATE, PROT_READ | PROT_WRITE);
	if (strcmp(argv[2], "share") == 0)
		map_file(MAP_SHARED, PROT_READ);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[2], modes[i].name) == 0)
			modes[i].func();
	return 0;
}
