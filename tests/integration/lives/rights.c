/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that travel in messages. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

#define MANY 4

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(MANY * sizeof(int))];
};

struct message {
	struct msghdr m_head;
	struct iovec m_iov;
	union control m_control;
	char m_text[16];
};

/* A message with n descriptors. */
static void
prepare(struct message *m, const char *text, const int *fds, int n)
{
	struct cmsghdr *ch = &m->m_control.head;

	memset(m, 0, sizeof(*m));
	strcpy(m->m_text, text);
	m->m_iov = (struct iovec){ m->m_text, strlen(text) };
	m->m_head.msg_iov = &m->m_iov;
	m->m_head.msg_iovlen = 1;
	m->m_head.msg_control = &m->m_control;
	m->m_head.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	ch->cmsg_level = SOL_SOCKET;
	ch->cmsg_type = SCM_RIGHTS;
	ch->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(ch), fds, (size_t)n * sizeof(int));
}

static void
expect(struct message *m, size_t control)
{
	memset(m, 0, sizeof(*m));
	m->m_iov = (struct iovec){ m->m_text, sizeof(m->m_text) - 1 };
	m->m_head.msg_iov = &m->m_iov;
	m->m_head.msg_iovlen = 1;
	m->m_head.msg_control = control != 0 ? &m->m_control : NULL;
	m->m_head.msg_controllen = control;
}

/* The descriptors in a message: how many. */
static int
unpack(const struct message *m, int *fds)
{
	const struct cmsghdr *ch = &m->m_control.head;
	size_t len;

	if (m->m_head.msg_controllen < CMSG_LEN(0) ||
	    ch->cmsg_type != SCM_RIGHTS)
		return 0;
	len = ch->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(ch), len);
	return (int)(len / sizeof(int));
}

static int
receive(int s, int flags, size_t control, int *fds)
{
	struct message m;
	ssize_t n;
	int count;

	expect(&m, control);
	n = recvmsg(s, &m.m_head, flags);
	count = n < 0 ? 0 : unpack(&m, fds);
	SAY("received %zd \"%s\" flags %#x, %d descriptors", n, m.m_text,
	    (unsigned)m.m_head.msg_flags, count);
	return count;
}

static void
send_to(int s, const char *text, const int *fds, int n)
{
	struct message m;

	prepare(&m, text, fds, n);
	NEED(sendmsg(s, &m.m_head, 0) == (ssize_t)strlen(text));
}

static void
say_all(int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		SAY("flags %d", fcntl(fds[i], F_GETFD));
		say_text("got", fds[i]);
		close(fds[i]);
	}
}

/* The receiver has no descriptor of its own but the socket. */
static void
receiver(int s)
{
	int fds[MANY], n;

	close_range(3, (unsigned)s - 1, 0);
	close_range((unsigned)s + 1, ~0U, 0);
	n = receive(s, 0, sizeof(union control), fds);
	say_all(fds, n);
	n = receive(s, MSG_PEEK, sizeof(union control), fds);
	say_all(fds, n);
	n = receive(s, MSG_CMSG_CLOEXEC, sizeof(union control), fds);
	NEED(n == 1 && lseek(fds[0], 0, SEEK_SET) == 0);
	say_all(fds, n);
	n = receive(s, 0, CMSG_LEN(sizeof(int)), fds);
	say_all(fds, n);
	n = receive(s, 0, 0, fds);
	n = receive(s, 0, sizeof(union control), fds);
	NEED(n == 1);
	NEED(write(fds[0], "written there", 13) == 13);
	close(fds[0]);
	n = receive(s, 0, sizeof(union control), fds);
	SAY("next %d", open("f", O_RDONLY) - s);
}

static void
both_ways(void)
{
	int s[2], fds[MANY], fd;
	pid_t pid;

	put_file("f", "0123456789");
	put_file("g", "other");
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	pid = fork();
	if (pid == 0) {
		receiver(s[1]);
		_exit(0);
	}
	close(s[1]);
	fds[0] = open("f", O_RDONLY);
	fds[1] = open("g", O_RDONLY);
	fds[2] = open("/dev/null", O_RDONLY);
	NEED(lseek(fds[0], 5, SEEK_SET) == 5);
	send_to(s[0], "three", fds, 3);
	close(fds[0]);
	fds[0] = open("f", O_RDONLY);
	NEED(lseek(fds[0], 2, SEEK_SET) == 2);
	send_to(s[0], "one", fds, 1);
	send_to(s[0], "cut", fds + 1, 2);
	send_to(s[0], "lost", fds, 2);
	fd = open("new", O_RDWR | O_CREAT, 0600);
	send_to(s[0], "write", &fd, 1);
	close(fds[0]);
	close(fd);
	close(s[0]);
	say_end("receiver", pid);
	say_file("new");
}

