/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sets DIRECTORY SEED STEPS: open, duplicate and close sockets, events and
 * files at random, add them to epoll sets, and print what poll, select and
 * epoll say of them.  test_preload_sets.py compares what is printed when all
 * descriptors are the host's with what is printed when the sockets and files
 * are a rump kernel's.  Nothing here knows of rump kernels.
 *
 * What happens is a function of the seed.  Data on their way through the host
 * are waited for before anything is asked.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSLOTS 24
#define NSETS 3
#define FIRST 100 /* slots are the numbers from here on */
#define PATIENCE 60000

enum kind { NOTHING, STREAM, EVENT, FILE_, SET };

/* An open file description. */
struct object {
	enum kind ob_kind;
	int ob_refs;
	struct object *ob_peer; /* STREAM */
	int ob_unread;          /* STREAM */
	bool ob_shut;           /* STREAM: will send no more */
};

static struct object *slots[NSLOTS];
static int sets[NSETS];
static uint64_t state;
static const char *directory;
static int listener;
static struct sockaddr_in address;

static unsigned
rnd(unsigned n)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % n;
}

static int
number(int slot)
{
	return FIRST + slot;
}

static const char *
outcome(int r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

/* --- objects ----------------------------------------------------------- */

static int
slot_of(const struct object *ob)
{
	for (int i = 0; i < NSLOTS; i++) {
		if (slots[i] == ob)
			return i;
	}
	return -1;
}

/* The host delivers what it was given to a socket before we go on. */
static void
settle(const struct object *ob)
{
	int slot = slot_of(ob), n = -1;
	struct pollfd p;

	if (slot < 0)
		return;
	for (int i = 0; i < 1000000 && n < ob->ob_unread; i++) {
		if (ioctl(number(slot), FIONREAD, &n) != 0)
			err(1, "FIONREAD");
		if (n < ob->ob_unread)
			sched_yield();
	}
	if (n < ob->ob_unread)
		errx(1, "%d bytes of %d", n, ob->ob_unread);
	p = (struct pollfd){ number(slot), POLLRDHUP, 0 };
	if ((ob->ob_peer == NULL || ob->ob_peer->ob_shut) &&
	    poll(&p, 1, PATIENCE) != 1)
		errx(1, "no end of file");
}

static void
object_unref(struct object *ob)
{
	struct object *peer;

	if (ob == NULL || --ob->ob_refs > 0)
		return;
	peer = ob->ob_peer;
	if (peer != NULL) {
		peer->ob_peer = NULL;
		settle(peer);
	}
	free(ob);
}

static struct object *
object_create(enum kind kind)
{
	struct object *ob = calloc(1, sizeof(*ob));

	if (ob == NULL)
		err(1, "calloc");
	ob->ob_kind = kind;
	return ob;
}

/* fd goes to a slot, whatever is there. */
static void
put(int slot, int fd, struct object *ob)
{
	struct object *old = slots[slot];

	if (fd < 0)
		err(1, "no descriptor");
	if (dup2(fd, number(slot)) != number(slot))
		err(1, "dup2");
	if (fd < FIRST || fd >= FIRST + NSLOTS)
		close(fd);
	ob->ob_refs++;
	slots[slot] = ob;
	object_unref(old);
}

static void
open_pair(int a, int b)
{
	struct object *oa = object_create(STREAM), *ob = object_create(STREAM);
	int one = socket(AF_INET, SOCK_STREAM, 0), two;

	if (one < 0 ||
	    connect(one, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "connect");
	two = accept(listener, NULL, NULL);
	oa->ob_peer = ob;
	ob->ob_peer = oa;
	put(a, one, oa);
	put(b, two, ob);
	printf("pair %d %d\n", a, b);
}

static void
open_other(int slot)
{
	char path[4096];
	int set = (int)rnd(NSETS);

	switch (rnd(3)) {
	case 0:
		put(slot, eventfd(0, EFD_NONBLOCK), object_create(EVENT));
		printf("event %d\n", slot);
		break;
	case 1:
		snprintf(path, sizeof(path), "%s/file", directory);
		put(slot, open(path, O_RDWR | O_CREAT, 0644),
		    object_create(FILE_));
		printf("file %d\n", slot);
		break;
	default:
		put(slot, dup(sets[set]), object_create(SET));
		printf("set %d is %d\n", slot, set);
		break;
	}
}

static void
close_slot(int slot)
{
	struct object *ob = slots[slot];

	slots[slot] = NULL;
	printf("close %d: %s\n", slot, outcome(close(number(slot))));
	object_unref(ob);
}

static void
dup_slot(int from, int to)
{
	if (slots[from] == NULL || from == to)
		return;
	put(to, number(from), slots[from]);
	printf("dup %d %d\n", from, to);
}

/* --- data -------------------------------------------------------------- */

static void
fill(int slot)
{
	struct object *ob = slots[slot];
	uint64_t one = 1;
	ssize_t n;

	if (ob == NULL)
		return;
	if (ob->ob_kind == EVENT) {
		n = write(number(slot), &one, sizeof(one));
		printf("set event %d: %zd\n", slot, n);
		return;
	}
	/* A reset may come back at any time. */
	if (ob->ob_kind != STREAM || ob->ob_peer == NULL)
		return;
	n = send(number(slot), "abcdefgh", 1 + rnd(8), MSG_NOSIGNAL);
	printf("send %d: %zd\n", slot, n);
	if (n > 0) {
		ob->ob_peer->ob_unread += (int)n;
		settle(ob->ob_peer);
	}
}

static void
drain(int slot)
{
	struct object *ob = slots[slot];
	char buf[8];
	ssize_t n;

	if (ob == NULL || (ob->ob_kind != STREAM && ob->ob_kind != EVENT))
		return;
	if (ob->ob_kind == EVENT)
		n = read(number(slot), buf, sizeof(buf));
	else
		n = recv(number(slot), buf, sizeof(buf), MSG_DONTWAIT);
	printf("read %d: %zd %s\n", slot, n, n < 0 ? outcome(-1) : "");
	if (n > 0 && ob->ob_kind == STREAM)
		ob->ob_unread -= (int)n;
}

static void
shut(int slot)
{
	struct object *ob = slots[slot];

	if (ob == NULL || ob->ob_kind != STREAM || ob->ob_peer == NULL)
		return;
	printf("shutdown %d: %s\n", slot,
	    outcome(shutdown(number(slot), SHUT_WR)));
	ob->ob_shut = true;
	settle(ob->ob_peer);
}

/* --- sets -------------------------------------------------------------- */

static void
control(int slot)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD,
		EPOLL_CTL_DEL, 77 };
	static const uint32_t events[] = { EPOLLIN, EPOLLIN, EPOLLOUT,
		EPOLLRDHUP, EPOLLPRI, EPOLLET, EPOLLET, EPOLLONESHOT };
	static unsigned serial;
	int set = (int)rnd(NSETS), op = ops[rnd(5)];
	struct epoll_event ev = { .data.u64 = ++serial };

	for (int i = 0; i < 3; i++)
		ev.events |= events[rnd(8)];
	if (rnd(16) == 0)
		ev.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE;
	printf("ctl %d %d %d %#x %u: %s\n", set, op, slot, ev.events, serial,
	    outcome(epoll_ctl(sets[set], op, number(slot), &ev)));
}

