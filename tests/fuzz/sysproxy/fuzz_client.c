/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that sends any bytes whatsoever, and a client with a call under way.
 * The call must end, and whatever the server asks to copy must lie within what
 * it was allowed to ask for.  Memory is not this process's: the server may name
 * any address, and a genuine one is believed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sysproxy/client_host.h"
#include "sysproxy/client_link.h"
#include "sysproxy/client_memory.h"
#include "sysproxy/client_signals.h"
#include "tests/fuzz/sysproxy/fuzz.h"

#define STREAM_MAX 65536
#define FAKE_END (1u << 20) /* addresses below are good */

static void
promise(int kept, const char *what)
{
	if (!kept) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

int
client_memory_read(void *to, uint64_t addr, size_t len)
{
	promise(len <= WIRE_COPY_MAX, "a bounded copy");
	memset(to, 0x5a, len);
	return addr < FAKE_END && len < FAKE_END - addr ? 0 : EFAULT;
}

int
client_memory_read_string(char *to, uint64_t addr, size_t max, size_t *len)
{
	promise(max <= 65536, "a bounded string");
	memset(to, 0x5a, max);
	*len = max;
	return addr < FAKE_END ? 0 : EFAULT;
}

int
client_memory_write(uint64_t addr, const void *from, size_t len)
{
	unsigned char *copy = malloc(len + 1);

	memcpy(copy, from, len); /* all of it is there */
	free(copy);
	return addr < FAKE_END && len < FAKE_END - addr ? 0 : EFAULT;
}

uint64_t
client_memory_map(uint64_t len)
{
	return len < FAKE_END ? 0x1000 : 0;
}

/* Signals that the server raises are nothing here. */
int
raise(int sig)
{
	return 0;
}

int
kill(pid_t pid, int sig)
{
	return 0;
}

/* The call is the first request: its number is 1, as corpus files know. */
static void
call(struct link *lk)
{
	struct call ca = { .ca_datalen = 0 };
	struct held he;

	ca.ca_framelen = wire_put_syscall(&ca.ca_frame, 0, 20, 0);
	client_signals_hold(&he);
	for (int i = 0; i < 3; i++)
		if (link_call(lk, &ca, &he.he_mask) == 0)
			promise(ca.ca_len <= sizeof(ca.ca_payload), "fits");
	client_signals_release(&he);
	link_unref(lk);
}

/* Small socket buffers would have the client wait for a reader. */
static void
enlarge(int fd)
{
	int size = 1 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/*
 * The first byte chooses who the server is and whether an exec is under way.
 * A server that neither reads nor hangs up would be waited for: answers of the
 * client fail because nobody can read.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link *lk;
	int ends[2];

	if (size == 0 || size > STREAM_MAX || client_host_init() != 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		abort();
	enlarge(ends[1]);
	if (send(ends[1], data + 1, size - 1, MSG_DONTWAIT) !=
	    (ssize_t)(size - 1))
		abort();
	(void)shutdown(ends[1], SHUT_WR);
	if (link_create(ends[0], -1, WIRE_RUNNING, (data[0] & 1) != 0, &lk) ==
	    0)
		call(lk);
	close(ends[1]);
	return 0;
}
