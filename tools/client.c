/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slot 0 is enough for one thread.  What a call reads travels with it; the
 * server may ask for the rest, and gets what the caller has named and nothing
 * else: it is a stranger that an address has led to.
 */
#include "tools/client.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "preload/ask.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "sysproxy/fast.h"
#include "sysproxy/wire.h"
#include "tools/serverurl.h"

#define NAME "rumpkit"
#define LOOK_SECONDS 1 /* how often a sleeper looks whether it is alone */

struct client {
	int cl_fd; /* control connection; -1: of a tree */
	struct fast_slot *cl_slot;
	uint32_t cl_sequence;
};

static int __attribute__((__format__(__printf__, 3, 4)))
fail(char *text, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	return -1;
}

/* All of it; false with errno, 0 at the end of the stream. */
static bool
receive(int fd, void *buf, size_t len)
{
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = recv(fd, (char *)buf + got, len - got, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? 0 : errno;
			return false;
		}
		got += (size_t)n;
	}
	return true;
}

static bool
send_all(int fd, const void *a, size_t alen, const void *b, size_t blen)
{
	struct iovec iov[2] = { { (void *)a, alen }, { (void *)b, blen } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	return sendmsg(fd, &mh, MSG_NOSIGNAL) == (ssize_t)(alen + blen);
}

static int
open_socket(const char *url, int *fdp, char *text, size_t size)
{
	struct address ad = serverurl_address(url);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, error;

	if (ad.ad_family != ADDRESS_UNIX)
		return fail(text, size,
		    "%s: only servers at unix:// addresses can be asked", url);
	memcpy(sun.sun_path, ad.ad_path, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(text, size, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		error = errno;
		close(fd);
		return fail(text, size, "%s: %s%s", url, strerror(error),
		    error == ECONNREFUSED || error == ENOENT
			? "; no server listens there"
			: "");
	}
	*fdp = fd;
	return 0;
}

/* Byte by byte, since nothing behind the newline may be read. */
static int
read_banner(int fd, const char *url, char *text, size_t size)
{
	enum wire_bannerstate state = WIRE_BANNER_MORE;
	char line[WIRE_BANNER_MAX];
	struct wire_banner wb;
	size_t len = 0;

	while (state == WIRE_BANNER_MORE && len < sizeof(line)) {
		if (!receive(fd, &line[len], 1))
			return fail(text, size,
			    "%s: the server hung up; it may be full, or not"
			    " admit this user",
			    url);
		state = wire_banner_parse(line, ++len, &wb);
	}
	if (state == WIRE_BANNER_OK && strcmp(wb.wb_word, FAST_BANNER) == 0)
		return 0;
	if (state == WIRE_BANNER_OK || state == WIRE_BANNER_VERSION ||
	    state == WIRE_BANNER_MACHINE)
		return fail(text, size,
		    "%s: a rump kernel's server, but not rumpkit's of this"
		    " version: it cannot be asked",
		    url);
	return fail(text, size, "%s: no rump kernel's server", url);
}

/* From the classic protocol to the fast one. */
static int
upgrade(int fd, const char *url, char *text, size_t size)
{
	struct wire_frame f;
	struct wire_hdr h;
	int32_t error;
	size_t len;

	len = wire_put_hello(&f, 1, FAST_HANDSHAKE, sizeof(NAME));
	if (!send_all(fd, &f, len, NAME, sizeof(NAME)) ||
	    !receive(fd, &h, sizeof(h)))
		return fail(text, size, "%s: the server hung up", url);
	if (h.wh_class != WIRE_RESP || h.wh_len != sizeof(h) + sizeof(error) ||
	    !receive(fd, &error, sizeof(error)) || error != 0)
		return fail(text, size, "%s: the server refuses", url);
	return 0;
}

static int
take_descriptor(struct msghdr *mh)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);
	int fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* The answer to FAST_HELLO: the area. */
static int
receive_welcome(int fd, int *area, char *text, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct fast_message fm;
	struct iovec iov = { &fm, sizeof(fm) };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	if (recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof(fm))
		return fail(text, size, "the server hung up");
	*area = take_descriptor(&mh);
	if (fm.fm_type == FAST_WELCOME && *area >= 0)
		return 0;
	if (*area >= 0)
		close(*area);
	return fail(text, size, "the server refuses: %s",
	    rump_strerror((int)fm.fm_arg));
}

static int
begin(struct client *cl, const char *url, char *text, size_t size)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	struct fast_message hello = {
		.fm_type = FAST_HELLO,
		.fm_arg = FAST_VERSION,
		/* Nobody needs to look into this process. */
		.fm_addr = FAST_NO_VM,
	};
	struct fast_message start = { .fm_type = FAST_START };
	char reason[128];
	struct stat st;
	void *slot;
	int area = -1;

	if (!send_all(cl->cl_fd, &hello, sizeof(hello), NULL, 0))
		return fail(text, size, "%s: the server hung up", url);
	if (receive_welcome(cl->cl_fd, &area, reason, sizeof(reason)) != 0)
		return fail(text, size, "%s: %s", url, reason);
	/* Memory that might go away could not be touched safely. */
	if ((fcntl(area, F_GET_SEALS) & seals) != seals ||
	    fstat(area, &st) != 0 || st.st_size < FAST_SLOT_SIZE) {
		close(area);
		return fail(text, size,
		    "%s: the server's shared memory is not sealed, or too"
		    " small",
		    url);
	}
	slot = mmap(
	    NULL, FAST_SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, area, 0);
	close(area);
	if (slot == MAP_FAILED)
		return fail(text, size, "mmap: %s", strerror(errno));
	cl->cl_slot = slot;
	if (!send_all(cl->cl_fd, &start, sizeof(start), NULL, 0))
		return fail(text, size, "%s: the server hung up", url);
	return 0;
}