static int
by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

static void
wait_set(int set)
{
	struct epoll_event ev[256];
	struct timespec zero = { 0 };
	int n = rnd(2) ? epoll_wait(sets[set], ev, 256, 0)
		       : epoll_pwait2(sets[set], ev, 256, &zero, NULL);

	printf("wait %d: %d", set, n);
	if (n > 0)
		qsort(ev, (size_t)n, sizeof(ev[0]), by_data);
	for (int i = 0; i < n; i++)
		printf(" %lu:%#x", (unsigned long)ev[i].data.u64, ev[i].events);
	putchar('\n');
}

static void
poll_all(void)
{
	struct pollfd fds[2 * NSLOTS];
	struct timespec zero = { 0 };
	unsigned n = 0;
	int r;

	for (int i = 0; i < 2 * NSLOTS; i++) {
		if (rnd(3) == 0)
			continue;
		fds[n++] = (struct pollfd){ rnd(9) ? number(i % NSLOTS) : -1,
			(short)rnd(0x2040), 9 };
	}
	r = rnd(2) ? poll(fds, n, 0) : ppoll(fds, n, &zero, NULL);
	printf("poll: %d", r);
	for (unsigned i = 0; r > 0 && i < n; i++)
		printf(" %#x", (unsigned)fds[i].revents);
	putchar('\n');
}

