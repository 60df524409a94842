/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same work as our clients do, by libnfs without any mounting: the peer of
 * the NFS benchmarks.  Prints seconds, one number a phase; the connection is
 * made before the clock starts.
 *
 *	libnfs_loop read URL PATH            asynchronous, several in flight
 *	libnfs_loop write URL PATH SOURCE    the same with a file's data, then
 *	                                     fsync; makes PATH if need be
 *	libnfs_loop meta URL OLD NEW N PHASES
 *	                                     stat of N files in directory OLD (s),
 *	                                     create (c), unlink (u) in NEW
 *	libnfs_loop rand URL PATH THREADS N  N 4 KiB reads, a context a thread
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nfsc/libnfs.h>

#define DEPTH 8 /* requests in flight */
#define CHUNK (1 << 20)
#define PAGE 4096

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct nfs_context *
mount_url(const char *text)
{
	struct nfs_context *nfs = nfs_init_context();
	struct nfs_url *url;

	if (nfs == NULL)
		errx(1, "nfs_init_context");
	url = nfs_parse_url_dir(nfs, text);
	if (url == NULL || nfs_mount(nfs, url->server, url->path) != 0)
		errx(1, "%s: %s", text, nfs_get_error(nfs));
	nfs_destroy_url(url);
	return nfs;
}

/* Sequential transfer with several requests in flight. */

struct transfer {
	struct nfs_context *nfs;
	struct nfsfh *fh;
	uint64_t next, end;
	unsigned inflight;
	int source; /* of what is written; -1: reading */
};

/* One request after the other. */
struct slot {
	struct transfer *transfer;
	char *data;
};

static void slot_start(struct slot *sl);

static void
slot_done(int status, struct nfs_context *nfs, void *data, void *arg)
{
	struct slot *sl = arg;

	if (status < 0)
		errx(1, "transfer: %s", nfs_get_error(nfs));
	sl->transfer->inflight--;
	slot_start(sl);
}

static void
slot_start(struct slot *sl)
{
	struct transfer *t = sl->transfer;
	uint64_t n = t->end - t->next < CHUNK ? t->end - t->next : CHUNK;
	int error;

	if (n == 0)
		return;
	if (t->source >= 0 &&
	    pread(t->source, sl->data, n, (off_t)t->next) != (ssize_t)n)
		err(1, "source");
	if (t->source >= 0)
		error = nfs_pwrite_async(
		    t->nfs, t->fh, t->next, n, sl->data, slot_done, sl);
	else
		error =
		    nfs_pread_async(t->nfs, t->fh, t->next, n, slot_done, sl);
	if (error != 0)
		errx(1, "start: %s", nfs_get_error(t->nfs));
	t->next += n;
	t->inflight++;
}

static void
transfer_run(struct transfer *t)
{
	struct slot slots[DEPTH];
	struct pollfd pfd;

	for (int i = 0; i < DEPTH; i++) {
		slots[i].transfer = t;
		slots[i].data = t->source >= 0 ? malloc(CHUNK) : NULL;
		slot_start(&slots[i]);
	}
	while (t->inflight > 0) {
		pfd.fd = nfs_get_fd(t->nfs);
		pfd.events = (short)nfs_which_events(t->nfs);
		if (poll(&pfd, 1, -1) < 0)
			err(1, "poll");
		if (nfs_service(t->nfs, pfd.revents) < 0)
			errx(1, "service: %s", nfs_get_error(t->nfs));
	}
}

static void
bench_read(struct nfs_context *nfs, char **argv)
{
	struct transfer t = { .nfs = nfs, .source = -1 };
	struct nfs_stat_64 st;
	double begin = now();

	if (nfs_open(nfs, argv[0], O_RDONLY, &t.fh) != 0 ||
	    nfs_fstat64(nfs, t.fh, &st) != 0)
		errx(1, "%s: %s", argv[0], nfs_get_error(nfs));
	t.end = st.nfs_size;
	transfer_run(&t);
	nfs_close(nfs, t.fh);
	printf("%.6f\n", now() - begin);
}

static void
bench_write(struct nfs_context *nfs, char **argv)
{
	struct transfer t = { .nfs = nfs, .source = open(argv[1], O_RDONLY) };
	struct stat st;
	double begin = now();

	if (t.source < 0 || fstat(t.source, &st) != 0)
		err(1, "%s", argv[1]);
	t.end = (uint64_t)st.st_size;
	if (nfs_open(nfs, argv[0], O_WRONLY, &t.fh) != 0 &&
	    nfs_creat(nfs, argv[0], 0644, &t.fh) != 0)
		errx(1, "%s: %s", argv[0], nfs_get_error(nfs));
	transfer_run(&t);
	if (nfs_fsync(nfs, t.fh) != 0 || nfs_close(nfs, t.fh) != 0)
		errx(1, "fsync: %s", nfs_get_error(nfs));
	printf("%.6f\n", now() - begin);
}

