/* SPDX-License-Identifier: BSD-2-Clause */
/* Where one value contains the bits of another it stands first. */
#include "preload/trace_names.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/icmp.h>
#include <linux/sockios.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define NAME(value)                                                            \
	{                                                                      \
		value, #value                                                  \
	}
#define END                                                                    \
	{                                                                      \
		0, ""                                                          \
	}

const struct trace_name trace_families[] = {
	NAME(AF_UNSPEC),
	NAME(AF_UNIX),
	NAME(AF_INET),
	NAME(AF_INET6),
	NAME(AF_NETLINK),
	NAME(AF_PACKET),
	NAME(AF_VSOCK),
	END,
};

const struct trace_name trace_types[] = {
	NAME(SOCK_STREAM),
	NAME(SOCK_DGRAM),
	NAME(SOCK_RAW),
	NAME(SOCK_RDM),
	NAME(SOCK_SEQPACKET),
	NAME(SOCK_PACKET),
	END,
};

const struct trace_name trace_type_flags[] = {
	NAME(SOCK_NONBLOCK),
	NAME(SOCK_CLOEXEC),
	END,
};

const struct trace_name trace_protocols[] = {
	NAME(IPPROTO_IP),
	NAME(IPPROTO_ICMP),
	NAME(IPPROTO_IGMP),
	NAME(IPPROTO_TCP),
	NAME(IPPROTO_UDP),
	NAME(IPPROTO_ICMPV6),
	NAME(IPPROTO_SCTP),
	NAME(IPPROTO_UDPLITE),
	NAME(IPPROTO_MPTCP),
	NAME(IPPROTO_RAW),
	END,
};

const struct trace_name trace_msg_flags[] = {
	NAME(MSG_OOB),
	NAME(MSG_PEEK),
	NAME(MSG_DONTROUTE),
	NAME(MSG_CTRUNC),
	NAME(MSG_TRUNC),
	NAME(MSG_DONTWAIT),
	NAME(MSG_EOR),
	NAME(MSG_WAITALL),
	NAME(MSG_CONFIRM),
	NAME(MSG_ERRQUEUE),
	NAME(MSG_NOSIGNAL),
	NAME(MSG_MORE),
	NAME(MSG_WAITFORONE),
	NAME(MSG_FASTOPEN),
	NAME(MSG_ZEROCOPY),
	NAME(MSG_CMSG_CLOEXEC),
	END,
};

const struct trace_name trace_shutdown[] = {
	NAME(SHUT_RD),
	NAME(SHUT_WR),
	NAME(SHUT_RDWR),
	END,
};

const struct trace_name trace_levels[] = {
	NAME(SOL_SOCKET),
	NAME(IPPROTO_IP),
	NAME(IPPROTO_IPV6),
	NAME(IPPROTO_TCP),
	NAME(IPPROTO_UDP),
	NAME(IPPROTO_ICMPV6),
	NAME(IPPROTO_RAW),
	END,
};

const struct trace_name trace_open_flags[] = {
	NAME(O_CREAT),
	NAME(O_EXCL),
	NAME(O_NOCTTY),
	NAME(O_TRUNC),
	NAME(O_APPEND),
	NAME(O_NONBLOCK),
	NAME(O_SYNC),
	NAME(O_DSYNC),
	NAME(O_ASYNC),
	NAME(O_DIRECT),
	NAME(O_TMPFILE),
	NAME(O_DIRECTORY),
	NAME(O_NOFOLLOW),
	NAME(O_NOATIME),
	NAME(O_CLOEXEC),
	NAME(O_PATH),
	END,
};

const struct trace_name trace_access_modes[] = {
	NAME(R_OK),
	NAME(W_OK),
	NAME(X_OK),
	END,
};

const struct trace_name trace_at_flags[] = {
	NAME(AT_SYMLINK_NOFOLLOW),
	NAME(AT_SYMLINK_FOLLOW),
	NAME(AT_NO_AUTOMOUNT),
	NAME(AT_EMPTY_PATH),
	NAME(AT_STATX_FORCE_SYNC),
	NAME(AT_STATX_DONT_SYNC),
	END,
};

const struct trace_name trace_whence[] = {
	NAME(SEEK_SET),
	NAME(SEEK_CUR),
	NAME(SEEK_END),
	NAME(SEEK_DATA),
	NAME(SEEK_HOLE),
	END,
};

