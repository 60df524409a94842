/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * __sysctl(2) over a flat table of two-component names.  Everything is
 * read-only but for the host name, which root may set.  Other names: ENOENT.
 */
#include "kern/sysctl.h"

#include "kern/boot.h"
#include "kern/copy.h"
#include "kern/cred.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumpuser.h"
#include "syscall_table/sysprotos.h"

/* Numbers of sysctl(3). */
enum { CTL_KERN = 1, CTL_HW = 6 };
enum {
	KERN_OSTYPE = 1,
	KERN_OSRELEASE = 2,
	KERN_OSREV = 3,
	KERN_VERSION = 4,
	KERN_MAXFILES = 7,
	KERN_ARGMAX = 8,
	KERN_HOSTNAME = 10,
	KERN_NGROUPS = 18,
	KERN_IOV_MAX = 38
};
enum {
	HW_MACHINE = 1,
	HW_NCPU = 3,
	HW_BYTEORDER = 4,
	HW_PAGESIZE = 7,
	HW_MACHINE_ARCH = 10,
	HW_NCPUONLINE = 16
};

static kmutex_t hostname_lock = { .mtx_name = "hostname" };
static char hostname[MAXHOSTNAMELEN]; /* hostname_lock */

struct node {
	int16_t top, name;
	const char *text; /* or NULL: number */
	int number;
};

static const struct node nodes[] = {
	{ CTL_KERN, KERN_OSTYPE, OSTYPE, 0 },
	{ CTL_KERN, KERN_OSRELEASE, OSRELEASE, 0 },
	{ CTL_KERN, KERN_OSREV, NULL, __NetBSD_Version__ },
	{ CTL_KERN, KERN_VERSION, OSTYPE " " OSRELEASE " (rumpkit)\n", 0 },
	{ CTL_KERN, KERN_MAXFILES, NULL, 65536 },
	{ CTL_KERN, KERN_ARGMAX, NULL, ARG_MAX },
	{ CTL_KERN, KERN_HOSTNAME, hostname, 0 },
	{ CTL_KERN, KERN_NGROUPS, NULL, NGROUPS_MAX },
	{ CTL_KERN, KERN_IOV_MAX, NULL, IOV_MAX },
	{ CTL_HW, HW_MACHINE, "amd64", 0 },
	{ CTL_HW, HW_NCPU, NULL, 0 },
	{ CTL_HW, HW_BYTEORDER, NULL, 1234 },
	{ CTL_HW, HW_PAGESIZE, NULL, 4096 },
	{ CTL_HW, HW_MACHINE_ARCH, "x86_64", 0 },
	{ CTL_HW, HW_NCPUONLINE, NULL, 0 },
};

void
sysctl_boot(void)
{
	mutex_enter(&hostname_lock);
	if (rumpuser_getparam(
		RUMPUSER_PARAM_HOSTNAME, hostname, sizeof(hostname)) != 0)
		(void)strlcpy(hostname, "rump", sizeof(hostname));
	mutex_exit(&hostname_lock);
}

void
sysctl_hostname(char *buf, size_t size)
{
	mutex_enter(&hostname_lock);
	(void)strlcpy(buf, hostname, size);
	mutex_exit(&hostname_lock);
}

static const struct node *
find(const int *name)
{
	for (size_t i = 0; i < NITEMS(nodes); i++)
		if (nodes[i].top == name[0] && nodes[i].name == name[1])
			return &nodes[i];
	return NULL;
}

/* The value, in buf or where it stands; its size. */
static size_t
fetch(const struct node *node, char *buf)
{
	int number = node->number;

	if (node->text == hostname) {
		mutex_enter(&hostname_lock);
		memcpy(buf, hostname, sizeof(hostname));
		mutex_exit(&hostname_lock);
		return strlen(buf) + 1;
	}
	if (node->text != NULL)
		return strlcpy(buf, node->text, MAXHOSTNAMELEN) + 1;
	if (node->top == CTL_HW &&
	    (node->name == HW_NCPU || node->name == HW_NCPUONLINE))
		number = boot_ncpu;
	memcpy(buf, &number, sizeof(number));
	return sizeof(number);
}

static int
give(const struct node *node, void *oldv, size_t *uoldlen)
{
	char buf[MAXHOSTNAMELEN];
	size_t room, len = fetch(node, buf);
	int error;

	if (uoldlen == NULL)
		return 0;
	error = copyin(uoldlen, &room, sizeof(room));
	if (error == 0 && oldv != NULL)
		error = copyout(buf, oldv, MIN(room, len));
	if (error == 0)
		error = copyout(&len, uoldlen, sizeof(len));
	if (error == 0 && oldv != NULL && room < len)
		error = ENOMEM;
	return error;
}

static int
set_hostname(const void *newv, size_t newlen)
{
	char buf[MAXHOSTNAMELEN] = "";
	int error;

	if (newlen >= sizeof(buf))
		return EINVAL;
	error = copyin(newv, buf, newlen);
	if (error != 0)
		return error;
	mutex_enter(&hostname_lock);
	memcpy(hostname, buf, sizeof(hostname));
	mutex_exit(&hostname_lock);
	return 0;
}

int
sys___sysctl(
    struct lwp *l, const struct sys___sysctl_args *uap, register_t *retval)
{
	const struct node *node;
	int error, name[2];

	if (uap->namelen != NITEMS(name))
		return uap->namelen < 1 || uap->namelen > 12 ? EINVAL : ENOENT;
	error = copyin(uap->name, name, sizeof(name));
	if (error != 0)
		return error;
	node = find(name);
	if (node == NULL)
		return ENOENT;
	if (uap->newv != NULL &&
	    (node->text != hostname || !kauth_cred_isroot(l->l_cred)))
		return EPERM;
	error = give(node, uap->oldv, uap->oldlenp);
	if (error == 0 && uap->newv != NULL)
		error = set_hostname(uap->newv, uap->newlen);
	return error;
}
