/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread's own credentials: as the source of an identity, in the way of one that is asked for,
 * and unchanged by every call. What identities may do is in test_identity.c.
 */
#include "operations.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The fixture's snapshot is what callbacks and the end of the test are compared with. */
static void expect_own_credentials(struct fixture *f)
{
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

static int set_effective(uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective = (uint32_t)effective;
	data[1].effective = (uint32_t)(effective >> 32);
	return (int)syscall(SYS_capset, &header, data);
}

static int try_current(struct fixture *f, struct pathring_identity **identity)
{
	int ret = -1;

	*identity = NULL;
	INSIDE(f, ret = pathring_identity_current(f->ring, f, identity));
	return ret;
}

static void check_current(struct fixture *f, bool started)
{
	static const gid_t groups[] = { GROUP_X, GROUP_Y };
	struct pathring_identity *identity = NULL;

	if (started) {
		assert_result(pathring_start(f->ring), 0);
	}
	become(USER_A, USER_B, groups, 2);
	assert_result(try_current(f, &identity), 0);
	become_root();
	assert_eq(pathring_identity_uid(identity), USER_A);
	assert_eq(pathring_identity_gid(identity), USER_B);
	assert_result(try_open(f, identity, "of_a", O_RDONLY), 0);
	assert_result(try_open(f, identity, "of_gid", O_RDONLY), 0);
	assert_result(try_open(f, identity, "of_group", O_RDONLY), 0);
	assert_result(try_open(f, identity, "of_b", O_RDONLY), -EACCES);
	assert_result(try_open(f, identity, "of_root", O_RDONLY), -EACCES);
	talloc_free(identity);
}

static void current_files(struct fixture *f)
{
	scratch_file(f, "of_a", USER_A, 0, 0600, "content");
	scratch_file(f, "of_b", USER_B, 0, 0600, "content");
	scratch_file(f, "of_gid", 0, USER_B, 0640, "content");
	scratch_file(f, "of_group", 0, GROUP_Y, 0640, "content");
	scratch_file(f, "of_root", 0, 0, 0600, "content");
}

OPERATION_TEST(current, before_the_start)
{
	current_files(f);
	check_current(f, false);
}

OPERATION_TEST(current, on_a_running_engine)
{
	current_files(f);
	check_current(f, true);
	check_current(f, true);
}

BACKEND_TEST(current, euid_zero_means_root)
{
	struct pathring_identity *identity = NULL;

	scratch_file(f, "locked", USER_A, USER_A, 0000, "content");
	assert_result(try_current(f, &identity), 0);
	assert_eq(pathring_identity_uid(identity), 0);
	assert_result(try_open(f, identity, "locked", O_RDWR), 0);
	talloc_free(identity);
}

BACKEND_TEST(current, is_the_same_as_from_its_parts)
{
	static const gid_t groups[] = { GROUP_Y, GROUP_X };
	struct pathring_identity *identity = NULL;
	struct pathring_stats before;
	struct pathring_stats after;

	scratch_file(f, "of_group", 0, GROUP_Y, 0640, "content");
	assert_result(
		try_open(f, fixture_identity(f, USER_A, USER_A, groups, 2), "of_group", O_RDONLY),
		0);
	before = fixture_stats(f);
	become(USER_A, USER_A, groups, 2);
	assert_result(try_current(f, &identity), 0);
	become_root();
	assert_result(try_open(f, identity, "of_group", O_RDONLY), 0);
	after = fixture_stats(f);
	assert_eq(after.identities, before.identities);
	assert_eq(after.registrations, before.registrations);
	talloc_free(identity);
}

/*
 * On a running ring the thread is already who it is to be registered as: nothing has to be switched
 * for it.
 */
URING_TEST(current, registers_without_a_switch)
{
	struct pathring_identity *identity = NULL;
	struct pathring_stats before;
	struct pathring_stats after;

	scratch_file(f, "of_a", USER_A, 0, 0600, "content");
	assert_result(pathring_start(f->ring), 0);
	before = fixture_stats(f);
	become(USER_A, USER_A, NULL, 0);
	assert_result(try_current(f, &identity), 0);
	become_root();
	after = fixture_stats(f);
	assert_eq(after.registrations, before.registrations + 1);
	assert_eq(after.personalities, before.personalities + 1);
	assert_result(try_open(f, identity, "of_a", O_RDONLY), 0);
	after = fixture_stats(f);
	assert_eq(after.registrations, before.registrations + 1);
	assert_eq(after.switches, before.switches, "credentials were switched");
	talloc_free(identity);
}

static void check_extra_capability(struct fixture *f, uid_t uid, uint64_t effective)
{
	struct pathring_identity *identity = NULL;

	become(uid, USER_A, NULL, 0);
	assert_eq(set_effective(effective), 0);
	expect_own_credentials(f);
	assert_result(try_current(f, &identity), -EPERM);
	assert_null(identity);
	assert_str_eq(snapshot_credentials(f), f->credentials, "credentials changed");
}

static void extra_capability(struct fixture *f, void *arg)
{
	const uint64_t *effective = arg;

	fixture_restart(f, NULL);
	assert_result(pathring_start(f->ring), 0);
	check_extra_capability(f, USER_A, *effective);
}

BACKEND_TEST(current, extra_capability_is_refused)
{
	static const uint64_t effective[] = { 1ULL << CAP_DAC_OVERRIDE,
					      1ULL << CAP_FOWNER,
					      1ULL << CAP_SYS_ADMIN,
					      1ULL << CAP_CHOWN,
					      1ULL << 40 };
	size_t i = 0;

	/* In a child each: the way back from there is not what this is about. */
	fixture_stop(f);
	for (i = 0; i < sizeof(effective) / sizeof(effective[0]); i++) {
		in_child(f, extra_capability, (void *)&effective[i]);
	}
}

static void missing_capability(struct fixture *f, void *arg)
{
	struct pathring_identity *identity = NULL;

	(void)arg;
	fixture_restart(f, NULL);
	assert_result(pathring_start(f->ring), 0);
	assert_result(set_effective(1ULL << CAP_SETUID | 1ULL << CAP_SETGID), 0);
	assert_result(try_current(f, &identity), -EPERM);
	assert_null(identity);
}

/* Root without its capabilities is not the root that was there when the engine was made. */
BACKEND_TEST(current, root_with_fewer_capabilities_is_refused)
{
	fixture_stop(f);
	in_child(f, missing_capability, NULL);
}

/*
 * A thread that keeps its capabilities when it changes its uid: whoever is switched to then would
 * be a user with root's powers. The engine may take them away or refuse, it must not run.
 */
static void keep_capabilities(struct fixture *f, void *arg)
{
	const bool *started = arg;
	char *before = NULL;
	char *after = NULL;
	int ret = -1;

	fixture_restart(f, NULL);
	if (*started) {
		assert_result(try_open(f, f->process, "of_root", O_RDONLY), 0);
	}
	assert_true(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0);
	before = snapshot_credentials(f);
	expect_own_credentials(f);
	ret = try_open(f, fixture_user(f, USER_A), "of_root", O_RDONLY);
	if (ret != -EPERM && ret != -EACCES) {
		fprintf(stderr, "root's file as a user who kept root's capabilities: %d\n", ret);
	}
	assert_true(ret == -EPERM || ret == -EACCES);
	ret = try_open(f, fixture_user(f, USER_A), "dir/new", O_RDONLY);
	assert_true(ret == -EPERM || ret == -EACCES);
	after = snapshot_credentials(f);
	assert_true(strcmp(before, after) == 0);
	if (*started) {
		/* What needs no switch goes on. */
		assert_result(try_open(f, f->process, "of_root", O_RDONLY), 0);
	}
}

BACKEND_TEST(identity, capabilities_that_survive_the_switch)
{
	bool started[2] = { false, true };

	scratch_file(f, "of_root", 0, 0, 0600, "content");
	scratch_directory(f, "dir", 0, 0, 0700);
	scratch_file(f, "dir/new", 0, 0, 0644, "content");
	fixture_stop(f);
	in_child(f, keep_capabilities, &started[0]);
	in_child(f, keep_capabilities, &started[1]);
}

/*
 * The thread has switched to one user and stays there, while requests of others run: each still as
 * its own identity, also root's and each step of a lookup, and the engine is started meanwhile.
 */
OPERATION_TEST(caller, is_somebody_else_while_requests_run)
{
	static const struct pathring_xattr_query query = { "user.test", 32 };
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = &query,
					   .num_xattrs = 1 };
	static const char *const names[] = { "of_root", "of_a", "of_b" };
	static const gid_t groups[] = { 4711 };
	struct pathring_identity *identities[3] = { f->process,
						    fixture_user(f, USER_A),
						    fixture_user(f, USER_B) };
	struct pathring_lookup *lookup = NULL;
	unsigned int round = 0;
	size_t who = 0;
	size_t what = 0;

	current_files(f);
	for (what = 0; what < 3; what++) {
		scratch_xattr(f, names[what], "user.test", "test");
	}
	become(USER_B, USER_B, groups, 1);
	expect_own_credentials(f);
	for (round = 0; round < 2; round++) {
		for (who = 0; who < 3; who++) {
			for (what = 0; what < 3; what++) {
				bool allowed = who == 0 || who == what;

				assert_result(try_open(f, identities[who], names[what], O_RDWR),
					      allowed ? 0 : -EACCES);
				assert_result(do_lookup(f,
							identities[who],
							f->dir,
							names[what],
							&how,
							&lookup),
					      0);
				assert_result(lookup->xattrs[0].length, allowed ? 4 : -EACCES);
				talloc_free(lookup);
			}
		}
	}
	assert_str_eq(snapshot_credentials(f), f->credentials, "credentials changed");
	become_root();
	expect_own_credentials(f);
}

