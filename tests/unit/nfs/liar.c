/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread serves a few connections with poll(), one call after the other.
 */
#include "tests/unit/nfs/liar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define CONNECTIONS 8
#define REPLY_MAX (1 << 20)
#define CALL_MAX ((1 << 20) + 4096)

answer_t *_Atomic wicked[22];
_Atomic unsigned counts[22];
_Atomic size_t cut, hang_up;
_Atomic unsigned garbage;
static _Atomic bool stopping;
static int listener;
static uint16_t port;
static pthread_t thread;
char text[512];

/* --- answers ------------------------------------------------------------- */

void
put_attr(struct xdr_out *xo, const struct nfs3_fh *fh)
{
	uint8_t kind = fh->fh_data[0];
	bool file = kind == 'f' || kind == 'e';
	uint32_t type = file ? NFS3_REG : kind == 'l' ? NFS3_LNK : NFS3_DIR;

	xdr_put_u32(xo, type);
	xdr_put_u32(xo, kind == 'e' ? 0644 : 0755);
	xdr_put_u32(xo, 1);
	xdr_put_u32(xo, 0);
	xdr_put_u32(xo, 0);
	xdr_put_u64(xo, kind == 'f' ? FILE_SIZE : kind == 'e' ? 0 : 10);
	xdr_put_u64(xo, FILE_SIZE);
	xdr_put_u64(xo, 0);
	xdr_put_u64(xo, 1);
	xdr_put_u64(xo, kind);
	for (int i = 0; i < 6; i++)
		xdr_put_u32(xo, 1000);
}

void
put_opt_attr(struct xdr_out *xo, const struct nfs3_fh *fh)
{
	xdr_put_u32(xo, 1);
	put_attr(xo, fh);
}

static uint32_t
answer_attr(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	put_attr(&x->out, &x->fh);
	return 0;
}

static uint32_t
answer_lookup(struct exchange *x)
{
	struct nfs3_fh found = { .fh_len = 1 };
	const uint8_t *name;
	size_t len;

	name = xdr_get_opaque(&x->args, 255, &len);
	if (len != 1 || strchr("fl", name[0]) == NULL) {
		xdr_put_u32(&x->out, NFS3ERR_NOENT);
	} else {
		found.fh_data[0] = name[0];
		xdr_put_u32(&x->out, NFS3_OK);
		xdr_put_opaque(&x->out, found.fh_data, 1);
		put_opt_attr(&x->out, &found);
	}
	put_opt_attr(&x->out, &x->fh);
	return 0;
}

static uint32_t
answer_access(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	xdr_put_u32(&x->out, 0x3f);
	return 0;
}

static uint32_t
answer_readlink(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	xdr_put_opaque(&x->out, "f", 1);
	return 0;
}

void
put_data(struct exchange *x, uint64_t off, uint32_t count, bool eof)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	xdr_put_u32(&x->out, count);
	xdr_put_u32(&x->out, eof);
	xdr_put_u32(&x->out, count);
	for (uint64_t i = 0; i < XDR_ROUND(count); i++)
		x->out.xo_base[x->out.xo_len + i] = (uint8_t)(off + i);
	x->out.xo_len += XDR_ROUND(count);
}

static uint32_t
answer_read(struct exchange *x)
{
	uint64_t off = xdr_get_u64(&x->args);
	uint32_t count = xdr_get_u32(&x->args);

	if (off > FILE_SIZE)
		off = FILE_SIZE;
	if (count > FILE_SIZE - off)
		count = (uint32_t)(FILE_SIZE - off);
	put_data(x, off, count, off + count == FILE_SIZE);
	return 0;
}

void
put_dir_head(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	xdr_put_u64(&x->out, 0x76);
}

void
put_entry(struct exchange *x, const char *name, uint64_t cookie)
{
	struct nfs3_fh fh = { .fh_len = 1, .fh_data = { (uint8_t)name[0] } };

	xdr_put_u32(&x->out, 1);
	xdr_put_u64(&x->out, (uint8_t)name[0]);
	xdr_put_opaque(&x->out, name, strlen(name));
	xdr_put_u64(&x->out, cookie);
	if (x->proc != NFS3PROC_READDIRPLUS)
		return;
	put_opt_attr(&x->out, &fh);
	xdr_put_u32(&x->out, 1);
	xdr_put_opaque(&x->out, fh.fh_data, 1);
}

void
put_dir_end(struct exchange *x, bool eof)
{
	xdr_put_u32(&x->out, 0);
	xdr_put_u32(&x->out, eof);
}

static uint32_t
answer_readdir(struct exchange *x)
{
	put_dir_head(x);
	put_entry(x, "f", 1);
	put_entry(x, "l", 2);
	put_dir_end(x, true);
	return 0;
}

void
put_numbers(struct exchange *x, size_t n, uint32_t value)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	for (size_t i = 0; i < n; i++)
		xdr_put_u32(&x->out, value);
}

