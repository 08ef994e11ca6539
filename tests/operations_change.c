/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations that change files and directories or list them, as blocking calls in each form.
 * Names, values and structures that the caller gave are spoilt as soon as the call has returned:
 * the engine must have its own.
 */
#include "operations.h"

static char *own_copy(struct fixture *f, const char *string)
{
	char *copy = NULL;

	if (string != NULL) {
		copy = talloc_strdup(f, string);
		assert_not_null(copy);
	}
	return copy;
}

static void spoil(void *copy)
{
	if (copy != NULL) {
		memset(copy, 0xee, talloc_get_size(copy));
		talloc_free(copy);
	}
}

/*
 * An operation whose outcome is a number. spoiling: what is done to the caller's memory once the
 * call has returned.
 */
#define RUN(f, ret, operation, spoiling, ...)                                              \
	do {                                                                               \
		struct call call = { .f = (f) };                                           \
		struct tevent_req *req = NULL;                                             \
                                                                                           \
		if ((f)->form == FORM_SEND) {                                              \
			INSIDE(f,                                                          \
			       req = pathring_##operation##_send(                          \
				       f, (f)->ev, (f)->ring, __VA_ARGS__));               \
			spoiling;                                                          \
			sent_complete(f, req);                                             \
			INSIDE(f, ret = pathring_##operation##_recv(req));                 \
			talloc_free(req);                                                  \
			break;                                                             \
		}                                                                          \
		INSIDE(f,                                                                  \
		       ret = pathring_##operation##_request(                               \
			       (f)->ring, __VA_ARGS__, call_done, &call, &call.request));  \
		spoiling;                                                                  \
		if (ret != 0) {                                                            \
			assert_null(call.request);                                         \
			break;                                                             \
		}                                                                          \
		call_complete(&call);                                                      \
		ret = pathring_##operation##_result(call.request);                         \
		assert_eq(pathring_##operation##_result(call.request), ret, "it changed"); \
		call_free(&call);                                                          \
	} while (0)

int do_setxattr(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *handle,
		const char *name,
		const void *value,
		size_t size,
		int flags)
{
	char *own_name = own_copy(f, name);
	void *own_value = value != NULL ? talloc_memdup(f, value, size) : NULL;
	int ret = -1;

	RUN(f,
	    ret,
	    setxattr,
	    (spoil(own_name), spoil(own_value)),
	    identity,
	    handle,
	    own_name,
	    own_value,
	    size,
	    flags);
	return ret;
}

ssize_t do_listxattr(struct fixture *f,
		     struct pathring_identity *identity,
		     struct pathring_handle *handle,
		     size_t size,
		     char **names)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	const char *inside = NULL;
	ssize_t ret = -1;

	*names = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_listxattr_send(f, f->ev, f->ring, identity, handle, size));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_listxattr_recv(req, f, names));
		talloc_free(req);
		if (*names != NULL) {
			assert_true(talloc_parent(*names) == f, "the names have another owner");
		}
		return ret;
	}
	INSIDE(f,
	       ret = pathring_listxattr_request(
		       f->ring, identity, handle, size, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_listxattr_result(call.request, &inside);
	assert_eq(pathring_listxattr_result(call.request, NULL), ret, "the result changed");
	if (ret >= 0 && size > 0) {
		assert_not_null(inside);
		*names = talloc_memdup(f, inside, (size_t)ret);
	}
	call_free(&call);
	return ret;
}

int do_removexattr(struct fixture *f,
		   struct pathring_identity *identity,
		   struct pathring_handle *handle,
		   const char *name)
{
	char *own_name = own_copy(f, name);
	int ret = -1;

	RUN(f, ret, removexattr, spoil(own_name), identity, handle, own_name);
	return ret;
}

int do_ftruncate(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 off_t length)
{
	int ret = -1;

	RUN(f, ret, ftruncate, (void)0, identity, handle, length);
	return ret;
}

int do_fallocate(struct fixture *f,
		 struct pathring_identity *identity,
		 struct pathring_handle *handle,
		 int mode,
		 off_t offset,
		 off_t length)
{
	int ret = -1;

	RUN(f, ret, fallocate, (void)0, identity, handle, mode, offset, length);
	return ret;
}

int do_fchmod(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      mode_t mode)
{
	int ret = -1;

	RUN(f, ret, fchmod, (void)0, identity, handle, mode);
	return ret;
}

int do_fchown(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      uid_t uid,
	      gid_t gid)
{
	int ret = -1;

	RUN(f, ret, fchown, (void)0, identity, handle, uid, gid);
	return ret;
}

int do_utimens(struct fixture *f,
	       struct pathring_identity *identity,
	       struct pathring_handle *handle,
	       const struct timespec times[2])
{
	struct timespec *own_times = NULL;
	int ret = -1;

	if (times != NULL) {
		own_times = talloc_memdup(f, times, 2 * sizeof(times[0]));
	}
	RUN(f, ret, utimens, spoil(own_times), identity, handle, own_times);
	return ret;
}

int do_statfs(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *handle,
	      struct statfs *statfs)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	int ret = -1;

	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_statfs_send(f, f->ev, f->ring, identity, handle));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_statfs_recv(req, statfs));
		talloc_free(req);
		return ret;
	}
	INSIDE(f,
	       ret = pathring_statfs_request(
		       f->ring, identity, handle, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_statfs_result(call.request, statfs);
	call_free(&call);
	return ret;
}

/* The entries with names of their own, as pathring_readdir_recv() gives them. */
static struct pathring_entry *
own_entries(struct fixture *f, const struct pathring_entry *inside, size_t count)
{
	struct pathring_entry *entries = talloc_array(f, struct pathring_entry, count);
	size_t i = 0;

	assert_not_null(entries);
	for (i = 0; i < count; i++) {
		entries[i] = inside[i];
		entries[i].name = talloc_strdup(entries, inside[i].name);
	}
	return entries;
}

ssize_t do_readdir(struct fixture *f,
		   struct pathring_identity *identity,
		   struct pathring_handle *handle,
		   uint64_t position,
		   size_t size,
		   struct pathring_entry **entries)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	const struct pathring_entry *inside = NULL;
	ssize_t ret = -1;

	*entries = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f,
		       req = pathring_readdir_send(
			       f, f->ev, f->ring, identity, handle, position, size));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_readdir_recv(req, f, entries));
		talloc_free(req);
		assert_eq(ret > 0, *entries != NULL);
		if (*entries != NULL) {
			assert_true(talloc_parent(*entries) == f, "another owner");
		}
		return ret;
	}
	INSIDE(f,
	       ret = pathring_readdir_request(
		       f->ring, identity, handle, position, size, call_done, &call, &call.request));
	if (ret != 0) {
		assert_null(call.request);
		return ret;
	}
	call_complete(&call);
	ret = pathring_readdir_result(call.request, &inside);
	assert_eq(pathring_readdir_result(call.request, NULL), ret, "the result changed");
	if (ret > 0) {
		assert_not_null(inside);
		*entries = own_entries(f, inside, (size_t)ret);
	}
	call_free(&call);
	return ret;
}