/*
 * Memory of the ring counts against a user's RLIMIT_MEMLOCK: it has to be made as the process,
 * whoever asks first.
 */
URING_TEST(caller, starts_the_ring_while_switched_without_locked_memory)
{
	struct rlimit limit = { .rlim_cur = 0, .rlim_max = 0 };
	struct pathring_identity *identity = NULL;

	scratch_file(f, "of_a", USER_A, 0, 0600, "content");
	assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	become(USER_A, USER_A, NULL, 0);
	expect_own_credentials(f);
	assert_result(try_current(f, &identity), 0);
	assert_result(try_open(f, identity, "of_a", O_RDONLY), 0);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_URING);
	talloc_free(identity);
	become_root();
	expect_own_credentials(f);
}

static void check_unchanged(struct fixture *f, const char *what)
{
	char *now = snapshot_credentials(f);

	assert_str_eq(now, f->credentials, what);
	talloc_free(now);
}

static void each_call(struct fixture *f)
{
	struct pathring_how how = { .flags = O_RDWR | O_CREAT, .mode = 0666 };
	struct pathring_identity *user = NULL;
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;
	int ret = -1;

	user = fixture_user(f, USER_A);
	check_unchanged(f, "identity_unix");
	req = pathring_openat_send(f, f->ev, f->ring, user, f->dir, "all/file", &how);
	check_unchanged(f, "openat_send");
	assert_result(pathring_submit(f->ring), 0);
	check_unchanged(f, "submit");
	sent_complete(f, req);
	ret = pathring_openat_recv(req, f, &handle);
	check_unchanged(f, "openat_recv");
	assert_result(ret, 0);
	talloc_free(req);
	check_unchanged(f, "freeing a request");
	assert_result(do_pwrite(f, user, handle, "content", 7, 0), 7);
	check_unchanged(f, "pwrite");
	assert_result(do_fsync(f, user, handle, false), 0);
	check_unchanged(f, "fsync");
	assert_result(do_close(f, user, &handle), 0);
	check_unchanged(f, "close");
	assert_result(try_open(f, user, "of_root", O_RDONLY), -EACCES);
	check_unchanged(f, "a denied openat");
	assert_result(try_lookup(f, user, "all/file"), 0);
	check_unchanged(f, "lookup");
	talloc_free(pathring_describe(f->ring, f));
	check_unchanged(f, "describe");
	talloc_free(pathring_account(f->ring, f));
	check_unchanged(f, "account");
	talloc_free(user);
	check_unchanged(f, "freeing an identity");
}

