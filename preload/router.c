/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start and end of routing.
 *
 * The constructor calls router_init() before anything is intercepted.  When
 * nothing is asked for it returns at once and router_idle stays true.  The
 * kernel is started only in the process that is to have it; programs that it
 * forks and executes come here too, know the rules, and refuse what would be
 * routed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/abi/errno.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/child.h"
#include "preload/comm.h"
#include "preload/config.h"
#include "preload/cwd.h"
#include "preload/dirs.h"
#include "preload/engine/engine.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/fsize.h"
#include "preload/inherit.h"
#include "preload/kernel.h"
#include "preload/mappings.h"
#include "preload/libcinit.h"
#include "preload/names.h"
#include "preload/netspace.h"
#include "preload/nofile.h"
#include "preload/process.h"
#include "preload/program.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/root.h"
#include "preload/route.h"
#include "preload/summary.h"
#include "preload/text.h"
#include "preload/trace.h"
#include "preload/userspace.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumperr.h"
#include "sysproxy/fast.h"

#define EXIT_CONFIG 1   /* as the genuine library */
#define EXIT_FAILED 125 /* rumpkit itself failed */

bool router_idle = true;
bool router_no_paths;

static void
leave(int status)
{
	_exit(status);
}

/* A copy of s that lives for ever, with room for one more byte. */
static char *
keep(const char *s)
{
	static char small[1024];
	static size_t used;
	size_t size = text_length(s) + 2;
	struct text t;
	long r;

	if (size <= sizeof(small) - used) {
		text_init(&t, small + used, size);
		text_put(&t, s);
		used += size;
		return small + used - size;
	}
	r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096) {
		engine_say("out of memory");
		leave(EXIT_FAILED);
	}
	text_init(&t, (char *)r, size);
	text_put(&t, s);
	return (char *)r;
}

static void
read_config(char **envp)
{
	const char *mounts = config_getenv(envp, "RUMPKIT_MOUNT");
	struct config_error ce;

	if (config_parse(&config, envp, mounts == NULL ? NULL : keep(mounts),
		&ce) != 0) {
		engine_say("%s: \"%s\": expected %s", ce.ce_variable,
		    ce.ce_token, ce.ce_rule);
		leave(EXIT_CONFIG);
	}
}

/* Is the kernel in a server process?  Leaves if it is nowhere. */
static bool
is_served(void)
{
	if (config.cf_in_process)
		return false;
	if (config.cf_kernel_fd >= 0 || config.cf_door >= 0 ||
	    config.cf_server != NULL)
		return true;
	engine_say("RUMPHIJACK and RUMPKIT_MOUNT ask for a rump kernel, but "
		   "neither RUMPKIT_KERNEL, RUMP_SERVER nor "
		   "RUMPKIT_IN_PROCESS=1 says where it is");
	leave(EXIT_CONFIG);
	return false;
}

static void
add_rule(enum ns_kind kind, const char *prefix)
{
	if (names_add(kind, prefix) != 0) {
		engine_say("%s: more than %d prefixes are routed", prefix,
		    NS_MAXRULES);
		leave(EXIT_CONFIG);
	}
}

static bool
host_stat(const char *path, struct stat *st)
{
	return HOST(SYS_stat, *path == '\0' ? "/" : path, st, 0, 0, 0, 0) == 0;
}

/*
 * The first name on the way to a mount point that the host lacks: it appears in
 * its parent's listing, and if it is not the mount point itself it is a
 * directory of the kernel.
 */
static void
add_parents(const char *mount)
{
	char *path = keep(mount);
	size_t len = text_length(path), slash;
	bool shortened = false;
	struct stat st;

	while (len > 0 && path[len - 1] == '/')
		path[--len] = '\0';
	if (host_stat(path, &st)) {
		resolve_shadowed = true;
		return;
	}
	/* path is a name that the host lacks: up to one with a parent. */
	for (;; len = slash, shortened = true) {
		for (slash = len - 1; path[slash] != '/'; slash--)
			continue;
		path[slash] = '\0';
		if (host_stat(path, &st) || slash == 0)
			break;
	}
	path[slash] = '/';
	(void)dirs_add_overlay(st.st_dev, st.st_ino, path + slash + 1);
	if (shortened)
		add_rule(NS_PARENT, path);
}

static void
make_namespace(void)
{
	const struct hijackspec *hs = &config.cf_hijack;

	for (unsigned i = 0; i < config.cf_nmounts; i++) {
		if (!config_is_alternative(&config, i))
			add_rule(NS_MOUNT, config.cf_mounts[i].cm_path);
	}
	for (unsigned i = 0; i < config.cf_nmounts; i++) {
		if (!config_is_alternative(&config, i))
			add_parents(config.cf_mounts[i].cm_path);
	}
	if (hs->hs_path != NULL)
		add_rule(NS_PATH, hs->hs_path);
	for (unsigned i = 0; i < hs->hs_nblankets; i++)
		add_rule(NS_BLANKET, hs->hs_blankets[i]);
}

