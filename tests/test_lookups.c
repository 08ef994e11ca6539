/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lookups: many names of a directory in one request, in a helper thread and in the caller's; and
 * the names of all xattrs as part of a lookup of one or many names. What a lookup is, is in
 * test_look.c.
 */
#include "operations.h"

#include <limits.h>
#include <sys/xattr.h>

static const struct pathring_xattr_query queries[] = {
	{ "user.first", 100 },
	{ NULL, 100 },
	{ NULL, 3 },
	{ NULL, 0 },
};

static const struct pathring_lookup_how how = {
	.flags = O_NOFOLLOW,
	.mask = STATX_BASIC_STATS,
	.xattrs = queries,
	.num_xattrs = 4,
};

static void entries_of_request(struct fixture *f,
			       struct pathring_request *request,
			       size_t count,
			       struct pathring_lookups_entry *entries)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct pathring_xattr *xattrs = NULL;
		const struct statx *stx = NULL;
		struct pathring_lookup *lookup = NULL;
		size_t j;

		entries[i].result = pathring_lookups_result(request, i, &stx, &xattrs);
		if (entries[i].result != 0) {
			continue;
		}
		lookup = talloc_zero(entries, struct pathring_lookup);
		lookup->stx = *stx;
		for (j = 0; j < how.num_xattrs; j++) {
			lookup->xattrs[j].length = xattrs[j].length;
			if (xattrs[j].value != NULL) {
				lookup->xattrs[j].value = talloc_memdup(
					lookup, xattrs[j].value, (size_t)xattrs[j].length);
			}
		}
		assert_result(pathring_lookups_take_handle(request, i, lookup, &lookup->handle), 0);
		assert_result(pathring_lookups_take_handle(request, i, f, &lookup->handle), -EBADF);
		entries[i].lookup = lookup;
	}
	assert_result(pathring_lookups_result(request, count, NULL, NULL), -EINVAL);
}

/* The entries belong to f. */
static ssize_t do_lookups(struct fixture *f,
			  struct pathring_identity *identity,
			  const char *const *names,
			  size_t count,
			  bool here,
			  struct pathring_lookups_entry **entries)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	ssize_t ret = -1;

	*entries = NULL;
	if (f->form == FORM_SEND && !here) {
		INSIDE(f,
		       req = pathring_lookups_send(
			       f, f->ev, f->ring, identity, f->dir, names, count, &how));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_lookups_recv(req, f, entries));
		talloc_free(req);
		return ret;
	}
	if (here) {
		INSIDE(f,
		       ret = pathring_lookups_here(
			       f->ring, identity, f->dir, names, count, &how, &call.request));
	} else {
		INSIDE(f,
		       ret = pathring_lookups_request(f->ring,
						      identity,
						      f->dir,
						      names,
						      count,
						      &how,
						      call_done,
						      &call,
						      &call.request));
	}
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	if (!here) {
		call_complete(&call);
	}
	*entries = talloc_zero_array(f, struct pathring_lookups_entry, (unsigned int)count);
	entries_of_request(f, call.request, count, *entries);
	if (here) {
		INSIDE(f, pathring_request_free(call.request));
	} else {
		call_free(&call);
	}
	return (ssize_t)count;
}

static void make_names(struct fixture *f)
{
	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_xattr(f, "file", "user.first", "value");
	scratch_file(f, "private", USER_B, USER_B, 0600, "another");
	scratch_xattr(f, "private", "user.first", "secret");
	scratch_directory(f, "closed", USER_B, USER_B, 0700);
	scratch_file(f, "closed/file", USER_A, USER_A, 0644, "content");
	scratch_symlink(f, "link", "file");
}

static const char *const names[] = {
	"file", "missing", "private", "closed/file", "link", "closed"
};
#define NUM_NAMES (sizeof(names) / sizeof(names[0]))

