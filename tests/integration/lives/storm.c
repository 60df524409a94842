/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm SEED SECONDS DIRECTORY: processes and threads that do at random what
 * processes do with each other and with descriptors, and know what must come of
 * it.
 *
 * File k holds bytes of the letter 'a' + k; the last few are memory files of the
 * host.  A thread knows which file is behind each descriptor of its own, and so
 * do the children that it forks and the programs that these execute.  Numbers
 * from RACY on are fought for: there may be any file behind them, or none.  A
 * count is kept in a file under a lock, and again in shared memory.
 *
 * storm --check DIRECTORY SEED DEPTH FD:K ...: an executed program's part.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NFILES 12
#define NHOST 4 /* and memory files */
#define SIZE 64
#define NOWN 10
#define RACY 600
#define NRACY 12
#define NTHREADS 4
#define DEPTH_MAX 3

struct own {
	int o_fd; /* -1 none */
	int o_k;
	bool o_cloexec;
};

/* Of a thread. */
struct storm {
	uint64_t s_random;
	int s_depth;
	bool s_doomed; /* may be killed at any time */
	struct own s_own[NOWN];
};

static const char *self, *directory;
static uint64_t seed;
static int memory_file[NHOST];
static atomic_long *count; /* in shared memory; NULL in executed programs */
static atomic_bool stop;
static int known = -1; /* file 0, for the handler */

static _Noreturn void
fail(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text),
	    "seed %llu, process %d: ", (unsigned long long)seed, (int)getpid());
	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	text[n++] = '\n';
	(void)!write(2, text, (size_t)n);
	_exit(1);
}

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			fail("line %d: %s: error %d", __LINE__, #x, errno);    \
	} while (0)

static unsigned
draw(struct storm *s, unsigned n)
{
	s->s_random ^= s->s_random << 13;
	s->s_random ^= s->s_random >> 7;
	s->s_random ^= s->s_random << 17;
	return (unsigned)(s->s_random >> 20) % n;
}

static const char *
file_name(int k)
{
	static const char names[NFILES][4] = { "f0", "f1", "f2", "f3", "f4",
		"f5", "f6", "f7", "f8", "f9", "f10", "f11" };

	return names[k];
}

static void
check_file(int fd, int k, const char *what)
{
	char buf[SIZE];
	ssize_t n = pread(fd, buf, SIZE, 0);

	if (n != SIZE)
		fail("%s: descriptor %d, file %d: %zd bytes, error %d", what,
		    fd, k, n, errno);
	for (int i = 0; i < SIZE; i++) {
		if (buf[i] != 'a' + k)
			fail("%s: descriptor %d: '%c' instead of file %d", what,
			    fd, buf[i], k);
	}
}

static int
open_file(int k, bool cloexec)
{
	int fd;

	if (k >= NFILES)
		return fcntl(memory_file[k - NFILES],
		    cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 3);
	do
		fd = open(file_name(k), O_RDONLY | (cloexec ? O_CLOEXEC : 0));
	while (fd < 0 && errno == EINTR);
	return fd;
}

static pid_t
wait_for(pid_t pid, int *status)
{
	pid_t r;

	do
		r = waitpid(pid, status, 0);
	while (r < 0 && errno == EINTR);
	return r;
}

static void
must_end_well(pid_t pid, const char *what)
{
	int status;

	MUST(pid > 0);
	MUST(wait_for(pid, &status) == pid);
	if (status != 0)
		fail("%s: status %#x", what, (unsigned)status);
}

/* --- descriptors --------------------------------------------------------- */

static void
drop(struct own *o)
{
	if (o->o_fd >= 0)
		MUST(close(o->o_fd) == 0);
	o->o_fd = -1;
}

static void
do_open(struct storm *s)
{
	struct own *o = &s->s_own[draw(s, NOWN)];

	drop(o);
	o->o_k = (int)draw(s, NFILES + NHOST);
	o->o_cloexec = draw(s, 3) == 0;
	o->o_fd = open_file(o->o_k, o->o_cloexec);
	MUST(o->o_fd >= 0);
}

