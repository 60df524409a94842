/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways between a program and a server that is no relative of it. */
#ifndef TOOLS_TRANSPORT_H
#define TOOLS_TRANSPORT_H

struct transport {
	int tr_futex; /* 0: a shared futex works; else the host's errno */
	int tr_vm; /* the same of process_vm_readv(2) and process_vm_writev */
};

/* Try them.  0, or an errno when not even that can be done. */
int transport_try(struct transport *tr);

#endif /* !TOOLS_TRANSPORT_H */
