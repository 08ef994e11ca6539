/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proof that names of a directory stood for the same files: whatever changes one breaks it, and
 * where it can't be had it isn't claimed. Many changes at once are test_lookups_race.c's.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../engine/steady.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static bool kernel_has_multigrain(void)
{
	struct utsname names;
	unsigned int major = 0;
	unsigned int minor = 0;

	assert_eq(uname(&names), 0);
	assert_eq(sscanf(names.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 13);
}

static int directory_fd(const struct fixture *f)
{
	return pathring_handle_pathref_fd(f->dir);
}

static bool steady_during(struct fixture *f, void (*change)(struct fixture *f))
{
	struct steady steady;
	bool begun;
	bool same;

	begun = steady_begin(&steady, directory_fd(f));
	assert_eq(begun, kernel_has_multigrain());
	if (change != NULL) {
		change(f);
	}
	same = steady_end(&steady);
	assert_eq(steady.fd, -1);
	assert_eq(steady.mounts, -1);
	/* One that has ended claims nothing. */
	assert_false(steady_end(&steady));
	return same;
}

static void make_files(struct fixture *f)
{
	scratch_file(f, "one", 0, 0, 0644, "1");
	scratch_file(f, "two", 0, 0, 0644, "22");
}

static void change_files(struct fixture *f)
{
	scratch_xattr(f, "one", "user.test", "value");
	assert_eq(truncate(scratch_path(f, "two"), 0), 0);
	assert_eq(chmod(scratch_path(f, "two"), 0600), 0);
	scratch_listing(f, ".");
}

ONE_TEST_ON(steady, what_files_are_is_not_in_question, sync)
{
	unsigned int before;

	make_files(f);
	before = count_descriptors();
	assert_eq(steady_during(f, NULL), kernel_has_multigrain());
	assert_eq(steady_during(f, change_files), kernel_has_multigrain());
	assert_eq(count_descriptors(), before);
}

static void rename_one(struct fixture *f)
{
	assert_eq(renameat(directory_fd(f), "one", directory_fd(f), "three"), 0);
	assert_eq(renameat(directory_fd(f), "three", directory_fd(f), "one"), 0);
}

static void replace_one(struct fixture *f)
{
	assert_eq(renameat(directory_fd(f), "two", directory_fd(f), "one"), 0);
	scratch_file(f, "two", 0, 0, 0644, "22");
}

static void exchange(struct fixture *f)
{
	assert_eq(syscall(SYS_renameat2,
			  directory_fd(f),
			  "one",
			  directory_fd(f),
			  "two",
			  RENAME_EXCHANGE),
		  0,
		  "%s",
		  strerror(errno));
}

static void remove_one(struct fixture *f)
{
	assert_eq(unlinkat(directory_fd(f), "one", 0), 0);
	scratch_file(f, "one", 0, 0, 0644, "1");
}

static void link_one(struct fixture *f)
{
	assert_eq(linkat(directory_fd(f), "one", directory_fd(f), "three", 0), 0);
	assert_eq(unlinkat(directory_fd(f), "three", 0), 0);
}

static void close_directory(struct fixture *f)
{
	assert_eq(chmod(f->path, 0700), 0);
	assert_eq(chmod(f->path, 0755), 0);
}

/* A change follows the other within some microseconds, so each needs a time of its own. */
ONE_TEST_ON(steady, every_change_of_a_name_shows, sync)
{
	static void (*const changes[])(struct fixture * f) = {
		rename_one, replace_one, exchange, remove_one, link_one, close_directory,
	};
	size_t i;
	size_t j;

	make_files(f);
	for (i = 0; i < 500; i++) {
		for (j = 0; j < sizeof(changes) / sizeof(changes[0]); j++) {
			assert_false(steady_during(f, changes[j]), "change %zu", j);
		}
	}
}

static void mount_over(struct fixture *f)
{
	assert_eq(mount(scratch_path(f, "two"), scratch_path(f, "one"), NULL, MS_BIND, NULL), 0);
}

static void mounted_over(struct fixture *f, void *arg)
{
	(void)arg;
	assert_eq(unshare(CLONE_NEWNS), 0, "%s", strerror(errno));
	assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%s", strerror(errno));
	assert_false(steady_during(f, mount_over));
}

ONE_TEST_ON(steady, a_mount_over_a_name_shows, sync)
{
	make_files(f);
	in_child(f, mounted_over, NULL);
}

static void of_file_system(struct fixture *f, void *arg)
{
	const char *type = arg;
	struct steady steady;
	int fd;

	assert_eq(unshare(CLONE_NEWNS), 0, "%s", strerror(errno));
	assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%s", strerror(errno));
	assert_eq(mount("none", f->path, type, 0, NULL), 0, "%s", strerror(errno));
	fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_geq(fd, 0);
	assert_false(steady_begin(&steady, fd), "%s", type);
	assert_false(steady_end(&steady));
	close(fd);
}

/*
 * tmpfs has fine times, but a file that is deleted may give the directory a time that it has had.
 * ramfs has those of the clock's tick.
 */
ONE_TEST_ON(steady, not_claimed_of_other_file_systems, sync)
{
	static const char *const types[] = { "tmpfs", "ramfs", "proc" };
	char type[16];
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(type, sizeof(type), "%s", types[i]);
		in_child(f, of_file_system, type);
	}
}

ONE_TEST_ON(steady, not_claimed_of_nothing, sync)
{
	struct steady steady;

	(void)f;
	assert_false(steady_begin(&steady, -1));
	assert_false(steady_end(&steady));
}

static void unreadable_to_user(struct fixture *f, void *arg)
{
	struct steady steady;

	(void)arg;
	become(USER_A, USER_A, NULL, 0);
	assert_false(steady_begin(&steady, directory_fd(f)));
	assert_false(steady_end(&steady));
}

ONE_TEST_ON(steady, only_for_who_may_read_the_directory, sync)
{
	assert_eq(chmod(f->path, 0711), 0);
	in_child(f, unreadable_to_user, NULL);
}
