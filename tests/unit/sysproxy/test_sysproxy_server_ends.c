/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client leaves that ends, stops or becomes another program, and that
 * nobody else waits for it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lingering.h"
#include "servertest.h"

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"

#define ROUNDS 20
#define SLOW 20  /* descriptors that are slow to close */
#define CROWD 60 /* processes, of which each third is stopped in the end */
#define LARGE (256 * 1024)

/* Entries of a directory of /proc/self. */
static unsigned
count(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
assert_served(struct fastclient *fc)
{
	assert_int_equal(
	    fastclient_call(fc, 0, RUMP_SYS_getpid, A(0), NULL, NULL), 0);
}

/* Somebody new is served, and somebody who was there. */
static void
assert_others_served(struct fastclient *there)
{
	struct fastclient fresh;

	open_client(&fresh, false);
	assert_served(&fresh);
	fastclient_close(&fresh);
	assert_served(there);
}

/* --- messages behind others ------------------------------------------------ */

/* A process that has an area, so that to execute something takes a moment. */
static void
open_child(struct fastclient *fc)
{
	*fc = (struct fastclient){ 0 };
	assert_int_equal(
	    fastclient_hello(fc, fastclient_fork(&client), false), 0);
	assert_true(fastclient_start(fc, 0));
	assert_served(fc);
}

static void
execute(struct fastclient *fc)
{
	const struct fast_message m = { .fm_type = FAST_EXEC };

	assert_true(fastclient_send(fc, &m, NULL, -1));
}

static void
who_executes_forks_and_ends_has_a_child(void **state)
{
	struct fastclient parent, child;
	int connection;

	for (int i = 0; i < ROUNDS; i++) {
		open_child(&parent);
		execute(&parent);
		connection = fastclient_fork(&parent);
		fastclient_close(&parent);
		child = (struct fastclient){ 0 };
		assert_int_equal(
		    fastclient_hello(&child, connection, false), 0);
		fastclient_close(&child);
	}
	AWAIT(rumpuser_sp_clients() == 1);
}

static void
send_socket(struct fastclient *fc)
{
	const struct fast_message m = { .fm_type = FAST_TOKEN };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fastclient_send(fc, &m, NULL, fd));
	close(fd);
}

static void
what_was_sent_before_an_exec_is_closed(void **state)
{
	unsigned before;

	assert_served(&client);
	before = count("/proc/self/fd");
	send_socket(&client);
	execute(&client);
	munmap(client.fc_area, (size_t)FAST_AREA);
	assert_int_equal(fastclient_hello(&client, client.fc_fd, false), 0);
	AWAIT(count("/proc/self/fd") == before);
	assert_true(fastclient_start(&client, 0));
	assert_served(&client);
}

/* --- descriptors that are slow to close -------------------------------------- */

/* A message that has no use for it.  The server is the last to close it: the
 * message ends when we have done so. */
static void
send_slow(struct fastclient *fc, int fd)
{
	struct fast_message wrong = { .fm_type = FAST_INTR };

	assert_true(lingering_send(fc->fc_fd, &wrong, 1, fd, 0));
	close(fd);
	assert_int_equal(
	    send(fc->fc_fd, (char *)&wrong + 1, sizeof(wrong) - 1, 0),
	    sizeof(wrong) - 1);
}

static void
a_descriptor_that_is_slow_to_close_holds_up_nobody(void **state)
{
	int listener;

	send_slow(&client, lingering_socket(&listener));
	assert_others_served(&client);
	/* Its connection is reset, and whoever closes it need not wait. */
	close(listener);
}

static void
who_sends_many_of_them_has_one_thread_for_them(void **state)
{
	int listeners[SLOW];
	unsigned before;

	send_slow(&client, lingering_socket(&listeners[0]));
	assert_others_served(&client);
	before = count("/proc/self/task");
	for (int i = 1; i < SLOW; i++)
		send_slow(&client, lingering_socket(&listeners[i]));
	assert_others_served(&client);
	/* Others' threads come and go, but not as many. */
	assert_true(count("/proc/self/task") < before + SLOW / 2);
	for (int i = 0; i < SLOW; i++)
		close(listeners[i]);
}