static void
print_set(int r, const fd_set *set)
{
	putchar(' ');
	for (int i = 0; r >= 0 && i < NSLOTS; i++)
		putchar(FD_ISSET(number(i), set) ? '1' : '0');
}

static void
select_all(void)
{
	struct timespec zero = { 0 };
	struct timeval tv = { 0 };
	fd_set set[3];
	int r;

	for (int i = 0; i < 3; i++) {
		FD_ZERO(&set[i]);
		for (int slot = 0; slot < NSLOTS; slot++) {
			/* Seldom one that is not open. */
			if (slots[slot] != NULL ? rnd(2) : !rnd(200))
				FD_SET(number(slot), &set[i]);
		}
	}
	if (rnd(2))
		r = select(number(NSLOTS), &set[0], &set[1], &set[2], &tv);
	else
		r = pselect(number(NSLOTS), &set[0], rnd(2) ? &set[1] : NULL,
		    &set[2], &zero, NULL);
	printf("select: %d", r);
	for (int i = 0; i < 3; i++)
		print_set(r, &set[i]);
	putchar('\n');
}

static void
step(void)
{
	int slot = (int)rnd(NSLOTS), other = (int)rnd(NSLOTS);

	switch (rnd(16)) {
	case 0:
		if (slot != other)
			open_pair(slot, other);
		break;
	case 1:
		open_other(slot);
		break;
	case 2:
		close_slot(slot);
		break;
	case 3:
	case 4:
		dup_slot(slot, other);
		break;
	case 5:
	case 6:
		fill(slot);
		break;
	case 7:
		drain(slot);
		break;
	case 8:
		if (rnd(3) == 0)
			shut(slot);
		break;
	case 9:
		poll_all();
		break;
	case 10:
		select_all();
		break;
	case 11:
		wait_set((int)rnd(NSETS));
		break;
	default:
		control(slot);
		break;
	}
}

/* --- bad arguments ----------------------------------------------------- */

#define SAY(call) printf(#call ": %s\n", outcome((int)(call)))

static void
bad_polls(int s, int f)
{
	struct pollfd fds[2] = { { s, POLLIN, 0 }, { f, POLLIN, 0 } };
	struct timespec odd = { 0, 1000000000 }, past = { -1, 0 };
	void *bad = (void *)8;

	SAY(syscall(SYS_poll, bad, 1, 0));
	SAY(syscall(SYS_poll, fds, 1UL << 31, 0));
	SAY(syscall(SYS_poll, fds, -1, 0));
	SAY(syscall(SYS_ppoll, fds, 1, bad, NULL, 8));
	SAY(syscall(SYS_ppoll, fds, 1, &odd, NULL, 8));
	SAY(syscall(SYS_ppoll, fds, 2, &odd, NULL, 8));
	SAY(syscall(SYS_ppoll, fds, 2, &past, NULL, 8));
	SAY(syscall(SYS_ppoll, fds, 2, bad, NULL, 8));
	SAY(syscall(SYS_ppoll, fds, 1, NULL, bad, 8));
	SAY(syscall(SYS_ppoll, fds, 1, &odd, &odd, 4));
	SAY(poll(fds, 2, -1));
	printf("%#x %#x\n", (unsigned)fds[0].revents, (unsigned)fds[1].revents);
}

