/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the host by key, as an application has them.  Each test has a
 * directory of the host of its own, with files of a known content.
 */
#include "tests/unit/vfs/vfs_test.h"
#include "tests/lib/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define IMAGE (8 * SECTOR)

static char base[SCRATCH_SIZE];
static struct rump_boot_etfs early, early_wrong;

static const char *
host(const char *name)
{
	static char path[2][256];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", base, name);
	return path[n];
}

static void
host_file(const char *name, const void *data, size_t len)
{
	int fd = open(host(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static size_t
host_content(const char *name, char *buf, size_t size)
{
	int fd = open(host(name), O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size);
	close(fd);
	assert_true(n >= 0);
	return (size_t)n;
}

static void
assert_host(const char *name, const char *text)
{
	char buf[256];
	size_t n = host_content(name, buf, sizeof(buf) - 1);

	buf[n] = '\0';
	assert_string_equal(buf, text);
}

static uint8_t
image_byte(size_t i)
{
	return (uint8_t)(i * 7 + i / 256);
}

static void
make_image(const char *name)
{
	uint8_t data[IMAGE];

	for (size_t i = 0; i < IMAGE; i++)
		data[i] = image_byte(i);
	host_file(name, data, sizeof(data));
}

static void
assert_image(const uint8_t *data, size_t from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != image_byte(from + i))
			fail_msg("byte %zu", from + i);
}

#define REGISTERS(error, ...)                                                  \
	assert_int_equal(rump_pub_etfs_register(__VA_ARGS__), error)
#define REMOVES(error, key) assert_int_equal(rump_pub_etfs_remove(key), error)

static int
set_up(void **state)
{
	if (!scratch_make(base))
		return -1;
	host_file("early", "bird", 4);
	early = (struct rump_boot_etfs){ .eb_key = "/early",
		.eb_hostpath = strdup(host("early")),
		.eb_type = RUMP_ETFS_REG,
		.eb_size = RUMP_ETFS_SIZE_ENDOFF };
	early_wrong = early;
	early_wrong.eb_begin = 5;
	early_wrong.eb_key = "/other";
	rump_boot_etfs_register(&early);
	rump_boot_etfs_register(&early_wrong);
	assert_int_equal(early.eb_status, -1);
	return boot_kernel(state);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int
tear_down(void **state)
{
	free((char *)early.eb_hostpath);
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
what_is_registered_before_boot_is_there_after_it(void **state)
{
	assert_int_equal(early.eb_status, 0);
	assert_int_equal(early_wrong.eb_status, RUMP_EINVAL);
	assert_file("/early", "bird");
	REGISTERS(RUMP_EEXIST, "/early", host("early"), RUMP_ETFS_REG);
}

static void
a_file_is_read_and_written_through_its_key(void **state)
{
	struct rump_stat st;
	char buf[16];
	int fd;

	host_file("file", "0123456789", 10);
	REGISTERS(0, "/file", host("file"), RUMP_ETFS_REG);
	assert_file("/file", "0123456789");
	OK(rump_sys_stat("/file", &st));
	assert_int_equal(st.st_mode, 0100755);
	assert_int_equal(st.st_size, 10);
	fd = rump_sys_open("/file", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_pwrite(fd, "AB", 2, 3), 2);
	assert_host("file", "012AB56789");
	assert_int_equal(rump_sys_pwrite(fd, "end", 3, 10), 3);
	assert_host("file", "012AB56789end");
	OK(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 13);
	assert_int_equal(rump_sys_pread(fd, buf, sizeof(buf), 9), 4);
	assert_memory_equal(buf, "9end", 4);
	assert_int_equal(rump_sys_pread(fd, buf, sizeof(buf), 13), 0);
	OK(rump_sys_fsync(fd));
	OK(rump_sys_ftruncate(fd, 13));
	FAILS(EOPNOTSUPP, rump_sys_ftruncate(fd, 4));
	OK(rump_sys_close(fd));
	REMOVES(0, "/file");
}

static void
appending_goes_to_the_end(void **state)
{
	int fd;

	host_file("log", "one\n", 4);
	REGISTERS(0, "/log", host("log"), RUMP_ETFS_REG);
	fd = rump_sys_open("/log", RUMP_O_WRONLY | RUMP_O_APPEND);
	OK(fd);
	assert_int_equal(rump_sys_write(fd, "two\n", 4), 4);
	assert_int_equal(rump_sys_write(fd, "three\n", 6), 6);
	OK(rump_sys_close(fd));
	assert_host("log", "one\ntwo\nthree\n");
	REMOVES(0, "/log");
}

static void
a_large_file_comes_whole(void **state)
{
	enum { LEN = 300000 };
	uint8_t *data = malloc(LEN), *back = malloc(LEN + 1);
	int fd;

	for (size_t i = 0; i < LEN; i++)
		data[i] = image_byte(i);
	host_file("large", "", 0);
	REGISTERS(0, "/large", host("large"), RUMP_ETFS_REG);
	fd = rump_sys_open("/large", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_write(fd, data, LEN), LEN);
	OK(rump_sys_lseek(fd, 0, 0));
	assert_int_equal(rump_sys_read(fd, back, LEN + 1), LEN);
	assert_image(back, 0, LEN);
	OK(rump_sys_close(fd));
	REMOVES(0, "/large");
	free(data);
	free(back);
}

static void
a_part_of_a_file_has_borders(void **state)
{
	char buf[16];
	int fd;

	host_file("parts", "aaaabbbbcccc", 12);
	assert_int_equal(rump_pub_etfs_register_withsize(
			     "/part", host("parts"), RUMP_ETFS_REG, 4, 4),
	    0);
	assert_file("/part", "bbbb");
	fd = rump_sys_open("/part", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_pwrite(fd, "12345", 5, 2), 2);
	FAILS(ENOSPC, rump_sys_pwrite(fd, "x", 1, 4));
	assert_int_equal(rump_sys_pread(fd, buf, sizeof(buf), 4), 0);
	assert_host("parts", "aaaabb12cccc");
	OK(rump_sys_close(fd));
	REMOVES(0, "/part");
}

static void
beginnings_and_sizes_beyond_the_end_are_refused(void **state)
{
	const struct {
		uint64_t begin, size;
		int error;
	} cases[] = {
		{ 13, RUMP_ETFS_SIZE_ENDOFF, RUMP_EINVAL },
		{ 12, RUMP_ETFS_SIZE_ENDOFF, 0 },
		{ 0, 13, RUMP_EINVAL },
		{ 8, 5, RUMP_EINVAL },
		{ 8, UINT64_MAX - 4, RUMP_EINVAL },
		{ UINT64_MAX, 1, RUMP_EINVAL },
		{ 8, 4, 0 },
	};

	host_file("bounds", "aaaabbbbcccc", 12);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    rump_pub_etfs_register_withsize("/bounds", host("bounds"),
			RUMP_ETFS_REG, cases[i].begin, cases[i].size),
		    cases[i].error);
		REMOVES(cases[i].error == 0 ? 0 : RUMP_ENOENT, "/bounds");
	}
}

static void
keys_are_absolute_and_unique(void **state)
{
	host_file("k", "k", 1);
	REGISTERS(RUMP_EINVAL, "k", host("k"), RUMP_ETFS_REG);
	REGISTERS(RUMP_EINVAL, "", host("k"), RUMP_ETFS_REG);
	REGISTERS(RUMP_EINVAL, "///", host("k"), RUMP_ETFS_REG);
	REGISTERS(RUMP_EINVAL, "/k", host("k"), (enum rump_etfs_type)5);
	REGISTERS(RUMP_ENOENT, "/k", host("none"), RUMP_ETFS_REG);
	REGISTERS(RUMP_EISDIR, "/k", base, RUMP_ETFS_REG);
	REGISTERS(RUMP_EINVAL, "/k", base, RUMP_ETFS_BLK);
	REGISTERS(RUMP_ENOTDIR, "/k", host("k"), RUMP_ETFS_DIR);
	REGISTERS(0, "//k", host("k"), RUMP_ETFS_REG);
	REGISTERS(RUMP_EEXIST, "/k", host("k"), RUMP_ETFS_REG);
	assert_file("///k", "k");
	REMOVES(RUMP_ENOENT, "/kk");
	REMOVES(0, "/////k");
	REMOVES(RUMP_ENOENT, "/k");
}

static void
a_key_of_several_components_needs_no_directories(void **state)
{
	struct rump_stat st;

	host_file("deep", "deep", 4);
	REGISTERS(0, "/no/such/dirs", host("deep"), RUMP_ETFS_REG);
	assert_file("/no/such/dirs", "deep");
	FAILS(ENOENT, rump_sys_stat("/no/such", &st));
	FAILS(ENOENT, rump_sys_stat("/no//such/dirs", &st));
	FAILS(ENOENT, rump_sys_stat("/no/such/dirs2", &st));
	FAILS(ENOTDIR, rump_sys_stat("/no/such/dirs/", &st));
	FAILS(ENOENT, rump_sys_stat("/no/such/dirs/x", &st));
	OK(rump_sys_chdir("/"));
	OK(rump_sys_stat("no/such/dirs", &st));
	OK(rump_sys_mkdir("/sub", 0755));
	OK(rump_sys_chdir("/sub"));
	FAILS(ENOENT, rump_sys_stat("no/such/dirs", &st));
	OK(rump_sys_stat("../no/such/dirs", &st));
	REMOVES(0, "/no/such/dirs");
}

static void
keys_cannot_be_removed_or_renamed_or_listed(void **state)
{
	char buf[4096];
	int fd, n;

	host_file("stays", "stays", 5);
	REGISTERS(0, "/stays", host("stays"), RUMP_ETFS_REG);
	FAILS(EBUSY, rump_sys_unlink("/stays"));
	FAILS(EBUSY, rump_sys_rename("/stays", "/gone"));
	make_file("/own", "own");
	FAILS(EBUSY, rump_sys_rename("/own", "/stays"));
	FAILS(EXDEV, rump_sys_link("/stays", "/link"));
	FAILS(EEXIST, rump_sys_mkdir("/stays", 0755));
	FAILS(EEXIST, rump_sys_open("/stays",
			  RUMP_O_CREAT | RUMP_O_EXCL | RUMP_O_RDWR, 0644));
	FAILS(EOPNOTSUPP, rump_sys_chmod("/stays", 0600));
	OK(rump_sys_unlink("/own"));
	fd = rump_sys_open("/", RUMP_O_RDONLY);
	n = rump_sys_getdents(fd, buf, sizeof(buf));
	assert_true(n > 0);
	assert_null(memmem(buf, (size_t)n, "stays", 5));
	OK(rump_sys_close(fd));
	REMOVES(0, "/stays");
}

static void
a_key_comes_before_what_is_in_the_root(void **state)
{
	host_file("shadow", "host", 4);
	make_file("/shadow", "rump");
	REGISTERS(0, "/shadow", host("shadow"), RUMP_ETFS_REG);
	assert_file("/shadow", "host");
	REMOVES(0, "/shadow");
	assert_file("/shadow", "rump");
	OK(rump_sys_unlink("/shadow"));
}

static void
an_open_file_of_a_removed_key_answers_eio(void **state)
{
	struct rump_stat st;
	char c;
	int fd;

	host_file("gone", "gone", 4);
	REGISTERS(0, "/gone", host("gone"), RUMP_ETFS_REG);
	fd = rump_sys_open("/gone", RUMP_O_RDONLY);
	REMOVES(0, "/gone");
	FAILS(EIO, rump_sys_read(fd, &c, 1));
	FAILS(EIO, rump_sys_fstat(fd, &st));
	FAILS(ENOENT, rump_sys_stat("/gone", &st));
	REGISTERS(0, "/gone", host("gone"), RUMP_ETFS_REG);
	assert_file("/gone", "gone");
	FAILS(EIO, rump_sys_read(fd, &c, 1));
	OK(rump_sys_close(fd));
	REMOVES(0, "/gone");
}

static unsigned
host_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
host_files_are_closed_with_the_last_use(void **state)
{
	unsigned before;

	host_file("closed", "closed", 6);
	before = host_descriptors();
	REGISTERS(0, "/closed", host("closed"), RUMP_ETFS_REG);
	REGISTERS(0, "/disk", host("closed"), RUMP_ETFS_BLK);
	assert_file("/closed", "closed");
	assert_file("/disk", "");
	assert_int_equal(host_descriptors(), before + 1);
	REMOVES(0, "/closed");
	REMOVES(0, "/disk");
	assert_int_equal(host_descriptors(), before);
}

static void
make_tree(void)
{
	mkdir(host("tree"), 0755);
	mkdir(host("tree/sub"), 0755);
	host_file("tree/a", "a", 1);
	host_file("tree/sub/b", "b", 1);
	mkfifo(host("tree/fifo"), 0600);
}

static void
a_directory_shows_its_files(void **state)
{
	struct rump_stat st;

	make_tree();
	REGISTERS(0, "/d/", host("tree"), RUMP_ETFS_DIR);
	assert_file("/d/a", "a");
	assert_file("/d//./a", "a");
	OK(rump_sys_stat("/d", &st));
	assert_int_equal(st.st_mode, 040755);
	FAILS(ENOENT, rump_sys_stat("/d/none", &st));
	FAILS(ENOENT, rump_sys_stat("/d/fifo", &st));
	FAILS(ENOENT, rump_sys_stat("/da", &st));
	FAILS(EOPNOTSUPP, rump_sys_stat("/d/..", &st));
	OK(rump_sys_stat("/d/sub", &st));
	FAILS(ENOENT, rump_sys_stat("/d/sub/b", &st));
	FAILS(EOPNOTSUPP, rump_sys_mkdir("/d/new", 0755));
	FAILS(EOPNOTSUPP,
	    rump_sys_open("/d/new", RUMP_O_CREAT | RUMP_O_RDWR, 0644));
	FAILS(EOPNOTSUPP, rump_sys_unlink("/d/a"));
	FAILS(EBUSY, rump_sys_rmdir("/d"));
	REMOVES(0, "/d");
	FAILS(ENOENT, rump_sys_stat("/d/a", &st));
	assert_int_equal(rump_pub_etfs_register_withsize(
			     "/d", host("tree"), RUMP_ETFS_DIR, 1, 1),
	    RUMP_EISDIR);
}

static void
a_directory_with_subdirectories_shows_them(void **state)
{
	struct rump_stat st;
	int fd;

	make_tree();
	REGISTERS(0, "/x/d", host("tree"), RUMP_ETFS_DIR_SUBDIRS);
	assert_file("/x/d/sub/b", "b");
	OK(rump_sys_chdir("/x/d/sub"));
	assert_file("b", "b");
	FAILS(EOPNOTSUPP, rump_sys_stat("../a", &st));
	OK(rump_sys_chdir("/"));
	fd = rump_sys_open("/x/d/sub/b", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_write(fd, "longer", 6), 6);
	OK(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 6);
	OK(rump_sys_close(fd));
	assert_host("tree/sub/b", "longer");
	REMOVES(0, "/x/d");
}

static void
a_file_that_becomes_a_directory_is_seen_as_one(void **state)
{
	struct rump_stat st;

	make_tree();
	REGISTERS(0, "/d", host("tree"), RUMP_ETFS_DIR_SUBDIRS);
	OK(rump_sys_stat("/d/a", &st));
	assert_int_equal(st.st_mode & 0170000, 0100000);
	unlink(host("tree/a"));
	mkdir(host("tree/a"), 0755);
	OK(rump_sys_stat("/d/a", &st));
	assert_int_equal(st.st_mode & 0170000, 040000);
	rmdir(host("tree/a"));
	FAILS(ENOENT, rump_sys_stat("/d/a", &st));
	REMOVES(0, "/d");
}

static void
a_directory_lists_itself_and_no_more(void **state)
{
	char buf[512];
	int fd, n;

	make_tree();
	REGISTERS(0, "/d", host("tree"), RUMP_ETFS_DIR);
	fd = rump_sys_open("/d", RUMP_O_RDONLY);
	OK(fd);
	n = rump_sys_getdents(fd, buf, sizeof(buf));
	assert_int_equal(n, 32);
	assert_int_equal(rump_sys_getdents(fd, buf, sizeof(buf)), 0);
	OK(rump_sys_lseek(fd, 0, 0));
	FAILS(EINVAL, rump_sys_getdents(fd, buf, 8));
	OK(rump_sys_close(fd));
	REMOVES(0, "/d");
}

static void
a_block_device_takes_any_bytes(void **state)
{
	uint8_t buf[IMAGE], image[IMAGE];
	struct rump_stat st;
	int fd;

	make_image("blk");
	REGISTERS(0, "/dev/blk", host("blk"), RUMP_ETFS_BLK);
	OK(rump_sys_stat("/dev/blk", &st));
	assert_int_equal(st.st_mode, 060755);
	assert_int_equal(st.st_rdev >> 8 & 0xfff, 197);
	fd = rump_sys_open("/dev/blk", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_pread(fd, buf, 1000, 300), 1000);
	assert_image(buf, 300, 1000);
	assert_int_equal(rump_sys_pread(fd, buf, 100, IMAGE - 10), 10);
	assert_image(buf, IMAGE - 10, 10);
	assert_int_equal(rump_sys_pread(fd, buf, 100, IMAGE), 0);
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(rump_sys_pwrite(fd, buf, 1000, 300), 1000);
	assert_int_equal(rump_sys_pwrite(fd, buf, 3, 2000), 3);
	assert_int_equal(rump_sys_pwrite(fd, buf, 20, IMAGE - 5), 5);
	FAILS(ENOSPC, rump_sys_pwrite(fd, buf, 1, IMAGE));
	OK(rump_sys_fsync(fd));
	OK(rump_sys_close(fd));
	assert_int_equal(host_content("blk", (char *)image, IMAGE), IMAGE);
	for (size_t i = 0; i < IMAGE; i++) {
		bool ours = (i >= 300 && i < 1300) || (i >= 2000 && i < 2003) ||
			    i >= IMAGE - 5;

		if (image[i] != (ours ? 0xee : image_byte(i)))
			fail_msg("byte %zu", i);
	}
	REMOVES(0, "/dev/blk");
}

static void
a_raw_device_takes_whole_sectors(void **state)
{
	uint8_t buf[IMAGE];
	int fd;

	make_image("raw");
	REGISTERS(0, "/rraw", host("raw"), RUMP_ETFS_CHR);
	fd = rump_sys_open("/rraw", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(
	    rump_sys_pread(fd, buf, 2 * SECTOR, SECTOR), 2 * SECTOR);
	assert_image(buf, SECTOR, 2 * SECTOR);
	FAILS(EINVAL, rump_sys_pread(fd, buf, 100, 0));
	FAILS(EINVAL, rump_sys_pread(fd, buf, SECTOR, 1));
	FAILS(EINVAL, rump_sys_pwrite(fd, buf, SECTOR + 1, 0));
	assert_int_equal(rump_sys_pwrite(fd, buf, SECTOR, 0), SECTOR);
	assert_int_equal(rump_sys_read(fd, buf, IMAGE), IMAGE);
	assert_image(buf, SECTOR, SECTOR);
	assert_int_equal(rump_sys_read(fd, buf, IMAGE), 0);
	OK(rump_sys_close(fd));
	REMOVES(0, "/rraw");
}

static void
a_part_of_an_image_is_a_device_of_whole_sectors(void **state)
{
	uint8_t buf[IMAGE];
	int fd;

	make_image("slice");
	assert_int_equal(
	    rump_pub_etfs_register_withsize("/slice", host("slice"),
		RUMP_ETFS_BLK, 2 * SECTOR, 2 * SECTOR + 100),
	    0);
	fd = rump_sys_open("/slice", RUMP_O_RDONLY);
	OK(fd);
	assert_int_equal(rump_sys_read(fd, buf, IMAGE), 2 * SECTOR);
	assert_image(buf, 2 * SECTOR, 2 * SECTOR);
	OK(rump_sys_close(fd));
	REMOVES(0, "/slice");
}

static void
there_are_sixteen_devices(void **state)
{
	char key[16];

	make_image("many");
	for (int i = 0; i < 16; i++) {
		snprintf(key, sizeof(key), "/many%d", i);
		REGISTERS(0, key, host("many"), RUMP_ETFS_BLK);
	}
	REGISTERS(RUMP_EMFILE, "/many16", host("many"), RUMP_ETFS_BLK);
	REMOVES(0, "/many3");
	REGISTERS(0, "/many16", host("many"), RUMP_ETFS_CHR);
	REMOVES(0, "/many16");
	for (int i = 0; i < 16; i++) {
		snprintf(key, sizeof(key), "/many%d", i);
		REMOVES(i == 3 ? RUMP_ENOENT : 0, key);
	}
}

static void
an_open_device_that_is_removed_answers_eio(void **state)
{
	uint8_t buf[SECTOR];
	int fd;

	make_image("pulled");
	REGISTERS(0, "/pulled", host("pulled"), RUMP_ETFS_BLK);
	OK(rump_sys_mknod("/alias", 020644, 197 << 8));
	fd = rump_sys_open("/alias", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_read(fd, buf, SECTOR), SECTOR);
	assert_image(buf, 0, SECTOR);
	REMOVES(0, "/pulled");
	FAILS(EIO, rump_sys_read(fd, buf, SECTOR));
	FAILS(EIO, rump_sys_write(fd, buf, SECTOR));
	OK(rump_sys_close(fd));
	FAILS(ENXIO, rump_sys_open("/alias", RUMP_O_RDWR));
	OK(rump_sys_unlink("/alias"));
}

static void *
write_odd_bytes(void *arg)
{
	uint8_t mark = (uint8_t)(uintptr_t)arg;
	int fd = rump_sys_open("/dev/shared", RUMP_O_RDWR);

	OK(fd);
	for (size_t i = mark; i < IMAGE; i += 4)
		assert_int_equal(rump_sys_pwrite(fd, &mark, 1, (int64_t)i), 1);
	OK(rump_sys_close(fd));
	return NULL;
}

static void
writers_of_one_sector_do_not_undo_each_other(void **state)
{
	pthread_t threads[4];
	uint8_t image[IMAGE];

	make_image("shared");
	REGISTERS(0, "/dev/shared", host("shared"), RUMP_ETFS_BLK);
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
				     write_odd_bytes, (void *)i),
		    0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	host_content("shared", (char *)image, IMAGE);
	for (size_t i = 0; i < IMAGE; i++)
		assert_int_equal(image[i], i % 4);
	REMOVES(0, "/dev/shared");
}

static void
others_than_the_superuser_may_only_read(void **state)
{
	host_file("theirs", "theirs", 6);
	REGISTERS(0, "/theirs", host("theirs"), RUMP_ETFS_REG);
	become(1000, 1000);
	assert_file("/theirs", "theirs");
	FAILS(EACCES, rump_sys_open("/theirs", RUMP_O_WRONLY));
	become(0, 0);
	REMOVES(0, "/theirs");
}

/* With RUMP_BLKSECTSHIFT=12. */
static void
sectors_are_as_large_as_is_said(void **state)
{
	uint8_t buf[8192];
	int fd;

	make_image("sectors"); /* of 4096 bytes */
	REGISTERS(0, "/sectors", host("sectors"), RUMP_ETFS_CHR);
	fd = rump_sys_open("/sectors", RUMP_O_RDONLY);
	OK(fd);
	FAILS(EINVAL, rump_sys_pread(fd, buf, 512, 0));
	FAILS(EINVAL, rump_sys_pread(fd, buf, 4096, 512));
	while (rump_sys_pread(fd, buf, 8192, 0) != 4096)
		assert_int_equal(errno, RUMP_EIO);
	assert_image(buf, 0, 4096);
	OK(rump_sys_close(fd));
	REMOVES(0, "/sectors");
}

/* With RUMP_BLKFAIL=2500, a quarter. */
static void
so_many_transfers_fail_as_is_said(void **state)
{
	unsigned failed = 0;
	char c;
	int fd;

	make_image("failing");
	REGISTERS(0, "/failing", host("failing"), RUMP_ETFS_BLK);
	fd = rump_sys_open("/failing", RUMP_O_RDONLY);
	OK(fd);
	for (int i = 0; i < 1000; i++) {
		if (rump_sys_pread(fd, &c, 1, i) == 1) {
			assert_int_equal((uint8_t)c, image_byte((size_t)i));
			continue;
		}
		assert_int_equal(errno, RUMP_EIO);
		failed++;
	}
	assert_in_range(failed, 200, 300);
	OK(rump_sys_close(fd));
	REMOVES(0, "/failing");
}

/* What the environment changes: a run of its own. */
static int
run_disturbed(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sectors_are_as_large_as_is_said),
		cmocka_unit_test(so_many_transfers_fail_as_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_is_registered_before_boot_is_there_after_it),
		cmocka_unit_test(a_file_is_read_and_written_through_its_key),
		cmocka_unit_test(appending_goes_to_the_end),
		cmocka_unit_test(a_large_file_comes_whole),
		cmocka_unit_test(a_part_of_a_file_has_borders),
		cmocka_unit_test(
		    beginnings_and_sizes_beyond_the_end_are_refused),
		cmocka_unit_test(keys_are_absolute_and_unique),
		cmocka_unit_test(
		    a_key_of_several_components_needs_no_directories),
		cmocka_unit_test(keys_cannot_be_removed_or_renamed_or_listed),
		cmocka_unit_test(a_key_comes_before_what_is_in_the_root),
		cmocka_unit_test(an_open_file_of_a_removed_key_answers_eio),
		cmocka_unit_test(host_files_are_closed_with_the_last_use),
		cmocka_unit_test(a_directory_shows_its_files),
		cmocka_unit_test(a_directory_with_subdirectories_shows_them),
		cmocka_unit_test(
		    a_file_that_becomes_a_directory_is_seen_as_one),
		cmocka_unit_test(a_directory_lists_itself_and_no_more),
		cmocka_unit_test(a_block_device_takes_any_bytes),
		cmocka_unit_test(a_raw_device_takes_whole_sectors),
		cmocka_unit_test(
		    a_part_of_an_image_is_a_device_of_whole_sectors),
		cmocka_unit_test(there_are_sixteen_devices),
		cmocka_unit_test(an_open_device_that_is_removed_answers_eio),
		cmocka_unit_test(writers_of_one_sector_do_not_undo_each_other),
		cmocka_unit_test(others_than_the_superuser_may_only_read),
	};

	if (getenv("RUMP_BLKFAIL") != NULL)
		return run_disturbed();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
