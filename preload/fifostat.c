/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has opened a FIFO of the kernel holds one of the host that has no name any
 * more (vfs/fifo.h).  Its attributes are those of the node, whose device and
 * number stand in the name that the host's FIFO had (vfs/user.h).  The host still
 * tells that, in whatever process the descriptor ends up, and the kernel finds the
 * node by it.  Where there is no kernel, or no node any more, at least device and
 * number are right: programs compare them with what they saw by the name.
 */
#include "preload/fifostat.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/stat.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/namespace.h"
#include "preload/procfd.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

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

/* The node behind the FIFO that the host calls so; *text is how the kernel is
 * asked for it, up to DELETED. */
static bool
node_in_name(const char *name, struct rump_stat *node, const char **text)
{
	const char *p = NULL;
	uint64_t unused, dev, ino;

	for (; *name != '\0'; name++) {
		if (*name == '/')
			p = name;
	}
	if (p == NULL || !skip(&p, PREFIX) ||
	    skip_number(&p, &unused) != RANDOM_DIGITS || !skip(&p, "."))
		return false;
	*text = p;
	if (skip_number(&p, &dev) == 0 || !skip(&p, ".") ||
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

/* The node that the host's FIFO fd stands for, and a rump descriptor of it, or
 * -1 if there is none. */
static bool
find_node(struct call *c, long fd, struct rump_stat *node, int64_t *rumpfd)
{
	int64_t args[BACKEND_SLOTS] = { RUMP_AT_FDCWD, 0,
		RUMP_O_RDONLY | RUMP_O_AGAIN | RUMP_O_ALT_IO };
	char path[32], name[128];
	const char *asked;
	struct text t;
	long n;

	text_init(&t, path, sizeof(path));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, fd);
	n = HOST(SYS_readlink, path, name, sizeof(name) - 1, 0, 0, 0);
	if (n <= 0)
		return false;
	name[n] = '\0';
	if (!node_in_name(name, node, &asked))
		return false;
	name[n - (long)text_length(DELETED)] = '\0';
	args[1] = (int64_t)asked;
	if (!backend_reachable() ||
	    rump_call(c, RUMP_SYS_openat, args, rumpfd) != 0)
		*rumpfd = -1;
	return true;
}

static void
close_node(struct call *c, int64_t rumpfd)
{
	int64_t args[BACKEND_SLOTS] = { rumpfd };

	if (rumpfd >= 0)
		(void)rump_call(c, RUMP_SYS_close, args, NULL);
}

/* The attributes of the node that the call's descriptor is of.  *all: not its
 * numbers alone. */
static bool
stat_node(struct call *c, struct rump_stat *node, bool *all)
{
	long fd = descriptor_of(c);
	int64_t args[BACKEND_SLOTS] = { -1, (int64_t)node };

	if (fd < 0 || !find_node(c, fd, node, &args[0]))
		return false;
	*all = args[0] >= 0 && rump_call(c, RUMP_SYS_fstat, args, NULL) == 0;
	close_node(c, args[0]);
	return true;
}

static void
correct_stat(struct call *c, long addr)
{
	struct rump_stat node;
	struct stat st, known;
	bool all;

	if (usercopy_in(&st, (const void *)addr, sizeof(st)) != 0 ||
	    !S_ISFIFO(st.st_mode) || st.st_nlink != 0 ||
	    !stat_node(c, &node, &all))
		return;
	abi_stat(&node, &known);
	if (!all) {
		st.st_dev = known.st_dev;
		st.st_ino = known.st_ino;
	}
	(void)usercopy_out(all ? &known : &st, (void *)addr, sizeof(st));
}

static void
correct_statx(struct call *c, long addr)
{
	struct rump_stat node;
	struct statx stx, known;
	bool all;

	if (usercopy_in(&stx, (const void *)addr, sizeof(stx)) != 0 ||
	    !S_ISFIFO(stx.stx_mode) || stx.stx_nlink != 0 ||
	    !stat_node(c, &node, &all))
		return;
	abi_statx(&node, &known);
	if (!all) {
		stx.stx_dev_major = known.stx_dev_major;
		stx.stx_dev_minor = known.stx_dev_minor;
		stx.stx_ino = known.stx_ino;
	}
	(void)usercopy_out(all ? &known : &stx, (void *)addr, sizeof(stx));
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

long
fifostat_change(struct call *c, int num, int64_t a, int64_t b)
{
	int64_t args[BACKEND_SLOTS] = { -1, a, b };
	struct rump_stat node;
	struct stat st;
	int error;

	if (HOST(SYS_fstat, c->arg[0], &st, 0, 0, 0, 0) != 0 ||
	    !S_ISFIFO(st.st_mode) || st.st_nlink != 0 ||
	    !find_node(c, c->arg[0], &node, &args[0]) || args[0] < 0)
		return CALL_TO_HOST;
	route_mark_rump(c, NS_HOST);
	error = rump_call(c, num, args, NULL);
	close_node(c, args[0]);
	return route_result(error, 0);
}