/* Print each line of what has been said. */
static void
say_lines(char *line)
{
	char *p = line;

	for (; *p != '\0'; p++) {
		if (*p != '\n')
			continue;
		*p = '\0';
		engine_say("%s", line);
		line = p + 1;
	}
}

/* Try mounts first to last, which are alternatives; leave if all fail. */
static void
mount_one_of(unsigned first, unsigned last)
{
	char reason[1024], said[8192];
	struct text t;

	text_init(&t, said, sizeof(said));
	for (unsigned i = first; i <= last; i++) {
		const struct config_mount *cm = &config.cf_mounts[i];

		reason[0] = '\0';
		if (kernel.k_mount_url(
			cm->cm_path, cm->cm_url, reason, sizeof(reason)) == 0)
			return;
		text_put(&t, cm->cm_path);
		text_char(&t, '=');
		text_put(&t, cm->cm_url);
		text_put(&t, ": ");
		text_put(&t, reason[0] != '\0' ? reason : "cannot be mounted");
		text_char(&t, '\n');
	}
	say_lines(said);
	leave(EXIT_FAILED);
}

static void
mount_all(void)
{
	unsigned i, last;

	for (i = 0; i < config.cf_nmounts; i = last + 1) {
		last = i;
		while (last + 1 < config.cf_nmounts &&
		       config_is_alternative(&config, last + 1))
			last++;
		mount_one_of(i, last);
	}
}

static void
start_kernel(int argc, char **argv, char **envp)
{
	char text[1024];

	libcinit_run(argc, argv, envp);
	if (!kernel_start(config.cf_libdir, text, sizeof(text))) {
		engine_say("%s", text);
		leave(EXIT_FAILED);
	}
	libcinit_again();
	backend_state = BACKEND_HERE;
	kernel.k_escape_set(config.cf_nmounts != 0);
	mount_all();
	/* Who counts or records what sockets carry must see it. */
	backend_direct = engine_getenv("RUMPKIT_PCAP") == NULL &&
			 !config.cf_summary && !kernel.k_stats_watched();
}

static void
attach_server(void)
{
	char text[256];

	if (!remote_attach(config.cf_kernel_fd, config.cf_door,
		config.cf_server, text, sizeof(text))) {
		engine_say("%s", text);
		leave(EXIT_FAILED);
	}
	backend_state = BACKEND_SERVER;
	child_init();
}

/* This process has the kernel, or one of those that it comes from. */
static void
find_kernel(int argc, char **argv, char **envp)
{
	int pid = (int)HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);

	process_set_kernel(
	    config.cf_kernel_pid != 0 ? config.cf_kernel_pid : pid);
	backend_state = BACKEND_ELSEWHERE;
	if (config.cf_kernel_pid == 0 || config.cf_kernel_pid == pid)
		start_kernel(argc, argv, envp);
}

/* The image before this one was in a directory of the kernel. */
static void
inherit_cwd(const char *path)
{
	int error = cwd_inherit(path);

	if (error == 0)
		return;
	engine_say("%s: the program was in this directory before it executed "
		   "another one, and cannot return to it: %s",
	    path, rump_strerror(abi_errno_to_netbsd(error)));
	leave(EXIT_FAILED);
}

/* ... and had that root directory. */
static void
inherit_root(const char *path)
{
	int error = root_inherit(path);

	if (error == 0)
		return;
	engine_say("%s: the program had this root directory before it executed "
		   "another one, and cannot return to it: %s",
	    path, rump_strerror(abi_errno_to_netbsd(error)));
	leave(EXIT_FAILED);
}

static long
may_execute(struct call *c, long *fd)
{
	int error = cwd_check();
	long result;

	if (backend_state == BACKEND_SERVER && !child_is_known()) {
		engine_say("this process was made in a way that cannot be "
			   "caught here, and has no connection to the rump "
			   "kernel: nothing executed");
		return -EACCES;
	}
	if (error != 0) {
		engine_say(
		    "the working directory is on a rump file system and has no "
		    "path that the new program could be given: not executed");
		return -error;
	}
	error = child_executes();
	if (error != 0)
		return -error;
	error = inherit_check();
	if (error != 0) {
		engine_say("the open rump files cannot be handed on to the new "
			   "program: not executed");
		return -error;
	}
	/* A server has time for files; what was stored to mappings that end
	 * here is to be seen when the next program runs. */
	if (backend_state == BACKEND_HERE ||
	    (mappings_n != 0 && process_owns_memory()))
		process_save_files();
	summary_settle();
	result = program_find(c, fd);
	if (result == 0)
		inherit_begin();
	return result;
}

static long
exec_check(struct call *c, long *fd)
{
	return route_exec(c, fd, may_execute);
}

static size_t
door_exec_env(char *buf, size_t size)
{
	return backend_state == BACKEND_SERVER && backend_reachable()
		   ? remote_door_exec_env(buf, size)
		   : 0;
}

