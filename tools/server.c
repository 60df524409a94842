/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpkit server, alias rump_server: a kernel that lives until it is told to
 * end, by a signal or by a client.  What can be wrong is found before it goes
 * into the background; what the kernel itself finds wrong is still said on
 * standard error, and its process waits for that before it ends in the shell's
 * eyes.
 */
#include "tools/rumpkit.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rump/rumpserver.h"
#include "tools/boot.h"
#include "tools/configfile.h"
#include "tools/drive.h"
#include "tools/library.h"
#include "tools/options.h"
#include "tools/pcapfile.h"
#include "tools/plan.h"
#include "tools/serverurl.h"

#define STATUS_GENUINE 1 /* rump_server failed */

struct server {
	struct options sv_options;
	struct plan sv_plan;
	char sv_url[ADDRESS_URL_MAX];
	char sv_hijack[PATH_MAX];
	char *sv_pid_file; /* owned: absolute; NULL none */
	bool sv_genuine;   /* called as rump_server */
	int sv_failed;     /* exit status when something fails */
};

static bool
flag(const struct server *sv, enum option_id id)
{
	return options_flag(&sv->sv_options, id);
}

static const char *
value(const struct server *sv, enum option_id id)
{
	return options_value(&sv->sv_options, id);
}

/* Do what is to be done with each file of the host that -d names. */
static int
each_drive(const struct server *sv,
    int (*func)(struct drive *dr, char *text, size_t size))
{
	const struct option_values *ov =
	    &sv->sv_options.op_values[OPTION_DRIVE];
	char text[2 * PATH_MAX];
	struct drive dr;
	size_t i;

	for (i = 0; i < ov->ov_count; i++) {
		if (drive_parse(ov->ov_value[i], &dr, text, sizeof(text)) !=
			0 ||
		    func(&dr, text, sizeof(text)) != 0)
			return complain(
			    sv->sv_failed, "-d %s: %s", ov->ov_value[i], text);
	}
	return 0;
}

static int
only_parse(struct drive *dr, char *text, size_t size)
{
	(void)dr;
	(void)text;
	(void)size;
	return 0;
}

static int
add_drive(struct drive *dr, char *text, size_t size)
{
	return drive_prepare(dr, text, size) != 0 ? -1
						  : boot_drive(dr, text, size);
}

/* Of the genuine server's options, those that this one cannot serve. */
static int
check_features(const struct server *sv)
{
	if (each_drive(sv, only_parse) != 0)
		return sv->sv_failed;
	if (value(sv, OPTION_MODULE) != NULL)
		return complain(sv->sv_failed,
		    "-m %s: modules of NetBSD's kernel cannot be loaded; -l"
		    " loads components",
		    value(sv, OPTION_MODULE));
	return 0;
}

static int
check_url(struct server *sv, const char *url)
{
	struct address ad;
	char text[512];

	if (serverurl_listen(url, sv->sv_url, text, sizeof(text)) != 0)
		return complain(sv->sv_failed, "%s", text);
	ad = serverurl_address(sv->sv_url);
	if (ad.ad_family != ADDRESS_TCP)
		return 0;
	if (!flag(sv, OPTION_INSECURE_TCP))
		return complain(sv->sv_failed,
		    "%s: whoever reaches that port would be root in the"
		    " kernel, since the protocol does not ask who he is; say"
		    " --insecure-tcp if that is what you want",
		    sv->sv_url);
	if (ad.ad_port == 0)
		return complain(sv->sv_failed,
		    "%s: say which port: nobody would know what the host chose",
		    sv->sv_url);
	if (!flag(sv, OPTION_QUIET))
		complain(0,
		    "%s: whoever reaches that port is root in the kernel",
		    sv->sv_url);
	return 0;
}

/* 0, or the errno of connecting to a socket in the file system. */
static int
try_connect(const struct address *ad)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int error, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	memcpy(sun.sun_path, ad->ad_path, sizeof(sun.sun_path));
	error =
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 ? errno : 0;
	close(fd);
	return error;
}

