/* SPDX-License-Identifier: BSD-2-Clause */
/* File attributes and file system statistics. */
#ifndef PRELOAD_ABI_STAT_H
#define PRELOAD_ABI_STAT_H

#include <stdint.h>

struct rump_stat;
struct rump_statvfs;
struct stat;
struct statfs;
struct statx;

/* Major number of the devices that rump file systems pretend to be on; above
 * every one that Linux hands out. */
#define ABI_DEV_MAJOR 0xfff

/* A rump file system's identity as the 20 bits of a Linux minor number. */
uint32_t abi_dev_minor(uint64_t dev);

void abi_stat(const struct rump_stat *in, struct stat *out);
/* Everything that is known is filled in, whatever was asked for. */
void abi_statx(const struct rump_stat *in, struct statx *out);
void abi_statfs(const struct rump_statvfs *in, struct statfs *out);
/* The type of a file system as a Linux table of mounts has it. */
const char *abi_fstype(const struct rump_statvfs *sv);

#endif /* !PRELOAD_ABI_STAT_H */
