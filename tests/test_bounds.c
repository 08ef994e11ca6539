/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * At the bounds: a hundred thousand requests, one more than there may be, no descriptor left, more
 * identities than the kernel has numbers for.
 */
#include "operations.h"

#include <sys/resource.h>

#define MANY 100000

/* ---- many requests ---- */

/* Without the checks of call_done(), which read /proc each time. */
static void count_done(struct pathring_request *request, void *private_data)
{
	unsigned int *done = private_data;

	(void)request;
	(*done)++;
}

/* Of a file that is there, of one that is not, of one that the identity may not read. */
static int make_request(struct fixture *f,
			struct pathring_identity *identity,
			unsigned int i,
			unsigned int *done,
			struct pathring_request **request)
{
	static const struct pathring_how how = { .flags = O_RDONLY };

	switch (i % 3) {
	case 0:
		return pathring_statx_request(
			f->ring, identity, f->dir, 0, STATX_BASIC_STATS, count_done, done, request);
	case 1:
		return pathring_openat_request(
			f->ring, identity, f->dir, "missing", &how, count_done, done, request);
	default:
		return pathring_openat_request(
			f->ring, identity, f->dir, "closed", &how, count_done, done, request);
	}
}

static int result_of(struct fixture *f, unsigned int i, struct pathring_request *request)
{
	struct pathring_handle *handle = NULL;
	struct statx stx;

	if (i % 3 == 0) {
		return pathring_statx_result(request, &stx);
	}
	return pathring_openat_result(request, f, &handle);
}

static struct pathring_request **
make_requests(struct fixture *f, unsigned int count, unsigned int *done)
{
	struct pathring_request **requests = talloc_array(f, struct pathring_request *, count);
	struct pathring_identity *users[2] = { fixture_user(f, USER_A), fixture_user(f, USER_B) };
	unsigned int i = 0;
	int ret = -1;

	assert_not_null(requests);
	for (i = 0; i < count; i++) {
		ret = make_request(f, users[i / 1000 % 2], i, done, &requests[i]);
		assert_eq(ret, 0, "request %u: %s", i, strerror(-ret));
	}
	return requests;
}

BACKEND_TEST(bounds, a_hundred_thousand_requests_at_once)
{
	static const int expected[] = { 0, -ENOENT, -EACCES };
	struct pathring_request **requests = NULL;
	struct pathring_stats stats;
	unsigned int done = 0;
	unsigned int i = 0;

	scratch_file(f, "closed", 0, 0, 0600, "content");
	requests = make_requests(f, MANY, &done);
	stats = fixture_stats(f);
	assert_eq(stats.queued, MANY);
	assert_eq(stats.in_flight, 0);
	loop_until(f, &done, MANY);
	stats = fixture_stats(f);
	assert_eq(stats.queued, 0);
	assert_eq(stats.in_flight, 0);
	for (i = 0; i < MANY; i++) {
		assert_eq(result_of(f, i, requests[i]), expected[i % 3], "request %u", i);
		pathring_request_free(requests[i]);
	}
	assert_eq(done, MANY);
}

/* Freed again, the last first, some given to the backend and most still queued. */
BACKEND_TEST(bounds, a_hundred_thousand_requests_freed)
{
	struct pathring_request **requests = NULL;
	struct pathring_stats stats;
	unsigned int submitted = 0;
	unsigned int done = 0;
	unsigned int i = 0;

	scratch_file(f, "closed", 0, 0, 0600, "content");
	for (submitted = 0; submitted < 2; submitted++) {
		requests = make_requests(f, MANY, &done);
		if (submitted == 1) {
			assert_result(pathring_submit(f->ring), 0);
		}
		for (i = MANY; i > 0; i--) {
			pathring_request_free(requests[i - 1]);
		}
		loop_settle(f);
		stats = fixture_stats(f);
		assert_eq(stats.queued, 0);
		assert_eq(stats.in_flight, 0);
		assert_eq(done, 0, "called after it was freed");
		talloc_free(requests);
	}
	assert_result(try_open(f, f->process, "closed", O_RDONLY), 0);
}

