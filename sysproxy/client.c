/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process as a client: finding the server, keeping the link of this
 * process, making calls again when the server was gone.
 *
 * Links are kept by process, because a child of vfork(2) uses this very memory:
 * it has an entry of its own beside its parent's.  A child of fork(2) starts
 * without any.
 */
#include "sysproxy/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rump/rumpclient.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "sysproxy/client_connect.h"
#include "sysproxy/client_host.h"
#include "sysproxy/client_retry.h"
#include "sysproxy/client_signals.h"

#define TRYAGAIN_PAUSE_NS 10000000

struct entry {
	struct entry *en_next;
	pid_t en_pid;
	struct link *en_link; /* has a reference */
};

struct address client_address;
bool client_address_was_relative;

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t client_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;     /* client_lock, with signals held */
static bool connecting;           /* client_lock */
static _Atomic uint32_t attempts; /* to connect that have ended; a futex */
static struct held fork_held;     /* client_lock */
static bool forks_are_noticed;    /* client_lock */

/* Entries; all with client_lock. */

static struct entry **
find(pid_t pid)
{
	struct entry **enp = &entries;

	while (*enp != NULL && (*enp)->en_pid != pid)
		enp = &(*enp)->en_next;
	return enp;
}

static void
set_link(struct entry *en, struct link *lk)
{
	if (en->en_link != NULL)
		link_unref(en->en_link);
	en->en_link = lk;
}

static int
install(struct link *lk)
{
	struct entry *en = *find(getpid());

	if (en == NULL) {
		en = calloc(1, sizeof(*en));
		if (en == NULL)
			return ENOMEM;
		en->en_pid = getpid();
		en->en_next = entries;
		entries = en;
	}
	set_link(en, lk);
	return 0;
}

/* Another thread was quicker? */
static bool
has_living_link(void)
{
	struct entry *en = *find(getpid());

	return en != NULL && !link_is_dead(en->en_link);
}

struct link *
client_get(void)
{
	struct link *lk = NULL;
	struct entry *en;

	(void)pthread_mutex_lock(&client_lock);
	en = *find(getpid());
	if (en != NULL) {
		lk = en->en_link;
		link_ref(lk);
	}
	(void)pthread_mutex_unlock(&client_lock);
	return lk;
}

int
client_install(struct link *lk)
{
	struct held he;
	int error = 0;

	client_signals_hold(&he);
	(void)pthread_mutex_lock(&client_lock);
	if (has_living_link())
		link_unref(lk);
	else
		error = install(lk);
	(void)pthread_mutex_unlock(&client_lock);
	if (error != 0)
		link_unref(lk);
	client_signals_release(&he);
	return error;
}

void
client_forget(pid_t pid)
{
	struct entry **enp, *en;
	struct held he;

	client_signals_hold(&he);
	(void)pthread_mutex_lock(&client_lock);
	enp = find(pid);
	en = *enp;
	if (en != NULL)
		*enp = en->en_next;
	(void)pthread_mutex_unlock(&client_lock);
	if (en != NULL) {
		link_unref_foreign(en->en_link);
		free(en);
	}
	client_signals_release(&he);
}

/* Around fork(2): the child sees whole lists, and none of the links. */

static void
fork_prepare(void)
{
	struct held he;

	client_signals_hold(&he);
	(void)pthread_mutex_lock(&client_lock);
	fork_held = he;
}

static void
fork_parent(void)
{
	struct held he = fork_held;

	(void)pthread_mutex_unlock(&client_lock);
	client_signals_release(&he);
}

static void
fork_child(void)
{
	while (entries != NULL) {
		struct entry *en = entries;

		entries = en->en_next;
		link_orphan(en->en_link);
		free(en);
	}
	connecting = false;
	(void)pthread_mutex_init(&init_lock, NULL);
	fork_parent();
}

static int
notice_forks(void)
{
	int error = 0;

	(void)pthread_mutex_lock(&client_lock);
	if (!forks_are_noticed)
		error = pthread_atfork(fork_prepare, fork_parent, fork_child);
	forks_are_noticed = error == 0;
	(void)pthread_mutex_unlock(&client_lock);
	return error;
}

/* Connecting. */

void
client_name(char name[CLIENT_NAME_MAX])
{
	long fd, n = -1;
	char *newline;

	fd = syscall(
	    SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = syscall(SYS_read, fd, name, CLIENT_NAME_MAX - 1);
		(void)syscall(SYS_close, fd);
	}
	if (n <= 0) {
		memcpy(name, "???", sizeof("???"));
		return;
	}
	name[n] = '\0';
	newline = strchr(name, '\n');
	if (newline != NULL)
		*newline = '\0';
}