static void
do_dup(struct storm *s)
{
	struct own *from = &s->s_own[draw(s, NOWN)];
	struct own *to = &s->s_own[draw(s, NOWN)];

	if (from->o_fd < 0 || from == to)
		return;
	if (to->o_fd >= 0 && draw(s, 2) == 0) {
		MUST(dup2(from->o_fd, to->o_fd) == to->o_fd);
	} else {
		drop(to);
		to->o_fd = fcntl(from->o_fd, F_DUPFD, 3 + draw(s, 200));
		MUST(to->o_fd >= 0);
	}
	to->o_k = from->o_k;
	to->o_cloexec = false;
}

static void
check_own(const struct storm *s, const char *what)
{
	for (int i = 0; i < NOWN; i++) {
		if (s->s_own[i].o_fd >= 0)
			check_file(s->s_own[i].o_fd, s->s_own[i].o_k, what);
	}
}

static void
do_race(struct storm *s)
{
	int fd = RACY + (int)draw(s, NRACY), k = (int)draw(s, NFILES);
	int from;
	char c;

	switch (draw(s, 4)) {
	case 0:
		from = open_file(k, false);
		MUST(from >= 0);
		MUST(dup2(from, fd) == fd);
		MUST(close(from) == 0);
		break;
	case 1:
		MUST(close(fd) == 0 || errno == EBADF);
		break;
	case 2:
		from = RACY + (int)draw(s, NRACY);
		MUST(dup2(from, fd) >= 0 || errno == EBADF || errno == EBUSY);
		break;
	default:
		if (pread(fd, &c, 1, (off_t)draw(s, SIZE)) == 1)
			MUST(c >= 'a' && c < 'a' + NFILES);
		break;
	}
}

static void
do_pass(struct storm *s)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .head = {
			  CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { &(char){ 'x' }, 1 };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct own *o = &s->s_own[draw(s, NOWN)];
	int pair[2];

	if (o->o_fd < 0)
		return;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	memcpy(CMSG_DATA(&control.head), &o->o_fd, sizeof(int));
	MUST(sendmsg(pair[0], &mh, 0) == 1);
	drop(o);
	MUST(recvmsg(pair[1], &mh, 0) == 1);
	MUST(mh.msg_controllen == sizeof(control));
	memcpy(&o->o_fd, CMSG_DATA(&control.head), sizeof(int));
	o->o_cloexec = false;
	check_file(o->o_fd, o->o_k, "passed");
	MUST(close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void
do_count(struct storm *s)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 8 };
	int fd = open("count", O_RDWR | O_CLOEXEC), r;
	long value;

	/* A thread's locks are its process's, and end with any descriptor. */
	static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;

	if (s->s_doomed || s->s_depth > 0 || count == NULL) {
		MUST(close(fd) == 0);
		return;
	}
	pthread_mutex_lock(&mine);
	do
		r = fcntl(fd, F_SETLKW, &fl);
	while (r < 0 && errno == EINTR);
	MUST(r == 0);
	MUST(pread(fd, &value, 8, 0) == 8);
	value++;
	MUST(pwrite(fd, &value, 8, 0) == 8);
	atomic_fetch_add(count, 1);
	MUST(close(fd) == 0);
	pthread_mutex_unlock(&mine);
}

/* --- children ------------------------------------------------------------ */

static void live(struct storm *s, int n);

/* The arguments of a program that is to check what it inherits: of the slots for
 * which keeps() holds. */
struct command {
	char c_text[NOWN + 2][32];
	char *c_argv[NOWN + 8];
};

static char **
make_command(struct command *c, struct storm *s)
{
	int n = 0;

	c->c_argv[n++] = (char *)(uintptr_t)self;
	c->c_argv[n++] = "--check";
	c->c_argv[n++] = (char *)(uintptr_t)directory;
	snprintf(c->c_text[NOWN], 32, "%llu", (unsigned long long)s->s_random);
	c->c_argv[n++] = c->c_text[NOWN];
	snprintf(c->c_text[NOWN + 1], 32, "%d", s->s_depth + 1);
	c->c_argv[n++] = c->c_text[NOWN + 1];
	for (int i = 0; i < NOWN; i++) {
		const struct own *o = &s->s_own[i];

		if (o->o_fd < 0)
			continue;
		snprintf(c->c_text[i], 32, "%d:%d", o->o_fd,
		    o->o_cloexec ? -1 : o->o_k);
		c->c_argv[n++] = c->c_text[i];
	}
	c->c_argv[n] = NULL;
	return c->c_argv;
}

