/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFS version 3, MOUNT version 3 (both RFC 1813) and the port mapper (RFC
 * 1833): argument encoders and result decoders, without I/O.
 *
 * Encoders append arguments behind rpc_call_begin(); that they did not fit
 * shows at rpc_call_end().  Decoders read results behind rpc_reply_decode()
 * and return 0 or EBADRPC; status members are the server's verdict, which
 * nfs3_errno() translates.  Results other than the status and the attributes
 * that a failure carries are there only when the status is NFS3_OK.
 */
#ifndef NFS_PROTO_H
#define NFS_PROTO_H

#include "nfs/xdr.h"

#define NFS3_PROG 100003
#define NFS3_VERS 3
#define NFS3_PORT 2049
enum nfs3_proc {
	NFS3PROC_NULL,
	NFS3PROC_GETATTR,
	NFS3PROC_SETATTR,
	NFS3PROC_LOOKUP,
	NFS3PROC_ACCESS,
	NFS3PROC_READLINK,
	NFS3PROC_READ,
	NFS3PROC_WRITE,
	NFS3PROC_CREATE,
	NFS3PROC_MKDIR,
	NFS3PROC_SYMLINK,
	NFS3PROC_MKNOD,
	NFS3PROC_REMOVE,
	NFS3PROC_RMDIR,
	NFS3PROC_RENAME,
	NFS3PROC_LINK,
	NFS3PROC_READDIR,
	NFS3PROC_READDIRPLUS,
	NFS3PROC_FSSTAT,
	NFS3PROC_FSINFO,
	NFS3PROC_PATHCONF,
	NFS3PROC_COMMIT,
};

#define MOUNT3_PROG 100005
#define MOUNT3_VERS 3
enum mount3_proc { MOUNT3PROC_NULL, MOUNT3PROC_MNT, MOUNT3PROC_UMNT = 3 };

#define PMAP_PROG 100000
#define PMAP_VERS 2
#define PMAP_PORT 111
enum pmap_proc { PMAPPROC_NULL, PMAPPROC_GETPORT = 3 };
#define PMAP_TCP 6
#define PMAP_UDP 17

#define NFS3_FHSIZE 64
#define NFS3_NAMEMAX 255   /* our limit; the protocol has none */
#define NFS3_PATHMAX 4096  /* of a symbolic link; longest of common systems */
#define NFS3_ARGS_MAX 4608 /* arguments of any call that is encoded here */
#define NFS3_ATTR_SIZE 84
#define NFS3_SATTR_SIZE 60 /* all set */
/* From the reply's first byte to the data of a READ, verifier included. */
#define NFS3_READ_HEAD (6 * 4 + 400 + 4 + 4 + NFS3_ATTR_SIZE + 3 * 4)

enum nfs3_status {
	NFS3_OK = 0,
	NFS3ERR_PERM = 1,
	NFS3ERR_NOENT = 2,
	NFS3ERR_IO = 5,
	NFS3ERR_NXIO = 6,
	NFS3ERR_ACCES = 13,
	NFS3ERR_EXIST = 17,
	NFS3ERR_XDEV = 18,
	NFS3ERR_NODEV = 19,
	NFS3ERR_NOTDIR = 20,
	NFS3ERR_ISDIR = 21,
	NFS3ERR_INVAL = 22,
	NFS3ERR_FBIG = 27,
	NFS3ERR_NOSPC = 28,
	NFS3ERR_ROFS = 30,
	NFS3ERR_MLINK = 31,
	NFS3ERR_NAMETOOLONG = 63,
	NFS3ERR_NOTEMPTY = 66,
	NFS3ERR_DQUOT = 69,
	NFS3ERR_STALE = 70,
	NFS3ERR_REMOTE = 71,
	NFS3ERR_BADHANDLE = 10001,
	NFS3ERR_NOT_SYNC = 10002,
	NFS3ERR_BAD_COOKIE = 10003,
	NFS3ERR_NOTSUPP = 10004,
	NFS3ERR_TOOSMALL = 10005,
	NFS3ERR_SERVERFAULT = 10006,
	NFS3ERR_BADTYPE = 10007,
	NFS3ERR_JUKEBOX = 10008,
};

