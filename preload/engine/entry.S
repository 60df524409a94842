/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's assembly: everything that cannot be said in C.
 *
 * Three areas:
 *   engine_range   the instructions that Syscall User Dispatch lets through:
 *                  all calls of ours, and those of the program that pass.
 *   engine_slots   the stubs of patched sites.  The fixed part is assembled
 *                  here, so that unwind information is static; patch.c fills
 *                  in the relocated instructions and the return point.
 *   the rest       entries, stack switches, copies with a fixup.
 *
 * At a patched site the program has given up rcx and r11 and nothing else:
 * every other register, the flags and the red zone survive.
 */
#include "preload/engine/layout.h"

	.hidden	engine_patched
	.hidden	engine_patched_efault
	.hidden	engine_clone_landed
	.hidden	engine_sigreturn
	.hidden	thunk_table
	.hidden	dispatch_how
	.hidden	engine_fill_first
	.hidden	engine_thread
	.hidden	router_numbers

#define FUNCTION(name)		\
	.globl	name;		\
	.hidden	name;		\
	.type	name, @function;\
name:

#define LABEL(name)		\
	.globl	name;		\
	.hidden	name;		\
name:

/* --- the range ------------------------------------------------------- */

	.section .text.engine_range, "ax", @progbits
	.balign	64
LABEL(engine_range_begin)

/* long engine_host_call(long nr, long a, long b, long c, long d, long e,
 *     long f): a call of the program's */
FUNCTION(engine_host_call)
	.cfi_startproc
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	syscall
LABEL(engine_host_after)
	ret
	.cfi_endproc

/* long engine_clone_own(unsigned long flags, void *stack, int *tid,
 *     int *cleared_tid, uintptr_t tls, void (*fn)(void *stack)) */
FUNCTION(engine_clone_own)
	.cfi_startproc
	mov	%rcx, %r10
	mov	$56, %eax		/* clone */
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:	.cfi_undefined %rip		/* nobody called the new thread */
	xor	%ebp, %ebp
	mov	%rsp, %rdi
	call	*%r9
	ud2
	.cfi_endproc

/* void engine_end_own(uintptr_t base, size_t size): give the stack back that
 * we are on, and end the thread. */
FUNCTION(engine_end_own)
	.cfi_startproc
	.cfi_undefined %rip
	mov	$11, %eax		/* munmap */
	syscall
	xor	%edi, %edi
	mov	$60, %eax		/* exit */
	syscall
	ud2
	.cfi_endproc

/* --- the entrance from patched sites --------------------------------- */

/*
 * On entry: the program's return point, the red zone; rcx is the slot's fixed
 * part.  To an unwinder this frame is called by the program directly.
 *
 * Most calls are plain: made here, without a ret, which some processors always
 * mispredict after a system call; and without a C function, if the number of
 * the call says it, or its descriptor.  Meanwhile the call's number waits below
 * the stack pointer, where signal frames leave 128 bytes alone, for the case that
 * the host cannot read the program's memory: it may be a mapping of a rump file.
 * So does the first argument when the host is given another one.
 */
	.macro	patched_call fn
	push	%r11
	.cfi_adjust_cfa_offset 8
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	push	%rdx
	.cfi_adjust_cfa_offset 8
	push	%r10
	.cfi_adjust_cfa_offset 8
	push	%r8
	.cfi_adjust_cfa_offset 8
	push	%r9
	.cfi_adjust_cfa_offset 8
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	and	$-16, %rsp
	mov	%rbp, %rdi
	call	\fn
	mov	%rbp, %rsp
	.cfi_def_cfa_register %rsp
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	pop	%r9
	.cfi_adjust_cfa_offset -8
	pop	%r8
	.cfi_adjust_cfa_offset -8
	pop	%r10
	.cfi_adjust_cfa_offset -8
	mov	%rdx, %rcx
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	pop	%r11
	.cfi_adjust_cfa_offset -8
	.endm

	/* Back to the program, with rax, to \ip. */
	.macro	patched_leave ip
	mov	%rax, %r11
	pop	%rax
	.cfi_adjust_cfa_offset -8
	add	$127, %al
	sahf
	mov	%r11, %rax
	.ifnc	\ip, %rcx
	mov	\ip, %rcx
	.endif
	.cfi_register %rip, %rcx
	lea	144(%rsp), %rsp
	.cfi_adjust_cfa_offset -144
	jmp	*%rcx
	.endm

	.balign	64
