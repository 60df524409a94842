/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile [rounds [seed]]: clients that lie, scribble, flood and vanish, against
 * a server that goes on serving others.
 *
 * Each round is a process of its own, forked by one that was made before the
 * server's threads: what the server writes into its memory may well end it.  If
 * we are root every second one is another user, who may try everything; the
 * others leave out what ends the kernel, because they may do that.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"
#include "sysproxy/wire.h"
#include "tests/unit/sysproxy/fastclient.h"
#include "tests/lib/scratch.h"

#define SANDBOX (1024 * 1024)
#define GOOD 2 /* clients that behave */

static char directory[SCRATCH_SIZE];
static char path[64];
static uint64_t rng;
static char *sandbox;
static bool trusted; /* the server obeys us: leave out what ends it */

static uint64_t
rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(rnd() >> 16) % n;
}

static void
die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static int
dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
read_banner(int fd)
{
	char c = 0;

	while (c != '\n')
		if (recv(fd, &c, 1, 0) != 1)
			return false;
	return true;
}

/* --- the fast transport ------------------------------------------------------ */

/* Numbers that are often wrong, and in many ways nearly right. */
static uint64_t
number(void)
{
	switch (below(8)) {
	case 0:
		return below(8);
	case 1:
		return (uintptr_t)sandbox + below(SANDBOX);
	case 2:
		return (uint64_t)-1 - below(3);
	case 3:
		return UINT64_C(1) << below(64);
	case 4:
		return FAST_DATA + below(3) - 1;
	case 5:
		return below(70000);
	case 6:
		return (uintptr_t)sandbox + SANDBOX - below(64);
	default:
		return rnd();
	}
}

static int32_t
call_number(void)
{
	int32_t num;

	do {
		num = below(3) == 0
			  ? FASTCALL_FIRST + (int32_t)below(FASTCALL_END -
							    FASTCALL_FIRST + 1)
			  : (int32_t)below(520);
		if (below(50) == 0)
			num = (int32_t)rnd();
	} while (trusted && (num == FASTCALL_HALT || num == RUMP_SYS_reboot));
	return num;
}

static void
fill_request(struct fast_slot *sl)
{
	static const char *const paths[] = { "/", "/x", "/x/y", "..", "" };

	sl->sl_num = call_number();
	sl->sl_flags = below(2);
	sl->sl_sequence++;
	sl->sl_cpu = below(4) == 0 ? (uint32_t)rnd() : below(4);
	for (int i = 0; i < FAST_ARGS; i++)
		sl->sl_args[i] = (int64_t)number();
	if (below(2) == 0)
		sl->sl_args[0] = below(10);
	strcpy(sandbox + 4096, paths[below(5)]);
	if (below(3) == 0)
		sl->sl_args[below(2)] = (int64_t)(intptr_t)(sandbox + 4096);
	sl->sl_nin = below(20) == 0 ? (uint32_t)number() : below(4);
	sl->sl_inlen = below(20) == 0 ? (uint32_t)number() : FAST_IN;
	for (int i = 0; i < 4; i++)
		sl->sl_in[i] = (struct fast_range){
			below(2) ? (uint64_t)sl->sl_args[below(3)] : number(),
			below(20) == 0 ? (uint32_t)number()
				       : below(FAST_IN / 2),
			below(20) == 0 ? (uint32_t)number()
				       : below(FAST_IN / 2),
		};
}

