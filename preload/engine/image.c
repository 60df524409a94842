/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dynamic linker ignores LD_PRELOAD, silently and with exit status 0,
 * where it is not there (static), is not glibc's, runs in secure mode (set-id,
 * file capabilities) or cannot load the library.  Half a hijacked tree is worse
 * than none, so exec is refused beforehand.
 *
 * Used by the engine inside execve, so: raw calls, no libc, little stack.
 */
#include "preload/engine/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HEAD_SIZE 1024  /* the headers of nearly all files */
#define SCRIPT_HEAD 255 /* as much of a script as the host looks at */
#define NAME_SIZE 256
#define SCRIPT_DEPTH 5
#define PHDRS_MAX 64
#define FD_DIR "/proc/self/fd/"

struct image {
	image_call im_call;
	int im_fd;
	char *im_head; /* the file's first bytes */
	long im_have;
	unsigned im_uid, im_euid, im_gid, im_egid;
};

#define CALL(im, nr, a, b, c, d)                                               \
	(im)->im_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static long
image_read(const struct image *im, void *buf, size_t len, uint64_t off)
{
	uint64_t have = (uint64_t)im->im_have;

	if (off < have && len <= have - off) {
		memcpy(buf, im->im_head + off, len);
		return (long)len;
	}
	return CALL(im, SYS_pread64, im->im_fd, buf, len, off);
}

static bool
contains(const char *s, const char *what)
{
	size_t i, n = strlen(what);

	for (; *s != '\0'; s++) {
		for (i = 0; i < n && s[i] == what[i]; i++)
			continue;
		if (i == n)
			return true;
	}
	return false;
}

/* Does an exec give the caller anything that it has not? */
static bool
gains(const struct image *im)
{
	return CALL(im, SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0) != 1;
}

/* The host's rules for secure execution, as far as they follow from the file
 * and the identity of the caller. */