/*
 * NetBSD errno of a status; EIO for those that no errno fits or that nobody
 * defined, EAGAIN for NFS3ERR_JUKEBOX.  The statuses of MOUNT are a subset.
 */
int nfs3_errno(uint32_t status);

struct nfs3_fh {
	uint32_t fh_len; /* 1..64 */
	uint8_t fh_data[NFS3_FHSIZE];
};

enum nfs3_type {
	NFS3_REG = 1,
	NFS3_DIR,
	NFS3_BLK,
	NFS3_CHR,
	NFS3_LNK,
	NFS3_SOCK,
	NFS3_FIFO,
};

struct nfs3_time {
	uint32_t t_sec;
	uint32_t t_nsec; /* < 1000000000, whatever the server sent */
};

struct nfs3_attr {
	enum nfs3_type a_type;
	uint32_t a_mode; /* permission bits */
	uint32_t a_nlink;
	uint32_t a_uid;
	uint32_t a_gid;
	uint64_t a_size; /* at most INT64_MAX */
	uint64_t a_used;
	uint32_t a_major;
	uint32_t a_minor;
	uint64_t a_fsid;
	uint64_t a_fileid;
	struct nfs3_time a_atime;
	struct nfs3_time a_mtime;
	struct nfs3_time a_ctime;
};

/* post_op_attr */
struct nfs3_opt_attr {
	bool oa_there;
	struct nfs3_attr oa_attr;
};

/* What of a file's attributes tells whether somebody else has changed it. */
struct nfs3_wcc_attr {
	uint64_t wa_size;
	struct nfs3_time wa_mtime;
	struct nfs3_time wa_ctime;
};

/* wcc_data: attributes from before and after a change. */
struct nfs3_wcc {
	bool wc_has_before;
	struct nfs3_wcc_attr wc_before;
	struct nfs3_opt_attr wc_after;
};

/* sattr3: what is to be set. */
enum nfs3_set_time { NFS3_TIME_KEEP, NFS3_TIME_SERVER, NFS3_TIME_GIVEN };
struct nfs3_sattr {
	bool sa_set_mode, sa_set_uid, sa_set_gid, sa_set_size;
	uint32_t sa_mode, sa_uid, sa_gid;
	uint64_t sa_size;
	enum nfs3_set_time sa_set_atime, sa_set_mtime;
	struct nfs3_time sa_atime, sa_mtime;
};

/* Arguments. */
void nfs3_put_fh(struct xdr_out *xo, const struct nfs3_fh *fh);
/* The arguments of GETATTR, READLINK, FSSTAT, FSINFO and PATHCONF. */
#define nfs3_fh_args(xo, fh) nfs3_put_fh(xo, fh)
/* LOOKUP */
void nfs3_name_args(struct xdr_out *xo, const struct nfs3_fh *dir,
    const char *name, size_t len);
#define NFS3ACCESS_READ 0x1
#define NFS3ACCESS_LOOKUP 0x2
#define NFS3ACCESS_MODIFY 0x4
#define NFS3ACCESS_EXTEND 0x8
#define NFS3ACCESS_DELETE 0x10
#define NFS3ACCESS_EXECUTE 0x20
void nfs3_access_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, uint32_t want);
void nfs3_read_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off, uint32_t count);
struct nfs3_dirpos {
	uint64_t dp_cookie;
	uint8_t dp_verf[8];
};
void nfs3_readdir_args(struct xdr_out *xo, const struct nfs3_fh *fh,
    const struct nfs3_dirpos *pos, uint32_t count);
void nfs3_readdirplus_args(struct xdr_out *xo, const struct nfs3_fh *fh,
    const struct nfs3_dirpos *pos, uint32_t dircount, uint32_t maxcount);