int
client_connect(const char *url, struct client **clp, char *text, size_t size)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return fail(text, size, "out of memory");
	if (open_socket(url, &cl->cl_fd, text, size) != 0) {
		free(cl);
		return -1;
	}
	if (read_banner(cl->cl_fd, url, text, size) != 0 ||
	    upgrade(cl->cl_fd, url, text, size) != 0 ||
	    begin(cl, url, text, size) != 0) {
		client_disconnect(cl);
		return -1;
	}
	*clp = cl;
	return 0;
}

/* The hijack library's, where this process has it. */
static struct {
	__typeof__(rumphijack_report) *report;
	__typeof__(rumphijack_syscall) *syscall;
} library;

bool
client_in_tree(void)
{
	void *report = dlsym(RTLD_DEFAULT, "rumphijack_report");
	void *call = dlsym(RTLD_DEFAULT, "rumphijack_syscall");

	if (report == NULL || call == NULL)
		return false;
	memcpy(&library.report, &report, sizeof(report));
	memcpy(&library.syscall, &call, sizeof(call));
	return true;
}

bool
client_reaches_tree(void)
{
	const int64_t args[CLIENT_ARGS] = { 0 };
	int64_t retval[2];

	return library.syscall(RUMP_SYS_getpid, args, retval) == 0;
}

int
client_of_tree(struct client **clp, char *text, size_t size)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return fail(text, size, "out of memory");
	cl->cl_fd = -1;
	*clp = cl;
	return 0;
}

bool
client_is_of_tree(const struct client *cl)
{
	return cl->cl_fd < 0;
}

void
client_disconnect(struct client *cl)
{
	if (cl->cl_fd < 0) {
		free(cl);
		return;
	}
	if (cl->cl_slot != NULL)
		munmap(cl->cl_slot, FAST_SLOT_SIZE);
	close(cl->cl_fd);
	free(cl);
}

static long
futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *ts)
{
	return syscall(SYS_futex, word, op, value, ts, NULL, 0);
}

static void
hand_over(struct fast_slot *sl, uint32_t state)
{
	atomic_store(&sl->sl_state, state);
	if ((atomic_load(&sl->sl_sleeping) & FAST_SLEEPS_SERVER) != 0)
		futex(&sl->sl_state, FUTEX_WAKE, 1, NULL);
}

/* Nothing comes on the control connection but its end, or a descriptor that
 * nobody has asked for. */