static uint32_t
answer_fsstat(struct exchange *x)
{
	put_numbers(x, 13, 4096);
	return 0;
}

static uint32_t
answer_fsinfo(struct exchange *x)
{
	put_numbers(x, 12, 65536);
	return 0;
}

static uint32_t
answer_pathconf(struct exchange *x)
{
	put_numbers(x, 2, 255);
	xdr_put_u64(&x->out, 0);
	xdr_put_u64(&x->out, 0);
	return 0;
}

/* --- changes -------------------------------------------------------------- */

void
put_wcc(struct xdr_out *xo, const struct nfs3_fh *fh)
{
	uint8_t kind = fh->fh_data[0];

	xdr_put_u32(xo, 1);
	xdr_put_u64(xo, kind == 'f' ? FILE_SIZE : kind == 'e' ? 0 : 10);
	for (int i = 0; i < 4; i++)
		xdr_put_u32(xo, 1000);
	put_opt_attr(xo, fh);
}

uint32_t
answer_status(struct exchange *x, uint32_t status)
{
	xdr_put_u32(&x->out, status);
	put_wcc(&x->out, &x->fh);
	return 0;
}

static uint32_t
answer_change(struct exchange *x)
{
	return answer_status(x, NFS3_OK);
}

/* A thing of the kind that the first letter of the name says. */
static uint32_t
answer_made(struct exchange *x)
{
	struct nfs3_fh made = { .fh_len = 1 };
	const uint8_t *name;
	size_t len;

	name = xdr_get_opaque(&x->args, 255, &len);
	made.fh_data[0] = len > 0 ? name[0] : 'e';
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 1);
	xdr_put_opaque(&x->out, made.fh_data, 1);
	put_opt_attr(&x->out, &made);
	put_wcc(&x->out, &x->fh);
	return 0;
}

static uint32_t
answer_rename(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	put_wcc(&x->out, &x->fh);
	put_wcc(&x->out, &x->fh);
	return 0;
}

static uint32_t
answer_link(struct exchange *x)
{
	struct nfs3_fh dir = { .fh_len = 1, .fh_data = { 'r' } };

	xdr_put_u32(&x->out, NFS3_OK);
	put_opt_attr(&x->out, &x->fh);
	put_wcc(&x->out, &dir);
	return 0;
}

_Atomic uint64_t write_verifier = 0x1234;

void
put_written(struct exchange *x, uint32_t count, uint32_t stable)
{
	(void)answer_status(x, NFS3_OK);
	xdr_put_u32(&x->out, count);
	xdr_put_u32(&x->out, stable);
	xdr_put_u64(&x->out, atomic_load(&write_verifier));
}

static uint32_t
answer_write(struct exchange *x)
{
	uint32_t count, stable;

	(void)xdr_get_u64(&x->args);
	count = xdr_get_u32(&x->args);
	stable = xdr_get_u32(&x->args);
	put_written(x, count, stable);
	return 0;
}

static uint32_t
answer_commit(struct exchange *x)
{
	(void)answer_status(x, NFS3_OK);
	xdr_put_u64(&x->out, atomic_load(&write_verifier));
	return 0;
}

answer_t *const answers[22] = {
	[NFS3PROC_GETATTR] = answer_attr,
	[NFS3PROC_LOOKUP] = answer_lookup,
	[NFS3PROC_ACCESS] = answer_access,
	[NFS3PROC_READLINK] = answer_readlink,
	[NFS3PROC_READ] = answer_read,
	[NFS3PROC_READDIR] = answer_readdir,
	[NFS3PROC_READDIRPLUS] = answer_readdir,
	[NFS3PROC_FSSTAT] = answer_fsstat,
	[NFS3PROC_FSINFO] = answer_fsinfo,
	[NFS3PROC_PATHCONF] = answer_pathconf,
	[NFS3PROC_SETATTR] = answer_change,
	[NFS3PROC_WRITE] = answer_write,
	[NFS3PROC_CREATE] = answer_made,
	[NFS3PROC_MKDIR] = answer_made,
	[NFS3PROC_SYMLINK] = answer_made,
	[NFS3PROC_MKNOD] = answer_made,
	[NFS3PROC_REMOVE] = answer_change,
	[NFS3PROC_RMDIR] = answer_change,
	[NFS3PROC_RENAME] = answer_rename,
	[NFS3PROC_LINK] = answer_link,
	[NFS3PROC_COMMIT] = answer_commit,
};

/* --- the server ---------------------------------------------------------- */

static uint8_t reply[REPLY_MAX];

/* Bytes that are no reply, of a length that varies as well. */
static void
put_garbage(struct exchange *x, unsigned seed)
{
	size_t n = (size_t)rand_r(&seed) % 300;

	xdr_put_u32(&x->out, rand_r(&seed) % 4 != 0 ? 0 : 70);
	for (size_t i = 0; i < n; i++)
		xdr_put_u32(&x->out, rand_r(&seed) % 3 == 0
					 ? (uint32_t)rand_r(&seed)
					 : (uint32_t)rand_r(&seed) % 9);
}

