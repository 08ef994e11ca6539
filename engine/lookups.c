/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * lookups: many names of one directory in one request, one after the other, by one thread that is
 * the identity once for all of them. What a lookup is, is in lookup.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "handle.h"
#include "lookup.h"
#include "mounts.h"
#include "pathref.h"
#include "steady.h"

/* How often this thread has given up its processor because it had to wait. */
static unsigned long number_of_waits(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	return (unsigned long)usage.ru_nvcsw;
}

/* The proof costs as much as reading the xattrs of two files through procfs. */
#define ENOUGH_FOR_PROOF 8

/*
 * Whether xattrs may be read by name at all: of names, as they stand there, and by a kernel that
 * has the calls.
 */
static bool goes_by_name(const struct operation *operation)
{
	const struct lookups_arguments *arguments = &operation->lookups;
	size_t i;

	if (operation->proc_fd == -1 || arguments->count < ENOUGH_FOR_PROOF ||
	    arguments->each[0].num_xattrs == 0 ||
	    (arguments->each[0].how.flags & O_NOFOLLOW) == 0) {
		return false;
	}
	for (i = 0; i < arguments->count; i++) {
		if (strchr(arguments->each[i].path, '/') != NULL) {
			return false;
		}
	}
	return true;
}

static void perform_each(struct operation *operation,
			 int (*open)(const struct operation *operation,
				     struct lookup_arguments *arguments))
{
	struct lookups_arguments *arguments = &operation->lookups;
	unsigned long waits = number_of_waits();
	struct steady steady = { .fd = -1, .mounts = -1 };
	bool by_name;
	size_t i;

	by_name = arguments->by_name && steady_begin(&steady, operation_directory_fd(operation));
	for (i = 0; i < arguments->count; i++) {
		struct lookup_arguments *one = &arguments->each[i];

		arguments->results[i] = open(operation, one);
		if (arguments->results[i] != 0) {
			continue;
		}
		if (by_name) {
			lookup_read_xattrs_by_name(operation, one);
		} else {
			lookup_read_xattrs(operation, one);
		}
	}
	if (by_name && !steady_end(&steady)) {
		for (i = 0; i < arguments->count; i++) {
			if (arguments->results[i] == 0) {
				lookup_read_xattrs(operation, &arguments->each[i]);
			}
		}
	}
	arguments->waits = number_of_waits() - waits;
	operation->result = 0;
}

static void lookups_perform(struct operation *operation)
{
	perform_each(operation, lookup_open);
}

static void walked_perform(struct operation *operation)
{
	perform_each(operation, lookup_walk);
}

static void lookups_discard(struct operation *operation)
{
	struct lookups_arguments *arguments = &operation->lookups;
	size_t i;

	for (i = 0; i < arguments->count; i++) {
		lookup_close(&arguments->each[i]);
	}
}

#define LOOKUPS_CLASS(perform_fn, in_this_thread)                                            \
	{                                                                                    \
		.kind = PATHRING_LOOKUPS, .perform = perform_fn, .discard = lookups_discard, \
		.in_thread = true, .here = in_this_thread,                                   \
	}

/* By whether names are walked by hand, and where. */
static const struct operation_class lookups_classes[2][2] = {
	{ LOOKUPS_CLASS(lookups_perform, false), LOOKUPS_CLASS(lookups_perform, true) },
	{ LOOKUPS_CLASS(walked_perform, false), LOOKUPS_CLASS(walked_perform, true) },
};

