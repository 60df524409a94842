/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths and what they lead to, through stat and lstat. */
#include "tests/unit/vfs/vfs_test.h"

#define LONGEST 4096 /* path, with its NUL */

/*
 * /n/dir/sub/file, /n/file, and links: to-file, to-dir (relative), up
 * (../n/file), loop1 <-> loop2, self, dangling, abs (/n/file), chain0..40.
 */
static int
setup(void **state)
{
	char name[32], target[32];

	if (boot_kernel(state) != 0)
		return -1;
	OK(rump_sys_mkdir("/n", 0755));
	OK(rump_sys_mkdir("/n/dir", 0755));
	OK(rump_sys_mkdir("/n/dir/sub", 0755));
	make_file("/n/file", "1");
	make_file("/n/dir/sub/file", "22");
	OK(rump_sys_symlink("file", "/n/to-file"));
	OK(rump_sys_symlink("dir", "/n/to-dir"));
	OK(rump_sys_symlink("../n/file", "/n/up"));
	OK(rump_sys_symlink("loop2", "/n/loop1"));
	OK(rump_sys_symlink("loop1", "/n/loop2"));
	OK(rump_sys_symlink("self/x", "/n/self"));
	OK(rump_sys_symlink("nothing", "/n/dangling"));
	OK(rump_sys_symlink("/n/file", "/n/abs"));
	OK(rump_sys_symlink("file", "/n/chain0"));
	for (int i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "/n/chain%d", i);
		snprintf(target, sizeof(target), "chain%d", i - 1);
		OK(rump_sys_symlink(target, name));
	}
	OK(rump_sys_mkdir("/n/mnt", 0755));
	OK(rump_sys_mount("rumpfs", "/n/mnt", 0, NULL, 0));
	make_file("/n/mnt/inside", "333");
	OK(rump_sys_symlink("../file", "/n/mnt/out"));
	return 0;
}

#define DIR_SIZE (-2) /* a directory */
#define LNK_SIZE (-3)

static const struct {
	const char *path;
	int stat_result, lstat_result; /* errno, or 0 */
	int64_t size;                  /* by stat */
} cases[] = {
	{ "/", 0, 0, DIR_SIZE },
	{ "//", 0, 0, DIR_SIZE },
	{ "/.", 0, 0, DIR_SIZE },
	{ "/..", 0, 0, DIR_SIZE },
	{ "/../../n/file", 0, 0, 1 },
	{ "", RUMP_ENOENT, RUMP_ENOENT, 0 },
	{ "/n/file", 0, 0, 1 },
	{ "//n///file", 0, 0, 1 },
	{ "/n/./file", 0, 0, 1 },
	{ "/n/dir/../file", 0, 0, 1 },
	{ "/n/dir/sub/../../file", 0, 0, 1 },
	{ "/n/file/", RUMP_ENOTDIR, RUMP_ENOTDIR, 0 },
	{ "/n/file/.", RUMP_ENOTDIR, RUMP_ENOTDIR, 0 },
	{ "/n/file/..", RUMP_ENOTDIR, RUMP_ENOTDIR, 0 },
	{ "/n/file/x", RUMP_ENOTDIR, RUMP_ENOTDIR, 0 },
	{ "/n/nothing", RUMP_ENOENT, RUMP_ENOENT, 0 },
	{ "/n/nothing/x", RUMP_ENOENT, RUMP_ENOENT, 0 },
	{ "/n/dir/", 0, 0, DIR_SIZE },
	{ "/n/dir/sub/file", 0, 0, 2 },
	{ "/n/to-file", 0, 0, 1 },
	{ "/n/to-file/", RUMP_ENOTDIR, RUMP_ENOTDIR, 0 },
	{ "/n/to-dir/", 0, 0, DIR_SIZE },
	{ "/n/to-dir/sub/file", 0, 0, 2 },
	{ "/n/to-dir/../file", 0, 0, 1 },
	{ "/n/up", 0, 0, 1 },
	{ "/n/abs", 0, 0, 1 },
	{ "/n/dangling", RUMP_ENOENT, 0, 0 },
	{ "/n/dangling/", RUMP_ENOENT, RUMP_ENOENT, 0 },
	{ "/n/loop1", RUMP_ELOOP, 0, 0 },
	{ "/n/loop1/x", RUMP_ELOOP, RUMP_ELOOP, 0 },
	{ "/n/self", RUMP_ELOOP, 0, 0 },
	{ "/n/chain39", 0, 0, 1 },
	{ "/n/chain40", RUMP_ELOOP, 0, 0 },
	{ "/n/mnt", 0, 0, DIR_SIZE },
	{ "/n/mnt/inside", 0, 0, 3 },
	{ "/n/mnt/../file", 0, 0, 1 },
	{ "/n/mnt/./../mnt/inside", 0, 0, 3 },
	{ "/n/mnt/out", 0, 0, 1 },
};

