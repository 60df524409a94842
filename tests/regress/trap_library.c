/* SPDX-License-Identifier: BSD-2-Clause */
/* See trap_library.h. */
#include "trap_library.h"

__asm__(".globl lookalike_call\n"
	".type lookalike_call, @function\n"
	"lookalike_call:\n"
	"	.cfi_startproc\n"
	"	lea 0x48(%rdi), %rdx\n"
	"	xor %eax, %eax\n"
	"	mov $39, %al\n"
	"	xor %ecx, %ecx\n"
	"	movl $39, -0x48(%rdx, %rcx)\n" /* c7 44 0a b8 27 00 00 00 */
	"	syscall\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size lookalike_call, . - lookalike_call\n");

__asm__(".type straddlers, @function\n"
	".balign 64\n"
	"straddlers:\n"
	".rept 24\n"
	"	.balign 64, 0xcc\n"
	"	.cfi_startproc\n"
	"	.rept 61\n"
	"	nop\n"
	"	.endr\n"
	"	mov $39, %eax\n"
	"	syscall\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".endr\n"
	".size straddlers, . - straddlers\n");

extern const char straddlers[] __attribute__((visibility("hidden")));

void
straddler(int i)
{
	((void (*)(void))(uintptr_t)(straddlers + 128 * i))();
}
