/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of sockets while they come and go, and what is said of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define TEXT_SIZE 65536
#define NTHREADS 4
#define ROUNDS 200

struct text {
	char t_buf[TEXT_SIZE];
	size_t t_len;
};

static void
take(const char *s, size_t len, void *arg)
{
	struct text *t = arg;

	if (len >= sizeof(t->t_buf) - t->t_len)
		abort();
	memcpy(t->t_buf + t->t_len, s, len);
	t->t_len += len;
	t->t_buf[t->t_len] = '\0';
}

static const char *
report(struct text *t)
{
	t->t_len = 0;
	if (rump_report("sockets", take, t) != 0)
		abort();
	return t->t_buf;
}

static size_t
count_lines(const char *s, const char *word)
{
	size_t n = 0;

	for (; (s = strstr(s, word)) != NULL; s++)
		n++;
	return n;
}

static struct text text;

static void
a_connection_is_shown_with_its_ends_state_and_bytes(void **state)
{
	struct rump_sockaddr_in sin;
	unsigned len = sizeof(sin);
	char wanted[200], in[10];
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_write(fd, "seven b", 7), 7);
	peer_write(host, "four", 4);
	assert_int_equal(
	    rump_sys_recvfrom(fd, in, sizeof(in), RUMP_MSG_PEEK, NULL, NULL),
	    4);
	assert_int_equal(rump_sys_read(fd, in, sizeof(in)), 4);
	assert_int_equal(
	    rump_sys_getpeername(fd, (struct rump_sockaddr *)&sin, &len), 0);
	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u",
	    __builtin_bswap16(sin.sin_port));
	report(&text);
	assert_non_null(strstr(text.t_buf, wanted));
	assert_int_equal(count_lines(text.t_buf, "ESTABLISHED\n"), 1);
	assert_non_null(strstr(text.t_buf,
	    "tcp      program             4            7 127.0.0.1:"));
	/* Closed, it is remembered, with its peer. */
	close(host);
	rump_sys_close(fd);
	report(&text);
	assert_int_equal(count_lines(text.t_buf, "ESTABLISHED\n"), 0);
	assert_int_equal(count_lines(text.t_buf, "closed\n"), 1);
	assert_non_null(strstr(text.t_buf, wanted));
}

static void
other_sockets_have_their_names(void **state)
{
	struct rump_sockaddr_in6 sin6 = { .sin6_len = sizeof(sin6),
		.sin6_family = RUMP_AF_INET6,
		.sin6_addr = { [15] = 1 } };
	int tcp6 = rump_sys_socket(RUMP_AF_INET6, RUMP_SOCK_STREAM, 0);
	int udp = rump_sys_socket(RUMP_AF_INET, RUMP_SOCK_DGRAM, 0);

	assert_true(udp >= 0);
	report(&text);
	assert_non_null(strstr(text.t_buf,
	    "udp      program             0            0 0.0.0.0:*"));
	rump_sys_close(udp);
	if (tcp6 < 0 || rump_sys_bind(tcp6, (struct rump_sockaddr *)&sin6,
			    sizeof(sin6)) != 0)
		skip(); /* no IPv6 here */
	assert_int_equal(rump_sys_listen(tcp6, 1), 0);
	report(&text);
	assert_non_null(strstr(text.t_buf, " [::1]:"));
	assert_non_null(strstr(text.t_buf, "LISTEN\n"));
	rump_sys_close(tcp6);
}

static void *
come_and_go(void *arg)
{
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		fd = rump_sys_socket(RUMP_AF_INET, RUMP_SOCK_DGRAM, 0);
		if (fd < 0 || rump_sys_close(fd) != 0)
			abort();
	}
	return NULL;
}

static void *
look(void *arg)
{
	struct text *t = malloc(sizeof(*t));
	int i;

	if (t == NULL)
		abort();
	for (i = 0; i < ROUNDS / 10; i++) {
		if (strncmp(report(t), "Proto ", 6) != 0)
			abort();
	}
	free(t);
	return NULL;
}

static void
sockets_come_and_go_while_they_are_listed(void **state)
{
	pthread_t threads[NTHREADS];
	int stays[100], i;

	for (i = 0; i < 100; i++) {
		stays[i] = rump_sys_socket(RUMP_AF_INET, RUMP_SOCK_DGRAM, 0);
		assert_true(stays[i] >= 0);
	}
	for (i = 0; i < NTHREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     i % 2 == 0 ? come_and_go : look, NULL),
		    0);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	report(&text);
	/* More than one batch, each once. */
	assert_int_equal(count_lines(text.t_buf, " -\n"), 100);
	assert_int_equal(count_lines(text.t_buf, "closed\n"), 256);
	assert_non_null(strstr(text.t_buf, " sockets more were closed"));
	for (i = 0; i < 100; i++)
		rump_sys_close(stays[i]);
}

static int
setup(void **state)
{
	setenv("RUMPKIT_SUMMARY", "1", 1);
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_connection_is_shown_with_its_ends_state_and_bytes),
		cmocka_unit_test(other_sockets_have_their_names),
		cmocka_unit_test(sockets_come_and_go_while_they_are_listed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
