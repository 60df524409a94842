/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the program has asked for each signal.  The host's disposition is another
 * one where handlers are wrapped (signals.c).
 */
#ifndef ENGINE_ACTIONS_H
#define ENGINE_ACTIONS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define NSIGNALS 64
#define SA_RESTORER_FLAG 0x04000000UL
#define SIGSET_SIZE 8

/* The host's struct sigaction. */
struct action {
	uintptr_t ac_handler;
	uint64_t ac_flags;
	uintptr_t ac_restorer;
	uint64_t ac_mask;
};

static inline bool
is_function(uintptr_t handler)
{
	return handler != (uintptr_t)SIG_DFL && handler != (uintptr_t)SIG_IGN;
}

/* The default and nothing else. */
bool action_is_plain(const struct action *a);

/* Held with every signal blocked, so that no handler can want the lock from its
 * own holder. */
void actions_enter(void);
void actions_leave(void);

/* The disposition of sig if it has been asked for or set, else the default; as a
 * whole where the lock is held. */
struct action action_now(int sig);
/* Parts of it, which take no room on a stack that may be small. */
uintptr_t action_handler(int sig);
uint64_t action_flags(int sig);
/* Without the lock, as a whole; false: it is not known, or changing. */
bool action_peek(int sig, struct action *a);

/* With the lock.  The host knows what nobody has changed, and is asked. */
struct action action_ask(int sig);
/* It is to be *a, which install() makes known to the host. */
void action_set(int sig, const struct action *a, void (*install)(int sig));
/* Its handler is the default's. */
void action_reset(int sig);

/* In a forked child: what another thread of the parent was about to set is. */
void actions_forked(void (*install)(int sig));

/* The signals whose disposition is known; those of which is known that they are
 * plain, here and in the host; one more for each beginning and end of action_set(). */
uint64_t actions_known(void);
uint64_t actions_plain(void);
uint64_t actions_changes(void);
/* The host has said that these are plain. */
void actions_learn(uint64_t signals);

#endif /* !ENGINE_ACTIONS_H */