static void
paths_lead_where_they_should(void **state)
{
	struct rump_stat st;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int error = rump_sys_stat(cases[i].path, &st) == 0 ? 0 : errno;

		if (error != cases[i].stat_result)
			fail_msg("stat(\"%s\"): %d, not %d", cases[i].path,
			    error, cases[i].stat_result);
		if (error == 0 && cases[i].size >= 0)
			assert_int_equal(st.st_size, cases[i].size);
		if (error == 0 && cases[i].size == DIR_SIZE)
			assert_int_equal(
			    st.st_mode & RUMP_S_IFMT, RUMP_S_IFDIR);
		error = rump_sys_lstat(cases[i].path, &st) == 0 ? 0 : errno;
		if (error != cases[i].lstat_result)
			fail_msg("lstat(\"%s\"): %d, not %d", cases[i].path,
			    error, cases[i].lstat_result);
	}
}

static void
names_and_paths_have_their_limits(void **state)
{
	static char path[LONGEST + 16];
	struct rump_stat st;

	memset(path, 'x', 255);
	path[255] = '\0';
	FAILS(ENOENT, rump_sys_stat(path, &st));
	memset(path, 'x', 256);
	path[256] = '\0';
	FAILS(ENAMETOOLONG, rump_sys_stat(path, &st));
	for (size_t i = 0; i < LONGEST; i += 2)
		memcpy(path + i, "./", 2);
	path[LONGEST - 1] = '\0';
	OK(rump_sys_stat(path, &st));
	path[LONGEST - 1] = '/';
	path[LONGEST] = '\0';
	FAILS(ENAMETOOLONG, rump_sys_stat(path, &st));
	/* A target and what is behind the link may be longer than a path. */
	strcpy(path, "/n/to-dir/");
	for (size_t i = 10; i < LONGEST - 2; i += 2)
		memcpy(path + i, "./", 2);
	path[LONGEST - 2] = '\0';
	OK(rump_sys_stat(path, &st));
	OK(rump_sys_symlink("./././././././././././dir", "/n/long"));
	memcpy(path, "/n/long//", 9);
	OK(rump_sys_stat(path, &st));
	memcpy(path + LONGEST - 6, "/new", 5);
	OK(rump_sys_mkdir(path, 0755));
	OK(rump_sys_rmdir("/n/dir/new"));
	resume_faults();
	FAILS(EFAULT, rump_sys_stat(NULL, &st));
}

static void
a_link_to_a_long_path_through_itself_is_a_loop(void **state)
{
	static char target[LONGEST];
	struct rump_stat st;

	strcpy(target, "grows");
	for (size_t i = 5; i + 200 < LONGEST; i += 200) {
		memset(target + i, 'x', 200);
		target[i] = '/';
	}
	OK(rump_sys_symlink(target, "/n/grows"));
	FAILS(ELOOP, rump_sys_stat("/n/grows", &st));
	FAILS(ELOOP, rump_sys_mkdir("/n/grows/new", 0755));
}

static void
every_directory_on_the_way_must_be_searchable(void **state)
{
	struct rump_stat st;

	OK(rump_sys_mkdir("/n/locked", 0700));
	OK(rump_sys_mkdir("/n/locked/open", 0777));
	become(1000, 1000);
	OK(rump_sys_stat("/n/locked", &st));
	FAILS(EACCES, rump_sys_stat("/n/locked/open", &st));
	FAILS(EACCES, rump_sys_stat("/n/locked/.", &st));
	FAILS(EACCES, rump_sys_stat("/n/locked/../file", &st));
	FAILS(EACCES, rump_sys_stat("/n/locked/nothing", &st));
	become(0, 0);
	OK(rump_sys_stat("/n/locked/open", &st));
}

