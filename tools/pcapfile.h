/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of --pcap. */
#ifndef TOOLS_PCAPFILE_H
#define TOOLS_PCAPFILE_H

/*
 * Make the file, or empty it: the kernel will append to it.  path may be NULL:
 * nothing to do.  0, or STATUS_FAILED after saying what is wrong.
 */
int pcapfile_make(const char *path);

#endif /* !TOOLS_PCAPFILE_H */
