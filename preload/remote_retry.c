/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that listens at an address may come back, or another one in its
 * place.  To it we are new: what the lost one had open is gone, and its numbers
 * must not mean anything there.  The call that finds out fails; the next one
 * looks for the server.  A process whose working directory was the lost server's
 * has none any more, and stays alone.
 *
 * Threads may be on their way in and out of the old slots: these stay mapped.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/call.h"
#include "preload/config.h"
#include "preload/cwd.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/namespace.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define NS_PER_MS 1000000
#define NEVER INT64_MAX

static bool
may_return(const struct remote *rm)
{
	return rm == remote_of_memory() && config.cf_server != NULL &&
	       config.cf_retry != 0 && config.cf_retry != CONFIG_RETRY_DIE &&
	       cwd_rule() == NS_HOST;
}

static int64_t
seconds(void)
{
	struct timespec ts = { 0, 0 };

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return ts.tv_sec;
}

/* When it is enough. */
static int64_t
deadline(void)
{
	if (config.cf_retry == CONFIG_RETRY_EVER)
		return NEVER;
	return config.cf_retry > 0 ? seconds() + config.cf_retry : INT64_MIN;
}

/* As the genuine client: 0.1 s longer each time, and later seconds. */
static bool
wait_before(unsigned attempt)
{
	unsigned late = attempt - 9 < 10 ? attempt - 9 : 10;
	struct timespec ts = { 0, (long)attempt * 100 * NS_PER_MS };
	const long args[6] = { (long)&ts, 0 };

	if (attempt >= 10)
		ts = (struct timespec){ late, 0 };
	engine_host_call_intr(&remote_interrupted, SYS_nanosleep, args);
	return remote_interrupted == 0;
}

/* No kernel has such a descriptor. */
static void
forget_files(void)
{
	struct rfile *rf;
	int error;

	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		rf->rf_fd = INT_MAX;
		(void)fdmap_put(rf);
	}
}

static bool
try_again(struct remote *rm)
{
	char text[256];

	if (!remote_connect(rm, config.cf_server, text, sizeof(text)))
		return false;
	forget_files();
	atomic_fetch_add(&rm->rm_epoch, 1);
	atomic_store(
	    &rm->rm_state, rm->rm_classic != NULL ? REMOTE_READY : REMOTE_NEW);
	return true;
}

static void
drop(struct remote *rm)
{
	if (rm->rm_fd >= 0)
		hidden_close(rm->rm_fd);
	if (rm->rm_area >= 0)
		hidden_close(rm->rm_area);
	rm->rm_fd = rm->rm_area = -1;
}

int
remote_retry(struct remote *rm)
{
	int64_t until = deadline();

	if (!may_return(rm))
		return RUMP_ENOTCONN;
	if (rm->rm_classic != NULL)
		classic_quiesce(rm);
	drop(rm);
	for (unsigned attempt = 1; !try_again(rm); attempt++) {
		if (attempt == 2)
			engine_say("%s does not answer; trying again",
			    config.cf_server);
		if (seconds() >= until)
			return RUMP_ENOTCONN;
		if (!wait_before(attempt))
			return RUMP_ERESTART;
	}
	engine_say("process %ld: %s: connected again",
	    HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), config.cf_server);
	return 0;
}
