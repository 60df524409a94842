/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that is started for trial. */
#ifndef TOOLS_PROBE_H
#define TOOLS_PROBE_H

#include <stddef.h>

enum probe_kind { PROBE_IN_PROCESS, PROBE_SERVER };

/*
 * Start this program once more, under the hijack library, and let it look at a
 * directory of its kernel.  0, or -1 with what went wrong in text.
 */
int probe_run(
    enum probe_kind kind, const char *library, char *text, size_t size);

/* What that program does: the subcommand PROBE_NAME. */
#define PROBE_NAME "doctor-probe"
int probe_main(int argc, char **argv);

#endif /* !TOOLS_PROBE_H */
