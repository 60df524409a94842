/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line a routed call: pid, name(decoded arguments) = result, and which
 * kernel got it by which rule.
 */
#ifndef PRELOAD_TRACE_H
#define PRELOAD_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/* Classes of RUMPKIT_TRACE. */
#define TRACE_PATH 0x1   /* calls that name a path */
#define TRACE_FD 0x2     /* on a descriptor of the rump kernel */
#define TRACE_SOCKET 0x4 /* socket calls */
#define TRACE_READINESS 0x8
#define TRACE_MEMORY 0x10
#define TRACE_PROCESS 0x20 /* credentials and the like */
#define TRACE_REFUSED 0x40 /* what was refused, and why */
#define TRACE_HOST 0x80    /* also what a rule left to the host */
#define TRACE_ALL 0x7f     /* everything that reached the rump kernel */
#define TRACE_CLASS_NAMES                                                      \
	"path fd socket readiness memory process refused host all"

/* "1", "all", "" or comma-separated classes.  False and *bad otherwise. */
bool trace_parse(const char *spec, uint32_t *classes, const char **bad);

/* Open the log file (config.cf_log_file, %p is the pid).  False if that
 * fails. */
bool trace_init(void);
void trace_forked(void);

/* Put the text of the call's arguments, as they now are, into buf. */
void trace_arguments(const struct call *c, char *buf, unsigned long size);
/* Write the line.  where: "rump" or "host"; rule and note may be NULL. */
void trace_call(const struct call *c, const char *arguments, long result,
    const char *where, const char *rule, const char *note);
/* A line that belongs to no call. */
void trace_line(const char *line);
/* The class of the call: one of TRACE_PATH to TRACE_REFUSED. */
uint32_t trace_class(const struct call *c);
/* Is this call of a class that is traced? */
bool trace_wants(const struct call *c, bool rump, bool refused);

#endif /* !PRELOAD_TRACE_H */
