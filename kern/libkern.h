/* SPDX-License-Identifier: BSD-2-Clause */
/* The few C library functions that kernel-side code has, and assertions. */
#ifndef KERN_LIBKERN_H
#define KERN_LIBKERN_H

#include <stdarg.h>

#include "kern/types.h"

/* ISO C 7.24 functions under their own names, so that the compiler may call
 * them; strlcpy(3) as in NetBSD. */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

/*
 * printf(3) subset: %d %i %u %x %c %s %p %%, flags 0 and -, width, precision
 * for %s, lengths h l ll z j.  Never sleeps.  Returns the length that the
 * whole text would have; buf is always terminated when size is not 0.
 */
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t size, const char *fmt, ...) PRINTFLIKE(3, 4);

/* One line on the kernel console (rumpuser_dprintf). */
void kprintf(const char *fmt, ...) PRINTFLIKE(1, 2);

/* Print and abort: for our own bugs only, never reached by foreign input. */
void panic(const char *fmt, ...) PRINTFLIKE(1, 2) NORETURN;

#define KASSERT(e)                                                             \
	do {                                                                   \
		if (PREDICT_FALSE(!(e)))                                       \
			panic("%s:%d: assertion %s failed", __FILE__,          \
			    __LINE__, #e);                                     \
	} while (0)

#endif /* !KERN_LIBKERN_H */
