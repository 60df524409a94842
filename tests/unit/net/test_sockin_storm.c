/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads connect, accept, reset, half close and close under each other,
 * through the system calls.  Each connection says how it will end in its first
 * byte, so that the other side knows what it may see.  Nothing may hang, no
 * descriptor may stay, and nobody may get data of another connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"

#define CLIENTS 3
#define SERVERS 3
#define ROUNDS 150

enum ending { RESET, HALF_CLOSE, SHUTDOWN, PLAIN, NENDINGS };

static struct rump_sockaddr_in address;
static int listener;
static _Atomic int served, wrong;

static void
make_listener(void)
{
	uint32_t len = sizeof(address);

	address = (struct rump_sockaddr_in){
		.sin_len = sizeof(address),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK),
	};
	listener = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(
	    rump_sys_bind(listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(rump_sys_listen(listener, 16), 0);
	assert_int_equal(
	    rump_sys_getsockname(listener, (void *)&address, &len), 0);
}

static void
complain(bool right)
{
	if (!right)
		wrong++;
}

static void
end_connection(int fd, enum ending ending)
{
	struct rump_linger now = { .l_onoff = 1 };
	char c;

	switch (ending) {
	case RESET:
		rump_sys_setsockopt(
		    fd, RUMP_SOL_SOCKET, RUMP_SO_LINGER, &now, sizeof(now));
		break;
	case HALF_CLOSE:
		complain(rump_sys_shutdown(fd, RUMP_SHUT_WR) == 0);
		complain(rump_sys_read(fd, &c, 1) == 0);
		break;
	case SHUTDOWN:
		rump_sys_shutdown(fd, RUMP_SHUT_RDWR);
		break;
	default:
		break;
	}
	complain(rump_sys_close(fd) == 0);
}

static void *
client(void *arg)
{
	int fd, round;
	char c;

	for (round = 0; round < ROUNDS; round++) {
		fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
		complain(rump_sys_connect(
			     fd, (void *)&address, sizeof(address)) == 0);
		c = (char)(round % NENDINGS);
		complain(rump_sys_write(fd, &c, 1) == 1);
		end_connection(fd, (enum ending)c);
	}
	return NULL;
}

static void
serve(int fd)
{
	ssize_t n;
	char c = 0, more;

	n = rump_sys_read(fd, &c, 1);
	/* A reset may overtake what was sent before it. */
	complain(n == 1 || (n == -1 && errno == RUMP_ECONNRESET));
	complain(c >= 0 && c < NENDINGS);
	n = rump_sys_read(fd, &more, 1);
	complain(n == 0 || (n == -1 && errno == RUMP_ECONNRESET));
	complain(rump_sys_close(fd) == 0);
	served++;
}

static void *
server(void *arg)
{
	int fd;

	while ((fd = rump_sys_accept(listener, NULL, NULL)) >= 0)
		serve(fd);
	complain(errno == RUMP_EINVAL);
	return NULL;
}

static void
a_storm_of_connections_leaves_nothing_behind(void **state)
{
	pthread_t clients[CLIENTS], servers[SERVERS];
	struct rump_pollfd pfd = { .events = RUMP_POLLIN };
	int before, i;

	served = wrong = 0;
	before = peer_count_fds();
	make_listener();
	for (i = 0; i < SERVERS; i++)
		pthread_create(&servers[i], NULL, server, NULL);
	for (i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, client, NULL);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	/* What is still in the queue is served first. */
	pfd.fd = listener;
	while (rump_sys_poll(&pfd, 1, 0) != 0)
		continue;
	assert_int_equal(rump_sys_shutdown(listener, RUMP_SHUT_RDWR), 0);
	for (i = 0; i < SERVERS; i++)
		pthread_join(servers[i], NULL);
	rump_sys_close(listener);
	assert_int_equal(wrong, 0);
	assert_int_equal(served, CLIENTS * ROUNDS);
	assert_int_equal(peer_count_fds(), before);
}

static void *
reader(void *arg)
{
	char c;

	(void)rump_sys_read(*(int *)arg, &c, 1);
	return NULL;
}

static void *
closer(void *arg)
{
	(void)rump_sys_close(*(int *)arg);
	return NULL;
}

/* The number may be another socket's by the time the readers come to it. */
static void
closing_races_with_readers_and_new_sockets(void **state)
{
	pthread_t threads[3];
	int before, fd, host, round;

	before = peer_count_fds();
	for (round = 0; round < ROUNDS; round++) {
		int again;

		peer_pair(&fd, &host);
		pthread_create(&threads[0], NULL, reader, &fd);
		pthread_create(&threads[1], NULL, reader, &fd);
		pthread_create(&threads[2], NULL, closer, &fd);
		again = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
		rump_sys_close(again);
		/* Who sleeps in the socket sleeps on. */
		pthread_join(threads[2], NULL);
		close(host);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
	}
	assert_int_equal(peer_count_fds(), before);
}

static int
boot(void **state)
{
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_of_connections_leaves_nothing_behind),
		cmocka_unit_test(closing_races_with_readers_and_new_sockets),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
