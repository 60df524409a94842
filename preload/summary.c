/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters are touched only when a summary is wanted.  Time in the kernel
 * includes what it waited for.
 *
 * With a server a process counts in the area that it shares with that one,
 * which adds up what the processes of the tree have counted (sysproxy/
 * server_counts.c): it is there when a signal has killed the process.  So the
 * first thing that is to be counted has the server greeted, and in this mode
 * each program greets when it starts.
 *
 * A vfork child, which has its parent's memory, has an area of its own.  Who has
 * none counts here; the numbers move when there is one.
 */
#include "preload/summary.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/remote_link.h"
#include "preload/trace.h"
#include "preload/usercopy.h"

static struct fast_counts alone;

/* --- where ------------------------------------------------------------------- */

static struct fast_counts *
where(const struct remote *rm)
{
	struct fast_counts *fc = atomic_load(&rm->rm_counts);

	return fc != NULL ? fc : &alone;
}

/* What could not be counted where others see it is, now. */
static void
move_to(struct fast_counts *fc)
{
	uint64_t n;

	for (int i = 0; i < COUNT_N && fc != &alone; i++) {
		n = atomic_exchange(&alone.fc_number[i], 0);
		if (n != 0)
			atomic_fetch_add(&fc->fc_number[i], n);
	}
}

void
summary_attach(struct remote *rm, int fd)
{
	long r;

	if (!config.cf_summary)
		return;
	r = HOST(SYS_mmap, 0, FAST_COUNTS_SIZE, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, FAST_COUNTS);
	if (r < 0 && r > -4096)
		return;
	HOST(SYS_madvise, r, FAST_COUNTS_SIZE, MADV_DONTFORK, 0, 0, 0);
	HOST(SYS_madvise, r, FAST_COUNTS_SIZE, MADV_DONTDUMP, 0, 0, 0);
	atomic_store(&rm->rm_counts, (struct fast_counts *)r);
	if (!rm->rm_borrowed)
		move_to((struct fast_counts *)r);
}

/* A vfork child has one thread; of others some may be counting at this moment,
 * and their page stays.  In a forked child it is not there. */
void
summary_detach(struct remote *rm)
{
	struct fast_counts *fc = atomic_exchange(&rm->rm_counts, NULL);

	if (fc != NULL && rm->rm_borrowed)
		HOST(SYS_munmap, fc, FAST_COUNTS_SIZE, 0, 0, 0, 0);
}

void
summary_forked(void)
{
	for (int i = 0; i < COUNT_N; i++)
		atomic_store(&alone.fc_number[i], 0);
}

/* There is a server that could be told, and has not been spoken to. */
static void
find_area(struct remote *rm)
{
	if (atomic_load(&rm->rm_counts) == NULL &&
	    backend_state == BACKEND_SERVER && rm->rm_classic == NULL &&
	    rm->rm_state != REMOTE_DEAD)
		(void)remote_greet(rm, true);
}

void
summary_settle(void)
{
	struct remote *rm = remote_of_memory();
	bool counted = false;

	if (!config.cf_summary || remote_current() != rm)
		return;
	for (int i = 0; i < COUNT_N; i++)
		counted = counted || alone.fc_number[i] != 0;
	if (!counted)
		return;
	find_area(rm);
	move_to(where(rm));
}

static void
count(enum fast_count which, uint64_t n)
{
	atomic_fetch_add(&where(remote_current())->fc_number[which], n);
}

void
summary_begin(void)
{
	if (!config.cf_summary)
		return;
	/* Without rumpkit the first program of the tree is who tells. */
	if (config.cf_kernel_pid == 0)
		config.cf_kernel_pid = (int)HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
	find_area(remote_current());
	count(COUNT_PROGRAMS, 1);
}

void
summary_numbers(uint64_t number[COUNT_N])
{
	for (int i = 0; i < COUNT_N; i++)
		number[i] = where(remote_current())->fc_number[i];
}

/* --- what ---------------------------------------------------------------- */

uint64_t
summary_clock(void)
{
	struct timespec ts;

	if (!config.cf_summary)
		return 0;
	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The bytes of n messages of recvmmsg(2) or sendmmsg(2). */
static uint64_t
message_bytes(const struct call *c, long n)
{
	const struct mmsghdr *vec = (const struct mmsghdr *)c->arg[1];
	uint64_t sum = 0;
	unsigned len;

	for (long i = 0; i < n; i++) {
		if (usercopy_in(&len, &vec[i].msg_len, sizeof(len)) == 0)
			sum += len;
	}
	return sum;
}

/* Bytes that went from one descriptor to another, one of which is rump. */
static void
count_transfer(long in, long out, uint64_t n)
{
	if (fdmap_is_rump(in))
		count(COUNT_BYTES_IN, n);
	if (fdmap_is_rump(out))
		count(COUNT_BYTES_OUT, n);
}

static void
count_bytes(const struct call *c, long result)
{
	uint64_t n = (uint64_t)result;

	switch (c->nr) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_recvmsg:
		count(COUNT_BYTES_IN, n);
		break;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
		count(COUNT_BYTES_OUT, n);
		break;
	case SYS_recvmmsg:
		count(COUNT_BYTES_IN, message_bytes(c, result));
		break;
	case SYS_sendmmsg:
		count(COUNT_BYTES_OUT, message_bytes(c, result));
		break;
	case SYS_sendfile:
		count_transfer(c->arg[1], c->arg[0], n);
		break;
	case SYS_splice:
	case SYS_copy_file_range:
		count_transfer(c->arg[0], c->arg[2], n);
		break;
	default:
		break;
	}
}

static void
count_class(const struct call *c)
{
	uint32_t bit = trace_class(c);

	for (unsigned i = 0; i < FAST_CLASSES; i++) {
		if (bit == 1U << i)
			count(COUNT_ROUTED + i, 1);
	}
}

void
summary_count(
    const struct call *c, bool rump, bool refused, long result, uint64_t ns)
{
	if (!config.cf_summary)
		return;
	find_area(remote_current());
	if (refused) {
		count(COUNT_REFUSED, 1);
		return;
	}
	if (!rump) {
		count(COUNT_PASSED, 1);
		return;
	}
	count_class(c);
	count(COUNT_TIME_NS, ns);
	if (result < 0)
		count(COUNT_FAILED, 1);
	else
		count_bytes(c, result);
}
