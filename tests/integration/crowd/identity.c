/* SPDX-License-Identifier: BSD-2-Clause */
/* Users: the owner of files, members of its group in two ways, strangers. */
#include <grp.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "crowd.h"

#define GROUPS_MOST 40

struct identity {
	const char *name;
	uid_t real, effective, file;
	gid_t group;
	int ngroups; /* the last one is the owner's */
};

static const struct identity identities[] = {
	{ "root", 0, 0, 0, 0, 0 },
	{ "owner", 1001, 1001, 1001, 1001, 0 },
	{ "owner", 1001, 1001, 1001, 1001, 0 },
	{ "fellow", 1002, 1002, 1002, 1001, 0 },
	{ "member", 1003, 1003, 1003, 1003, 40 },
	{ "stranger", 1004, 1004, 1004, 1004, 0 },
	{ "set-uid root", 1001, 0, 0, 0, 0 },
	{ "set-uid owner", 1004, 1001, 1001, 1004, 0 },
	{ "file server", 0, 0, 1001, 1001, 0 },
};

const char *
become_somebody(void)
{
	const struct identity *id = &ONE_OF(identities);
	gid_t groups[GROUPS_MOST];
	int i;

	for (i = 0; i < id->ngroups; i++)
		groups[i] = i == id->ngroups - 1 ? 1001 : 2000 + i;
	must(setgroups((size_t)id->ngroups, groups) == 0 &&
		 setresgid(id->group, id->group, 0) == 0 &&
		 setresuid(id->real, id->effective, 0) == 0,
	    id->name);
	if (id->file != id->effective)
		setfsuid(id->file);
	return (id->name);
}

void
root_again(void)
{

	setfsuid(0);
	must(setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0 &&
		 setgroups(0, NULL) == 0,
	    "root again");
}