FUNCTION(engine_patched_entry)
	.cfi_startproc
	.cfi_def_cfa %rsp, 136
	.cfi_offset %rip, -136
	push	%rcx
	.cfi_adjust_cfa_offset 8
	mov	%rax, %r11
	lahf
	seto	%al
	push	%rax
	.cfi_adjust_cfa_offset 8
	cmp	$CALLS_MAX, %r11
	jae	.Lask
	lea	dispatch_how(%rip), %rcx
	movzbl	(%rcx, %r11), %ecx
	cmp	$DISPATCH_FD, %ecx
	jb	.Lplain
	je	.Ldescriptor
	cmp	$DISPATCH_FD_NO_NAME, %ecx
	jne	.Lask
	test	%r8, %r8		/* the socket's address */
	jnz	.Lask
.Ldescriptor:
	/* Of the process's own map, and the host's? */
	cmp	$ROUTER_NUMBERS, %rdi
	jae	.Lask
	cmpb	$0, engine_fill_first(%rip)
	jne	.Lask
	mov	engine_thread@gottpoff(%rip), %rcx
	cmpq	$0, %fs:THREAD_VIEW(%rcx)
	jne	.Lask
	mov	router_numbers(%rip), %rcx
	test	%rcx, %rcx
	jz	.Lask
	cmpq	$0, (%rcx, %rdi, 8)
	jne	.Lask
.Lplain:
	mov	%r11, -8(%rsp)
	mov	%r11, %rax
	syscall
	cmp	$-14, %rax		/* -EFAULT */
	je	.Lfault
	.cfi_remember_state
	patched_leave 8(%rsp)
	.cfi_restore_state
.Lask:
	patched_call engine_patched
	test	%rcx, %rcx
	jz	.Lmake
	.cfi_remember_state
	patched_leave %rcx
	.cfi_restore_state
LABEL(engine_direct_begin)
.Lmake:
	/* patched_call has left r11 and rdi below the stack pointer. */
	mov	%rax, %rdi
	mov	%r11, %rax
LABEL(engine_direct_insn)
	syscall
	mov	-16(%rsp), %rdi
	cmp	$-14, %rax
	je	.Lfault
	.cfi_remember_state
	patched_leave 8(%rsp)
	.cfi_restore_state
	.cfi_remember_state
.Lfault:
	mov	-8(%rsp), %r11
	patched_call engine_patched_efault
	patched_leave %rcx
	.cfi_restore_state
	/* A handler runs before the call, or before it starts again: then the
	 * number may be another file's. */
LABEL(engine_direct_again)
	mov	-8(%rsp), %r11
	mov	-16(%rsp), %rdi
	jmp	.Lask
	.cfi_endproc

/*
 * A trapped call goes on here, as if it came from a patched site: on_sigsys()
 * has set rcx to the program's return point, as the processor does.
 */
FUNCTION(engine_trapped_entry)
	.cfi_startproc
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %rcx
	lea	-128(%rsp), %rsp
	.cfi_adjust_cfa_offset 128
	push	%rcx
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rip, -136
	lea	-2(%rcx), %rcx		/* starts again at its syscall */
	jmp	engine_patched_entry
	.cfi_endproc

/*
 * Thunks: the call itself, made with the program's registers and on whatever
 * stack it asked for; r11, which the call destroys anyway, then names the
 * thunk's record.
 */
	.balign	THUNK_SIZE
LABEL(engine_thunks)
	.set	i, 0
	.rept	THUNK_COUNT
	.balign	THUNK_SIZE
	syscall
	lea	thunk_table + 16 * i(%rip), %r11
	jmp	clone_return
	.set	i, i + 1
	.endr

/*
 * From here to the end of the range no call is the program's: a filter of its
 * own lets pass what is made here; see confine.c.
 */
LABEL(engine_own_begin)

/* long engine_own_call(long nr, long a, long b, long c, long d, long e,
 *     long f) */
FUNCTION(engine_own_call)
	.cfi_startproc
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	syscall
	ret
	.cfi_endproc

/*
 * long engine_host_call_intr(const volatile uint32_t *intr, long nr,
 *     const long args[6])
 * A signal handler that finds us between engine_intr_check and
 * engine_intr_insn sends us to engine_intr_abort: checking *intr and making
 * the call are one step.
 */
