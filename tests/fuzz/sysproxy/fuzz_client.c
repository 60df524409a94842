/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that sends any bytes whatsoever, and a client with a call under way.
 * The call must end, and whatever the server asks to copy must lie within what
 * it was allowed to ask for.  Memory is not this process's: the server may name
 * any address, and a genuine one is believed.
 */
#include <errno.h>
#include <pthread.h>
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

static void
greet(struct link *lk, enum wire_kind kind, const sigset_t *mask)
{
	struct call ca = { .ca_data = "fuzz", .ca_datalen = 5 };

	ca.ca_framelen = wire_put_hello(&ca.ca_frame, 0, kind, 5);
	(void)link_call(lk, &ca, mask);
}

/* A handshake, whose number is 1, and calls. */
static void
make_calls(struct link *lk, enum wire_kind kind)
{
	struct call ca = { .ca_datalen = 0 };
	struct held he;

	ca.ca_framelen = wire_put_syscall(&ca.ca_frame, 0, 20, 0);
	client_signals_hold(&he);
	greet(lk, kind, &he.he_mask);
	for (int i = 0; i < 3; i++)
		if (link_call(lk, &ca, &he.he_mask) == 0)
			promise(ca.ca_len <= sizeof(ca.ca_payload), "fits");
	client_signals_release(&he);
	link_unref(lk);
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

/* The first byte chooses whose server it is, and guest or exec. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool exec, ours;
	pthread_t reader;
	struct link *lk;
	int ends[2];

	if (size == 0 || size > STREAM_MAX || client_host_init() != 0)
		return 0;
	ours = (data[0] & 1) != 0;
	exec = (data[0] & 2) != 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		abort();
	send_stream(ends[1], data + 1, size - 1);
	if (pthread_create(&reader, NULL, drain, &ends[1]) != 0)
		abort();
	if (link_create(
		ends[0], -1, exec ? WIRE_RUNNING : WIRE_NEW, ours, &lk) != 0)
		abort();
	make_calls(lk, exec ? WIRE_EXEC : WIRE_GUEST);
	(void)pthread_join(reader, NULL);
	close(ends[1]);
	return 0;
}
