/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments and results of calls as text. */
#ifndef PRELOAD_TRACE_ARGS_H
#define PRELOAD_TRACE_ARGS_H

#include "preload/text.h"

struct call;

/* The arguments as they are before the call. */
void trace_put_arguments(struct text *t, const struct call *c);
/* What the call has left in the program's memory: " => " and an address or the
 * beginning of the data; nothing for most calls. */
void trace_put_outputs(struct text *t, const struct call *c, long result);

#endif /* !PRELOAD_TRACE_ARGS_H */
