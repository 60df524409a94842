/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way back: an address that the host tells.  A path such as the kernel makes
 * for sockets (vfs/sockname.c) has a symbolic link beside it that says what the
 * program calls the socket; that needs no kernel, so that a process which cannot
 * reach it sees names too.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "preload/call.h"
#include "preload/readiness.h"
#include "preload/rights.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/unixname.h"
#include "preload/usercopy.h"

#define HEAD offsetof(struct sockaddr_un, sun_path)
#define MESSAGES_MAX 1024 /* the host takes no more at a time */

/* base/rumpkit-RANDOM/ID/s */
#define RANDOM_DIGITS 16
#define ID_DIGITS 8
static const char PREFIX[] = "/rumpkit-";
#define TAIL_LEN (sizeof(PREFIX) - 1 + RANDOM_DIGITS + 1 + ID_DIGITS + 2)

/* An address as the host gives it; a path without a NUL makes it longer than
 * the structure. */
union address {
	sa_family_t ad_family;
	struct sockaddr_un ad_un;
	char ad_bytes[sizeof(struct sockaddr_storage)];
};

bool router_names; /* once true it stays so */

bool
unixname_seen(void)
{
	return __atomic_load_n(&router_names, __ATOMIC_RELAXED);
}

void
unixname_see(void)
{
	if (!unixname_seen())
		__atomic_store_n(&router_names, true, __ATOMIC_RELAXED);
}

static bool
are_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f'))
			return false;
	}
	return true;
}

/* Is path, len bytes and a NUL, one that the kernel binds sockets to? */
static bool
is_kernels(const char *path, size_t len)
{
	const char *tail;

	if (len <= TAIL_LEN)
		return false;
	tail = path + len - TAIL_LEN;
	if (!text_begins(tail, PREFIX))
		return false;
	tail += sizeof(PREFIX) - 1;
	if (!are_digits(tail, RANDOM_DIGITS) || tail[RANDOM_DIGITS] != '/')
		return false;
	tail += RANDOM_DIGITS + 1;
	return are_digits(tail, ID_DIGITS) &&
	       text_equal(tail + ID_DIGITS, "/s");
}

/* Is it the kernel's, which is the user's or root's?  Others may have made a
 * path like its own. */
static bool
is_trusted(const char *link)
{
	struct stat st;

	return HOST(SYS_lstat, link, &st, 0, 0, 0, 0) == 0 &&
	       (st.st_uid == 0 ||
		   (long)st.st_uid == HOST(SYS_geteuid, 0, 0, 0, 0, 0, 0));
}

/* Put the name that was bound in place of the kernel's.  False: it is none, or
 * there is no such name any more. */
static bool
turn_back(union address *ad, socklen_t *len)
{
	char link[sizeof(ad->ad_un.sun_path) + sizeof(".name")];
	size_t n = *len - HEAD - 1; /* a path comes with a NUL */
	struct text t;
	long got;

	if (*len <= HEAD + 1 || *len > sizeof(ad->ad_un) ||
	    ad->ad_family != AF_UNIX || ad->ad_un.sun_path[n] != '\0' ||
	    !is_kernels(ad->ad_un.sun_path, n))
		return false;
	unixname_see();
	text_init(&t, link, sizeof(link));
	text_putn(&t, ad->ad_un.sun_path, n - 2);
	text_put(&t, ".name");
	if (!is_trusted(link))
		return false;
	got = HOST(SYS_readlink, link, ad->ad_un.sun_path,
	    sizeof(ad->ad_un.sun_path), 0, 0, 0);
	if (got <= 0)
		return false;
	ad->ad_bytes[HEAD + (size_t)got] = '\0';
	*len = (socklen_t)(HEAD + (size_t)got + 1);
	return true;
}

/* --- one address ---------------------------------------------------------- */

/* In waitmem. */
struct answer {
	void *an_addr, *an_lenp; /* the program's */
	uint32_t an_room;
	socklen_t an_len;
	union address an_address;
};

static bool
is_accept(const struct call *c)
{
	return c->nr == SYS_accept || c->nr == SYS_accept4;
}

