/* SPDX-License-Identifier: BSD-2-Clause */
/* Scalar types and small macros of kernel-side code: freestanding. */
#ifndef KERN_TYPES_H
#define KERN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The NetBSD amd64 widths; identical to glibc's, so both may be included. */
typedef int64_t off_t;
typedef int32_t pid_t;
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef uint32_t mode_t;
typedef uint64_t dev_t;
typedef uint64_t ino_t;
typedef int64_t ssize_t;
typedef int64_t register_t;

#ifndef MIN
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif
#define ROUNDUP(x, to) ((((x) + (to)-1) / (to)) * (to))
#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))

#define PREDICT_FALSE(x) __builtin_expect((x) != 0, 0)
#define PREDICT_TRUE(x) __builtin_expect((x) != 0, 1)
#define UNUSED __attribute__((__unused__))
#define NORETURN __attribute__((__noreturn__))
#define PRINTFLIKE(f, a) __attribute__((__format__(__printf__, f, a)))

/* Lock annotations: checked by clang's -Wthread-safety, silent elsewhere. */
#if defined(__clang__)
#define CAPABILITY(name) __attribute__((capability(name)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define TRY_ACQUIRES(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define NO_THREAD_SAFETY __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(name)
#define REQUIRES(...)
#define ACQUIRES(...)
#define TRY_ACQUIRES(...)
#define RELEASES(...)
#define NO_THREAD_SAFETY
#endif

/*
 * errno values that never leave the kernel (facts: the negative range of the
 * NetBSD errno space).  ENAMESPACE is ours: a path left the kernel's part of
 * the name space; see vfs/namei.h.
 */
#undef ERESTART /* the host's, in tests that include both */
enum {
	EJUSTRETURN = -2,
	ERESTART = -3,
	EPASSTHROUGH = -4,
	EDUPFD = -5,
	EMOVEFD = -6,
	ENAMESPACE = -7,
};

#endif /* !KERN_TYPES_H */
