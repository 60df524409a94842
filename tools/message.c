/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/rumpkit.h"

#include <stdarg.h>
#include <stdio.h>

#include "tools/options.h"

const char *program_name = "rumpkit";

int
complain(int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_name);
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
	      "       rumpkit server [option ...] URL\n"
	      "       rumpkit ps | mounts | netstat | sysctl | halt"
	      " [--server URL]\n"
	      "       rumpkit explain [option ...] path | address | call\n"
	      "       rumpkit doctor [-q]\n\n",
	    stdout);
	options_help(stdout, OPTIONS_RUN);
	fputs("\nExit status of run: the command's; 125 rumpkit failed, 126 the"
	      " command cannot be\nhijacked or executed, 127 it was not found."
	      "  More: man rumpkit\n",
	    stdout);
	return 0;
}

int
version_print(void)
{
	printf("%s " RUMPKIT_VERSION "\n", program_name);
	return 0;
}