int
client_answer_error(const struct wire_hdr *h)
{
	static const int errors[] = {
		[WIRE_ERR_NONE] = 0,
		[WIRE_ERR_TRYAGAIN] = EAGAIN,
		[WIRE_ERR_AUTH] = EPERM,
		[WIRE_ERR_INVALID_PREFORK] = ESRCH,
		[WIRE_ERR_RFORK_FAILED] = EIO,
		[WIRE_ERR_INEXEC] = EBUSY,
		[WIRE_ERR_NOMEM] = ENOMEM,
		[WIRE_ERR_MALFORMED] = EINVAL,
	};

	if (h->wh_class != WIRE_ERROR)
		return 0;
	if (h->wh_u >= sizeof(errors) / sizeof(errors[0]))
		return EINVAL;
	return errors[h->wh_u];
}

/* Make a handshake; a link that has not answered well is of no use. */
static int
greet(struct link *lk, struct call *ca)
{
	struct held he;
	int32_t answer;
	int error;

	client_signals_hold(&he);
	error = link_call(lk, ca, &he.he_mask);
	client_signals_release(&he);
	if (error != 0)
		return error;
	error = client_answer_error(&ca->ca_answer);
	if (error != 0)
		return error;
	if (!wire_get_welcome(ca->ca_payload, ca->ca_len, &answer))
		return EPROTO;
	return answer == 0 ? 0 : EPROTO;
}

static int
greet_by_name(struct link *lk, enum wire_kind kind)
{
	char name[CLIENT_NAME_MAX];
	struct call ca = { .ca_data = name };

	client_name(name);
	ca.ca_datalen = strlen(name) + 1;
	ca.ca_framelen = wire_put_hello(&ca.ca_frame, 0, kind, ca.ca_datalen);
	return greet(lk, &ca);
}

static int
greet_by_auth(struct link *lk, const uint32_t *auth, bool cancel)
{
	struct call ca = { .ca_datalen = 0 };
	int error;

	ca.ca_framelen = wire_put_fork(&ca.ca_frame, 0, auth, cancel);
	error = greet(lk, &ca);
	/* Nobody answers to a cancellation. */
	return cancel && error == ENOTCONN ? ECANCELED : error;
}

int
client_greet_exec(struct link *lk)
{
	return greet_by_name(lk, WIRE_EXEC);
}

int
client_open(const uint32_t *auth, bool cancel, struct link **lkp)
{
	struct wire_banner wb;
	struct link *lk;
	int fd, error;

	error = client_connect(&client_address, &fd, &wb);
	if (error == 0)
		error = link_create(fd, -1, WIRE_NEW, client_is_ours(&wb), &lk);
	if (error != 0)
		return error;
	if (auth != NULL)
		error = greet_by_auth(lk, auth, cancel);
	else
		error = greet_by_name(lk, WIRE_GUEST);
	if (error != 0) {
		link_unref(lk);
		return error;
	}
	*lkp = lk;
	return 0;
}

static int
parse_server(void)
{
	const char *url = getenv("RUMP__PARSEDSERVER");
	char cwd[ADDRESS_PATH_MAX];
	enum address_error ae;

	if (url == NULL)
		url = getenv("RUMP_SERVER");
	if (url == NULL) {
		fprintf(stderr, "rumpclient: RUMP_SERVER is not set\n");
		return ENOENT;
	}
	ae = address_parse(url, &client_address);
	if (ae == ADDRESS_OK)
		ae = address_check_client(&client_address);
	if (ae == ADDRESS_OK && address_is_relative(&client_address)) {
		client_address_was_relative = true;
		ae = ADDRESS_TOOLONG;
		if (syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0)
			ae = address_make_absolute(&client_address, cwd);
	}
	if (ae != ADDRESS_OK)
		fprintf(
		    stderr, "rumpclient: %s: %s\n", url, address_strerror(ae));
	return address_errno(ae, EOPNOTSUPP, ENAMETOOLONG);
}

static int
become_client(void)
{
	char url[ADDRESS_URL_MAX];
	struct link *lk;
	int error;

	error = client_host_init();
	if (error == 0)
		error = parse_server();
	if (error == 0)
		error = notice_forks();
	if (error != 0)
		return error;
	error = client_exec_resume(&lk);
	if (error == ENOENT)
		error = client_open(NULL, false, &lk);
	if (error == 0)
		return client_install(lk);
	address_format(&client_address, url);
	fprintf(stderr, "rumpclient: no connection to %s: %s\n", url,
	    strerror(error));
	return error;
}

static bool
is_client(void)
{
	struct link *lk;
	struct held he;

	client_signals_hold(&he);
	lk = client_get();
	if (lk != NULL)
		link_unref(lk);
	client_signals_release(&he);
	return lk != NULL;
}

