/* SPDX-License-Identifier: BSD-2-Clause */
/* How many maps there are of each file, all clients' together. */
#ifndef SYSPROXY_SERVER_FILES_H
#define SYSPROXY_SERVER_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* One more; false: no memory. */
bool files_add(const void *file);
/* One less, of one that was added. */
void files_remove(const void *file);
size_t files_count(const void *file);

#endif /* !SYSPROXY_SERVER_FILES_H */
