/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has opened a FIFO of the kernel holds one of the host that has no name any
 * more (vfs/fifo.h).  Programs compare what fstat(2) says with what they saw by
 * the name, so device and number are those of the node.  They stand in the name
 * that the host's FIFO had (vfs/user.h), which the host still tells; that needs
 * no kernel, and holds in whatever process the descriptor ends up.
 */
#include "preload/fifostat.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/stat.h"
#include "preload/call.h"
#include "preload/procfd.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rumpabi.h"

/* base/rumpkit-RANDOM.DEVICE.NUMBER (deleted) */
#define RANDOM_DIGITS 16
static const char PREFIX[] = "/rumpkit-";
static const char DELETED[] = " (deleted)";

static bool
skip(const char **at, const char *word)
{
	const char *p = *at;

	while (*word != '\0' && *p == *word) {
		p++;
		word++;
	}
	if (*word != '\0')
		return false;
	*at = p;
	return true;
}

/* At most 16 hexadecimal digits. */
static unsigned
skip_number(const char **at, uint64_t *number)
{
	unsigned n = 0;

	*number = 0;
	for (const char *p = *at; n < 16; p++, n++) {
		if (*p >= '0' && *p <= '9')
			*number = *number << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			*number = *number << 4 | (uint64_t)(*p - 'a' + 10);
		else
			break;
	}
	*at += n;
	return n;
}

/* The node behind the FIFO that the host calls so. */
static bool
node_in_name(const char *name, struct rump_stat *node)
{
	const char *p = NULL;
	uint64_t unused, dev, ino;

	for (; *name != '\0'; name++) {
		if (*name == '/')
			p = name;
	}
	if (p == NULL || !skip(&p, PREFIX) ||
	    skip_number(&p, &unused) != RANDOM_DIGITS || !skip(&p, ".") ||
	    skip_number(&p, &dev) == 0 || !skip(&p, ".") ||
	    skip_number(&p, &ino) == 0 || !skip(&p, DELETED) || *p != '\0')
		return false;
	*node = (struct rump_stat){ .st_dev = dev, .st_ino = ino };
	return true;
}

/* The descriptor that the call is about; -1: none, or none to be seen. */
static long
descriptor_of(const struct call *c)
{
	long path = c->nr == SYS_stat ? c->arg[0] : c->arg[1];
	const char *rest;
	char name[32];
	bool link;
	long fd;

	if (c->nr == SYS_fstat)
		return (int)c->arg[0];
	if (usercopy_string(name, (const void *)path, sizeof(name), NULL) != 0)
		return -1;
	if (name[0] == '\0')
		return c->nr == SYS_stat ? -1 : (int)c->arg[0];
	fd = procfd_number(name, &rest, &link);
	return fd >= 0 && *rest == '\0' ? fd : -1;
}

static bool
find_node(const struct call *c, struct rump_stat *node)
{
	long n, fd = descriptor_of(c);
	char path[32], name[128];
	struct text t;

	if (fd < 0)
		return false;
	text_init(&t, path, sizeof(path));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, fd);
	n = HOST(SYS_readlink, path, name, sizeof(name) - 1, 0, 0, 0);
	if (n <= 0)
		return false;
	name[n] = '\0';
	return node_in_name(name, node);
}

static void
correct_stat(const struct call *c, long addr)
{
	struct rump_stat node;
	struct stat st, known;

	if (usercopy_in(&st, (const void *)addr, sizeof(st)) != 0 ||
	    !S_ISFIFO(st.st_mode) || st.st_nlink != 0 || !find_node(c, &node))
		return;
	abi_stat(&node, &known);
	st.st_dev = known.st_dev;
	st.st_ino = known.st_ino;
	st.st_nlink = 1;
	(void)usercopy_out(&st, (void *)addr, sizeof(st));
}

static void
correct_statx(const struct call *c, long addr)
{
	struct rump_stat node;
	struct statx stx, known;

	if (usercopy_in(&stx, (const void *)addr, sizeof(stx)) != 0 ||
	    !S_ISFIFO(stx.stx_mode) || stx.stx_nlink != 0 ||
	    !find_node(c, &node))
		return;
	abi_statx(&node, &known);
	stx.stx_dev_major = known.stx_dev_major;
	stx.stx_dev_minor = known.stx_dev_minor;
	stx.stx_ino = known.stx_ino;
	stx.stx_nlink = 1;
	(void)usercopy_out(&stx, (void *)addr, sizeof(stx));
}

long
fifostat_after(struct call *c)
{
	if (c->result != 0)
		return c->result;
	if (c->nr == SYS_statx)
		correct_statx(c, c->arg[4]);
	else
		correct_stat(c, c->arg[c->nr == SYS_newfstatat ? 2 : 1]);
	return 0;
}
