/* SPDX-License-Identifier: BSD-2-Clause */
/* Vnodes and names: caching, reclaiming, mounts by URL and their escapes. */
#include <stdlib.h>

#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "kern/lwp.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/vnode.h"

static int
setup(void **state)
{
	if (setenv("RUMP_NVNODES", "64", 1) != 0)
		return -1;
	if (boot_and_enter_kernel(state) != 0)
		return -1;
	return slowfs_mount("/s");
}

static struct mount *
slow_mount(void)
{
	struct mount *mp;

	for (size_t n = 0; (mp = mount_nth(n)) != NULL; n++) {
		mount_unref(mp);
		if (strcmp(mp->mnt_onname, "/s") == 0)
			return mp;
	}
	fail();
	return NULL;
}

static struct vnode *
get(int file)
{
	struct vnode *vp;

	assert_int_equal(vcache_get(slow_mount(), &file, sizeof(file), &vp), 0);
	return vp;
}

static void
one_key_is_one_vnode(void **state)
{
	struct vnode *a = get(1), *b = get(1), *c = get(2);

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(a->v_usecount, 2);
	vrele(a);
	vrele(b);
	vrele(c);
	/* Unreferenced, it is still the same. */
	b = get(1);
	assert_ptr_equal(a, b);
	vrele_deferred(b);
	c = get(2);
	assert_int_equal(a->v_usecount, 0);
	vrele(c);
}

static void
vnodes_beyond_the_limit_are_reclaimed_and_come_back(void **state)
{
	char name[32];

	OK(rump_sys_mkdir("/many", 0755));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "/many/%d", i);
		make_file(name, name);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "/many/%d", i);
		assert_file(name, name);
	}
}

static void
gone_vnodes_are_replaced(void **state)
{
	struct vnode *a = get(3), *b;
	struct vattr va;

	vgone(a);
	vgone(a);
	b = get(3);
	assert_ptr_not_equal(a, b);
	assert_int_equal(a->v_op->vop_getattr(a, &va, NULL), RUMP_EIO);
	assert_int_equal(b->v_op->vop_getattr(b, &va, kauth_cred_kernel()), 0);
	vrele(a);
	vrele(b);
}

static struct componentname
name(const char *text)
{
	struct componentname cn = {
		.cn_nameptr = text,
		.cn_namelen = strlen(text),
		.cn_hash = cache_hash(text, strlen(text)),
	};

	return cn;
}