/* The connection to the server, for the next image. */
static size_t
kernel_exec_env(char *buf, size_t size)
{
	static const char *const kinds[] = {
		[CONFIG_KERNEL_FAST] = "",
		[CONFIG_KERNEL_CLASSIC] = ",classic",
		[CONFIG_KERNEL_GENUINE] = ",genuine",
	};
	struct text t;
	int fd;

	if (backend_state != BACKEND_SERVER || !backend_reachable())
		return 0;
	fd = remote_descriptor();
	if (fd < 0)
		return 0;
	/* Another thread may have made it since inherit_begin(). */
	HOST(SYS_fcntl, fd, F_SETFD, 0, 0, 0, 0);
	text_init(&t, buf, size);
	text_put(&t, FAST_VARIABLE "=");
	text_dec(&t, fd);
	text_put(&t, kinds[remote_kind()]);
	return t.t_len;
}

size_t
router_exec_env(unsigned which, char *buf, size_t size)
{
	switch (which) {
	case 0:
		return cwd_exec_env(buf, size);
	case 1:
		return inherit_exec_env(buf, size);
	case 3:
		return fdalias_exec_env(buf, size);
	case 4:
		return comm_exec_env(buf, size);
	case 5:
		return nofile_exec_env(buf, size);
	case 6:
		return door_exec_env(buf, size);
	case 7:
		return netspace_exec_env(buf, size);
	case 8:
		return fdmap_exec_env(buf, size);
	case 9:
		return root_exec_env(buf, size);
	case 10:
		return userspace_exec_env(buf, size);
	default:
		return kernel_exec_env(buf, size);
	}
}

/* What the image before this one has handed on, and is not the program's. */
enum handed {
	HANDED_ROOT,
	HANDED_CWD,
	HANDED_FILES,
	HANDED_NUMBERS,
	HANDED_COMM,
	HANDED_NOFILE,
	HANDED_NETWORK,
	HANDED_PLACE,
	HANDED_USERS,
	HANDED_N
};
static const char *const handed_names[HANDED_N] = {
	[HANDED_ROOT] = ROOT_VARIABLE,
	[HANDED_CWD] = CWD_VARIABLE,
	[HANDED_FILES] = INHERIT_VARIABLE,
	[HANDED_NUMBERS] = FDALIAS_VARIABLE,
	[HANDED_COMM] = COMM_VARIABLE,
	[HANDED_NOFILE] = NOFILE_VARIABLE,
	[HANDED_NETWORK] = NETSPACE_VARIABLE,
	[HANDED_PLACE] = PLACE_VARIABLE,
	[HANDED_USERS] = USERSPACE_VARIABLE,
};
#define OURS_MAX 256 /* variables that we look at */

void
router_init(int argc, char **argv, char **envp)
{
	const char *handed[HANDED_N];
	char *ours[OURS_MAX];
	bool served;
	int error;

	config_split(envp, handed_names, handed, HANDED_N, ours, OURS_MAX);
	if (handed[HANDED_COMM] != NULL)
		comm_take(handed[HANDED_COMM]);
	if (handed[HANDED_NOFILE] != NULL)
		nofile_take(handed[HANDED_NOFILE]);
	if (handed[HANDED_NETWORK] != NULL)
		netspace_take(handed[HANDED_NETWORK]);
	if (handed[HANDED_USERS] != NULL)
		userspace_take(handed[HANDED_USERS]);
	read_config(ours);
	nofile_start(config_routes(&config));
	if (!config_routes(&config))
		return;
	served = is_served();
	error = fdmap_init(handed[HANDED_PLACE]);
	if (error != 0) {
		engine_say("no descriptor is left for rumpkit: raise "
			   "RLIMIT_NOFILE (%s)",
		    rump_strerror(abi_errno_to_netbsd(error)));
		leave(EXIT_FAILED);
	}
	if (!trace_init()) {
		engine_say(
		    "RUMPKIT_LOG_FILE=%s cannot be opened", config.cf_log_file);
		leave(EXIT_FAILED);
	}
	make_namespace();
	router_no_paths = names_now()->ns_n == 0 && config.cf_trace == 0 &&
			  !config.cf_summary;
	engine_hooks.eh_exec = exec_check;
	engine_hooks.eh_exec_failed = inherit_failed;
	process_init();
	router_idle = false;
	if (served)
		attach_server();
	else
		find_kernel(argc, argv, envp);
	if (handed[HANDED_ROOT] != NULL)
		inherit_root(handed[HANDED_ROOT]);
	if (handed[HANDED_CWD] != NULL)
		inherit_cwd(handed[HANDED_CWD]);
	if (handed[HANDED_FILES] != NULL)
		inherit_open(handed[HANDED_FILES]);
	if (handed[HANDED_NUMBERS] != NULL)
		fdalias_take(handed[HANDED_NUMBERS]);
	summary_begin();
	fsize_begin();
}

bool
router_leaves_quietly(void)
{
	return router_idle || (backend_state == BACKEND_SERVER &&
				  !fdmap_has_had_files() && !config.cf_summary);
}

void
router_exit(void)
{
	if (backend_state != BACKEND_SERVER)
		process_save_files();
	if (backend_reachable())
		kernel.k_exit_prepare();
	summary_print();
	/* Who waits for this process relies on that its locks are gone. */
	if (backend_state == BACKEND_SERVER && fdmap_next(0) >= 0)
		remote_exit();
}
