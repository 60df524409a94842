/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As fuzz_client.c, for the hijack library's half of the classic protocol: a
 * server that sends any bytes whatsoever, and calls under way.  Each must end,
 * and what is copied must lie within what the server may ask for.  The program's
 * memory is not this process's.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/remote_classic.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "tests/fuzz/sysproxy/fuzz.h"

#define STREAM_MAX 65536
#define FAKE_END (1u << 20) /* addresses below are the program's */
#define MAP_MAX (80l << 20)
#define NCALLS 3

static struct classic link_memory;
__thread volatile uint32_t remote_interrupted;

static void
promise(int kept, const char *what)
{
	if (!kept) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* --- what stands around it --------------------------------------------- */

/* Memory that a server has the program make is not kept. */
static long
fake_mmap(long size)
{
	void *mem;

	if (size <= 0 || size > MAP_MAX)
		return -ENOMEM;
	mem = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mem == MAP_FAILED ? -ENOMEM : (long)mem;
}

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	if (nr == SYS_nanosleep)
		return 0;
	if (nr == SYS_mmap)
		return fake_mmap(b);
	r = syscall(nr, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;

long
engine_host_call_intr(
    const volatile uint32_t *intr, long nr, const long args[6])
{
	if (intr != NULL && *intr != 0)
		return -EINTR;
	return raw_call(
	    nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static bool
is_fake(const void *p, size_t len)
{
	uintptr_t addr = (uintptr_t)p;

	return addr < FAKE_END && len < FAKE_END - addr;
}

long
engine_copy(void *to, const void *from, size_t len)
{
	unsigned char *copy;

	promise(len <= WIRE_COPY_MAX, "a bounded copy");
	if (is_fake(from, len)) {
		memset(to, 0x5a, len);
		return 0;
	}
	if (!is_fake(to, len))
		return -EFAULT;
	copy = malloc(len + 1);
	memcpy(copy, from, len); /* all of it is there */
	free(copy);
	return 0;
}

long
engine_copy_string(char *to, const void *from, size_t size)
{
	promise(size <= CLASSIC_BUFFER, "a bounded string");
	memset(to, 0x5a, size);
	return is_fake(from, 0) ? -ENAMETOOLONG : -EFAULT;
}

int
gate_enter(struct remote_gate *rg, bool patient)
{
	while (atomic_exchange(&rg->rg_word, 1) != 0)
		sched_yield();
	return 0;
}

void
gate_exit(struct remote_gate *rg)
{
	atomic_store(&rg->rg_word, 0);
}

int
remote_gate_enter(struct remote *rm, bool patient)
{
	return 0;
}

void
remote_gate_exit(struct remote *rm)
{
}

int
remote_retry(struct remote *rm)
{
	return RUMP_ENOTCONN;
}

void
remote_die(struct remote *rm, const char *why)
{
	atomic_store(&rm->rm_state, REMOTE_DEAD);
}

void
remote_raise(int64_t number, bool here)
{
}

void
epsets_note(int rumpfd, uint32_t conditions)
{
}

/* --- the calls --------------------------------------------------------- */

/* A handshake, whose number is 1, and calls. */
static void
make_calls(struct remote *rm, enum wire_kind kind)
{
	struct request rq = { .rq_patient = true, .rq_event = -1 };
	const int64_t args[3] = { 3, 0x1000, 100 };
	int64_t retval[2] = { 0, 0 };
	struct wire_frame f;
	size_t len = wire_put_hello(&f, 0, kind, 5);

	(void)classic_request(rm, &rq, &f, len, "fuzz", 5);
	for (int i = 0; i < NCALLS; i++) {
		if (classic_call(rm, i > 0, RUMP_SYS_read, args, 3, retval) ==
		    0)
			promise(retval[0] >= 0 && retval[0] <= args[2],
			    "a size that was asked for");
	}
	classic_quiesce(rm);
}

/* The server reads what the client says, and is not interested. */
static void *
drain(void *arg)
{
	static char buf[65536];
	int fd = *(int *)arg;

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void
send_stream(int fd, const uint8_t *data, size_t size)
{
	int room = 1 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (send(fd, data, size, MSG_DONTWAIT) != (ssize_t)size)
		abort();
	(void)shutdown(fd, SHUT_WR);
}

static void
begin(struct remote *rm, int fd, bool ours, bool exec)
{
	struct classic *cl = &link_memory;

	if (cl->cl_large != NULL)
		classic_unmap(cl->cl_large, cl->cl_rx.rx_len);
	memset(cl, 0, sizeof(*cl));
	wire_rx_init(&cl->cl_rx, &wire_limits_client);
	cl->cl_ours = ours;
	cl->cl_stale = exec;
	cl->cl_state = exec ? WIRE_RUNNING : WIRE_NEW;
	*rm = (struct remote){ .rm_fd = fd, .rm_classic = cl };
	atomic_store(&rm->rm_state, REMOTE_READY);
}

/* The first byte chooses whose server it is, guest or exec, and a signal. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct remote rm;
	pthread_t reader;
	int ends[2];
	bool exec;

	if (size == 0 || size > STREAM_MAX)
		return 0;
	exec = (data[0] & 2) != 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		abort();
	send_stream(ends[1], data + 1, size - 1);
	if (pthread_create(&reader, NULL, drain, &ends[1]) != 0)
		abort();
	begin(&rm, ends[0], (data[0] & 1) != 0, exec);
	remote_interrupted = data[0] >> 2 & 1;
	make_calls(&rm, exec ? WIRE_EXEC : WIRE_GUEST);
	close(ends[0]);
	(void)pthread_join(reader, NULL);
	close(ends[1]);
	return 0;
}
