/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/console.h"

#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpabi.h"
#include "rump/rumpuser.h"

#define PIECE 256

static int
console_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	char piece[PIECE];
	int error = 0;

	while (uio->uio_resid > 0 && error == 0) {
		size_t n = MIN(uio->uio_resid, sizeof(piece));

		error = uiomove(piece, n, uio);
		for (size_t i = 0; i < n && error == 0; i++)
			rumpuser_putchar(piece[i]);
	}
	return error;
}

static int
console_stat(struct file *fp, struct rump_stat *st)
{
	st->st_mode = S_IFCHR | S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	kauth_cred_owner(fp->f_cred, st);
	return 0;
}

static int
console_close(struct file *fp)
{
	return 0;
}

static const struct fileops console_ops = {
	.fo_name = "console",
	.fo_write = console_write,
	.fo_stat = console_stat,
	.fo_close = console_close,
};

void
console_attach(void)
{
	struct file *fp;
	int fd;

	if (fd_allocfile(&fp, &fd) != 0)
		return;
	fp->f_ops = &console_ops;
	fp->f_type = DTYPE_MISC;
	atomic_store(&fp->f_flag, FWRITE);
	file_ref(fp);
	fd_affix(fp, fd, false);
	for (int i = 0; i < 2; i++)
		(void)fd_dup(fp, 0, &fd, false);
	(void)file_unref(fp);
}