/*
 * A caller with everything unusual: groups in no order, a gid of its own, a umask, another working
 * directory.
 */
OPERATION_TEST(caller, credentials_are_unchanged_by_every_call)
{
	static const gid_t groups[] = { GROUP_Y, 4711, GROUP_X, 4711 };

	scratch_directory(f, "all", 0, 0, 0777);
	scratch_file(f, "of_root", 0, 0, 0600, "content");
	fixture_stop(f);
	become(0, 4712, groups, 4);
	umask(0137);
	assert_eq(chdir(f->path), 0);
	expect_own_credentials(f);
	fixture_restart(f, NULL);
	check_unchanged(f, "create");
	each_call(f);
	assert_eq(scratch_stat(f, "all/file").st_mode & 07777, 0666);
	fixture_stop(f);
	check_unchanged(f, "freeing the engine");
}

static void not_root(struct fixture *f, void *arg)
{
	static const gid_t groups[] = { GROUP_X };
	struct pathring_how how = { .flags = O_RDWR | O_CREAT, .mode = 0666 };
	struct pathring_identity *other = NULL;
	struct pathring_handle *handle = NULL;

	(void)arg;
	assert_result(syscall(SYS_setgroups, 0, NULL), 0);
	assert_result(syscall(SYS_setresgid, USER_A, USER_A, USER_A), 0);
	assert_result(syscall(SYS_setresuid, USER_A, USER_A, USER_A), 0);
	expect_own_credentials(f);
	fixture_restart(f, NULL);

	/* Itself it can be. */
	assert_result(do_openat(f, f->process, f->dir, "all/own", &how, &handle), 0);
	talloc_free(handle);
	assert_true(scratch_stat(f, "all/own").st_uid == USER_A);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_a", O_RDONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of_b", O_RDONLY), -EACCES);

	/* And nobody else, however little differs. */
	assert_result(do_openat(f, fixture_user(f, USER_B), f->dir, "all/other", &how, &handle),
		      -EPERM);
	assert_true(!scratch_exists(f, "all/other"));
	other = fixture_identity(f, USER_A, USER_A, groups, 1);
	assert_result(do_openat(f, other, f->dir, "all/other", &how, &handle), -EPERM);
	other = fixture_identity(f, USER_A, GROUP_X, NULL, 0);
	assert_result(do_openat(f, other, f->dir, "all/other", &how, &handle), -EPERM);
	other = fixture_identity(f, 0, 0, NULL, 0);
	assert_result(do_openat(f, other, f->dir, "all/other", &how, &handle), -EPERM);
	assert_result(try_lookup(f, other, "of_a"), -EPERM);
	assert_true(!scratch_exists(f, "all/other"));
	assert_str_eq(snapshot_credentials(f), f->credentials, "credentials changed");
	fixture_stop(f);
}

