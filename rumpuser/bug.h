/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken contracts: of the kernel towards us, or our own bugs. */
#ifndef RUMPUSER_BUG_H
#define RUMPUSER_BUG_H

/* Print where and why on stderr and abort the process. */
void bug(const char *file, int line, const char *text)
    __attribute__((__noreturn__, __cold__));

/* Abort the process: SIGABRT, whatever the program made of that signal. */
void process_abort(void) __attribute__((__noreturn__, __cold__));

#define CHECK(e)                                                               \
	do {                                                                   \
		if (__builtin_expect(!(e), 0))                                 \
			bug(__FILE__, __LINE__, #e);                           \
	} while (0)

#endif /* !RUMPUSER_BUG_H */
