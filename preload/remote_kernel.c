/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of kernel.h, answered by a server.
 *
 * What a process is, the server learns when it is greeted: credentials and
 * umask need not be told before.  Nor has a process that has not said anything
 * yet written anything.
 *
 * Maps belong to the memory: a vfork child uses its parent's connection for
 * them, and makes none.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/hidden.h"
#include "preload/kernel.h"
#include "preload/remote.h"
#include "preload/remote_link.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define PIECE 4096 /* of a report */

static bool
is_silent(const struct remote *rm)
{
	return atomic_load_explicit(&rm->rm_state, memory_order_relaxed) ==
	       REMOTE_NEW;
}

static int
remote_syscall(int num, const void *args, size_t len, int64_t *retval)
{
	struct remote *rm = remote_current();

	if (num == RUMP_SYS_umask && is_silent(rm))
		return 0;
	return remote_call(rm, num, args, len / sizeof(int64_t), retval);
}

static void
interrupt(void)
{
	remote_interrupted = 1;
}

static void
interrupt_clear(void)
{
	remote_interrupted = 0;
}

static int
save_files(void)
{
	struct remote *rm = remote_current();

	if (is_silent(rm))
		return 0;
	return remote_call(rm, FASTCALL_SAVE, NULL, 0, NULL);
}

/* The end of the connection does it. */
static void
exit_prepare(void)
{
}

static void
set_hostcred(uint32_t uid, uint32_t euid, uint32_t gid, uint32_t egid,
    size_t ngroups, const uint32_t *groups)
{
	struct remote *rm = remote_current();

	if (!is_silent(rm))
		(void)remote_call_patient(rm, FASTCALL_CRED, NULL, 0, NULL);
}

bool
remote_look_at_cred(void)
{
	struct remote *rm = remote_current();
	int64_t retval[2] = { 0, 0 };

	return !is_silent(rm) &&
	       remote_call_patient(rm, FASTCALL_CRED, NULL, 0, retval) == 0 &&
	       retval[0] != 0;
}

static size_t
escaped(char *buf, size_t size, unsigned *followed)
{
	const int64_t args[2] = { (int64_t)buf, (int64_t)size };
	int64_t retval[2];

	if (remote_call_patient(
		remote_current(), FASTCALL_ESCAPED, args, 2, retval) != 0)
		return 0;
	*followed = (unsigned)retval[1];
	return (size_t)retval[0];
}

/* A duplicate, which is the caller's. */
static int
hostfd(int rumpfd, int *fd)
{
	const int64_t args[1] = { rumpfd };
	int got, error;
	long number;

	error =
	    remote_call_fd(remote_current(), FASTCALL_HOSTFD, args, 1, &got);
	if (error != 0)
		return error;
	number = hidden_take(got);
	if (number < 0)
		return RUMP_EMFILE;
	*fd = (int)number;
	return 0;
}

static int
mount_url(const char *dir, const char *source, char *text, size_t size)
{
	const int64_t args[4] = { (int64_t)dir, (int64_t)source, (int64_t)text,
		(int64_t)size };

	return remote_call(remote_current(), FASTCALL_MOUNT, args, 4, NULL);
}

static int
report(const char *name, void (*func)(const char *, size_t, void *), void *arg)
{
	int64_t args[4] = { (int64_t)name }, retval[2];
	char piece[PIECE];
	int error;

	args[2] = (int64_t)piece;
	args[3] = sizeof(piece);
	for (;;) {
		error = remote_call(
		    remote_current(), FASTCALL_REPORT, args, 4, retval);
		if (error != 0 || retval[0] <= 0 ||
		    retval[0] > (int64_t)sizeof(piece))
			return error;
		func(piece, (size_t)retval[0], arg);
		args[1] += retval[0];
	}
}

/* --- maps -------------------------------------------------------------- */

/* A handle here says which server has given it, and is never NULL. */
#define EPOCH_SHIFT 32
#define HANDLE_MASK 0xffffffffu

static void *
to_handle(uint64_t number)
{
	uint64_t epoch = remote_of_memory()->rm_epoch;

	return (void *)((epoch << EPOCH_SHIFT | number) + 1);
}

/* False: the handle is none of the server that is there, or nobody is. */
static bool
map_args(int64_t args[FAST_ARGS], void *handle, const int64_t *more, size_t n)
{
	const struct remote *rm = remote_of_memory();
	uint64_t number = (uint64_t)handle - 1;

	if (rm->rm_state == REMOTE_DEAD ||
	    number >> EPOCH_SHIFT != rm->rm_epoch)
		return false;
	args[0] = (int64_t)(number & HANDLE_MASK);
	for (size_t i = 0; i < n; i++)
		args[i + 1] = more[i];
	return true;
}

/* May sleep over the file. */
static int
map_call(int num, void *handle, const int64_t *more, size_t n, int64_t *retval)
{
	int64_t args[FAST_ARGS];

	if (!map_args(args, handle, more, n))
		return RUMP_ENOTCONN;
	return remote_call(remote_of_memory(), num, args, n + 1, retval);
}