/* The same while whoever should run them is busy: none of them has begun. */
ASYNC_BACKEND_TEST(bounds, a_hundred_thousand_waiting_requests_freed)
{
	static const struct pathring_how how = { .flags = O_WRONLY };
	struct pathring_options options = { .max_threads = 1 };
	struct pathring_request **requests = NULL;
	struct pathring_request *blocked = NULL;
	struct pathring_handle *handle = NULL;
	struct blocker blocker;
	unsigned int opened = 0;
	unsigned int done = 0;
	unsigned int i = 0;
	int ret = -1;

	scratch_file(f, "closed", 0, 0, 0600, "content");
	fixture_restart(f, &options);
	blocker_arm(&blocker, f, "busy");
	ret = pathring_openat_request(
		f->ring, f->process, f->dir, "busy", &how, count_done, &opened, &blocked);
	assert_result(ret, 0);
	blocker_wait_hit(&blocker);
	requests = make_requests(f, MANY, &done);
	assert_result(pathring_submit(f->ring), 0);
	for (i = MANY; i > 0; i--) {
		pathring_request_free(requests[i - 1]);
	}
	assert_eq(opened, 0);
	blocker_release(&blocker);
	loop_until(f, &opened, 1);
	loop_settle(f);
	assert_eq(done, 0, "called after it was freed");
	assert_result(pathring_openat_result(blocked, f, &handle), 0);
	talloc_free(handle);
	pathring_request_free(blocked);
}

/* ---- one too many ---- */

static int send_one_too_many(struct fixture *f)
{
	struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_handle *handle = NULL;
	struct tevent_req *req = NULL;
	int ret = -1;

	INSIDE(f,
	       req = pathring_openat_send(f, f->ev, f->ring, f->process, f->dir, "missing", &how));
	assert_not_null(req);
	assert_false(tevent_req_is_in_progress(req));
	INSIDE(f, ret = pathring_openat_recv(req, f, &handle));
	talloc_free(req);
	return ret;
}

BACKEND_TEST(bounds, one_request_too_many)
{
	struct pathring_options options = { .max_requests = 50 };
	struct pathring_request **requests = NULL;
	struct pathring_request *extra = NULL;
	struct pathring_handle *handle = NULL;
	unsigned int done = 0;
	unsigned int round = 0;
	unsigned int i = 0;

	scratch_file(f, "closed", 0, 0, 0600, "content");
	fixture_restart(f, &options);
	for (round = 0; round < 2; round++) {
		done = 0;
		requests = make_requests(f, 50, &done);
		assert_eq(fixture_stats(f).queued, 50);
		assert_result(make_request(f, f->process, 0, &done, &extra), -ENOBUFS);
		assert_null(extra);
		assert_result(send_one_too_many(f), -ENOBUFS);
		assert_result(pathring_mkdirat_request(f->ring,
						       f->process,
						       f->dir,
						       "made",
						       0755,
						       count_done,
						       &done,
						       &extra),
			      -ENOBUFS);

		/* A handle is taken over by a close also when that fails. */
		if (round == 1) {
			int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			int ret = pathring_handle_dup(f, fd, PATHRING_IO, &handle);

			assert_result(ret, 0);
			close(fd);
			assert_result(
				pathring_close_request(
					f->ring, f->process, &handle, count_done, &done, &extra),
				-ENOBUFS);
			assert_null(handle);
		}

		/* Each that goes makes room for another. */
		pathring_request_free(requests[49]);
		assert_result(make_request(f, f->process, 0, &done, &requests[49]), 0);
		assert_result(make_request(f, f->process, 0, &done, &extra), -ENOBUFS);
		loop_until(f, &done, 50);
		/* Complete ones don't count, freed or not. */
		assert_result(try_open(f, f->process, "closed", O_RDONLY), 0);
		for (i = 0; i < 50; i++) {
			pathring_request_free(requests[i]);
		}
		assert_eq(done, 50);
	}
	assert_false(scratch_exists(f, "made"));
}

/* ---- no descriptor left ---- */

enum { LEFT = 3, ASKED = 12 };

/* Let a number of descriptors more be opened and not one above. */
static void leave_descriptors(int left)
{
	struct rlimit limit;
	int highest = -1;
	int fd = -1;
	int i = 0;

	for (i = 0; i < 4096; i++) {
		if (fcntl(i, F_GETFD) != -1) {
			highest = i;
		}
	}
	do {
		fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
		assert_geq(fd, 0);
	} while (fd < highest);
	assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)(fd > highest ? fd : highest) + 1 + (rlim_t)left;
	assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

struct asked {
	struct pathring_request *requests[ASKED];
	struct pathring_request *others[ASKED];
	struct pathring_handle *handles[ASKED];
	unsigned int done;
};

