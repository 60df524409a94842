/* SPDX-License-Identifier: BSD-2-Clause */
/* Times, clocks and resource limits. */
#ifndef PRELOAD_ABI_TIME_H
#define PRELOAD_ABI_TIME_H

#include <stdint.h>

struct rlimit;
struct rump_rlimit;
struct rump_timespec;
struct rump_timeval;
struct timespec;
struct timeval;

void abi_timespec_to_netbsd(
    const struct timespec *in, struct rump_timespec *out);
void abi_timespec_to_linux(
    const struct rump_timespec *in, struct timespec *out);
/* 0 or EINVAL (microseconds out of range). */
int abi_timeval_to_netbsd(const struct timeval *in, struct rump_timeval *out);
void abi_timeval_to_linux(const struct rump_timeval *in, struct timeval *out);
/* utimes(2)'s time as utimensat's; 0 or EINVAL. */
int abi_timeval_to_timespec(
    const struct timeval *in, struct rump_timespec *out);

/* 0 or EINVAL. */
int abi_clock_to_netbsd(int clock, int *out);
int abi_rlimit_id_to_netbsd(int resource, int *out);
void abi_rlimit_to_netbsd(const struct rlimit *in, struct rump_rlimit *out);
void abi_rlimit_to_linux(const struct rump_rlimit *in, struct rlimit *out);

#endif /* !PRELOAD_ABI_TIME_H */