const struct trace_name trace_prot[] = {
	NAME(PROT_READ),
	NAME(PROT_WRITE),
	NAME(PROT_EXEC),
	NAME(PROT_GROWSDOWN),
	NAME(PROT_GROWSUP),
	END,
};

const struct trace_name trace_map_flags[] = {
	NAME(MAP_SHARED_VALIDATE),
	NAME(MAP_SHARED),
	NAME(MAP_PRIVATE),
	NAME(MAP_FIXED),
	NAME(MAP_ANONYMOUS),
	NAME(MAP_GROWSDOWN),
	NAME(MAP_DENYWRITE),
	NAME(MAP_LOCKED),
	NAME(MAP_NORESERVE),
	NAME(MAP_POPULATE),
	NAME(MAP_NONBLOCK),
	NAME(MAP_STACK),
	NAME(MAP_HUGETLB),
	NAME(MAP_SYNC),
	NAME(MAP_FIXED_NOREPLACE),
	END,
};

const struct trace_name trace_advice[] = {
	NAME(MADV_NORMAL),
	NAME(MADV_RANDOM),
	NAME(MADV_SEQUENTIAL),
	NAME(MADV_WILLNEED),
	NAME(MADV_DONTNEED),
	NAME(MADV_FREE),
	NAME(MADV_REMOVE),
	NAME(MADV_DONTFORK),
	NAME(MADV_DOFORK),
	NAME(MADV_MERGEABLE),
	NAME(MADV_UNMERGEABLE),
	NAME(MADV_HUGEPAGE),
	NAME(MADV_NOHUGEPAGE),
	NAME(MADV_DONTDUMP),
	NAME(MADV_DODUMP),
	NAME(MADV_WIPEONFORK),
	NAME(MADV_KEEPONFORK),
	NAME(MADV_COLD),
	NAME(MADV_PAGEOUT),
	END,
};

const struct trace_name trace_msync_flags[] = {
	NAME(MS_ASYNC),
	NAME(MS_INVALIDATE),
	NAME(MS_SYNC),
	END,
};

const struct trace_name trace_remap_flags[] = {
	NAME(MREMAP_MAYMOVE),
	NAME(MREMAP_FIXED),
	END,
};

const struct trace_name trace_fcntl[] = {
	NAME(F_DUPFD),
	NAME(F_GETFD),
	NAME(F_SETFD),
	NAME(F_GETFL),
	NAME(F_SETFL),
	NAME(F_GETLK),
	NAME(F_SETLK),
	NAME(F_SETLKW),
	NAME(F_SETOWN),
	NAME(F_GETOWN),
	NAME(F_SETSIG),
	NAME(F_GETSIG),
	NAME(F_SETOWN_EX),
	NAME(F_GETOWN_EX),
	NAME(F_OFD_GETLK),
	NAME(F_OFD_SETLK),
	NAME(F_OFD_SETLKW),
	NAME(F_SETLEASE),
	NAME(F_GETLEASE),
	NAME(F_NOTIFY),
	NAME(F_DUPFD_CLOEXEC),
	NAME(F_SETPIPE_SZ),
	NAME(F_GETPIPE_SZ),
	NAME(F_ADD_SEALS),
	NAME(F_GET_SEALS),
	END,
};

const struct trace_name trace_ioctl[] = {
	NAME(FIONREAD),
	NAME(FIONBIO),
	NAME(FIOASYNC),
	NAME(FIOCLEX),
	NAME(FIONCLEX),
	NAME(FIOQSIZE),
	NAME(TCGETS),
	NAME(TCSETS),
	NAME(TIOCGWINSZ),
	NAME(TIOCGPGRP),
	NAME(TIOCSPGRP),
	NAME(SIOCATMARK),
	NAME(SIOCOUTQ),
	NAME(SIOCGIFCONF),
	NAME(SIOCGIFNAME),
	NAME(SIOCGIFINDEX),
	NAME(SIOCGIFFLAGS),
	NAME(SIOCGIFADDR),
	NAME(SIOCGIFNETMASK),
	NAME(SIOCGIFBRDADDR),
	NAME(SIOCGIFHWADDR),
	NAME(SIOCGIFMTU),
	NAME(SIOCGSTAMP),
	NAME(SIOCGSTAMPNS),
	NAME(FICLONE),
	NAME(FICLONERANGE),
	NAME(FS_IOC_GETFLAGS),
	NAME(FS_IOC_SETFLAGS),
	END,
};