static void
names_are_remembered_and_forgotten(void **state)
{
	struct vnode *dvp = get(100), *vp = get(4), *found, *up;
	struct componentname a = name("alpha"), b = name("beta");
	char text[NAMEI_MAXNAME + 1];

	assert_false(cache_lookup(dvp, &a, &found));
	cache_enter(dvp, vp, &a);
	cache_enter(dvp, NULL, &b);
	assert_true(cache_lookup(dvp, &a, &found));
	assert_ptr_equal(found, vp);
	vrele(found);
	assert_true(cache_lookup(dvp, &b, &found));
	assert_null(found);
	assert_true(cache_revlookup(vp, &up, text));
	assert_ptr_equal(up, dvp);
	assert_string_equal(text, "alpha");
	vrele(up);
	cache_purge_name(dvp, &b);
	assert_false(cache_lookup(dvp, &b, &found));
	cache_purge(vp);
	assert_false(cache_lookup(dvp, &a, &found));
	cache_enter(dvp, vp, &a);
	cache_purge_children(dvp);
	assert_false(cache_lookup(dvp, &a, &found));
	vrele(vp);
	vrele(dvp);
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
mounts_by_url_make_their_directories_and_can_be_left(void **state)
{
	char text[200] = "x", path[1024];
	unsigned followed;

	assert_int_equal(
	    rump_mount_url("/u/v/w/", "slow:1", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(raw_stat("/u/v/w/5"), 0);
	assert_int_equal(raw_stat("/u/v/w/../.."), 0);
	rump_namei_escape_set(true);
	assert_int_equal(raw_stat("/u/v/w/../x//y/"), RUMP_ENAMESPACE);
	assert_true(rump_namei_escaped(path, sizeof(path), &followed) > 0);
	assert_string_equal(path, "/u/v/w/../x//y/");
	assert_int_equal(followed, 0);
	rump_namei_escape_set(false);
	/* On another mount nothing is made. */
	assert_int_equal(
	    rump_mount_url("/u/v/w/no/no", "slow:1", text, sizeof(text)),
	    RUMP_ENOENT);
	assert_non_null(strstr(text, "/u/v/w/no/no"));
	assert_int_equal(
	    rump_mount_url("/dev/null/x", "slow:1", text, sizeof(text)),
	    RUMP_ENOTDIR);
	assert_int_equal(
	    rump_mount_url("/u/v/w/5", "slow:1", text, sizeof(text)),
	    RUMP_ENOTDIR);
	OK(rump_sys_unmount("/u/v/w", 0));
}

static _Atomic bool stop;

static void *
walker(void *arg)
{
	char path[32];
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!stop) {
		struct rump_stat st;

		snprintf(path, sizeof(path), "/r/%d/%d", rand_r(&seed) % 4,
		    rand_r(&seed) % 8);
		if (rump_sys_stat(path, &st) != 0)
			assert_int_equal(errno, RUMP_ENOENT);
	}
	return NULL;
}

/* Two threads make, rename and remove while two others look. */
static void *
changer(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char a[32], b[32];

	for (int i = 0; i < 3000; i++) {
		int fd;

		snprintf(a, sizeof(a), "/r/%d/%d", rand_r(&seed) % 4,
		    rand_r(&seed) % 8);
		snprintf(b, sizeof(b), "/r/%d/%d", rand_r(&seed) % 4,
		    rand_r(&seed) % 8);
		fd = rump_sys_open(a, RUMP_O_CREAT | RUMP_O_RDWR, 0600);
		if (fd >= 0) {
			assert_int_equal(rump_sys_write(fd, a, 4), 4);
			OK(rump_sys_close(fd));
		}
		(void)rump_sys___posix_rename(a, b);
		(void)rump_sys_unlink(a);
	}
	return NULL;
}

static void
changes_and_lookups_go_together(void **state)
{
	pthread_t t[4];
	char path[16];

	OK(rump_sys_mkdir("/r", 0755));
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/r/%d", i);
		OK(rump_sys_mkdir(path, 0755));
	}
	stop = false;
	for (uintptr_t i = 0; i < 2; i++) {
		pthread_create(&t[i], NULL, walker, (void *)(i + 1));
		pthread_create(&t[i + 2], NULL, changer, (void *)(i + 3));
	}
	pthread_join(t[2], NULL);
	pthread_join(t[3], NULL);
	stop = true;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/r/%d", i);
		assert_int_equal(stat_of(path).st_nlink, 2);
	}
}

static void *
writer(void *arg)
{
	int fd = rump_sys_open("/log", RUMP_O_WRONLY | RUMP_O_APPEND);
	char line[16];

	OK(fd);
	for (int i = 0; i < 2000; i++) {
		memset(line, *(char *)arg, sizeof(line));
		assert_int_equal(rump_sys_write(fd, line, 16), 16);
	}
	OK(rump_sys_close(fd));
	return NULL;
}

static void
two_threads_append_to_one_file_whole_records(void **state)
{
	static char buf[64000];
	pthread_t t[2];
	int fd;

	make_file("/log", "");
	pthread_create(&t[0], NULL, writer, "a");
	pthread_create(&t[1], NULL, writer, "b");
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	fd = rump_sys_open("/log", RUMP_O_RDONLY);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], buf[i - i % 16]);
	OK(rump_sys_close(fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_is_one_vnode),
		cmocka_unit_test(
		    vnodes_beyond_the_limit_are_reclaimed_and_come_back),
		cmocka_unit_test(gone_vnodes_are_replaced),
		cmocka_unit_test(names_are_remembered_and_forgotten),
		cmocka_unit_test(
		    mounts_by_url_make_their_directories_and_can_be_left),
		cmocka_unit_test(changes_and_lookups_go_together),
		cmocka_unit_test(two_threads_append_to_one_file_whole_records),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
