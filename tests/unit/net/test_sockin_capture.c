/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture of many threads at once, read back: the file is whole, and in each
 * connection the sequence numbers run on and the bytes are those that were
 * sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"

#define NTHREADS 6
#define ROUNDS 40
#define PIECE 3001
#define FILE_HEADER 24
#define IP_HEADER 20
#define FIN 1
#define SYN 2
#define ACK 16

static char path[64]; /* of a memory file */
static uint8_t *file;
static size_t file_size;

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t
host32(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static void
load(void)
{
	FILE *in = fopen(path, "r");
	struct stat st;

	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	free(file);
	file_size = (size_t)st.st_size;
	file = malloc(file_size);
	assert_non_null(file);
	assert_int_equal(fread(file, 1, file_size, in), file_size);
	fclose(in);
}

/* One direction of a connection as it was found. */
struct half {
	unsigned src, dst; /* ports */
	uint32_t next;
	size_t bytes;
	uint32_t sum; /* of the bytes */
	unsigned fins;
};

static struct half halves[64];
static size_t nhalves;

static struct half *
find_half(unsigned src, unsigned dst)
{
	size_t i;

	for (i = 0; i < nhalves; i++) {
		if (halves[i].src == src && halves[i].dst == dst)
			return &halves[i];
	}
	assert_true(nhalves < sizeof(halves) / sizeof(halves[0]));
	halves[nhalves] = (struct half){ .src = src, .dst = dst };
	return &halves[nhalves++];
}

static void
take_segment(const uint8_t *tcp, size_t len)
{
	size_t head = (size_t)(tcp[12] >> 4) * 4, i;
	struct half *h = find_half(get16(tcp), get16(tcp + 2));
	uint8_t flags = tcp[13];

	if ((flags & SYN) != 0)
		h->next = get32(tcp + 4);
	assert_int_equal(get32(tcp + 4), h->next);
	if ((flags & ACK) != 0 && (flags & SYN) == 0)
		assert_int_equal(
		    get32(tcp + 8), find_half(h->dst, h->src)->next);
	for (i = head; i < len; i++)
		h->sum += tcp[i];
	h->bytes += len - head;
	h->fins += flags & FIN;
	h->next += (uint32_t)(len - head) + ((flags & (SYN | FIN)) != 0);
}

/* Read what is in the file from offset on. */
static void
take_packets(size_t off)
{
	size_t len;

	nhalves = 0;
	while (off < file_size) {
		assert_true(file_size - off >= 16);
		len = host32(file + off + 8);
		off += 16;
		assert_true(len <= file_size - off);
		assert_int_equal(get16(file + off + 2), len);
		take_segment(file + off + IP_HEADER, len - IP_HEADER);
		off += len;
	}
}

struct talk {
	int t_rump, t_host;
	uint8_t t_byte;
};

/* What a thread sends comes back. */
static void *
talk(void *arg)
{
	struct talk *t = arg;
	char out[PIECE], in[PIECE];
	size_t got;
	ssize_t n;
	int i;

	memset(out, t->t_byte, sizeof(out));
	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(
		    rump_sys_write(t->t_rump, out, sizeof(out)), PIECE);
		peer_read(t->t_host, in, sizeof(in));
		peer_write(t->t_host, in, sizeof(in));
		for (got = 0; got < sizeof(in); got += (size_t)n) {
			n = rump_sys_read(
			    t->t_rump, in + got, sizeof(in) - got);
			assert_true(n > 0);
		}
	}
	return NULL;
}

static void
connections_of_many_threads_keep_their_numbers(void **state)
{
	pthread_t threads[NTHREADS];
	struct talk talks[NTHREADS];
	size_t i;

	for (i = 0; i < NTHREADS; i++) {
		talks[i].t_byte = (uint8_t)(i + 1);
		peer_pair(&talks[i].t_rump, &talks[i].t_host);
	}
	for (i = 0; i < NTHREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, talk, &talks[i]), 0);
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		rump_sys_close(talks[i].t_rump);
		close(talks[i].t_host);
	}
	load();
	take_packets(FILE_HEADER);
	assert_int_equal(nhalves, 2 * NTHREADS);
	for (i = 0; i < nhalves; i++) {
		const struct half *other =
		    find_half(halves[i].dst, halves[i].src);

		assert_int_equal(halves[i].bytes, ROUNDS * PIECE);
		assert_int_equal(halves[i].sum, other->sum);
		assert_int_equal(halves[i].fins + other->fins, 1);
	}
}

