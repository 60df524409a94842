/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of entry.S, and the C functions that it calls. */
#ifndef ENGINE_ENTRY_H
#define ENGINE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "preload/engine/layout.h"

/* The program's calls, and ours. */
long engine_host_call(long nr, long a, long b, long c, long d, long e, long f);
long engine_own_call(long nr, long a, long b, long c, long d, long e, long f);
long engine_host_call_intr(
    const volatile uint32_t *intr, long nr, const long args[6]);
long engine_clone_own(unsigned long flags, void *stack, _Atomic int *tid,
    _Atomic int *cleared_tid, uintptr_t tls, void (*fn)(void *stack));
_Noreturn void engine_end_own(uintptr_t base, size_t size);
void engine_restorer(void);
void engine_handler_restorer(void);
#ifdef ENGINE_BREAK
/* The same without unwind information. */
void engine_bare_restorer(void);
#endif
void engine_patched_entry(void);
void engine_trapped_entry(void);
long engine_on_stack(long (*fn)(void *), void *arg, uintptr_t top);
/* mask: the signal mask of the handler, NULL: as it is; read before any signal
 * is let in. */
_Noreturn void engine_jump(uintptr_t sp, void *handler, int sig, void *info,
    void *uc, const uint64_t *mask);
long engine_call_saved_size(long (*fn)(void *), void *arg, size_t size);
size_t engine_copy_bytes(void *to, const void *from, size_t n);

/* Addresses in the code. */
extern uint8_t engine_range_begin[], engine_own_begin[], engine_range_end[];
extern uint8_t engine_host_after[];
extern uint8_t engine_direct_begin[], engine_direct_insn[];
extern uint8_t engine_direct_again[];
extern uint8_t engine_intr_check[], engine_intr_insn[], engine_intr_abort[];
extern uint8_t engine_copy_begin[], engine_copy_fixup[];
extern uint8_t engine_trap_sud[], engine_trap_sud_after[];
extern uint8_t engine_trap_fault[];
extern uint8_t engine_thunks[], engine_slots[];

/* What the registers of a call look like on the program's stack. */
struct patched_frame {
	long pf_rbp, pf_r9, pf_r8, pf_r10, pf_rdx, pf_rsi, pf_rdi, pf_nr;
	uint64_t pf_flags;  /* in the format of lahf */
	uintptr_t pf_again; /* where the call starts again */
	uintptr_t pf_back;  /* behind the program's syscall */
};

/* rax, and where the program continues.  Or, of engine_patched(), oc_ip 0: the
 * host is to make the call, with oc_result as its first argument. */
struct outcome {
	long oc_result;
	uintptr_t oc_ip;
};

struct outcome engine_patched(struct patched_frame *f);
/* The host has answered such a call with EFAULT. */
struct outcome engine_patched_efault(struct patched_frame *f);
/* A handler of the program returns; uc is the frame that it ran on. */
void engine_sigreturn(void *uc);

/* For each call, DISPATCH_*. */
extern uint8_t dispatch_how[CALLS_MAX];

/* A clone made by a thunk returns to th_back; see process.c. */
struct thunk {
	_Atomic uintptr_t th_back;
	_Atomic uint64_t th_flags;
};
extern struct thunk thunk_table[THUNK_COUNT];

/* In the child of a clone, in a parent of vfork, and after a failure: where to
 * continue. */
uintptr_t engine_clone_landed(struct thunk *th, long result);

#endif /* !ENGINE_ENTRY_H */