/* Out of band: the host would hand it to nobody.  Who sends it ends with it, so that
 * the server is the last to close it. */
static void
one_that_is_urgent_holds_up_nobody(void **state)
{
	struct fastclient other;
	int listener, fd = lingering_socket(&listener);
	int go[2], status;
	pid_t pid;
	char c;

	open_client(&other, false);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		(void)read(go[0], &c, 1);
		if (lingering_send(other.fc_fd, "a", 1, fd, MSG_OOB))
			(void)send(other.fc_fd, "b", 1, MSG_NOSIGNAL);
		_exit(0);
	}
	close(fd);
	close(go[0]);
	close(go[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_others_served(&client);
	fastclient_close(&other);
	AWAIT(rumpuser_sp_clients() == 1);
	close(listener);
}

static void *
close_it(void *arg)
{
	close((int)(intptr_t)arg);
	return NULL;
}

/* The server may have been first: then this lingers until the listener goes. */
static void
close_aside(int fd)
{
	pthread_t thread;

	assert_int_equal(
	    pthread_create(&thread, NULL, close_it, (void *)(intptr_t)fd), 0);
	pthread_detach(thread);
}

/* False: the server was quicker than the second message. */
static bool
send_behind_wrong_message(int fd)
{
	const struct fast_message wrong = { .fm_type = UINT32_MAX };
	struct fastclient child = { .fc_fd = fastclient_fork(&client) };
	bool sent;

	AWAIT(rumpuser_sp_clients() == 2);
	assert_true(fastclient_send(&child, &wrong, NULL, -1));
	sent = fastclient_send(&child, &wrong, NULL, fd);
	if (sent)
		close_aside(fd);
	AWAIT(rumpuser_sp_clients() == 1);
	fastclient_close(&child);
	return sent;
}

/* It is closed with the connection, which nobody reads any more. */
static void
one_behind_a_wrong_message_holds_up_nobody(void **state)
{
	int listener, fd = lingering_socket(&listener);

	AWAIT(rumpuser_sp_clients() == 1);
	while (!send_behind_wrong_message(fd))
		continue;
	assert_others_served(&client);
	close(listener);
}

/* --- memory that does not answer -------------------------------------------- */

/* Memory whose first use waits until the descriptor is closed; -1: the host does
 * not give it to us. */
static int
sluggish_memory(char **memory)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	*memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(*memory, MAP_FAILED);
	reg.range.start = (uintptr_t)*memory;
	reg.range.len = LARGE;
	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) == 0 &&
	    ioctl(fd, UFFDIO_REGISTER, &reg) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
memory_that_does_not_answer_holds_up_its_own_call_alone(void **state)
{
	struct uffd_msg fault;
	struct fastclient other;
	char *memory;
	int fd, uffd = sluggish_memory(&memory);
	int64_t retval[2];

	if (uffd < 0 || (client.fc_flags & FAST_BY_VM) == 0)
		skip();
	fd = open_file(&client, "/sluggish", RUMP_O_CREAT | RUMP_O_RDWR);
	fastclient_request(&client, 0, RUMP_SYS_pwrite,
	    A(fd, (intptr_t)memory, LARGE, 0, 0), NULL);
	/* Somebody is in there. */
	assert_int_equal(read(uffd, &fault, sizeof(fault)), sizeof(fault));
	assert_true(fastclient_start(&client, 1));
	assert_int_equal(
	    fastclient_call(&client, 1, RUMP_SYS_getpid, A(0), NULL, NULL), 0);
	open_client(&other, false);
	(void)open_file(&other, "/prompt", RUMP_O_CREAT | RUMP_O_RDWR);
	assert_int_equal(fastclient_call(&other, 0, RUMP_SYS_mkdir,
			     A((intptr_t) "/dir", 0777), IN(STR("/dir")), NULL),
	    0);
	fastclient_close(&other);
	close(uffd);
	assert_int_equal(fastclient_reply(&client, 0, retval), 0);
	assert_int_equal(retval[0], LARGE);
	munmap(memory, LARGE);
}

/* --- nobody is left ------------------------------------------------------------ */

static atomic_bool deserted;

/* In place of the kernel's. */
void
rump_desert(bool now)
{
	atomic_store(&deserted, now);
}