static int check_names(const struct descriptor *target, const char *const *names, size_t num_names)
{
	size_t i;

	if (target == NULL || names == NULL || num_names == 0 ||
	    num_names > PATHRING_LOOKUPS_MAX_NAMES) {
		return -EINVAL;
	}
	for (i = 0; i < num_names; i++) {
		int ret = operation_check_path(target, names[i]);

		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

/* What the names and their outcomes need of the request's memory, or a negative errno. */
static ssize_t
memory_of_names(const char *const *names, size_t num_names, const struct pathring_lookup_how *how)
{
	ssize_t queries;
	size_t extra;
	size_t i;

	queries = lookup_check_queries(how);
	if (queries < 0) {
		return queries;
	}
	extra = REQUEST_MEMORY(num_names * sizeof(struct lookup_arguments)) +
		REQUEST_MEMORY(num_names * sizeof(int)) + num_names * (size_t)queries;
	for (i = 0; i < num_names; i++) {
		extra += REQUEST_MEMORY(strlen(names[i]) + 1);
	}
	return (ssize_t)extra;
}

static bool is_local(struct pathring *ring, struct descriptor *target)
{
	const struct mount *mount = mount_of(ring, target);

	return mount != NULL && mount->local;
}

static void fill_each(struct pathring_request *request,
		      const char *const *names,
		      size_t num_names,
		      const struct pathring_lookup_how *how,
		      const struct open_how *kernel_how)
{
	struct lookups_arguments *arguments = &request->operation.lookups;
	size_t i;

	*arguments = (struct lookups_arguments) {
		.each = request_memory(request, num_names * sizeof(struct lookup_arguments)),
		.results = request_memory(request, num_names * sizeof(int)),
		.count = num_names,
	};
	for (i = 0; i < num_names; i++) {
		struct lookup_arguments *one = &arguments->each[i];

		one->path = request_string(request, names[i]);
		one->how = *kernel_how;
		one->mask = how->mask;
		one->fd = -1;
		lookup_fill_queries(request, one, how, i > 0 ? &arguments->each[0] : NULL);
		arguments->results[i] = -ECANCELED;
	}
}

static int lookups_create(struct pathring *ring,
			  struct pathring_identity *identity,
			  struct pathring_handle *dir,
			  const char *const *names,
			  size_t num_names,
			  const struct pathring_lookup_how *how,
			  bool here,
			  struct pathring_request **_request)
{
	struct descriptor *target = handle_descriptor(dir);
	struct open_how kernel_how = { 0 };
	bool walked = pathref_is_walked(ring);
	ssize_t extra;
	int ret;

	/* In the order of pathring_lookup_request(). */
	ret = check_names(target, names, num_names);
	if (ret == 0) {
		ret = lookup_check_how(how, target, walked, &kernel_how);
	}
	if (ret < 0) {
		return ret;
	}
	extra = memory_of_names(names, num_names, how);
	if (extra < 0) {
		return (int)extra;
	}
	ret = request_create(
		ring, identity, &lookups_classes[walked][here], target, (size_t)extra, _request);
	if (ret == 0) {
		fill_each(*_request, names, num_names, how, &kernel_how);
		/* The proof begins with a statfs(), which file systems with a server ask that. */
		(*_request)->operation.lookups.by_name =
			goes_by_name(&(*_request)->operation) && is_local(ring, target);
	}
	return ret;
}

int pathring_lookups_request(struct pathring *ring,
			     struct pathring_identity *identity,
			     struct pathring_handle *dir,
			     const char *const *names,
			     size_t num_names,
			     const struct pathring_lookup_how *how,
			     pathring_request_fn fn,
			     void *private_data,
			     struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = lookups_create(ring, identity, dir, names, num_names, how, false, &request);
	if (ret == 0) {
		request_start(request, fn, private_data, _request);
	}
	return ret;
}

int pathring_lookups_here(struct pathring *ring,
			  struct pathring_identity *identity,
			  struct pathring_handle *dir,
			  const char *const *names,
			  size_t num_names,
			  const struct pathring_lookup_how *how,
			  struct pathring_request **_request)
{
	struct pathring_request *request = NULL;
	int ret;

	ret = lookups_create(ring, identity, dir, names, num_names, how, true, &request);
	if (ret == 0) {
		request_start(request, NULL, NULL, _request);
		ret = pathring_request_wait(request);
	}
	return ret;
}

/* The one that has succeeded, or the error of the request, or of this one. */
static int find_one(struct pathring_request *request, size_t number, struct lookup_arguments **one)
{
	struct lookups_arguments *arguments = &request->operation.lookups;
	ssize_t result;

	result = request_result(request);
	if (result < 0) {
		return (int)result;
	}
	if (number >= arguments->count) {
		return -EINVAL;
	}
	*one = &arguments->each[number];
	return arguments->results[number];
}

int pathring_lookups_result(struct pathring_request *request,
			    size_t number,
			    const struct statx **stx,
			    const struct pathring_xattr **xattrs)
{
	struct lookup_arguments *one = NULL;
	int ret;

	ret = find_one(request, number, &one);
	if (ret == 0) {
		lookup_results(one, stx, xattrs);
	}
	return ret;
}

unsigned long pathring_lookups_waits(struct pathring_request *request)
{
	return request_result(request) == 0 ? request->operation.lookups.waits : 0;
}

int pathring_lookups_take_handle(struct pathring_request *request,
				 size_t number,
				 TALLOC_CTX *mem_ctx,
				 struct pathring_handle **handle)
{
	struct lookup_arguments *one = NULL;
	int ret;

	ret = find_one(request, number, &one);
	return ret == 0 ? lookup_take_handle(one, mem_ctx, handle) : ret;
}

int pathring_lookups_take_fd(struct pathring_request *request, size_t number)
{
	struct lookup_arguments *one = NULL;
	int ret;

	ret = find_one(request, number, &one);
	if (ret < 0) {
		return ret;
	}
	ret = one->fd >= 0 ? one->fd : -EBADF;
	one->fd = -1;
	return ret;
}

struct tevent_req *pathring_lookups_send(TALLOC_CTX *mem_ctx,
					 struct tevent_context *ev,
					 struct pathring *ring,
					 struct pathring_identity *identity,
					 struct pathring_handle *dir,
					 const char *const *names,
					 size_t num_names,
					 const struct pathring_lookup_how *how)
{
	struct pathring_request *request = NULL;
	struct tevent_req *req = NULL;
	int ret;

	req = request_dress_begin(mem_ctx);
	if (req == NULL) {
		return NULL;
	}
	ret = pathring_lookups_request(
		ring, identity, dir, names, num_names, how, request_dress_fn, req, &request);
	return request_dress_end(req, ev, ret, request);
}

static ssize_t copy_each(struct pathring_request *request,
			 TALLOC_CTX *mem_ctx,
			 struct pathring_lookups_entry **_entries)
{
	struct lookups_arguments *arguments = &request->operation.lookups;
	struct pathring_lookups_entry *entries = NULL;
	size_t i;

	entries = talloc_zero_array(
		mem_ctx, struct pathring_lookups_entry, (unsigned int)arguments->count);
	if (entries == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < arguments->count; i++) {
		entries[i].result = arguments->results[i];
		if (entries[i].result == 0) {
			entries[i].result =
				lookup_copy(&arguments->each[i], entries, &entries[i].lookup);
		}
	}
	*_entries = entries;
	return (ssize_t)arguments->count;
}

ssize_t pathring_lookups_recv(struct tevent_req *req,
			      TALLOC_CTX *mem_ctx,
			      struct pathring_lookups_entry **entries)
{
	struct pathring_request *request = NULL;
	ssize_t ret;

	ret = request_undress(req, &request);
	if (ret == 0) {
		ret = request_result(request);
	}
	if (ret == 0) {
		ret = copy_each(request, mem_ctx, entries);
	}
	tevent_req_received(req);
	return ret;
}