/* Opens, or lookups, and among them as many requests that need no descriptor. */
static void ask(struct fixture *f, struct asked *asked, bool lookup)
{
	static const struct pathring_how how = { .flags = O_RDONLY };
	static const struct pathring_xattr_query query = { "user.test", 16 };
	static const struct pathring_lookup_how lookup_how = {
		.mask = STATX_BASIC_STATS,
		.xattrs = &query,
		.num_xattrs = 1,
	};
	struct pathring_identity *a = fixture_user(f, USER_A);
	unsigned int *done = &asked->done;
	size_t i = 0;
	int ret = -1;

	*asked = (struct asked) { .done = 0 };
	for (i = 0; i < ASKED; i++) {
		struct pathring_request **request = &asked->requests[i];

		if (lookup) {
			ret = pathring_lookup_request(
				f->ring, a, f->dir, "file", &lookup_how, count_done, done, request);
		} else {
			ret = pathring_openat_request(
				f->ring, a, f->dir, "file", &how, count_done, done, request);
		}
		assert_result(ret, 0);
		ret = pathring_statx_request(f->ring,
					     a,
					     f->dir,
					     0,
					     STATX_BASIC_STATS,
					     count_done,
					     done,
					     &asked->others[i]);
		assert_result(ret, 0);
	}
	loop_until(f, done, 2 * ASKED);
}

/* How many succeeded; the others must say EMFILE. */
static unsigned int check_answers(struct fixture *f, struct asked *asked, bool lookup)
{
	unsigned int succeeded = 0;
	struct statx stx;
	size_t i = 0;
	int ret = -1;

	for (i = 0; i < ASKED; i++) {
		if (lookup) {
			ret = pathring_lookup_take_handle(
				asked->requests[i], f, &asked->handles[i]);
		} else {
			ret = pathring_openat_result(asked->requests[i], f, &asked->handles[i]);
		}
		if (ret == 0) {
			succeeded++;
		} else {
			assert_result(ret, -EMFILE);
			assert_null(asked->handles[i]);
		}
		assert_result(pathring_statx_result(asked->others[i], &stx), 0);
		pathring_request_free(asked->requests[i]);
		pathring_request_free(asked->others[i]);
	}
	return succeeded;
}

static void without_descriptors(struct fixture *f, void *arg)
{
	const bool *lookup = arg;
	struct pathring_stats stats;
	struct rlimit limit;
	struct asked asked;
	unsigned int round = 0;
	size_t i = 0;

	/* What the engine opens for itself is open before. */
	ask(f, &asked, *lookup);
	assert_eq(check_answers(f, &asked, *lookup), ASKED);
	for (i = 0; i < ASKED; i++) {
		talloc_free(asked.handles[i]);
	}
	loop_turns(f, 5);

	leave_descriptors(LEFT);
	for (round = 0; round < 3; round++) {
		ask(f, &asked, *lookup);
		assert_eq(check_answers(f, &asked, *lookup), LEFT, "round %u", round);
		for (i = 0; i < ASKED; i++) {
			talloc_free(asked.handles[i]);
		}
		loop_turns(f, 5);
	}
	assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur += ASKED;
	assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ask(f, &asked, *lookup);
	assert_eq(check_answers(f, &asked, *lookup), ASKED, "it did not recover");
	stats = fixture_stats(f);
	assert_eq(stats.queued, 0);
	assert_eq(stats.in_flight, 0);
	fixture_stop(f);
}

BACKEND_TEST(bounds, openat_without_descriptors)
{
	bool lookup = false;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	in_child(f, without_descriptors, &lookup);
}

BACKEND_TEST(bounds, lookup_without_descriptors)
{
	bool lookup = true;

	scratch_file(f, "file", USER_A, USER_A, 0600, "content");
	scratch_xattr(f, "file", "user.test", "value");
	in_child(f, without_descriptors, &lookup);
}

/* ---- more identities than numbers ---- */

#define FIRST_UID 100000

static int open_as(struct fixture *f, struct pathring_identity *identity, const char *name)
{
	static const struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_request *request = NULL;
	struct pathring_handle *handle = NULL;
	unsigned int done = 0;
	int ret = -1;

	ret = pathring_openat_request(
		f->ring, identity, f->dir, name, &how, count_done, &done, &request);
	assert_result(ret, 0);
	assert_result(pathring_request_wait(request), 0);
	ret = pathring_openat_result(request, f, &handle);
	pathring_request_free(request);
	talloc_free(handle);
	return ret;
}

