/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes.  What somebody else has made may take as long as he likes to close: a
 * socket that lingers, a file system that does not answer.  So it is closed in his
 * lane, one thing after another, by one worker at most: whoever has more of it
 * waits for himself.
 *
 * A client has a lane, which its tokens may outlive, and so has a door.
 */
#ifndef SYSPROXY_SERVER_LANE_H
#define SYSPROXY_SERVER_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "sysproxy/server_worker.h"

struct lane;
struct watch;

/* With one reference; NULL: no memory. */
struct lane *lane_create(void);
void lane_ref(struct lane *ln);
/* What waits in it is done nevertheless. */
void lane_unref(struct lane *ln);

/* Have func(w, arg) run when all that came before has.  Never waits itself. */
void lane_submit(struct lane *ln, worker_func *func, void *arg);
/* Have descriptor fd closed so. */
void lane_close(struct lane *ln, int fd);

/*
 * From the loop: fd, which fills the lane and is watched by wa, has these events.
 * May it be read from?  If not, it is paused, and look_again(wa->wa_arg) is called,
 * once and under the lane's lock, when not so much is waiting any more.  What is
 * left of a dead one's is read in any case: it is not much.
 */
bool lane_admits(struct lane *ln, uint32_t events, int fd, struct watch *wa,
    void (*look_again)(void *arg));
/* Nobody is called any more. */
void lane_forget(struct lane *ln);

#endif /* !SYSPROXY_SERVER_LANE_H */
