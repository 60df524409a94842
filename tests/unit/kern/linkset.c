/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A component library that registers both ways: the first component by a
 * constructor as well as by the link set, the second by the link set alone.
 */
#include <string.h>

#include "kern/module.h"
#include "rump/rump.h"

#define EXPORT __attribute__((__visibility__("default")))
#define LINK_SET(set) __attribute__((__section__(#set), __used__))

/* What happened, a letter each. */
extern char rumptest_trail[16];
EXPORT char rumptest_trail[16];

static void
note(const char *letter)
{
	strcat(rumptest_trail, letter);
}

static void
init_first(void)
{
	note("1");
}

static void
init_second(void)
{
	note("2");
}

static int
modcmd(int cmd, void *arg)
{
	note(cmd == MODULE_CMD_INIT ? "m" : "?");
	return 0;
}

static struct rump_component first = {
	.rc_type = RUMP_COMPONENT_POSTINIT,
	.rc_init = init_first,
};
static struct rump_component second = {
	.rc_type = RUMP_COMPONENT_KERN,
	.rc_init = init_second,
};
static const struct modinfo module = {
	.mi_version = 799003400,
	.mi_modcmd = modcmd,
	.mi_name = "linkset",
};
/* Of another kernel: named on the console, and that is all. */
static const struct modinfo stranger = {
	.mi_version = 1,
	.mi_modcmd = modcmd,
	.mi_name = "stranger",
};

LINK_SET(link_set_rump_components)
static struct rump_component *components[] = { &first, &second };
LINK_SET(link_set_modules)
static const struct modinfo *modules[] = { &stranger, &module };

/* A reference makes the linker define the delimiters. */
extern char start_modules[] __asm__("__start_link_set_modules");
extern char stop_modules[] __asm__("__stop_link_set_modules");
extern char start_components[] __asm__("__start_link_set_rump_components");
extern char stop_components[] __asm__("__stop_link_set_rump_components");

extern const char *const rumptest_delimiters[4];
EXPORT const char *const rumptest_delimiters[] = { start_modules, stop_modules,
	start_components, stop_components };

static __attribute__((__constructor__)) void
load(void)
{
	rump_component_load(&first);
}