/* One phase over many files, on path. */

static void
phase_stat(struct nfs_context *nfs, const char *path)
{
	struct nfs_stat_64 st;

	if (nfs_stat64(nfs, path, &st) != 0)
		errx(1, "stat: %s", nfs_get_error(nfs));
}

static void
phase_create(struct nfs_context *nfs, const char *path)
{
	struct nfsfh *fh;

	if (nfs_creat(nfs, path, 0644, &fh) != 0 || nfs_close(nfs, fh) != 0)
		errx(1, "create: %s", nfs_get_error(nfs));
}

static void
phase_unlink(struct nfs_context *nfs, const char *path)
{
	if (nfs_unlink(nfs, path) != 0)
		errx(1, "unlink: %s", nfs_get_error(nfs));
}

static double
timed_phase(struct nfs_context *nfs, const char *directory, int n,
    void (*phase)(struct nfs_context *, const char *))
{
	double begin = now();
	char path[256];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", directory, i);
		phase(nfs, path);
	}
	return now() - begin;
}

static void
bench_meta(struct nfs_context *nfs, char **argv)
{
	int n = atoi(argv[2]);

	for (const char *p = argv[3]; *p != '\0'; p++) {
		if (*p == 's')
			printf(
			    "%.6f ", timed_phase(nfs, argv[0], n, phase_stat));
		else if (*p == 'c')
			printf("%.6f ",
			    timed_phase(nfs, argv[1], n, phase_create));
		else
			printf("%.6f ",
			    timed_phase(nfs, argv[1], n, phase_unlink));
	}
	printf("\n");
}

/* Random reads. */

struct reader {
	pthread_t thread;
	struct nfs_context *nfs;
	const char *path;
	uint64_t pages;
	unsigned first, step, count;
};

/* Each page once: multiplication by an odd number permutes 2^n pages. */
static uint64_t
random_page(uint64_t i, uint64_t pages)
{
	return (i * 2654435761u + 12345) & (pages - 1);
}

static void *
run_reader(void *arg)
{
	struct reader *r = arg;
	struct nfsfh *fh;
	char buf[PAGE];

	if (nfs_open(r->nfs, r->path, O_RDONLY, &fh) != 0)
		errx(1, "%s: %s", r->path, nfs_get_error(r->nfs));
	for (unsigned i = r->first; i < r->count; i += r->step)
		if (nfs_pread(r->nfs, fh, random_page(i, r->pages) * PAGE, PAGE,
			buf) != PAGE)
			errx(1, "pread: %s", nfs_get_error(r->nfs));
	nfs_close(r->nfs, fh);
	return NULL;
}

static void
bench_rand(const char *url, char **argv)
{
	unsigned n = (unsigned)atoi(argv[1]);
	struct reader *r = calloc(n, sizeof(*r));
	struct nfs_stat_64 st;
	double begin;

	for (unsigned i = 0; i < n; i++) {
		r[i].nfs = mount_url(url);
		r[i].path = argv[0];
		if (nfs_stat64(r[i].nfs, argv[0], &st) != 0)
			errx(1, "%s: %s", argv[0], nfs_get_error(r[i].nfs));
		r[i].pages = st.nfs_size / PAGE;
		r[i].first = i;
		r[i].step = n;
		r[i].count = (unsigned)atoi(argv[2]);
	}
	begin = now();
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&r[i].thread, NULL, run_reader, &r[i]) != 0)
			errx(1, "pthread_create");
	for (unsigned i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	printf("%.6f\n", now() - begin);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "rand") == 0 && argc == 6)
		bench_rand(argv[2], argv + 3);
	else if (strcmp(what, "read") == 0)
		bench_read(mount_url(argv[2]), argv + 3);
	else if (strcmp(what, "write") == 0 && argc == 5)
		bench_write(mount_url(argv[2]), argv + 3);
	else if (strcmp(what, "meta") == 0 && argc == 7)
		bench_meta(mount_url(argv[2]), argv + 3);
	else
		errx(2, "usage: libnfs_loop read|write|meta|rand URL ...");
	return 0;
}
