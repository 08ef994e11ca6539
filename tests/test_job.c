/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jobs: who and where a function of the caller's is while it runs, and what is left of it in the
 * thread afterwards. What becomes of a job and its state is in test_job_life.c, functions in the
 * caller's own thread are in test_run_as.c.
 */
#include "work.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

OPERATION_TEST(job, runs_as_the_identity)
{
	static const gid_t groups[] = { GROUP_X };
	mode_t before = umask(077);
	struct work work = { .f = f };
	unsigned int i = 0;

	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	job_files(f);
	for (i = 0; i < 4; i++) {
		work.name = talloc_asprintf(f, "a%u", i);
		assert_result(try_look(f, fixture_user(f, USER_A), f->dir, &work), 0);
		assert_result(work.error, 0);
		assert_result(work.denied, -EACCES);
		check_made(f, work.name, USER_A, USER_A);

		work.name = talloc_asprintf(f, "b%u", i);
		assert_result(try_look(f, fixture_user(f, USER_B), f->dir, &work), 0);
		assert_result(work.denied, 0);
		check_made(f, work.name, USER_B, USER_B);

		work.name = talloc_asprintf(f, "c%u", i);
		assert_result(
			try_look(f, fixture_identity(f, USER_C, GROUP_Y, groups, 1), f->dir, &work),
			0);
		assert_result(work.denied, 0);
		check_made(f, work.name, USER_C, GROUP_Y);

		work.name = talloc_asprintf(f, "root%u", i);
		assert_result(try_look(f, f->process, f->dir, &work), 0);
		assert_result(work.denied, 0);
		check_made(f, work.name, 0, 0);
	}
	assert_eq(work.runs, 16);
	assert_eq(umask(before), 077, "umask changed");
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	work_end(&work);
}

BACKEND_TEST(job, runs_in_a_thread_of_its_own_where_there_are_any)
{
	enum pathring_placement expected =
		f->backend == PATHRING_BACKEND_SYNC ? PATHRING_INLINE : PATHRING_THREAD;
	struct work work = { .f = f };

	assert_result(try_look(f, f->process, NULL, &work), 0);
	assert_eq(fixture_stats(f).operation[PATHRING_JOB].placed[expected], 1);
	assert_eq(fixture_stats(f).fallbacks, 0);
	assert_eq(strcmp(pathring_operation_name(PATHRING_JOB), "job"), 0);
	work_end(&work);
}

OPERATION_TEST(job, works_in_its_directory)
{
	struct pathring_handle *sub = NULL;
	struct work work = { .f = f, .name = "new" };
	char *moved = scratch_path(f, "moved");

	job_files(f);
	scratch_directory(f, "sub", USER_A, USER_A, 0700);
	sub = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);
	/* It is the directory, not its name. */
	assert_eq(rename(scratch_path(f, "sub"), moved), 0);
	assert_result(try_look(f, fixture_user(f, USER_A), sub, &work), 0);
	assert_result(work.error, 0);
	assert_result(work.denied, -ENOENT);
	assert_str_eq(work.cwd, moved, "working directory");
	check_made(f, "moved/new", USER_A, USER_A);
	talloc_free(sub);

	sub = must_open(f, f->process, "moved", O_RDONLY | O_DIRECTORY);
	work.name = NULL;
	assert_result(try_look(f, fixture_user(f, USER_A), sub, &work), 0);
	assert_str_eq(work.cwd, moved, "working directory");
	talloc_free(sub);

	assert_result(try_look(f, fixture_user(f, USER_A), NULL, &work), 0);
	assert_str_eq(work.cwd, "/", "working directory");
	work_end(&work);
}