static long
answered(struct call *c)
{
	struct answer *an = (struct answer *)c->scratch[5];
	long result = c->result;
	uint32_t n;

	if (result >= 0) {
		(void)turn_back(&an->an_address, &an->an_len);
		n = an->an_len < an->an_room ? an->an_len : an->an_room;
		if (usercopy_out(&an->an_address, an->an_addr, n) != 0 ||
		    usercopy_out(
			&an->an_len, an->an_lenp, sizeof(an->an_len)) != 0)
			result = -EFAULT;
	}
	if (result == -EFAULT && c->result >= 0 && is_accept(c))
		HOST(SYS_close, c->result, 0, 0, 0, 0, 0);
	waitmem_put(an);
	return result;
}

long
unixname_from(struct call *c, int at)
{
	struct answer *an;
	uint32_t room;

	/* What is wrong with them, the host says. */
	if (c->arg[at] == 0 ||
	    usercopy_in(&room, (void *)c->arg[at + 1], sizeof(room)) != 0 ||
	    (int32_t)room < 0)
		return CALL_TO_HOST;
	an = waitmem_get(sizeof(*an), c);
	if (an == NULL)
		return -ENOMEM;
	an->an_addr = (void *)c->arg[at];
	an->an_lenp = (void *)c->arg[at + 1];
	an->an_room = room;
	an->an_len = sizeof(an->an_address);
	c->arg[at] = (long)&an->an_address;
	c->arg[at + 1] = (long)&an->an_len;
	c->scratch[5] = (uint64_t)an;
	return route_to_host(c, answered);
}

/* --- messages ------------------------------------------------------------- */

/* In waitmem: what there is room for in each message's address. */
struct rooms {
	long (*rs_after)(struct call *c); /* rights_receive()'s */
	unsigned rs_n;
	uint32_t rs_room[];
};

static struct msghdr *
header_at(const struct call *c, unsigned i, bool many)
{
	struct mmsghdr *vec = (struct mmsghdr *)c->arg[1];

	return many ? &vec[i].msg_hdr : (struct msghdr *)vec;
}

static void
turn_back_message(struct msghdr *header, uint32_t room)
{
	union address ad;
	struct msghdr mh;
	socklen_t len;

	if (usercopy_in(&mh, header, sizeof(mh)) != 0 || mh.msg_name == NULL ||
	    mh.msg_namelen > room || mh.msg_namelen > sizeof(ad) ||
	    usercopy_in(&ad, mh.msg_name, mh.msg_namelen) != 0)
		return;
	len = mh.msg_namelen;
	if (!turn_back(&ad, &len))
		return;
	(void)usercopy_out(&ad, mh.msg_name, len < room ? len : room);
	(void)usercopy_out(&len, &header->msg_namelen, sizeof(len));
}

static long
received(struct call *c)
{
	struct rooms *rs = (struct rooms *)c->scratch[5];
	bool many = c->nr == SYS_recvmmsg;
	long n = many ? c->result : c->result >= 0;

	for (long i = 0; i < n && i < (long)rs->rs_n; i++)
		turn_back_message(
		    header_at(c, (unsigned)i, many), rs->rs_room[i]);
	c->after = rs->rs_after;
	waitmem_put(rs);
	return c->after != NULL ? c->after(c) : c->result;
}

/* Does any of the messages ask for an address? */
static bool
read_rooms(const struct call *c, bool many, struct rooms *rs)
{
	struct msghdr mh;
	bool any = false;

	for (unsigned i = 0; i < rs->rs_n; i++) {
		rs->rs_room[i] = 0;
		if (usercopy_in(&mh, header_at(c, i, many), sizeof(mh)) != 0 ||
		    mh.msg_name == NULL || (int32_t)mh.msg_namelen <= 0)
			continue;
		rs->rs_room[i] = mh.msg_namelen;
		any = true;
	}
	return any;
}

long
unixname_receive(struct call *c, bool many)
{
	unsigned n = many ? (unsigned)c->arg[2] : 1;
	long result = rights_receive(c, many);
	struct rooms *rs;

	if (result != CALL_TO_HOST || !unixname_seen())
		return result;
	if (n > MESSAGES_MAX)
		n = MESSAGES_MAX;
	rs = waitmem_get(sizeof(*rs) + n * sizeof(rs->rs_room[0]), c);
	if (rs == NULL)
		return -ENOMEM;
	rs->rs_n = n;
	rs->rs_after = c->after;
	if (!read_rooms(c, many, rs)) {
		waitmem_put(rs);
		return result;
	}
	c->scratch[5] = (uint64_t)rs;
	return route_to_host(c, received);
}
