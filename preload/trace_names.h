/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux constants as words, for the trace. */
#ifndef PRELOAD_TRACE_NAMES_H
#define PRELOAD_TRACE_NAMES_H

#include <stddef.h>

#include "preload/text.h"

/* Without a pointer: what the dynamic linker has to relocate costs each exec. */
struct trace_name {
	long tn_value;
	char tn_name[32];
};

/* A table ends with a row without a name. */
extern const struct trace_name trace_families[], trace_types[],
    trace_type_flags[], trace_protocols[], trace_msg_flags[], trace_shutdown[],
    trace_levels[], trace_open_flags[], trace_access_modes[], trace_at_flags[],
    trace_whence[], trace_prot[], trace_map_flags[], trace_advice[],
    trace_msync_flags[], trace_remap_flags[], trace_fcntl[], trace_ioctl[],
    trace_epoll_ops[], trace_flock[], trace_rename_flags[], trace_fd_flags[];

/* The names of options of a level of trace_levels, or NULL. */
const struct trace_name *trace_options(long level);

/* The name, or the number. */
void trace_put_name(struct text *t, const struct trace_name *tn, long value);
/* Names with '|' between them, behind first unless that is NULL; what has no
 * name as a hexadecimal number. */
void trace_put_flags(
    struct text *t, const char *first, const struct trace_name *tn, long value);

#endif /* !PRELOAD_TRACE_NAMES_H */
