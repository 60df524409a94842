/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of --config. */
#ifndef TOOLS_CONFIGFILE_H
#define TOOLS_CONFIGFILE_H

#include "tools/options.h"

/*
 * Take from the environment and then from the file that --config or
 * RUMPKIT_CONFIG names, if any, what the command line left open.  0, or -1 with
 * a line in op_error.
 */
int configfile_complete(struct options *op);

#endif /* !TOOLS_CONFIGFILE_H */
