/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * System calls one by one, with every way in which they fail that a manual
 * page names.  A family is a table of sections; a section makes its calls in
 * an empty working directory and prints each with its result.  The driver
 * (test_calls.py) compares what different kernels print.
 */
struct section {
	const char *name;
	void (*run)(void);
};

extern const struct section again_sections[];
extern const struct section attribute_sections[];
extern const struct section data_sections[];
extern const struct section descriptor_sections[];
extern const struct section flag_sections[];
extern const struct section locking_sections[];
extern const struct section mapping_sections[];
extern const struct section message_sections[];
extern const struct section moving_sections[];
extern const struct section name_sections[];
extern const struct section offload_sections[];
extern const struct section opening_sections[];
extern const struct section sharing_sections[];
extern const struct section socket_sections[];
extern const struct section status_sections[];
extern const struct section stream_sections[];
extern const struct section xattr_sections[];

/* Makes the call, prints its text, its result and, of -1, the errno. */
#define T(call)                                                                \
	({                                                                     \
		errno = 0;                                                     \
		say(#call, (long)(call));                                      \
	})
/* The same for system calls by number, which glibc would meddle with. */
#define S(name, ...)                                                           \
	({                                                                     \
		errno = 0;                                                     \
		say(#name "(" #__VA_ARGS__ ")",                                \
		    syscall(SYS_##name, ##__VA_ARGS__));                       \
	})

long say(const char *what, long result);
/* Prints a line of the section's own. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints an error of the test itself and ends the program. */
void must(int condition, const char *what);
/* Prints size bytes, unprintable ones as dots, runs of one byte as a count. */
void show(const char *what, const void *data, long size);

/* Makes a file with the contents, of mode 0644. */
void make(const char *path, const char *contents);
/* Prints size, links, mode and owner of path, or the error. */
void state(const char *path);
/* Prints how long the file is and what is in it. */
void contents(const char *path);

/* The last size bytes in front of a page that cannot be touched. */
void *edge(size_t size);
/* The string with its end at such a page; with its 0 byte, or without. */
char *edge_string(const char *text);
char *endless(const char *text);
/* An address at which nothing is. */
#define NOWHERE ((void *)edge(0))
/* Not an address of a program. */
#define BEYOND ((void *)0xffff800000000000ul)

#endif