/* Each in turn opens a file that is its own alone, and one that was its predecessor's. */
static void use_in_turn(struct fixture *f, unsigned int count, bool keep)
{
	struct pathring_identity *identity = NULL;
	struct pathring_identity *before = NULL;
	unsigned int i = 0;
	int fd = -1;
	int ret = -1;

	scratch_file(f, "own", 0, 0, 0400, "content");
	fd = open(scratch_path(f, "own"), O_RDONLY | O_CLOEXEC);
	assert_geq(fd, 0);
	for (i = 0; i < count; i++) {
		assert_eq(fchown(fd, FIRST_UID + i, FIRST_UID + i), 0);
		identity = fixture_user(f, FIRST_UID + i);
		ret = open_as(f, identity, "own");
		assert_eq(ret, 0, "uid %u: %s", FIRST_UID + i, strerror(-ret));
		if (before != NULL && i % 16 == 0) {
			assert_result(open_as(f, before, "own"), -EACCES);
		}
		if (!keep) {
			talloc_free(before);
		}
		before = identity;
	}
	close(fd);
}

/* What they create is theirs. */
static void check_owners(struct fixture *f, unsigned int count)
{
	struct pathring_identity *identity = NULL;
	char *name = NULL;
	unsigned int i = 0;
	struct stat st;

	for (i = 0; i < count; i += count / 50) {
		identity = fixture_user(f, FIRST_UID + i);
		name = talloc_asprintf(f, "made-%u", i);
		assert_result(do_symlinkat(f, identity, "target", f->dir, name), 0);
		st = scratch_stat(f, name);
		assert_eq(st.st_uid, FIRST_UID + i);
		assert_eq(st.st_gid, FIRST_UID + i);
		talloc_free(identity);
	}
}

static void many_identities(struct fixture *f, unsigned int max, unsigned int count, bool keep)
{
	struct pathring_options options = { .max_personalities = max };
	struct pathring_stats stats;

	assert_eq(chmod(f->path, 0777), 0);
	fixture_restart(f, &options);
	use_in_turn(f, count, keep);
	check_owners(f, count);
	stats = fixture_stats(f);
	assert_eq(stats.fallbacks, 0, "a personality was refused");
	if (f->backend == PATHRING_BACKEND_URING) {
		assert_leq(stats.personalities, max);
		assert_geq(stats.registrations, count);
	} else {
		assert_eq(stats.registrations, 0);
	}
	if (keep) {
		assert_geq(stats.identities, count);
	}
}

URING_TEST(bounds, more_identities_than_personalities)
{
	many_identities(f, 16, 66000, false);
	assert_eq(fixture_stats(f).personalities, 16);
}

URING_TEST(bounds, more_identities_than_the_kernel_has_personalities)
{
	many_identities(f, 65535, 66000, true);
	assert_eq(fixture_stats(f).personalities, 65535);
}

BACKEND_TEST(bounds, a_few_thousand_identities)
{
	many_identities(f, 64, 3000, true);
}

/* All on their way at once, and far more of them than personalities. */
BACKEND_TEST(bounds, identities_at_once)
{
	enum { COUNT = 2000 };
	static const struct pathring_how how = { .flags = O_RDONLY };
	struct pathring_options options = { .max_personalities = 2, .entries = 64 };
	struct pathring_request **requests = talloc_zero_array(f, struct pathring_request *, COUNT);
	struct pathring_identity *identity = NULL;
	struct pathring_handle *handle = NULL;
	char *name = NULL;
	unsigned int done = 0;
	unsigned int i = 0;
	int ret = -1;

	fixture_restart(f, &options);
	for (i = 0; i < COUNT; i++) {
		name = talloc_asprintf(f, "of-%u", i);
		scratch_file(f, name, FIRST_UID + i, FIRST_UID + i, 0400, "content");
		talloc_free(name);
	}
	for (i = 0; i < COUNT; i++) {
		/* Every fourth asks for its neighbour's. */
		name = talloc_asprintf(f, "of-%u", i % 4 == 3 ? i - 1 : i);
		identity = fixture_user(f, FIRST_UID + i);
		ret = pathring_openat_request(
			f->ring, identity, f->dir, name, &how, count_done, &done, &requests[i]);
		assert_result(ret, 0);
		talloc_free(identity);
		talloc_free(name);
	}
	loop_until(f, &done, COUNT);
	for (i = 0; i < COUNT; i++) {
		ret = pathring_openat_result(requests[i], f, &handle);
		assert_eq(ret, i % 4 == 3 ? -EACCES : 0, "uid %u", FIRST_UID + i);
		if (ret == 0) {
			talloc_free(handle);
		}
		pathring_request_free(requests[i]);
	}
	assert_leq(fixture_stats(f).personalities, 2);
	assert_eq(fixture_stats(f).fallbacks, 0);
}
