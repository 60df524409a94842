/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that move data between descriptors: sendfile, splice, tee, ... */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "calls.h"

static char buf[65536];
static int in, out, rdonly, wronly, append, dir, path, pipes[2], pair[2];

static void
populate(void)
{

	make("in", "0123456789abcdefghij");
	make("out", "");
	in = open("in", O_RDWR);
	out = open("out", O_RDWR);
	rdonly = open("out", O_RDONLY);
	wronly = open("in", O_WRONLY);
	append = open("out", O_WRONLY | O_APPEND);
	dir = open(".", O_RDONLY);
	path = open("in", O_PATH);
	must(path > 0 && pipe(pipes) == 0, "pipe");
	must(fcntl(pipes[0], F_SETFL, O_NONBLOCK) == 0, "F_SETFL");
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0,
	    "socketpair");
}

static void
drain(int fd)
{

	show("came", buf, read(fd, buf, sizeof(buf)));
}

static void
sending(void)
{
	off_t at = 3, *last;

	populate();
	T(sendfile(out, in, NULL, 5));
	T(sendfile(out, in, &at, 5));
	note("at %ld", at);
	contents("out");
	T(lseek(in, 0, SEEK_CUR));
	T(sendfile(out, in, NULL, 0));
	T(sendfile(out, in, NULL, 1000));
	T(sendfile(out, in, NULL, 1000));
	at = 100;
	T(sendfile(out, in, &at, 10));
	at = -1;
	T(sendfile(out, in, &at, 10));
	at = 0;
	T(sendfile(out, in, &at, (size_t)-1));
	note("at %ld", at);
	at = 0;
	T(sendfile(out, in, NOWHERE, 10));
	T(sendfile(out, in, BEYOND, 10));
	last = edge(sizeof(*last));
	*last = 1;
	T(sendfile(out, in, last, 10));
	T(sendfile(rdonly, in, &at, 10));
	T(sendfile(out, wronly, &at, 10));
	T(sendfile(append, in, &at, 10));
	T(sendfile(out, dir, &at, 10));
	T(sendfile(dir, in, &at, 10));
	T(sendfile(out, path, &at, 10));
	T(sendfile(path, in, &at, 10));
	T(sendfile(99, in, &at, 10));
	T(sendfile(out, 99, &at, 10));
	T(sendfile(pipes[1], in, &at, 10));
	at = 2;
	T(sendfile(pair[0], in, &at, 10));
	drain(pipes[0]);
	drain(pair[1]);
	T(sendfile(out, pipes[0], NULL, 10));
	T(sendfile(out, pair[1], NULL, 10));
	at = 0;
	T(sendfile(in, in, &at, 4));
	contents("in");
	contents("out");
}

static void
splicing(void)
{
	struct iovec some = { "data", 4 };
	loff_t at = 4, to = 2;

	populate();
	T(splice(in, NULL, pipes[1], NULL, 5, 0));
	T(splice(in, &at, pipes[1], NULL, 5, 0));
	note("at %ld", at);
	T(splice(pipes[0], NULL, out, NULL, 7, 0));
	T(splice(pipes[0], NULL, out, &to, 100, SPLICE_F_MOVE));
	note("to %ld", to);
	contents("out");
	T(splice(pipes[0], NULL, out, &to, 100, 0));
	T(splice(pipes[0], NULL, out, &to, 100, SPLICE_F_NONBLOCK));
	T(splice(in, NULL, pipes[1], NULL, 0, 0));
	T(splice(in, NULL, pipes[1], NULL, 10, 0x100));
	T(splice(in, NULL, out, NULL, 10, 0));
	T(splice(pipes[0], &at, out, NULL, 10, 0));
	T(splice(in, NULL, pipes[1], &at, 10, 0));
	T(splice(in, NOWHERE, pipes[1], NULL, 10, 0));
	at = -1;
	T(splice(in, &at, pipes[1], NULL, 10, 0));
	at = 1000;
	T(splice(in, &at, pipes[1], NULL, 10, 0));
	T(splice(wronly, NULL, pipes[1], NULL, 10, 0));
	T(write(pipes[1], "in the pipe", 11));
	T(splice(pipes[0], NULL, rdonly, NULL, 10, 0));
	T(splice(pipes[0], NULL, append, NULL, 2, 0));
	T(splice(pipes[0], NULL, append, &to, 2, 0));
	T(splice(pipes[0], NULL, dir, NULL, 2, 0));
	T(splice(dir, NULL, pipes[1], NULL, 2, 0));
	T(splice(path, NULL, pipes[1], NULL, 2, 0));
	T(splice(99, NULL, pipes[1], NULL, 2, 0));
	T(splice(in, NULL, 99, NULL, 2, 0));
	T(splice(99, NULL, 99, NULL, 0, 0));
	T(splice(in, NULL, pair[0], NULL, 2, 0));
	drain(pipes[0]);
	contents("out");
	T(tee(in, pipes[1], 10, 0));
	T(tee(pipes[0], out, 10, 0));
	T(tee(path, pipes[1], 10, 0));
	T(tee(pipes[0], path, 10, 0));
	T(tee(in, out, 10, 0));
	T(tee(in, 99, 10, 0));
	T(tee(99, out, 10, 0));
	T(tee(in, out, 0, 0));
	T(tee(99, out, 0, 0));
	T(tee(in, out, 10, 0x100));
	T(tee(99, 99, 10, 0x100));
	T(vmsplice(in, &some, 1, 0));
	T(vmsplice(out, &some, 1, 0));
	T(vmsplice(path, &some, 1, 0));
	T(vmsplice(dir, &some, 1, 0));
	T(vmsplice(in, &some, 0, 0));
	T(vmsplice(in, NOWHERE, 1, 0));
	T(vmsplice(in, &some, 2000, 0));
	T(vmsplice(in, &some, 1, 0x100));
	T(vmsplice(99, &some, 1, 0));
	T(vmsplice(99, &some, 1, 0x100));
	T(vmsplice(pipes[1], &some, 1, 0));
	T(vmsplice(pipes[0], &some, 1, 0));
	T(splice(in, NULL, 99, NULL, 0, 0));
	T(splice(in, NULL, 99, NULL, 1, 0x100));
}