static bool
hung_up(const struct client *cl)
{
	struct pollfd p = { .fd = cl->cl_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static uint32_t
await(struct client *cl, uint32_t state)
{
	struct fast_slot *sl = cl->cl_slot;
	struct timespec ts = { .tv_sec = LOOK_SECONDS };
	uint32_t now;

	while ((now = atomic_load(&sl->sl_state)) == state) {
		atomic_fetch_or(&sl->sl_sleeping, FAST_SLEEPS_CLIENT);
		if (futex(&sl->sl_state, FUTEX_WAIT, state, &ts) != 0 &&
		    errno == ETIMEDOUT && hung_up(cl))
			now = FAST_DEAD;
		atomic_fetch_and(&sl->sl_sleeping, ~FAST_SLEEPS_CLIENT);
		if (now == FAST_DEAD)
			break;
	}
	return now;
}

/* Is [addr, addr + len) the caller's to give?  Its address, or NULL. */
static char *
lookup(const struct client_call *cc, uint64_t addr, uint64_t len, bool write)
{
	const struct client_memory *cm;
	uint64_t base;

	for (cm = cc->cc_memory; cm < cc->cc_memory + CLIENT_MEMORIES; cm++) {
		base = write ? (uint64_t)(uintptr_t)cm->cm_out
			     : (uint64_t)(uintptr_t)cm->cm_in;
		if (base != 0 && addr >= base && len <= cm->cm_len &&
		    addr - base <= cm->cm_len - len)
			return (char *)(uintptr_t)addr;
	}
	return NULL;
}

static uint32_t
copy_string(const struct client_call *cc, struct fast_slot *sl, uint64_t addr,
    char *data, uint64_t max)
{
	const char *p;
	uint64_t i;

	for (i = 0; i < max; i++) {
		p = lookup(cc, addr + i, 1, false);
		if (p == NULL)
			return RUMP_EFAULT;
		data[i] = *p;
		if (*p == '\0') {
			sl->sl_len = i + 1;
			return 0;
		}
	}
	return RUMP_ENAMETOOLONG;
}

/* What the server asks for in mid-call; it may change its mind meanwhile, so each
 * word is read once. */
static uint32_t
serve(const struct client_call *cc, struct fast_slot *sl)
{
	const volatile struct fast_slot *asked = sl;
	uint32_t op = asked->sl_op;
	uint64_t len = asked->sl_len, off = asked->sl_off;
	uint64_t addr = asked->sl_addr;
	char *mine, *data;

	if (op != FAST_COPYIN && op != FAST_COPYOUT && op != FAST_COPYINSTR)
		return 0; /* maps and signals are not for us */
	if (off > FAST_DATA || (op != FAST_COPYINSTR && len > FAST_DATA - off))
		return RUMP_EFAULT;
	data = fast_data(sl) + off;
	if (op == FAST_COPYINSTR)
		return copy_string(cc, sl, addr, data,
		    len < FAST_DATA - off ? len : FAST_DATA - off);
	mine = lookup(cc, addr, len, op == FAST_COPYOUT);
	if (mine == NULL)
		return RUMP_EFAULT;
	memcpy(op == FAST_COPYIN ? data : mine, op == FAST_COPYIN ? mine : data,
	    len);
	return 0;
}

static void
put_input(struct fast_slot *sl, const struct client_call *cc)
{
	const struct client_memory *cm;
	uint32_t used = 0, n = 0;

	for (cm = cc->cc_memory; cm < cc->cc_memory + CLIENT_MEMORIES; cm++) {
		if (cm->cm_in == NULL || cm->cm_len > FAST_DATA - used)
			continue;
		memcpy(fast_data(sl) + used, cm->cm_in, cm->cm_len);
		sl->sl_in[n++] = (struct fast_range){
			.fr_addr = (uint64_t)(uintptr_t)cm->cm_in,
			.fr_len = (uint32_t)cm->cm_len,
			.fr_off = used,
		};
		used += (uint32_t)cm->cm_len;
	}
	sl->sl_nin = n;
	sl->sl_inlen = used;
}

/* False: the server writes where it should not. */
static bool
take_output(const volatile struct fast_slot *sl, const struct client_call *cc)
{
	uint32_t i, len, off, n = sl->sl_nout;
	char *mine;

	for (i = 0; i < n && i < FAST_RANGES; i++) {
		len = sl->sl_out[i].fr_len;
		off = sl->sl_out[i].fr_off;
		mine = lookup(cc, sl->sl_out[i].fr_addr, len, true);
		if (mine == NULL || off > FAST_DATA || len > FAST_DATA - off)
			return false;
		memcpy(mine, fast_data((struct fast_slot *)sl) + off, len);
	}
	return true;
}

int
client_call(struct client *cl, struct client_call *cc)
{
	struct fast_slot *sl = cl->cl_slot;
	uint32_t state;

	if (cl->cl_fd < 0)
		return library.syscall(cc->cc_num, cc->cc_args, cc->cc_retval);
	sl->sl_num = cc->cc_num;
	sl->sl_flags = 0;
	sl->sl_cpu = (uint32_t)sched_getcpu();
	sl->sl_sequence = ++cl->cl_sequence;
	memcpy(sl->sl_args, cc->cc_args, sizeof(cc->cc_args));
	put_input(sl, cc);
	hand_over(sl, FAST_REQUEST);
	state = await(cl, FAST_REQUEST);
	while (state == FAST_SERVICE) {
		sl->sl_status = serve(cc, sl);
		hand_over(sl, FAST_SERVED);
		state = await(cl, FAST_SERVED);
	}
	if (state != FAST_REPLY || !take_output(sl, cc))
		return -1;
	memcpy(cc->cc_retval, sl->sl_retval, sizeof(cc->cc_retval));
	state = (uint32_t)sl->sl_error;
	atomic_store(&sl->sl_state, FAST_IDLE);
	return (int)state;
}

void
client_await_end(const struct client *cl)
{
	char rest[256];
	ssize_t n;

	do
		n = recv(cl->cl_fd, rest, sizeof(rest), 0);
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* The first size bytes of a report. */
static int
report_head(
    struct client *cl, const char *name, char *buf, size_t size, size_t *got)
{
	struct client_call cc = {
		.cc_num = FASTCALL_REPORT,
		.cc_args = { (int64_t)(uintptr_t)name, 0,
		    (int64_t)(uintptr_t)buf, (int64_t)size },
		.cc_memory = { { .cm_in = name, .cm_len = strlen(name) + 1 },
		    { .cm_out = buf, .cm_len = size } },
	};
	int error = client_call(cl, &cc);

	if (error == 0 && (uint64_t)cc.cc_retval[0] > size)
		return -1;
	*got = (size_t)cc.cc_retval[0];
	return error;
}

struct collection {
	char *co_text;
	size_t co_len;
	bool co_failed;
};

static void
collect(const char *text, size_t len, void *arg)
{
	struct collection *co = arg;
	char *grown = realloc(co->co_text, co->co_len + len + 1);

	if (grown == NULL) {
		co->co_failed = true;
		return;
	}
	memcpy(grown + co->co_len, text, len);
	co->co_text = grown;
	co->co_len += len;
	grown[co->co_len] = '\0';
}

static int
report_of_tree(const char *name, char **textp)
{
	struct collection co = { .co_text = strdup("") };
	int error = library.report(name, collect, &co);

	if (error == 0 && (co.co_failed || co.co_text == NULL))
		error = RUMP_ENOMEM;
	if (error != 0)
		free(co.co_text);
	else
		*textp = co.co_text;
	return error;
}

#define REPORT_USUAL (32 * 1024)
#define REPORT_MOST (64 * 1024 * 1024)

/* In one piece, for it may be another one at the next call. */
int
client_report(struct client *cl, const char *name, char **textp)
{
	size_t size = REPORT_USUAL, got = 0;
	char *text;
	int error;

	if (cl->cl_fd < 0)
		return report_of_tree(name, textp);
	for (;; size *= 2) {
		text = malloc(size + 1);
		if (text == NULL)
			return RUMP_ENOMEM;
		error = report_head(cl, name, text, size, &got);
		if (error != 0 || got < size || size >= REPORT_MOST)
			break;
		free(text);
	}
	if (error != 0) {
		free(text);
		return error;
	}
	text[got] = '\0';
	*textp = text;
	return 0;
}
