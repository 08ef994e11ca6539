/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where requests run and why: pinned, by what the engine has learned, and what it must not do in
 * its own thread.
 */
#include <sched.h>
#include <sys/mount.h>

#include "../engine/mounts.h"
#include "../engine/placement.h"
#include "../engine/request.h"
#include "operations.h"

static const struct pathring_lookup_how basic = { .mask = STATX_BASIC_STATS };

static uint64_t reason(const struct fixture *f, enum pathring_reason which)
{
	return fixture_stats(f).operation[PATHRING_LOOKUP].reason[which];
}

static uint64_t placed(const struct fixture *f, enum pathring_placement where)
{
	return fixture_stats(f).operation[PATHRING_LOOKUP].placed[where];
}

static struct call *start_lookups(struct fixture *f,
				  struct pathring_identity *const *identities,
				  size_t num_identities,
				  size_t count,
				  unsigned int *done)
{
	struct call *calls = talloc_zero_array(f, struct call, count);
	size_t i = 0;
	int ret = -1;

	assert_not_null(calls);
	for (i = 0; i < count; i++) {
		calls[i].f = f;
		calls[i].total = done;
		INSIDE(f,
		       ret = pathring_lookup_request(f->ring,
						     identities[i % num_identities],
						     f->dir,
						     "file",
						     &basic,
						     call_done,
						     &calls[i],
						     &calls[i].request));
		assert_result(ret, 0);
	}
	return calls;
}

static void free_lookups(struct call *calls, size_t count)
{
	size_t i = 0;

	for (i = 0; i < count; i++) {
		assert_result(pathring_lookup_result(calls[i].request, NULL, NULL), 0);
		pathring_request_free(calls[i].request);
	}
	talloc_free(calls);
}

/*
 * One switch there for each identity, however many requests it has: 16, which are attempted without
 * a look at the clock.
 */
ONE_TEST_ON(placement, one_switch_for_a_batch, inline)
{
	struct pathring_identity *users[] = { fixture_user(f, USER_A), fixture_user(f, USER_B) };
	struct call *calls = NULL;
	unsigned int done = 0;
	uint64_t before = 0;

	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	assert_result(try_lookup(f, users[0], "file"), 0);
	before = fixture_stats(f).switches;
	calls = start_lookups(f, users, 2, 32, &done);
	loop_until(f, &done, 32);
	assert_eq(fixture_stats(f).switches - before, 2);
	free_lookups(calls, 32);
	assert_eq(placed(f, PATHRING_INLINE), 33);
	assert_eq(reason(f, PATHRING_REASON_PINNED), 33);
}

/* A denied user is denied here as well, and the other is not. */
ONE_TEST_ON(placement, batches_keep_identities_apart, inline)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct pathring_identity *b = fixture_user(f, USER_B);

	scratch_directory(f, "of_a", USER_A, USER_A, 0700);
	scratch_file(f, "of_a/file", USER_A, USER_A, 0644, "x");
	assert_result(try_lookup(f, a, "of_a/file"), 0);
	assert_result(try_lookup(f, b, "of_a/file"), -EACCES);
	assert_result(try_lookup(f, a, "of_a/file"), 0);
	/* The kernel does not say no from the cache alone: that takes the ring. */
	assert_eq(placed(f, PATHRING_INLINE), 2);
	assert_eq(placed(f, PATHRING_RING), 1);
}

/* The thread is that identity already: nothing is switched. */
ONE_TEST_ON(placement, no_switch_for_who_one_is, inline)
{
	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	assert_result(try_lookup(f, f->process, "file"), 0);
	assert_eq(placed(f, PATHRING_INLINE), 1);
	assert_eq(fixture_stats(f).switches, 0);
}

static void assert_placed(const struct fixture *f,
			  enum pathring_operation operation,
			  enum pathring_placement where,
			  uint64_t expected)
{
	const struct pathring_stats stats = fixture_stats(f);

	assert_eq(stats.operation[operation].placed[where], expected);
}

