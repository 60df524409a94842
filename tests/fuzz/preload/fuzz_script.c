/* SPDX-License-Identifier: BSD-2-Clause */
/* What is cut out of a script's first line lies within what was looked at. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_within(const char *s, const char *head, size_t n)
{
	return s > head + 1 && s < head + n && s + strlen(s) <= head + n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = 2 + (size < SCRIPT_HEAD - 2 ? size : SCRIPT_HEAD - 2);
	char *head = malloc(n + 1), *interpreter, *argument;

	memcpy(head, "#!", 2);
	if (n > 2)
		memcpy(head + 2, data, n - 2);
	if (script_parse(head, n, &interpreter, &argument) == 0) {
		if (!is_within(interpreter, head, n) || *interpreter == '\0')
			abort();
		if (argument != NULL &&
		    (!is_within(argument, head, n) || *argument == '\0'))
			abort();
	}
	free(head);
	return 0;
}
