/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process sees of another one, as the host's /proc shows it: what is open
 * behind its numbers, and its working directory.  The files are the kernel's; which
 * numbers they have, and whether the directory counts, the other process shows in
 * its area.  What it shows may be wrong, and is then wrong about itself.
 *
 * The worker goes to the other process for a moment, with an lwp that it makes
 * there, and its own waits.  The other process does not end meanwhile.
 */
#include <string.h>
#include <sys/stat.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#include "rumpuser/cpu.h"
#include "rumpuser/text.h"
#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_worker.h"

#define PATH_BYTES 4096

struct search {
	pid_t se_hostpid;
	struct client *se_found; /* entered */
};

static void
match(struct client *c, void *arg)
{
	struct search *se = arg;

	if (se->se_found == NULL &&
	    atomic_load(&c->c_hostpid) == se->se_hostpid && client_enter(c))
		se->se_found = c;
}

/* Who has forbidden that others look at him has lost /proc/PID to root. */
static bool
is_open(pid_t pid, uid_t uid)
{
	char path[32];
	struct stat st;

	text_format(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == uid;
}

/* As the host decides about /proc/PID/fd: root, and who is what the other process
 * is in every respect. */
static bool
may_look(const struct client *c, const struct client *other)
{
	struct peer self, p;
	uid_t uid;
	gid_t gid;

	if (!peer_status(c->c_hostpid, &self) ||
	    !peer_status(other->c_hostpid, &p) || !peer_lives(c->c_pidfd) ||
	    !peer_lives(other->c_pidfd))
		return false;
	uid = self.p_uid[3];
	gid = self.p_gid[3];
	if (uid == 0)
		return true;
	for (int i = 0; i < 3; i++)
		if (p.p_uid[i] != uid || p.p_gid[i] != gid)
			return false;
	return is_open(other->c_hostpid, uid);
}

/* The process that w's client calls pid, and has to leave.  It is not one if the
 * client knows itself by another number than we do. */
static int
find(struct worker *w, int64_t ownpid, int64_t pid, struct client **cp)
{
	struct search se = { .se_hostpid = (pid_t)pid };
	struct client *c = w->w_client;
	int error = 0;

	if (pid <= 0 || pid != (pid_t)pid || ownpid != c->c_hostpid)
		return RUMP_ESRCH;
	client_iterate(match, &se);
	if (se.se_found == NULL)
		return RUMP_ESRCH;
	if (atomic_load(&se.se_found->c_shown) == NULL)
		error = RUMP_ESRCH;
	else if (!may_look(c, se.se_found))
		error = RUMP_EPERM;
	if (error != 0)
		client_leave(se.se_found);
	else
		*cp = se.se_found;
	return error;
}

/* --- in the other process ------------------------------------------------ */

/* visit() to go there; what it gives is for return_from(). */
static bool
visit(const struct client *c, struct lwp **own)
{
	cpu_upcalls.hyp_schedule();
	*own = cpu_upcalls.hyp_lwproc_curlwp();
	cpu_upcalls.hyp_unschedule();
	return worker_bind_lwp(c);
}

static void
return_from(struct lwp *own)
{
	worker_unbind_lwp();
	cpu_upcalls.hyp_schedule();
	cpu_upcalls.hyp_lwproc_switch(own);
	cpu_upcalls.hyp_unschedule();
}

static int
file_of(const struct client *c, int rumpfd, struct file **fp)
{
	struct lwp *own;
	int error;

	if (!visit(c, &own))
		return RUMP_ESRCH;
	error = serverkernel.sk_file_get(rumpfd, fp);
	return_from(own);
	return error;
}

static int
cwd_of(const struct client *c, char *path, size_t size)
{
	struct lwp *own;
	int error;

	if (!visit(c, &own))
		return RUMP_ESRCH;
	error = serverkernel.sk_cwd_path(path, size);
	return_from(own);
	return error == RUMP_ERESTART ? RUMP_EINTR : error;
}

/* --- calls ---------------------------------------------------------------- */

static int
number_of(struct client *c, int64_t number, int *rumpfd)
{
	uint32_t word;

	if (number < 0 || number >= FAST_SHOWN_NUMBERS)
		return RUMP_EBADF;
	word = atomic_load(&atomic_load(&c->c_shown)->fs_number[number]);
	*rumpfd = (int)(word - 1);
	return word == 0 || *rumpfd < 0 ? RUMP_EBADF : 0;
}

/* The file is looked for there, and its path is what the process says of it. */
static int
look_at(struct client *c, int64_t number, struct file **fp, char *path)
{
	uint64_t where;
	int fd, error = number_of(c, number, &fd);

	if (error == 0)
		error = file_of(c, fd, fp);
	if (error != 0)
		return error;
	path[0] = '\0';
	where = atomic_load(&atomic_load(&c->c_shown)->fs_path[number]);
	if (where != 0)
		copy_peek(c, where, path, PATH_BYTES);
	return 0;
}

static int
give_text(struct worker *w, const char *text, uint64_t to, uint64_t size)
{
	size_t len = strlen(text) + 1;

	return len > size ? RUMP_ERANGE : copy_out(w, text, to, len);
}

int
look_file(struct worker *w, const int64_t *args, int64_t *retval)
{
	struct client *other;
	struct file *fp = NULL;
	char path[PATH_BYTES];
	int fd, error;

	error = find(w, args[0], args[1], &other);
	if (error != 0)
		return error;
	error = look_at(other, args[2], &fp, path);
	client_leave(other);
	if (error != 0)
		return error;
	error = give_text(w, path, (uint64_t)args[3], (uint64_t)args[4]);
	if (error == 0)
		error = serverkernel.sk_file_install(fp, &fd);
	serverkernel.sk_file_put(fp);
	if (error == 0)
		retval[0] = fd;
	return error;
}

int
look_cwd(struct worker *w, const int64_t *args, int64_t *retval)
{
	struct client *other;
	char path[PATH_BYTES];
	int error;

	if (!serverkernel_has_files())
		return RUMP_ENOENT;
	error = find(w, args[0], args[1], &other);
	if (error != 0)
		return error;
	if (atomic_load(&atomic_load(&other->c_shown)->fs_cwd) == 0)
		error = RUMP_ENOENT;
	else
		error = cwd_of(other, path, sizeof(path));
	client_leave(other);
	if (error != 0)
		return error;
	return give_text(w, path, (uint64_t)args[2], (uint64_t)args[3]);
}