/* What asks a server has a choice, too; what has one place stays there. */
ONE_TEST_ON(placement, in_a_thread_where_that_was_asked_for, uring)
{
	struct pathring_options options = { .pin = PATHRING_PIN_THREAD };
	struct pathring_identity *a = NULL;
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *proc = NULL;
	struct statx stx = { 0 };
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	fixture_restart(f, &options);
	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	scratch_directory(f, "of_b", USER_B, USER_B, 0700);
	a = fixture_user(f, USER_A);
	assert_result(try_lookup(f, a, "file"), 0);
	assert_result(try_lookup(f, a, "of_b/file"), -EACCES);
	assert_result(pathring_handle_borrow(f, fd, PATHRING_PATHREF, &proc), 0);
	assert_result(do_lookup(f, f->process, proc, "version", &basic, &lookup), 0);
	assert_placed(f, PATHRING_LOOKUP, PATHRING_THREAD, 3);
	assert_eq(reason(f, PATHRING_REASON_PINNED), 3);
	assert_eq(fixture_stats(f).fallbacks, 0);

	assert_result(do_statx(f, a, f->dir, 0, STATX_BASIC_STATS, &stx), 0);
	assert_placed(f, PATHRING_STATX, PATHRING_INLINE, 1);
	assert_result(do_unlinkat(f, f->process, f->dir, "file", 0), 0);
	assert_placed(f, PATHRING_UNLINKAT, PATHRING_RING, 1);
	INSIDE(f, talloc_free(lookup));
	talloc_free(proc);
	close(fd);
}

/* A name that nobody has looked up is not in the cache; it may not be waited for here. */
ONE_TEST_ON(placement, what_is_not_cached_goes_elsewhere, inline)
{
	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	assert_result(try_lookup(f, f->process, "never_looked_up_before"), -ENOENT);
	assert_eq(reason(f, PATHRING_REASON_NOT_CACHED) + reason(f, PATHRING_REASON_PINNED), 1);
	assert_eq(placed(f, PATHRING_RING), reason(f, PATHRING_REASON_NOT_CACHED));
}

/* Symbolic links are followed as asked for, whatever the shortcut of an attempt thinks of them. */
ONE_TEST_ON(placement, links_are_followed_all_the_same, inline)
{
	scratch_directory(f, "directory", USER_A, USER_A, 0755);
	scratch_file(f, "directory/file", USER_A, USER_A, 0644, "x");
	scratch_symlink(f, "link", "directory");
	scratch_symlink(f, "outside", "/etc");
	assert_result(try_lookup(f, f->process, "link/file"), 0);
	assert_result(try_lookup(f, f->process, "outside/passwd"), -EXDEV);
	assert_result(try_lookup(f, f->process, "directory/../directory/file"), 0);
	assert_result(try_lookup(f, f->process, "directory/../../x"), -EXDEV);
}

/* A file system that might ask a server is none of this thread's business. */
static void lookup_on_proc(struct fixture *f, uint64_t expected_remote)
{
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *proc = NULL;
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_geq(fd, 0);
	assert_result(pathring_handle_borrow(f, fd, PATHRING_PATHREF, &proc), 0);
	assert_result(do_lookup(f, f->process, proc, "version", &basic, &lookup), 0);
	INSIDE(f, talloc_free(lookup));
	talloc_free(proc);
	close(fd);
	assert_eq(reason(f, PATHRING_REASON_REMOTE), expected_remote);
	assert_eq(placed(f, PATHRING_INLINE), 0);
}

ONE_TEST_ON(placement, not_on_other_file_systems, inline)
{
	lookup_on_proc(f, 1);
}