/* Something that the server may well do: there are files and maps then. */
static void
fill_sensible(struct fast_slot *sl)
{
	int64_t *a = sl->sl_args;

	fill_request(sl);
	sl->sl_nin = 0;
	strcpy(sandbox + 4096, "/x");
	a[0] = below(6);
	a[1] = (int64_t)below(8) * 4096;
	a[2] = (int64_t)below(100000);
	a[3] = a[4] = 0;
	switch (below(4)) {
	case 0:
		sl->sl_num = RUMP_SYS_open;
		a[0] = (int64_t)(intptr_t)(sandbox + 4096);
		a[1] = RUMP_O_CREAT | RUMP_O_RDWR;
		break;
	case 1:
		sl->sl_num = below(2) ? RUMP_SYS_pwrite : RUMP_SYS_ftruncate;
		a[1] = (int64_t)(intptr_t)sandbox;
		break;
	case 2:
		sl->sl_num = FASTCALL_MAP_CREATE;
		a[3] = RUMP_PROT_READ | (below(2) ? RUMP_PROT_WRITE : 0);
		a[4] = RUMP_MAP_SHARED;
		a[5] = (int64_t)(intptr_t)sandbox;
		break;
	default:
		sl->sl_num =
		    FASTCALL_MAP_AGAIN +
		    (int)below(FASTCALL_MAP_MEMORY - FASTCALL_MAP_AGAIN);
		a[3] = (int64_t)below(200000);
		break;
	}
}

/* Let the server do something, most of the time. */
static void
linger(struct fast_slot *sl)
{
	uint32_t state;

	for (int i = below(4) * 4; i > 0; i--) {
		state = atomic_load(&sl->sl_state);
		if (state != FAST_REQUEST && state != FAST_SERVED)
			break;
		(void)sched_yield();
	}
}

/* Change a word, anywhere but the number of the call. */
static void
scribble(char *area)
{
	char *sl = (char *)fast_slot(area, below(4));
	size_t off = below(5) == 0 ? below(FAST_SLOT_SIZE) & ~7u
				   : below(sizeof(struct fast_slot)) & ~7u;

	if (off == (offsetof(struct fast_slot, sl_num) & ~(size_t)7))
		return;
	*(volatile uint64_t *)(sl + off) = number();
}

static void
poke(char *area)
{
	struct fast_slot *sl = fast_slot(area, below(4));

	switch (below(6)) {
	case 0:
		scribble(area);
		return;
	case 1:
		atomic_store(&sl->sl_state, below(8));
		break;
	case 2:
		atomic_store(&sl->sl_state, FAST_SERVED);
		break;
	default:
		if (atomic_load(&sl->sl_state) == FAST_SERVICE) {
			sl->sl_status = below(3) == 0 ? 14 : 0;
			atomic_store(&sl->sl_state, FAST_SERVED);
		} else {
			if (below(3) == 0)
				fill_sensible(sl);
			else
				fill_request(sl);
			atomic_store(&sl->sl_state, FAST_REQUEST);
		}
		break;
	}
	syscall(SYS_futex, &sl->sl_state, FUTEX_WAKE, 1, NULL, NULL, 0);
	linger(sl);
}

static void *
scribbler(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		scribble(arg);
		(void)sched_yield();
	}
	return NULL;
}

/* A child's connection, which may be of any kind, and may say something. */
static void
send_child(struct fastclient *fc)
{
	struct fast_message m = {
		.fm_type = FAST_CHILD,
		.fm_arg = below(2) ? FAST_SHARES_CWD : 0,
	};
	int type = below(4) == 0 ? SOCK_DGRAM : SOCK_STREAM, fds[2];

	if (below(6) == 0) {
		(void)fastclient_send(fc, &m, NULL, below(2) ? fc->fc_fd : 0);
		return;
	}
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
		return;
	(void)fastclient_send(fc, &m, NULL, fds[1]);
	m.fm_type = below(10);
	if (below(2) == 0)
		(void)send(fds[0], &m, below(sizeof(m) + 1), MSG_NOSIGNAL);
	close(fds[0]);
	close(fds[1]);
}

/* A door, and somebody who comes by it. */
static void
send_door(struct fastclient *fc)
{
	struct fast_message m = { .fm_type = FAST_DOOR };
	int type = below(4) == 0 ? SOCK_DGRAM : SOCK_SEQPACKET, fds[2];
	char bytes[sizeof(m) + 40];
	struct fastclient via = { 0 };

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
		return;
	(void)fastclient_send(fc, &m, NULL, fds[below(4) == 0]);
	close(fds[0]);
	via.fc_fd = fds[1];
	for (int i = 0; i < 4; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)rnd();
		m.fm_type = below(3) ? FAST_CHILD : below(12);
		m.fm_len = below(3) ? 4 : below(40);
		memcpy(bytes, &m, sizeof(m));
		(void)send(fds[1], bytes, below(2) ? sizeof(m) + 4 : below(60),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		m.fm_len = 0;
		(void)fastclient_send(&via, &m, NULL, below(2) ? fds[1] : 0);
		send_child(&via);
	}
	if (below(4) == 0)
		(void)shutdown(fds[1], SHUT_WR);
	close(fds[1]);
}

