/* SPDX-License-Identifier: BSD-2-Clause */
/* A component library that registers by link sets, for test_rumpuser_loader. */
#include "rump/rump.h"

#define EXPORT __attribute__((__visibility__("default")))
#define LINK_SET(set) __attribute__((__section__(#set), __used__))

extern struct rump_component rumptest_first, rumptest_second;
extern char rumptest_module[], test_of_no_kernel_prefix[];
extern __thread int rumptest_thread_local;

EXPORT struct rump_component rumptest_first, rumptest_second;
EXPORT char rumptest_module[32];
EXPORT char test_of_no_kernel_prefix[4];
EXPORT __thread int rumptest_thread_local = 1;

LINK_SET(link_set_modules)
static void *module_entry = rumptest_module;
LINK_SET(link_set_rump_components)
static void *component_entries[] = { &rumptest_first, &rumptest_second };

void rumptest_function(void);

EXPORT void
rumptest_function(void)
{
}

/* A reference makes the linker define the delimiters. */
extern char start_modules[] __asm__("__start_link_set_modules");
extern char stop_modules[] __asm__("__stop_link_set_modules");
extern char start_components[] __asm__("__start_link_set_rump_components");
extern char stop_components[] __asm__("__stop_link_set_rump_components");

EXPORT const char *const rumptest_delimiters[] = { start_modules, stop_modules,
	start_components, stop_components };
