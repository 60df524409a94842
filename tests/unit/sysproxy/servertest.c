/* SPDX-License-Identifier: BSD-2-Clause */
#include "servertest.h"

#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"

struct fastclient client;

void
open_client(struct fastclient *fc, bool novm)
{
	int fds[2];

	memset(fc, 0, sizeof(*fc));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(rumpuser_sp_adopt(fds[0], "test"), 0);
	assert_int_equal(fastclient_hello(fc, fds[1], novm), 0);
	assert_true(fastclient_start(fc, 0));
}

int
setup(void **state)
{
	if (*state == NULL)
		open_client(&client, false);
	return 0;
}

int
setup_novm(void **state)
{
	open_client(&client, true);
	return 0;
}

int
teardown(void **state)
{
	if (client.fc_area != NULL)
		fastclient_close(&client);
	rumpuser_sp_wait(NULL);
	return 0;
}

int64_t
call(int num, const int64_t *args, const struct fastin *in, int64_t *retval)
{
	return fastclient_call(&client, 0, num, args, in, retval);
}

int
open_file(struct fastclient *fc, const char *path, int flags)
{
	int64_t retval[2];

	assert_int_equal(
	    fastclient_call(fc, 0, RUMP_SYS_open,
		A((intptr_t)path, flags, 0666), IN(STR(path)), retval),
	    0);
	return (int)retval[0];
}

int
receive_fd(struct fastclient *fc)
{
	struct fast_message m;
	int fd;

	assert_true(fastclient_receive(fc, &m, &fd));
	assert_int_equal(m.fm_type, FAST_FD);
	assert_true(fd >= 0);
	return fd;
}

int
boot(void **state)
{
	/* A reference to librumpvfs, which --as-needed would drop. */
	rump_namei_escape_set(false);
	if (rump_init() != 0)
		return -1;
	/* Clients are whoever runs the test, and make files there. */
	return geteuid() != 0 ? rump_sys_chmod("/", 01777) : 0;
}