static void *
shout(void *arg)
{
	struct talk *t = arg;
	char out[PIECE];
	int i;

	memset(out, t->t_byte, sizeof(out));
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(
		    rump_sys_write(t->t_rump, out, sizeof(out)), PIECE);
	return NULL;
}

static void
threads_on_one_socket_share_its_numbers(void **state)
{
	size_t before = file_size, i;
	static char sink[NTHREADS * ROUNDS * PIECE];
	pthread_t threads[NTHREADS];
	struct talk t = { .t_byte = 1 };

	peer_pair(&t.t_rump, &t.t_host);
	for (i = 0; i < NTHREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, shout, &t), 0);
	peer_read(t.t_host, sink, sizeof(sink));
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	rump_sys_close(t.t_rump);
	close(t.t_host);
	load();
	take_packets(before);
	assert_int_equal(nhalves, 2);
	for (i = 0; i < nhalves; i++)
		assert_true(
		    halves[i].bytes == 0 || halves[i].bytes == sizeof(sink));
	assert_int_equal(halves[0].sum + halves[1].sum, sizeof(sink));
}

static void
vectors_are_put_together_and_peeks_left_out(void **state)
{
	size_t before = file_size;
	const size_t len = 3 * PIECE;
	struct rump_iovec iov[3];
	char bytes[3 * PIECE] = "", in[3 * PIECE];
	int fd, host;

	peer_pair(&fd, &host);
	iov[0] = (struct rump_iovec){ bytes, 1 };
	iov[1] = (struct rump_iovec){ NULL, 0 };
	iov[2] = (struct rump_iovec){ bytes + 1, len - 1 };
	assert_int_equal(rump_sys_writev(fd, iov, 3), len);
	peer_read(host, in, sizeof(in));
	/* Peeked at, they do not come twice. */
	peer_write(host, "peek", 4);
	assert_int_equal(
	    rump_sys_recvfrom(fd, in, 4, RUMP_MSG_PEEK, NULL, NULL), 4);
	assert_int_equal(rump_sys_recvfrom(fd, in, 4, 0, NULL, NULL), 4);
	rump_sys_close(fd);
	close(host);
	load();
	take_packets(before);
	assert_int_equal(nhalves, 2);
	assert_int_equal(halves[0].bytes + halves[1].bytes, len + 4);
}

/* The last test: nothing is captured any more. */
static void
a_file_that_cannot_grow_ends_the_capture_between_packets(void **state)
{
	struct rlimit old, tight;
	char out[PIECE] = "", in[PIECE];
	int fd, host, i;

	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = file_size + 5 * PIECE;
	peer_pair(&fd, &host);
	setrlimit(RLIMIT_FSIZE, &tight);
	for (i = 0; i < 20; i++) {
		assert_int_equal(rump_sys_write(fd, out, sizeof(out)), PIECE);
		peer_read(host, in, sizeof(in));
	}
	setrlimit(RLIMIT_FSIZE, &old);
	rump_sys_close(fd);
	close(host);
	i = (int)file_size;
	load();
	take_packets((size_t)i);
	assert_int_equal(nhalves, 2);
	assert_int_equal(halves[0].bytes + halves[1].bytes, 4 * PIECE);
}

static int
setup(void **state)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("RUMPKIT_PCAP", path, 1);
	return rump_init();
}

static int
teardown(void **state)
{
	free(file);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    connections_of_many_threads_keep_their_numbers),
		cmocka_unit_test(threads_on_one_socket_share_its_numbers),
		cmocka_unit_test(vectors_are_put_together_and_peeks_left_out),
		cmocka_unit_test(
		    a_file_that_cannot_grow_ends_the_capture_between_packets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
