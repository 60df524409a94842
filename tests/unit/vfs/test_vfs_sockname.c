/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAKE (RUMP_O_RDWR | RUMP_O_CREAT | RUMP_O_EXCL | RUMP_O_ALT_IO)
#define REACH (RUMP_O_WRONLY | RUMP_O_NONBLOCK | RUMP_O_ALT_IO)
#define GONE_MAX 256 /* that are kept without a look */

static char last_base[108];

/* Bind a socket of the host to a new node; its address. */
static int
bind_node(const char *node, int type, struct sockaddr_un *sun)
{
	ssize_t n;
	int fd, s;

	fd = rump_sys_open(node, MAKE, S_IFSOCK | 0700);
	OK(fd);
	assert_int_equal(
	    rump_sys_write(fd, node, strlen(node)), (ssize_t)strlen(node));
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	n = rump_sys_read(fd, sun->sun_path, sizeof(sun->sun_path));
	assert_true(n > 0);
	s = socket(AF_UNIX, type, 0);
	assert_true(s >= 0);
	assert_int_equal(bind(s, (void *)sun, sizeof(*sun)), 0);
	OK(rump_sys_close(fd));
	snprintf(last_base, sizeof(last_base), "%s", sun->sun_path);
	/* base/ID/s */
	*strrchr(last_base, '/') = '\0';
	*strrchr(last_base, '/') = '\0';
	return s;
}