static enum image_verdict
check_identity(const struct image *im)
{
	unsigned euid = im->im_euid, egid = im->im_egid;
	uint8_t caps[32];
	struct stat st;
	bool setid;

	if (CALL(im, SYS_fstat, im->im_fd, &st, 0, 0) != 0)
		return IMAGE_OK;
	setid = (st.st_mode & (S_ISUID | S_ISGID)) != 0 && gains(im);
	if (setid && (st.st_mode & S_ISUID) != 0)
		euid = st.st_uid;
	if (setid && (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		egid = st.st_gid;
	if (euid != im->im_uid || egid != im->im_gid) {
		if (euid == im->im_euid && egid == im->im_egid)
			return IMAGE_IDENTITY;
		return IMAGE_SETID;
	}
	if (im->im_uid != 0 &&
	    CALL(im, SYS_fgetxattr, im->im_fd, "security.capability", caps,
		sizeof(caps)) > 0 &&
	    gains(im))
		return IMAGE_CAPS;
	return IMAGE_OK;
}

/* ld.so itself may be run as a program, and honours LD_PRELOAD. */
static bool
is_loader(const char *path)
{
	return contains(path, "/ld-linux") || contains(path, "/ld-2.") ||
	       contains(path, "/ld.so");
}

/* One that is open already says itself what it is. */
static void
read_link(const struct image *im, char name[NAME_SIZE])
{
	char link[NAME_SIZE];
	long n;

	if (memcmp(name, FD_DIR, sizeof(FD_DIR) - 1) != 0)
		return;
	memcpy(link, name, NAME_SIZE);
	n = CALL(im, SYS_readlink, link, name, NAME_SIZE - 1, 0);
	name[n > 0 ? n : 0] = '\0';
}

static enum image_verdict
check_interpreter(const struct image *im, const Elf64_Phdr *ph)
{
	char name[NAME_SIZE] = { 0 };
	long n = (long)ph->p_filesz;

	if (n <= 0 || n >= NAME_SIZE ||
	    image_read(im, name, (size_t)n, ph->p_offset) != n)
		return IMAGE_OK;
	name[n] = '\0';
	read_link(im, name);
	return contains(name, "ld-linux") ? IMAGE_OK : IMAGE_MUSL;
}

static enum image_verdict
check_elf(const struct image *im, const char *path)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned i;

	memcpy(&eh, im->im_head, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return IMAGE_CLASS;
	for (i = 0; i < eh.e_phnum && i < PHDRS_MAX; i++) {
		if (image_read(im, &ph, sizeof(ph),
			eh.e_phoff + (uint64_t)i * sizeof(ph)) != sizeof(ph))
			return IMAGE_OK;
		if (ph.p_type == PT_INTERP)
			return check_interpreter(im, &ph);
	}
	return is_loader(path) ? IMAGE_OK : IMAGE_STATIC;
}

/* The interpreter's path of a script's first line, cut out in place. */
static char *
script_interpreter(char *head)
{
	char *p = head + 2, *end;

	while (*p == ' ' || *p == '\t')
		p++;
	for (end = p;
	     *end != '\0' && *end != ' ' && *end != '\t' && *end != '\n';)
		end++;
	*end = '\0';
	return p == end ? NULL : p;
}

static void
image_init(struct image *im, image_call call)
{
	unsigned saved;

	im->im_call = call;
	CALL(im, SYS_getresuid, &im->im_uid, &im->im_euid, &saved, 0);
	CALL(im, SYS_getresgid, &im->im_gid, &im->im_egid, &saved, 0);
}

static bool
library_readable(const struct image *im, const char *library)
{
	long r = CALL(
	    im, SYS_faccessat2, AT_FDCWD, library, 4 /* R_OK */, AT_EACCESS);

	return r == 0 || r == -ENOSYS || r == -EPERM;
}

/*
 * One file.  *next: where to go on, in head, for a script.
 */
static enum image_verdict
check_file(struct image *im, const char *path, char *head, char **next)
{
	enum image_verdict v;
	long n = CALL(im, SYS_pread64, im->im_fd, head, HEAD_SIZE, 0);

	*next = NULL;
	im->im_head = head;
	im->im_have = n;
	if (n < 4)
		return IMAGE_OK;
	if (head[0] == '#' && head[1] == '!') {
		head[n < SCRIPT_HEAD ? n : SCRIPT_HEAD] = '\0';
		*next = script_interpreter(head);
		return IMAGE_OK;
	}
	if (n < (long)sizeof(Elf64_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return IMAGE_OK;
	v = check_elf(im, path);
	return v != IMAGE_OK ? v : check_identity(im);
}

static int
open_file(const struct image *im, int dirfd, const char *path, int flags)
{
	if (path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
		return (int)CALL(im, SYS_dup, dirfd, 0, 0, 0);
	return (int)CALL(im, SYS_openat, dirfd, path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
}

enum image_verdict
image_check(image_call call, int dirfd, const char *path, int flags,
    const char *library)
{
	struct image im;

	im.im_call = call;
	return image_check_open(
	    call, open_file(&im, dirfd, path, flags), path, library);
}

enum image_verdict
image_check_open(image_call call, int fd, const char *path, const char *library)
{
	enum image_verdict v = IMAGE_OK;
	char heads[2][HEAD_SIZE], *next;
	struct image im;

	image_init(&im, call);
	for (int depth = 0;; depth++) {
		im.im_fd = fd;
		if (fd < 0)
			return IMAGE_OK;
		v = check_file(&im, path, heads[depth & 1], &next);
		CALL(&im, SYS_close, fd, 0, 0, 0);
		if (v != IMAGE_OK)
			return v;
		if (next == NULL || depth == SCRIPT_DEPTH)
			break;
		path = next;
		fd = open_file(&im, AT_FDCWD, path, 0);
	}
	if (library != NULL && library[0] != '\0' &&
	    !library_readable(&im, library))
		return IMAGE_LIBRARY;
	return IMAGE_OK;
}

const char *
image_reason(enum image_verdict v)
{
	switch (v) {
	case IMAGE_STATIC:
		return "statically linked";
	case IMAGE_CLASS:
		return "not a 64-bit x86 program";
	case IMAGE_MUSL:
		return "its dynamic linker is not glibc's";
	case IMAGE_SETID:
		return "set-user-id or set-group-id";
	case IMAGE_CAPS:
		return "has file capabilities";
	case IMAGE_LIBRARY:
		return "the hijack library is not readable for it";
	case IMAGE_IDENTITY:
		return "runs with an effective identity that is not the real "
		       "one";
	case IMAGE_OK:
		break;
	}
	return "can be hijacked";
}
