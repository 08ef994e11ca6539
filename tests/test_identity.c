/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what: every way in which the kernel allows or denies, and requests of several
 * identities side by side. How an identity comes about from the thread's own credentials, and what
 * becomes of those, is in test_credentials.c.
 */
#include "operations.h"

#include <sys/acl.h>
#include <sys/xattr.h>

static void set_acl(struct fixture *f, const char *name, const char *text)
{
	acl_t acl = acl_from_text(text);
	int ret = -1;

	assert_not_null(acl, "%s", text);
	ret = acl_set_file(scratch_path(f, name), ACL_TYPE_ACCESS, acl);
	assert_eq(ret, 0, "%s: %s", name, strerror(errno));
	acl_free(acl);
}

/* Every operation that resolves a path or reads by permission must agree. */
static void
check_read(struct fixture *f, struct pathring_identity *identity, const char *name, int expected)
{
	static const struct pathring_xattr_query query = { "user.test", 32 };
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS,
					   .xattrs = &query,
					   .num_xattrs = 1 };
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;
	int ret = -1;

	ret = try_open(f, identity, name, O_RDONLY);
	assert_eq(ret, expected, "open of %s: %d, expected %d", name, ret, expected);

	/* O_PATH needs no permission on the file; its user.* xattrs do. */
	ret = do_lookup(f, identity, f->dir, name, &how, &lookup);
	assert_eq(ret, 0, "lookup of %s: %d", name, ret);
	assert_eq(lookup->xattrs[0].length,
		  expected == 0 ? 4 : expected,
		  "xattr of %s by lookup: %zd",
		  name,
		  lookup->xattrs[0].length);
	talloc_free(lookup);

	handle = must_open(f, identity, name, O_PATH);
	ret = (int)do_getxattr(f, identity, handle, "user.test", 32, &value);
	assert_eq(ret, expected == 0 ? 4 : expected, "xattr of %s: %d", name, ret);
	talloc_free(handle);
}

static void readable_file(struct fixture *f, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	scratch_file(f, name, uid, gid, mode, "content");
	scratch_xattr(f, name, "user.test", "test");
}

OPERATION_TEST(identity, owner)
{
	readable_file(f, "mine", USER_A, USER_A, 0600);
	readable_file(f, "locked", USER_A, USER_A, 0077);
	check_read(f, fixture_user(f, USER_A), "mine", 0);
	check_read(f, fixture_user(f, USER_B), "mine", -EACCES);
	check_read(f, fixture_user(f, USER_A), "locked", -EACCES);
	check_read(f, fixture_user(f, USER_B), "locked", 0);
	check_read(f, f->process, "mine", 0);
	check_read(f, f->process, "locked", 0);
	assert_result(try_open(f, fixture_user(f, USER_A), "mine", O_RDWR), 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "locked", O_WRONLY), 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "mine", O_WRONLY), -EACCES);
}

OPERATION_TEST(identity, group)
{
	readable_file(f, "ours", 0, GROUP_X, 0640);
	check_read(f, fixture_identity(f, USER_A, GROUP_X, NULL, 0), "ours", 0);
	check_read(f, fixture_identity(f, USER_A, GROUP_Y, NULL, 0), "ours", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, NULL, 0), "ours", -EACCES);
	check_read(f, fixture_identity(f, USER_A, 0, NULL, 0), "ours", -EACCES);
}

OPERATION_TEST(identity, supplementary_group)
{
	static const gid_t with[] = { GROUP_Y, 5, GROUP_X };
	static const gid_t without[] = { GROUP_Y, 5, 0 };

	readable_file(f, "ours", 0, GROUP_X, 0640);
	readable_file(f, "excluded", 0, GROUP_X, 0604);
	check_read(f, fixture_identity(f, USER_A, USER_A, with, 3), "ours", 0);
	check_read(f, fixture_identity(f, USER_A, USER_A, without, 3), "ours", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, without, 0), "ours", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, with, 3), "excluded", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, without, 3), "excluded", 0);
}

OPERATION_TEST(identity, many_groups)
{
	enum { MANY = 4000 };
	gid_t *groups = talloc_array(f, gid_t, MANY);
	size_t i = 0;

	readable_file(f, "last", 0, 100000 + 2 * (MANY - 1), 0640);
	readable_file(f, "between", 0, 100001, 0640);
	for (i = 0; i < MANY; i++) {
		groups[i] = (gid_t)(100000 + 2 * i);
	}
	check_read(f, fixture_identity(f, USER_A, USER_A, groups, MANY), "last", 0);
	check_read(f, fixture_identity(f, USER_A, USER_A, groups, MANY), "between", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, groups, MANY - 1), "last", -EACCES);
}