/* Arguments of procedures that modify; those of REMOVE and RMDIR are LOOKUP's. */
struct nfs3_dirname {
	const struct nfs3_fh *dn_dir;
	const char *dn_name;
	size_t dn_len;
};
void nfs3_setattr_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, const struct nfs3_sattr *sa);
/* The data follow behind the arguments: rpc_call_attach(). */
enum nfs3_stable { NFS3_UNSTABLE, NFS3_DATA_SYNC, NFS3_FILE_SYNC };
void nfs3_write_args(struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off,
    uint32_t count, enum nfs3_stable stable);
enum nfs3_createmode { NFS3_UNCHECKED, NFS3_GUARDED, NFS3_EXCLUSIVE };
#define NFS3_CREATEVERFSIZE 8
/* sa: unless exclusive; verf: NFS3_CREATEVERFSIZE bytes if exclusive. */
void nfs3_create_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    enum nfs3_createmode how, const struct nfs3_sattr *sa, const uint8_t *verf);
void nfs3_mkdir_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    const struct nfs3_sattr *sa);
void nfs3_symlink_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    const struct nfs3_sattr *sa, const char *target, size_t len);
/* major and minor: of NFS3_CHR and NFS3_BLK only. */
void nfs3_mknod_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    enum nfs3_type type, const struct nfs3_sattr *sa, uint32_t major,
    uint32_t minor);
void nfs3_rename_args(struct xdr_out *xo, const struct nfs3_dirname *from,
    const struct nfs3_dirname *to);
void nfs3_link_args(struct xdr_out *xo, const struct nfs3_fh *fh,
    const struct nfs3_dirname *to);
/* count 0: to the end of the file. */
void nfs3_commit_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off, uint32_t count);

/* MNT and UMNT */
void mount3_path_args(struct xdr_out *xo, const char *path, size_t len);
void pmap_getport_args(
    struct xdr_out *xo, uint32_t prog, uint32_t vers, uint32_t prot);

/* Results. */
struct nfs3_getattr {
	uint32_t ga_status;
	struct nfs3_attr ga_attr;
};
int nfs3_getattr_result(struct xdr_in *xi, struct nfs3_getattr *res);

struct nfs3_lookup {
	uint32_t lo_status;
	struct nfs3_fh lo_fh;
	struct nfs3_opt_attr lo_attr;
	struct nfs3_opt_attr lo_dir_attr; /* also with a failure */
};
int nfs3_lookup_result(struct xdr_in *xi, struct nfs3_lookup *res);

struct nfs3_access {
	uint32_t ac_status;
	struct nfs3_opt_attr ac_attr; /* also with a failure */
	uint32_t ac_granted;
};
int nfs3_access_result(struct xdr_in *xi, struct nfs3_access *res);

struct nfs3_readlink {
	uint32_t rl_status;
	struct nfs3_opt_attr rl_attr; /* also with a failure */
	const char *rl_path;          /* in the message, no NUL in it */
	size_t rl_len;                /* 1..NFS3_PATHMAX */
};
int nfs3_readlink_result(struct xdr_in *xi, struct nfs3_readlink *res);

/*
 * What stands before the data of a READ; with NFS3_OK the cursor is then at
 * the data.  Works on a prefix of the message (EBADRPC: try with more).
 */
struct nfs3_read {
	uint32_t rd_status;
	struct nfs3_opt_attr rd_attr; /* also with a failure */
	uint32_t rd_count;            /* bytes of data */
	bool rd_eof;
};
int nfs3_read_head(struct xdr_in *xi, struct nfs3_read *res);

/*
 * READDIR (plus false) and READDIRPLUS: the head, then entries until there is
 * none, then the end.
 */
struct nfs3_readdir {
	uint32_t dr_status;
	struct nfs3_opt_attr dr_attr; /* also with a failure */
	uint8_t dr_verf[8];
};
struct nfs3_entry {
	uint64_t de_fileid;
	uint64_t de_cookie;
	const char *de_name; /* in the message; no '/', no NUL */
	size_t de_namelen;   /* 1..NFS3_NAMEMAX */
	struct nfs3_opt_attr de_attr;
	bool de_has_fh;
	struct nfs3_fh de_fh;
};
int nfs3_readdir_head(struct xdr_in *xi, struct nfs3_readdir *res);
/* False behind the last entry, or when the message is bad. */
bool nfs3_readdir_entry(struct xdr_in *xi, bool plus, struct nfs3_entry *de);
int nfs3_readdir_end(struct xdr_in *xi, bool *eof);

