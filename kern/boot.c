/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_init().  Everything that can be refused is looked at before anything is
 * changed, so that a boot either fails cleanly or cannot fail any more.  The
 * booting thread runs as lwp0 and has no lwp when it comes back.
 */
#include "kern/boot.h"

#include "kern/callout.h"
#include "kern/clock.h"
#include "kern/guard.h"
#include "kern/hyperup.h"
#include "kern/kmem.h"
#include "kern/ksyms.h"
#include "kern/kthread.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/module.h"
#include "kern/netbsd.h"
#include "kern/remote.h"
#include "kern/report.h"
#include "kern/stats.h"
#include "kern/syscall.h"
#include "kern/sysctl.h"
#include "rump/rump.h"
#include "rump/rumperr.h"
#include "rump/rumpuser.h"

/* What RUMP_NCPU is cut to. */
#define MAXCPUS 256

/* Asked for at once, to see whether booting makes sense. */
#define BOOT_BYTES (1024 * 1024)

extern const struct syscall_entry syscalls_kern[];
extern const size_t nsyscalls_kern;

int boot_howto;
unsigned boot_ncpu = 1;
bool boot_verbose;

enum { COLD, HYPERVISOR, WARM, FAILED };
static _Atomic uint32_t boot_guard;
static int boot_state; /* boot_guard */
static int failure;    /* of boot_fail(), during boot by its thread */

int
rump_getversion(void)
{
	return __NetBSD_Version__;
}

int
rump_pub_getversion(void)
{
	return __NetBSD_Version__;
}

int
rump_boot_gethowto(void)
{
	return boot_howto;
}

void
rump_boot_sethowto(int howto)
{
	boot_howto = howto;
}

/* A decimal number at the start of text; the rest, or NULL on overflow. */
static const char *
parse_decimal(const char *text, size_t *np)
{
	size_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return NULL;
	*np = n;
	return text;
}

int
boot_parse_memlimit(const char *text, size_t *bytes)
{
	const char *suffix;
	size_t n;

	if (*text < '0' || *text > '9')
		return EINVAL;
	suffix = parse_decimal(text, &n);
	if (suffix == NULL)
		return EINVAL;
	if (*suffix != '\0') {
		const char *unit = strchr("kmg", *suffix);

		if (unit == NULL || suffix[1] != '\0' ||
		    __builtin_mul_overflow(
			n, (size_t)1 << (10 * (unit - "kmg" + 1)), &n))
			return EINVAL;
	}
	if (n == 0)
		return EINVAL;
	*bytes = n;
	return 0;
}

static int
get_ncpu(unsigned *ncpu)
{
	const char *rest;
	char buf[256];
	size_t n;

	if (rumpuser_getparam(RUMPUSER_PARAM_NCPU, buf, sizeof(buf)) != 0)
		return EINVAL;
	rest = parse_decimal(buf, &n);
	if (rest == NULL || rest == buf || *rest != '\0' || n < 1)
		return EINVAL;
	*ncpu = MIN(n, MAXCPUS);
	return 0;
}

static int
get_memlimit(size_t *limit)
{
	char buf[64];

	*limit = SIZE_MAX;
	switch (rumpuser_getparam("RUMP_MEMLIMIT", buf, sizeof(buf))) {
	case 0:
		return boot_parse_memlimit(buf, limit);
	case ENOENT:
		return 0;
	default:
		return EINVAL;
	}
}

/* From here on the kernel waits for memory that is not there; so look once. */
static int
check_memory(void)
{
	void *p = kmem_alloc(BOOT_BYTES, KM_NOSLEEP);

	if (p == NULL) {
		kprintf("rump kernel: no memory: the limits of the host or "
			"RUMP_MEMLIMIT are too low\n");
		return ENOMEM;
	}
	kmem_free(p, BOOT_BYTES);
	return 0;
}

static int
get_parameters(void)
{
	char threads[256], verbose[256];
	size_t limit;
	int error;

	boot_verbose =
	    rumpuser_getparam("RUMP_VERBOSE", verbose, sizeof(verbose)) == 0 &&
	    verbose[0] != '0';
	kthread_enabled =
	    rumpuser_getparam("RUMP_THREADS", threads, sizeof(threads)) != 0 ||
	    threads[0] != '0';
	error = get_ncpu(&boot_ncpu);
	if (error != 0) {
		kprintf("rump kernel: RUMP_NCPU is not a number of CPUs\n");
		return error;
	}
	error = get_memlimit(&limit);
	if (error != 0) {
		kprintf("rump kernel: RUMP_MEMLIMIT is not a size: decimal, "
			"with k, m or g behind it\n");
		return error;
	}
	kmem_setlimit(limit);
	return check_memory();
}

static void
announce(const char *what)
{
	if (boot_verbose)
		kprintf("rump kernel: " OSTYPE " " OSRELEASE " %s\n", what);
}

void
boot_fail(int error, const char *what)
{
	KASSERT(error > 0);
	kprintf("rump kernel: %s: %s\n", what, rump_strerror(error));
	failure = error;
}

int
boot_failure(void)
{
	return failure;
}

static int
boot(void)
{
	int error;

	proc_boot();
	lwp_setcur(&lwp0);
	announce("booting");
	kstat_attach(kern_stats, KERN_NSTATS);
	callout_boot();
	remote_boot();
	report_boot();
	syscall_register(syscalls_kern, nsyscalls_kern);
	/* Ours have registered themselves from constructors; components of the
	 * genuine kind may come in link sets.  Names of symbols are for those
	 * who look for faults: gathering them takes a third of the boot. */
	rumpuser_dl_bootstrap(
	    module_note, boot_verbose ? ksyms_load : NULL, rump_component_load);
	error = component_initall();
	if (error == 0) {
		module_boot();
		sysctl_boot();
		announce("running");
	}
	lwp_setcur(NULL);
	kmem_thread_fini();
	return error;
}

int
rump_daemonize_begin(void)
{
	bool cold;

	guard_enter(&boot_guard);
	cold = boot_state == COLD;
	guard_exit(&boot_guard);
	return cold ? rumpuser_daemonize_begin() : EALREADY;
}

int
rump_daemonize_done(int error)
{
	return rumpuser_daemonize_done(error);
}

int
rump_init(void)
{
	int error = 0;

	guard_enter(&boot_guard);
	if (boot_state == COLD) {
		if (rumpuser_init(RUMPUSER_VERSION, &hyperup) != 0) {
			error = EINVAL;
			goto out;
		}
		boot_state = HYPERVISOR;
	}
	if (boot_state == HYPERVISOR) {
		error = get_parameters();
		if (error != 0)
			goto out;
		error = boot();
		boot_state = error == 0 ? WARM : FAILED;
	} else if (boot_state == FAILED) {
		error = failure;
	}
out:
	guard_exit(&boot_guard);
	return error;
}

/* The name that the genuine library has it under, too. */
int rump__init(void) __attribute__((__alias__("rump_init")));
