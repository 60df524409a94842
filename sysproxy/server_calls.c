/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of fast clients beside NetBSD's; see fast.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_worker.h"

#define PATH_BYTES 1024
#define NAME_BYTES 32
#define URL_BYTES 4096

typedef int call_func(struct worker *w, const int64_t *args, int64_t *retval);

int
fastcall_give(struct worker *w, int fd)
{
	struct fast_message m = { .fm_type = FAST_FD, .fm_arg = w->w_slot };

	return client_send(w->w_client, &m, fd) ? 0 : RUMP_EAGAIN;
}

/* --- of the process ------------------------------------------------------ */

static int
call_cred(struct worker *w, const int64_t *args, int64_t *retval)
{
	int error = client_setcred(w->w_client);

	retval[0] = error == 0 && w->w_client->c_mapped;
	return error;
}

static int
call_unshare(struct worker *w, const int64_t *args, int64_t *retval)
{
	if (serverkernel_has_files())
		serverkernel.sk_cwd_unshare();
	return 0;
}

static int
call_hostfd(struct worker *w, const int64_t *args, int64_t *retval)
{
	int error, fd;

	error = serverkernel.sk_hostfd((int)args[0], &fd);
	return error != 0 ? error : fastcall_give(w, fd);
}

static int
call_save(struct worker *w, const int64_t *args, int64_t *retval)
{
	if (!serverkernel_has_files())
		return RUMP_ENOSYS;
	return serverkernel.sk_save_files();
}

static int
call_escaped(struct worker *w, const int64_t *args, int64_t *retval)
{
	char path[PATH_BYTES];
	unsigned followed = 0;
	size_t len;

	if (!serverkernel_has_files())
		return RUMP_ENOSYS;
	len = serverkernel.sk_escaped(path, sizeof(path), &followed);
	if (len == 0)
		return RUMP_ENOENT;
	if (len >= (uint64_t)args[1])
		return RUMP_ERANGE;
	retval[0] = (int64_t)len;
	retval[1] = followed;
	return copy_out(w, path, (uint64_t)args[0], len + 1);
}

/* --- the kernel as a whole ------------------------------------------------ */

/* May this client change what concerns others? */
static bool
is_trusted(const struct client *c)
{
	return !c->c_inside && (c->c_ours || c->c_uid == 0);
}

static int
copy_argument(struct worker *w, int64_t from, char *to, size_t size)
{
	size_t len = size;

	return copy_string(w, (uint64_t)from, to, &len);
}

static int
call_mount(struct worker *w, const int64_t *args, int64_t *retval)
{
	char dir[PATH_BYTES], url[URL_BYTES], text[512] = "";
	int error;

	if (!serverkernel_has_files())
		return RUMP_ENOSYS;
	if (!is_trusted(w->w_client))
		return RUMP_EPERM;
	error = copy_argument(w, args[0], dir, sizeof(dir));
	if (error == 0)
		error = copy_argument(w, args[1], url, sizeof(url));
	if (error != 0)
		return error;
	error = serverkernel.sk_mount_url(dir, url, text, sizeof(text));
	if (args[3] > 0) {
		size_t len = strlen(text) + 1;

		if (len > (uint64_t)args[3]) {
			len = (size_t)args[3];
			text[len - 1] = '\0';
		}
		if (copy_out(w, text, (uint64_t)args[2], len) != 0 &&
		    error == 0)
			error = RUMP_EFAULT;
	}
	return error;
}

static int
call_report(struct worker *w, const int64_t *args, int64_t *retval)
{
	char name[NAME_BYTES], *text = NULL;
	uint64_t offset = (uint64_t)args[1], len;
	size_t all = 0;
	int error;

	error = copy_argument(w, args[0], name, sizeof(name));
	if (error == 0)
		error = report_make(w->w_client, name, &text, &all);
	if (error == 0 && offset < all) {
		len = all - offset;
		if (len > (uint64_t)args[3])
			len = (uint64_t)args[3];
		if (len > 0)
			error =
			    copy_out(w, text + offset, (uint64_t)args[2], len);
		retval[0] = (int64_t)len;
	}
	free(text);
	return error;
}

static int
call_export(struct worker *w, const int64_t *args, int64_t *retval)
{
	return token_export(w, (int)args[0]);
}

static int
call_import(struct worker *w, const int64_t *args, int64_t *retval)
{
	int error, fd;

	error = token_import(w, (uint64_t)args[0], &fd);
	if (error == 0)
		retval[0] = fd;
	return error;
}

static int
call_hostsocket(struct worker *w, const int64_t *args, int64_t *retval)
{
	struct received r;
	int error, fd;

	if (serverkernel.sk_hostsocket == NULL)
		return RUMP_EAFNOSUPPORT;
	if (!received_await(w, (uint64_t)args[3], &r))
		return RUMP_EBADF;
	error = r.r_lost ? RUMP_ENFILE : RUMP_EPROTOTYPE;
	if (r.r_fd >= 0)
		error = serverkernel.sk_hostsocket(
		    (int)args[0], (int)args[1], (int)args[2], r.r_fd, &fd);
	received_drop(&r);
	if (error == 0)
		retval[0] = fd;
	return error;
}

static int
call_halt(struct worker *w, const int64_t *args, int64_t *retval)
{
	if (!is_trusted(w->w_client))
		return RUMP_EPERM;
	server_halt();
	return 0;
}

static call_func *const calls[] = {
	[FASTCALL_CRED - FASTCALL_FIRST] = call_cred,
	[FASTCALL_HOSTFD - FASTCALL_FIRST] = call_hostfd,
	[FASTCALL_SAVE - FASTCALL_FIRST] = call_save,
	[FASTCALL_ESCAPED - FASTCALL_FIRST] = call_escaped,
	[FASTCALL_MOUNT - FASTCALL_FIRST] = call_mount,
	[FASTCALL_REPORT - FASTCALL_FIRST] = call_report,
	[FASTCALL_EXPORT - FASTCALL_FIRST] = call_export,
	[FASTCALL_IMPORT - FASTCALL_FIRST] = call_import,
	[FASTCALL_HALT - FASTCALL_FIRST] = call_halt,
	[FASTCALL_LOG - FASTCALL_FIRST] = log_call,
	[FASTCALL_UNSHARE - FASTCALL_FIRST] = call_unshare,
	[FASTCALL_HOSTSOCKET - FASTCALL_FIRST] = call_hostsocket,
	[FASTCALL_LOOK_FILE - FASTCALL_FIRST] = look_file,
	[FASTCALL_LOOK_CWD - FASTCALL_FIRST] = look_cwd,
	[FASTCALL_END - FASTCALL_FIRST] = NULL,
};

int
fastcall(struct worker *w, int num, const int64_t *args, int64_t *retval)
{
	call_func *func;

	if (num < FASTCALL_FIRST || num >= FASTCALL_END)
		return RUMP_ENOSYS;
	func = calls[num - FASTCALL_FIRST];
	if (func != NULL)
		return func(w, args, retval);
	if (!serverkernel_has_files())
		return RUMP_ENOSYS;
	return maps_call(w, num, args, retval);
}