OPERATION_TEST(identity, that_may_not_be_assumed_never_runs)
{
	current_files(f);
	scratch_directory(f, "all", 0, 0, 0777);
	fixture_stop(f);
	in_child(f, not_root, NULL);
}

static void without_setgid(struct fixture *f, void *arg)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)arg;
	assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1U << CAP_SETGID);
	data[0].permitted &= ~(1U << CAP_SETGID);
	assert_eq(syscall(SYS_capset, &header, data), 0);
	expect_own_credentials(f);

	fixture_restart(f, NULL);
	assert_result(try_open(f, f->process, "of-root", O_RDONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "of-root", O_RDONLY), -EPERM);
	assert_result(try_open(f, f->process, "of-root", O_RDONLY), 0);
}

/* Root in a container that may not change its groups: the service itself can still be served. */
BACKEND_TEST(identity, of_root_without_capabilities_to_switch)
{
	scratch_file(f, "of-root", 0, 0, 0600, "content");
	fixture_stop(f);
	in_child(f, without_setgid, NULL);
}

/*
 * glibc's seteuid() goes to every thread of the process, helper threads too. Whoever calls it, a
 * request runs under its own identity.
 */
BACKEND_TEST(identity, switches_of_the_whole_process_do_not_matter)
{
	struct pathring_options options = { .max_threads = 1 };
	struct pathring_identity *user = NULL;
	unsigned int i = 0;

	fixture_restart(f, &options);
	user = fixture_user(f, USER_A);
	scratch_file(f, "of-root", 0, 0, 0600, "content");
	for (i = 0; i < 5; i++) {
		assert_result(try_open(f, user, "of-root", O_RDONLY), -EACCES);
		/* Nothing new for this thread. */
		assert_eq(seteuid(0), 0);
	}
}

/* ---- ids of file operations set apart ---- */

static void set_fs_ids(uid_t uid, gid_t gid)
{
	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid);
}

/* A thread that is root and acts as somebody else on files: nothing of that may show. */
BACKEND_TEST(credentials, of_a_thread_with_other_fs_ids)
{
	struct pathring_identity *b = fixture_user(f, USER_B);
	struct pathring_identity *current = NULL;

	scratch_directory(f, "of_b", USER_B, USER_B, 0700);
	scratch_file(f, "of_b/file", USER_B, USER_B, 0600, "x");
	assert_result(try_lookup(f, f->process, "of_b/file"), 0);

	set_fs_ids(USER_A, USER_A);
	TALLOC_FREE(f->credentials);
	f->credentials = snapshot_credentials(f);
	assert_result(try_lookup(f, f->process, "of_b/file"), 0);
	assert_result(try_lookup(f, b, "of_b/file"), 0);
	assert_result(try_open(f, b, "of_b/file", O_RDONLY), 0);
	assert_result(pathring_identity_current(f->ring, f, &current), -EPERM);
	set_fs_ids(0, 0);
	TALLOC_FREE(f->credentials);
	f->credentials = snapshot_credentials(f);
}
