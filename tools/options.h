/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of rumpkit's subcommands, from the command line, the environment and
 * a file, in this order: what the earlier ones say of an option, the later ones
 * cannot change.  No I/O but options_help().
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum option_id {
	OPTION_IN_PROCESS,
	OPTION_SERVER,
	OPTION_MOUNT,
	OPTION_NET,
	OPTION_HIJACK,
	OPTION_PCAP,
	OPTION_TRACE,
	OPTION_LOG_FILE,
	OPTION_SUMMARY,
	OPTION_FOREGROUND,
	OPTION_NCPU,
	OPTION_MEMORY,
	OPTION_LIBRARY,
	OPTION_DRIVE,
	OPTION_MODULE,
	OPTION_PID_FILE,
	OPTION_ALL_USERS,
	OPTION_INSECURE_TCP,
	OPTION_CONFIG,
	OPTION_CHECK,
	OPTION_VERBOSE,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MAX,
};

/* Sets of options, for what a subcommand takes. */
#define OPTION_BIT(id) (1U << (id))
#define OPTIONS_COMMON                                                         \
	(OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_QUIET) |               \
	    OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))
#define OPTIONS_EXPLAIN                                                        \
	(OPTIONS_COMMON | OPTION_BIT(OPTION_IN_PROCESS) |                      \
	    OPTION_BIT(OPTION_SERVER) | OPTION_BIT(OPTION_MOUNT) |             \
	    OPTION_BIT(OPTION_NET) | OPTION_BIT(OPTION_HIJACK) |               \
	    OPTION_BIT(OPTION_CONFIG))
#define OPTIONS_SERVER                                                         \
	(OPTIONS_COMMON | OPTION_BIT(OPTION_MOUNT) | OPTION_BIT(OPTION_PCAP) | \
	    OPTION_BIT(OPTION_FOREGROUND) | OPTION_BIT(OPTION_NCPU) |          \
	    OPTION_BIT(OPTION_MEMORY) | OPTION_BIT(OPTION_LIBRARY) |           \
	    OPTION_BIT(OPTION_DRIVE) | OPTION_BIT(OPTION_MODULE) |             \
	    OPTION_BIT(OPTION_PID_FILE) | OPTION_BIT(OPTION_ALL_USERS) |       \
	    OPTION_BIT(OPTION_INSECURE_TCP) | OPTION_BIT(OPTION_CONFIG) |      \
	    OPTION_BIT(OPTION_CHECK))
/* Of what looks at a running kernel. */
#define OPTIONS_CLIENT                                                         \
	(OPTION_BIT(OPTION_SERVER) | OPTION_BIT(OPTION_HELP) |                 \
	    OPTION_BIT(OPTION_VERSION))
#define OPTIONS_RUN                                                            \
	(OPTIONS_EXPLAIN | OPTION_BIT(OPTION_PCAP) |                           \
	    OPTION_BIT(OPTION_TRACE) | OPTION_BIT(OPTION_LOG_FILE) |           \
	    OPTION_BIT(OPTION_SUMMARY) | OPTION_BIT(OPTION_CHECK))
#define OPTIONS_ALL (OPTION_BIT(OPTION_MAX) - 1)

struct option_values {
	const char **ov_value; /* in order of appearance; "" for a flag */
	size_t ov_count;
};

struct options {
	unsigned op_allowed; /* what the subcommand takes */
	unsigned op_settled; /* what has been said, if only that it is off */
	struct option_values op_values[OPTION_MAX];
	char *op_copies[OPTION_MAX]; /* owned: split environment variables */
	char *op_file;               /* owned: cut up configuration file */
	char op_error[512];          /* set when a function returns -1 */
};

void options_init(struct options *op, unsigned allowed);
void options_fini(struct options *op);

/*
 * Take the options at the head of argv[1...]; they end at the first operand
 * or behind "--".  Returns the index of the first operand (argc if there is
 * none), or -1.  Values point into argv.
 */
int options_parse(struct options *op, int argc, char **argv);

/*
 * Take what the command line left open from RUMPKIT_<OPTION> variables; a
 * repeatable one holds a value a line.  getvar is getenv or stands for it.
 * Returns 0 or -1.
 */
int options_environ(struct options *op, char *(*getvar)(const char *));

/*
 * Take what is left open from the contents of the file name: a long option a
 * line, without dashes, its value behind blanks or '='; '#' begins a comment
 * line.  Options of other subcommands are passed over.  text is taken over and
 * freed by options_fini().  Returns 0, or -1 with file and line.
 */
int options_file(struct options *op, const char *name, char *text);

bool options_flag(const struct options *op, enum option_id id);
/* The last value, which wins, or NULL. */
const char *options_value(const struct options *op, enum option_id id);

/* One line for each option of a set. */
void options_help(FILE *out, unsigned set);

#endif /* !TOOLS_OPTIONS_H */