/* Below a local directory another file system may be mounted. */
static void cross_mount(struct fixture *f, void *arg)
{
	struct pathring_options options = { .pin = PATHRING_PIN_INLINE };
	char *path = scratch_path(f, "mounted");
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *dir = NULL;
	int ret = -1;
	int fd = -1;

	(void)arg;
	ret = unshare(CLONE_NEWNS);
	if (ret == -1) {
		fprintf(stderr, "no mount namespace: not tested\n");
		return;
	}
	assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_eq(mount("proc", path, "proc", 0, NULL), 0);
	fixture_restart(f, &options);
	fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_result(pathring_handle_borrow(f, fd, PATHRING_PATHREF, &dir), 0);
	assert_result(do_lookup(f, f->process, dir, "mounted/version", &basic, &lookup), 0);
	assert_result(do_lookup(f, f->process, dir, "mounted/version", &basic, &lookup), 0);
	/* Nor on the ring: it might be a file system that no personality is enough for. */
	assert_eq(placed(f, PATHRING_THREAD), 2);
	fixture_stop(f);
	umount2(path, MNT_DETACH);
}

ONE_TEST_ON(placement, not_across_a_mount_point, inline)
{
	scratch_directory(f, "mounted", 0, 0, 0755);
	in_child(f, cross_mount, NULL);
}

/* However much there is to do, the loop goes round. */
ONE_TEST_ON(placement, leaves_time_for_the_loop, inline)
{
	struct call *calls = talloc_zero_array(f, struct call, 20000);
	unsigned int done = 0;
	unsigned int turns = 0;
	size_t i = 0;
	int ret = -1;

	assert_not_null(calls);
	for (i = 0; i < 20000; i++) {
		calls[i] = (struct call) { .f = f, .total = &done };
		INSIDE(f,
		       ret = pathring_getxattr_request(f->ring,
						       f->process,
						       f->dir,
						       "user.none",
						       0,
						       call_done,
						       &calls[i],
						       &calls[i].request));
		assert_result(ret, 0);
	}
	while (done < 20000) {
		assert_eq(tevent_loop_once(f->ev), 0);
		turns++;
		assert_lt(turns, 1000000);
	}
	assert_gt(turns, 5, "20,000 requests in one go");
	for (i = 0; i < 20000; i++) {
		pathring_request_free(calls[i].request);
	}
	talloc_free(calls);
}

/* ---- the policy alone ---- */

struct policy {
	struct pathring_request *request;
	struct mount *mount;
};

static struct policy policy_start(struct fixture *f)
{
	struct pathring_options options = { .pin = PATHRING_PIN_LEARNED };
	struct pathring_identity *users[] = { NULL };
	struct policy policy = { .request = NULL };
	struct call *calls = NULL;
	unsigned int done = 0;

	f->pin = PATHRING_PIN_LEARNED;
	scratch_file(f, "file", USER_A, USER_A, 0644, "x");
	fixture_restart(f, &options);
	users[0] = f->process;
	calls = start_lookups(f, users, 1, 1, &done);
	loop_until(f, &done, 1);
	policy.request = calls[0].request;
	policy.mount = mount_known(f->ring, policy.request->operation.mount_id);
	assert_not_null(policy.mount, "the scratch directory is not on a local file system");
	placement_assume(f->ring);
	placement_assume_mount(policy.mount);
	return policy;
}

static unsigned int decide(struct fixture *f, struct policy *policy, size_t count, bool switching)
{
	enum pathring_reason why = PATHRING_REASON_ONLY_WAY;
	unsigned int attempts = 0;
	unsigned int i = 0;

	for (i = 0; i < 1024; i++) {
		f->ring->submission.number++;
		attempts +=
			placement_attempts_batch(f->ring, policy->request, count, switching, &why);
	}
	return attempts;
}

static void learn_attempts(struct fixture *f, struct policy *policy, size_t missed, uint64_t nsec)
{
	unsigned int i = 0;

	for (i = 0; i < 100; i++) {
		placement_learn_attempts(f->ring, policy->request, 16, missed, 16 * nsec);
	}
}

/* Mostly the one, with a few tries of the other. */
#define MOSTLY 1000
#define RARELY 24

