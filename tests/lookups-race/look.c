/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups in the calling thread, in a helper thread and on the ring, as root and as a user, of
 * some names or many; and a check of each.
 */
#include "race.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_BATCH 64
#define NUM_ON_RING 16

static const struct pathring_xattr_query queries[] = {
	[FILE_ID] = { XATTR_ID, MAX_VALUE },
	[FILE_TRUSTED_ID] = { XATTR_TRUSTED_ID, MAX_VALUE },
	[FILE_LIST] = { NULL, MAX_LIST },
};

struct looker {
	struct pathring *ring;
	struct pathring_identity *identities[2]; /* root, USER */
	struct pathring_handle *dir;
	struct scene *scene;
	struct look_result *result;
	struct random random;
	uint64_t inodes[NUM_NAMES]; /* as last seen */
	char names[NUM_NAMES][64];
};

/* One look-up of the given name, with its outcome. */
static void check_one(struct looker *looker,
		      unsigned int name,
		      int ret,
		      int fd,
		      const struct statx *stx,
		      const struct pathring_xattr *xattrs,
		      size_t num_xattrs,
		      bool as_root)
{
	struct look_result *result = looker->result;
	char wrong[256] = "";
	struct stat st;

	result->lookups++;
	if (ret == -ENOENT || (ret == -EXDEV && looker->scene->kind->moves) ||
	    (ret == -EACCES && looker->scene->kind->denies && !as_root)) {
		return;
	}
	if (ret != 0) {
		snprintf(wrong, sizeof(wrong), "the look-up fails: %s", strerror(-ret));
	} else if (fstat(fd, &st) == -1 || st.st_ino != stx->stx_ino) {
		snprintf(wrong, sizeof(wrong), "the descriptor is of another inode than the statx");
	} else {
		file_check(stx, xattrs, num_xattrs, as_root, wrong, sizeof(wrong));
		result->found++;
		result->others += looker->inodes[name] != stx->stx_ino ? 1 : 0;
		looker->inodes[name] = stx->stx_ino;
	}
	if (wrong[0] != '\0' && result->wrong++ == 0) {
		snprintf(result->first,
			 sizeof(result->first),
			 "%s, as %s: %s",
			 looker->names[name],
			 as_root ? "root" : "user",
			 wrong);
	}
}

static void must(const char *what, int ret)
{
	if (ret < 0) {
		die("%s: %s", what, strerror(-ret));
	}
}

static void nothing(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

static void look_at_many(struct looker *looker, bool as_root, bool here)
{
	const struct pathring_lookup_how how = {
		.flags = O_NOFOLLOW,
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = NUM_FILE_XATTRS,
	};
	struct pathring_identity *identity = looker->identities[as_root ? 0 : 1];
	struct pathring_request *request = NULL;
	unsigned int numbers[MAX_BATCH];
	const char *names[MAX_BATCH];
	unsigned int count = 1 + random_below(&looker->random, MAX_BATCH);
	unsigned int i;

	for (i = 0; i < count; i++) {
		numbers[i] = random_below(&looker->random, NUM_NAMES);
		names[i] = looker->names[numbers[i]];
	}
	if (here) {
		must("lookups_here",
		     pathring_lookups_here(
			     looker->ring, identity, looker->dir, names, count, &how, &request));
	} else {
		must("lookups_request",
		     pathring_lookups_request(looker->ring,
					      identity,
					      looker->dir,
					      names,
					      count,
					      &how,
					      nothing,
					      NULL,
					      &request));
		must("wait", pathring_request_wait(request));
	}
	for (i = 0; i < count; i++) {
		const struct pathring_xattr *xattrs = NULL;
		const struct statx *stx = NULL;
		int fd = -1;
		int ret;

		ret = pathring_lookups_result(request, i, &stx, &xattrs);
		if (ret == 0) {
			fd = pathring_lookups_take_fd(request, i);
		}
		check_one(looker, numbers[i], ret, fd, stx, xattrs, NUM_FILE_XATTRS, as_root);
		if (fd >= 0) {
			close(fd);
		}
	}
	pathring_request_free(request);
}

/* Single look-ups that overlap. */
static void look_at_each(struct looker *looker, bool as_root)
{
	const struct pathring_lookup_how how = {
		.flags = O_NOFOLLOW,
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = FILE_LIST,
	};
	struct pathring_identity *identity = looker->identities[as_root ? 0 : 1];
	struct pathring_request *requests[NUM_ON_RING] = { NULL };
	unsigned int numbers[NUM_ON_RING];
	unsigned int i;

	for (i = 0; i < NUM_ON_RING; i++) {
		numbers[i] = random_below(&looker->random, NUM_NAMES);
		must("lookup_request",
		     pathring_lookup_request(looker->ring,
					     identity,
					     looker->dir,
					     looker->names[numbers[i]],
					     &how,
					     nothing,
					     NULL,
					     &requests[i]));
	}
	for (i = 0; i < NUM_ON_RING; i++) {
		const struct pathring_xattr *xattrs = NULL;
		struct pathring_handle *handle = NULL;
		const struct statx *stx = NULL;
		int fd = -1;
		int ret;

		must("wait", pathring_request_wait(requests[i]));
		ret = pathring_lookup_result(requests[i], &stx, &xattrs);
		if (ret == 0) {
			must("take_handle",
			     pathring_lookup_take_handle(requests[i], looker->ring, &handle));
			fd = pathring_handle_pathref_fd(handle);
		}
		check_one(looker, numbers[i], ret, fd, stx, xattrs, FILE_LIST, as_root);
		talloc_free(handle);
		pathring_request_free(requests[i]);
	}
}

static void engine_start(struct looker *looker,
			 TALLOC_CTX *mem_ctx,
			 struct tevent_context *ev,
			 enum pathring_backend backend)
{
	const struct pathring_options options = { .backend = backend };
	gid_t group = USER;

	must("pathring_create", pathring_create(mem_ctx, ev, &options, &looker->ring));
	must("pathring_start", pathring_start(looker->ring));
	looker->identities[0] = pathring_identity_process(looker->ring);
	must("identity",
	     pathring_identity_unix(
		     looker->ring, looker->ring, USER, USER, &group, 1, &looker->identities[1]));
	must("handle",
	     pathring_handle_dup(
		     looker->ring, looker->scene->names, PATHRING_PATHREF, &looker->dir));
}

void look(const struct look *look, struct scene *scene, struct look_result *result)
{
	struct looker looker = {
		.scene = scene,
		.result = result,
		.random = { .state = look->seed },
	};
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tevent_context *ev = tevent_context_init(mem_ctx);
	time_t end = time(NULL) + look->seconds;
	unsigned int i;

	*result = (struct look_result) { .lookups = 0 };
	for (i = 0; i < NUM_NAMES; i++) {
		snprintf(looker.names[i], sizeof(looker.names[i]), scene->kind->pattern, i);
	}
	engine_start(&looker, mem_ctx, ev, look->backend);
	while (time(NULL) < end &&
	       (result->lookups < look->lookups ||
		(result->wrong == 0 && result->others < look->lookups / scene->kind->rarity))) {
		bool as_root = random_below(&looker.random, 2) == 0;
		unsigned int way = random_below(&looker.random, 8);

		if (way == 0) {
			look_at_each(&looker, as_root);
		} else {
			look_at_many(&looker, as_root, way % 2 == 0);
		}
	}
	talloc_free(mem_ctx);
}
