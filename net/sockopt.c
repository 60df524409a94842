/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options.  At SOL_SOCKET the protocol is asked first and may veto; what
 * it has no business with is kept by the socket, and what the socket layer
 * itself looks at is recorded in either case.  Names that nobody knows
 * are ENOPROTOOPT at every level.
 */
#include "net/socketvar.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "net/sockbuf.h"

#define NS_PER_SEC 1000000000LL

/* Options that are one bit in so_options. */
#define SWITCHES                                                               \
	(SO_DEBUG | SO_REUSEADDR | SO_KEEPALIVE | SO_DONTROUTE |               \
	    SO_BROADCAST | SO_USELOOPBACK | SO_OOBINLINE | SO_REUSEPORT |      \
	    SO_NOSIGPIPE)

static bool
is_switch(int name)
{
	return (name & SWITCHES) == name && (name & (name - 1)) == 0 &&
	       name > 0;
}

static int
proto_ctl(struct socket *so, enum sockopt_op op, int level, int name, void *val,
    size_t *len)
{
	struct sockopt sopt;
	int error;

	if (so->so_proto->pr_ctloutput == NULL)
		return ENOPROTOOPT;
	sopt.so_op = op;
	sopt.so_level = level;
	sopt.so_name = name;
	sopt.so_val = val;
	sopt.so_len = *len;
	error = so->so_proto->pr_ctloutput(so, &sopt);
	if (error == 0)
		*len = sopt.so_len;
	return error;
}

static int
get_int(const void *val, size_t len, int *vp)
{
	if (len != sizeof(*vp))
		return EINVAL;
	memcpy(vp, val, sizeof(*vp));
	return 0;
}

static int
set_timeout(struct sockbuf *sb, const void *val, size_t len)
{
	struct rump_timeval tv;

	if (len != sizeof(tv))
		return EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return EDOM;
	if (tv.tv_sec < 0 || tv.tv_sec > INT32_MAX)
		return EDOM;
	sb->sb_timeo_ns = tv.tv_sec * NS_PER_SEC + tv.tv_usec * 1000LL;
	return 0;
}

static int
set_size(struct socket *so, int name, int value)
{
	if (value <= 0)
		return EINVAL;
	switch (name) {
	case SO_SNDBUF:
		so->so_snd.sb_hiwat = MIN((size_t)value, SB_MAX);
		break;
	case SO_RCVBUF:
		so->so_rcv.sb_hiwat = MIN((size_t)value, SB_MAX);
		break;
	case SO_SNDLOWAT:
		so->so_snd.sb_lowat = value;
		break;
	case SO_RCVLOWAT:
		so->so_rcv.sb_lowat = value;
		break;
	}
	return 0;
}

static int
set_linger(struct socket *so, const void *val, size_t len)
{
	struct rump_linger lg;

	if (len != sizeof(lg))
		return EINVAL;
	memcpy(&lg, val, sizeof(lg));
	if (lg.l_linger < 0)
		return EINVAL;
	so->so_linger = lg.l_linger;
	if (lg.l_onoff != 0)
		so->so_options |= SO_LINGER;
	else
		so->so_options &= ~(uint32_t)SO_LINGER;
	return 0;
}

/* Enter a value into the socket's own record. */
static int
record_set(struct socket *so, int name, const void *val, size_t len)
{
	int error, value;

	KASSERT(mutex_owned(&so->so_lock));

	switch (name) {
	case SO_LINGER:
		return set_linger(so, val, len);
	case SO_SNDTIMEO:
		return set_timeout(&so->so_snd, val, len);
	case SO_RCVTIMEO:
		return set_timeout(&so->so_rcv, val, len);
	}
	error = get_int(val, len, &value);
	if (error != 0)
		return error;
	if (!is_switch(name))
		return set_size(so, name, value);
	if (value != 0)
		so->so_options |= (uint32_t)name;
	else
		so->so_options &= ~(uint32_t)name;
	return 0;
}

