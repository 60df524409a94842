/* SPDX-License-Identifier: BSD-2-Clause */
/* Running a command that only the rump kernel can find. */
#ifndef TOOLS_INSIDE_H
#define TOOLS_INSIDE_H

/*
 * Become this program once more, under the hijack library that the environment
 * names, and let it execute the command.  Returns only on failure: an exit
 * status.
 */
int inside_run(char *const command[]);

/* What that program does: the subcommand INSIDE_NAME. */
#define INSIDE_NAME "run-inside"
int inside_main(int argc, char **argv);

#endif /* !TOOLS_INSIDE_H */