FUNCTION(engine_host_call_intr)
	.cfi_startproc
	mov	%rdi, %r11
	mov	%rsi, %rax
	mov	%rdx, %rcx
	mov	(%rcx), %rdi
	mov	8(%rcx), %rsi
	mov	16(%rcx), %rdx
	mov	24(%rcx), %r10
	mov	32(%rcx), %r8
	mov	40(%rcx), %r9
	test	%r11, %r11
	jz	1f
LABEL(engine_intr_check)
	cmpl	$0, (%r11)
	jne	engine_intr_abort
LABEL(engine_intr_insn)
	syscall
	ret
LABEL(engine_intr_abort)
	mov	$-4, %rax		/* -EINTR */
	ret
1:	syscall
	ret
	.cfi_endproc

/*
 * Where our own signal frames return to.  No unwind information here nor just
 * before: unwinders then recognise a signal frame by these very bytes.
 */
	.balign	64
	nop
	nop
FUNCTION(engine_restorer)
	mov	$15, %rax		/* rt_sigreturn */
	syscall
	ud2

/*
 * Where the program's handlers return to: engine_sigreturn() takes what is
 * virtual out of the frame.  Unwinders find the registers through rsp, which
 * points to the ucontext; they look one byte before the return address.
 */
	.macro	frame_register number, offset
	.if	\offset < 64
	.cfi_escape 0x10, \number, 2, 0x77, \offset
	.else
	.cfi_escape 0x10, \number, 3, 0x77, (\offset & 0x7f) | 0x80, \offset >> 7
	.endif
	.endm

#ifdef ENGINE_BREAK
	.balign	64
	nop
FUNCTION(engine_bare_restorer)
	mov	%rsp, %rdi
	call	engine_sigreturn
	xor	%eax, %eax
	mov	$15, %al		/* bytes that unwinders do not know */
	syscall
	ud2
#endif

	.balign	64
	.cfi_startproc
	.cfi_signal_frame
	/* CFA: the interrupted rsp, at 160 */
	.cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06
	frame_register 8, 40
	frame_register 9, 48
	frame_register 10, 56
	frame_register 11, 64
	frame_register 12, 72
	frame_register 13, 80
	frame_register 14, 88
	frame_register 15, 96
	frame_register 5, 104		/* rdi */
	frame_register 4, 112		/* rsi */
	frame_register 6, 120		/* rbp */
	frame_register 3, 128		/* rbx */
	frame_register 1, 136		/* rdx */
	frame_register 0, 144		/* rax */
	frame_register 2, 152		/* rcx */
	frame_register 7, 160		/* rsp */
	frame_register 16, 168		/* rip */
	nop
FUNCTION(engine_handler_restorer)
	mov	%rsp, %rdi
	call	engine_sigreturn
	mov	$15, %eax		/* rt_sigreturn */
	syscall
	ud2
	.cfi_endproc
LABEL(engine_range_end)

/* --- clone's return: in the child, in a parent of vfork or of a process that
 * the kernel knows, after a failure --- */

	.text
	.balign	16
clone_return:
	test	%rax, %rax
	jle	1f
	testl	$0x4000, 8(%r11)	/* CLONE_VFORK */
	jnz	1f
	testb	$0x04, 15(%r11)		/* THUNK_BIRTH */
	jnz	1f
	jmp	*(%r11)
1:	lea	-128(%rsp), %rsp
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r10
	push	%r8
	push	%r9
	push	%rbp
	push	%rax
	mov	%rsp, %rbp
	and	$-16, %rsp
	mov	%r11, %rdi
	mov	%rax, %rsi
	call	engine_clone_landed
	mov	%rax, %r11
	mov	%rbp, %rsp
	pop	%rax
	pop	%rbp
	pop	%r9
	pop	%r8
	pop	%r10
	pop	%rdx
	pop	%rsi
	pop	%rdi
	lea	128(%rsp), %rsp
	jmp	*%r11

/* --- stacks ---------------------------------------------------------- */

/* long engine_on_stack(long (*fn)(void *), void *arg, uintptr_t top) */
FUNCTION(engine_on_stack)
	.cfi_startproc
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov	%rdx, %rsp
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
	mov	%rbp, %rsp
	.cfi_def_cfa_register %rsp
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc

/* void engine_jump(uintptr_t sp, void *handler, int sig, void *info,
 *     void *uc, const uint64_t *mask): enter a signal handler as the host does.
 * The mask is set when nothing of ours is left on the stack: a signal that
 * waits for it must find this frame where the program's stack pointer is. */
