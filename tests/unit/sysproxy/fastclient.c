/* SPDX-License-Identifier: BSD-2-Clause */
#include "fastclient.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lib/carefulcopy.h"

#define AREA_BYTES ((size_t)FAST_AREA)

bool
fastclient_send(struct fastclient *fc, const struct fast_message *m,
    const void *payload, int fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)m, sizeof(*m) },
		{ (void *)(uintptr_t)payload, m->fm_len },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (payload == NULL)
		mh.msg_iovlen = 1;
	if (fd >= 0) {
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
	}
	return sendmsg(fc->fc_fd, &mh, MSG_NOSIGNAL) > 0;
}

bool
fastclient_receive(struct fastclient *fc, struct fast_message *m, int *fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm;
	int got = -1;

	if (recvmsg(fc->fc_fd, &mh, MSG_WAITALL | MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(*m))
		return false;
	cm = CMSG_FIRSTHDR(&mh);
	if (cm != NULL && cm->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(cm), sizeof(got));
	if (fd != NULL)
		*fd = got;
	else if (got >= 0)
		close(got);
	return true;
}

int
fastclient_hello(struct fastclient *fc, int fd, bool novm)
{
	struct fast_message m = {
		.fm_type = FAST_HELLO,
		.fm_arg = FAST_VERSION,
		.fm_addr = (novm ? FAST_NO_VM : 0) |
			   (fc->fc_counting ? FAST_COUNTING : 0),
		.fm_pad = fc->fc_children,
	};
	int memfd;

	fc->fc_fd = fd;
	if (!fastclient_send(fc, &m, NULL, -1))
		return -1;
	do {
		if (!fastclient_receive(fc, &m, &memfd))
			return -1;
	} while (m.fm_type == FAST_MADE);
	if (m.fm_type == FAST_REFUSED)
		return (int)m.fm_arg;
	if (m.fm_type != FAST_WELCOME || memfd < 0)
		return -1;
	fc->fc_pid = (int32_t)m.fm_arg;
	fc->fc_flags = m.fm_addr;
	fc->fc_area = mmap(
	    NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	close(memfd);
	return fc->fc_area == MAP_FAILED ? -1 : 0;
}

int
fastclient_fork(struct fastclient *fc)
{
	struct fast_message m = { .fm_type = FAST_CHILD };
	const int on = 1;
	int fds[2];
	bool sent;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	sent = fastclient_send(fc, &m, NULL, fds[1]);
	close(fds[1]);
	if (sent) {
		fc->fc_children++;
		return fds[0];
	}
	close(fds[0]);
	return -1;
}

void
fastclient_close(struct fastclient *fc)
{
	close(fc->fc_fd);
	if (fc->fc_area != NULL)
		munmap(fc->fc_area, AREA_BYTES);
	fc->fc_area = NULL;
}

bool
fastclient_start(struct fastclient *fc, unsigned slot)
{
	struct fast_message m = { .fm_type = FAST_START, .fm_arg = slot };

	return fastclient_send(fc, &m, NULL, -1);
}

static void
hand_over(struct fast_slot *sl, uint32_t state)
{
	atomic_store(&sl->sl_state, state);
	if ((atomic_load(&sl->sl_sleeping) & FAST_SLEEPS_SERVER) != 0)
		syscall(SYS_futex, &sl->sl_state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
stage(struct fast_slot *sl, const struct fastin *in)
{
	uint32_t used = 0;

	sl->sl_nin = 0;
	for (; in != NULL && in->fi_addr != NULL; in++) {
		memcpy(fast_data(sl) + used, in->fi_addr, in->fi_len);
		sl->sl_in[sl->sl_nin++] = (struct fast_range){
			(uintptr_t)in->fi_addr,
			in->fi_len,
			used,
		};
		used += in->fi_len;
	}
	sl->sl_inlen = used;
}

void
fastclient_request(struct fastclient *fc, unsigned slot, int num,
    const int64_t *args, const struct fastin *in)
{
	struct fast_slot *sl = fast_slot(fc->fc_area, slot);

	sl->sl_num = num;
	sl->sl_flags = 0;
	sl->sl_sequence++;
	sl->sl_children = fc->fc_children;
	sl->sl_cpu = (uint32_t)sched_getcpu();
	memset(sl->sl_args, 0, sizeof(sl->sl_args));
	if (args != NULL)
		memcpy(sl->sl_args, args, sizeof(sl->sl_args));
	stage(sl, in);
	hand_over(sl, FAST_REQUEST);
}

static uint32_t
await(struct fastclient *fc, struct fast_slot *sl)
{
	const struct timespec second = { 1, 0 };
	struct pollfd pfd = { .fd = fc->fc_fd, .events = POLLRDHUP };
	uint32_t state;

	for (;;) {
		state = atomic_load(&sl->sl_state);
		if (state != FAST_REQUEST && state != FAST_SERVED)
			return state;
		if (fc->fc_spin) {
			__builtin_ia32_pause();
			continue;
		}
		atomic_fetch_or(&sl->sl_sleeping, FAST_SLEEPS_CLIENT);
		if (atomic_load(&sl->sl_state) == state &&
		    syscall(SYS_futex, &sl->sl_state, FUTEX_WAIT, state,
			&second, NULL, 0) != 0 &&
		    errno == ETIMEDOUT && poll(&pfd, 1, 0) > 0 &&
		    (pfd.revents & (POLLHUP | POLLRDHUP)) != 0)
			return FAST_DEAD;
		atomic_fetch_and(&sl->sl_sleeping, ~FAST_SLEEPS_CLIENT);
	}
}

static int
copy(void *to, const void *from, size_t len)
{
	return careful_copy(to, from, len) ? 0 : 14;
}

static uint32_t
serve_string(struct fast_slot *sl)
{
	uint64_t i;

	for (i = 0; i < sl->sl_len; i++) {
		char *to = fast_data(sl) + sl->sl_off + i;

		if (copy(to, (char *)sl->sl_addr + i, 1) != 0)
			return 14;
		if (*to == '\0') {
			sl->sl_len = i + 1;
			return 0;
		}
	}
	return 63;
}

static void
serve(struct fastclient *fc, struct fast_slot *sl)
{
	char *addr = (char *)sl->sl_addr, *data = fast_data(sl) + sl->sl_off;

	fc->fc_services++;
	fc->fc_ops[sl->sl_op % 8]++;
	sl->sl_status = 0;
	switch (sl->sl_op) {
	case FAST_COPYIN:
		sl->sl_status = copy(data, addr, sl->sl_len);
		break;
	case FAST_COPYOUT:
		sl->sl_status = copy(addr, data, sl->sl_len);
		break;
	case FAST_COPYINSTR:
		sl->sl_status = serve_string(sl);
		break;
	default:
		if (fc->fc_service != NULL)
			fc->fc_service(fc, sl);
		break;
	}
	hand_over(sl, FAST_SERVED);
}

int64_t
fastclient_reply(struct fastclient *fc, unsigned slot, int64_t *retval)
{
	struct fast_slot *sl = fast_slot(fc->fc_area, slot);
	uint32_t state;
	int64_t error;

	while ((state = await(fc, sl)) == FAST_SERVICE)
		serve(fc, sl);
	if (state != FAST_REPLY)
		return -1;
	error = sl->sl_error;
	if (retval != NULL)
		memcpy(retval, sl->sl_retval, sizeof(sl->sl_retval));
	for (uint32_t i = 0; i < sl->sl_nout; i++) {
		const struct fast_range *r = &sl->sl_out[i];

		if (copy((void *)r->fr_addr, fast_data(sl) + r->fr_off,
			r->fr_len) != 0)
			error = 14;
	}
	atomic_store(&sl->sl_state, FAST_IDLE);
	return error;
}

int64_t
fastclient_call(struct fastclient *fc, unsigned slot, int num,
    const int64_t *args, const struct fastin *in, int64_t *retval)
{
	fastclient_request(fc, slot, num, args, in);
	return fastclient_reply(fc, slot, retval);
}
