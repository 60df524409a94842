/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caller's vector registers.  This library does not touch them, but libc
 * does: around a call into libc that a routed system call may reach, they are
 * saved.
 */
#ifndef RUMPUSER_VECTOR_H
#define RUMPUSER_VECTOR_H

/* x87 and SSE, header, AVX, (MPX), mask registers, upper ZMM: 2688 bytes. */
struct vector_state {
	_Alignas(64) unsigned char vs_area[2688];
};

void vector_save(struct vector_state *vs);
void vector_restore(const struct vector_state *vs);

#endif /* !RUMPUSER_VECTOR_H */