FUNCTION(engine_jump)
	mov	%rdi, %rsp
	mov	%rsi, %rbx
	mov	%edx, %r12d
	mov	%rcx, %r13
	mov	%r8, %r14
	test	%r9, %r9
	jz	1f
	mov	$14, %edi		/* rt_sigprocmask */
	mov	$2, %esi		/* SIG_SETMASK */
	mov	%r9, %rdx
	xor	%ecx, %ecx
	mov	$8, %r8d
	xor	%r9d, %r9d
	push	%r9
	call	engine_own_call
	pop	%r9
1:	mov	%r12d, %edi
	mov	%r13, %rsi
	mov	%r14, %rdx
	xor	%eax, %eax
	cld
	jmp	*%rbx

/* long engine_call_saved_size(long (*fn)(void *), void *arg, size_t size):
 * size bytes of vector state, 0 for the FXSAVE format. */
FUNCTION(engine_call_saved_size)
	.cfi_startproc
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	push	%rbx
	push	%r12
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	mov	%rdi, %rbx
	mov	%rdx, %r12
	mov	%rsi, %rdi
	sub	$576, %rsp
	sub	%rdx, %rsp
	and	$-64, %rsp
	test	%r12, %r12
	jz	2f
	xor	%eax, %eax		/* the header must be zero */
	lea	512(%rsp), %rdx
	mov	$8, %ecx
1:	mov	%rax, -8(%rdx, %rcx, 8)
	dec	%ecx
	jnz	1b
	mov	$-1, %eax
	mov	$-1, %edx
	xsave64	(%rsp)
	call	*%rbx
	mov	%rax, %rbx
	mov	$-1, %eax
	mov	$-1, %edx
	xrstor64 (%rsp)
	jmp	3f
2:	fxsave64 (%rsp)
	call	*%rbx
	mov	%rax, %rbx
	fxrstor64 (%rsp)
3:	mov	%rbx, %rax
	mov	-8(%rbp), %rbx
	mov	-16(%rbp), %r12
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc

/* --- copies of the program's memory ----------------------------------- */

/* size_t engine_copy_bytes(void *to, const void *from, size_t n): what is
 * left to copy; not 0 after a fault. */
FUNCTION(engine_copy_bytes)
	.cfi_startproc
	mov	%rdx, %rcx
	cmp	$16, %rcx
	ja	2f
	test	%rcx, %rcx
	jz	engine_copy_fixup
LABEL(engine_copy_begin)
1:	mov	(%rsi), %al		/* rep takes long to begin */
	mov	%al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%rcx
	jnz	1b
	jmp	engine_copy_fixup
2:	rep movsb
LABEL(engine_copy_fixup)
	mov	%rcx, %rax
	ret
	.cfi_endproc

/* --- traps of our own: they make a true signal frame ------------------ */

LABEL(engine_trap_sud)
	syscall				/* outside the range */
LABEL(engine_trap_sud_after)
	ud2
LABEL(engine_trap_fault)
	hlt				/* SIGSEGV; where SUD is missing */

/* --- stubs ------------------------------------------------------------ */

	.section .text.engine_slots, "ax", @progbits
	.balign	4096
LABEL(engine_slots)
	.rept	SLOT_COUNT
	.balign	SLOT_SIZE, 0xcc
	.cfi_startproc
	/* CFA = rsp; the return address is in the slot:
	 * DW_CFA_expression rip, (pc & -SLOT_SIZE) + SLOT_BACK */
	.cfi_def_cfa %rsp, 0
	.cfi_escape 0x10, 0x10, 7, 0x80, 0, 0x09, -SLOT_SIZE & 0xff, 0x1a, 0x23, SLOT_BACK
	.skip	SLOT_PREFIX, 0xcc
0:	lea	-128(%rsp), %rsp
	.cfi_adjust_cfa_offset 128
	push	0b - SLOT_PREFIX + SLOT_BACK(%rip)
	.cfi_adjust_cfa_offset 8
	lea	0b(%rip), %rcx
	jmp	engine_patched_entry
	.skip	SLOT_BACK - (. - 0b) - SLOT_PREFIX, 0xcc
	.quad	0
	.cfi_endproc
	.endr
	.balign	4096, 0xcc

	.section .note.GNU-stack, "", @progbits