static void
several_messages(void)
{
	struct mmsghdr mm[3];
	struct message m[3];
	int s[2], fds[MANY], n;

	put_file("f", "0123456789");
	put_file("g", "other");
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	fds[0] = open("f", O_RDONLY);
	fds[1] = open("g", O_RDONLY);
	fds[2] = open("f", O_RDONLY);
	prepare(&m[0], "zero", fds, 1);
	prepare(&m[1], "first", fds, 0);
	m[1].m_head.msg_control = NULL;
	m[1].m_head.msg_controllen = 0;
	prepare(&m[2], "second", fds + 1, 2);
	for (int i = 0; i < 3; i++)
		mm[i] = (struct mmsghdr){ m[i].m_head, 77 };
	SAY("sent %d", sendmmsg(s[0], mm, 3, 0));
	SAY("lengths %u %u %u", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len);
	NEED(close(fds[0]) == 0 && close(fds[1]) == 0 && close(fds[2]) == 0);
	for (int i = 0; i < 3; i++) {
		expect(&m[i], sizeof(union control));
		mm[i] = (struct mmsghdr){ m[i].m_head, 77 };
	}
	SAY("received %d", recvmmsg(s[1], mm, 3, MSG_DONTWAIT, NULL));
	for (int i = 0; i < 3; i++) {
		m[i].m_head = mm[i].msg_hdr;
		n = unpack(&m[i], fds);
		SAY("%s: %d", m[i].m_text, n);
		say_all(fds, n);
	}
}

/* To oneself, over and over: nothing is used up. */
static void
round_and_round(void)
{
	struct message m;
	int s[2], fd, bad = 0;
	char c;

	put_file("f", "0123456789");
	fd = open("f", O_RDONLY);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	for (int i = 0; i < 1500; i++) {
		prepare(&m, "x", &fd, 1);
		NEED(sendmsg(s[0], &m.m_head, 0) == 1);
		if (i % 3 != 0)
			NEED(close(fd) == 0);
		expect(&m, sizeof(union control));
		NEED(recvmsg(s[1], &m.m_head, 0) == 1);
		if (i % 3 == 0)
			NEED(close(fd) == 0);
		NEED(unpack(&m, &fd) == 1);
		bad += pread(fd, &c, 1, i % 10) != 1 || c != '0' + i % 10;
	}
	SAY("bad: %d, number %d", bad, fd);
}

static void
not_received(void)
{
	int s[2], fd, fd2;
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	pid_t pid;

	put_file("f", "0123456789");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	fd = open("f", O_RDWR);
	send_to(s[0], "x", &fd, 1);
	NEED(close(fd) == 0 && close(s[0]) == 0 && close(s[1]) == 0);
	/* Sent by one who is gone. */
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	pid = fork();
	if (pid == 0) {
		fd = open("f", O_RDWR);
		fd2 = open("f", O_RDWR);
		NEED(fcntl(fd2, F_SETLK, &fl) == 0);
		send_to(s[0], "y", &fd, 1);
		_exit(0);
	}
	say_end("sender", pid);
	NEED(receive(s[1], 0, sizeof(union control), &fd) == 1);
	SAY("lock: %d", fcntl(fd, F_SETLK, &fl));
	say_text("got", fd);
}

/* A program that is executed has what was received. */
static void
then_executed(void)
{
	char *argv[] = { self, "--act", "text", "5", "6", NULL };
	int s[2], fd, got;

	put_file("f", "0123456789");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	for (int i = 5; i < 7; i++) {
		send_to(s[0], "x", &fd, 1);
		NEED(receive(s[1], i == 5 ? 0 : MSG_CMSG_CLOEXEC,
			 sizeof(union control), &got) == 1);
		SAY("number %d", got - s[0]);
		NEED(got == i + 1 || dup2(got, i) == i);
	}
	execv(self, argv);
}

const struct life rights_lives[] = {
	{ "both_ways", both_ways },
	{ "several_messages", several_messages },
	{ "round_and_round", round_and_round },
	{ "not_received", not_received },
	{ "then_executed", then_executed },
	{ NULL, NULL },
};
