/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matrix DIRECTORY: do with files below a fresh directory whatever programs
 * do, and print each result.  test_preload_matrix.py compares what is printed
 * for a directory of the host with what is printed for one of the kernel's
 * memory root under the hijack library.  Nothing here knows of rump kernels.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA_SIZE 200000

static char base[PATH_MAX];
static char *volatile bad = (char *)8; /* no memory there */

static void
say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define SAY(call) say(#call, (long)(call))

static const char *
in_base(const char *path)
{
	static char out[2 * PATH_MAX];
	size_t len = strlen(base);

	if (path == NULL)
		return strerrorname_np(errno);
	if (strncmp(path, base, len) != 0)
		return path;
	snprintf(out, sizeof(out), "BASE%s", path + len);
	return out;
}

static void
make_files(void)
{
	FILE *f;

	SAY(mkdir("w", 0755));
	SAY(mkdir("w", 0755));
	SAY(mkdir("w/d", 0700));
	f = fopen("w/data", "w");
	for (int i = 0; f != NULL && i < DATA_SIZE; i++)
		putc('a' + i % 26, f);
	SAY(f == NULL ? -1 : fclose(f));
	for (int i = 0; i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "w/d/%d-%.*s", i, i % 40,
		    "a name that is longer than the last one");
		close(open(name, O_CREAT | O_WRONLY | O_EXCL, 0644));
	}
	SAY(symlink("data", "w/link"));
	SAY(symlink("nowhere", "w/dangling"));
	SAY(symlink("loop", "w/loop"));
	SAY(link("w/data", "w/hard"));
}

