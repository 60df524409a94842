/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host checks addresses for us: process_vm_readv(2) and _writev(2) on this
 * very process say how far they came.  Where a sandbox refuses them, data take
 * the way through a pipe, whose reads and writes fail in the same manner.
 */
#include "sysproxy/client_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define PIPE_CHUNK 4096 /* always has room in an empty pipe */

static _Atomic bool by_pipe;

static bool
refused(long n)
{
	return n < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES);
}

/* 0, EFAULT, or ENOSYS: not this way. */
static int
transfer(long number, void *local, uint64_t addr, size_t len)
{
	struct iovec ours = { .iov_base = local, .iov_len = len };
	struct iovec theirs = {
		.iov_base = (void *)(uintptr_t)addr,
		.iov_len = len,
	};
	long n = syscall(number, getpid(), &ours, 1, &theirs, 1, 0);

	if (refused(n))
		return ENOSYS;
	return n == (long)len ? 0 : EFAULT;
}

/* One step through an empty pipe. */
static int
step(const int ends[2], uint64_t to, uint64_t from, size_t len)
{
	if (syscall(SYS_write, ends[1], from, len) != (long)len)
		return EFAULT;
	if (syscall(SYS_read, ends[0], to, len) != (long)len)
		return EFAULT;
	return 0;
}

static int
through_pipe(uint64_t to, uint64_t from, size_t len)
{
	int ends[2], error = 0;

	if (syscall(SYS_pipe2, ends, O_CLOEXEC) == -1)
		return EFAULT;
	while (len > 0 && error == 0) {
		size_t n = len < PIPE_CHUNK ? len : PIPE_CHUNK;

		error = step(ends, to, from, n);
		to += n;
		from += n;
		len -= n;
	}
	(void)syscall(SYS_close, ends[0]);
	(void)syscall(SYS_close, ends[1]);
	return error;
}

static int
copy(long number, void *local, uint64_t addr, size_t len)
{
	uint64_t here = (uintptr_t)local;
	int error;

	if (len == 0)
		return 0;
	if (addr + len < addr)
		return EFAULT;
	if (!atomic_load(&by_pipe)) {
		error = transfer(number, local, addr, len);
		if (error != ENOSYS)
			return error;
		atomic_store(&by_pipe, true);
	}
	if (number == SYS_process_vm_readv)
		return through_pipe(here, addr, len);
	return through_pipe(addr, here, len);
}

int
client_memory_read(void *to, uint64_t addr, size_t len)
{
	return copy(SYS_process_vm_readv, to, addr, len);
}

int
client_memory_write(uint64_t addr, const void *from, size_t len)
{
	return copy(SYS_process_vm_writev, (void *)(uintptr_t)from, addr, len);
}

/* Page by page, because the string may end before memory that is not there. */
int
client_memory_read_string(char *to, uint64_t addr, size_t max, size_t *len)
{
	size_t done = 0;

	while (done < max) {
		size_t n = PAGE - (addr + done) % PAGE;
		const char *nul;
		int error;

		if (n > max - done)
			n = max - done;
		error = client_memory_read(to + done, addr + done, n);
		if (error != 0)
			return error;
		nul = memchr(to + done, '\0', n);
		if (nul != NULL) {
			*len = (size_t)(nul - to) + 1;
			return 0;
		}
		done += n;
	}
	*len = max;
	return 0;
}

uint64_t
client_memory_map(uint64_t len)
{
	long addr = syscall(SYS_mmap, NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return addr == -1 ? 0 : (uint64_t)addr;
}
