/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of mounting, each a call over a connection of its own that is given up
 * at the first failure, all within one deadline:
 *
 *	GETPORT (port mapper)   unless both ports are given
 *	MNT                     export to root handle
 *	FSINFO, PATHCONF        over the connection that stays
 *
 * Each failure is told with the service, the address and the cure.
 */
#include "nfs/mount.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/rpcbind.h"
#include "rump/rumperr.h"
#include "vfs/pagecache.h"

#define SECOND INT64_C(1000000000)
#define MOUNT_TIMEOUT (10 * SECOND)
#define UMOUNT_TIMEOUT SECOND
#define FALLBACK_TIMEOUT (3 * SECOND)
#define RECORD_MAX 65536         /* of replies while mounting */
#define RTT_NEAR INT64_C(300000) /* nanoseconds: a server on this host */
/* Of one READ or WRITE over datagrams, which the host sends in fragments. */
#define UDP_DEFAULT 32768u
#define UDP_MAX 60000u
#define DIRSIZE_DEFAULT (128u << 10)
#define DIRSIZE_MIN (8u << 10)
#define AUTH_NONE_FLAVOUR 0
#define AUTH_SYS_FLAVOUR 1

/* One mount in progress. */
struct attempt {
	struct nfsmount *at_nm;
	kauth_cred_t at_cred;
	uint16_t at_pmapport;
	uint16_t at_mountport; /* 0: ask the port mapper */
	int64_t at_deadline_ns;
	char *at_text;
	size_t at_size;
	char at_server[NFS_ADDR_TEXT];
};

/* A service of the server. */
struct service {
	const char *sv_name;
	uint32_t sv_prog, sv_vers;
	uint16_t sv_port;
	bool sv_udp;
	const char *sv_cure; /* when it cannot be reached */
};

static const char *
describe(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case EMFILE:
	case ENFILE:
		return "no descriptor is left for a socket";
	case ETIMEDOUT:
		return "no answer in time";
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return "host unreachable";
	case ENETUNREACH:
	case ENETDOWN:
		return "network unreachable";
	case ECONNRESET:
	case EPIPE:
		return "the connection was closed";
	case EACCES:
	case EPERM:
		return "this host does not permit it";
	case EAFNOSUPPORT:
		return "this kernel has no internet sockets (sockin)";
	case EBADRPC:
		return "the answer makes no sense: is that an RPC service?";
	case EPROGUNAVAIL:
		return "no such service behind this port";
	case EPROCUNAVAIL:
		return "the service does not know this procedure";
	case ERESTART:
	case EINTR:
		return "interrupted";
	default:
		return rump_strerror(error);
	}
}

static void
say_refused(struct attempt *at, const char *how)
{
	ksnprintf(at->at_text, at->at_size,
	    "nfs: %s refuses to let us mount %s (%s): if it wants a source "
	    "port below 1024, set \"insecure\" on the export, or give rumpkit "
	    "CAP_NET_BIND_SERVICE (or run it as root), or lift the rule at "
	    "the server (nfs-ganesha: PrivilegedPort = false); otherwise it "
	    "has no export %s for this client",
	    at->at_server, at->at_nm->nm_export, how, at->at_nm->nm_export);
}

/* A call to a service has failed with error; re: what RPC said, or NULL. */
static int
say_failed(struct attempt *at, const struct service *sv, int error,
    const struct rpc_reply *re)
{
	char versions[48] = "";

	if (error == EAUTH) {
		say_refused(at, "RPC authentication error");
		return EAUTH;
	}
	if (re != NULL && (error == EPROGMISMATCH || error == ERPCMISMATCH))
		ksnprintf(versions, sizeof(versions),
		    " (it speaks versions %u to %u)", re->re_low, re->re_high);
	ksnprintf(at->at_text, at->at_size, "nfs: %s at %s port %u%s: %s%s; %s",
	    sv->sv_name, at->at_server, sv->sv_port,
	    sv->sv_udp ? " over UDP" : "",
	    versions[0] != '\0' ? "version not supported" : describe(error),
	    versions, sv->sv_cure);
	return error == ERESTART ? EINTR : error;
}