static void
opens(void)
{
	static const struct {
		const char *path;
		int flags;
	} cases[] = {
		{ "w/data", O_RDONLY },
		{ "w/data/", O_RDONLY },
		{ "w/data/x", O_RDONLY },
		{ "w/data", O_RDONLY | O_DIRECTORY },
		{ "w/data", O_CREAT | O_EXCL | O_RDWR },
		{ "w/none", O_RDONLY },
		{ "w/none/", O_CREAT | O_RDWR },
		{ "", O_RDONLY },
		{ "w", O_RDONLY },
		{ "w", O_WRONLY },
		{ "w", O_RDWR | O_CREAT },
		{ "w/link", O_RDONLY },
		{ "w/link", O_RDONLY | O_NOFOLLOW },
		{ "w/link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY },
		{ "w/dangling", O_RDONLY },
		{ "w/loop", O_RDONLY },
		{ "w/d/../data", O_RDONLY },
		{ "w/d/..//./d/.", O_RDONLY | O_DIRECTORY },
		{ "w/data", O_PATH },
		{ "w/none", O_PATH },
		{ "w/d", O_PATH | O_DIRECTORY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = open(cases[i].path, cases[i].flags, 0644);

		printf("open %s %#x: ", cases[i].path, cases[i].flags);
		say("", fd < 0 ? -1 : 0);
		if (fd >= 0)
			close(fd);
	}
	SAY(syscall(SYS_open, bad, O_RDONLY));
	SAY(syscall(SYS_openat, 9999, "w", O_RDONLY));
}

static void
print_stat(const char *what, int result, const struct stat *st)
{
	if (result != 0) {
		say(what, result);
		return;
	}
	printf("%s: mode %o size %ld uid %u\n", what, st->st_mode,
	    S_ISDIR(st->st_mode) ? 0 : (long)st->st_size, st->st_uid);
}

static void
attributes(void)
{
	static const char *const paths[] = { "w", "w/data", "w/link",
		"w/dangling", "w/none", "w/d/.." };
	struct stat st, st2;
	struct statx stx;
	int dfd = open("w", O_RDONLY | O_DIRECTORY), fd;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		print_stat(paths[i], stat(paths[i], &st), &st);
		print_stat(paths[i], lstat(paths[i], &st), &st);
	}
	print_stat("at", fstatat(dfd, "data", &st, 0), &st);
	print_stat(
	    "at link", fstatat(dfd, "link", &st, AT_SYMLINK_NOFOLLOW), &st);
	print_stat("at empty", fstatat(dfd, "", &st, AT_EMPTY_PATH), &st);
	print_stat("at \"\"", fstatat(dfd, "", &st, 0), &st);
	SAY(stat("w/hard", &st) | stat("w/data", &st2));
	SAY(st.st_ino == st2.st_ino && st.st_dev == st2.st_dev);
	SAY(st.st_nlink);
	SAY(statx(dfd, "data", 0, STATX_ALL, &stx));
	SAY(stx.stx_size);
	SAY(stx.stx_ino == st.st_ino);
	fd = open("w/data", O_PATH);
	print_stat("O_PATH", fstat(fd, &st), &st);
	SAY(read(fd, &st, 1));
	SAY(close(fd));
	SAY(access("w/data", R_OK));
	SAY(access("w/none", F_OK));
	SAY(faccessat(dfd, "data", W_OK, AT_EACCESS));
	SAY(chmod("w/data", 0604));
	SAY(fchmodat(dfd, "data", 0640, 0));
	print_stat("chmod", stat("w/data", &st), &st);
	SAY(utimensat(
	    dfd, "data", (struct timespec[]){ { 5, 6 }, { 7, 8 } }, 0));
	SAY(stat("w/data", &st));
	SAY(st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec);
	SAY(fstatat(dfd, "data", (struct stat *)bad, 0));
	close(dfd);
}

static void
reading(void)
{
	char buf[64] = { 0 }, more[8] = { 0 };
	struct iovec iov[2] = { { buf, 5 }, { more, 3 } };
	int fd = open("w/data", O_RDWR), fd2;

	SAY(read(fd, buf, 10));
	printf("%s\n", buf);
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(pread(fd, buf, 3, 25));
	SAY(readv(fd, iov, 2));
	SAY(preadv(fd, iov, 2, 30));
	printf("%.5s %.3s\n", buf, more);
	SAY(lseek(fd, -1, SEEK_END));
	SAY(read(fd, buf, 10));
	SAY(read(fd, buf, 10));
	SAY(lseek(fd, -1, SEEK_SET));
	SAY(lseek(fd, 0, SEEK_DATA));
	SAY(lseek(fd, DATA_SIZE, SEEK_DATA));
	SAY(lseek(fd, 0, 99));
	SAY(read(fd, bad, 5));
	SAY(pread(fd, buf, 5, -1));
	SAY(pwrite(fd, "XYZ", 3, 1));
	SAY(pread(fd, buf, 5, 0));
	printf("%.5s\n", buf);
	fd2 = dup(fd);
	SAY(lseek(fd, 77, SEEK_SET));
	SAY(lseek(fd2, 0, SEEK_CUR));
	SAY(close(fd));
	SAY(read(fd, buf, 1));
	SAY(read(fd2, buf, 1));
	SAY(ftruncate(fd2, 100000));
	SAY(lseek(fd2, 0, SEEK_END));
	SAY(fsync(fd2));
	SAY(isatty(fd2));
	SAY(close(fd2));
	fd = open("w/data", O_WRONLY | O_APPEND);
	SAY(write(fd, "end", 3));
	SAY(read(fd, buf, 1));
	SAY(close(fd));
	SAY(truncate("w/data", DATA_SIZE));
}

static void
descriptors(void)
{
	int fd = open("w/data", O_RDONLY), fd2, p[2];
	char c;

	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_APPEND));
	SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
	SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_APPEND));
	fd2 = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	SAY(fd2);
	SAY(dup2(fd, 60));
	SAY(dup2(fd, fd));
	SAY(dup3(fd, fd, 0));
	SAY(dup3(fd, 61, O_CLOEXEC));
	SAY(fcntl(61, F_GETFD));
	SAY(dup2(999, 61));
	SAY(read(61, &c, 1));
	SAY(dup2(0, 61) == 61);
	SAY(close(61));
	SAY(close(61));
	/* The lowest number is used again. */
	close(fd);
	SAY(open("w/data", O_RDONLY) == fd);
	SAY(syscall(SYS_close_range, 50, 60, 0));
	SAY(read(50, &c, 1));
	SAY(read(60, &c, 1));
	SAY(read(fd, &c, 1));
	SAY(pipe(p));
	SAY(sendfile(p[1], fd, NULL, 100));
	SAY(sendfile(p[1], fd, (off_t[]){ 10 }, 100));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(close(p[0]) | close(p[1]));
	SAY(close(fd));
	SAY(syscall(SYS_close_range, 3, ~0U, 0));
	fd = open("w/data", O_RDONLY);
	SAY(fd);
	SAY(read(fd, &c, 1));
	SAY(close(fd));
}

