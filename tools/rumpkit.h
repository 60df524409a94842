/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of rumpkit(1) share: subcommands, exit statuses, messages. */
#ifndef TOOLS_RUMPKIT_H
#define TOOLS_RUMPKIT_H

/* Exit statuses of "rumpkit run" that are not the command's own. */
#define STATUS_FAILED 125   /* rumpkit itself failed */
#define STATUS_REFUSED 126  /* the command cannot be hijacked or executed */
#define STATUS_NOTFOUND 127 /* there is no such command */

/*
 * Subcommands.  argv[0] is the subcommand's name; the result is an exit
 * status.
 */
int run_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int server_main(int argc, char **argv);
int rump_server_main(int argc, char **argv); /* genuine name and statuses */
int inspect_main(int argc, char **argv);     /* ps, mounts, netstat, ... */

/* What messages begin with, instead of "rumpkit". */
extern const char *program_name;

/* Print "rumpkit: text\n" on standard error and return status. */
int complain(int status, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/*
 * Keep standard descriptors that rumpkit was started without from becoming
 * something else's.  What is executed finds them closed again.
 */
void standard_reserve(void);

/* Print the help screen on standard output; returns 0. */
int help_print(void);
/* Print name and version on standard output; returns 0. */
int version_print(void);

#endif /* !TOOLS_RUMPKIT_H */