static bool
is_recorded(int name)
{
	switch (name) {
	case SO_LINGER:
	case SO_SNDTIMEO:
	case SO_RCVTIMEO:
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_SNDLOWAT:
	case SO_RCVLOWAT:
		return true;
	}
	return is_switch(name);
}

int
sosetopt(struct socket *so, int level, int name, const void *val, size_t len)
{
	int error, taken;

	if (level != SOL_SOCKET)
		return proto_ctl(so, SOPT_SET, level, name, (void *)val, &len);
	taken = proto_ctl(so, SOPT_SET, level, name, (void *)val, &len);
	if (!is_recorded(name) || (taken != 0 && taken != ENOPROTOOPT))
		return taken;
	mutex_enter(&so->so_lock);
	error = record_set(so, name, val, len);
	mutex_exit(&so->so_lock);
	/* Which values there are is then for the protocol to say. */
	return taken == 0 ? 0 : error;
}

static void
get_timeout(const struct sockbuf *sb, struct rump_timeval *tv)
{
	int64_t ns;

	ns = sb->sb_timeo_ns;
	memset(tv, 0, sizeof(*tv));
	tv->tv_sec = ns / NS_PER_SEC;
	tv->tv_usec = (int32_t)(ns % NS_PER_SEC / 1000);
}

/* The integer value of an option from the socket's own record. */
static int
record_int(struct socket *so, int name, int *value)
{
	switch (name) {
	case SO_TYPE:
		*value = so->so_type;
		return 0;
	case SO_ERROR:
		*value = sotakeerror(so);
		return 0;
	case SO_ACCEPTCONN:
		*value = (so->so_state & SS_LISTENING) != 0;
		return 0;
	case SO_SNDBUF:
		*value = (int)so->so_snd.sb_hiwat;
		return 0;
	case SO_RCVBUF:
		*value = (int)so->so_rcv.sb_hiwat;
		return 0;
	case SO_SNDLOWAT:
		*value = (int)so->so_snd.sb_lowat;
		return 0;
	case SO_RCVLOWAT:
		*value = (int)so->so_rcv.sb_lowat;
		return 0;
	}
	if (!is_switch(name))
		return ENOPROTOOPT;
	*value = (so->so_options & (uint32_t)name) != 0;
	return 0;
}

static int
put_value(const void *src, size_t size, void *val, size_t *len)
{
	*len = MIN(*len, size);
	memcpy(val, src, *len);
	return 0;
}

/* Read the socket's own record. */
static int
record_get(struct socket *so, int name, void *val, size_t *len)
{
	struct rump_timeval tv;
	struct rump_linger lg;
	int error, value;

	KASSERT(mutex_owned(&so->so_lock));

	switch (name) {
	case SO_LINGER:
		lg.l_onoff = (so->so_options & SO_LINGER) != 0;
		lg.l_linger = so->so_linger;
		return put_value(&lg, sizeof(lg), val, len);
	case SO_SNDTIMEO:
		get_timeout(&so->so_snd, &tv);
		return put_value(&tv, sizeof(tv), val, len);
	case SO_RCVTIMEO:
		get_timeout(&so->so_rcv, &tv);
		return put_value(&tv, sizeof(tv), val, len);
	}
	error = record_int(so, name, &value);
	if (error != 0)
		return error;
	return put_value(&value, sizeof(value), val, len);
}

/* True when the protocol may know better than the record. */
static bool
ask_protocol(struct socket *so, int name)
{
	return name != SO_ERROR || so->so_error == 0;
}

int
sogetopt(struct socket *so, int level, int name, void *val, size_t *len)
{
	int error;

	if (level != SOL_SOCKET || ask_protocol(so, name)) {
		error = proto_ctl(so, SOPT_GET, level, name, val, len);
		if (error != ENOPROTOOPT || level != SOL_SOCKET)
			return error;
	}
	mutex_enter(&so->so_lock);
	error = record_get(so, name, val, len);
	mutex_exit(&so->so_lock);
	return error;
}
