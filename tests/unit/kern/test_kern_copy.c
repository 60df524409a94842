/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies and faults in them, resumed as the hijack library does it. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/copy.h"
#include "kern/hyperup.h"
#include "kern/uio.h"
#include "rump/rumphost.h"

#define PAGE 4096
static char *edge; /* the end of what is accessible */

static void
on_fault(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	uintptr_t to =
	    rump_copy_fixup((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);

	if (to == 0) {
		signal(sig, SIG_DFL);
		return;
	}
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
}

/* In each test: cmocka puts its own handlers before it. */
static void
resume_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static int
setup(void **state)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + PAGE, PAGE, PROT_NONE) != 0)
		return -1;
	edge = p + PAGE;
	return boot_kernel(state);
}

static void
every_length_is_copied_exactly(void **state)
{
	char from[200], to[200], want[200];

	for (int i = 0; i < 200; i++)
		from[i] = (char)(i + 1);
	for (int n = 0; n < 150; n++) {
		memset(to, 0, sizeof(to));
		memset(want, 0, sizeof(want));
		memcpy(want + 1, from + 3, n);
		assert_int_equal(copyin(from + 3, to + 1, n), 0);
		assert_memory_equal(to, want, sizeof(to));
		memset(to, 0, sizeof(to));
		assert_int_equal(copyout(from + 3, to + 1, n), 0);
		assert_memory_equal(to, want, sizeof(to));
	}
}

static void
faults_are_efault_whatever_the_length(void **state)
{
	char buf[150];

	resume_faults();
	for (int n = 1; n < 150; n++) {
		assert_int_equal(copyin(edge, buf, n), RUMP_EFAULT);
		assert_int_equal(copyout(buf, edge, n), RUMP_EFAULT);
		assert_int_equal(copyin(edge - n, buf, n), 0);
		assert_int_equal(copyout(buf, edge - n, n), 0);
		assert_int_equal(copyin(edge - n + 1, buf, n), RUMP_EFAULT);
		assert_int_equal(copyout(buf, edge - n + 1, n), RUMP_EFAULT);
	}
	assert_int_equal(copyin(NULL, buf, 1), RUMP_EFAULT);
	assert_int_equal(copyin((void *)-8, buf, 16), RUMP_EFAULT);
}

static void
strings_end_at_their_nul_or_fail(void **state)
{
	size_t done = 77;
	char buf[8];

	resume_faults();
	assert_int_equal(copyinstr("abc", buf, sizeof(buf), &done), 0);
	assert_string_equal(buf, "abc");
	assert_int_equal(done, 4);
	assert_int_equal(copyinstr("1234567", buf, sizeof(buf), NULL), 0);
	assert_int_equal(
	    copyinstr("12345678", buf, sizeof(buf), &done), RUMP_ENAMETOOLONG);
	assert_int_equal(copyinstr("x", buf, 0, &done), RUMP_ENAMETOOLONG);
	memcpy(edge - 3, "abc", 3);
	assert_int_equal(
	    copyinstr(edge - 3, buf, sizeof(buf), &done), RUMP_EFAULT);
	assert_int_equal(done, 4);
}

static void
only_the_copy_instructions_are_resumed(void **state)
{
	assert_int_equal(rump_copy_fixup(0), 0);
	assert_int_equal(rump_copy_fixup((uintptr_t)&memcpy), 0);
	assert_int_equal(rump_copy_fixup((uintptr_t)&rump_copy_fixup), 0);
}

static void
uiomove_walks_the_vectors_both_ways(void **state)
{
	char a[4], b[4], buf[10] = "0123456789";
	struct rump_iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
	struct uio uio = { iov, 3, 100, 7, UIO_READ, UIO_USERSPACE };

	assert_int_equal(uiomove(buf, 2, &uio), 0);
	assert_int_equal(uio.uio_resid, 5);
	assert_int_equal(uio.uio_offset, 102);
	assert_int_equal(uiomove(buf + 2, 100, &uio), 0);
	assert_int_equal(uio.uio_resid, 0);
	assert_memory_equal(a, "012", 3);
	assert_memory_equal(b, "3456", 4);

	iov[0] = (struct rump_iovec){ a, 3 };
	iov[2] = (struct rump_iovec){ b, 4 };
	uio = (struct uio){ iov, 3, 0, 7, UIO_WRITE, UIO_SYSSPACE };
	uio_advance(&uio, 4);
	assert_int_equal(uio.uio_resid, 3);
	assert_int_equal(uiomove(buf, 3, &uio), 0);
	assert_memory_equal(buf, "456", 3);
}

static void
what_moved_before_a_fault_is_accounted(void **state)
{
	struct rump_iovec iov[] = { { edge - 4, 4 }, { edge, 4 } };
	struct uio uio = { iov, 2, 0, 8, UIO_READ, UIO_USERSPACE };
	char buf[8] = "abcdefg";

	resume_faults();
	assert_int_equal(uiomove(buf, 8, &uio), RUMP_EFAULT);
	assert_int_equal(uio.uio_resid, 4);
	assert_memory_equal(edge - 4, "abcd", 4);
}

static int remote_calls;

static int
remote_in(void *cookie, const void *uaddr, void *kaddr, size_t len)
{
	remote_calls++;
	memset(kaddr, 'r', len);
	return 0;
}

static int
remote_out(void *cookie, const void *kaddr, void *uaddr, size_t len)
{
	remote_calls++;
	return RUMP_EFAULT;
}

static int
remote_instr(
    void *cookie, const void *uaddr, char *kaddr, size_t size, size_t *done)
{
	remote_calls++;
	strcpy(kaddr, "remote");
	*done = 7;
	return 0;
}

static void
a_process_elsewhere_is_reached_by_its_proxy(void **state)
{
	static const struct copyops proxy = { remote_in, remote_out,
		remote_instr };
	char buf[8];
	size_t done;

	copyops_attach(&proxy);
	assert_int_equal(
	    hyperup.hyp_lwproc_rfork((void *)1, RUMP_RFCFDG, "client"), 0);
	assert_int_equal(copyin((void *)8, buf, 2), 0);
	assert_memory_equal(buf, "rr", 2);
	assert_int_equal(copyout(buf, (void *)8, 2), RUMP_EFAULT);
	assert_int_equal(copyinstr((void *)8, buf, 8, &done), 0);
	assert_string_equal(buf, "remote");
	assert_int_equal(remote_calls, 3);
	rump_pub_lwproc_releaselwp();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_copied_exactly),
		cmocka_unit_test(faults_are_efault_whatever_the_length),
		cmocka_unit_test(strings_end_at_their_nul_or_fail),
		cmocka_unit_test(only_the_copy_instructions_are_resumed),
		cmocka_unit_test(uiomove_walks_the_vectors_both_ways),
		cmocka_unit_test(what_moved_before_a_fault_is_accounted),
		cmocka_unit_test(a_process_elsewhere_is_reached_by_its_proxy),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
