/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An application on the rump kernel as a library: it has a file and a disk image
 * of the host and a tmpfs, copies one to the other and back in two processes of
 * the kernel, and says what it sees.  Arguments: the file, the image, where the
 * copy goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>
#include <rump/rumpabi.h>
#include <rump/rumpdefs.h>
#include <rump/rumperr.h>
#include <rump/rumperrno2host.h>

static void
need(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, rump_strerror(error),
	    strerror(rump_errno2host(error)));
	exit(1);
}

static int
need_call(int result, const char *what)
{
	need(result < 0 ? errno : 0, what);
	return result;
}

#define CALL(call) need_call((int)(call), #call)

static void
copy(const char *from, const char *to, int oflags)
{
	int in = CALL(rump_sys_open(from, RUMP_O_RDONLY)), n;
	int out = CALL(rump_sys_open(to, oflags, 0600));
	char buf[1000];

	while ((n = CALL(rump_sys_read(in, buf, sizeof(buf)))) > 0)
		CALL(rump_sys_write(out, buf, (size_t)n));
	CALL(rump_sys_close(in));
	CALL(rump_sys_close(out));
}

static void
mount_tmpfs(void)
{
	struct rump_tmpfs_args args = {
		.ta_version = 1, .ta_size_max = 1 << 20, .ta_root_mode = 0755
	};

	CALL(rump_sys_mkdir("/mnt", 0755));
	CALL(rump_sys_mount("tmpfs", "/mnt", 0, &args, sizeof(args)));
}

/* Another process does not have our descriptors; its threads share its own. */
static void
run_processes(void)
{
	int fd = CALL(rump_sys_open("/mnt/copy", RUMP_O_RDONLY));
	int self = rump_sys_getpid(), child;
	struct lwp *first;

	need(rump_pub_lwproc_rfork(RUMP_RFCFDG), "rfork");
	first = rump_pub_lwproc_curlwp();
	child = rump_sys_getpid();
	if (rump_sys_close(fd) != -1 || errno != RUMP_EBADF)
		need(RUMP_EEXIST, "the child has our descriptor");
	copy("/mnt/copy", "/out", RUMP_O_WRONLY);
	need(rump_pub_lwproc_newlwp(child), "newlwp");
	printf("child %s, of %s\n", rump_sys_getpid() == child ? "ok" : "lost",
	    rump_sys_getppid() == self ? "us" : "others");
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(first);
	rump_pub_lwproc_releaselwp();
	CALL(rump_sys_close(fd));
}

static void
break_pipe(void)
{
	int fd[2];

	CALL(rump_sys_pipe(fd));
	CALL(rump_sys_close(fd[0]));
	if (rump_sys_write(fd[1], "x", 1) == -1)
		printf("pipe: %s\n", rump_strerror(errno));
	CALL(rump_sys_close(fd[1]));
}

static void
show_disk(void)
{
	int fd = CALL(rump_sys_open("/dev/disk", RUMP_O_RDONLY));
	struct rump_stat st;
	char buf[5] = "";

	CALL(rump_sys_fstat(fd, &st));
	CALL(rump_sys_pread(fd, buf, 4, 510));
	printf("disk: %ld bytes, %s\n", (long)st.st_size, buf);
	CALL(rump_sys_close(fd));
}

int
main(int argc, char **argv)
{
	struct rump_boot_etfs in = { .eb_key = "/in",
		.eb_hostpath = argv[1],
		.eb_type = RUMP_ETFS_REG,
		.eb_size = RUMP_ETFS_SIZE_ENDOFF };
	struct rump_boot_etfs none = in;

	if (argc != 4)
		return 2;
	none.eb_key = "/none";
	none.eb_hostpath = "/nonexistent/file";
	/* What the kernel says comes between. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD);
	rump_boot_etfs_register(&in);
	rump_boot_etfs_register(&none);
	need(rump_init(), "rump_init");
	need(in.eb_status, argv[1]);
	printf("version %d, none: %s\n", rump_getversion() / 100000000,
	    rump_strerror(none.eb_status));
	need(rump_pub_etfs_register_withsize(
		 "/dev/disk", argv[2], RUMP_ETFS_BLK, 512, 1024),
	    argv[2]);
	need(rump_pub_etfs_register("/out", argv[3], RUMP_ETFS_REG), argv[3]);
	mount_tmpfs();
	copy("/in", "/mnt/copy", RUMP_O_WRONLY | RUMP_O_CREAT);
	run_processes();
	break_pipe();
	show_disk();
	need(rump_pub_etfs_remove("/out"), "remove");
	CALL(rump_sys_reboot(0, NULL));
	return 3;
}