OPERATION_TEST(identity, mode_of_a_parent_directory)
{
	scratch_directory(f, "private", USER_A, USER_A, 0700);
	scratch_directory(f, "private/open", USER_A, USER_A, 0777);
	scratch_directory(f, "search_only", 0, 0, 0711);
	readable_file(f, "private/open/file", 0, 0, 0666);
	readable_file(f, "search_only/file", 0, 0, 0644);
	check_read(f, fixture_user(f, USER_A), "private/open/file", 0);
	check_read(f, f->process, "private/open/file", 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "private/open/file", O_RDONLY), -EACCES);
	assert_result(try_open(f, fixture_user(f, USER_B), "private/open/file", O_PATH), -EACCES);
	assert_result(try_open(f, fixture_user(f, USER_B), "private/open/missing", O_PATH),
		      -EACCES);
	assert_result(try_lookup(f, fixture_user(f, USER_B), "private/open/file"), -EACCES);
	assert_result(try_lookup(f, fixture_user(f, USER_B), "private/open"), -EACCES);
	assert_result(try_lookup(f, fixture_user(f, USER_B), "private"), 0);
	check_read(f, fixture_user(f, USER_B), "search_only/file", 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "search_only", O_RDONLY | O_DIRECTORY),
		      -EACCES);
}

OPERATION_TEST(identity, posix_acl)
{
	static const gid_t groups[] = { GROUP_X };

	readable_file(f, "allowed", 0, 0, 0600);
	set_acl(f, "allowed", "u::rw,u:60002:r,g::-,g:61000:r,m::r,o::-");
	check_read(f, fixture_user(f, USER_B), "allowed", 0);
	check_read(f, fixture_user(f, USER_A), "allowed", -EACCES);
	check_read(f, fixture_identity(f, USER_A, USER_A, groups, 1), "allowed", 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "allowed", O_RDWR), -EACCES);

	readable_file(f, "denied", 0, 0, 0644);
	set_acl(f, "denied", "u::rw,u:60002:-,g::r,m::r,o::r");
	check_read(f, fixture_user(f, USER_B), "denied", -EACCES);
	check_read(f, fixture_user(f, USER_A), "denied", 0);

	scratch_directory(f, "sub", 0, 0, 0700);
	readable_file(f, "sub/file", 0, 0, 0644);
	set_acl(f, "sub", "u::rwx,u:60001:x,g::-,m::x,o::-");
	check_read(f, fixture_user(f, USER_A), "sub/file", 0);
	assert_result(try_open(f, fixture_user(f, USER_B), "sub/file", O_RDONLY), -EACCES);
}

OPERATION_TEST(identity, root_is_said_explicitly)
{
	static const gid_t groups[] = { GROUP_X };
	struct pathring_identity *root = fixture_identity(f, 0, 0, groups, 1);

	readable_file(f, "mine", USER_A, USER_A, 0600);
	readable_file(f, "none", USER_A, USER_A, 0000);
	check_read(f, root, "mine", 0);
	check_read(f, root, "none", 0);
	check_read(f, f->process, "none", 0);
	assert_eq(pathring_identity_uid(root), 0);
	assert_eq(pathring_identity_uid(f->process), 0);
	/* What only a capability allows: no user has it. */
	scratch_xattr(f, "mine", "trusted.test", "test");
	assert_result(try_open(f, root, "mine", O_RDWR), 0);
}

OPERATION_TEST(identity, capabilities_do_not_follow_a_user)
{
	struct pathring_handle *handle = NULL;
	uint8_t *value = NULL;

	readable_file(f, "mine", USER_A, USER_A, 0600);
	scratch_xattr(f, "mine", "trusted.test", "test");
	handle = must_open(f, fixture_user(f, USER_A), "mine", O_PATH);
	/* Readable with CAP_SYS_ADMIN alone, in the effective set. */
	assert_result(do_getxattr(f, fixture_user(f, USER_A), handle, "trusted.test", 32, &value),
		      -ENODATA);
	assert_result(do_getxattr(f, f->process, handle, "trusted.test", 32, &value), 4);
	talloc_free(handle);
}