/* Done at once, and in any case. */
static int
map_note(int num, void *handle, const int64_t *more, size_t n)
{
	int64_t args[FAST_ARGS];

	if (!map_args(args, handle, more, n))
		return RUMP_ENOTCONN;
	return remote_call_patient(remote_of_memory(), num, args, n + 1, NULL);
}

/* The memory that a map lies in: a hidden descriptor, which is the caller's. */
static int
map_memory(uint64_t handle, int *hostfd)
{
	const int64_t args[1] = { (int64_t)handle };
	int fd, error;
	long number;

	error = remote_call_fd(
	    remote_of_memory(), FASTCALL_MAP_MEMORY, args, 1, &fd);
	if (error != 0)
		return error;
	number = hidden_take(fd);
	if (number < 0)
		return RUMP_EMFILE;
	*hostfd = (int)number;
	return 0;
}

/* The host's mapping keeps what it needs. */
static void
map_mapped(int hostfd)
{
	hidden_close(hostfd);
}

static void
map_result(const struct fast_map *fp, int hostfd, struct rump_map *rm)
{
	*rm = (struct rump_map){
		.rm_handle = to_handle(fp->fp_handle),
		.rm_file = (const void *)fp->fp_file,
		.rm_hostfd = hostfd,
		.rm_hostoff = fp->fp_hostoff,
		.rm_writable = fp->fp_writable != 0,
		.rm_memory = fp->fp_memory != 0,
	};
}

static void
map_destroy(void *handle)
{
	(void)map_note(FASTCALL_MAP_DESTROY, handle, NULL, 0);
}

/* Programs read a file that they cannot map. */
static int
map_create(
    int fd, int64_t off, size_t len, int prot, int flags, struct rump_map *rm)
{
	struct fast_map fp;
	const int64_t args[6] = { fd, off, (int64_t)len, prot, flags,
		(int64_t)&fp };
	int error, hostfd;

	if (engine_thread.t_borrowed)
		return RUMP_ENODEV;
	error =
	    remote_call(remote_of_memory(), FASTCALL_MAP_CREATE, args, 6, NULL);
	if (error != 0)
		return error;
	if (map_memory(fp.fp_handle, &hostfd) != 0) {
		map_destroy(to_handle(fp.fp_handle));
		return RUMP_ENODEV;
	}
	map_result(&fp, hostfd, rm);
	return 0;
}

static int
map_again(void *handle, int64_t off, size_t len, struct rump_map *rm)
{
	struct fast_map fp;
	const int64_t more[3] = { off, (int64_t)len, (int64_t)&fp };
	int error = map_call(FASTCALL_MAP_AGAIN, handle, more, 3, NULL);

	if (error == 0)
		map_result(&fp, -1, rm);
	return error;
}

static int
map_fill(void *handle, int64_t off, size_t len)
{
	const int64_t more[2] = { off, (int64_t)len };

	return map_call(FASTCALL_MAP_FILL, handle, more, 2, NULL);
}

static int
map_size(void *handle, int64_t *size)
{
	int64_t retval[2];
	int error = map_call(FASTCALL_MAP_SIZE, handle, NULL, 0, retval);

	if (error == 0)
		*size = retval[0];
	return error;
}

static int
map_dirty(void *handle, int64_t off, size_t len, int64_t size)
{
	const int64_t more[3] = { off, (int64_t)len, size };

	return map_note(FASTCALL_MAP_DIRTY, handle, more, 3);
}

static int
map_punch(void *handle, int64_t off, size_t len)
{
	const int64_t more[2] = { off, (int64_t)len };

	return map_call(FASTCALL_MAP_PUNCH, handle, more, 2, NULL);
}

static int
map_sync(void *handle, int64_t off, size_t len)
{
	const int64_t more[2] = { off, (int64_t)len };

	return map_call(FASTCALL_MAP_SYNC, handle, more, 2, NULL);
}

static void
map_ref(void *handle)
{
	(void)map_note(FASTCALL_MAP_REF, handle, NULL, 0);
}

static void
map_drop(void *handle, int64_t off, size_t len)
{
	const int64_t more[2] = { off, (int64_t)len };

	(void)map_note(FASTCALL_MAP_DROP, handle, more, 2);
}

void
remote_kernel_init(void)
{
	kernel = (struct kernel){
		.k_syscall = remote_syscall,
		.k_interrupt = interrupt,
		.k_interrupt_clear = interrupt_clear,
		.k_thread_fini = remote_slot_release,
		.k_save_files = save_files,
		.k_exit_prepare = exit_prepare,
		.k_set_hostcred = set_hostcred,
		.k_escaped = escaped,
		.k_map_create = map_create,
		.k_map_mapped = map_mapped,
		.k_map_fill = map_fill,
		.k_map_again = map_again,
		.k_map_size = map_size,
		.k_map_dirty = map_dirty,
		.k_map_punch = map_punch,
		.k_map_sync = map_sync,
		.k_map_ref = map_ref,
		.k_map_destroy = map_destroy,
		.k_map_drop = map_drop,
		.k_hostfd = hostfd,
		.k_hostsocket = remote_hostsocket,
		.k_mount_url = mount_url,
		.k_report = report,
	};
	engine_hooks.eh_interrupt = interrupt;
	engine_hooks.eh_interrupt_clear = interrupt_clear;
	engine_hooks.eh_thread_exit = remote_slot_release;
}
