/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps of fast clients. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servertest.h"

#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpserver.h"

#define PAGE 4096
#define BLOCK 65536
#define PAGES 4

static int64_t
map_create(struct fastclient *fc, int fd, int prot, struct fast_map *fp)
{
	return fastclient_call(fc, 0, FASTCALL_MAP_CREATE,
	    A(fd, 0, PAGES * PAGE, prot, RUMP_MAP_SHARED, (intptr_t)fp), NULL,
	    NULL);
}

static int64_t
map_fill(struct fastclient *fc, const struct fast_map *fp, int64_t off)
{
	return fastclient_call(
	    fc, 0, FASTCALL_MAP_FILL, A(fp->fp_handle, off, PAGE), NULL, NULL);
}

/* The memory of a map, and its pages. */
static char *
show(struct fastclient *fc, const struct fast_map *fp, int *memfd)
{
	char *p;

	assert_int_equal(fastclient_call(fc, 0, FASTCALL_MAP_MEMORY,
			     A(fp->fp_handle), NULL, NULL),
	    0);
	*memfd = receive_fd(fc);
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *memfd,
	    fp->fp_hostoff);
	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

/* A file of PAGES pages, mapped and filled. */
static char *
map_file(const char *path, struct fast_map *fp, int *fd, int *memfd)
{
	char *p;

	*fd = open_file(&client, path, RUMP_O_CREAT | RUMP_O_RDWR);
	assert_int_equal(
	    call(RUMP_SYS_ftruncate, A(*fd, 0, PAGES * PAGE), NULL, NULL), 0);
	assert_int_equal(
	    map_create(&client, *fd, RUMP_PROT_READ | RUMP_PROT_WRITE, fp), 0);
	p = show(&client, fp, memfd);
	for (int i = 0; i < PAGES; i++) {
		assert_int_equal(map_fill(&client, fp, i * PAGE), 0);
		p[i * PAGE] = (char)('0' + i);
	}
	return p;
}

/* The host reads from there what raises no SIGBUS. */
static bool
is_there(const char *p)
{
	int fds[2];
	bool there;

	assert_int_equal(pipe(fds), 0);
	there = write(fds[1], p, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return there;
}

static void
a_mapped_file_shows_the_cache_itself(void **state)
{
	int fd = open_file(&client, "/m", RUMP_O_CREAT | RUMP_O_RDWR);
	struct fast_map fp;
	int64_t retval[2];
	int memfd;
	char *p;

	assert_int_equal(
	    call(RUMP_SYS_write, A(fd, (intptr_t) "mapped", 6), NULL, NULL), 0);
	assert_int_equal(call(FASTCALL_MAP_CREATE,
			     A(fd, 0, 4096, RUMP_PROT_READ | RUMP_PROT_WRITE,
				 RUMP_MAP_SHARED, (intptr_t)&fp),
			     NULL, NULL),
	    0);
	assert_int_equal(
	    call(FASTCALL_MAP_MEMORY, A(fp.fp_handle), NULL, NULL), 0);
	memfd = receive_fd(&client);
	assert_int_equal(
	    call(FASTCALL_MAP_FILL, A(fp.fp_handle, 0, 4096), NULL, NULL), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
	    fp.fp_hostoff);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_memory_equal(p, "mapped", 6);
	assert_int_equal(
	    call(FASTCALL_MAP_SIZE, A(fp.fp_handle), NULL, retval), 0);
	assert_int_equal(retval[0], 6);
	assert_int_equal(call(FASTCALL_MAP_DIRTY,
			     A(fp.fp_handle, 0, 4096, retval[0]), NULL, NULL),
	    0);
	assert_int_equal(
	    call(FASTCALL_MAP_SYNC, A(fp.fp_handle, 0, 4096), NULL, NULL), 0);
	assert_int_equal(
	    call(FASTCALL_MAP_REF, A(fp.fp_handle), NULL, NULL), 0);
	assert_int_equal(
	    call(FASTCALL_MAP_DESTROY, A(fp.fp_handle), NULL, NULL), 0);
	assert_int_equal(
	    call(FASTCALL_MAP_DESTROY, A(fp.fp_handle), NULL, NULL), 0);
	assert_int_equal(
	    call(FASTCALL_MAP_DESTROY, A(fp.fp_handle), NULL, NULL),
	    RUMP_EBADF);
	assert_int_equal(
	    call(FASTCALL_MAP_FILL, A(INT64_MAX, 0, 4096), NULL, NULL),
	    RUMP_EBADF);
	munmap(p, 4096);
	close(memfd);
}

static void
a_client_that_truncates_is_asked_and_the_others_need_not_be(void **state)
{
	struct fast_map fp, theirs;
	struct fastclient other;
	int fd, memfd, otherfd, othermemfd;
	char *p = map_file("/c", &fp, &fd, &memfd), *q;

	open_client(&other, false);
	otherfd = open_file(&other, "/c", RUMP_O_RDWR);
	assert_int_equal(
	    map_create(&other, otherfd, RUMP_PROT_READ, &theirs), 0);
	q = show(&other, &theirs, &othermemfd);
	assert_int_equal(map_fill(&other, &theirs, PAGE), 0);
	assert_int_equal(q[PAGE], '1');
	client.fc_ops[FAST_CUT] = 0;
	assert_int_equal(
	    call(RUMP_SYS_ftruncate, A(fd, 0, PAGE), NULL, NULL), 0);
	assert_int_equal(client.fc_ops[FAST_CUT], 1);
	assert_int_equal(other.fc_ops[FAST_CUT], 0);
	assert_int_equal(q[0], '0');
	assert_false(is_there(q + PAGE));
	assert_false(is_there(p + PAGE));
	assert_int_equal(map_fill(&other, &theirs, PAGE), RUMP_EFAULT);
	assert_int_equal(
	    call(RUMP_SYS_ftruncate, A(fd, 0, 2 * PAGE), NULL, NULL), 0);
	assert_int_equal(map_fill(&other, &theirs, PAGE), 0);
	assert_int_equal(q[PAGE], 0);
	fastclient_close(&other);
	munmap(p, PAGES * PAGE);
	munmap(q, PAGES * PAGE);
	close(memfd);
	close(othermemfd);
}

static void
a_child_has_its_parent_s_maps_and_its_own_of_them(void **state)
{
	struct fastclient child = { 0 };
	struct fast_map fp;
	int fd, memfd, connection;
	char *p = map_file("/k", &fp, &fd, &memfd);

	connection = fastclient_fork(&client);
	assert_true(connection >= 0);
	assert_int_equal(fastclient_hello(&child, connection, false), 0);
	assert_true(fastclient_start(&child, 0));
	/* What the parent gives up is still shown by the child. */
	assert_int_equal(
	    call(FASTCALL_MAP_DROP, A(fp.fp_handle, 0, BLOCK), NULL, NULL), 0);
	assert_int_equal(
	    call(FASTCALL_MAP_DESTROY, A(fp.fp_handle), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_ftruncate, A(fd, 0, PAGE), NULL, NULL), 0);
	assert_false(is_there(p + PAGE));
	assert_int_equal(map_fill(&child, &fp, 0), 0);
	assert_int_equal(map_fill(&child, &fp, PAGE), RUMP_EFAULT);
	assert_int_equal(map_fill(&client, &fp, 0), RUMP_EBADF);
	fastclient_close(&child);
	munmap(p, PAGES * PAGE);
	close(memfd);
}

/* Memory that another user may store into nobody can take away. */
static int
store_and_try_to_cut(struct fastclient *fc, int fd)
{
	struct fast_map fp;
	int memfd;
	char *p;

	if (map_create(fc, fd, RUMP_PROT_READ | RUMP_PROT_WRITE, &fp) != 0 ||
	    !fp.fp_writable)
		return 17;
	if (fastclient_call(
		fc, 0, FASTCALL_MAP_MEMORY, A(fp.fp_handle), NULL, NULL) != 0)
		return 18;
	memfd = receive_fd(fc);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
	    fp.fp_hostoff);
	if (p == MAP_FAILED)
		return 19;
	if (ftruncate(memfd, 0) == 0 ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_GROW) == 0)
		return 20;
	p[0] = 'n';
	return 0;
}