OPERATION_TEST(job, does_not_run_where_the_identity_may_not_be)
{
	struct pathring_handle *sub = NULL;
	struct pathring_handle *file = NULL;
	struct work work = { .f = f };

	scratch_directory(f, "sub", USER_B, USER_B, 0700);
	scratch_file(f, "file", USER_A, USER_A, 0700, "content");
	sub = must_open(f, f->process, "sub", O_PATH | O_DIRECTORY);
	file = must_open(f, f->process, "file", O_RDONLY);
	assert_result(try_look(f, fixture_user(f, USER_A), sub, &work), -EACCES);
	assert_result(try_look(f, fixture_user(f, USER_A), file, &work), -ENOTDIR);
	assert_eq(work.runs, 0);
	assert_result(try_look(f, fixture_user(f, USER_B), sub, &work), 0);
	assert_result(try_look(f, f->process, sub, &work), 0);
	assert_eq(work.runs, 2);
	assert_eq(fixture_stats(f).operation[PATHRING_JOB].denied, 1);
	assert_eq(fixture_stats(f).operation[PATHRING_JOB].failed, 1);
	talloc_free(sub);
	talloc_free(file);
	work_end(&work);
}

/* ---- what a function leaves behind ---- */

static void change_effective(void *private_data)
{
	static const gid_t groups[] = { GROUP_Y };

	(void)private_data;
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setgroups, 1, groups);
	syscall(SYS_setresgid, -1, GROUP_Y, -1);
	syscall(SYS_setresuid, -1, USER_B, -1);
}

/* Who a thread is to the file system alone: the effective ids stay. */
static void change_fsids(void *private_data)
{
	(void)private_data;
	setfsgid(GROUP_Y);
	setfsuid(0);
}

static void change_real_and_saved(void *private_data)
{
	(void)private_data;
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setresgid, USER_B, GROUP_Y, 0);
	syscall(SYS_setresuid, USER_B, 0, USER_C);
}

static void change_capabilities(void *private_data)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)private_data;
	syscall(SYS_capget, &header, data);
	data[0].effective = data[0].permitted & ~(1U << CAP_SETGID);
	data[1].effective = data[1].permitted;
	data[0].inheritable = 1U << CAP_CHOWN;
	syscall(SYS_capset, &header, data);
}

static void change_place(void *private_data)
{
	struct work_state *state = private_data;

	umask(027);
	state->work->error = error_of(chdir("/tmp"));
}

static const pathring_job_fn changes[] = {
	change_effective, change_fsids, change_real_and_saved, change_capabilities, change_place,
};

OPERATION_TEST(job, what_it_changed_is_undone)
{
	struct pathring_identity *users[] = { fixture_user(f, USER_A), f->process };
	struct work before = { .f = f };
	struct work after = { .f = f };
	size_t user = 0;
	size_t i = 0;

	job_files(f);
	for (user = 0; user < 2; user++) {
		assert_result(try_look(f, users[user], NULL, &before), 0);
		for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
			int ret = do_job(f, users[user], f->dir, changes[i], new_state(f, &after));

			assert_result(ret, 0);
			after.name = talloc_asprintf(f, "new_%zu_%zu", user, i);
			assert_result(try_look(f, users[user], NULL, &after), 0);
			assert_str_eq(after.snapshot, before.snapshot, "the thread changed");
			assert_result(try_open(f, users[user], "of_b", O_RDONLY),
				      user == 0 ? -EACCES : 0);
		}
	}
	work_end(&before);
	work_end(&after);
}

/* No way back from that: also real and saved ids are gone. */
static void change_for_good(void *private_data)
{
	(void)private_data;
	syscall(SYS_setresuid, USER_B, USER_B, USER_B);
}

ASYNC_BACKEND_TEST(job, may_use_up_its_thread)
{
	struct work work = { .f = f };
	unsigned int i = 0;

	job_files(f);
	for (i = 0; i < 5; i++) {
		int ret = do_job(f, f->process, NULL, change_for_good, new_state(f, &work));

		assert_result(ret, 0);
		work.name = talloc_asprintf(f, "a%u", i);
		assert_result(try_look(f, fixture_user(f, USER_A), f->dir, &work), 0);
		assert_result(work.error, 0);
		assert_result(work.denied, -EACCES);
		check_made(f, work.name, USER_A, USER_A);
	}
	work_end(&work);
}

static void run_for_good(struct fixture *f, void *arg)
{
	struct work work = { .f = f };

	(void)arg;
	fixture_restart(f, NULL);
	do_job(f, f->process, NULL, change_for_good, new_state(f, &work));
}