static void
limits(void)
{
	struct rlimit rl, small;
	int n = 0;

	getrlimit(RLIMIT_NOFILE, &rl);
	small = rl;
	small.rlim_cur = 20;
	SAY(setrlimit(RLIMIT_NOFILE, &small));
	while (open("w/data", O_RDONLY) >= 0)
		n++;
	printf("%d open: %s\n", n, strerrorname_np(errno));
	SAY(syscall(SYS_close_range, 3, ~0U, 0));
	SAY(setrlimit(RLIMIT_NOFILE, &rl));
}

static void
readiness(void)
{
	int fd = open("w/data", O_RDWR), p[2];
	struct pollfd pfd[3];
	fd_set in, out;

	SAY(pipe(p));
	pfd[0] = (struct pollfd){ fd, POLLIN | POLLOUT, 0 };
	pfd[1] = (struct pollfd){ p[0], POLLIN, 0 };
	pfd[2] = (struct pollfd){ 777, POLLIN, 0 };
	SAY(poll(pfd, 3, -1));
	SAY(pfd[0].revents);
	SAY(pfd[1].revents);
	SAY(pfd[2].revents);
	pfd[0].events = 0;
	SAY(poll(pfd, 2, 10));
	SAY(write(p[1], "x", 1));
	SAY(poll(pfd, 2, -1));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, &in);
	FD_SET(p[0], &in);
	FD_SET(fd, &out);
	SAY(select(fd + p[0] + 1, &in, &out, NULL, NULL));
	SAY(FD_ISSET(fd, &in) && FD_ISSET(p[0], &in) && FD_ISSET(fd, &out));
	SAY(close(p[0]) | close(p[1]) | close(fd));
}

static int
compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
listings(void)
{
	struct dirent **names, *e;
	DIR *d = opendir("w/d");
	long at[3] = { 0 };
	char third[256] = "";
	int n = scandir("w", &names, NULL, compare), count = 0;

	for (int i = 0; i < n; i++)
		printf("%s type %d\n", names[i]->d_name, names[i]->d_type);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (count == 2)
			strcpy(third, e->d_name);
		count++;
		if (count < 3)
			at[count] = telldir(d);
	}
	printf("%d entries\n", count);
	rewinddir(d);
	count = 0;
	while (readdir(d) != NULL)
		count++;
	printf("%d entries again\n", count);
	seekdir(d, at[2]);
	e = readdir(d);
	SAY(e != NULL && strcmp(e->d_name, third) == 0);
	SAY(closedir(d));
	d = opendir("w/data");
	SAY(d == NULL ? -1 : 0);
}

static int
count_entry(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	static long entries;

	entries++;
	return kind == FTW_NS || kind == FTW_DNR ? -1 : 0;
}

static void
names(void)
{
	char buf[PATH_MAX];
	int dfd;

	SAY(nftw("w", count_entry, 16, FTW_PHYS));
	SAY(readlink("w/link", buf, sizeof(buf)));
	SAY(readlink("w/link", buf, 2));
	SAY(readlink("w/data", buf, sizeof(buf)));
	SAY(readlink("w/link", buf, 0));
	printf("%s\n", in_base(realpath("w/link", buf)));
	printf("%s\n", in_base(realpath("w/d/../link", buf)));
	printf("%s\n", in_base(realpath("w/dangling", buf)));
	SAY(chdir("w/d"));
	printf("%s\n", in_base(getcwd(buf, sizeof(buf))));
	SAY(getcwd(buf, 3) == NULL ? -1 : 0);
	SAY(access("../data", R_OK));
	SAY(chdir("nowhere"));
	SAY(chdir("../data"));
	dfd = open("..", O_RDONLY | O_DIRECTORY);
	SAY(fchdir(dfd));
	printf("%s\n", in_base(getcwd(buf, sizeof(buf))));
	SAY(close(dfd));
	SAY(chdir("/"));
	printf("%s\n", getcwd(buf, sizeof(buf)));
	SAY(chdir(base));
}