static void check_as_user_a(struct fixture *f, bool here)
{
	struct pathring_identity *user = fixture_user(f, USER_A);
	struct pathring_lookups_entry *entries = NULL;
	struct stat st;
	size_t i;

	assert_result(do_lookups(f, user, names, NUM_NAMES, here, &entries), NUM_NAMES);
	assert_result(entries[1].result, -ENOENT);
	assert_null(entries[1].lookup);
	assert_result(entries[3].result, -EACCES);
	for (i = 0; i < NUM_NAMES; i++) {
		struct pathring_lookup *lookup = entries[i].lookup;

		if (i == 1 || i == 3) {
			continue;
		}
		assert_result(entries[i].result, 0);
		st = scratch_stat(f, names[i]);
		assert_eq(lookup->stx.stx_ino, st.st_ino);
		assert_eq(lookup->stx.stx_size, (uint64_t)st.st_size);
		assert_result(pathring_handle_io_fd(lookup->handle), -EBADF);
		assert_true(fcntl(pathring_handle_pathref_fd(lookup->handle), F_GETFL) & O_PATH);
	}
	assert_result(entries[0].lookup->xattrs[0].length, 5);
	assert_bytes(entries[0].lookup->xattrs[0].value, "value", 5);
	assert_result(entries[0].lookup->xattrs[1].length, sizeof("user.first"));
	assert_bytes(entries[0].lookup->xattrs[1].value, "user.first", sizeof("user.first"));
	assert_result(entries[0].lookup->xattrs[2].length, -ERANGE);
	assert_null(entries[0].lookup->xattrs[2].value);
	assert_result(entries[0].lookup->xattrs[3].length, sizeof("user.first"));
	assert_null(entries[0].lookup->xattrs[3].value);
	assert_result(entries[2].lookup->xattrs[0].length, -EACCES);
	assert_result(entries[2].lookup->xattrs[1].length, sizeof("user.first"));
	assert_result(entries[4].lookup->xattrs[1].length, 0);
	talloc_free(entries);
}

OPERATION_TEST(lookups, each_name_has_its_outcome)
{
	make_names(f);
	check_as_user_a(f, false);
}

OPERATION_TEST(lookups, each_name_has_its_outcome_here)
{
	make_names(f);
	check_as_user_a(f, true);
}

/* Enough names, with no path among them, for reading the xattrs by name (steady.h). */
static const char *const plain_names[] = {
	"file", "missing", "private", "link", "closed",
	"file", "private", "missing", "link", "file",
};
#define NUM_PLAIN_NAMES (sizeof(plain_names) / sizeof(plain_names[0]))

/* The same as the lookup of one name gives, whose xattrs are always those of its descriptor. */
static void check_against_single(struct fixture *f, bool here)
{
	struct pathring_identity *user = fixture_user(f, USER_A);
	struct pathring_lookups_entry *entries = NULL;
	struct pathring_lookup *single = NULL;
	size_t i;
	size_t j;

	assert_result(do_lookups(f, user, plain_names, NUM_PLAIN_NAMES, here, &entries),
		      NUM_PLAIN_NAMES);
	for (i = 0; i < NUM_PLAIN_NAMES; i++) {
		int ret = do_lookup(f, user, f->dir, plain_names[i], &how, &single);

		assert_result(entries[i].result, ret);
		if (ret != 0) {
			continue;
		}
		assert_eq(entries[i].lookup->stx.stx_ino, single->stx.stx_ino);
		for (j = 0; j < how.num_xattrs; j++) {
			const struct pathring_xattr *xattr = &entries[i].lookup->xattrs[j];

			assert_result(xattr->length, single->xattrs[j].length);
			if (xattr->value != NULL) {
				assert_bytes(xattr->value,
					     single->xattrs[j].value,
					     (size_t)xattr->length);
			}
		}
		talloc_free(single);
	}
	assert_result(entries[0].lookup->xattrs[0].length, 5);
	talloc_free(entries);
}

OPERATION_TEST(lookups, by_name_as_by_descriptor)
{
	make_names(f);
	check_against_single(f, false);
	check_against_single(f, true);
}

OPERATION_TEST(lookups, names_of_xattrs_in_a_lookup)
{
	struct pathring_lookup *lookup = NULL;

	make_names(f);
	assert_result(do_lookup(f, fixture_user(f, USER_A), f->dir, "file", &how, &lookup), 0);
	assert_result(lookup->xattrs[0].length, 5);
	assert_result(lookup->xattrs[1].length, sizeof("user.first"));
	assert_bytes(lookup->xattrs[1].value, "user.first", sizeof("user.first"));
	assert_result(lookup->xattrs[2].length, -ERANGE);
	assert_result(lookup->xattrs[3].length, sizeof("user.first"));
	talloc_free(lookup);
}

