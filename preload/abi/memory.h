/* SPDX-License-Identifier: BSD-2-Clause */
/* mmap(2): protections agree, flags do not. */
#ifndef PRELOAD_ABI_MEMORY_H
#define PRELOAD_ABI_MEMORY_H

/* PROT_*; 0 or EINVAL (PROT_GROWSDOWN and the like). */
int abi_prot_to_netbsd(int prot, int *out);
/* MAP_SHARED, MAP_PRIVATE; 0, EINVAL, or EOPNOTSUPP (MAP_SHARED_VALIDATE). */
int abi_mapflags_to_netbsd(int flags, int *out);

#endif /* !PRELOAD_ABI_MEMORY_H */