static uint32_t
answer_nfs(struct exchange *x)
{
	answer_t *answer;
	size_t len;
	const uint8_t *fh = xdr_get_opaque(&x->args, NFS3_FHSIZE, &len);

	if (x->proc >= 22)
		return 3;
	x->fh.fh_len = 1;
	x->fh.fh_data[0] = fh != NULL && len > 0 ? fh[0] : 'r';
	x->nth = atomic_fetch_add(&counts[x->proc], 1);
	answer = atomic_load(&wicked[x->proc]);
	if (answer == NULL)
		answer = answers[x->proc];
	if (atomic_load(&garbage) != 0 && x->proc != NFS3PROC_FSINFO) {
		put_garbage(x, atomic_fetch_add(&garbage, 1));
		return 0;
	}
	return answer != NULL ? answer(x) : 3;
}

/* Answer one call; false when the client has gone. */
static bool
serve_one(int fd)
{
	static uint32_t call[CALL_MAX / 4];
	uint32_t mark, prog, status = 0;
	struct exchange x = { 0 };
	struct xdr_out head;
	size_t len, skip, close_after = SIZE_MAX;

	if (recv(fd, &mark, 4, MSG_WAITALL) != 4)
		return false;
	mark = ntohl(mark) & 0x7fffffff;
	if (mark > sizeof(call) || recv(fd, call, mark, MSG_WAITALL) != mark)
		return false;
	prog = ntohl(call[3]);
	x.proc = ntohl(call[5]);
	xdr_in_init(&x.args, call, mark);
	(void)xdr_get_view(&x.args, 28);
	(void)xdr_get_opaque(&x.args, 400, &skip);
	(void)xdr_get_u64(&x.args);
	xdr_out_init(&x.out, reply, sizeof(reply));
	for (int i = 0; i < 7; i++)
		xdr_put_u32(&x.out, 0);
	if (prog == NFS3_PROG) {
		status = answer_nfs(&x);
	} else if (x.proc == MOUNT3PROC_MNT) {
		xdr_put_u32(&x.out, NFS3_OK);
		xdr_put_opaque(&x.out, "r", 1);
		xdr_put_u32(&x.out, 0);
	}
	len = x.out.xo_len;
	if (prog == NFS3_PROG && atomic_load(&cut) != 0 &&
	    len > 28 + atomic_load(&cut) - 1)
		len = 28 + atomic_load(&cut) - 1;
	xdr_out_init(&head, reply, 28);
	xdr_put_u32(&head, 0x80000000 | (uint32_t)(len - 4));
	xdr_put_u32(&head, ntohl(call[0]));
	xdr_put_u32(&head, 1);
	xdr_put_u32(&head, 0);
	xdr_put_u64(&head, 0);
	xdr_put_u32(&head, status);
	if (prog == NFS3_PROG && atomic_load(&hang_up) != 0) {
		close_after = atomic_exchange(&hang_up, 0) - 1;
		if (close_after < len)
			len = close_after;
	}
	for (size_t done = 0; done < len;) {
		ssize_t n = send(fd, reply + done, len - done, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return close_after == SIZE_MAX;
}

static void *
serve(void *arg)
{
	struct pollfd fds[CONNECTIONS];
	nfds_t n = 1;

	fds[0] = (struct pollfd){ listener, POLLIN, 0 };
	while (!atomic_load(&stopping)) {
		poll(fds, n, -1);
		for (nfds_t i = 1; i < n; i++) {
			if (fds[i].revents == 0 || serve_one(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i--] = fds[--n];
		}
		if (fds[0].revents == POLLIN && n < CONNECTIONS)
			fds[n++] =
			    (struct pollfd){ accept(listener, NULL, NULL),
				    POLLIN, 0 };
	}
	while (n > 1)
		close(fds[--n].fd);
	return NULL;
}

void
mount_with(const char *options)
{
	char url[128];

	snprintf(url, sizeof(url),
	    "nfs://127.0.0.1/x?nfsport=%u&mountport=%u%s", port, port, options);
	if (rump_mount_url("/data", url, text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

/* Well again. */
void
reset(void)
{
	for (size_t i = 0; i < 22; i++) {
		atomic_store(&wicked[i], NULL);
		atomic_store(&counts[i], 0);
	}
	atomic_store(&cut, 0);
	atomic_store(&hang_up, 0);
	atomic_store(&garbage, 0);
}

int
case_begin(void **state)
{
	reset();
	mount_with("");
	return 0;
}

int
case_end(void **state)
{
	reset();
	return rump_sys_unmount("/data", 0);
}

int
liar_begin(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	/* Connections inherit it: replies are not to wait for one another. */
	if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) !=
		0 ||
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) != 0)
		return -1;
	port = ntohs(sin.sin_port);
	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		return -1;
	nfspace_set(50000000);
	return rump_init();
}

int
liar_end(void **state)
{
	atomic_store(&stopping, true);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	return 0;
}
