/* SPDX-License-Identifier: BSD-2-Clause */
/* rumpkit: choose the subcommand. */
#include "tools/rumpkit.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/inside.h"
#include "tools/probe.h"

struct subcommand {
	const char *sc_name;
	int (*sc_main)(int argc, char **argv); /* NULL: of a later version */
};

static const struct subcommand subcommands[] = {
	{ "run", run_main }, { "server", server_main }, { "ps", inspect_main },
	{ "mounts", inspect_main }, { "netstat", inspect_main },
	{ "sysctl", inspect_main }, { "halt", inspect_main },
	{ "explain", explain_main }, { "doctor", doctor_main },
	{ "ifconfig", NULL }, { "route", NULL },
	{ PROBE_NAME, probe_main },   /* for doctor alone */
	{ INSIDE_NAME, inside_main }, /* for run alone */
};

static const struct subcommand *
subcommand_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		if (strcmp(subcommands[i].sc_name, name) == 0)
			return &subcommands[i];
	}
	return NULL;
}

static int
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int
perform(int argc, char **argv)
{
	const struct subcommand *sc;

	if (argc < 2)
		return complain(STATUS_FAILED,
		    "say what to do: run, server, explain, doctor, ...;"
		    " rumpkit --help has the details");
	if (is_one_of(argv[1], "-h", "--help") ||
	    (strcmp(argv[1], "help") == 0 && argc == 2))
		return help_print();
	if (is_one_of(argv[1], "-V", "--version"))
		return version_print();
	sc = subcommand_find(argv[1]);
	if (sc == NULL)
		return complain(STATUS_FAILED,
		    "%s: no such subcommand; rumpkit --help lists them",
		    argv[1]);
	if (sc->sc_main == NULL)
		return complain(STATUS_FAILED,
		    "%s: there is nothing to configure, since this version's"
		    " kernel has no TCP/IP stack of its own; --net sockin"
		    " rides on the host's",
		    argv[1]);
	return sc->sc_main(argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	int status;

	standard_reserve();
	status = perform(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(STATUS_FAILED,
		    "standard output cannot be written: %s", strerror(errno));
	return status;
}