static void
the_kernel_hears_when_all_that_are_left_end(void **state)
{
	struct uffd_msg fault;
	struct fastclient other;
	char *memory;
	int fd, uffd = sluggish_memory(&memory);

	if (uffd < 0 || (client.fc_flags & FAST_BY_VM) == 0)
		skip();
	open_client(&other, false);
	fd = open_file(&client, "/last", RUMP_O_CREAT | RUMP_O_RDWR);
	fastclient_request(&client, 0, RUMP_SYS_pwrite,
	    A(fd, (intptr_t)memory, LARGE, 0, 0), NULL);
	assert_int_equal(read(uffd, &fault, sizeof(fault)), sizeof(fault));
	fastclient_close(&client);
	assert_served(&other);
	assert_false(atomic_load(&deserted));
	fastclient_close(&other);
	AWAIT(atomic_load(&deserted));
	/* Its call is not over. */
	assert_true(rumpuser_sp_clients() > 0);
	/* Somebody comes, in spite of that. */
	open_client(&other, false);
	assert_false(atomic_load(&deserted));
	fastclient_close(&other);
	close(uffd);
	AWAIT(rumpuser_sp_clients() == 0);
	assert_true(atomic_load(&deserted));
	munmap(memory, LARGE);
}

/* --- a crowd ------------------------------------------------------------------ */

/* Half a message, or a call that waits for what only its caller can do, or none of
 * that; and the process is stopped there. */
static void
be_one_of_many(int connection, int way)
{
	const struct fast_message m = { .fm_type = FAST_INTR };
	struct fastclient fc = { 0 };
	char *memory;
	int fd[2];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fastclient_hello(&fc, connection, true) != 0 ||
	    !fastclient_start(&fc, 0) ||
	    fastclient_call(
		&fc, 0, RUMP_SYS_pipe2, A((intptr_t)fd, 0), NULL, NULL) != 0)
		_exit(1);
	memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (way == 1)
		(void)send(connection, &m, sizeof(m) / 2, 0);
	if (way == 2)
		fastclient_request(&fc, 0, RUMP_SYS_write,
		    A(fd[1], (intptr_t)memory, LARGE), NULL);
	(void)raise(SIGSTOP);
	_exit(2);
}

static void
start_crowd(pid_t *pids)
{
	int connection, status;

	for (int i = 0; i < CROWD; i++) {
		connection = fastclient_fork(&client);
		assert_true(connection >= 0);
		pids[i] = fork();
		if (pids[i] == 0)
			be_one_of_many(connection, i % 3);
		close(connection);
		assert_int_equal(waitpid(pids[i], &status, WUNTRACED), pids[i]);
		assert_true(WIFSTOPPED(status));
	}
}

static void
end_crowd(const pid_t *pids)
{
	for (int i = 0; i < CROWD; i++) {
		(void)kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
}

static void
many_that_are_stopped_and_killed_leave_nothing(void **state)
{
	pid_t pids[CROWD];
	unsigned before;

	assert_others_served(&client);
	AWAIT(rumpuser_sp_clients() == 1);
	before = count("/proc/self/fd");
	start_crowd(pids);
	assert_int_equal(rumpuser_sp_clients(), CROWD + 1);
	assert_true(count("/proc/self/fd") >= before + CROWD);
	assert_others_served(&client);
	end_crowd(pids);
	AWAIT(rumpuser_sp_clients() == 1);
	/* What the tests before have left may have been among them. */
	AWAIT(count("/proc/self/fd") <= before);
	assert_others_served(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_executes_forks_and_ends_has_a_child),
		TEST(what_was_sent_before_an_exec_is_closed),
		TEST(a_descriptor_that_is_slow_to_close_holds_up_nobody),
		TEST(who_sends_many_of_them_has_one_thread_for_them),
		TEST(one_that_is_urgent_holds_up_nobody),
		TEST(one_behind_a_wrong_message_holds_up_nobody),
		TEST(memory_that_does_not_answer_holds_up_its_own_call_alone),
		TEST(the_kernel_hears_when_all_that_are_left_end),
		TEST(many_that_are_stopped_and_killed_leave_nothing),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