static void
send_some_message(struct fastclient *fc)
{
	static char payload[FAST_PAYLOAD];
	struct fast_message m = {
		.fm_type = below(12),
		.fm_arg = below(2) ? below(5) : (uint32_t)number(),
		.fm_addr = below(2) ? below(5) : number(),
	};
	int fd = below(5) == 0 ? fc->fc_fd : -1;

	/* Most of them go on. */
	if (below(8) == 0)
		send_child(fc);
	else if (below(16) == 0)
		send_door(fc);
	else if (below(10) != 0)
		m.fm_type = below(2) ? FAST_INTR : FAST_TOKEN;
	else
		m.fm_len = below(3) == 0 ? (uint32_t)number() : below(200);
	(void)fastclient_send(
	    fc, &m, m.fm_len <= sizeof(payload) ? payload : NULL, fd);
}

/* Whatever has come; the descriptors are closed. */
static void
drain(struct fastclient *fc)
{
	struct fast_message m;
	char c;

	while (recv(fc->fc_fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 1)
		if (!fastclient_receive(fc, &m, NULL))
			break;
}

static int
upgrade(void)
{
	struct wire_frame f;
	struct {
		struct wire_hdr hdr;
		int32_t error;
	} __attribute__((packed)) answer;
	int fd = dial();
	size_t len;

	if (fd < 0 || !read_banner(fd))
		return -1;
	len = wire_put_hello(&f, 1, (enum wire_kind)FAST_HANDSHAKE, 2);
	send(fd, &f, len, MSG_NOSIGNAL);
	send(fd, "h", 2, MSG_NOSIGNAL);
	if (recv(fd, &answer, sizeof(answer), MSG_WAITALL) !=
	    (ssize_t)sizeof(answer))
		return -1;
	return fd;
}

static void
attack_fast(void)
{
	struct fastclient fc = { .fc_counting = below(2) == 0 };
	pthread_t thread;
	int fd = upgrade();

	if (fd < 0 || fastclient_hello(&fc, fd, below(2) == 0) != 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		(void)fastclient_start(&fc, i);
	pthread_create(&thread, NULL, scribbler, fc.fc_area);
	for (int i = 0; i < 1000; i++) {
		poke(fc.fc_area);
		if (below(20) == 0)
			send_some_message(&fc);
		if (below(50) == 0)
			drain(&fc);
	}
	if (below(2) == 0)
		_exit(0);
	pthread_join(thread, NULL);
	fastclient_close(&fc);
}

/* Hello, exec and hello again, in any order. */
static void
attack_control(void)
{
	struct fastclient fc = { 0 };
	struct fast_message m;
	char payload[256];

	fc.fc_fd = upgrade();
	if (fc.fc_fd < 0)
		return;
	for (int i = 0; i < 200; i++) {
		memset(&m, 0, sizeof(m));
		m.fm_type = below(3) == 0 ? FAST_EXEC : FAST_HELLO;
		m.fm_arg = FAST_VERSION;
		if (m.fm_type == FAST_EXEC) {
			m.fm_arg = below(40);
			m.fm_len = m.fm_arg + 4 * below(50);
		} else if (below(3) == 0) {
			m.fm_type = FAST_START;
			m.fm_arg = below(8);
		}
		if (!fastclient_send(&fc, &m, payload, -1))
			break;
		if (below(2) == 0)
			drain(&fc);
	}
}

/* --- the genuine protocol --------------------------------------------------- */

static void
send_random(int fd)
{
	char bytes[300];
	struct wire_hdr h = {
		.wh_len = sizeof(h) + (below(3) ? below(64) : number()),
		.wh_reqno = below(4),
		.wh_class = (uint16_t)below(4),
		.wh_type = (uint16_t)below(11),
		.wh_u = below(3) ? below(500) : (uint32_t)number(),
	};

	if (trusted && h.wh_u == RUMP_SYS_reboot)
		h.wh_u = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)rnd();
	memcpy(bytes, &h, sizeof(h));
	(void)send(fd, bytes,
	    h.wh_len <= sizeof(bytes) ? h.wh_len : sizeof(bytes),
	    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
send_call(int fd, uint64_t reqno)
{
	struct wire_frame f;
	int64_t args[8];
	size_t len, n = below(9) * sizeof(args[0]);
	int num = (int)below(520);

	if (trusted && num == RUMP_SYS_reboot)
		num = RUMP_SYS_getpid;
	for (int i = 0; i < 8; i++)
		args[i] = (int64_t)number();
	if (below(2) == 0)
		args[0] = below(8);
	len = wire_put_syscall(&f, reqno, num, n);
	(void)send(fd, &f, len, MSG_NOSIGNAL | MSG_MORE);
	(void)send(fd, args, n, MSG_NOSIGNAL);
}

/* Answer what is asked for with bytes of any length. */
static void
answer(int fd, const struct wire_hdr *h)
{
	struct wire_frame f;
	size_t len, n = below(2) ? below(1100) : below(100);

	len = wire_put_copied(&f, h->wh_reqno + (below(8) == 0), n);
	(void)send(fd, &f, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)send(fd, sandbox, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
read_some(int fd)
{
	struct wire_hdr h;
	char buf[4096];
	uint64_t left;
	ssize_t n;

	if (recv(fd, &h, sizeof(h), MSG_DONTWAIT) != (ssize_t)sizeof(h))
		return;
	for (left = h.wh_len - sizeof(h); left > 0; left -= (uint64_t)n) {
		n = recv(fd, buf, left < sizeof(buf) ? left : sizeof(buf), 0);
		if (n <= 0)
			return;
	}
	if (h.wh_class == WIRE_REQ)
		answer(fd, &h);
}

static void
attack_classic(void)
{
	struct wire_frame f;
	int fd = dial();
	bool reads = below(3) != 0;

	if (fd < 0 || !read_banner(fd))
		return;
	send(fd, &f, wire_put_hello(&f, 0, WIRE_GUEST, 2), MSG_NOSIGNAL);
	send(fd, "h", 2, MSG_NOSIGNAL);
	for (int i = 0; i < 500; i++) {
		switch (below(200)) {
		case 0:
			send_random(fd);
			break;
		case 1 ... 5:
			send(fd, &f, wire_put_prefork(&f, 1), MSG_NOSIGNAL);
			break;
		case 6 ... 8:
			send(fd, &f, wire_put_hello(&f, 1, WIRE_EXEC, 2),
			    MSG_NOSIGNAL);
			send(fd, "e", 2, MSG_NOSIGNAL);
			break;
		default:
			send_call(fd, (uint64_t)i);
			break;
		}
		if (reads)
			read_some(fd);
	}
}

/* Perhaps with a descriptor, which nobody asked for. */
static void
attack_bytes(void)
{
	const struct fast_message m = { .fm_type = below(12) };
	struct fastclient via = { .fc_fd = dial() };

	if (via.fc_fd < 0)
		return;
	if (below(2) == 0)
		(void)fastclient_send(&via, &m, NULL, 0);
	for (int i = 0; i < 50; i++)
		send_random(via.fc_fd);
}

static void
attack(uint64_t seed, bool as_nobody)
{
	void (*const attacks[])(void) = { attack_fast, attack_fast,
		attack_control, attack_classic, attack_classic, attack_bytes };
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < 10; i++)
		(void)rnd();
	trusted = !as_nobody;
	if (as_nobody && (setresgid(65534, 65534, 65534) != 0 ||
			     setresuid(65534, 65534, 65534) != 0))
		die("setresuid");
	sandbox = mmap(NULL, SANDBOX, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	attacks[below(sizeof(attacks) / sizeof(attacks[0]))]();
}

/* The process that makes the attackers; go: the server is there. */
static pid_t
start_attackers(int go, unsigned rounds, uint64_t seed)
{
	pid_t pid = fork();
	char c;

	if (pid != 0)
		return pid;
	if (read(go, &c, 1) != 1)
		_exit(1);
	for (unsigned i = 0; i < rounds; i++) {
		pid = fork();
		if (pid == 0) {
			attack(seed + i, geteuid() == 0 && i % 2 == 1);
			_exit(0);
		}
		/* Two at a time. */
		if (i % 2 == 1)
			while (wait(NULL) > 0)
				continue;
	}
	while (wait(NULL) > 0)
		continue;
	_exit(0);
}

/* --- those who behave -------------------------------------------------------- */

static _Atomic bool ended;
static _Atomic unsigned long ncalls;

static void
check(bool right, const char *what)
{
	if (!right)
		die(what);
}

static void *
behave(void *arg)
{
	struct fastclient fc = { 0 };
	char name[32], in[4096], out[4096];
	int64_t retval[2], args[FAST_ARGS];
	struct fastin staged[2] = { { name, sizeof(name) }, { 0 } };
	int fds[2];

	snprintf(name, sizeof(name), "/good%u", (unsigned)(uintptr_t)arg);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
		  rumpuser_sp_adopt(fds[0], "good") == 0 &&
		  fastclient_hello(&fc, fds[1], false) == 0 &&
		  fastclient_start(&fc, 0),
	    "a client cannot begin");
	memcpy(args,
	    (int64_t[FAST_ARGS]){
		(intptr_t)name, RUMP_O_CREAT | RUMP_O_RDWR, 0600 },
	    sizeof(args));
	check(fastclient_call(&fc, 0, RUMP_SYS_open, args, staged, retval) == 0,
	    "open");
	args[0] = retval[0];
	for (unsigned i = 0; !ended; i++) {
		memset(out, (int)i, sizeof(out));
		args[1] = (intptr_t)out;
		args[2] = sizeof(out);
		args[3] = args[4] = 0;
		staged[0] = (struct fastin){ out, sizeof(out) };
		check(fastclient_call(
			  &fc, 0, RUMP_SYS_pwrite, args, staged, retval) == 0 &&
			  retval[0] == sizeof(out),
		    "pwrite");
		args[1] = (intptr_t)in;
		check(fastclient_call(
			  &fc, 0, RUMP_SYS_pread, args, NULL, retval) == 0 &&
			  retval[0] == sizeof(in) &&
			  memcmp(in, out, sizeof(in)) == 0,
		    "pread");
		ncalls++;
		(void)sched_yield();
	}
	fastclient_close(&fc);
	return NULL;
}

int
main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 60;
	uint64_t seed =
	    argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	pthread_t threads[GOOD];
	char url[80];
	int go[2], status;
	pid_t pid;

	printf("hostile: %u rounds, seed %llu\n", rounds,
	    (unsigned long long)seed);
	fflush(stdout);
	check(scratch_make(directory) && chmod(directory, 0755) == 0 &&
		  pipe(go) == 0,
	    "set-up");
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(url, sizeof(url), "unix://%s", path);
	pid = start_attackers(go[0], rounds, seed);
	rump_namei_escape_set(false);
	rumpuser_sp_setflags(RUMPSERVER_ANYUSER);
	check(rump_init() == 0 && rump_init_server(url) == 0, "server");
	for (uintptr_t i = 0; i < GOOD; i++)
		pthread_create(&threads[i], NULL, behave, (void *)i);
	check(write(go[1], "", 1) == 1, "go");
	while (waitpid(pid, &status, 0) != pid)
		continue;
	check(status == 0, "attackers");
	ended = true;
	for (int i = 0; i < GOOD; i++)
		pthread_join(threads[i], NULL);
	while (rumpuser_sp_clients() != 0)
		(void)sched_yield();
	printf("hostile: %lu calls of others\n", (unsigned long)ncalls);
	unlink(path);
	rmdir(directory);
	return ncalls > 0 ? 0 : 1;
}