OPERATION_TEST(identity, created_files_belong_to_it)
{
	static const gid_t groups[] = { GROUP_X, GROUP_Y };
	struct pathring_how how = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0666 };
	struct pathring_identity *identity = fixture_identity(f, USER_A, GROUP_Y, groups, 2);
	struct pathring_handle *handle = NULL;
	struct stat st;
	mode_t before = umask(077);

	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
	scratch_directory(f, "all", 0, 0, 0777);
	scratch_directory(f, "setgid", 0, GROUP_X, 02777);
	scratch_directory(f, "own", USER_A, USER_A, 0700);

	assert_result(do_openat(f, identity, f->dir, "all/new", &how, &handle), 0);
	talloc_free(handle);
	st = scratch_stat(f, "all/new");
	assert_eq(st.st_uid, USER_A);
	assert_eq(st.st_gid, GROUP_Y);
	assert_eq(st.st_mode & 07777, 0666);

	assert_result(do_openat(f, identity, f->dir, "setgid/new", &how, &handle), 0);
	talloc_free(handle);
	st = scratch_stat(f, "setgid/new");
	assert_eq(st.st_uid, USER_A);
	assert_eq(st.st_gid, GROUP_X);
	assert_eq(st.st_mode & 07777, 0666);

	assert_result(do_openat(f, fixture_user(f, USER_B), f->dir, "own/new", &how, &handle),
		      -EACCES);
	assert_false(scratch_exists(f, "own/new"));
	assert_result(do_openat(f, f->process, f->dir, "all/root", &how, &handle), 0);
	talloc_free(handle);
	st = scratch_stat(f, "all/root");
	assert_eq(st.st_uid, 0);
	assert_eq(st.st_mode & 07777, 0666);
	assert_eq(umask(before), 077, "umask changed");
	talloc_free(f->credentials);
	f->credentials = snapshot_credentials(f);
}

OPERATION_TEST(identity, group_and_supplementary_group_are_not_the_same)
{
	static const gid_t one[] = { GROUP_X };
	static const gid_t other[] = { GROUP_Y };
	struct pathring_how how = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0600 };
	struct pathring_handle *handle = NULL;

	scratch_directory(f, "all", 0, 0, 0777);
	assert_result(do_openat(f,
				fixture_identity(f, USER_A, GROUP_X, other, 1),
				f->dir,
				"all/x",
				&how,
				&handle),
		      0);
	talloc_free(handle);
	assert_result(do_openat(f,
				fixture_identity(f, USER_A, GROUP_Y, one, 1),
				f->dir,
				"all/y",
				&how,
				&handle),
		      0);
	talloc_free(handle);
	assert_eq(scratch_stat(f, "all/x").st_gid, GROUP_X);
	assert_eq(scratch_stat(f, "all/y").st_gid, GROUP_Y);
}

BACKEND_TEST(identity, compared_by_value)
{
	static const gid_t sorted[] = { 5, GROUP_X, GROUP_Y };
	static const gid_t shuffled[] = { GROUP_Y, 5, GROUP_X, 5, GROUP_Y };
	struct pathring_identity *one = fixture_identity(f, USER_A, USER_B, sorted, 3);
	struct pathring_identity *same = NULL;
	struct pathring_stats before;
	struct pathring_stats after;

	readable_file(f, "file", 0, GROUP_X, 0640);
	assert_eq(pathring_identity_uid(one), USER_A);
	assert_eq(pathring_identity_gid(one), USER_B);
	assert_result(try_open(f, one, "file", O_RDONLY), 0);
	before = fixture_stats(f);
	same = fixture_identity(f, USER_A, USER_B, shuffled, 5);
	assert_result(try_open(f, same, "file", O_RDONLY), 0);
	after = fixture_stats(f);
	assert_eq(after.identities, before.identities, "the same identity counts twice");
	assert_eq(after.registrations,
		  before.registrations,
		  "the same identity was registered twice");
	assert_eq(after.personalities, before.personalities);

	/* One group less is somebody else. */
	assert_result(try_open(f, fixture_identity(f, USER_A, USER_B, sorted, 1), "file", O_RDONLY),
		      -EACCES);
	assert_result(try_open(f, same, "file", O_RDONLY), 0);
	after = fixture_stats(f);
	assert_eq(after.identities, before.identities + 1);
}

