/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that confines itself knows which calls it makes, and not which we
 * make for it: a filter that kills for rt_sigreturn kills at the first call that
 * traps, one that kills for futex or sendmsg at the first that asks a server.
 *
 * So some instructions go before the program's filter.  They let pass what is
 * called by the instructions of ours that make none of the program's calls, if
 * it is one of a few harmless calls; everything else is for the filter to
 * decide.  What the program calls itself is made by other instructions.  Whoever
 * has taken over the program can jump to ours, and gets nothing that opens
 * anything new: no file, no process, no executable memory.
 *
 * A filter is in force after exec, too, where our instructions are elsewhere: a
 * program that executes others allows what they need.
 */
#include "preload/engine/confine.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"

#define PR_SUD 59
#define LENGTH_MAX BPF_MAXINSNS

/* Offsets into what a filter sees. */
#define NR offsetof(struct seccomp_data, nr)
#define IP offsetof(struct seccomp_data, instruction_pointer)
#define ARG(i) (offsetof(struct seccomp_data, args) + 8 * (i))

/* Whatever their arguments. */
static const int harmless[] = { SYS_rt_sigreturn, SYS_rt_sigprocmask,
	SYS_rt_sigtimedwait, SYS_rt_sigaction, SYS_sigaltstack, SYS_tgkill,
	SYS_getpid, SYS_gettid, SYS_futex, SYS_sched_yield, SYS_clock_gettime,
	SYS_poll, SYS_ppoll, SYS_epoll_wait, SYS_epoll_pwait, SYS_read,
	SYS_readv, SYS_pread64, SYS_write, SYS_writev, SYS_pwrite64, SYS_sendto,
	SYS_sendmsg, SYS_recvfrom, SYS_recvmsg, SYS_shutdown, SYS_close,
	SYS_fstat, SYS_fcntl, SYS_munmap, SYS_madvise, SYS_getrandom,
	SYS_socketpair, SYS_setsockopt };
#define NHARMLESS (sizeof(harmless) / sizeof(harmless[0]))

/* prctl(2) with one of these. */
static const int options[] = { PR_SUD, PR_GET_DUMPABLE, PR_GET_NAME,
	PR_SET_PTRACER };
#define NOPTIONS (sizeof(options) / sizeof(options[0]))

/* Where: 5 instructions; what: 1 and NHARMLESS; mmap: 3; prctl: 2 and NOPTIONS;
 * the end: 3. */
#define PREFIX (5 + 1 + NHARMLESS + 3 + 2 + NOPTIONS + 3)

struct filter {
	struct sock_fprog f_prog; /* first */
	size_t f_size;            /* of this mapping */
	size_t f_n;
	struct sock_filter f_code[];
};

static void
add(struct filter *f, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	f->f_code[f->f_n++] = (struct sock_filter){
		.code = code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k
	};
}

static void
load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Go to instruction `to' if what is loaded is k, else on. */
static void
branch(struct filter *f, uint32_t k, size_t to)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, k, to - f->f_n - 1, 0);
}

/*
 * The instructions in front; the program's own begin behind PREFIX.  The
 * last one allows; the one before it goes on with the program's filter, which
 * finds the registers as at the start.
 */
static void
write_prefix(struct filter *f)
{
	uintptr_t begin = (uintptr_t)engine_own_begin;
	uintptr_t end = (uintptr_t)engine_range_end;
	const size_t allow = PREFIX - 2, on = PREFIX - 1;
	size_t i, at;

	load(f, IP + 4);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(begin >> 32), 0,
	    on - f->f_n - 1);
	load(f, IP);
	add(f, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)begin, 0, on - f->f_n - 1);
	add(f, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)end, on - f->f_n - 1, 0);
	load(f, NR);
	for (i = 0; i < NHARMLESS; i++)
		branch(f, (uint32_t)harmless[i], allow);
	at = f->f_n;
	add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 2);
	load(f, ARG(2));
	add(f, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, on - at - 3,
	    allow - at - 3);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, on - f->f_n - 1);
	load(f, ARG(0));
	for (i = 0; i < NOPTIONS; i++)
		branch(f, (uint32_t)options[i], allow);
	add(f, BPF_JMP | BPF_JA, (uint32_t)(on - f->f_n - 1), 0, 0);
	add(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	add(f, BPF_LD | BPF_W | BPF_IMM, 0, 0, 0);
}
_Static_assert(PREFIX < 256, "jumps are short");

static struct filter *
filter_create(size_t n)
{
	size_t size =
	    sizeof(struct filter) + (PREFIX + n) * sizeof(struct sock_filter);
	struct filter *f;
	long r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (r < 0 && r > -4096)
		return NULL;
	f = (struct filter *)r;
	f->f_size = size;
	f->f_n = 0;
	return f;
}

static void
filter_destroy(struct filter *f)
{
	HOST(SYS_munmap, f, f->f_size, 0, 0, 0, 0);
}

static long
confined(struct call *c)
{
	filter_destroy((struct filter *)c->scratch[5]);
	return c->result;
}

static bool
is_one_piece(void)
{
	return (uintptr_t)engine_own_begin >> 32 ==
	       (uintptr_t)engine_range_end >> 32;
}

long
confine(struct call *c, int i)
{
	struct sock_fprog prog;
	struct filter *f;

	/* What is wrong with it the host says. */
	if (engine_copy(&prog, (void *)c->arg[i], sizeof(prog)) != 0 ||
	    prog.len == 0 || prog.len > LENGTH_MAX - PREFIX ||
	    !is_one_piece() || BROKEN(BREAK_CONFINE))
		return CALL_TO_HOST;
	f = filter_create(prog.len);
	if (f == NULL)
		return -ENOMEM;
	write_prefix(f);
	if (engine_copy(&f->f_code[f->f_n], prog.filter,
		prog.len * sizeof(struct sock_filter)) != 0) {
		filter_destroy(f);
		return -EFAULT;
	}
	f->f_prog.len = (unsigned short)(f->f_n + prog.len);
	f->f_prog.filter = f->f_code;
	c->arg[i] = (long)&f->f_prog;
	c->scratch[5] = (uint64_t)f;
	c->after = confined;
	return CALL_TO_HOST;
}