ssize_t do_readlinkat(struct fixture *f,
		      struct pathring_identity *identity,
		      struct pathring_handle *handle,
		      char **target)
{
	struct call call = { .f = f };
	struct tevent_req *req = NULL;
	const char *inside = NULL;
	ssize_t ret = -1;

	*target = NULL;
	if (f->form == FORM_SEND) {
		INSIDE(f, req = pathring_readlinkat_send(f, f->ev, f->ring, identity, handle));
		sent_complete(f, req);
		INSIDE(f, ret = pathring_readlinkat_recv(req, f, target));
		talloc_free(req);
	} else {
		INSIDE(f,
		       ret = pathring_readlinkat_request(
			       f->ring, identity, handle, call_done, &call, &call.request));
		if (ret != 0) {
			assert_null(call.request);
			return ret;
		}
		call_complete(&call);
		ret = pathring_readlinkat_result(call.request, &inside);
		*target = own_copy(f, inside);
		call_free(&call);
	}
	assert_eq(ret >= 0, *target != NULL);
	if (ret >= 0) {
		assert_eq(strlen(*target), ret);
	}
	return ret;
}

int do_mkdirat(struct fixture *f,
	       struct pathring_identity *identity,
	       struct pathring_handle *dir,
	       const char *name,
	       mode_t mode)
{
	char *own_name = own_copy(f, name);
	int ret = -1;

	RUN(f, ret, mkdirat, spoil(own_name), identity, dir, own_name, mode);
	return ret;
}

int do_unlinkat(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *dir,
		const char *name,
		int flags)
{
	char *own_name = own_copy(f, name);
	int ret = -1;

	RUN(f, ret, unlinkat, spoil(own_name), identity, dir, own_name, flags);
	return ret;
}

int do_renameat(struct fixture *f,
		struct pathring_identity *identity,
		struct pathring_handle *old_dir,
		const char *old_name,
		struct pathring_handle *new_dir,
		const char *new_name,
		unsigned int flags)
{
	char *own_old = own_copy(f, old_name);
	char *own_new = own_copy(f, new_name);
	int ret = -1;

	RUN(f,
	    ret,
	    renameat,
	    (spoil(own_old), spoil(own_new)),
	    identity,
	    old_dir,
	    own_old,
	    new_dir,
	    own_new,
	    flags);
	return ret;
}

int do_linkat(struct fixture *f,
	      struct pathring_identity *identity,
	      struct pathring_handle *old_dir,
	      const char *old_name,
	      struct pathring_handle *new_dir,
	      const char *new_name)
{
	char *own_old = own_copy(f, old_name);
	char *own_new = own_copy(f, new_name);
	int ret = -1;

	RUN(f,
	    ret,
	    linkat,
	    (spoil(own_old), spoil(own_new)),
	    identity,
	    old_dir,
	    own_old,
	    new_dir,
	    own_new);
	return ret;
}

int do_symlinkat(struct fixture *f,
		 struct pathring_identity *identity,
		 const char *target,
		 struct pathring_handle *dir,
		 const char *name)
{
	char *own_target = own_copy(f, target);
	char *own_name = own_copy(f, name);
	int ret = -1;

	RUN(f,
	    ret,
	    symlinkat,
	    (spoil(own_target), spoil(own_name)),
	    identity,
	    own_target,
	    dir,
	    own_name);
	return ret;
}
