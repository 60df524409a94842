/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/sysctl.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

#define DEPTH 2
#define VALUE_MAX 256

/* Numbers of sysctl(3). */
static const struct variable {
	const char *va_name;
	int va_mib[DEPTH];
	bool va_text; /* else an int */
} variables[] = {
	{ "kern.ostype", { 1, 1 }, true },
	{ "kern.osrelease", { 1, 2 }, true },
	{ "kern.osrevision", { 1, 3 }, false },
	{ "kern.version", { 1, 4 }, true },
	{ "kern.maxfiles", { 1, 7 }, false },
	{ "kern.argmax", { 1, 8 }, false },
	{ "kern.hostname", { 1, 10 }, true },
	{ "kern.ngroups", { 1, 18 }, false },
	{ "kern.iov_max", { 1, 38 }, false },
	{ "hw.machine", { 6, 1 }, true },
	{ "hw.ncpu", { 6, 3 }, false },
	{ "hw.byteorder", { 6, 4 }, false },
	{ "hw.pagesize", { 6, 7 }, false },
	{ "hw.machine_arch", { 6, 10 }, true },
	{ "hw.ncpuonline", { 6, 16 }, false },
};
#define NVARIABLES (sizeof(variables) / sizeof(variables[0]))

const char *
sysctl_name(unsigned n)
{
	return n < NVARIABLES ? variables[n].va_name : NULL;
}

static const struct variable *
find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < NVARIABLES; i++) {
		if (strlen(variables[i].va_name) == len &&
		    memcmp(variables[i].va_name, name, len) == 0)
			return &variables[i];
	}
	return NULL;
}

/* new may be NULL. */
static int
exchange(struct client *cl, const struct variable *va, void *old,
    uint64_t *oldlen, const void *new, size_t newlen)
{
	struct client_call cc = {
		.cc_num = RUMP_SYS___sysctl,
		.cc_args = { (int64_t)(uintptr_t)va->va_mib, DEPTH,
		    (int64_t)(uintptr_t)old, (int64_t)(uintptr_t)oldlen,
		    (int64_t)(uintptr_t) new, (int64_t)newlen },
		.cc_memory = { { va->va_mib, NULL, sizeof(va->va_mib) },
		    { NULL, old, VALUE_MAX },
		    { oldlen, oldlen, sizeof(*oldlen) },
		    { new, NULL, newlen } },
	};

	return client_call(cl, &cc);
}

static int
set(struct client *cl, const struct variable *va, const char *value, void *old,
    uint64_t *oldlen, char *text, size_t size)
{
	char *end;
	int number;

	if (va->va_text)
		return exchange(cl, va, old, oldlen, value, strlen(value) + 1);
	number = (int)strtol(value, &end, 0);
	if (*value == '\0' || *end != '\0') {
		snprintf(
		    text, size, "%s=%s: must be a number", va->va_name, value);
		return RUMP_EINVAL;
	}
	return exchange(cl, va, old, oldlen, &number, sizeof(number));
}

static void
describe(const struct variable *va, const char *value, uint64_t len, char *text,
    size_t size)
{
	int number = 0;

	if (va->va_text) {
		snprintf(text, size, "%s = %.*s", va->va_name,
		    (int)strcspn(value, "\n"), value);
		return;
	}
	memcpy(&number, value, len < sizeof(number) ? len : sizeof(number));
	snprintf(text, size, "%s = %d", va->va_name, number);
}

int
sysctl_perform(struct client *cl, const char *word, char *text, size_t size)
{
	size_t len = strcspn(word, "=");
	const struct variable *va = find(word, len);
	char value[VALUE_MAX + 1] = "";
	uint64_t valuelen = VALUE_MAX;
	int error;

	*text = '\0';
	if (va == NULL) {
		snprintf(text, size,
		    "%.*s: no such variable; rumpkit sysctl lists them",
		    (int)len, word);
		return RUMP_ENOENT;
	}
	if (word[len] == '=')
		error =
		    set(cl, va, word + len + 1, value, &valuelen, text, size);
	else
		error = exchange(cl, va, value, &valuelen, NULL, 0);
	if (error != 0)
		return error;
	if (word[len] == '=')
		snprintf(text, size, "%s = %s", va->va_name, word + len + 1);
	else
		describe(va, value, valuelen, text, size);
	return 0;
}
