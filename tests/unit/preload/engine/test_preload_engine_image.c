/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/engine/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/scratch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char dir[SCRATCH_SIZE];
static unsigned fake_uid;
static int fail_read_at = -1, reads, no_new_privs;

/* The host, but for the caller's identity and, if asked for, one bad read. */
static long
host(long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	if (nr == SYS_getresuid || nr == SYS_getresgid) {
		*(unsigned *)a = *(unsigned *)b = *(unsigned *)c = fake_uid;
		return 0;
	}
	if (nr == SYS_prctl && a == PR_GET_NO_NEW_PRIVS)
		return no_new_privs;
	if (nr == SYS_pread64 && reads++ == fail_read_at)
		return -EIO;
	r = syscall(nr, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

static const char *
path_of(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static const char *
make_file(const char *name, const void *data, size_t len, mode_t mode)
{
	const char *path = path_of(name);
	int fd;

	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

/* A program with the given loader, NULL for none. */
static const char *
make_elf(
    const char *name, const char *interp, int class, int machine, mode_t mode)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		char interp[64];
	} f = { 0 };

	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = (unsigned char)class;
	f.eh.e_machine = (Elf64_Half)machine;
	f.eh.e_phoff = offsetof(__typeof__(f), ph);
	f.eh.e_phnum = 2;
	f.ph[0].p_type = PT_LOAD;
	f.ph[1].p_type = PT_NULL;
	if (interp != NULL) {
		strcpy(f.interp, interp);
		f.ph[1].p_type = PT_INTERP;
		f.ph[1].p_offset = offsetof(__typeof__(f), interp);
		f.ph[1].p_filesz = strlen(interp) + 1;
	}
	return make_file(name, &f, sizeof(f), mode);
}

#define GLIBC "/lib64/ld-linux-x86-64.so.2"

static enum image_verdict
check(const char *path)
{
	return image_check(host, AT_FDCWD, path, 0, NULL);
}

static void
an_ordinary_program_is_fine(void **state)
{
	assert_int_equal(
	    check(make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 0755)), IMAGE_OK);
	assert_int_equal(check("/bin/true"), IMAGE_OK);
	assert_int_equal(check("/nonexistent"), IMAGE_OK);
	assert_int_equal(check(dir), IMAGE_OK);
}

static void
programs_that_ignore_a_preload_are_recognised(void **state)
{
	assert_int_equal(
	    check(make_elf("p", NULL, ELFCLASS64, EM_X86_64, 0755)),
	    IMAGE_STATIC);
	assert_int_equal(check(make_elf("p", "/lib/ld-musl-x86_64.so.1",
			     ELFCLASS64, EM_X86_64, 0755)),
	    IMAGE_MUSL);
	assert_int_equal(
	    check(make_elf("p", GLIBC, ELFCLASS32, EM_386, 0755)), IMAGE_CLASS);
	assert_int_equal(
	    check(make_elf("p", GLIBC, ELFCLASS64, EM_AARCH64, 0755)),
	    IMAGE_CLASS);
}

static void
set_id_counts_only_when_it_changes_something(void **state)
{
	const char *path = make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 04755);

	fake_uid = getuid();
	assert_int_equal(check(path), IMAGE_OK);
	fake_uid = 4321;
	assert_int_equal(check(path), IMAGE_SETID);
	no_new_privs = 1;
	assert_int_equal(check(path), IMAGE_OK);
	no_new_privs = 0;
	path = make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 02755);
	assert_int_equal(check(path), IMAGE_SETID);
	path = make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 02644);
	assert_int_equal(check(path), IMAGE_OK);
	fake_uid = getuid();
}

static void
scripts_are_judged_by_their_interpreters(void **state)
{
	char text[256];

	make_elf("static", NULL, ELFCLASS64, EM_X86_64, 0755);
	snprintf(text, sizeof(text), "#! %s/static -x\n", dir);
	make_file("one", text, strlen(text), 0755);
	assert_int_equal(check(path_of("one")), IMAGE_STATIC);
	snprintf(text, sizeof(text), "#!%s/one\nbody\n", dir);
	make_file("two", text, strlen(text), 0755);
	assert_int_equal(check(path_of("two")), IMAGE_STATIC);
	make_file("sh", "#!/bin/sh\n", 10, 0755);
	assert_int_equal(check(path_of("sh")), IMAGE_OK);
	snprintf(text, sizeof(text), "#!%s/loop\n", dir);
	make_file("loop", text, strlen(text), 0755);
	assert_int_equal(check(path_of("loop")), IMAGE_OK);
	make_file("none", "#!   \n", 6, 0755);
	assert_int_equal(check(path_of("none")), IMAGE_OK);
}

