/* SPDX-License-Identifier: BSD-2-Clause */
/* What others see of this process. */
#ifndef TOOLS_TITLE_H
#define TOOLS_TITLE_H

/*
 * Be called name (at most 15 bytes), without arguments.  What argv points to is
 * overwritten.
 */
void title_set(const char *name);

#endif /* !TOOLS_TITLE_H */
