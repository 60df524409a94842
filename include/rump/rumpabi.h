/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD 7.99 amd64 structures that cross the system call border, under
 * names of their own so that Linux's may stand beside them.  Sizes and
 * offsets are checked at compile time.
 */
#ifndef RUMP_RUMPABI_H
#define RUMP_RUMPABI_H

#include <stddef.h>
#include <stdint.h>

struct rump_timespec {
	int64_t tv_sec;
	int64_t tv_nsec;
};

struct rump_timeval {
	int64_t tv_sec;
	int32_t tv_usec;
};

struct rump_iovec {
	void *iov_base;
	size_t iov_len;
};

struct rump_stat { /* version 50 */
	uint64_t st_dev;
	uint32_t st_mode;
	uint64_t st_ino;
	uint32_t st_nlink;
	uint32_t st_uid;
	uint32_t st_gid;
	uint64_t st_rdev;
	struct rump_timespec st_atim;
	struct rump_timespec st_mtim;
	struct rump_timespec st_ctim;
	struct rump_timespec st_birthtim;
	int64_t st_size;
	int64_t st_blocks;
	int32_t st_blksize;
	uint32_t st_flags;
	uint32_t st_gen;
	uint32_t st_spare[2];
};
_Static_assert(sizeof(struct rump_stat) == 152, "NetBSD struct stat");
_Static_assert(offsetof(struct rump_stat, st_size) == 112, "NetBSD stat");

struct rump_fsid {
	int32_t fsid_val[2];
};

struct rump_statvfs {
	unsigned long f_flag;
	unsigned long f_bsize;
	unsigned long f_frsize;
	unsigned long f_iosize;
	uint64_t f_blocks;
	uint64_t f_bfree;
	uint64_t f_bavail;
	uint64_t f_bresvd;
	uint64_t f_files;
	uint64_t f_ffree;
	uint64_t f_favail;
	uint64_t f_fresvd;
	uint64_t f_syncreads;
	uint64_t f_syncwrites;
	uint64_t f_asyncreads;
	uint64_t f_asyncwrites;
	struct rump_fsid f_fsidx;
	unsigned long f_fsid;
	unsigned long f_namemax;
	uint32_t f_owner;
	uint32_t f_spare[4];
	char f_fstypename[32];
	char f_mntonname[1024];
	char f_mntfromname[1024];
};
_Static_assert(sizeof(struct rump_statvfs) == 2256, "NetBSD struct statvfs");

/* Version 30; record length is round_up(13 + d_namlen + 1, 8). */
struct rump_dirent {
	uint64_t d_fileno;
	uint16_t d_reclen;
	uint16_t d_namlen;
	uint8_t d_type;
	char d_name[512];
};
_Static_assert(offsetof(struct rump_dirent, d_name) == 13, "NetBSD dirent");

struct rump_flock {
	int64_t l_start;
	int64_t l_len;
	int32_t l_pid;
	int16_t l_type;
	int16_t l_whence;
};

struct rump_pollfd {
	int fd;
	short events;
	short revents;
};

struct rump_sockaddr {
	uint8_t sa_len;
	uint8_t sa_family;
	char sa_data[14];
};

struct rump_sockaddr_in {
	uint8_t sin_len;
	uint8_t sin_family;
	uint16_t sin_port; /* network order */
	uint32_t sin_addr; /* network order */
	uint8_t sin_zero[8];
};

struct rump_sockaddr_in6 {
	uint8_t sin6_len;
	uint8_t sin6_family;
	uint16_t sin6_port;
	uint32_t sin6_flowinfo;
	uint8_t sin6_addr[16];
	uint32_t sin6_scope_id;
};

struct rump_sockaddr_un {
	uint8_t sun_len;
	uint8_t sun_family;
	char sun_path[104];
};

struct rump_sockaddr_storage {
	uint8_t ss_len;
	uint8_t ss_family;
	char ss_pad1[6];
	int64_t ss_align;
	char ss_pad2[112];
};
_Static_assert(sizeof(struct rump_sockaddr_storage) == 128, "sockaddr");

struct rump_msghdr {
	void *msg_name;
	uint32_t msg_namelen;
	struct rump_iovec *msg_iov;
	int32_t msg_iovlen;
	void *msg_control;
	uint32_t msg_controllen;
	int32_t msg_flags;
};
_Static_assert(sizeof(struct rump_msghdr) == 48, "NetBSD struct msghdr");

struct rump_cmsghdr { /* data at +16, lengths rounded up to 8 */
	uint32_t cmsg_len;
	int32_t cmsg_level;
	int32_t cmsg_type;
};

struct rump_linger {
	int32_t l_onoff;
	int32_t l_linger;
};

struct rump_rlimit {
	uint64_t rlim_cur;
	uint64_t rlim_max;
};

struct rump_nfs_args {
	int32_t version; /* 3 */
	struct rump_sockaddr *addr;
	int32_t addrlen;
	int32_t sotype;
	int32_t proto;
	uint8_t *fh;
	int32_t fhsize;
	int32_t flags;
	int32_t wsize;
	int32_t rsize;
	int32_t readdirsize;
	int32_t timeo;
	int32_t retrans;
	int32_t maxgrouplist;
	int32_t readahead;
	int32_t leaseterm;
	int32_t deadthresh;
	char *hostname;
};
_Static_assert(sizeof(struct rump_nfs_args) == 96, "NetBSD struct nfs_args");

struct rump_tmpfs_args {
	int32_t ta_version; /* 1 */
	uint64_t ta_nodes_max;
	int64_t ta_size_max;
	uint32_t ta_root_uid;
	uint32_t ta_root_gid;
	uint32_t ta_root_mode;
};
_Static_assert(
    sizeof(struct rump_tmpfs_args) == 40, "NetBSD struct tmpfs_args");

#endif /* !RUMP_RUMPABI_H */