static struct rpc_conn *
open_service(struct attempt *at, const struct service *sv, size_t maxrecord)
{
	const struct nfs_options *o = &at->at_nm->nm_options;
	struct rpc_params rp = {
		.rp_addr = at->at_nm->nm_addr,
		.rp_port = sv->sv_port,
		.rp_udp = sv->sv_udp,
		.rp_prog = sv->sv_prog,
		.rp_vers = sv->sv_vers,
		.rp_patience = RPC_ONCE,
		.rp_timeo_ns = (int64_t)o->o_timeo * (SECOND / 10),
		.rp_retrans = o->o_retrans,
		.rp_deadline_ns = at->at_deadline_ns,
		.rp_resvport = at->at_nm->nm_resvport,
		.rp_maxrecord = maxrecord,
	};
	char server[NFS_ADDR_TEXT + 2];

	nfs_addr_format_host(&rp.rp_addr, server, sizeof(server));
	ksnprintf(rp.rp_name, sizeof(rp.rp_name), "%s:%s", server,
	    at->at_nm->nm_export);
	return rpc_conn_create(&rp);
}

/* The identity for MOUNT; options replace the caller's. */
static struct rpc_auth
mount_auth(const struct attempt *at)
{
	const struct nfs_options *o = &at->at_nm->nm_options;

	return (struct rpc_auth){
		.ra_uid = o->o_has_uid ? o->o_uid : at->at_cred->cr_euid,
		.ra_gid = o->o_has_gid ? o->o_gid : at->at_cred->cr_egid,
	};
}

/* Port mapper. */

static const char *
netid(const struct attempt *at, bool udp)
{
	if (at->at_nm->nm_addr.ad_family == AF_INET6)
		return udp ? "udp6" : "tcp6";
	return udp ? "udp" : "tcp";
}

static const char pmap_cure[] = "give nfsport= and mountport= if the server "
				"runs no port mapper (rpcbind)";

/* Ask one port mapper in its own version. */
static int
ask_mapper(struct attempt *at, const struct service *mapper,
    const struct service *wanted, uint16_t *port)
{
	struct rpc_conn *rc = open_service(at, mapper, RECORD_MAX);
	bool old = mapper->sv_vers == PMAP_VERS;
	struct rpc_call *ca =
	    rpc_call_create(rc, old ? PMAPPROC_GETPORT : RPCBPROC_GETADDR, NULL,
		RPCBIND_ARGS_MAX, 512);
	struct xdr_in xi;
	int error;

	if (old)
		pmap_getport_args(&ca->ca_msg, wanted->sv_prog, wanted->sv_vers,
		    wanted->sv_udp ? PMAP_UDP : PMAP_TCP);
	else
		rpcbind_getaddr_args(&ca->ca_msg, wanted->sv_prog,
		    wanted->sv_vers, netid(at, wanted->sv_udp));
	error = rpc_call_run(rc, ca, &xi);
	if (error == 0)
		error = old ? pmap_getport_result(&xi, port)
			    : rpcbind_getaddr_result(&xi, port);
	if (error != 0)
		(void)say_failed(
		    at, mapper, error, ca->ca_answered ? &ca->ca_reply : NULL);
	rpc_call_unref(ca);
	rpc_conn_destroy(rc);
	return error;
}

/* The version that knows of the server's family, newest first. */
static int
ask_versions(struct attempt *at, struct service *mapper,
    const struct service *wanted, uint16_t *port)
{
	bool v6 = at->at_nm->nm_addr.ad_family == AF_INET6;
	int error;

	mapper->sv_vers = v6 ? RPCBIND_VERS_LAST : PMAP_VERS;
	error = ask_mapper(at, mapper, wanted, port);
	if (error != EPROGMISMATCH)
		return error;
	mapper->sv_vers = RPCBIND_VERS_FIRST;
	return ask_mapper(at, mapper, wanted, port);
}

/* Is a service that answers like this perhaps there over the other transport?
 */
static bool
try_other(int error)
{
	return error == ECONNREFUSED || error == EPROGUNAVAIL ||
	       error == ECONNRESET || error == EPIPE;
}

/*
 * Around an attempt over the other transport: it is a short one, and if nobody
 * is there either, the first failure is what is told.
 */
struct fallback {
	char fb_text[256];
	int64_t fb_deadline_ns;
};

static void
fallback_begin(struct fallback *fb, struct attempt *at)
{
	strlcpy(fb->fb_text, at->at_text, sizeof(fb->fb_text));
	fb->fb_deadline_ns = at->at_deadline_ns;
	at->at_deadline_ns =
	    MIN(at->at_deadline_ns, uptime_ns() + FALLBACK_TIMEOUT);
}