static void
mappings(void)
{
	int fd = open("w/data", O_RDWR);
	char *p = mmap(NULL, DATA_SIZE, PROT_READ, MAP_SHARED, fd, 0), *q, *r;
	char copy[16] = { 0 };
	long sum = 0;

	for (int i = 0; i < DATA_SIZE; i++)
		sum += p[i];
	SAY(sum);
	SAY(p[DATA_SIZE]); /* the rest of the last page is zero */
	q = mmap(NULL, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	SAY(close(fd));
	SAY(q[70000]);
	q[70000] = '!';
	SAY(q[70000]);
	SAY(p[70000]);
	SAY(mprotect(q, 4096, PROT_READ));
	SAY(q[70000]);
	SAY(q[0]);
	SAY(munmap(q + 65536, 4096));
	SAY(q[70000]);
	SAY(q[65536 - 1]);
	/* Pages that are not there yet as buffers of calls. */
	r = mmap(NULL, DATA_SIZE, PROT_READ, MAP_PRIVATE,
	    fd = open("w/data", O_RDONLY), 4096);
	SAY(close(fd));
	fd = open("w/copy", O_RDWR | O_CREAT, 0644);
	SAY(write(fd, r, 100000));
	SAY(pread(fd, copy, 10, 99990));
	printf("%s\n", copy);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_SHARED, 999, 0) == MAP_FAILED ? -1
									  : 0);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1) == MAP_FAILED ? -1
									 : 0);
	SAY(close(fd));
	SAY(munmap(p, DATA_SIZE) | munmap(q, DATA_SIZE) | munmap(r, DATA_SIZE));
}

static void
changes(void)
{
	int dfd = open("w", O_RDONLY | O_DIRECTORY);

	SAY(rename("w/hard", "w/hard2"));
	SAY(rename("w/hard", "w/hard2"));
	SAY(renameat(dfd, "hard2", dfd, "d/moved"));
	SAY(rename("w/d", "w/d/inside"));
	SAY(unlink("w/d"));
	SAY(rmdir("w/d"));
	SAY(rmdir("w/data"));
	SAY(unlinkat(dfd, "d/moved", 0));
	SAY(unlinkat(dfd, "d", AT_REMOVEDIR));
	SAY(mkdirat(dfd, "new", 0711));
	SAY(unlinkat(dfd, "new", AT_REMOVEDIR));
	SAY(unlink("w/none"));
	SAY(mkfifo("w/fifo", 0600));
	SAY(unlink("w/fifo"));
	SAY(close(dfd));
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	return remove(path);
}

