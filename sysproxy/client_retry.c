/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/client_retry.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "rump/rumpclient.h"

#define MESSAGE_EVERY 120 /* seconds */
#define LONGEST INT32_MAX /* so that sums fit */

static _Atomic time_t policy;

void
client_retry_set(time_t wanted)
{
	if (wanted < RUMPCLIENT_RETRYCONN_DIE)
		return;
	atomic_store(&policy, wanted < LONGEST ? wanted : LONGEST);
}

static time_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Tenths of a second before attempt k, the first of which is number 0. */
static long
delay_tenths(unsigned k)
{
	if (k < 10)
		return k;
	return k - 9 < 10 ? (k - 9) * 10 : 100;
}

static void
sleep_tenths(long tenths)
{
	struct timespec left = {
		.tv_sec = tenths / 10,
		.tv_nsec = tenths % 10 * 100000000,
	};

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
}

static void
complain(struct retry *re)
{
	time_t t = now();

	if (re->re_attempts != 1 && t - re->re_message < MESSAGE_EVERY)
		return;
	re->re_message = t;
	fprintf(
	    stderr, "rumpclient: the server is gone; trying to reconnect\n");
}

/* Within so many seconds. */
static bool
again_within(struct retry *re, time_t limit)
{
	long tenths = delay_tenths(re->re_attempts);
	time_t left = re->re_first + limit - now();

	if (left <= 0 && re->re_attempts > 0)
		return false;
	sleep_tenths(tenths < left * 10 ? tenths : (long)left * 10);
	re->re_attempts++;
	return true;
}

bool
client_retry_again(struct retry *re)
{
	time_t what = atomic_load(&policy);

	if (re->re_attempts == 0)
		re->re_first = now();
	if (what == RUMPCLIENT_RETRYCONN_DIE)
		_exit(1);
	if (what == RUMPCLIENT_RETRYCONN_ONCE)
		return re->re_attempts++ == 0;
	if (what >= 0)
		return what > 0 && again_within(re, what);
	if (re->re_attempts > 0)
		complain(re);
	sleep_tenths(delay_tenths(re->re_attempts));
	re->re_attempts++;
	return true;
}