static void
set_timer(long us)
{
	struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void
be_child(struct storm *s)
{
	struct command c;

	check_own(s, "forked");
	if (draw(s, 2) == 0)
		set_timer(1000 + draw(s, 3000));
	live(s, 1 + (int)draw(s, 5));
	check_own(s, "lived");
	set_timer(0);
	if (draw(s, 3) != 0)
		_exit(0);
	execv(self, make_command(&c, s));
	fail("execv: error %d", errno);
}

static pid_t
make_child(struct storm *s)
{
	uint64_t theirs = s->s_random ^ 0x9e3779b97f4a7c15ULL;
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid != 0) {
		(void)draw(s, 2);
		return pid;
	}
	s->s_random = theirs;
	s->s_depth++;
	return 0;
}

static void
do_fork(struct storm *s)
{
	pid_t pid;

	if (s->s_depth >= DEPTH_MAX)
		return;
	pid = make_child(s);
	if (pid == 0)
		be_child(s);
	must_end_well(pid, "forked child");
}

static void
do_kill(struct storm *s)
{
	struct timespec ts = { 0, 0 };
	int status;
	pid_t pid;

	if (s->s_depth >= DEPTH_MAX)
		return;
	ts.tv_nsec = draw(s, 3000000);
	pid = make_child(s);
	if (pid == 0) {
		s->s_doomed = true;
		s->s_depth = DEPTH_MAX;
		for (;;)
			live(s, 10);
	}
	MUST(pid > 0);
	nanosleep(&ts, NULL);
	MUST(kill(pid, SIGKILL) == 0);
	MUST(wait_for(pid, &status) == pid);
	if (!WIFSIGNALED(status))
		fail("killed child: status %#x", (unsigned)status);
}

/* It changes all that is its parent's, too, by number. */
static void
do_vfork(struct storm *s)
{
	struct own *o = &s->s_own[draw(s, NOWN)];
	struct command c;
	char **argv = make_command(&c, s);
	bool executes = draw(s, 2) == 0;
	pid_t pid = vfork();

	if (pid == 0) {
		if (executes) {
			execv(self, argv);
			_exit(2);
		}
		for (int i = 0; i < NOWN; i++) {
			if (s->s_own[i].o_fd >= 0 && &s->s_own[i] != o &&
			    dup2(o->o_fd >= 0 ? o->o_fd : 0, s->s_own[i].o_fd) <
				0)
				_exit(3);
		}
		if (close_range(3, 500, 0) != 0)
			_exit(4);
		_exit(0);
	}
	must_end_well(pid, "vfork child");
	check_own(s, "vfork");
}

static void
do_spawn(struct storm *s)
{
	posix_spawn_file_actions_t fa;
	struct own *o = &s->s_own[draw(s, NOWN)];
	struct own saved = *o;
	struct command c;
	int k = (int)draw(s, NFILES), error;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	if (o->o_fd >= 0) {
		posix_spawn_file_actions_addopen(
		    &fa, o->o_fd, file_name(k), O_RDONLY, 0);
		*o = (struct own){ o->o_fd, k, false };
	}
	error =
	    posix_spawn(&pid, self, &fa, NULL, make_command(&c, s), environ);
	posix_spawn_file_actions_destroy(&fa);
	*o = saved;
	if (error != 0)
		fail("posix_spawn: error %d", error);
	must_end_well(pid, "spawned child");
	check_own(s, "spawn");
}

static void
do_check(struct storm *s)
{
	check_own(s, "own");
}

/* Files that come and go beside the others. */
static void
do_file(struct storm *s)
{
	char name[32], buf[100];
	size_t n = 1 + draw(s, sizeof(buf));
	int fd;

	snprintf(name, sizeof(name), "t%d.%u", (int)gettid(), draw(s, 4));
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	memset(buf, 'z', n);
	MUST(write(fd, buf, n) == (ssize_t)n);
	MUST(pread(fd, buf, n, 0) == (ssize_t)n && buf[n - 1] == 'z');
	MUST(unlink(name) == 0 && close(fd) == 0);
}

