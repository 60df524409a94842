/* SPDX-License-Identifier: BSD-2-Clause */
/* Where text goes that is produced piece by piece. */
#ifndef KERN_SINK_H
#define KERN_SINK_H

#include "kern/types.h"

struct sink {
	/* Takes len bytes of text, not terminated; must not fail. */
	void (*sk_put)(struct sink *sk, const char *text, size_t len);
};

void sink_puts(struct sink *sk, const char *s);
/* As ksnprintf(); what is longer than 255 bytes is cut off. */
void sink_printf(struct sink *sk, const char *fmt, ...) PRINTFLIKE(2, 3);

#endif /* !KERN_SINK_H */
