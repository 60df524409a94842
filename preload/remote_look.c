/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server says of other processes of the tree. */
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/remote.h"
#include "preload/remote_link.h"
#include "rump/rumpdefs.h"

/* How the server knows the calling process, if it is in the server's name space
 * of processes. */
static int64_t
own_pid(void)
{
	return HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

int
remote_look_file(long pid, long number, char *path, size_t size, int *rumpfd)
{
	struct remote *rm = remote_current();
	const int64_t args[5] = { own_pid(), pid, number, (int64_t)path,
		(int64_t)size };
	int64_t retval[2];
	int error;

	if (rm->rm_classic != NULL)
		return RUMP_ESRCH;
	error = remote_call_patient(rm, FASTCALL_LOOK_FILE, args, 5, retval);
	if (error == 0)
		*rumpfd = (int)retval[0];
	return error;
}

int
remote_look_cwd(long pid, char *path, size_t size)
{
	struct remote *rm = remote_current();
	const int64_t args[4] = { own_pid(), pid, (int64_t)path,
		(int64_t)size };

	if (rm->rm_classic != NULL)
		return RUMP_ESRCH;
	return remote_call(rm, FASTCALL_LOOK_CWD, args, 4, NULL);
}
