/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host shows a program's file by its name, and the dynamic linker takes
 * $ORIGIN from that.  A copy's name begins with a component that nothing has and
 * that ".." takes away again: to the host it leads nowhere, to the routes, which
 * resolve such names by their text, to where the original lies.
 */
#include "preload/memcopy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fsize.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#define NAME_SIZE 249 /* the host's limit */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SIZE_MAX_COPY (4L << 30)
#define PIECE (1L << 20)

static int
read_all(struct call *c, int64_t fd, char *to, long size)
{
	long off = 0;
	int64_t n;
	int error = 0;

	while (off < size && error == 0) {
		int64_t args[BACKEND_SLOTS] = { fd, (int64_t)(to + off),
			size - off < PIECE ? size - off : PIECE, 0, off };

		error = rump_call(c, RUMP_SYS_pread, args, &n);
		if (error == 0 && n <= 0)
			error = ENOEXEC; /* it has become shorter */
		off += n;
	}
	return error;
}

static long
make_memfd(const char *path)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	char name[NAME_SIZE];
	struct text t;
	long fd;

	text_init(&t, name, sizeof(name));
	text_put(&t, "/..");
	text_put(&t, path != NULL && path[0] == '/' ? path : "");
	if (t.t_len + 1 == t.t_size || path == NULL || path[0] != '/') {
		text_init(&t, name, sizeof(name));
		text_put(&t, "program");
	}
	fd = HOST(SYS_memfd_create, name, flags | MFD_EXEC, 0, 0, 0, 0);
	return fd != -EINVAL ? fd
			     : HOST(SYS_memfd_create, name, flags, 0, 0, 0, 0);
}

/* The size bytes of fd in the host's memory file copy. */
static int
fill(struct call *c, int64_t fd, long copy, long size)
{
	long r = HOST(SYS_ftruncate, copy, size, 0, 0, 0, 0);
	int error;

	if (r == 0)
		r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    copy, 0);
	if (r < 0 && r > -4096)
		return (int)-r;
	error = read_all(c, fd, (char *)r, size);
	HOST(SYS_munmap, r, size, 0, 0, 0, 0);
	return error;
}

int
memcopy_open(
    struct call *c, int64_t fd, long size, const char *path, long *copy)
{
	long r;
	int error;

	if (size > SIZE_MAX_COPY)
		return ENOMEM;
	/* The host would raise a signal. */
	if (!fsize_allows(size)) {
		engine_say("%s: RLIMIT_FSIZE leaves no room for a copy",
		    path != NULL ? path : "a program");
		return EFBIG;
	}
	r = make_memfd(path);
	if (r < 0)
		return (int)-r;
	error = fill(c, fd, r, size);
	if (error != 0)
		HOST(SYS_close, r, 0, 0, 0, 0, 0);
	else
		*copy = r;
	return error;
}

int
memcopy_seal(long copy)
{
	return HOST(SYS_fcntl, copy, F_ADD_SEALS, SEALS, 0, 0, 0) == 0 ? 0
								       : EACCES;
}

int
memcopy_make(
    struct call *c, int64_t fd, long size, const char *path, long *copy)
{
	int error = memcopy_open(c, fd, size, path, copy);

	if (error == 0)
		error = memcopy_seal(*copy);
	if (error != 0 && *copy >= 0) {
		HOST(SYS_close, *copy, 0, 0, 0, 0, 0);
		*copy = -1;
	}
	return error;
}
