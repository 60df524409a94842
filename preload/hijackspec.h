/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RUMPHIJACK variable: comma-separated name[=value] with the names socket,
 * path, blanket, vfs, sysctl and fdoff, any of which may be abbreviated (the
 * first in that order that fits).  Pure: also used by rumpkit(1).
 */
#ifndef PRELOAD_HIJACKSPEC_H
#define PRELOAD_HIJACKSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIJACKSPEC_MAX 1024 /* a longer value counts as unset */
#define HIJACKSPEC_DEFAULT "path=/rump,socket=all:nolocal"
#define HIJACKSPEC_MAXBLANKETS 32

/* hs_sockets */
#define HS_LOCAL 0x1
#define HS_INET 0x2
#define HS_LINK 0x4
#define HS_OROUTE 0x8
#define HS_ROUTE 0x10
#define HS_INET6 0x20
#define HS_MPLS 0x40
#define HS_ALL 0x7f
#define HS_INTERNET (HS_INET | HS_INET6)
/* hs_vfs */
#define HS_NFSSVC 0x1
#define HS_GETVFSSTAT 0x2
#define HS_FHCALLS 0x4
#define HS_ALLVFS 0x7

struct hijackspec {
	unsigned hs_sockets; /* HS_LOCAL ... */
	unsigned hs_vfs;     /* without effect on Linux */
	bool hs_sysctl;      /* without effect on Linux */
	int hs_fdoff;        /* without effect: descriptors are the host's */
	const char *hs_path; /* NULL: none; the last one given */
	const char *hs_blankets[HIJACKSPEC_MAXBLANKETS];
	unsigned hs_nblankets;
	char hs_text[HIJACKSPEC_MAX]; /* what the pointers point into */
};

struct hijackspec_error {
	const char *he_rule; /* what the grammar wants there */
	char he_token[64];   /* the offending token, shortened */
};

/*
 * Parse spec (NULL or too long: the default).  0, or EINVAL with *he filled;
 * *hs is valid in the first case only.
 */
int hijackspec_parse(
    const char *spec, struct hijackspec *hs, struct hijackspec_error *he);

#endif /* !PRELOAD_HIJACKSPEC_H */