/* Something has that name. */
static int
check_taken(const struct server *sv, const struct address *ad)
{
	struct stat st;

	if (lstat(ad->ad_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return complain(sv->sv_failed,
		    "%s: a file that is no socket has that name", sv->sv_url);
	if (try_connect(ad) != ECONNREFUSED)
		return complain(
		    sv->sv_failed, "%s: somebody listens there", sv->sv_url);
	if (sv->sv_genuine)
		return complain(sv->sv_failed,
		    "%s: nobody listens there, but the socket of a server that"
		    " is gone has that name; remove it",
		    sv->sv_url);
	return unlink(ad->ad_path) == 0
		   ? 0
		   : complain(sv->sv_failed,
			 "%s: the socket of a server that is gone: %s",
			 sv->sv_url, strerror(errno));
}

static int
check_place(const struct server *sv)
{
	struct address ad = serverurl_address(sv->sv_url);
	char dir[ADDRESS_PATH_MAX];

	if (ad.ad_family != ADDRESS_UNIX)
		return 0;
	memcpy(dir, ad.ad_path, sizeof(dir));
	*(strrchr(dir, '/') + 1) = '\0';
	if (access(dir, W_OK | X_OK) != 0)
		return complain(sv->sv_failed,
		    "%s: no socket can be made there: %s", sv->sv_url,
		    strerror(errno));
	return check_taken(sv, &ad);
}

/* The server's working directory will be the root. */
static int
check_pid_file(struct server *sv)
{
	const char *name = value(sv, OPTION_PID_FILE);
	char *cwd;
	int n;

	if (name == NULL)
		return 0;
	cwd = *name != '/' ? get_current_dir_name() : NULL;
	n = asprintf(&sv->sv_pid_file, "%s%s%s", cwd != NULL ? cwd : "",
	    cwd != NULL ? "/" : "", name);
	free(cwd);
	if (n >= 0)
		return 0;
	sv->sv_pid_file = NULL;
	return complain(sv->sv_failed, "out of memory");
}

static int
check_all(struct server *sv, const char *url)
{
	struct plan *pl = &sv->sv_plan;
	char text[512];
	int status;

	status = check_features(sv);
	if (status == 0)
		status = check_url(sv, url);
	if (status == 0)
		status = check_pid_file(sv);
	if (status != 0)
		return status;
	if (plan_init(pl, &sv->sv_options) != 0 || plan_resolve(pl) != 0)
		return complain(sv->sv_failed, "%s", pl->pl_error);
	if (library_find(
		sv->sv_hijack, sizeof(sv->sv_hijack), text, sizeof(text)) != 0)
		return complain(sv->sv_failed, "%s", text);
	return 0;
}

static int
print_plan(const struct server *sv)
{
	const struct plan *pl = &sv->sv_plan;
	size_t i;

	printf("server: %s\n", sv->sv_url);
	for (i = 0; i < pl->pl_nmounts; i++)
		printf("mount: %s = %s\n", pl->pl_mounts[i].ma_path,
		    pl->pl_mounts[i].ma_source);
	if (pl->pl_pcap != NULL)
		printf("pcap: %s\n", pl->pl_pcap);
	printf("users: %s\n",
	    flag(sv, OPTION_ALL_USERS) ? "all" : "this one and root");
	return 0;
}

/* What the kernel asks the environment for. */
static int
set_environment(const struct server *sv)
{
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "RUMP_NCPU", value(sv, OPTION_NCPU) },
		{ "RUMP_MEMLIMIT", value(sv, OPTION_MEMORY) },
		{ "RUMP_VERBOSE", flag(sv, OPTION_VERBOSE) ? "1" : NULL },
		{ "RUMPKIT_PCAP", sv->sv_plan.pl_pcap },
	};
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		if (variables[i].value != NULL &&
		    setenv(variables[i].name, variables[i].value, 1) != 0)
			return complain(sv->sv_failed, "out of memory");
	}
	/* The clients' own business. */
	return unsetenv("RUMPKIT_LOG_FILE");
}

/* "rumpvfs", "librumpvfs.so.0" or a path; those of ours are there already. */
static bool
load_component(const char *name, char *text, size_t size)
{
	char file[PATH_MAX];

	if (boot_loaded(name) || boot_load_more(name, text, size) == 0)
		return true;
	snprintf(file, sizeof(file), "lib%s.so", name);
	return strchr(name, '/') == NULL &&
	       boot_load_more(file, text, size) == 0;
}

/* In rounds, since they may need each other in any order. */
static int
load_components(const struct server *sv)
{
	const struct option_values *ov =
	    &sv->sv_options.op_values[OPTION_LIBRARY];
	bool *done = calloc(ov->ov_count + 1, sizeof(*done)), progress;
	char text[1024] = "";
	size_t i, left;

	if (done == NULL)
		return complain(sv->sv_failed, "out of memory");
	do {
		left = 0;
		progress = false;
		for (i = 0; i < ov->ov_count; i++) {
			if (done[i])
				continue;
			done[i] =
			    load_component(ov->ov_value[i], text, sizeof(text));
			progress |= done[i];
			left += !done[i];
		}
	} while (left != 0 && progress);
	free(done);
	return left == 0 ? 0 : complain(sv->sv_failed, "-l: %s", text);
}

static sigset_t
end_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

static void *
end_by_signal(void *arg)
{
	sigset_t set = end_signals();
	int sig;

	(void)arg;
	if (sigwait(&set, &sig) == 0)
		boot_end();
	return NULL;
}

