/* SPDX-License-Identifier: BSD-2-Clause */
/* The networking faction: its system calls. */
#include "kern/component.h"
#include "kern/syscall.h"
#include "net/netstat.h"
#include "net/solist.h"

extern const struct syscall_entry syscalls_net[];
extern const size_t nsyscalls_net;

RUMP_COMPONENT(RUMP__FACTION_NET, net)
{
	solist_init();
	netstat_init();
	syscall_register(syscalls_net, nsyscalls_net);
}
