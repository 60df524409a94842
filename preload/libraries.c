/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/libraries.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct library libraries[NLIBRARIES] = {
	{ "librumpuser.so.0", "../rumpuser", NULL },
	{ "librump.so.0", "../kern", NULL },
	{ "librumpvfs.so.0", "../vfs", NULL },
	{ "librumpnet.so.0", "../net", NULL },
	{ "librumpnet_sockin.so.0", "../sockin", NULL },
	{ "librumpfs_kernfs.so.0", "../vfs/kernfs", "kernfs:" },
	{ "librumpfs_tmpfs.so.0", "../vfs/tmpfs", "tmpfs:" },
	{ "librumpfs_nfs.so.0", "../nfs", "nfs:" },
};

bool
library_serves(const struct library *l, const char *source)
{
	return l->l_scheme != NULL &&
	       strncmp(source, l->l_scheme, strlen(l->l_scheme)) == 0;
}

static bool
try_place(const char *dir, size_t dirlen, const char *place, const char *name,
    char *path, size_t size)
{
	return snprintf(path, size, "%.*s/%s/%s", (int)dirlen, dir, place,
		   name) < (int)size &&
	       access(path, R_OK) == 0;
}

static bool
try_directory(const struct library *l, const char *dir, size_t len, char *path,
    size_t size)
{
	return try_place(dir, len, ".", l->l_name, path, size) ||
	       try_place(dir, len, l->l_build_dir, l->l_name, path, size);
}

bool
library_locate(const struct library *l, const char *libdir, const char *hijack,
    char *path, size_t size)
{
	const char *slash = strrchr(hijack, '/');

	if (libdir != NULL && *libdir != '\0' &&
	    try_directory(l, libdir, strlen(libdir), path, size))
		return true;
	return slash != NULL &&
	       try_directory(l, hijack, (size_t)(slash - hijack), path, size);
}
