/* SPDX-License-Identifier: BSD-2-Clause */
/* What is mounted, as text. */
#ifndef VFS_MOUNTREPORT_H
#define VFS_MOUNTREPORT_H

/* Attach the report "mounts"; part of booting. */
void mountreport_init(void);

#endif /* !VFS_MOUNTREPORT_H */