BACKEND_TEST(lookups, bad_arguments)
{
	static const char *const nothing[] = { NULL };
	static const char *const empty[] = { "file", "" };
	static const char *const absolute[] = { "file", "/etc" };
	static const char *const up[] = { "../x" };
	const char *many[PATHRING_LOOKUPS_MAX_NAMES + 1];
	const struct pathring_xattr_query long_list = { NULL, 65537 };
	struct pathring_lookup_how bad = how;
	struct pathring_lookups_entry *entries = NULL;
	struct pathring_request *request = NULL;
	size_t i;

	make_names(f);
	for (i = 0; i < PATHRING_LOOKUPS_MAX_NAMES + 1; i++) {
		many[i] = i % 2 == 0 ? "file" : "private";
	}
	assert_result(do_lookups(f, f->process, many, 0, false, &entries), -EINVAL);
	assert_result(
		do_lookups(f, f->process, many, PATHRING_LOOKUPS_MAX_NAMES + 1, false, &entries),
		-EINVAL);
	assert_result(do_lookups(f, f->process, many, PATHRING_LOOKUPS_MAX_NAMES, false, &entries),
		      PATHRING_LOOKUPS_MAX_NAMES);
	for (i = 0; i < PATHRING_LOOKUPS_MAX_NAMES; i++) {
		assert_result(entries[i].result, 0);
		assert_eq(entries[i].lookup->stx.stx_uid, i % 2 == 0 ? USER_A : USER_B);
	}
	talloc_free(entries);
	assert_result(do_lookups(f, f->process, nothing, 1, false, &entries), -EINVAL);
	assert_result(do_lookups(f, f->process, NULL, 1, false, &entries), -EINVAL);
	assert_result(do_lookups(f, f->process, empty, 2, false, &entries), -ENOENT);
	assert_result(do_lookups(f, f->process, absolute, 2, false, &entries), -EXDEV);
	assert_result(do_lookups(f, NULL, names, 1, false, &entries), -EINVAL);
	assert_result(do_lookups(f, f->process, up, 1, false, &entries), 1);
	assert_result(entries[0].result, -EXDEV);

	assert_result(pathring_lookups_request(
			      f->ring, f->process, NULL, names, 1, &how, call_done, NULL, &request),
		      -EINVAL);
	assert_result(
		pathring_lookups_request(
			f->ring, f->process, f->dir, names, 1, NULL, call_done, NULL, &request),
		-EINVAL);
	bad.flags = O_CREAT;
	assert_result(
		pathring_lookups_request(
			f->ring, f->process, f->dir, names, 1, &bad, call_done, NULL, &request),
		-EINVAL);
	/* Which of two mistakes is said is the same as for one name. */
	bad = how;
	bad.resolve = (uint64_t)1 << 40;
	assert_result(
		pathring_lookups_here(f->ring, f->process, f->dir, absolute, 2, &bad, &request),
		-EXDEV);
	bad = how;
	bad.xattrs = &long_list;
	bad.num_xattrs = 1;
	assert_result(pathring_lookups_here(f->ring, f->process, f->dir, names, 1, &bad, &request),
		      -EINVAL);
	assert_null(request);
}