static int
fallback_end(
    const struct fallback *fb, struct attempt *at, int first, int second)
{
	at->at_deadline_ns = fb->fb_deadline_ns;
	if (!try_other(second) && second != ETIMEDOUT)
		return second;
	strlcpy(at->at_text, fb->fb_text, at->at_size);
	return first;
}

/* The port of a service as *wanted has it; 0 when it is not registered. */
static int
getport(struct attempt *at, const struct service *wanted, uint16_t *port)
{
	struct service mapper = { "port mapper", PMAP_PROG, 0, at->at_pmapport,
		at->at_nm->nm_options.o_mountproto == NFS_UDP, pmap_cure };
	int error;

	error = ask_versions(at, &mapper, wanted, port);
	if (try_other(error) && at->at_nm->nm_options.o_mountproto == NFS_ANY) {
		mapper.sv_udp = true;
		error = ask_versions(at, &mapper, wanted, port);
	}
	if (error != 0)
		return error == ERESTART ? EINTR : error;
	if (*port != 0)
		return 0;
	ksnprintf(at->at_text, at->at_size,
	    "nfs: %s has no %s version %u over %s (its port mapper says); "
	    "start it, or give its port",
	    at->at_server, wanted->sv_name, wanted->sv_vers,
	    wanted->sv_udp ? "UDP" : "TCP");
	return EPROGUNAVAIL;
}

/* MOUNT. */

static bool
flavour_usable(const struct mount3_mnt *mn)
{
	for (uint32_t i = 0; i < mn->mn_nflavours; i++) {
		if (mn->mn_flavours[i] == AUTH_SYS_FLAVOUR ||
		    mn->mn_flavours[i] == AUTH_NONE_FLAVOUR)
			return true;
	}
	return mn->mn_nflavours == 0;
}

static int
judge_mnt(struct attempt *at, const struct mount3_mnt *mn)
{
	const char *export = at->at_nm->nm_export;

	switch (mn->mn_status) {
	case NFS3_OK:
		break;
	case NFS3ERR_ACCES:
	case NFS3ERR_PERM:
		say_refused(at, "MNT3ERR_ACCES");
		return EACCES;
	case NFS3ERR_NOENT:
	case NFS3ERR_NOTDIR:
		ksnprintf(at->at_text, at->at_size,
		    "nfs: %s has no export %s; showmount -e %s lists what it "
		    "has",
		    at->at_server, export, at->at_server);
		return nfs3_errno(mn->mn_status);
	default:
		ksnprintf(at->at_text, at->at_size,
		    "nfs: MOUNT of %s at %s failed with status %u; the "
		    "server's log may say more",
		    export, at->at_server, mn->mn_status);
		return nfs3_errno(mn->mn_status);
	}
	if (flavour_usable(mn))
		return 0;
	ksnprintf(at->at_text, at->at_size,
	    "nfs: %s wants security flavour %u for %s; only sec=sys works "
	    "here: allow it on the export",
	    at->at_server, mn->mn_flavours[0], export);
	return EAUTH;
}

static struct service
mountd(const struct nfsmount *nm)
{
	return (struct service){ "MOUNT service", MOUNT3_PROG, MOUNT3_VERS,
		nm->nm_mountport, nm->nm_mountudp,
		"is mountd running, and mountport= right?" };
}

static int
call_mnt(struct attempt *at)
{
	struct nfsmount *nm = at->at_nm;
	struct service sv = mountd(nm);
	struct rpc_auth auth = mount_auth(at);
	struct rpc_conn *rc = open_service(at, &sv, RECORD_MAX);
	struct rpc_call *ca =
	    rpc_call_create(rc, MOUNT3PROC_MNT, &auth, 4 + NFS_EXPORTMAX, 1024);
	struct mount3_mnt res = { 0 };
	struct xdr_in xi;
	int error;

	mount3_path_args(&ca->ca_msg, nm->nm_export, strlen(nm->nm_export));
	error = rpc_call_run(rc, ca, &xi);
	if (error == 0)
		error = mount3_mnt_result(&xi, &res);
	if (error != 0)
		error = say_failed(
		    at, &sv, error, ca->ca_answered ? &ca->ca_reply : NULL);
	else
		error = judge_mnt(at, &res);
	rpc_call_unref(ca);
	rpc_conn_destroy(rc);
	if (error == 0)
		nm->nm_root = res.mn_fh;
	return error;
}

