/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/engine/actions.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/call.h"
#include "preload/engine/signals.h"

#define ROUNDS 20000

/* The host's dispositions, and how often it has been asked. */
static struct action host[NSIGNALS + 1];
static unsigned asked;

static long
host_sigaction(long nr, long a, long b, long c, long d, long e, long f)
{
	assert_int_equal(nr, SYS_rt_sigaction);
	memcpy((void *)c, &host[a], sizeof(host[a]));
	asked++;
	return 0;
}

long (*host_call)(long, long, long, long, long, long, long) = host_sigaction;

static void
install(int sig)
{
	host[sig] = action_now(sig);
}

/* Any half of it shows. */
static struct action
uniform(uint64_t value)
{
	return (struct action){ value, value, value, value };
}

static bool
is_uniform(const struct action *a)
{
	return a->ac_flags == a->ac_handler && a->ac_mask == a->ac_handler &&
	       a->ac_restorer == a->ac_handler;
}

static void
set(int sig, const struct action *a)
{
	actions_enter();
	action_set(sig, a, install);
	actions_leave();
}

static struct action
ask(int sig)
{
	struct action a;

	actions_enter();
	a = action_ask(sig);
	actions_leave();
	return a;
}

static void
the_host_is_asked_once(void **state)
{
	struct action a;

	host[SIGHUP] = uniform(0x700);
	asked = 0;
	assert_false(action_peek(SIGHUP, &a));
	assert_int_equal(ask(SIGHUP).ac_handler, 0x700);
	host[SIGHUP] = uniform(0x800);
	assert_int_equal(ask(SIGHUP).ac_handler, 0x700);
	assert_true(action_peek(SIGHUP, &a));
	assert_int_equal(a.ac_mask, 0x700);
	assert_int_equal(asked, 1);
}

static void
what_is_set_reaches_the_host(void **state)
{
	struct action a = uniform(0x400), seen;

	a.ac_mask = ~0UL;
	set(SIGINT, &a);
	assert_true(action_peek(SIGINT, &seen));
	assert_int_equal(seen.ac_mask, ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP)));
	assert_memory_equal(&host[SIGINT], &seen, sizeof(seen));
	action_reset(SIGINT);
	assert_int_equal(action_now(SIGINT).ac_handler, (uintptr_t)SIG_DFL);
	assert_int_equal(action_now(SIGINT).ac_flags, 0x400);
}

static void
plain_is_the_default_alone(void **state)
{
	const struct action plain = { .ac_flags = SA_RESTORER_FLAG };
	const struct action ignored = { .ac_handler = (uintptr_t)SIG_IGN };

	set(SIGTERM, &plain);
	set(SIGSEGV, &plain);
	assert_true((actions_plain() & SIGBIT(SIGTERM)) != 0);
	assert_true((actions_plain() & SIGBIT(SIGSEGV)) == 0);
	set(SIGTERM, &ignored);
	assert_true((actions_plain() & SIGBIT(SIGTERM)) == 0);
	assert_true((actions_known() & SIGBIT(SIGTERM)) != 0);
}

static void
what_is_known_already_is_not_learned(void **state)
{
	const struct action ignored = { .ac_handler = (uintptr_t)SIG_IGN };

	set(SIGALRM, &ignored);
	actions_learn(SIGBIT(SIGALRM) | SIGBIT(SIGXCPU));
	assert_true((actions_plain() & SIGBIT(SIGALRM)) == 0);
	assert_true((actions_plain() & SIGBIT(SIGXCPU)) != 0);
	asked = 0;
	assert_int_equal(ask(SIGXCPU).ac_handler, (uintptr_t)SIG_DFL);
	assert_int_equal(asked, 0);
}

/* --- at once -------------------------------------------------------------- */

static void *
keep_setting(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct action a = uniform((i + 2) << 20);

		set(SIGUSR1, &a);
	}
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void
a_disposition_is_read_as_a_whole_or_not_at_all(void **state)
{
	atomic_bool over = false;
	struct action a = uniform(1 << 20);
	pthread_t setter;

	set(SIGUSR1, &a);
	assert_int_equal(pthread_create(&setter, NULL, keep_setting, &over), 0);
	while (!atomic_load(&over)) {
		if (action_peek(SIGUSR1, &a))
			assert_true(is_uniform(&a));
	}
	assert_int_equal(pthread_join(setter, NULL), 0);
	assert_true(action_peek(SIGUSR1, &a));
	assert_int_equal(a.ac_handler, (uint64_t)(ROUNDS + 1) << 20);
}

static int reached[2], go_on[2];

static void
install_slowly(int sig)
{
	char c = 0;

	assert_int_equal(write(reached[1], &c, 1), 1);
	assert_int_equal(read(go_on[0], &c, 1), 1);
	install(sig);
}

static void *
set_slowly(void *arg)
{
	const struct action a = uniform(0x500000);

	actions_enter();
	action_set(SIGUSR2, &a, install_slowly);
	actions_leave();
	return NULL;
}

/* As a child of fork(2) finds it. */
static bool
is_complete(void)
{
	struct action a;

	actions_forked(install);
	return host[SIGUSR2].ac_handler == 0x500000 &&
	       action_peek(SIGUSR2, &a) && is_uniform(&a) &&
	       a.ac_handler == 0x500000 && ask(SIGUSR2).ac_handler == 0x500000;
}

static void
a_child_made_in_the_midst_of_a_change_completes_it(void **state)
{
	pthread_t setter;
	struct action a;
	int status;
	pid_t pid;
	char c = 0;

	assert_int_equal(pipe(reached) | pipe(go_on), 0);
	assert_int_equal(pthread_create(&setter, NULL, set_slowly, NULL), 0);
	assert_int_equal(read(reached[0], &c, 1), 1);
	assert_false(action_peek(SIGUSR2, &a));
	pid = fork();
	if (pid == 0)
		_exit(is_complete() ? 0 : 1);
	assert_int_equal(write(go_on[1], &c, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_join(setter, NULL), 0);
	assert_true(action_peek(SIGUSR2, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_is_asked_once),
		cmocka_unit_test(what_is_set_reaches_the_host),
		cmocka_unit_test(plain_is_the_default_alone),
		cmocka_unit_test(what_is_known_already_is_not_learned),
		cmocka_unit_test(
		    a_disposition_is_read_as_a_whole_or_not_at_all),
		cmocka_unit_test(
		    a_child_made_in_the_midst_of_a_change_completes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