static void
copying(void)
{
	loff_t from = 0, to = 0;

	populate();
	T(copy_file_range(in, NULL, out, NULL, 5, 0));
	T(copy_file_range(in, &from, out, NULL, 5, 0));
	T(copy_file_range(in, NULL, out, &to, 2, 0));
	note("from %ld to %ld", from, to);
	contents("out");
	T(lseek(in, 0, SEEK_CUR));
	T(lseek(out, 0, SEEK_CUR));
	T(copy_file_range(in, NULL, out, NULL, 5, 1));
	T(copy_file_range(in, NULL, out, NULL, 0, 0));
	T(copy_file_range(in, NULL, out, NULL, 1000, 0));
	T(copy_file_range(in, NULL, out, NULL, 1000, 0));
	from = 0;
	T(copy_file_range(in, &from, out, NULL, (size_t)-1, 0));
	from = to = 0;
	T(copy_file_range(in, &from, in, &to, 5, 0));
	to = 3;
	T(copy_file_range(in, &from, in, &to, 5, 0));
	to = 30;
	from = 0;
	T(copy_file_range(in, &from, in, &to, 5, 0));
	contents("in");
	from = to = 0;
	T(copy_file_range(wronly, &from, out, &to, 5, 0));
	T(copy_file_range(in, &from, rdonly, &to, 5, 0));
	T(copy_file_range(in, &from, append, &to, 5, 0));
	T(copy_file_range(dir, &from, out, &to, 5, 0));
	T(copy_file_range(path, &from, out, &to, 5, 0));
	T(copy_file_range(in, &from, path, &to, 5, 0));
	T(copy_file_range(pipes[0], NULL, out, &to, 5, 0));
	T(copy_file_range(in, &from, pipes[1], NULL, 5, 0));
	T(copy_file_range(99, &from, out, &to, 5, 0));
	T(copy_file_range(in, &from, 99, &to, 5, 0));
	T(copy_file_range(in, NOWHERE, out, &to, 5, 0));
	T(copy_file_range(in, &from, out, NOWHERE, 5, 0));
	to = 1L << 33;
	from = 1000;
	T(copy_file_range(in, &from, out, &to, 5, 0));
	contents("out");
}

/* Where the file system cannot share blocks. */
static void
cloning(void)
{
	struct file_clone_range r = { .src_length = 5 };

	populate();
	r.src_fd = in;
	T(ioctl(out, FICLONE, in));
	T(ioctl(out, FICLONE, 99));
	T(ioctl(99, FICLONE, in));
	T(ioctl(out, FICLONE, pipes[0]));
	T(ioctl(out, FICLONERANGE, &r));
	T(ioctl(out, FICLONERANGE, NOWHERE));
	r.src_length = 0;
	T(ioctl(out, FICLONERANGE, &r));
}

const struct section moving_sections[] = {
	{ "moving-sendfile", sending },
	{ "moving-splice", splicing },
	{ "moving-copying", copying },
	{ "moving-cloning", cloning },
	{ NULL, NULL },
};