static void
bad_selects(int s, int f)
{
	struct timespec odd = { 0, 1000000000 };
	struct timeval past = { -1, 0 }, zero = { 0, 0 };
	void *bad = (void *)8;
	fd_set set, both;

	FD_ZERO(&set);
	FD_SET(s, &set);
	FD_ZERO(&both);
	FD_SET(s, &both);
	FD_SET(f, &both);
	SAY(syscall(SYS_select, s + 1, bad, NULL, NULL, NULL));
	SAY(syscall(SYS_select, s + 1, &set, bad, NULL, &zero));
	SAY(select(-1, &set, NULL, NULL, &zero));
	SAY(syscall(SYS_select, s + 1, &set, NULL, NULL, &past));
	SAY(syscall(SYS_select, f + 1, &both, NULL, NULL, &past));
	SAY(syscall(SYS_select, f + 1, &both, NULL, NULL, bad));
	SAY(syscall(SYS_pselect6, s + 1, &set, NULL, NULL, &odd, NULL));
	SAY(syscall(SYS_pselect6, f + 1, &both, NULL, NULL, &odd, NULL));
	SAY(syscall(SYS_pselect6, s + 1, &set, NULL, NULL, NULL, bad));
	SAY(select(s, &both, NULL, NULL, &zero));
	FD_SET(s, &both);
	FD_SET(f, &both);
	SAY(select(f + 1, &both, NULL, NULL, NULL));
	printf("%d %d\n", FD_ISSET(s, &both), FD_ISSET(f, &both));
}

static void
bad_controls(int s, int f, int none)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int set = sets[0];
	void *bad = (void *)8;

	SAY(epoll_ctl(set, EPOLL_CTL_ADD, s, bad));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, f, bad));
	SAY(epoll_ctl(none, EPOLL_CTL_ADD, s, &ev));
	SAY(epoll_ctl(none, EPOLL_CTL_ADD, f, &ev));
	SAY(epoll_ctl(s, EPOLL_CTL_ADD, s, &ev));
	SAY(epoll_ctl(f, EPOLL_CTL_ADD, s, &ev));
	SAY(epoll_ctl(s, EPOLL_CTL_ADD, set, &ev));
	SAY(epoll_ctl(s, EPOLL_CTL_ADD, none, &ev));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, s, NULL));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, s, &ev));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, s, NULL));
	SAY(epoll_pwait(f, &ev, 1, 0, NULL));
}

static void
bad_arguments(void)
{
	char path[4096];
	int s = socket(AF_INET, SOCK_DGRAM, 0), f;

	snprintf(path, sizeof(path), "%s/file", directory);
	f = open(path, O_RDWR | O_CREAT, 0644);
	if (s < 0 || f < s)
		err(1, "%s", path);
	bad_polls(s, f);
	bad_selects(s, f);
	bad_controls(s, f, FIRST - 1);
	close(s);
	close(f);
}

static void
listen_somewhere(void)
{
	socklen_t len = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, len) != 0 ||
	    listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		err(1, "listener");
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: sets DIRECTORY SEED STEPS");
	directory = argv[1];
	state = strtoul(argv[2], NULL, 10);
	/* select() sees no further than the host's table goes. */
	if (dup2(0, FD_SETSIZE - 1) < 0 || close(FD_SETSIZE - 1) != 0)
		err(1, "dup2");
	listen_somewhere();
	for (int i = 0; i < NSETS; i++) {
		sets[i] = epoll_create1(EPOLL_CLOEXEC);
		if (sets[i] < 0)
			err(1, "epoll_create1");
	}
	bad_arguments();
	for (long n = strtol(argv[3], NULL, 10); n > 0; n--)
		step();
	return 0;
}