/* What was moved out is the caller's; the rest is closed with the request. */
BACKEND_TEST(lookups, descriptors)
{
	static const char *const two[] = { "file", "private" };
	unsigned int before;
	int here;

	make_names(f);
	assert_result(pathring_start(f->ring), 0);
	check_as_user_a(f, false);
	before = count_descriptors();
	for (here = 0; here < 2; here++) {
		struct call call = { .f = f };
		int fd;

		if (here != 0) {
			assert_result(
				pathring_lookups_here(
					f->ring, f->process, f->dir, two, 2, &how, &call.request),
				0);
		} else {
			assert_result(pathring_lookups_request(f->ring,
							       f->process,
							       f->dir,
							       two,
							       2,
							       &how,
							       call_done,
							       &call,
							       &call.request),
				      0);
		}
		assert_result(pathring_request_wait(call.request), 0);
		assert_eq(count_descriptors(), before + 2);
		fd = pathring_lookups_take_fd(call.request, 1);
		assert_geq(fd, 0);
		assert_true(fcntl(fd, F_GETFL) & O_PATH);
		assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_result(pathring_lookups_take_fd(call.request, 1), -EBADF);
		assert_result(pathring_lookups_result(call.request, 1, NULL, NULL), 0);
		INSIDE(f, pathring_request_free(call.request));
		assert_eq(count_descriptors(), before + 1);
		assert_eq(close(fd), 0);
	}
}

static bool descriptors_are(struct fixture *f, void *arg)
{
	(void)f;
	return count_descriptors() == *(unsigned int *)arg;
}

/* Nobody waits for it any more: what it opens is closed. */
BACKEND_TEST(lookups, orphans)
{
	const char *many[500];
	unsigned int before;
	size_t i;

	make_names(f);
	for (i = 0; i < 500; i++) {
		many[i] = "file";
	}
	check_as_user_a(f, false);
	before = count_descriptors();
	for (i = 0; i < 20; i++) {
		struct pathring_request *request = NULL;
		struct call call = { .f = f };

		assert_result(pathring_lookups_request(f->ring,
						       f->process,
						       f->dir,
						       many,
						       500,
						       &how,
						       call_done,
						       &call,
						       &request),
			      0);
		if (i % 2 == 0) {
			assert_result(pathring_submit(f->ring), 0);
		}
		pathring_request_free(request);
	}
	loop_settle(f);
	loop_until_true(f, descriptors_are, &before);
}

static void here_in_child(struct fixture *f, void *arg)
{
	int *extra = arg;
	struct pathring_lookups_entry *entries = NULL;

	/* Other descriptors have the numbers that the parent's look-ups have. */
	*extra = open("/dev/null", O_RDONLY);
	f->form = FORM_WAIT;
	assert_result(do_lookups(f, f->process, names, NUM_NAMES, true, &entries), NUM_NAMES);
	assert_result(entries[0].lookup->xattrs[0].length, 5);
	assert_bytes(entries[0].lookup->xattrs[0].value, "value", 5);
	assert_result(entries[2].lookup->xattrs[0].length, 6);
}

/* It needs no backend, and makes the engine nobody's. */
BACKEND_TEST(lookups, here_does_not_start_the_engine)
{
	struct pathring_options options = { 0 };
	struct pathring_lookups_entry *entries = NULL;
	unsigned int threads;
	int extra = -1;

	make_names(f);
	fixture_restart(f, &options);
	f->form = FORM_WAIT;
	threads = count_threads();
	assert_result(do_lookups(f, f->process, names, NUM_NAMES, true, &entries), NUM_NAMES);
	assert_eq(pathring_backend(f->ring), PATHRING_BACKEND_AUTO);
	assert_eq(count_threads(), threads);
	in_child(f, here_in_child, &extra);
	talloc_free(entries);
	check_as_user_a(f, false);
	assert_neq(pathring_backend(f->ring), PATHRING_BACKEND_AUTO);
}

/* Complete when the function returns, under the identity that was named; nothing is left to tell.
 */
BACKEND_TEST(lookups, here_and_now)
{
	struct pathring_request *request = NULL;
	const struct pathring_xattr *xattrs = NULL;

	make_names(f);
	assert_result(
		pathring_lookups_here(
			f->ring, fixture_user(f, USER_A), f->dir, names, NUM_NAMES, &how, &request),
		0);
	assert_result(pathring_lookups_result(request, 2, NULL, &xattrs), 0);
	assert_result(xattrs[0].length, -EACCES);
	assert_eq(pathring_request_placement(request), PATHRING_INLINE);
	assert_eq(fixture_stats(f).operation[PATHRING_LOOKUPS].placed[PATHRING_INLINE], 1);
	loop_turns(f, 3);
	assert_result(pathring_lookups_result(request, 2, NULL, NULL), 0);
	pathring_request_free(request);
}