struct nfs3_fsstat {
	uint32_t fs_status;
	struct nfs3_opt_attr fs_attr;
	uint64_t fs_tbytes, fs_fbytes, fs_abytes;
	uint64_t fs_tfiles, fs_ffiles, fs_afiles;
	uint32_t fs_invarsec;
};
int nfs3_fsstat_result(struct xdr_in *xi, struct nfs3_fsstat *res);

struct nfs3_fsinfo {
	uint32_t fi_status;
	struct nfs3_opt_attr fi_attr;
	uint32_t fi_rtmax, fi_rtpref, fi_rtmult;
	uint32_t fi_wtmax, fi_wtpref, fi_wtmult;
	uint32_t fi_dtpref;
	uint64_t fi_maxfilesize;
	struct nfs3_time fi_time_delta;
	uint32_t fi_properties;
};
int nfs3_fsinfo_result(struct xdr_in *xi, struct nfs3_fsinfo *res);

struct nfs3_pathconf {
	uint32_t pc_status;
	struct nfs3_opt_attr pc_attr;
	uint32_t pc_linkmax;
	uint32_t pc_name_max;
	bool pc_no_trunc;
	bool pc_chown_restricted;
	bool pc_case_insensitive;
	bool pc_case_preserving;
};
int nfs3_pathconf_result(struct xdr_in *xi, struct nfs3_pathconf *res);

/* SETATTR, REMOVE and RMDIR: of the file, or of the directory. */
struct nfs3_change {
	uint32_t ch_status;
	struct nfs3_wcc ch_wcc; /* also with a failure */
};
int nfs3_change_result(struct xdr_in *xi, struct nfs3_change *res);

/* CREATE, MKDIR, SYMLINK and MKNOD. */
struct nfs3_made {
	uint32_t ma_status;
	bool ma_has_fh; /* the server need not tell */
	struct nfs3_fh ma_fh;
	struct nfs3_opt_attr ma_attr;
	struct nfs3_wcc ma_dir; /* also with a failure */
};
int nfs3_made_result(struct xdr_in *xi, struct nfs3_made *res);

/* RENAME; both also with a failure. */
struct nfs3_rename {
	uint32_t rn_status;
	struct nfs3_wcc rn_from, rn_to;
};
int nfs3_rename_result(struct xdr_in *xi, struct nfs3_rename *res);

/* LINK; both also with a failure. */
struct nfs3_link {
	uint32_t ln_status;
	struct nfs3_opt_attr ln_attr;
	struct nfs3_wcc ln_dir;
};
int nfs3_link_result(struct xdr_in *xi, struct nfs3_link *res);

struct nfs3_write {
	uint32_t wr_status;
	struct nfs3_wcc wr_wcc; /* also with a failure */
	uint32_t wr_count;
	enum nfs3_stable wr_committed;
	uint64_t wr_verf; /* opaque */
};
int nfs3_write_result(struct xdr_in *xi, struct nfs3_write *res);

struct nfs3_commit {
	uint32_t co_status;
	struct nfs3_wcc co_wcc; /* also with a failure */
	uint64_t co_verf;       /* opaque */
};
int nfs3_commit_result(struct xdr_in *xi, struct nfs3_commit *res);

#define MOUNT3_MAXFLAVOURS 16
struct mount3_mnt {
	uint32_t mn_status;
	struct nfs3_fh mn_fh;
	uint32_t mn_nflavours; /* kept; the server may have listed more */
	uint32_t mn_flavours[MOUNT3_MAXFLAVOURS];
};
int mount3_mnt_result(struct xdr_in *xi, struct mount3_mnt *res);

/* *port: 1..65535, or 0 when the program is not registered. */
int pmap_getport_result(struct xdr_in *xi, uint16_t *port);

#endif /* !NFS_PROTO_H */