const struct trace_name trace_epoll_ops[] = {
	NAME(EPOLL_CTL_ADD),
	NAME(EPOLL_CTL_DEL),
	NAME(EPOLL_CTL_MOD),
	END,
};

const struct trace_name trace_flock[] = {
	NAME(LOCK_SH),
	NAME(LOCK_EX),
	NAME(LOCK_UN),
	NAME(LOCK_NB),
	END,
};

const struct trace_name trace_rename_flags[] = {
	NAME(RENAME_NOREPLACE),
	NAME(RENAME_EXCHANGE),
	NAME(RENAME_WHITEOUT),
	END,
};

const struct trace_name trace_fd_flags[] = {
	NAME(O_CLOEXEC),
	NAME(O_NONBLOCK),
	END,
};

static const struct trace_name socket_options[] = {
	NAME(SO_DEBUG),
	NAME(SO_REUSEADDR),
	NAME(SO_TYPE),
	NAME(SO_ERROR),
	NAME(SO_DONTROUTE),
	NAME(SO_BROADCAST),
	NAME(SO_SNDBUF),
	NAME(SO_RCVBUF),
	NAME(SO_KEEPALIVE),
	NAME(SO_OOBINLINE),
	NAME(SO_NO_CHECK),
	NAME(SO_PRIORITY),
	NAME(SO_LINGER),
	NAME(SO_BSDCOMPAT),
	NAME(SO_REUSEPORT),
	NAME(SO_PASSCRED),
	NAME(SO_PEERCRED),
	NAME(SO_RCVLOWAT),
	NAME(SO_SNDLOWAT),
	NAME(SO_RCVTIMEO),
	NAME(SO_SNDTIMEO),
	NAME(SO_BINDTODEVICE),
	NAME(SO_ATTACH_FILTER),
	NAME(SO_DETACH_FILTER),
	NAME(SO_PEERNAME),
	NAME(SO_TIMESTAMP),
	NAME(SO_ACCEPTCONN),
	NAME(SO_PEERSEC),
	NAME(SO_SNDBUFFORCE),
	NAME(SO_RCVBUFFORCE),
	NAME(SO_PASSSEC),
	NAME(SO_TIMESTAMPNS),
	NAME(SO_MARK),
	NAME(SO_TIMESTAMPING),
	NAME(SO_PROTOCOL),
	NAME(SO_DOMAIN),
	NAME(SO_RXQ_OVFL),
	NAME(SO_PEEK_OFF),
	NAME(SO_BUSY_POLL),
	NAME(SO_MAX_PACING_RATE),
	NAME(SO_INCOMING_CPU),
	NAME(SO_COOKIE),
	NAME(SO_INCOMING_NAPI_ID),
	NAME(SO_ZEROCOPY),
	NAME(SO_TXTIME),
	END,
};

static const struct trace_name ip_options[] = {
	NAME(IP_TOS),
	NAME(IP_TTL),
	NAME(IP_HDRINCL),
	NAME(IP_OPTIONS),
	NAME(IP_RECVOPTS),
	NAME(IP_RETOPTS),
	NAME(IP_PKTINFO),
	NAME(IP_MTU_DISCOVER),
	NAME(IP_RECVERR),
	NAME(IP_RECVTTL),
	NAME(IP_RECVTOS),
	NAME(IP_MTU),
	NAME(IP_FREEBIND),
	NAME(IP_TRANSPARENT),
	NAME(IP_RECVORIGDSTADDR),
	NAME(IP_MINTTL),
	NAME(IP_BIND_ADDRESS_NO_PORT),
	NAME(IP_MULTICAST_IF),
	NAME(IP_MULTICAST_TTL),
	NAME(IP_MULTICAST_LOOP),
	NAME(IP_ADD_MEMBERSHIP),
	NAME(IP_DROP_MEMBERSHIP),
	NAME(IP_UNBLOCK_SOURCE),
	NAME(IP_BLOCK_SOURCE),
	NAME(IP_ADD_SOURCE_MEMBERSHIP),
	NAME(IP_DROP_SOURCE_MEMBERSHIP),
	NAME(IP_MSFILTER),
	NAME(IP_MULTICAST_ALL),
	NAME(MCAST_JOIN_GROUP),
	NAME(MCAST_LEAVE_GROUP),
	END,
};

