/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pthreads, because program and libc must be able to live with our threads.
 * This is the one place where a hypercall calls into libc: vector registers and
 * errno are the program's and kept for it.
 *
 * No signal of the program's is ever delivered to one of them: a thread has its
 * mask from the one that makes it, which blocks everything for that moment.
 */
#include "rumpuser/pthreads.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "rumpuser/signals.h"
#include "rumpuser/vector.h"

static int
create(void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle)
{
	pthread_attr_t attr;
	pthread_t pthread;
	int error;

	error = pthread_attr_init(&attr);
	if (error != 0)
		return error;
	if (handle == NULL)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_bytes != 0)
		pthread_attr_setstacksize(&attr, stack_bytes);
	error = pthread_create(&pthread, &attr, func, arg);
	pthread_attr_destroy(&attr);
	if (error == 0 && handle != NULL)
		*handle = (uintptr_t)pthread;
	return error;
}

/*
 * A program with very much thread-local storage needs more than our stack has
 * room for: then EINVAL, and libc's default size will do.
 */
long
pthreads_create(
    void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle)
{
	struct vector_state vs;
	uint64_t mask;
	int error, saved_errno;

	vector_save(&vs);
	saved_errno = errno;
	mask = signals_set_mask(~SIGNALS_OF_LIBC);
	error = create(func, arg, stack_bytes, handle);
	if (error == EINVAL)
		error = create(func, arg, 0, handle);
	signals_set_mask(mask);
	errno = saved_errno;
	vector_restore(&vs);
	return -error;
}

long
pthreads_join(uintptr_t handle)
{
	struct vector_state vs;
	int error, saved_errno;

	vector_save(&vs);
	saved_errno = errno;
	error = pthread_join((pthread_t)handle, NULL);
	errno = saved_errno;
	vector_restore(&vs);
	return -error;
}
