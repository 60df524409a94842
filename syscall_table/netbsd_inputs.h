/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a NetBSD system call reads of its caller's memory, so that whoever
 * makes the call for another address space can send it along.  It is a help,
 * not a promise: what is not listed is asked for, what is too much is not
 * used.
 */
#ifndef SYSCALL_TABLE_NETBSD_INPUTS_H
#define SYSCALL_TABLE_NETBSD_INPUTS_H

#include <stdint.h>

enum netbsd_input_kind {
	NETBSD_INPUT_NONE,
	NETBSD_INPUT_STRING,
	NETBSD_INPUT_BYTES,   /* ni_size bytes; times the slot ni_count */
	NETBSD_INPUT_IOVECS,  /* array of struct rump_iovec; slot ni_count says
			      * how many */
	NETBSD_INPUT_DATA,    /* ... and what they point at */
	NETBSD_INPUT_RECVMSG, /* struct rump_msghdr and its array of iovecs */
	NETBSD_INPUT_SENDMSG, /* ... and everything else that it points at */
	NETBSD_INPUT_FCNTL,   /* depends on the command in slot ni_count */
	NETBSD_INPUT_IOCTL,
};

#define NETBSD_NO_COUNT 0xff
#define NETBSD_INPUTS_MAX 3
#define NETBSD_INPUT_CALLS 512

struct netbsd_input {
	uint8_t ni_kind;
	uint8_t ni_slot;  /* of the pointer */
	uint8_t ni_count; /* a slot, or NETBSD_NO_COUNT */
	uint8_t ni_size;
};

/* Generated from netbsd.tbl, indexed by number; the first of kind NONE ends. */
extern const struct netbsd_input netbsd_inputs[NETBSD_INPUT_CALLS]
					      [NETBSD_INPUTS_MAX];

#endif /* !SYSCALL_TABLE_NETBSD_INPUTS_H */