static void
live(struct storm *s, int n)
{
	static void (*const acts[])(struct storm *) = { do_open, do_open,
		do_open, do_dup, do_dup, do_check, do_race, do_race, do_race,
		do_pass, do_file, do_count, do_fork, do_kill, do_vfork,
		do_spawn };
	const unsigned nacts = sizeof(acts) / sizeof(acts[0]);

	for (int i = 0; i < n && !stop; i++)
		acts[draw(s, nacts)](s);
}

/* --- threads, signals ---------------------------------------------------- */

static void
on_signal(int sig)
{
	int saved = errno;
	char c;

	if (pread(known, &c, 1, 5) != 1 || c != 'a')
		fail("in a handler: error %d", errno);
	errno = saved;
}

static void *
storm_thread(void *arg)
{
	struct storm s = { .s_random = (uintptr_t)arg };

	for (int i = 0; i < NOWN; i++)
		s.s_own[i].o_fd = -1;
	while (!stop)
		live(&s, 20);
	for (int i = 0; i < NOWN; i++)
		drop(&s.s_own[i]);
	return NULL;
}

static void
handle_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART };

	known = fcntl(open_file(0, true), F_DUPFD_CLOEXEC, 560);
	MUST(known >= 0);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
}

static void
make_files(void)
{
	char text[SIZE];
	long zero = 0;
	int fd;

	for (int k = 0; k < NFILES + NHOST; k++) {
		fd = k < NFILES ? open(file_name(k),
				      O_RDWR | O_CREAT | O_CLOEXEC, 0600)
				: memfd_create("storm", MFD_CLOEXEC);
		MUST(fd >= 0);
		memset(text, 'a' + k, SIZE);
		MUST(write(fd, text, SIZE) == SIZE);
		if (k < NFILES) {
			MUST(close(fd) == 0);
			continue;
		}
		memory_file[k - NFILES] = fcntl(fd, F_DUPFD, 580);
		MUST(memory_file[k - NFILES] == 580 + k - NFILES);
		MUST(close(fd) == 0);
	}
	fd = open("count", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(write(fd, &zero, 8) == 8 && close(fd) == 0);
}

static void
check_count(void)
{
	int fd = open("count", O_RDONLY | O_CLOEXEC);
	long value = -1;

	MUST(read(fd, &value, 8) == 8 && close(fd) == 0);
	if (value != *count)
		fail("counted %ld, not %ld", value, *count);
}

static void
storm(int seconds)
{
	struct timespec ms = { 0, 1000000 };
	time_t end = time(NULL) + seconds;
	pthread_t t[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		MUST(pthread_create(&t[i], NULL, storm_thread,
			 (void *)(uintptr_t)(seed * 77 + (unsigned)i * 1234567 +
					     1)) == 0);
	for (unsigned i = 0; time(NULL) < end; i++) {
		nanosleep(&ms, NULL);
		pthread_kill(t[i % NTHREADS], SIGUSR1);
	}
	stop = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
}

/* An executed program: FD:K, K is -1 for what must be closed. */
static int
check_inherited(int argc, char **argv)
{
	struct storm s = { .s_random = strtoull(argv[1], NULL, 10) | 1,
		.s_depth = atoi(argv[2]) };

	for (int i = 0; i < NOWN; i++)
		s.s_own[i].o_fd = -1;
	for (int i = 3; i < argc; i++) {
		char *colon = strchr(argv[i], ':');
		int fd = atoi(argv[i]), k = atoi(colon + 1);

		if (k < 0) {
			MUST(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
			continue;
		}
		check_file(fd, k, "executed");
		s.s_own[i - 3] = (struct own){ fd, k, false };
	}
	for (int i = 0; i < NHOST; i++)
		memory_file[i] = 580 + i;
	handle_signals();
	live(&s, (int)draw(&s, 4));
	check_own(&s, "executed and lived");
	return 0;
}

int
main(int argc, char **argv)
{
	self = argv[0];
	directory = argv[argc == 4 ? 3 : 2];
	if (argc >= 5 && strcmp(argv[1], "--check") == 0) {
		seed = strtoull(argv[3], NULL, 10);
		return check_inherited(argc - 2, argv + 2);
	}
	if (argc != 4)
		return 2;
	seed = strtoull(argv[1], NULL, 10);
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	MUST(chdir(directory) == 0);
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_files();
	handle_signals();
	storm(atoi(argv[2]));
	check_count();
	return 0;
}
