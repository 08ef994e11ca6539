/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns what while a request is on its way: handles and identities that are freed as soon as it
 * was made, requests that are freed before they are complete, engines that go. For every operation
 * that changes or lists something, on every backend.
 */
#include "operations.h"

#include <sys/xattr.h>

enum step {
	SETXATTR,
	LISTXATTR,
	REMOVEXATTR,
	FTRUNCATE,
	FALLOCATE,
	FCHMOD,
	FCHOWN,
	UTIMENS,
	STATFS,
	READDIR,
	READLINKAT,
	MKDIRAT,
	UNLINKAT,
	RENAMEAT,
	LINKAT,
	SYMLINKAT,
	STEPS
};

/* What the requests work on, opened anew for each. */
struct handles {
	struct pathring_handle *file;
	struct pathring_handle *pathref;
	struct pathring_handle *directory;
	struct pathring_handle *other;
	struct pathring_handle *link;
};

static const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };

static void files(struct fixture *f)
{
	scratch_directory(f, "sub", USER_A, USER_A, 0755);
	scratch_directory(f, "other", USER_A, USER_A, 0755);
	scratch_file(f, "file", USER_A, USER_A, 0644, "content");
	scratch_xattr(f, "file", "user.old", "value");
	scratch_symlink(f, "link", "target");
	scratch_file(f, "sub/unlinked", USER_A, USER_A, 0644, "content");
	scratch_file(f, "sub/renamed", USER_A, USER_A, 0644, "content");
	scratch_file(f, "sub/linked", USER_A, USER_A, 0644, "content");
}

static void open_handles(struct fixture *f, struct handles *handles)
{
	*handles = (struct handles) {
		.file = must_open(f, f->process, "file", O_RDWR),
		.pathref = must_open(f, f->process, "file", O_PATH),
		.directory = must_open(f, f->process, "sub", O_RDONLY | O_DIRECTORY),
		.other = must_open(f, f->process, "other", O_PATH | O_DIRECTORY),
		.link = must_open(f, f->process, "link", O_PATH | O_NOFOLLOW),
	};
}

static void free_handles(struct handles *handles)
{
	talloc_free(handles->file);
	talloc_free(handles->pathref);
	talloc_free(handles->directory);
	talloc_free(handles->other);
	talloc_free(handles->link);
}

static int request_on_file(struct fixture *f,
			   enum step step,
			   struct pathring_identity *who,
			   const struct handles *h,
			   struct call *call)
{
	struct pathring_request **request = &call->request;
	struct pathring *ring = f->ring;

	switch (step) {
	case SETXATTR:
		return pathring_setxattr_request(
			ring, who, h->pathref, "user.new", "new", 3, 0, call_done, call, request);
	case LISTXATTR:
		return pathring_listxattr_request(
			ring, who, h->pathref, 1000, call_done, call, request);
	case REMOVEXATTR:
		return pathring_removexattr_request(
			ring, who, h->pathref, "user.old", call_done, call, request);
	case FTRUNCATE:
		return pathring_ftruncate_request(ring, who, h->file, 3, call_done, call, request);
	case FALLOCATE:
		return pathring_fallocate_request(
			ring, who, h->file, 0, 0, 8192, call_done, call, request);
	case FCHMOD:
		return pathring_fchmod_request(
			ring, who, h->pathref, 0600, call_done, call, request);
	case FCHOWN:
		return pathring_fchown_request(
			ring, who, h->pathref, (uid_t)-1, USER_A, call_done, call, request);
	case UTIMENS:
	default:
		return pathring_utimens_request(
			ring, who, h->pathref, times, call_done, call, request);
	}
}

static int request_step(struct fixture *f,
			enum step step,
			struct pathring_identity *who,
			const struct handles *h,
			struct call *call)
{
	struct pathring_request **request = &call->request;
	struct pathring_handle *dir = h->directory;
	struct pathring *ring = f->ring;

	switch (step) {
	case STATFS:
		return pathring_statfs_request(ring, who, h->pathref, call_done, call, request);
	case READDIR:
		return pathring_readdir_request(ring, who, dir, 0, 4096, call_done, call, request);
	case READLINKAT:
		return pathring_readlinkat_request(ring, who, h->link, call_done, call, request);
	case MKDIRAT:
		return pathring_mkdirat_request(
			ring, who, dir, "made", 0750, call_done, call, request);
	case UNLINKAT:
		return pathring_unlinkat_request(
			ring, who, dir, "unlinked", 0, call_done, call, request);
	case RENAMEAT:
		return pathring_renameat_request(
			ring, who, dir, "renamed", h->other, "moved", 0, call_done, call, request);
	case LINKAT:
		return pathring_linkat_request(
			ring, who, dir, "linked", h->other, "second", call_done, call, request);
	case SYMLINKAT:
		return pathring_symlinkat_request(
			ring, who, "target", dir, "symlink", call_done, call, request);
	default:
		return request_on_file(f, step, who, h, call);
	}
}

/* Make the request; handles and identity are gone when this returns. */
static void begin(struct fixture *f, enum step step, struct call *call)
{
	struct pathring_identity *a = fixture_user(f, USER_A);
	struct handles handles;
	int ret = -1;

	*call = (struct call) { .f = f };
	open_handles(f, &handles);
	INSIDE(f, ret = request_step(f, step, a, &handles, call));
	assert_eq(ret, 0, "step %d: %s", step, strerror(-ret));
	INSIDE(f, talloc_free(a));
	INSIDE(f, free_handles(&handles));
}

