/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This library is initialised before libc (-z initfirst).  A dlopen(3) then
 * makes the loader initialise libc with the arguments that libc has noted,
 * which are none yet, and not again: environ and the program's name would stay
 * empty.  libc's initialisers take argc, argv and envp and store them; run
 * twice they store the same again.
 *
 * Where LD_AUDIT is in force (audit.c), glibc's first dlopen of something with
 * thread-local storage at a fixed place sets that of libc back to its beginning,
 * in which the tables of <ctype.h> are missing.
 */
#include "preload/libcinit.h"

#include <dlfcn.h>
#include <link.h>
#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

typedef void initialiser_t(int, char **, char **);

void
libcinit_run(int argc, char **argv, char **envp)
{
	struct dl_find_object found;
	initialiser_t **array = NULL;
	size_t size = 0;

	if (_dl_find_object((void *)(uintptr_t)_exit, &found) != 0)
		return;
	for (const ElfW(Dyn) *d = found.dlfo_link_map->l_ld;
	     d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_INIT_ARRAY)
			array = (initialiser_t **)(found.dlfo_link_map->l_addr +
						   d->d_un.d_ptr);
		else if (d->d_tag == DT_INIT_ARRAYSZ)
			size = d->d_un.d_val;
	}
	for (size_t i = 0; array != NULL && i < size / sizeof(*array); i++)
		array[i](argc, argv, envp);
}

void
libcinit_again(void)
{
	(void)uselocale(LC_GLOBAL_LOCALE);
}