/* What an open descriptor is called. */
static void
descriptor_names(void)
{
	char name[64], link[PATH_MAX], buf[16] = { 0 };
	struct stat st, st2;
	int fd = open("w/data", O_RDONLY), fd2, dfd;
	ssize_t n;

	SAY(lseek(fd, 100, SEEK_SET));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	printf("%s\n", in_base(link));
	printf("%s\n", in_base(realpath(name, link)));
	print_stat(name, stat(name, &st), &st);
	SAY(lstat(name, &st2) == 0 && S_ISLNK(st2.st_mode));
	fd2 = open(name, O_RDONLY);
	SAY(read(fd2, buf, 5));
	printf("%.5s\n", buf);
	SAY(fstat(fd2, &st2) == 0 && st2.st_ino == st.st_ino);
	SAY(close(fd2));
	snprintf(name, sizeof(name), "/proc/%d//fd/%d", getpid(), fd);
	SAY(access(name, R_OK));
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	SAY((fd2 = open(name, O_RDONLY)) < 0 ? -1 : close(fd2));
	SAY(dup2(fd, 0));
	SAY((fd2 = open("/dev/stdin", O_RDONLY)) < 0 ? -1 : 0);
	SAY(fstat(fd2, &st2) == 0 && st2.st_ino == st.st_ino);
	SAY(close(fd2));
	SAY(open("/dev/stdin/x", O_RDONLY));
	fd2 = open("/dev/null", O_RDWR);
	SAY(dup2(fd2, 0));
	SAY(close(fd2));
	SAY(rename("w/data", "w/moved"));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	SAY((fd2 = open(name, O_RDONLY)) < 0 ? -1 : 0);
	SAY(fstat(fd2, &st2) == 0 && st2.st_ino == st.st_ino);
	SAY(close(fd2));
	SAY(rename("w/moved", "w/data"));
	SAY(close(fd));
	dfd = open("w", O_PATH | O_DIRECTORY);
	snprintf(name, sizeof(name), "/proc/self/fd/%d/data", dfd);
	SAY(access(name, R_OK));
	snprintf(name, sizeof(name), "/proc/self/fd/%d/", dfd);
	print_stat("directory", stat(name, &st), &st);
	SAY(chdir(name));
	printf("%s\n", in_base(getcwd(link, sizeof(link))));
	SAY(chdir(base));
	SAY(close(dfd));
}

