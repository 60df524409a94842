/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * long syscall_intr(const volatile uint32_t *intr, long nr, const long args[6])
 *
 * A host call that is not made when *intr is not 0: then -EINTR.  A signal
 * handler that sets *intr, and finds its thread between syscall_intr_begin and
 * syscall_intr_end, continues it at the beginning (syscall_intr_restart()): the
 * word is read again, and nothing has happened yet.
 */
#include <asm/errno.h>

	.text
	.globl	syscall_intr, syscall_intr_begin, syscall_intr_end
	.hidden	syscall_intr, syscall_intr_begin, syscall_intr_end
	.type	syscall_intr, @function
syscall_intr:
	.cfi_startproc
	mov	%rdi, %rcx
	mov	%rsi, %rax
	mov	%rdx, %r11
	mov	(%r11), %rdi
	mov	8(%r11), %rsi
	mov	16(%r11), %rdx
	mov	24(%r11), %r10
	mov	32(%r11), %r8
	mov	40(%r11), %r9
syscall_intr_begin:
	cmpl	$0, (%rcx)
	jne	1f
	syscall
syscall_intr_end:
	ret
1:	mov	$-EINTR, %rax
	ret
	.cfi_endproc
	.size	syscall_intr, . - syscall_intr

	.section .note.GNU-stack, "", @progbits
