/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modules are a list in order of initialisation, so that none comes before
 * what it requires.  Those found while booting wait in the array of strays
 * until the components are up.
 */
#include "kern/module.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/queue.h"
#include "rump/rumperr.h"

#define STRAYS 64
#define DEPTH_MAX 8 /* of modules that require each other */

struct module {
	struct list mo_list;           /* modules */
	const struct modinfo *mo_info; /* i */
	unsigned mo_users; /* module_lock: modules that require it */
};

static kmutex_t module_lock = { .mtx_name = "module" };
static struct list modules = LIST_INITIALIZER(modules); /* module_lock */
static const struct modinfo *strays[STRAYS];            /* during boot */
static size_t nstrays;                                  /* during boot */

void
module_note(const struct modinfo *const *mip, size_t n)
{
	for (size_t i = 0; i < n && nstrays < STRAYS; i++)
		strays[nstrays++] = mip[i];
}

static bool
name_is(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

static struct module *find(const char *name, size_t len) REQUIRES(module_lock);

static struct module *
find(const char *name, size_t len)
{
	struct list *n;
	struct module *mo;

	LIST_FOREACH (n, &modules) {
		mo = LIST_ENTRY(n, struct module, mo_list);
		if (name_is(mo->mo_info->mi_name, name, len))
			return mo;
	}
	return NULL;
}

/* The next of the names with commas between; its length, 0 at the end. */
static size_t
next_name(const char **textp)
{
	const char *text = *textp;
	size_t len = 0;

	while (text != NULL && *text == ',')
		text++;
	while (text != NULL && text[len] != '\0' && text[len] != ',')
		len++;
	*textp = text;
	return len;
}

static void count_users(const struct modinfo *mi, int n) REQUIRES(module_lock);

static void
count_users(const struct modinfo *mi, int n)
{
	const char *p = mi->mi_required;
	struct module *mo;
	size_t len;

	for (; (len = next_name(&p)) != 0; p += len) {
		mo = find(p, len);
		KASSERT(mo != NULL);
		mo->mo_users += n;
	}
}

static int init(const struct modinfo *mi, const struct modinfo *const *mip,
    size_t n, unsigned depth) REQUIRES(module_lock);

/* Initialise what mi requires and is in mip, unless it is there. */
static int require(const struct modinfo *mi, const struct modinfo *const *mip,
    size_t n, unsigned depth) REQUIRES(module_lock);

static int
require(const struct modinfo *mi, const struct modinfo *const *mip, size_t n,
    unsigned depth)
{
	const char *p = mi->mi_required;
	size_t len;
	int error;

	for (; (len = next_name(&p)) != 0; p += len) {
		if (find(p, len) != NULL)
			continue;
		error = ENOENT;
		for (size_t i = 0; i < n && error == ENOENT; i++) {
			if (name_is(mip[i]->mi_name, p, len))
				error = init(mip[i], mip, n, depth + 1);
		}
		if (error != 0)
			return error;
	}
	return 0;
}

static int
init(const struct modinfo *mi, const struct modinfo *const *mip, size_t n,
    unsigned depth)
{
	struct module *mo;
	int error;

	if (mi->mi_version != __NetBSD_Version__)
		return EPROGMISMATCH;
	if (find(mi->mi_name, strlen(mi->mi_name)) != NULL)
		return EEXIST;
	if (depth == DEPTH_MAX)
		return EMLINK;
	error = require(mi, mip, n, depth);
	if (error != 0)
		return error;
	error = mi->mi_modcmd(MODULE_CMD_INIT, NULL);
	if (error != 0)
		return error;
	mo = kmem_zalloc(sizeof(*mo), KM_SLEEP);
	mo->mo_info = mi;
	count_users(mi, 1);
	list_insert_tail(&modules, &mo->mo_list);
	return 0;
}

/* As the genuine system does, all are tried; the first error is returned. */
int
rump_pub_module_init(const struct modinfo *const *mip, size_t n)
{
	int error, first_error = 0;

	rump_schedule();
	mutex_enter(&module_lock);
	for (size_t i = 0; i < n; i++) {
		/* One before may have required it. */
		if (i > 0 &&
		    find(mip[i]->mi_name, strlen(mip[i]->mi_name)) != NULL)
			continue;
		error = init(mip[i], mip, n, 0);
		if (error != 0 && first_error == 0)
			first_error = error;
	}
	mutex_exit(&module_lock);
	rump_unschedule();
	return first_error;
}

void
module_boot(void)
{
	int error;

	for (size_t i = 0; i < nstrays; i++) {
		mutex_enter(&module_lock);
		error = 0;
		if (find(strays[i]->mi_name, strlen(strays[i]->mi_name)) ==
		    NULL)
			error = init(strays[i], strays, nstrays, 0);
		mutex_exit(&module_lock);
		if (error != 0)
			kprintf("module %s: not initialised: %s\n",
			    strays[i]->mi_name, rump_strerror(error));
	}
}

static int fini(struct module *mo) REQUIRES(module_lock);

static int
fini(struct module *mo)
{
	int error;

	if (mo->mo_users > 0)
		return EBUSY;
	error = mo->mo_info->mi_modcmd(MODULE_CMD_FINI, NULL);
	if (error != 0)
		return error;
	list_remove(&mo->mo_list);
	count_users(mo->mo_info, -1);
	kmem_free(mo, sizeof(*mo));
	return 0;
}

int
rump_pub_module_fini(const struct modinfo *mi)
{
	struct module *mo;
	int error = ENOENT;

	rump_schedule();
	mutex_enter(&module_lock);
	mo = find(mi->mi_name, strlen(mi->mi_name));
	if (mo != NULL && mo->mo_info == mi)
		error = fini(mo);
	mutex_exit(&module_lock);
	rump_unschedule();
	return error;
}