/* O_PATH of what cannot be opened otherwise. */
static void
path_descriptors(void)
{
	struct stat st;
	struct statx stx;
	char buf[PATH_MAX], name[64];
	int fd = open("w/link", O_PATH | O_NOFOLLOW);
	ssize_t n;

	SAY(fd < 0 ? -1 : 0);
	print_stat("link", fstat(fd, &st), &st);
	n = readlinkat(fd, "", buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = '\0';
	printf("%s\n", buf);
	print_stat("at", fstatat(fd, "", &st, AT_EMPTY_PATH), &st);
	SAY(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &stx));
	SAY(S_ISLNK(stx.stx_mode));
	SAY(openat(fd, "x", O_RDONLY));
	SAY(read(fd, buf, 1));
	SAY(fchdir(fd) == 0 ? 0 : -2);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	SAY(open(name, O_RDONLY));
	SAY(fcntl(fd, F_GETFL) & O_PATH);
	SAY(close(fd));
	SAY(open("w/link", O_PATH | O_NOFOLLOW | O_DIRECTORY));
	fd = open("w/data", O_PATH);
	SAY(fchmod(fd, 0600));
	SAY(ftruncate(fd, 0));
	SAY(mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	SAY(chmod(name, 0640));
	print_stat("chmod", fstat(fd, &st), &st);
	SAY(close(fd));
}

static void
odd_paths(void)
{
	static char deep[PATH_MAX + 64], component[300];
	struct stat st;
	char buf[PATH_MAX];

	memset(deep, '/', sizeof(deep) - 1);
	memcpy(deep, base, strlen(base));
	SAY(stat(deep, &st));
	memset(component, 'c', 256);
	SAY(stat(component, &st));
	SAY(mkdir(component, 0700));
	component[255] = '\0';
	SAY(stat(component, &st));
	snprintf(deep, sizeof(deep), "%s//w/.//./d/..///data", base);
	SAY(stat(deep, &st));
	SAY(stat("", &st));
	SAY(mkdir("", 0700));
	SAY(rename("", "w/x"));
	SAY(rename("w/data", ""));
	SAY(unlink(""));
	SAY(chdir(""));
	SAY(readlink("", buf, sizeof(buf)));
	SAY(access("", F_OK));
	SAY(truncate("", 0));
	SAY(stat("w/data/", &st));
	SAY(stat("w/data/.", &st));
	SAY(stat("w/data/..", &st));
	SAY(lstat("w/link/", &st));
	SAY(mkdir("w/slash/", 0700));
	SAY(rmdir("w/slash/"));
	SAY(unlink("w/data/"));
	SAY(rmdir("w/d/."));
	SAY(mkdir("w/d/.", 0700));
	SAY(rename("w/d/.", "w/e"));
	SAY(symlink("", "w/s"));
	SAY(faccessat(AT_FDCWD, "w/data", R_OK, 0x8000));
	SAY(faccessat(AT_FDCWD, "w/dangling", F_OK, AT_SYMLINK_NOFOLLOW));
	SAY(syscall(SYS_faccessat2, AT_FDCWD, "w/data", 8, 0));
	SAY(unlinkat(AT_FDCWD, "w/none", 0x8000));
	SAY(syscall(SYS_getcwd, buf, 0));
	SAY(syscall(SYS_getcwd, bad, sizeof(buf)));
	SAY(syscall(SYS_getcwd, buf, strlen(getcwd(buf, sizeof(buf)))));
	SAY(open("w/data", O_TMPFILE | O_RDONLY));
	SAY(open("w/data", O_RDONLY | O_CREAT | O_DIRECTORY) >= 0 ? 0 : -1);
	SAY(syscall(SYS_readlink, "w/link", bad, 10));
	SAY(rename("w/data", "/proc/sys/x"));
}

struct entry64 {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* Listing by small buffers, and back to each position. */
static void
raw_listings(void)
{
	int fd = open("w/d", O_RDONLY | O_DIRECTORY), n, total = 0, wrong = 0;
	_Alignas(8) char buf[64], one[64];
	static char names[256][64];
	static int64_t from[256];
	int64_t off = 0;

	SAY(syscall(SYS_getdents64, fd, buf, 8));
	SAY(syscall(SYS_getdents64, fd, bad, sizeof(buf)));
	SAY(lseek(fd, 0, SEEK_SET));
	while ((n = (int)syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (int at = 0; at < n && total < 256;) {
			struct entry64 *e = (struct entry64 *)(buf + at);

			from[total] = off;
			strcpy(names[total++], e->name);
			off = e->off;
			at += e->len;
		}
	}
	printf("%d entries in small pieces, then %d\n", total, n);
	for (int i = total - 1; i >= 0; i--) {
		lseek(fd, from[i], SEEK_SET);
		syscall(SYS_getdents64, fd, one, sizeof(one));
		wrong += strcmp(((struct entry64 *)one)->name, names[i]) != 0;
	}
	printf("%d wrong\n", wrong);
	SAY(lseek(fd, -1, SEEK_SET));
	SAY(close(fd));
}

/* Over, across and beyond what is mapped. */
static void
remapping(void)
{
	int fd = open("w/data", O_RDONLY), p[2];
	char *a = mmap(NULL, DATA_SIZE, PROT_READ, MAP_PRIVATE, fd, 0), *b, *r;
	char zero[4096] = { 0 }, copy[4096];
	struct iovec iov = { NULL, 4096 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	SAY(a[0]);
	SAY(mremap(a, 4096, SIZE_MAX - 4095, MREMAP_MAYMOVE) == MAP_FAILED ? -1
									   : 0);
	SAY(a[8192]);
	SAY(mremap(a, 4096, 0, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	b = mmap(a + 4096, 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	SAY(b == a + 4096 && memcmp(b, zero, 4096) == 0);
	SAY(a[0] + a[4095] + a[12288]);
	b = mmap(a + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 4096);
	SAY(b[0]);
	SAY(a[4096]);
	SAY(madvise(a, DATA_SIZE, MADV_DONTNEED));
	SAY(a[0]);
	SAY(mprotect(a, 4096, PROT_READ | PROT_WRITE));
	a[1] = 'X';
	SAY(madvise(a, 4096, MADV_DONTNEED));
	SAY(a[1]);
	SAY(msync(a, 4096, MS_SYNC));
	r = mremap(a, 65536, 16384, 0);
	SAY(r == a);
	SAY(a[16383]);
	SAY(munmap(a, DATA_SIZE));
	/* Behind the end of file, up to the last page. */
	b = mmap(NULL, 2 * DATA_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	SAY(pipe(p));
	SAY(write(p[1], b + DATA_SIZE + 8192, 1));
	SAY(b[DATA_SIZE - 1]);
	/* Not yet there, as an I/O vector and a message of host calls. */
	iov.iov_base = b + 131072;
	SAY(writev(p[1], &iov, 1));
	SAY(read(p[0], copy, 4096));
	SAY(memcmp(copy, b + 131072, 4096));
	SAY(close(p[0]) | close(p[1]));
	SAY(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	iov.iov_base = b + 65536;
	SAY(sendmsg(p[0], &mh, 0));
	SAY(recv(p[1], copy, 4096, 0));
	SAY(memcmp(copy, b + 65536, 4096));
	SAY(close(p[0]) | close(p[1]));
	SAY(munmap(b, 2 * DATA_SIZE));
	/* As the target of a read of the same file. */
	b = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	SAY(pread(fd, b, 8192, 13));
	SAY(b[0] - 'a');
	SAY(munmap(b, 8192));
	SAY(close(fd));
}

/* A forked child unmaps and closes what it has inherited. */
static void
forked(void)
{
	int fd = open("w/data", O_RDONLY), status;
	char *a = mmap(NULL, DATA_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	pid_t pid;

	SAY(a[0]);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int bad_result = a[0] != 'a' || dup2(fd, 40) != 40 ||
				 close(40) != 0 || munmap(a, 4096) != 0 ||
				 munmap(a, DATA_SIZE) != 0 || close(fd) != 0;

		_exit(bad_result);
	}
	SAY(waitpid(pid, &status, 0) == pid);
	SAY(status);
	SAY(a[70000]);
	SAY(munmap(a, DATA_SIZE));
	pid = vfork();
	if (pid == 0) {
		int null;

		/* Its numbers are not ours. */
		close(fd);
		null = open("/dev/null", O_RDONLY);
		_exit(null != fd || read(null, &status, 1) != 0);
	}
	SAY(waitpid(pid, &status, 0) == pid);
	SAY(status);
	SAY(pread(fd, &status, 1, 0));
	SAY(close(fd));
}

#define NTHREADS 6
#define NROUNDS 2000
static atomic_int wrong_files;

static void
expect_first(int fd, char first)
{
	char c = 0;

	if (fd >= 0 && (pread(fd, &c, 1, 0) != 1 || c != first))
		wrong_files++;
}

/* Numbers that change hands between a file here and one of the host. */
static void *
change_numbers(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < NROUNDS; i++) {
		int here = open("w/data", O_RDONLY);
		int host = open("/proc/self/maps", O_RDONLY), copy;

		switch (rand_r(&seed) % 3) {
		case 0:
			copy = dup(here);
			close(here);
			here = copy;
			break;
		case 1:
			dup2(here, host);
			expect_first(host, 'a');
			break;
		default:
			dup2(host, here);
			close(here);
			here = open("w/data", O_RDONLY);
			break;
		}
		expect_first(here, 'a');
		close(here);
		close(host);
	}
	return NULL;
}

static int
read_in_child(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		char c[4] = { 0 };
		int fd = open("/proc/self/exe", O_RDONLY);

		_exit(read(fd, c, 4) == 4 && memcmp(c, "\177ELF", 4) == 0 ? 0
									  : 1);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void
threads(void)
{
	pthread_t thread[NTHREADS];
	int failed = 0;

	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&thread[i], NULL, change_numbers, (void *)i);
	for (int i = 0; i < 50; i++)
		failed += read_in_child() != 0;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(thread[i], NULL);
	SAY(failed);
	SAY(wrong_files);
}

int
main(int argc, char **argv)
{
	if (argc != 2 || realpath(argv[1], base) == NULL || chdir(base) != 0)
		errx(1, "usage: matrix DIRECTORY");
	umask(022);
	make_files();
	opens();
	attributes();
	reading();
	descriptors();
	limits();
	readiness();
	listings();
	names();
	mappings();
	descriptor_names();
	path_descriptors();
	odd_paths();
	raw_listings();
	remapping();
	forked();
	threads();
	changes();
	SAY(nftw("w", remove_entry, 16, FTW_DEPTH | FTW_PHYS));
	SAY(access("w", F_OK));
	return 0;
}
