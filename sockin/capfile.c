/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockin/capfile.h"

#include <stdatomic.h>

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rumperr.h"
#include "rump/rumpuser.h"
#include "sockin/user_capture.h"

#define PATH_SIZE 4096

static struct kstat packets = { "sockin_capture_packets", "packets captured" };

kmutex_t capture_lock;
static _Atomic int file_fd = -1; /* capture_lock to change */
static uint16_t ipid;            /* capture_lock */

bool
capfile_is_open(void)
{
	return file_fd >= 0;
}

int
capfile_open(void)
{
	uint8_t header[PCAP_FILE_HEADER];
	struct rump_iovec iov = { header, sizeof(header) };
	char path[PATH_SIZE];
	int error, fd;
	bool empty;

	if (rumpuser_getparam("RUMPKIT_PCAP", path, sizeof(path)) != 0 ||
	    path[0] == '\0')
		return 0;
	mutex_init(&capture_lock, "sockin_capture");
	error = rumpcomp_sockin_capture_open(path, &fd, &empty);
	if (error != 0)
		return error;
	if (empty) {
		pcap_file_header(header);
		error =
		    rumpcomp_sockin_capture_write(fd, &iov, 1, sizeof(header));
	}
	if (error != 0) {
		rumpcomp_sockin_capture_close(fd);
		return error;
	}
	kstat_attach(&packets, 1);
	file_fd = fd;
	return 0;
}

static void
stamp(struct pcap_packet *pp)
{
	struct rump_timespec now;

	getnanotime(&now);
	pp->pp_sec = (uint32_t)now.tv_sec;
	pp->pp_nsec = (uint32_t)now.tv_nsec;
	pp->pp_id = ++ipid;
}

static void
batch_iov(struct capfile_batch *ba, const void *base, size_t len)
{
	struct rump_iovec *iov = &ba->ba_iov[ba->ba_niov];

	if (len == 0)
		return;
	iov->iov_base = (void *)(uintptr_t)base;
	iov->iov_len = len;
	ba->ba_niov++;
	ba->ba_len += len;
}

void
capfile_add(struct capfile_batch *ba, struct pcap_packet *pp)
{
	uint8_t *head = ba->ba_heads[ba->ba_npackets];
	size_t size, len;

	KASSERT(ba->ba_npackets < CAPFILE_BATCH);
	stamp(pp);
	size = pcap_encode(pp, head, &len);
	batch_iov(ba, head, size);
	batch_iov(ba, pp->pp_data, len);
	ba->ba_npackets++;
}

void
capfile_begin(struct capfile_batch *ba)
{
	ba->ba_npackets = 0;
	ba->ba_niov = 0;
	ba->ba_len = 0;
}

void
capfile_end(struct capfile_batch *ba)
{
	int error, fd = file_fd;

	if (fd < 0 || ba->ba_npackets == 0)
		return;
	error = rumpcomp_sockin_capture_write(
	    fd, ba->ba_iov, ba->ba_niov, ba->ba_len);
	if (error == 0) {
		KSTAT_ADD(&packets, (uint64_t)ba->ba_npackets);
		return;
	}
	file_fd = -1;
	rumpcomp_sockin_capture_close(fd);
	kprintf("rumpkit: the capture ends here, since its file cannot be "
		"written: %s\n",
	    error == ENOSPC  ? "no space is left"
	    : error == EFBIG ? "it would exceed the limit on sizes"
			     : rump_strerror(error));
}