ONE_TEST_ON(placement, takes_what_is_cheaper, inline)
{
	struct policy policy = policy_start(f);

	learn_attempts(f, &policy, 0, 2000);
	assert_geq(decide(f, &policy, 1, false), MOSTLY);
	learn_attempts(f, &policy, 0, 30000);
	assert_leq(decide(f, &policy, 1, false), RARELY);
	learn_attempts(f, &policy, 0, 2000);
	assert_geq(decide(f, &policy, 1, false), MOSTLY, "a wrong guess is not corrected");
	pathring_request_free(policy.request);
}

ONE_TEST_ON(placement, counts_the_switch_once_a_batch, inline)
{
	struct policy policy = policy_start(f);
	unsigned int i = 0;

	learn_attempts(f, &policy, 0, 2000);
	for (i = 0; i < 100; i++) {
		placement_learn_switch(f->ring, 40000);
	}
	assert_leq(decide(f, &policy, 1, true), RARELY);
	assert_geq(decide(f, &policy, 1, false), MOSTLY);
	assert_geq(decide(f, &policy, 64, true), MOSTLY);
	pathring_request_free(policy.request);
}

/* What it assumes of the ring is replaced by what the ring does. */
ONE_TEST_ON(placement, learns_from_the_ring, inline)
{
	struct policy policy = policy_start(f);
	struct cost_elsewhere *alone = &policy.mount->costs[PATHRING_LOOKUP].elsewhere[0];
	unsigned int i = 0;

	learn_attempts(f, &policy, 0, 1000000);
	alone->nsec = 900000;
	for (i = 0; i < 50; i++) {
		assert_result(try_lookup(f, f->process, "file"), 0);
	}
	assert_neq(alone->nsec, 900000, "nothing was learned of %u lookups", i);
	assert_gt(placed(f, PATHRING_RING), 40);
	pathring_request_free(policy.request);
}

ONE_TEST_ON(placement, tries_the_other_way_now_and_then, inline)
{
	struct policy policy = policy_start(f);

	learn_attempts(f, &policy, 0, 12000);
	assert_geq(decide(f, &policy, 1, false), MOSTLY);
	assert_lt(decide(f, &policy, 1, false), 1024, "never learns of the other way again");
	pathring_request_free(policy.request);
}

/* Missing costs little each time, and the cache may be warm again soon. */
ONE_TEST_ON(placement, comes_back_after_misses, inline)
{
	struct policy policy = policy_start(f);

	learn_attempts(f, &policy, 16, 16000);
	assert_leq(placement_attempts_batch(
			   f->ring, policy.request, 1, false, &(enum pathring_reason) { 0 }),
		   0);
	assert_gt(decide(f, &policy, 1, false), 0, "never comes back");
	pathring_request_free(policy.request);
}

ONE_TEST_ON(placement, one_outlier_is_forgiven_and_two_are_not, inline)
{
	struct policy policy = policy_start(f);

	policy.request->operation.target = handle_descriptor(f->dir);
	placement_learn_attempts(f->ring, policy.request, 1, 0, 50000000);
	assert_eq(placement_may_attempt(f->ring, policy.request), 1);
	placement_learn_attempts(f->ring, policy.request, 1, 0, 2000);
	placement_learn_attempts(f->ring, policy.request, 1, 0, 50000000);
	assert_eq(placement_may_attempt(f->ring, policy.request), 1);
	placement_learn_attempts(f->ring, policy.request, 1, 0, 50000000);
	assert_eq(placement_may_attempt(f->ring, policy.request), 0);
	assert_eq(policy.request->reason, PATHRING_REASON_SLOW);
	policy.request->operation.target = NULL;
	pathring_request_free(policy.request);
}

ONE_TEST_ON(account, says_what_was_learned_and_why, inline)
{
	struct policy policy = policy_start(f);
	char *text = NULL;

	assert_result(try_lookup(f, f->process, "file"), 0);
	decide(f, &policy, 1, false);
	text = pathring_account(f->ring, f);
	assert_not_null(strstr(text, "lookup       here"), "%s", text);
	assert_not_null(strstr(text, pathring_reason_text(PATHRING_REASON_CHEAPER)), "%s", text);
	pathring_request_free(policy.request);
}