static uint64_t fnv1a(uint64_t hash, uint32_t word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/*
 * Two users, found by search, for whom engine/identity.c computes the same hash (FNV-1a over uid,
 * gid and groups) and so looks into the same place.
 */
BACKEND_TEST(identity, same_hash_is_not_the_same_identity)
{
	static const gid_t group_a = 61000;
	static const gid_t group_b = 33523139;
	static const gid_t gid_b = 461937;
	struct pathring_identity *a = fixture_identity(f, USER_A, USER_A, &group_a, 1);
	struct pathring_identity *b = fixture_identity(f, USER_B, gid_b, &group_b, 1);
	uint64_t start = 0xcbf29ce484222325ULL;
	unsigned int i = 0;

	assert_true(fnv1a(fnv1a(fnv1a(start, USER_A), USER_A), group_a) ==
		    fnv1a(fnv1a(fnv1a(start, USER_B), gid_b), group_b));
	scratch_file(f, "of_a", USER_A, 0, 0600, "content");
	scratch_file(f, "of_b", USER_B, 0, 0600, "content");
	for (i = 0; i < 3; i++) {
		assert_result(try_open(f, a, "of_a", O_RDONLY), 0);
		assert_result(try_open(f, b, "of_a", O_RDONLY), -EACCES);
		assert_result(try_open(f, b, "of_b", O_RDONLY), 0);
		assert_result(try_open(f, a, "of_b", O_RDONLY), -EACCES);
	}
}

BACKEND_TEST(identity, memory_used_again_is_not_mistaken)
{
	struct pathring_identity *identity = NULL;
	unsigned int i = 0;
	uid_t uid = 0;
	int ret = -1;

	scratch_file(f, "mine", USER_A, USER_A, 0600, "content");
	for (i = 0; i < 200; i++) {
		uid = i % 2 == 0 ? USER_A : USER_B;
		/* Freed and made again, it is likely to be at the same address. */
		ret = pathring_identity_unix(f->ring, f, uid, uid, NULL, 0, &identity);
		assert_result(ret, 0);
		assert_result(try_open(f, identity, "mine", O_RDONLY), i % 2 == 0 ? 0 : -EACCES);
		talloc_free(identity);
	}
}

BACKEND_TEST(identity, bad_arguments)
{
	struct pathring_identity *identity = NULL;
	gid_t *groups = talloc_zero_array(f, gid_t, 65537);

	assert_result(pathring_identity_unix(f->ring, f, (uid_t)-1, 1, NULL, 0, &identity),
		      -EINVAL);
	assert_result(pathring_identity_unix(f->ring, f, 1, (gid_t)-1, NULL, 0, &identity),
		      -EINVAL);
	assert_result(pathring_identity_unix(f->ring, f, 1, 1, groups, 65537, &identity), -EINVAL);
	assert_null(identity);
}

OPERATION_TEST(identity, no_request_without_one)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;

	scratch_file(f, "file", 0, 0, 0600, "content");
	assert_result(do_openat(f, NULL, f->dir, "file", &how, &handle), -EINVAL);
	assert_result(try_lookup(f, NULL, "file"), -EINVAL);
}

struct mixed {
	struct call call;
	int expected;
	uid_t owner;
};

/* Checked and freed as they come, so that only some of the path references are open at a time. */
static void mixed_done(struct pathring_request *request, void *private_data)
{
	struct mixed *mixed = private_data;
	const struct statx *stx = NULL;
	int ret = -1;

	assert_true(mixed->call.request == request);
	assert_eq(mixed->call.f->inside, 0);
	assert_eq(mixed->call.calls, 0, "completed twice");
	mixed->call.calls++;
	(*mixed->call.total)++;
	ret = pathring_lookup_result(request, &stx, NULL);
	assert_result(ret, mixed->expected);
	if (ret == 0) {
		assert_eq(stx->stx_uid, mixed->owner, "answered about another file");
	}
	pathring_request_free(request);
}

/*
 * Thousands at once, of two users, each looking into both users' private directories: half are
 * denied.
 */
BACKEND_TEST(identity, two_users_interleaved_by_the_thousand)
{
	enum { COUNT = 6000 };
	struct mixed *mixed = talloc_zero_array(f, struct mixed, COUNT);
	struct pathring_lookup_how how = { .mask = STATX_BASIC_STATS };
	struct pathring_identity *identities[2] = { fixture_user(f, USER_A),
						    fixture_user(f, USER_B) };
	static const char *const names[] = { "a/file", "b/file" };
	unsigned int total = 0;
	unsigned int who = 0;
	unsigned int where = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_directory(f, "a", USER_A, USER_A, 0700);
	scratch_directory(f, "b", USER_B, USER_B, 0700);
	scratch_file(f, "a/file", USER_A, USER_A, 0600, "content");
	scratch_file(f, "b/file", USER_B, USER_B, 0600, "content");
	for (i = 0; i < COUNT; i++) {
		who = i % 2;
		where = (i / 2) % 2;
		mixed[i].call.f = f;
		mixed[i].call.total = &total;
		mixed[i].expected = who == where ? 0 : -EACCES;
		mixed[i].owner = where == 0 ? USER_A : USER_B;
		INSIDE(f,
		       ret = pathring_lookup_request(f->ring,
						     identities[who],
						     f->dir,
						     names[where],
						     &how,
						     mixed_done,
						     &mixed[i],
						     &mixed[i].call.request));
		assert_result(ret, 0);
	}
	loop_until(f, &total, COUNT);
}