static void job_may_not_use_up_the_engines_thread(struct fixture *f);
ONE_BACKEND_TEST(job, may_not_use_up_the_engines_thread, sync)
static void job_may_not_use_up_the_engines_thread(struct fixture *f)
{
	in_aborted_child(f, run_for_good, NULL);
}

/* The caller is where it could not go now. */
OPERATION_TEST(job, returns_to_a_directory_that_the_caller_can_not_search)
{
	struct work work = { .f = f };
	char *before = f->credentials;
	char cwd[4096];

	job_files(f);
	assert_result(pathring_start(f->ring), 0);
	assert_not_null(getcwd(cwd, sizeof(cwd)));
	scratch_directory(f, "closed", 0, 0, 0700);
	assert_eq(chdir(scratch_path(f, "closed")), 0);
	become(USER_A, USER_A, NULL, 0);
	f->credentials = snapshot_credentials(f);

	work.name = "new";
	assert_result(try_look(f, fixture_user(f, USER_B), f->dir, &work), 0);
	assert_result(work.error, 0);
	check_made(f, "new", USER_B, USER_B);
	work.name = "as_i_am";
	assert_result(try_look(f, fixture_user(f, USER_A), f->dir, &work), 0);
	check_made(f, "as_i_am", USER_A, USER_A);

	talloc_free(f->credentials);
	f->credentials = before;
	become_root();
	assert_eq(chdir(cwd), 0);
	work_end(&work);
}

/* ---- nobody in particular ---- */

OPERATION_TEST(none, runs_functions_as_the_process)
{
	struct pathring_identity *none = pathring_identity_none(f->ring);
	struct work work = { .f = f, .name = "new" };

	job_files(f);
	assert_not_null(none);
	assert_true(none == pathring_identity_none(f->ring));
	assert_eq(pathring_identity_uid(none), (uid_t)-1);
	assert_eq(pathring_identity_gid(none), (gid_t)-1);
	assert_result(try_look(f, fixture_user(f, USER_A), f->dir, &work), 0);
	work.name = "other";
	assert_result(try_look(f, none, f->dir, &work), 0);
	assert_result(work.denied, 0);
	check_made(f, "other", 0, 0);
	work_end(&work);
}

BACKEND_TEST(none, never_switches_this_thread)
{
	struct work work = { .f = f, .name = "new" };
	struct pathring_stats before;

	job_files(f);
	f->form = FORM_WAIT;
	assert_result(pathring_start(f->ring), 0);
	before = fixture_stats(f);
	become(USER_A, USER_A, NULL, 0);
	assert_result(try_look(f, pathring_identity_none(f->ring), f->dir, &work), 0);
	become_root();
	if (f->backend == PATHRING_BACKEND_SYNC) {
		assert_result(work.denied, -EACCES);
		check_made(f, "new", USER_A, USER_A);
		assert_eq(fixture_stats(f).switches, before.switches);
	} else {
		assert_result(work.denied, 0);
		check_made(f, "new", 0, 0);
	}
	work_end(&work);
}

OPERATION_TEST(none, is_nobody_to_the_kernel)
{
	struct pathring_identity *none = pathring_identity_none(f->ring);
	struct pathring_handle *handle = NULL;
	struct statx stx;
	uint8_t *value = NULL;
	char buffer[16];

	scratch_file(f, "file", 0, 0, 0666, "content");
	handle = must_open(f, f->process, "file", O_RDWR);
	assert_result(try_open(f, none, "file", O_RDONLY), -EINVAL);
	assert_result(try_lookup(f, none, "file"), -EINVAL);
	assert_result(do_statx(f, none, handle, 0, STATX_BASIC_STATS, &stx), -EINVAL);
	assert_result(do_getxattr(f, none, handle, "user.test", 16, &value), -EINVAL);
	assert_result(do_pread(f, none, handle, buffer, sizeof(buffer), 0), -EINVAL);
	assert_result(do_pwrite(f, none, handle, "x", 1, 0), -EINVAL);
	assert_result(do_fsync(f, none, handle, false), -EINVAL);
	assert_result(do_close(f, none, &handle), -EINVAL);
	assert_null(handle);
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
}