static void
an_unreadable_library_is_noticed(void **state)
{
	const char *path = make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 0755);

	assert_int_equal(
	    image_check(host, AT_FDCWD, path, 0, "/no/library"), IMAGE_LIBRARY);
	assert_int_equal(image_check(host, AT_FDCWD, path, 0, path), IMAGE_OK);
}

static void
a_descriptor_is_judged_with_an_empty_path(void **state)
{
	int fd =
	    open(make_elf("p", NULL, ELFCLASS64, EM_X86_64, 0755), O_RDONLY);

	assert_int_equal(
	    image_check(host, fd, "", AT_EMPTY_PATH, NULL), IMAGE_STATIC);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void
an_open_file_is_judged_and_closed(void **state)
{
	int fd =
	    open(make_elf("p", NULL, ELFCLASS64, EM_X86_64, 0755), O_RDONLY);

	assert_int_equal(image_check_open(host, fd, "p", NULL), IMAGE_STATIC);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(image_check_open(host, -ENOENT, "p", NULL), IMAGE_OK);
}

/* Not among the bytes that are read at once. */
static const char *
make_far_elf(const char *interp)
{
	struct {
		Elf64_Ehdr eh;
		char gap[5000];
		Elf64_Phdr ph;
		char interp[64];
	} f = { 0 };

	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_machine = EM_X86_64;
	f.eh.e_phoff = offsetof(__typeof__(f), ph);
	f.eh.e_phnum = 1;
	strcpy(f.interp, interp);
	f.ph.p_type = PT_INTERP;
	f.ph.p_offset = offsetof(__typeof__(f), interp);
	f.ph.p_filesz = strlen(interp) + 1;
	return make_file("p", &f, sizeof(f), 0755);
}

static void
headers_may_lie_far_behind(void **state)
{
	assert_int_equal(check(make_far_elf(GLIBC)), IMAGE_OK);
	assert_int_equal(
	    check(make_far_elf("/lib/ld-musl-x86_64.so.1")), IMAGE_MUSL);
	for (int i = 0; i < 4; i++) {
		fail_read_at = i;
		reads = 0;
		assert_int_equal(
		    check(make_far_elf("/lib/ld-musl-x86_64.so.1")),
		    i < 3 ? IMAGE_OK : IMAGE_MUSL);
	}
	fail_read_at = -1;
}

static void
damaged_files_are_left_to_exec(void **state)
{
	static const char magic[] = "\177ELF";
	int i, open_before = dup(0), open_after;

	close(open_before);
	assert_int_equal(check(make_file("p", "", 0, 0755)), IMAGE_OK);
	assert_int_equal(check(make_file("p", magic, 4, 0755)), IMAGE_OK);
	for (i = 0; i < 4; i++) {
		fail_read_at = i;
		reads = 0;
		check(make_elf("p", GLIBC, ELFCLASS64, EM_X86_64, 0755));
	}
	fail_read_at = -1;
	open_after = dup(0);
	close(open_after);
	assert_int_equal(open_before, open_after);
}

static void
every_verdict_has_words(void **state)
{
	int v;

	for (v = IMAGE_OK; v <= IMAGE_IDENTITY; v++)
		assert_true(strlen(image_reason((enum image_verdict)v)) > 5);
}

static int
make_dir(void **state)
{
	fake_uid = getuid();
	return !scratch_make(dir);
}

static int
remove_dir(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_program_is_fine),
		cmocka_unit_test(programs_that_ignore_a_preload_are_recognised),
		cmocka_unit_test(set_id_counts_only_when_it_changes_something),
		cmocka_unit_test(scripts_are_judged_by_their_interpreters),
		cmocka_unit_test(an_unreadable_library_is_noticed),
		cmocka_unit_test(a_descriptor_is_judged_with_an_empty_path),
		cmocka_unit_test(an_open_file_is_judged_and_closed),
		cmocka_unit_test(headers_may_lie_far_behind),
		cmocka_unit_test(damaged_files_are_left_to_exec),
		cmocka_unit_test(every_verdict_has_words),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
