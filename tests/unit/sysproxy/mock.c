/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sysproxy/mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpclient.h"
#include "sysproxy/client.h"
#include "tests/lib/scratch.h"

#define PAYLOAD_MAX (8 << 20)

static void
listen_unix(struct mock *m)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	m->m_listening = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", m->m_dir);
	snprintf(m->m_url, sizeof(m->m_url), "unix://%s", sun.sun_path);
	assert_int_equal(
	    bind(m->m_listening, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

static void
listen_tcp(struct mock *m)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	m->m_listening = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    bind(m->m_listening, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(
	    getsockname(m->m_listening, (struct sockaddr *)&sin, &len), 0);
	snprintf(m->m_url, sizeof(m->m_url), "tcp://127.0.0.1:%d/",
	    ntohs(sin.sin_port));
}

void
mock_open(struct mock *m, bool tcp)
{
	*m = (struct mock){ .m_fd = -1, .m_banner = MOCK_BANNER };
	assert_true(scratch_make(m->m_dir));
	if (tcp)
		listen_tcp(m);
	else
		listen_unix(m);
	assert_int_equal(listen(m->m_listening, 256), 0);
	assert_int_equal(setenv("RUMP_SERVER", m->m_url, 1), 0);
}

void
mock_close(struct mock *m)
{
	char path[128];

	mock_hang_up(m);
	close(m->m_listening);
	snprintf(path, sizeof(path), "%s/s", m->m_dir);
	(void)unlink(path);
	(void)rmdir(m->m_dir);
	client_forget(getpid());
	rumpclient_setconnretry(0);
}

void
mock_accept(struct mock *m)
{
	m->m_fd = accept(m->m_listening, NULL, NULL);
	assert_true(m->m_fd >= 0);
	mock_send(m, m->m_banner, strlen(m->m_banner));
}

void
mock_welcome(struct mock *m, enum wire_kind kind)
{
	struct wire_frame f;
	struct frame hello;
	size_t n;

	if (kind != WIRE_EXEC)
		mock_accept(m);
	hello = mock_expect(m, WIRE_REQ, WIRE_HANDSHAKE);
	assert_int_equal(hello.f_hdr.wh_u, kind);
	n = wire_put_welcome(&f, hello.f_hdr.wh_reqno);
	mock_send_frame(m, &f, n, NULL, 0);
	mock_free(&hello);
}

void
mock_hang_up(struct mock *m)
{
	if (m->m_fd != -1)
		close(m->m_fd);
	m->m_fd = -1;
}

static bool
read_all(int fd, void *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)to + done, len - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

bool
mock_read(struct mock *m, struct frame *f)
{
	f->f_data = NULL;
	if (!read_all(m->m_fd, &f->f_hdr, sizeof(f->f_hdr)))
		return false;
	assert_true(f->f_hdr.wh_len >= WIRE_HDRLEN);
	f->f_len = f->f_hdr.wh_len - WIRE_HDRLEN;
	assert_true(f->f_len <= PAYLOAD_MAX);
	f->f_data = malloc(f->f_len + 1);
	return read_all(m->m_fd, f->f_data, f->f_len);
}

void
mock_free(struct frame *f)
{
	free(f->f_data);
	f->f_data = NULL;
}

struct frame
mock_expect(struct mock *m, enum wire_class class, enum wire_type type)
{
	struct frame f;

	assert_true(mock_read(m, &f));
	assert_int_equal(f.f_hdr.wh_class, class);
	assert_int_equal(f.f_hdr.wh_type, type);
	return f;
}

uint64_t
mock_expect_call(struct mock *m, int num)
{
	struct frame f = mock_expect(m, WIRE_REQ, WIRE_SYSCALL);

	assert_int_equal(f.f_hdr.wh_u, num);
	mock_free(&f);
	return f.f_hdr.wh_reqno;
}

void
mock_send(struct mock *m, const void *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(m->m_fd, data, len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the client may have hung up */
		data = (const char *)data + n;
		len -= (size_t)n;
	}
}

void
mock_send_frame(struct mock *m, const struct wire_frame *f, size_t framelen,
    const void *data, size_t len)
{
	mock_send(m, f, framelen);
	mock_send(m, data, len);
}

void
mock_return(struct mock *m, uint64_t reqno, int error, int64_t retval)
{
	int64_t retvals[2] = { retval, 0 };
	struct wire_frame f;
	size_t n = wire_put_sysret(&f, reqno, error, retvals);

	mock_send_frame(m, &f, n, NULL, 0);
}

struct frame
mock_copyin(struct mock *m, const void *addr, size_t len)
{
	struct wire_frame f;
	struct frame answer;
	size_t n;

	n = wire_put_copyin(&f, m->m_reqno, (uintptr_t)addr, len);
	mock_send_frame(m, &f, n, NULL, 0);
	answer = mock_expect(m, WIRE_RESP, WIRE_COPYIN);
	assert_int_equal(answer.f_hdr.wh_reqno, m->m_reqno++);
	return answer;
}

struct frame
mock_copyinstr(struct mock *m, const void *addr, size_t max)
{
	struct wire_frame f;
	struct frame answer;
	size_t n;

	n = wire_put_copyinstr(&f, m->m_reqno, (uintptr_t)addr, max);
	mock_send_frame(m, &f, n, NULL, 0);
	answer = mock_expect(m, WIRE_RESP, WIRE_COPYIN);
	assert_int_equal(answer.f_hdr.wh_reqno, m->m_reqno++);
	return answer;
}

void
mock_copyout(struct mock *m, const void *addr, const void *data, size_t len)
{
	struct wire_frame f;
	size_t n = wire_put_copyout(&f, m->m_reqno++, (uintptr_t)addr, len);

	mock_send_frame(m, &f, n, data, len);
}

static void *
caller_main(void *arg)
{
	struct caller *c = arg;

	c->c_error = rumpclient_syscall(c->c_num, c->c_args,
	    c->c_nargs * sizeof(c->c_args[0]), c->c_retval);
	return NULL;
}

void
caller_start(struct caller *c, int num)
{
	c->c_num = num;
	assert_int_equal(pthread_create(&c->c_thread, NULL, caller_main, c), 0);
}

int
caller_join(struct caller *c)
{
	assert_int_equal(pthread_join(c->c_thread, NULL), 0);
	return c->c_error;
}

static void *
init_main(void *arg)
{
	return (void *)(intptr_t)(rumpclient_init() == 0 ? 0 : errno);
}

void
init_start(pthread_t *thread)
{
	assert_int_equal(pthread_create(thread, NULL, init_main, NULL), 0);
}

int
init_join(pthread_t thread)
{
	void *error;

	assert_int_equal(pthread_join(thread, &error), 0);
	return (int)(intptr_t)error;
}

void
mock_open_with_client(struct mock *m, bool tcp, const char *banner)
{
	pthread_t thread;

	mock_open(m, tcp);
	m->m_banner = banner;
	init_start(&thread);
	mock_welcome(m, WIRE_GUEST);
	assert_int_equal(init_join(thread), 0);
}