/* MNT over one transport. */
static int
mnt_over(struct attempt *at, bool udp)
{
	struct nfsmount *nm = at->at_nm;
	struct service sv;
	int error = 0;

	nm->nm_mountudp = udp;
	nm->nm_mountport = at->at_mountport;
	sv = mountd(nm);
	if (nm->nm_mountport == 0)
		error = getport(at, &sv, &nm->nm_mountport);
	return error != 0 ? error : call_mnt(at);
}

/* Many a mountd speaks one transport alone. */
static int
mnt(struct attempt *at)
{
	const struct nfs_options *o = &at->at_nm->nm_options;
	bool udp = (o->o_mountproto != NFS_ANY ? o->o_mountproto
					       : o->o_proto) == NFS_UDP;
	struct fallback fb;
	int error;

	error = mnt_over(at, udp);
	if (!try_other(error) || o->o_mountproto != NFS_ANY)
		return error;
	fallback_begin(&fb, at);
	return fallback_end(&fb, at, error, mnt_over(at, !udp));
}

/* NFS itself. */

/* A size to use: what was asked for or the server prefers, within limits. */
static uint32_t
choose(uint32_t wanted, uint32_t preferred, uint32_t max, uint32_t least,
    uint32_t most)
{
	uint32_t n = wanted != 0 ? wanted : preferred;

	n = MIN(n, most);
	if (max != 0)
		n = MIN(n, max);
	return MAX(n, least);
}

/*
 * How much to ask for at once and in advance.  A server far away is limited by
 * the round trip; what is on its way from one on this host should fit into the
 * processor's caches, and still last while this process waits for a processor.
 */
static void
take_limits(struct nfsmount *nm, const struct nfs3_fsinfo *fi, int64_t rtt_ns)
{
	const struct nfs_options *o = &nm->nm_options;
	bool near = rtt_ns < RTT_NEAR, udp = o->o_proto == NFS_UDP;
	uint32_t limit = udp ? UDP_MAX : NFS_RSIZE_MAX, ahead;
	uint32_t most = udp ? UDP_DEFAULT : NFS_RSIZE_MAX;

	nm->nm_rsize =
	    choose(o->o_rsize, MIN(MAX(fi->fi_rtpref, fi->fi_rtmax), most),
		fi->fi_rtmax, 512, limit);
	nm->nm_wsize =
	    choose(o->o_wsize, MIN(MAX(fi->fi_wtpref, fi->fi_wtmax), most),
		fi->fi_wtmax, 512, limit);
	nm->nm_filemax =
	    fi->fi_maxfilesize != 0 ? fi->fi_maxfilesize : INT64_MAX;
	nm->nm_dirsize =
	    choose(o->o_readdirsize, MIN(DIRSIZE_DEFAULT, limit & ~4095u),
		fi->fi_rtmax, DIRSIZE_MIN, limit);
	ahead =
	    o->o_has_readahead ? o->o_readahead : (near ? 2 : 4) * nm->nm_rsize;
	nm->nm_readahead = (ahead + PC_BLOCK - 1) / PC_BLOCK;
}

static int
first_calls(struct attempt *at, const struct service *sv)
{
	struct nfsmount *nm = at->at_nm;
	struct nfs3_fsinfo fi;
	struct nfs3_pathconf pc;
	int64_t asked_ns;
	int error;

	error = nfscall_fsinfo(nm, &nm->nm_root, at->at_cred, &fi);
	if (error != 0)
		return say_failed(at, sv, error, NULL);
	if (fi.fi_status == NFS3ERR_ACCES || fi.fi_status == NFS3ERR_PERM) {
		say_refused(at, "FSINFO: NFS3ERR_ACCES");
		return nfs3_errno(fi.fi_status);
	}
	if (fi.fi_status != NFS3_OK) {
		ksnprintf(at->at_text, at->at_size,
		    "nfs: FSINFO of %s at %s failed with status %u; the "
		    "server's log may say more",
		    nm->nm_export, at->at_server, fi.fi_status);
		return nfs3_errno(fi.fi_status);
	}
	nm->nm_name_max = NFS3_NAMEMAX;
	asked_ns = uptime_ns();
	error = nfscall_pathconf(nm, &nm->nm_root, at->at_cred, &pc);
	if (error != 0)
		return say_failed(at, sv, error, NULL);
	take_limits(nm, &fi, uptime_ns() - asked_ns);
	if (pc.pc_status == NFS3_OK && pc.pc_name_max != 0)
		nm->nm_name_max = MIN(pc.pc_name_max, NFS3_NAMEMAX);
	return 0;
}

