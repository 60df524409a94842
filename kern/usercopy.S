/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instructions that touch a caller's memory stand between copy_begin and
 * copy_end.  They keep nothing on the stack, so that a fault in any of them can
 * simply continue at copy_fault, which returns EFAULT (see rump_copy_fixup()).
 */
#define EFAULT 14
#define ENAMETOOLONG 63

	.text
	.p2align 4
	.globl	copy_begin, copy_end, copy_fault
	.hidden	copy_begin, copy_end, copy_fault

copy_begin:

/*
 * int user_copy(void *dst, const void *src, size_t len)
 *
 * A string instruction takes some thirty cycles to start, so short blocks go
 * word by word.
 */
	.globl	user_copy
	.hidden	user_copy
	.type	user_copy, @function
user_copy:
	.cfi_startproc
	cmp	$64, %rdx
	ja	.Llong
.Lwords:
	sub	$8, %rdx
	jb	.Ltail
	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	jmp	.Lwords
.Ltail:
	and	$7, %edx		/* -8..-1 and 0..7 are the same here */
	test	$4, %dl
	jz	.Lbytes
	mov	(%rsi), %eax
	mov	%eax, (%rdi)
	add	$4, %rsi
	add	$4, %rdi
.Lbytes:
	and	$3, %edx
	jz	.Ldone
.Lbyte:
	mov	(%rsi), %al
	mov	%al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%edx
	jnz	.Lbyte
.Ldone:
	xor	%eax, %eax
	ret
.Llong:
	mov	%rdx, %rcx
	rep movsb
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	user_copy, . - user_copy

/*
 * int user_copystr(char *dst, const char *src, size_t size, size_t *done)
 *
 * *done is the kernel's and is written on success only.
 */
	.globl	user_copystr
	.hidden	user_copystr
	.type	user_copystr, @function
user_copystr:
	.cfi_startproc
	xor	%r8d, %r8d
.Lnext:
	cmp	%rdx, %r8
	jae	.Ltoolong
	mov	(%rsi, %r8), %al
	mov	%al, (%rdi, %r8)
	inc	%r8
	test	%al, %al
	jnz	.Lnext
	mov	%r8, (%rcx)
	xor	%eax, %eax
	ret
.Ltoolong:
	mov	$ENAMETOOLONG, %eax
	ret
	.cfi_endproc
	.size	user_copystr, . - user_copystr

copy_end:

	.type	copy_fault, @function
copy_fault:
	.cfi_startproc
	mov	$EFAULT, %eax
	ret
	.cfi_endproc
	.size	copy_fault, . - copy_fault

	.section .note.GNU-stack, "", @progbits