/*
 * The same for what the engine itself keeps of an identity: with few of them kept, one that nobody
 * holds is forgotten, and the next may be at its address. Whoever has worked for the one (a helper
 * thread keeps the identity of its last request) must not take the other for it.
 */
BACKEND_TEST(identity, forgotten_is_not_mistaken_for_another)
{
	struct pathring_options options = { .max_personalities = 2, .max_threads = 1 };
	struct pathring_identity *identity = NULL;
	char *name = NULL;
	unsigned int i = 0;
	int ret = -1;

	fixture_restart(f, &options);
	for (i = 0; i < 300; i++) {
		uid_t uid = 70000 + i;
		unsigned int unused = 0;

		for (unused = 0; unused < i % 4; unused++) {
			ret = pathring_identity_unix(
				f->ring, f, 80000 + i * 4 + unused, 80000, NULL, 0, &identity);
			assert_result(ret, 0);
			talloc_free(identity);
		}
		name = talloc_asprintf(f, "of-%u", i);
		scratch_file(f, name, uid, uid, 0600, "content");
		ret = pathring_identity_unix(f->ring, f, uid, uid, NULL, 0, &identity);
		assert_result(ret, 0);
		assert_result(try_open(f, identity, name, O_RDONLY), 0);
		if (i > 0) {
			name = talloc_asprintf(f, "of-%u", i - 1);
			assert_result(try_open(f, identity, name, O_RDONLY), -EACCES);
		}
		talloc_free(identity);
	}
}

/*
 * Two hundred identities with room for two personalities: they are registered and dropped all the
 * time, most of them while requests that name them are still to be submitted. Neighbours differ in
 * one group only.
 */
BACKEND_TEST(identity, many_identities_few_personalities)
{
	enum { IDENTITIES = 200, ROUNDS = 25, COUNT = IDENTITIES * ROUNDS };
	struct pathring_options options = { .max_personalities = 2, .entries = 64 };
	struct mixed *mixed = talloc_zero_array(f, struct mixed, COUNT);
	const struct pathring_xattr_query query = { .name = "user.test", .size = 16 };
	struct pathring_lookup_how how = {
		.mask = STATX_BASIC_STATS,
		.xattrs = &query,
		.num_xattrs = 1,
	};
	struct pathring_identity *identity = NULL;
	struct pathring_stats stats;
	char *name = NULL;
	unsigned int total = 0;
	unsigned int who = 0;
	unsigned int i = 0;
	gid_t group = 0;
	int ret = -1;

	fixture_restart(f, &options);
	for (i = 0; i < IDENTITIES; i++) {
		name = talloc_asprintf(f, "d%u", i);
		scratch_directory(f, name, 0, 70000 + i, 0710);
		name = talloc_asprintf(f, "d%u/file", i);
		scratch_file(f, name, 70000 + i, 0, 0600, "content");
		scratch_xattr(f, name, "user.test", "test");
	}
	for (i = 0; i < COUNT; i++) {
		who = (i * 7) % IDENTITIES;
		group = 70000 + who;
		ret = pathring_identity_unix(f->ring, f, USER_A, USER_A, &group, 1, &identity);
		assert_result(ret, 0);
		/* One in three looks into the next one's directory. */
		mixed[i].expected = i % 3 == 0 ? -EACCES : 0;
		who = i % 3 == 0 ? (who + 1) % IDENTITIES : who;
		mixed[i].owner = 70000 + who;
		mixed[i].call.f = f;
		mixed[i].call.total = &total;
		name = talloc_asprintf(f, "d%u/file", who);
		ret = pathring_lookup_request(f->ring,
					      identity,
					      f->dir,
					      name,
					      &how,
					      mixed_done,
					      &mixed[i],
					      &mixed[i].call.request);
		assert_result(ret, 0);
		talloc_free(name);
		talloc_free(identity);
	}
	loop_until(f, &total, COUNT);
	stats = fixture_stats(f);
	assert_leq(stats.personalities, 2);
	/*
	 * Those that nobody holds any more are forgotten, at the latest when the next one comes:
	 * servers run for months.
	 */
	fixture_user(f, USER_C);
	assert_leq(fixture_stats(f).identities, 10);
	if (f->backend == PATHRING_BACKEND_URING) {
		assert_geq(stats.registrations, IDENTITIES);
		/*
		 * A personality that went too early would be refused by the kernel, and the request
		 * run elsewhere.
		 */
		assert_eq(stats.fallbacks, 0);
	}
}
