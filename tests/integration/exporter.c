/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exporter FILE: a program whose dynamic symbols bear names that a kernel, an
 * event library or a careless preload would use.  Calling one of them ends it.
 * It copies FILE to standard output.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRAP(name)                                                             \
	void name(void);                                                       \
	void name(void)                                                        \
	{                                                                      \
		static const char text[] = #name " was called\n";              \
		(void)!write(2, text, sizeof(text) - 1);                       \
		_exit(99);                                                     \
	}

TRAP(fd_dup)
TRAP(fd_getfile)
TRAP(kmem_alloc)
TRAP(kmem_free)
TRAP(mutex_enter)
TRAP(mutex_exit)
TRAP(cv_wait)
TRAP(panic)
TRAP(namei)
TRAP(vrele)
TRAP(vref)
TRAP(uiomove)
TRAP(copyin)
TRAP(copyout)
TRAP(socreate)
TRAP(soreceive)
TRAP(sys_read)
TRAP(sys_open)
TRAP(dispatch)
TRAP(router_init)
TRAP(engine_say)
TRAP(host_call)
TRAP(event_base_new)
TRAP(event_base_dispatch)
TRAP(event_add)
TRAP(list_insert)
TRAP(hash_lookup)
TRAP(xdr_init)
TRAP(rpc_call)
TRAP(say)

int
main(int argc, char **argv)
{
	char buf[4096];
	size_t n;
	FILE *f;

	if (argc != 2)
		errx(2, "usage: exporter file");
	f = fopen(argv[1], "r");
	if (f == NULL)
		err(1, "%s", argv[1]);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		fwrite(buf, 1, n, stdout);
	return ferror(f);
}