/* Held back by all threads, so that one can wait for them. */
static void
arrange_signals(void)
{
	sigset_t set = end_signals();

	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int
start_signal_thread(const struct server *sv)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, end_by_signal, NULL);

	if (error != 0)
		return complain(
		    sv->sv_failed, "no thread: %s", strerror(error));
	pthread_detach(thread);
	return 0;
}

static const char *pid_file; /* that has been written */

static void
remove_pid_file(void)
{
	(void)unlink(pid_file);
}

static int
write_pid_file(const struct server *sv)
{
	FILE *out;

	if (sv->sv_pid_file == NULL)
		return 0;
	out = fopen(sv->sv_pid_file, "we");
	if (out == NULL || fprintf(out, "%d\n", (int)getpid()) < 0 ||
	    fclose(out) != 0)
		return complain(sv->sv_failed, "--pid-file: %s: %s",
		    sv->sv_pid_file, strerror(errno));
	pid_file = sv->sv_pid_file;
	atexit(remove_pid_file); /* the kernel's end is exit(3) */
	return 0;
}

/* Until it can be reached; 0 or an exit status. */
static int
start(const struct server *sv, const struct boot_user *bu)
{
	unsigned flags = (flag(sv, OPTION_ALL_USERS) ? RUMPSERVER_ANYUSER : 0) |
			 (flag(sv, OPTION_INSECURE_TCP) ? RUMPSERVER_TCP : 0);
	char text[1024];
	int error, status;

	arrange_signals();
	if (boot_start(bu, text, sizeof(text)) != 0)
		return complain(sv->sv_failed, "%s", text);
	if (each_drive(sv, add_drive) != 0 || boot_mount(&sv->sv_plan) != 0)
		return sv->sv_failed;
	(void)chdir("/");
	error = boot_listen(sv->sv_url, flags); /* has said why */
	if (error != 0)
		return sv->sv_genuine ? error : sv->sv_failed;
	status = write_pid_file(sv);
	return status == 0 ? start_signal_thread(sv) : status;
}

static int
serve(const struct server *sv)
{
	bool background = !flag(sv, OPTION_FOREGROUND);
	struct boot_user bu;
	char text[1024];
	int status;

	boot_user(&bu);
	boot_raise_limits();
	if (set_environment(sv) != 0)
		return sv->sv_failed;
	if (boot_load(sv->sv_hijack, NULL, text, sizeof(text)) != 0)
		return complain(sv->sv_failed, "%s", text);
	if (load_components(sv) != 0)
		return sv->sv_failed;
	if (background && boot_daemonize(text, sizeof(text)) != 0)
		return complain(sv->sv_failed, "%s", text);
	status = start(sv, &bu);
	if (background)
		boot_daemonized(status);
	if (status != 0)
		return status;
	boot_wait();
	boot_end();
}

static int
help(void)
{
	printf("usage: %s [option ...] URL\n\nServe a rump kernel at"
	       " unix://PATH to the programs of this user.\n\n",
	    program_name);
	options_help(stdout, OPTIONS_SERVER);
	return 0;
}

static int
server(struct server *sv, int argc, char **argv)
{
	struct options *op = &sv->sv_options;
	int first, status;

	first = options_parse(op, argc, argv);
	if (first < 0)
		return complain(sv->sv_failed, "%s", op->op_error);
	if (options_flag(op, OPTION_HELP))
		return help();
	if (options_flag(op, OPTION_VERSION))
		return version_print();
	if (configfile_complete(op) != 0)
		return complain(sv->sv_failed, "%s", op->op_error);
	if (first != argc - 1)
		return complain(sv->sv_failed,
		    "%s where to serve: %s [option ...] unix://PATH",
		    first == argc ? "say" : "one URL says", program_name);
	status = check_all(sv, argv[first]);
	if (status != 0)
		return status;
	if (flag(sv, OPTION_CHECK))
		return print_plan(sv);
	if (check_place(sv) != 0 || pcapfile_make(sv->sv_plan.pl_pcap) != 0)
		return sv->sv_failed;
	return serve(sv);
}

static int
run(int argc, char **argv, bool genuine)
{
	struct server sv = {
		.sv_genuine = genuine,
		.sv_failed = genuine ? STATUS_GENUINE : STATUS_FAILED,
	};
	int status;

	program_name = genuine ? "rump_server" : "rumpkit server";
	options_init(&sv.sv_options, OPTIONS_SERVER);
	status = server(&sv, argc, argv);
	plan_fini(&sv.sv_plan);
	options_fini(&sv.sv_options);
	free(sv.sv_pid_file);
	return status;
}

int
server_main(int argc, char **argv)
{
	return run(argc, argv, false);
}

int
rump_server_main(int argc, char **argv)
{
	return run(argc, argv, true);
}
