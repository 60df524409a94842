/* SPDX-License-Identifier: BSD-2-Clause */
/* Can a program be hijacked?  Looks at its file, and changes nothing. */
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H

enum image_verdict {
	IMAGE_OK,       /* or not to be told: exec itself will say */
	IMAGE_STATIC,   /* no dynamic linker, or not the usual kind */
	IMAGE_CLASS,    /* 32 bits, or another processor */
	IMAGE_MUSL,     /* a loader that is not glibc's */
	IMAGE_SETID,    /* set-user-id or set-group-id */
	IMAGE_CAPS,     /* file capabilities */
	IMAGE_LIBRARY,  /* the hijack library cannot be read */
	IMAGE_IDENTITY, /* effective and real identity differ */
};

/* How to reach the host: Linux call nr, result or -errno. */
typedef long (*image_call)(
    long nr, long a, long b, long c, long d, long e, long f);

/*
 * Judge what execveat(dirfd, path, ..., flags) would run; `#!' interpreters are
 * followed.  library: the preload library's path, or NULL.
 */
enum image_verdict image_check(image_call call, int dirfd, const char *path,
    int flags, const char *library);

/* The same where the file is open already, as fd, which is closed. */
enum image_verdict image_check_open(
    image_call call, int fd, const char *path, const char *library);

/* One clause for a message: "statically linked". */
const char *image_reason(enum image_verdict v);

#endif /* !ENGINE_IMAGE_H */