static const struct trace_name ipv6_options[] = {
	NAME(IPV6_ADDRFORM),
	NAME(IPV6_CHECKSUM),
	NAME(IPV6_UNICAST_HOPS),
	NAME(IPV6_MULTICAST_IF),
	NAME(IPV6_MULTICAST_HOPS),
	NAME(IPV6_MULTICAST_LOOP),
	NAME(IPV6_JOIN_GROUP),
	NAME(IPV6_LEAVE_GROUP),
	NAME(IPV6_MTU_DISCOVER),
	NAME(IPV6_MTU),
	NAME(IPV6_RECVERR),
	NAME(IPV6_V6ONLY),
	NAME(IPV6_RECVPKTINFO),
	NAME(IPV6_PKTINFO),
	NAME(IPV6_RECVHOPLIMIT),
	NAME(IPV6_HOPLIMIT),
	NAME(IPV6_RECVTCLASS),
	NAME(IPV6_TCLASS),
	NAME(IPV6_RECVPATHMTU),
	NAME(IPV6_DONTFRAG),
	NAME(IPV6_FREEBIND),
	NAME(IPV6_TRANSPARENT),
	END,
};

static const struct trace_name tcp_options[] = {
	NAME(TCP_NODELAY),
	NAME(TCP_MAXSEG),
	NAME(TCP_CORK),
	NAME(TCP_KEEPIDLE),
	NAME(TCP_KEEPINTVL),
	NAME(TCP_KEEPCNT),
	NAME(TCP_SYNCNT),
	NAME(TCP_LINGER2),
	NAME(TCP_DEFER_ACCEPT),
	NAME(TCP_WINDOW_CLAMP),
	NAME(TCP_INFO),
	NAME(TCP_QUICKACK),
	NAME(TCP_CONGESTION),
	NAME(TCP_THIN_LINEAR_TIMEOUTS),
	NAME(TCP_USER_TIMEOUT),
	NAME(TCP_FASTOPEN),
	NAME(TCP_TIMESTAMP),
	NAME(TCP_NOTSENT_LOWAT),
	NAME(TCP_ULP),
	NAME(TCP_FASTOPEN_CONNECT),
	NAME(TCP_ZEROCOPY_RECEIVE),
	NAME(TCP_INQ),
	END,
};

static const struct trace_name udp_options[] = {
	NAME(UDP_CORK),
	NAME(UDP_ENCAP),
	NAME(UDP_NO_CHECK6_TX),
	NAME(UDP_NO_CHECK6_RX),
	NAME(UDP_SEGMENT),
	NAME(UDP_GRO),
	END,
};

static const struct trace_name icmp6_options[] = {
	NAME(ICMP6_FILTER),
	END,
};

static const struct trace_name raw_options[] = {
	NAME(ICMP_FILTER),
	END,
};

static const struct {
	long level;
	const struct trace_name *names;
} options[] = {
	{ SOL_SOCKET, socket_options },
	{ IPPROTO_IP, ip_options },
	{ IPPROTO_IPV6, ipv6_options },
	{ IPPROTO_TCP, tcp_options },
	{ IPPROTO_UDP, udp_options },
	{ IPPROTO_ICMPV6, icmp6_options },
	{ IPPROTO_RAW, raw_options },
};

const struct trace_name *
trace_options(long level)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].level == level)
			return options[i].names;
	}
	return NULL;
}

void
trace_put_name(struct text *t, const struct trace_name *tn, long value)
{
	for (; tn != NULL && tn->tn_name[0] != '\0'; tn++) {
		if (tn->tn_value == value) {
			text_put(t, tn->tn_name);
			return;
		}
	}
	if (value < 0 || value > 0xffff)
		text_hex(t, (uint64_t)value);
	else
		text_dec(t, value);
}

void
trace_put_flags(
    struct text *t, const char *first, const struct trace_name *tn, long value)
{
	const char *before = "";

	if (first != NULL) {
		text_put(t, first);
		before = "|";
	}
	for (; tn->tn_name[0] != '\0'; tn++) {
		if (tn->tn_value == 0 || (value & tn->tn_value) != tn->tn_value)
			continue;
		value &= ~tn->tn_value;
		text_put(t, before);
		text_put(t, tn->tn_name);
		before = "|";
	}
	if (value != 0 || *before == '\0') {
		text_put(t, before);
		if (value != 0)
			text_hex(t, (uint64_t)value);
		else
			text_char(t, '0');
	}
}
