/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long pauses are: between attempts to connect, and before a server that said
 * "later" is asked again.  Nothing depends on it but how quickly things go on.
 */
#ifndef NFS_PACE_H
#define NFS_PACE_H

#include "kern/types.h"

/* A second, to those who pause. */
int64_t nfspace_second(void);
/* May what waits for ever do so?  Not when nobody is left for whom, and no server
 * has answered for some minutes. */
bool nfspace_is_patient(void);
/* A server has answered. */
void nfspace_heard(void);
/* The rule: nobody is left since deserted_ns, 0: there is somebody; the last answer
 * came at last_ns. */
bool nfspace_is_worth_waiting(
    int64_t deserted_ns, int64_t last_ns, int64_t now_ns);
/* For tests: let it be shorter.  Before anything is mounted. */
void nfspace_set(int64_t ns);

#endif /* !NFS_PACE_H */
