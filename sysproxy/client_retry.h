/* SPDX-License-Identifier: BSD-2-Clause */
/* What a call does when it finds the server gone. */
#ifndef SYSPROXY_CLIENT_RETRY_H
#define SYSPROXY_CLIENT_RETRY_H

#include <stdbool.h>
#include <time.h>

struct retry { /* of one call; begins as zeros */
	unsigned re_attempts;
	time_t re_first;   /* when the server was found gone, */
	time_t re_message; /* ... and when that was said: monotonic seconds */
};

/* Values as for rumpclient_setconnretry(). */
void client_retry_set(time_t policy);
/*
 * Sleep as long as the policy wants and count an attempt.  false: no more
 * attempts.  Does not return when the policy is to end the program.
 */
bool client_retry_again(struct retry *re);

#endif /* !SYSPROXY_CLIENT_RETRY_H */
