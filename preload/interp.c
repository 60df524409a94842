/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host opens the dynamic linker by the path in the program's file.  The copy
 * of a program gets another one, of a copy of the dynamic linker: it stands
 * behind the end of the file, where only the host looks.  What is in memory is as
 * it was, so the dynamic linker knows itself by its own name.
 */
#include "preload/interp.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/elfneeds.h"
#include "preload/fsize.h"
#include "preload/memfile.h"
#include "preload/libsearch.h"
#include "preload/memcopy.h"
#include "preload/pool.h"
#include "preload/program_parts.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"

#define PHDRS_MAX 64

/* Where the header is that says where the path is; 0: nowhere. */
static uint64_t
find_header(long copy, Elf64_Phdr *ph)
{
	uint64_t at;
	Elf64_Ehdr eh;

	if (HOST(SYS_pread64, copy, &eh, sizeof(eh), 0, 0, 0) != sizeof(eh))
		return 0;
	at = eh.e_phoff;
	for (unsigned i = 0; i < eh.e_phnum && i < PHDRS_MAX;
	     i++, at += sizeof(*ph)) {
		if (HOST(SYS_pread64, copy, ph, sizeof(*ph), at, 0, 0) !=
		    sizeof(*ph))
			return 0;
		if (ph->p_type == PT_INTERP)
			return at;
	}
	return 0;
}

static bool
write_all(long fd, const void *buf, size_t len, uint64_t at)
{
	return HOST(SYS_pwrite64, fd, buf, len, at, 0, 0) == (long)len;
}

/* Behind the size bytes: in memory the old one stays. */
static int
set_path(long copy, long size, long linker)
{
	Elf64_Phdr ph;
	uint64_t at = find_header(copy, &ph);
	char path[MEMFILE_NAME];
	uint64_t len;

	memfile_name(path, linker);
	len = text_length(path) + 1;
	ph.p_offset = (uint64_t)size;
	ph.p_filesz = len;
	if (at == 0 || !fsize_allows(size + (long)sizeof(path)) ||
	    !write_all(copy, path, ph.p_filesz, ph.p_offset) ||
	    !write_all(copy, &ph, sizeof(ph), at))
		return ENOEXEC;
	return 0;
}

/* A copy of the file of the kernel's that path leads to; -1: it leads to one of
 * the host's. */
static int
copy_linker(struct call *c, struct place *pl, const char *path, long *linker)
{
	int error = place_find(pl, AT_FDCWD, (long)path, PLACE_LINKS);

	while (error == 0 && pl->pl_rump) {
		error = program_copy(c, pl, path, linker);
		if (error != ROUTE_ESCAPED)
			return error;
		error = place_escaped(pl, PLACE_LINKS);
	}
	return error;
}

static int
give(struct call *c, long copy, long size, const char *path, long *linker)
{
	struct place *pl = place_create();
	int error = ENOMEM;

	if (pl == NULL)
		return error;
	error = copy_linker(c, pl, path, linker);
	place_destroy(pl);
	if (error != 0 || *linker < 0)
		return error;
	error = set_path(copy, size, *linker);
	if (error != 0) {
		HOST(SYS_close, *linker, 0, 0, 0, 0, 0);
		*linker = -1;
	}
	return error;
}

int
interp_give(struct call *c, long copy, long size, long *linker)
{
	struct libsearch_reader reader;
	struct elfneeds en;
	char *path;
	int error = 0;

	*linker = -1;
	libsearch_reader_init(&reader, copy);
	if (elfneeds_begin(&en, libsearch_read, &reader) != 0 ||
	    en.en_interp_size == 0)
		return 0;
	path = pool_get(&pathbufs);
	if (path == NULL)
		return ENOMEM;
	if (elfneeds_interpreter(&en, path, PATHBUF_SIZE) > 0)
		error = give(c, copy, size, path, linker);
	pool_put(&pathbufs, path);
	return error;
}
