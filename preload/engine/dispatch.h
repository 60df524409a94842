/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each call goes. */
#ifndef ENGINE_DISPATCH_H
#define ENGINE_DISPATCH_H

/* After router_init(). */
void dispatch_init(void);

#endif /* !ENGINE_DISPATCH_H */