static int
connect_nfs(struct attempt *at)
{
	struct nfsmount *nm = at->at_nm;
	struct service sv = { "NFS service", NFS3_PROG, NFS3_VERS, nm->nm_port,
		nm->nm_options.o_proto == NFS_UDP,
		"is the NFS server running with version 3, and nfsport= "
		"right?" };
	int error = 0;

	if (sv.sv_port == 0)
		error = getport(at, &sv, &sv.sv_port);
	if (error != 0)
		return error;
	nm->nm_port = sv.sv_port;
	nm->nm_conn = open_service(at, &sv, RECORD_MAX);
	error = first_calls(at, &sv);
	if (error != 0) {
		rpc_conn_destroy(nm->nm_conn);
		nm->nm_conn = NULL;
		return error;
	}
	rpc_conn_settle(nm->nm_conn,
	    nm->nm_options.o_soft ? RPC_SOFT : RPC_HARD,
	    MAX(nm->nm_rsize, nm->nm_dirsize) + RECORD_MAX);
	return 0;
}

static struct attempt
begin(struct nfsmount *nm, kauth_cred_t cred, int64_t timeout_ns, char *text,
    size_t size)
{
	struct attempt at = {
		.at_nm = nm,
		.at_cred = cred,
		.at_pmapport = PMAP_PORT,
		.at_deadline_ns = uptime_ns() + timeout_ns,
		.at_text = text,
		.at_size = size,
	};

	KASSERT(size > 0);
	text[0] = '\0';
	nfs_addr_format(&nm->nm_addr, at.at_server, sizeof(at.at_server));
	return at;
}

/* All steps. */
static int
find_export(struct attempt *at)
{
	int error = mnt(at);

	return error != 0 ? error : connect_nfs(at);
}

/*
 * Ports below 1024 are few, and rest for a minute after use: they are taken
 * only when they are asked for, or if the server refuses us otherwise.
 */
static int
insist(struct attempt *at, int (*steps)(struct attempt *at))
{
	const struct nfs_options *o = &at->at_nm->nm_options;
	int error;

	at->at_nm->nm_resvport = o->o_resvport;
	error = steps(at);
	if ((error != EACCES && error != EPERM && error != EAUTH) ||
	    o->o_resvport || o->o_noresvport)
		return error;
	at->at_nm->nm_resvport = true;
	error = steps(at);
	if (error == 0)
		at->at_text[0] = '\0';
	return error;
}

int
nfsmount_url(struct nfsmount *nm, const struct nfs_url *url, kauth_cred_t cred,
    char *text, size_t size)
{
	struct attempt at;

	nm->nm_addr = url->u_addr;
	nm->nm_port = url->u_port;
	nm->nm_options = url->u_options;
	strlcpy(nm->nm_export, url->u_export, sizeof(nm->nm_export));
	at = begin(nm, cred, MOUNT_TIMEOUT, text, size);
	at.at_pmapport = url->u_pmapport;
	at.at_mountport = url->u_mountport;
	return insist(&at, find_export);
}

int
nfsmount_connect(
    struct nfsmount *nm, kauth_cred_t cred, char *text, size_t size)
{
	struct attempt at = begin(nm, cred, MOUNT_TIMEOUT, text, size);

	return insist(&at, connect_nfs);
}

void
nfsmount_tell_umount(struct nfsmount *nm, kauth_cred_t cred)
{
	char text[1];
	struct attempt at = begin(nm, cred, UMOUNT_TIMEOUT, text, sizeof(text));
	struct service sv = mountd(nm);
	struct rpc_auth auth = mount_auth(&at);
	struct rpc_conn *rc;
	struct rpc_call *ca;
	struct xdr_in xi;

	if (nm->nm_mountport == 0)
		return;
	rc = open_service(&at, &sv, RECORD_MAX);
	ca =
	    rpc_call_create(rc, MOUNT3PROC_UMNT, &auth, 4 + NFS_EXPORTMAX, 512);
	mount3_path_args(&ca->ca_msg, nm->nm_export, strlen(nm->nm_export));
	(void)rpc_call_run(rc, ca, &xi);
	rpc_call_unref(ca);
	rpc_conn_destroy(rc);
}