static void assert_all_done(struct fixture *f)
{
	struct stat st = scratch_stat(f, "file");

	assert_eq(getxattr(scratch_path(f, "file"), "user.new", NULL, 0), 3);
	assert_eq(getxattr(scratch_path(f, "file"), "user.old", NULL, 0), -1);
	assert_eq(st.st_size, 8192);
	assert_eq(st.st_mode & 07777, 0600);
	assert_eq(st.st_mtim.tv_sec, 2000);
	st = scratch_stat(f, "sub/made");
	assert_eq(st.st_uid, USER_A);
	assert_eq(st.st_mode, S_IFDIR | 0750);
	assert_str_eq(scratch_listing(f, "sub"), "linked\nmade\nsymlink\n", "in sub");
	assert_str_eq(scratch_listing(f, "other"), "moved\nsecond\n", "in other");
	assert_eq(scratch_stat(f, "sub/symlink").st_uid, USER_A);
}

BACKEND_TEST(ownership, handles_and_identity_freed_at_once)
{
	unsigned int descriptors = 0;
	enum step step = 0;
	struct call call;

	f->form = FORM_FUNCTION;
	files(f);
	/* What the engine itself opens for the first of all is not counted. */
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	assert_result(do_mkdirat(f, f->process, f->dir, "first", 0755), 0);
	descriptors = count_descriptors();
	for (step = 0; step < STEPS; step++) {
		begin(f, step, &call);
		call_complete(&call);
		call_free(&call);
		assert_eq(count_descriptors(), descriptors, "step %d", step);
	}
	assert_all_done(f);
}

/* All of them on their way at once; the order among them is nobody's promise. */
BACKEND_TEST(ownership, all_at_once)
{
	struct call calls[STEPS];
	enum step step = 0;
	size_t i = 0;

	f->form = FORM_FUNCTION;
	files(f);
	for (step = 0; step < STEPS; step++) {
		begin(f, step, &calls[step]);
	}
	for (i = 0; i < STEPS; i++) {
		call_complete(&calls[i]);
	}
	assert_result(pathring_readlinkat_result(calls[READLINKAT].request, NULL), 6);
	assert_result(pathring_mkdirat_result(calls[MKDIRAT].request), 0);
	assert_result(pathring_renameat_result(calls[RENAMEAT].request), 0);
	for (i = 0; i < STEPS; i++) {
		call_free(&calls[i]);
	}
	assert_str_eq(scratch_listing(f, "other"), "moved\nsecond\n", "in other");
	assert_eq(scratch_stat(f, "sub/made").st_uid, USER_A);
}

/*
 * Freed before it is complete, queued only or given to the backend: whether it was done is open,
 * but nothing is left of it, and it was done as nobody else.
 */
BACKEND_TEST(ownership, requests_freed_early)
{
	unsigned int descriptors = 0;
	unsigned int submitted = 0;
	enum step step = 0;
	struct call call;

	f->form = FORM_FUNCTION;
	files(f);
	assert_result(try_open(f, f->process, "file", O_RDONLY), 0);
	assert_result(do_mkdirat(f, f->process, f->dir, "first", 0755), 0);
	descriptors = count_descriptors();
	for (submitted = 0; submitted < 2; submitted++) {
		for (step = 0; step < STEPS; step++) {
			begin(f, step, &call);
			if (submitted == 1) {
				assert_result(pathring_submit(f->ring), 0);
			}
			INSIDE(f, pathring_request_free(call.request));
			loop_settle(f);
			assert_eq(call.calls, 0, "called after it was freed");
			assert_eq(count_descriptors(), descriptors, "step %d", step);
		}
		if (submitted == 0) {
			assert_true(scratch_exists(f, "sub/unlinked"), "done though never given");
			assert_false(scratch_exists(f, "sub/made"), "done though never given");
		}
	}
	if (scratch_exists(f, "sub/made")) {
		assert_eq(scratch_stat(f, "sub/made").st_uid, USER_A);
	}
}

/* The engine goes with all of them on their way; the fixture looks for what is left. */
BACKEND_TEST(ownership, engine_freed_meanwhile)
{
	struct pathring_identity *a = NULL;
	struct call calls[STEPS];
	struct handles handles;
	unsigned int submitted = 0;
	enum step step = 0;
	int ret = -1;

	files(f);
	for (submitted = 0; submitted < 2; submitted++) {
		open_handles(f, &handles);
		a = fixture_user(f, USER_A);
		for (step = 0; step < STEPS; step++) {
			calls[step] = (struct call) { .f = f };
			INSIDE(f, ret = request_step(f, step, a, &handles, &calls[step]));
			assert_eq(ret, 0, "step %d: %s", step, strerror(-ret));
		}
		if (submitted == 1) {
			assert_result(pathring_submit(f->ring), 0);
		}
		INSIDE(f, free_handles(&handles));
		fixture_restart(f, NULL);
		loop_turns(f, 10);
		for (step = 0; step < STEPS; step++) {
			assert_eq(calls[step].calls, 0, "called after the engine was freed");
		}
	}
}