static int
become_nobody_and_map(int connection)
{
	struct fastclient fc = { 0 };
	struct fast_map fp;
	int fd, memfd;

	if (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0)
		return 10;
	if (fastclient_hello(&fc, connection, false) != 0 ||
	    !fastclient_start(&fc, 0))
		return 11;
	fd = open_file(&fc, "/n", RUMP_O_RDWR);
	if (map_create(&fc, fd, RUMP_PROT_READ, &fp) != 0 || fp.fp_writable)
		return 13;
	if (fastclient_call(
		&fc, 0, FASTCALL_MAP_MEMORY, A(fp.fp_handle), NULL, NULL) != 0)
		return 14;
	memfd = receive_fd(&fc);
	if (ftruncate(memfd, 0) == 0 ||
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
		fp.fp_hostoff) != MAP_FAILED)
		return 15;
	if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, memfd, fp.fp_hostoff) ==
	    MAP_FAILED)
		return 16;
	return store_and_try_to_cut(&fc, fd);
}

static void
another_user_gets_memory_that_nobody_can_cut(void **state)
{
	struct fast_map fp;
	int fd, memfd, connection, status;
	char *p;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	p = map_file("/n", &fp, &fd, &memfd);
	assert_int_equal(call(RUMP_SYS_fchmod, A(fd, 0666), NULL, NULL), 0);
	connection = fastclient_fork(&client);
	assert_true(connection >= 0);
	pid = fork();
	if (pid == 0)
		_exit(become_nobody_and_map(connection));
	close(connection);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(p[0], 'n');
	/* It is as long as before, and truncation is told by what it shows. */
	assert_int_equal(call(RUMP_SYS_ftruncate, A(fd, 0, 0), NULL, NULL), 0);
	assert_int_equal(
	    call(RUMP_SYS_ftruncate, A(fd, 0, PAGE), NULL, NULL), 0);
	assert_int_equal(p[0], '\0');
	munmap(p, PAGES * PAGE);
	close(memfd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mapped_file_shows_the_cache_itself),
		TEST(
		    a_client_that_truncates_is_asked_and_the_others_need_not_be),
		TEST(a_child_has_its_parent_s_maps_and_its_own_of_them),
		TEST(another_user_gets_memory_that_nobody_can_cut),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
