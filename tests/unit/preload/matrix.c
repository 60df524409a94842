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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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
	changes();
	SAY(nftw("w", remove_entry, 16, FTW_DEPTH | FTW_PHYS));
	SAY(access("w", F_OK));
	return 0;
}
