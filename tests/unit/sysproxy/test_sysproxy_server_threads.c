/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of a client that are somebody else. */
#include "servertest.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

#define OTHER 65534
#define GROUPS 20000

/* One that the host knows as somebody else as long as it is wanted, in so many
 * groups. */
struct stranger {
	int st_ngroups;
	pthread_t st_thread;
	pid_t st_tid;
	sem_t st_ready, st_over;
};

static void *
be_strange(void *arg)
{
	static gid_t groups[GROUPS];
	struct stranger *st = arg;

	for (int i = 0; i < st->st_ngroups; i++)
		groups[i] = 1000000000 + (gid_t)i;
	if (st->st_ngroups != 0)
		(void)syscall(SYS_setgroups, st->st_ngroups, groups);
	(void)syscall(SYS_setfsgid, OTHER);
	(void)syscall(SYS_setfsuid, OTHER);
	st->st_tid = gettid();
	sem_post(&st->st_ready);
	sem_wait(&st->st_over);
	return NULL;
}

static void
stranger_begin(struct stranger *st, int ngroups)
{
	st->st_ngroups = ngroups;
	assert_int_equal(sem_init(&st->st_ready, 0, 0), 0);
	assert_int_equal(sem_init(&st->st_over, 0, 0), 0);
	assert_int_equal(
	    pthread_create(&st->st_thread, NULL, be_strange, st), 0);
	sem_wait(&st->st_ready);
}

static void
stranger_end(struct stranger *st)
{
	sem_post(&st->st_over);
	assert_int_equal(pthread_join(st->st_thread, NULL), 0);
}

/* The effective user of a call that thread tid says it makes; or the error. */
static int64_t
user_of_call(uint32_t number, pid_t tid, int64_t *user)
{
	struct fast_slot *sl = fast_slot(client.fc_area, 0);
	int64_t retval[2], error;

	sl->sl_cred = number;
	sl->sl_tid = (uint32_t)tid;
	error = call(RUMP_SYS_geteuid, NULL, NULL, retval);
	*user = retval[0];
	return error;
}

static void
assert_user(uint32_t number, pid_t tid, uid_t user)
{
	int64_t is;

	assert_int_equal(user_of_call(number, tid, &is), 0);
	assert_int_equal(is, user);
}

static void
a_call_has_the_credentials_of_its_thread(void **state)
{
	struct stranger st;

	if (geteuid() != 0)
		skip();
	stranger_begin(&st, 0);
	assert_user(0, 0, 0);
	assert_user(1, gettid(), 0);
	assert_user(2, st.st_tid, OTHER);
	/* The same number: the host is not asked again. */
	assert_user(2, 0, OTHER);
	assert_int_equal(
	    call(RUMP_SYS_mkdir, A((intptr_t) "/not-his", 0777), NULL, NULL),
	    RUMP_EACCES);
	assert_user(0, 0, 0);
	assert_int_equal(
	    call(RUMP_SYS_mkdir, A((intptr_t) "/mine", 0777), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_rmdir, A((intptr_t) "/mine"), NULL, NULL), 0);
	stranger_end(&st);
}

/* What the host says of it is long, and the thread's number comes last. */
static void
a_thread_may_be_in_many_groups(void **state)
{
	struct stranger st;

	if (geteuid() != 0)
		skip();
	stranger_begin(&st, GROUPS);
	assert_user(1, st.st_tid, OTHER);
	stranger_end(&st);
}

static void
what_is_no_thread_of_the_client_makes_no_call(void **state)
{
	int64_t user;

	assert_int_equal(user_of_call(1, getppid(), &user), RUMP_EPERM);
	assert_int_equal(user_of_call(2, 0, &user), RUMP_EPERM);
	assert_int_equal(user_of_call(3, -1, &user), RUMP_EPERM);
	assert_user(4, gettid(), geteuid());
	assert_user(0, 0, geteuid());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_has_the_credentials_of_its_thread),
		TEST(a_thread_may_be_in_many_groups),
		TEST(what_is_no_thread_of_the_client_makes_no_call),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