static void
descriptors_start_relative_paths(void **state)
{
	struct rump_stat st;
	int dir = rump_sys_open("/n/dir", RUMP_O_RDONLY);
	int file = rump_sys_open("/n/file", RUMP_O_RDONLY);

	OK(dir);
	OK(file);
	OK(rump_sys_fstatat(dir, "sub/file", &st, 0));
	assert_int_equal(st.st_size, 2);
	OK(rump_sys_fstatat(dir, "..", &st, 0));
	OK(rump_sys_fstatat(99, "/n/file", &st, 0));
	FAILS(EBADF, rump_sys_fstatat(99, "file", &st, 0));
	FAILS(ENOTDIR, rump_sys_fstatat(file, "x", &st, 0));
	FAILS(ENOENT, rump_sys_fstatat(dir, "", &st, 0));
	FAILS(EINVAL, rump_sys_fstatat(dir, "sub", &st, 0x40));
	OK(rump_sys_close(dir));
	OK(rump_sys_close(file));
}

static void
assert_escaped(const char *path, unsigned links)
{
	char buf[2048];
	unsigned followed = 77;

	assert_int_equal(rump_namei_escaped(buf, 4, &followed), 0);
	assert_int_equal(
	    rump_namei_escaped(buf, sizeof(buf), &followed), strlen(path));
	assert_string_equal(buf, path);
	assert_int_equal(followed, links);
	assert_int_equal(rump_namei_escaped(buf, sizeof(buf), &followed), 0);
}

static int
raw_stat(const char *path)
{
	struct rump_stat st;
	uint64_t args[2] = { (uintptr_t)path, (uintptr_t)&st };
	int64_t retval[2];

	return rump_syscall(439, args, sizeof(args), retval);
}

static void
absolute_links_escape_when_asked_to(void **state)
{
	assert_int_equal(raw_stat("/n/abs"), 0);
	rump_namei_escape_set(true);
	assert_int_equal(raw_stat("/n/abs"), RUMP_ENAMESPACE);
	assert_escaped("/n/file", 1);
	OK(rump_sys_symlink("/else//where/", "/n/away"));
	assert_int_equal(raw_stat("/n/away/../x/"), RUMP_ENAMESPACE);
	assert_escaped("/else//where//../x/", 1);
	OK(rump_sys_symlink("away", "/n/twice"));
	assert_int_equal(raw_stat("/n/twice"), RUMP_ENAMESPACE);
	assert_escaped("/else//where/", 2);
	/* Mounts by mount(2) are the kernel's own: ".." stays inside. */
	assert_int_equal(raw_stat("/n/mnt/.."), 0);
	rump_namei_escape_set(false);
	assert_int_equal(raw_stat("/n/abs"), 0);
}

/* A process of its own, since the change is for good. */
static void
nothing_escapes_from_a_root_directory(void **state)
{
	rump_namei_escape_set(true);
	OK(rump_sys_mkdir("/n/dir/n", 0755));
	make_file("/n/dir/n/file", "333");
	OK(rump_sys_symlink("/n/file", "/n/dir/abs"));
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	OK(rump_sys_chroot("/n/dir"));
	assert_int_equal(raw_stat("/abs"), 0);
	assert_int_equal(raw_stat("/../n/file"), 0);
	assert_int_equal(raw_stat("/dir"), RUMP_ENOENT);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(raw_stat("/n/dir/abs"), RUMP_ENAMESPACE);
	rump_namei_escape_set(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_where_they_should),
		cmocka_unit_test(names_and_paths_have_their_limits),
		cmocka_unit_test(
		    a_link_to_a_long_path_through_itself_is_a_loop),
		cmocka_unit_test(every_directory_on_the_way_must_be_searchable),
		cmocka_unit_test(descriptors_start_relative_paths),
		cmocka_unit_test(absolute_links_escape_when_asked_to),
		cmocka_unit_test(nothing_escapes_from_a_root_directory),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