/* What connect(2) to a node says: 0 or an errno. */
static int
reach(const char *node)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s, hostfd, result, fd = rump_sys_open(node, REACH);

	OK(fd);
	assert_int_equal(rump_hostfd(fd, &hostfd), 0);
	snprintf(
	    sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", hostfd);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(s >= 0);
	result = connect(s, (void *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	close(s);
	OK(rump_sys_close(fd));
	return result;
}

static void
name_of(const struct sockaddr_un *sun, char *link)
{
	size_t len = strlen(sun->sun_path);

	/* In place of "/s". */
	memcpy(link, sun->sun_path, len);
	strcpy(link + len - 2, ".name");
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* As a kernel that was killed leaves it. */
static void
leave_base(char *base, size_t size, unsigned id)
{
	char path[128];

	snprintf(base, size, "/dev/shm/rumpkit-%08x%08x", id, getpid());
	assert_int_equal(mkdir(base, 0700), 0);
	snprintf(path, sizeof(path), "%s/00000001", base);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/00000001/s", base);
	assert_int_equal(mknod(path, S_IFSOCK | 0666, 0), 0);
	snprintf(path, sizeof(path), "%s/00000001.name", base);
	assert_int_equal(symlink("name", path), 0);
}

static void
remove_stale_base(const char *base)
{
	static const char *const names[] = { "00000001/s", "00000001",
		"00000001.name", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, names[i]);
		assert_int_equal(remove(path), 0);
	}
}

/* Before all others: it is looked for when the first socket is bound. */
static void
what_a_killed_kernel_has_left_is_removed_by_the_next(void **state)
{
	char stale[64], live[64], file[128];
	struct sockaddr_un sun;
	int fd, s;

	if (access("/dev/shm", W_OK) != 0)
		skip();
	leave_base(stale, sizeof(stale), 1);
	leave_base(live, sizeof(live), 2);
	snprintf(file, sizeof(file), "%s.text", stale);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	fd = open(live, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	s = bind_node("s", SOCK_STREAM, &sun);
	assert_false(is_there(stale));
	assert_true(is_there(live) && is_there(file));
	close(s);
	close(fd);
	remove_stale_base(live);
	unlink(file);
}

static void
a_socket_of_the_host_is_reached_by_a_node(void **state)
{
	struct rump_stat st;
	struct sockaddr_un sun;
	int s = bind_node("s", SOCK_STREAM, &sun);

	OK(rump_sys_stat("s", &st));
	assert_int_equal(st.st_mode & RUMP_S_IFMT, S_IFSOCK);
	assert_int_equal(reach("s"), ECONNREFUSED);
	assert_int_equal(listen(s, 4), 0);
	assert_int_equal(reach("s"), 0);
	OK(rump_sys_link("s", "hard"));
	OK(rump_sys_rename("s", "moved"));
	assert_int_equal(reach("moved"), 0);
	OK(rump_sys_unlink("moved"));
	assert_int_equal(reach("hard"), 0);
	close(s);
	assert_int_equal(reach("hard"), ECONNREFUSED);
	OK(rump_sys_unlink("hard"));
	FAILS(ENOENT, rump_sys_open("hard", REACH));
}

static void
what_the_program_calls_it_is_told_without_the_kernel(void **state)
{
	char link[128], name[64] = "";
	struct sockaddr_un sun;
	int s = bind_node("who", SOCK_DGRAM, &sun);

	name_of(&sun, link);
	assert_int_equal(readlink(link, name, sizeof(name)), 3);
	assert_string_equal(name, "who");
	/* A server unlinks the name and goes on. */
	OK(rump_sys_unlink("who"));
	assert_true(is_there(link));
	close(s);
}

static void
a_node_without_a_socket_is_not_reached(void **state)
{
	int fd;

	OK(rump_sys_mknod("bare", S_IFSOCK | 0700, 0));
	FAILS(ENXIO, rump_sys_open("bare", REACH));
	FAILS(EOPNOTSUPP, rump_sys_open("bare", RUMP_O_RDONLY));
	FAILS(EEXIST, rump_sys_open("bare", MAKE, S_IFSOCK | 0700));
	FAILS(ENOENT, rump_sys_open("no/such", MAKE, S_IFSOCK | 0700));
	/* Made, and never bound. */
	fd = rump_sys_open("unbound", MAKE, S_IFSOCK | 0700);
	OK(fd);
	FAILS(ENXIO, rump_sys_open("unbound", REACH));
	OK(rump_sys_close(fd));
	FAILS(ENXIO, rump_sys_open("unbound", REACH));
	/* Without the flags it is a file like any other. */
	OK(rump_sys_open(
	    "file", RUMP_O_RDWR | RUMP_O_CREAT | RUMP_O_EXCL, 0600));
	OK(rump_sys_open("alt", MAKE, 0600));
}

static void
the_two_kinds_of_descriptor_do_only_what_they_are_for(void **state)
{
	char text[110], name[110];
	struct sockaddr_un sun;
	int hostfd, s, fd;

	resume_faults();
	memset(name, 'x', sizeof(name));
	fd = rump_sys_open("long", MAKE, S_IFSOCK | 0700);
	OK(fd);
	FAILS(ENAMETOOLONG, rump_sys_write(fd, name, 109));
	OK(rump_sys_write(fd, name, 108));
	FAILS(EEXIST, rump_sys_write(fd, name, 3));
	FAILS(EFAULT, rump_sys_read(fd, (void *)8, 10));
	assert_int_equal(rump_sys_read(fd, text, 5), 5);
	assert_int_not_equal(rump_hostfd(fd, &hostfd), 0);
	OK(rump_sys_close(fd));

	s = bind_node("s", SOCK_STREAM, &sun);
	fd = rump_sys_open("s", REACH);
	OK(fd);
	FAILS(EOPNOTSUPP, rump_sys_write(fd, name, 3));
	FAILS(EBADF, rump_sys_read(fd, text, 3));
	OK(rump_sys_close(fd));
	close(s);
}

static void
the_nodes_mode_decides_who_connects(void **state)
{
	mode_t old = rump_sys_umask(0);
	struct sockaddr_un sun;
	int s = bind_node("s", SOCK_STREAM, &sun);

	assert_int_equal(listen(s, 4), 0);
	OK(rump_sys_chmod("s", 0644));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_open("s", REACH));
	/* Who may only read does not get to it in another way. */
	FAILS(ENXIO, rump_sys_open("s", RUMP_O_RDONLY | RUMP_O_ALT_IO));
	become(0, 0);
	OK(rump_sys_chmod("s", 0602));
	become(1000, 1000);
	assert_int_equal(reach("s"), 0);
	become(0, 0);
	(void)rump_sys_umask(old);
	close(s);
}

static void
a_place_of_the_host_is_its_users_alone(void **state)
{
	struct sockaddr_un sun;
	struct stat st;
	int s = bind_node("s", SOCK_STREAM, &sun);

	assert_int_equal(stat(sun.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	*strrchr(sun.sun_path, '/') = '\0';
	assert_int_equal(stat(sun.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(last_base, &st), 0);
	assert_int_equal(st.st_mode & 0066, 0);
	close(s);
}

static void
a_node_that_comes_after_another_is_a_socket_of_its_own(void **state)
{
	struct sockaddr_un first, second;
	char one[128], two[128];
	int a, b;

	a = bind_node("s", SOCK_STREAM, &first);
	assert_int_equal(listen(a, 4), 0);
	OK(rump_sys_unlink("s"));
	b = bind_node("s", SOCK_STREAM, &second);
	assert_string_not_equal(first.sun_path, second.sun_path);
	assert_int_equal(reach("s"), ECONNREFUSED);
	name_of(&first, one);
	name_of(&second, two);
	assert_true(is_there(one) && is_there(two));
	close(a);
	close(b);
}

static void
what_is_left_of_removed_nodes_does_not_grow(void **state)
{
	struct sockaddr_un held, sun, earliest = { 0 };
	char link[128];
	int kept, s;

	kept = bind_node("kept", SOCK_STREAM, &held);
	assert_int_equal(listen(kept, 1), 0);
	OK(rump_sys_unlink("kept"));
	for (int i = 0; i < 2 * GONE_MAX; i++) {
		s = bind_node("new", SOCK_STREAM, &sun);
		close(s);
		OK(rump_sys_rename("new", "old"));
		if (i == 0)
			earliest = sun;
	}
	OK(rump_sys_unlink("old"));
	name_of(&earliest, link);
	assert_false(is_there(link));
	assert_false(is_there(earliest.sun_path));
	/* One that is in use stays. */
	name_of(&held, link);
	assert_true(is_there(link));
	close(kept);
}

static void
nothing_stays_on_the_host_when_the_kernel_ends(void **state)
{
	struct sockaddr_un sun;
	int s = bind_node("s", SOCK_STREAM, &sun);

	assert_true(is_there(last_base));
	rump_exit_prepare();
	assert_false(is_there(last_base));
	close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_a_killed_kernel_has_left_is_removed_by_the_next,
		    fresh_directory),
		cmocka_unit_test_setup(
		    a_socket_of_the_host_is_reached_by_a_node, fresh_directory),
		cmocka_unit_test_setup(
		    what_the_program_calls_it_is_told_without_the_kernel,
		    fresh_directory),
		cmocka_unit_test_setup(
		    a_node_without_a_socket_is_not_reached, fresh_directory),
		cmocka_unit_test_setup(
		    the_two_kinds_of_descriptor_do_only_what_they_are_for,
		    fresh_directory),
		cmocka_unit_test_setup(
		    the_nodes_mode_decides_who_connects, fresh_directory),
		cmocka_unit_test_setup(
		    a_place_of_the_host_is_its_users_alone, fresh_directory),
		cmocka_unit_test_setup(
		    a_node_that_comes_after_another_is_a_socket_of_its_own,
		    fresh_directory),
		cmocka_unit_test_setup(
		    what_is_left_of_removed_nodes_does_not_grow,
		    fresh_directory),
		cmocka_unit_test_setup(
		    nothing_stays_on_the_host_when_the_kernel_ends,
		    fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
