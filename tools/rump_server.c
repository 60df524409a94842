/* SPDX-License-Identifier: BSD-2-Clause */
/* rump_server(1): rumpkit server by its genuine name. */
#include "tools/rumpkit.h"

int
main(int argc, char **argv)
{
	standard_reserve();
	return rump_server_main(argc, argv);
}
