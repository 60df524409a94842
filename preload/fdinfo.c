/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lsof(8) and progress(1) read there how a file was opened and where in it a
 * process is.  What the host has opened tells of the placeholder: which mount that
 * is on and whether it is closed by exec is right, the rest is put in its place.
 * Locks are not told.
 */
#include "preload/fdinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/abi/open.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/fsize.h"
#include "preload/memfile.h"
#include "preload/pool.h"
#include "preload/procfd.h"
#include "preload/procother.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define INFO_SIZE 512

/* The number behind a name in the host's text, of that base; 0: none. */
static uint64_t
field(const char *info, const char *name, unsigned base)
{
	uint64_t value = 0;

	while (*info != '\0' && !text_begins(info, name)) {
		while (*info != '\0' && *info++ != '\n')
			continue;
	}
	while (*info != '\0' && (*info < '0' || *info > '9'))
		info++;
	for (; *info >= '0' && *info <= '9'; info++)
		value = value * base + (uint64_t)(*info - '0');
	return value;
}

static void
put_octal(struct text *t, uint64_t value)
{
	if (value >= 8)
		put_octal(t, value / 8);
	text_char(t, (char)('0' + value % 8));
}

/* What the kernel says of rf; 0, or not, and the host's text has to do. */
struct said {
	int64_t sa_position;
	int64_t sa_flags; /* of open(2), as the program would say them */
	uint64_t sa_inode;
};

static int
ask_flags(struct call *c, const struct rfile *rf, struct said *sa)
{
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, RUMP_F_GETFL }, flags = 0;
	int error = 0;

	sa->sa_flags = O_PATH;
	if (rf->rf_path_only)
		return 0;
	error = rump_call(c, RUMP_SYS_fcntl, args, &flags);
	sa->sa_flags = abi_open_to_linux((int)flags);
	return error;
}

static int
ask(struct call *c, const struct rfile *rf, struct said *sa)
{
	struct rump_stat st = { 0 };
	int64_t seek[BACKEND_SLOTS] = { rf->rf_fd, 0, 0, RUMP_SEEK_CUR };
	int64_t stat[BACKEND_SLOTS] = { rf->rf_fd, (int64_t)&st };
	int error = ask_flags(c, rf, sa);

	sa->sa_position = 0;
	if (error == 0 && rf->rf_kind == RF_FILE && !rf->rf_path_only)
		error = rump_call(c, RUMP_SYS_lseek, seek, &sa->sa_position);
	if (error == ESPIPE)
		error = 0;
	if (error == 0)
		error = rump_call(c, RUMP_SYS_fstat, stat, NULL);
	sa->sa_inode = st.st_ino;
	return error;
}

/* The host's text becomes that of rf. */
static void
describe(const struct said *sa, char info[INFO_SIZE])
{
	uint64_t cloexec = field(info, "flags:", 8) & O_CLOEXEC,
		 mount = field(info, "mnt_id:", 10);
	struct text t;

	text_init(&t, info, INFO_SIZE);
	text_put(&t, "pos:\t");
	text_dec(&t, sa->sa_position);
	text_put(&t, "\nflags:\t0");
	put_octal(&t, (uint64_t)sa->sa_flags | cloexec);
	text_put(&t, "\nmnt_id:\t");
	text_udec(&t, mount);
	text_put(&t, "\nino:\t");
	text_udec(&t, sa->sa_inode);
	text_char(&t, '\n');
}

/* --- in place of the host's -------------------------------------------------- */

/* Text in place of what fd says, if there can be a file for it. */
static bool
replace(long fd, const char *text, long flags)
{
	long size = (long)text_length(text), file;
	bool replaced;

	/* Beyond the limit the host would raise a signal. */
	if (!fsize_allows(size))
		return false;
	file = HOST(SYS_memfd_create, "fdinfo", MFD_CLOEXEC, 0, 0, 0, 0);
	if (file < 0)
		return false;
	replaced = HOST(SYS_pwrite64, file, text, size, 0, 0, 0) == size &&
		   memfile_replace(file, fd, flags) >= 0;
	HOST(SYS_close, file, 0, 0, 0, 0, 0);
	return replaced;
}

/* Of which file does fd tell?  NULL: one of the host's. */
static struct rfile *
file_of(long fd)
{
	char *path = pool_get(&pathbufs), own[MEMFILE_NAME];
	struct rfile *rf = NULL;
	long pid, number, n;
	int error;

	if (path == NULL)
		return NULL;
	memfile_name(own, fd);
	n = HOST(SYS_readlink, own, path, PATHBUF_SIZE - 1, 0, 0, 0);
	path[n > 0 ? n : 0] = '\0';
	if (procfd_info(path, &pid, &number))
		rf = pid == HOST(SYS_getpid, 0, 0, 0, 0, 0, 0)
			 ? fdmap_get_rump(number, &error)
			 : procother_file(pid, number);
	pool_put(&pathbufs, path);
	return rf;
}

/* fd, whatever can be said. */
static long
opened(struct call *c, long fd, long flags)
{
	struct rfile *rf = file_of(fd);
	char info[INFO_SIZE];
	struct said sa;
	long n;

	if (rf == NULL)
		return fd;
	n = HOST(SYS_pread64, fd, info, INFO_SIZE - 1, 0, 0, 0);
	info[n > 0 ? n : 0] = '\0';
	if (ask(c, rf, &sa) == 0) {
		describe(&sa, info);
		(void)replace(fd, info, flags);
	}
	(void)fdmap_put(rf);
	return fd;
}

static bool
is_named(const char *path)
{
	while (*path != '\0' && !text_begins(path, "fdinfo/"))
		path++;
	return *path != '\0';
}

long
fdinfo_opened(struct call *c, long fd, long upath, long flags)
{
	char *path;
	bool named;

	if (fd < 0 ||
	    (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)) != O_RDONLY ||
	    !backend_reachable())
		return fd;
	path = pool_get(&pathbufs);
	if (path == NULL)
		return fd;
	named = usercopy_string(
		    path, (const void *)upath, PATHBUF_SIZE, NULL) == 0 &&
		is_named(path);
	pool_put(&pathbufs, path);
	return named ? opened(c, fd, flags) : fd;
}