/* Connecting sleeps, with the signals of the program. */
int
rumpclient_init(void)
{
	int error = 0;

	(void)pthread_mutex_lock(&init_lock);
	if (!is_client())
		error = become_client();
	(void)pthread_mutex_unlock(&init_lock);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

/* Calls. */

static int
call_once(struct call *ca, bool *connected)
{
	struct link *lk;
	struct held he;
	int error = ENOTCONN;

	client_signals_hold(&he);
	lk = client_get();
	*connected = lk != NULL;
	if (lk != NULL) {
		error = link_call(lk, ca, &he.he_mask);
		link_unref(lk);
	}
	client_signals_release(&he);
	return error;
}

static void
end_connecting(void)
{
	struct held he;

	client_signals_hold(&he);
	(void)pthread_mutex_lock(&client_lock);
	connecting = false;
	atomic_fetch_add(&attempts, 1);
	(void)pthread_mutex_unlock(&client_lock);
	(void)syscall(
	    SYS_futex, &attempts, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	client_signals_release(&he);
}

/*
 * One thread connects for all.  The others wait for its attempt to end, but not
 * for ever: a signal handler may have jumped out of it.  false: it is another
 * one, or a connection is there already.
 */
static bool
begin_connecting(void)
{
	static const struct timespec patience = { .tv_sec = 5 };
	uint32_t attempt;
	struct held he;
	bool mine, wait;

	client_signals_hold(&he);
	(void)pthread_mutex_lock(&client_lock);
	attempt = atomic_load(&attempts);
	wait = connecting && !has_living_link();
	mine = !connecting && !has_living_link();
	connecting |= mine;
	(void)pthread_mutex_unlock(&client_lock);
	client_signals_release(&he);
	if (wait &&
	    syscall(SYS_futex, &attempts, FUTEX_WAIT_PRIVATE, attempt,
		&patience, NULL, 0) == -1 &&
	    errno == ETIMEDOUT)
		end_connecting();
	return mine;
}

/* The server is gone: be a new process of the next one, if that is wanted. */
static bool
reconnect(struct retry *re)
{
	struct link *lk;

	if (!client_retry_again(re))
		return false;
	if (!begin_connecting())
		return true;
	if (client_open(NULL, false, &lk) == 0)
		(void)client_install(lk);
	end_connecting();
	return true;
}

int
client_call(struct call *ca)
{
	static const struct timespec pause = { .tv_nsec = TRYAGAIN_PAUSE_NS };
	struct retry re = { 0 };
	bool connected;
	int error;

	for (;;) {
		error = call_once(ca, &connected);
		if (error == 0 &&
		    client_answer_error(&ca->ca_answer) == EAGAIN) {
			(void)nanosleep(&pause, NULL);
			continue;
		}
		if (error != ENOTCONN || !connected || !reconnect(&re))
			return error;
	}
}

/* An errno of the kernel; what it may say beyond is not for programs. */
static int
kernel_error(int error)
{
	if (error == RUMP_ERESTART)
		return RUMP_EINTR;
	return error < 0 ? RUMP_EINVAL : error;
}

int
rumpclient_syscall(int num, const void *args, size_t len, register_t retval[2])
{
	struct call ca = { .ca_data = args, .ca_datalen = len };
	struct wire_sysret ws;
	int error;

	if (len > WIRE_ARGS_MAX)
		return EINVAL;
	ca.ca_framelen = wire_put_syscall(&ca.ca_frame, 0, num, len);
	error = client_call(&ca);
	if (error == 0)
		error = client_answer_error(&ca.ca_answer);
	if (error != 0)
		return error;
	if (!wire_get_sysret(ca.ca_payload, ca.ca_len, &ws))
		return EPROTO;
	if (ca.ca_fault)
		return EFAULT; /* and what the server says comes of that */
	if (ws.ws_error != 0)
		return kernel_error(ws.ws_error);
	retval[0] = ws.ws_retval[0];
	retval[1] = ws.ws_retval[1];
	return 0;
}

/* For the rump_sys_*() functions, which librump has, too. */
int
rump_syscall(int num, const void *args, size_t len, int64_t retval[2])
{
	return rumpclient_syscall(num, args, len, retval);
}

void
rumpclient_setconnretry(time_t retry)
{
	client_retry_set(retry);
}

/* The program closes fd and all above it. */
static void
close_around(const int ours[2], int *fd)
{
	int high = ours[0] < ours[1] ? ours[1] : ours[0];

	for (; *fd <= high; (*fd)++)
		if (*fd != ours[0] && *fd != ours[1])
			(void)host_close(*fd);
}

int
rumpclient__closenotify(int *fd, enum rumpclient_closevariant variant)
{
	struct link *lk;
	struct held he;
	int ours[2], error = 0;

	client_signals_hold(&he);
	lk = client_get();
	if (lk == NULL)
		goto out;
	link_descriptors(lk, ours);
	if (variant == RUMPCLIENT_CLOSE_FCLOSEM)
		close_around(ours, fd);
	else if (*fd == ours[0] || *fd == ours[1])
		error = link_move(lk, *fd);
	link_unref(lk);
out:
	client_signals_release(&he);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}
