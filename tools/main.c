/* SPDX-License-Identifier: BSD-2-Clause */
/* rumpkit: choose the subcommand. */
#include "tools/rumpkit.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/inside.h"
#include "tools/options.h"
#include "tools/probe.h"

struct subcommand {
	const char *sc_name;
	int (*sc_main)(int argc, char **argv); /* NULL: not there yet */
};

static const struct subcommand subcommands[] = {
	{ "run", run_main }, { "explain", explain_main },
	{ "doctor", doctor_main }, { "server", NULL }, { "ps", NULL },
	{ "mounts", NULL }, { "netstat", NULL }, { "ifconfig", NULL },
	{ "route", NULL }, { "sysctl", NULL }, { "halt", NULL },
	{ PROBE_NAME, probe_main },   /* for doctor alone */
	{ INSIDE_NAME, inside_main }, /* for run alone */
};

int
complain(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("rumpkit: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

int
help_print(void)
{
	fputs("usage: rumpkit run [option ...] command [argument ...]\n"
	      "       rumpkit explain [option ...] path | address | call\n"
	      "       rumpkit doctor [-q]\n\n",
	    stdout);
	options_help(stdout);
	fputs("\nExit status of run: the command's; 125 rumpkit failed, 126 the"
	      " command cannot be\nhijacked or executed, 127 it was not found."
	      "  More: man rumpkit\n",
	    stdout);
	return 0;
}

int
version_print(void)
{
	puts("rumpkit " RUMPKIT_VERSION);
	return 0;
}

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
		    "say what to do: run, explain or doctor; rumpkit --help"
		    " has the details");
	if (is_one_of(argv[1], "-h", "--help"))
		return help_print();
	if (is_one_of(argv[1], "-V", "--version"))
		return version_print();
	sc = subcommand_find(argv[1]);
	if (sc == NULL)
		return complain(STATUS_FAILED,
		    "%s: no such subcommand; there are run, explain and doctor",
		    argv[1]);
	if (sc->sc_main == NULL)
		return complain(STATUS_FAILED,
		    "%s: not there yet; this version has run --in-process,"
		    " explain and doctor",
		    argv[1]);
	return sc->sc_main(argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	int status = perform(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(STATUS_FAILED,
		    "standard output cannot be written: %s", strerror(errno));
	return status;
}
