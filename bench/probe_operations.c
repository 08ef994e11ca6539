/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function an operation; what it needs besides, and what it leaves, is made and removed by
 * plain system calls.
 */
#include "probe_operations.h"

#include "pace.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How often an operation is repeated, and for how long at most. */
#define REPEAT 64
#define REPEAT_NS 100000000ULL

#define XATTR_NAME "user.pathring-bench"

#define FILE_NAME "file"
#define OTHER_NAME "other"

struct attempt {
	struct pathring *ring;
	struct pathring_identity *identity;
	int dir_fd;
	struct pathring_handle *dir;  /* for I/O */
	struct pathring_handle *file; /* for I/O */
	struct pathring_handle *link; /* a path reference to a symbolic link */
	struct pathring_request *request;
};

static void ignore_completion(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

/* What _request has returned becomes what it was awaited with. */
static bool awaited(struct attempt *attempt, int *ret)
{
	if (*ret == 0) {
		*ret = pathring_request_wait(attempt->request);
	}
	return *ret == 0;
}

/* The arguments that every _request function ends with. */
#define END ignore_completion, NULL, &attempt->request
#define BEGIN attempt->ring, attempt->identity

static int begin_openat(struct attempt *attempt, const char *path, uint64_t flags)
{
	const struct pathring_how how = { .flags = flags };

	return pathring_openat_request(BEGIN, attempt->dir, path, &how, END);
}

static int try_openat(struct attempt *attempt)
{
	int ret = begin_openat(attempt, ".", O_PATH | O_DIRECTORY);
	struct pathring_handle *handle = NULL;

	if (awaited(attempt, &ret)) {
		ret = pathring_openat_result(attempt->request, NULL, &handle);
	}
	talloc_free(handle);
	return ret;
}

static int try_close(struct attempt *attempt)
{
	struct pathring_handle *handle = NULL;
	int ret = pathring_handle_dup(
		NULL, pathring_handle_pathref_fd(attempt->dir), PATHRING_PATHREF, &handle);

	if (ret == 0) {
		ret = pathring_close_request(BEGIN, &handle, END);
	}
	return awaited(attempt, &ret) ? pathring_close_result(attempt->request) : ret;
}

static int try_statx(struct attempt *attempt)
{
	struct statx stx;
	int ret = pathring_statx_request(BEGIN, attempt->file, 0, STATX_BASIC_STATS, END);

	return awaited(attempt, &ret) ? pathring_statx_result(attempt->request, &stx) : ret;
}

static int negative(ssize_t length)
{
	return length < 0 ? (int)length : 0;
}

/* That there is none is an answer too. */
static int try_getxattr(struct attempt *attempt)
{
	const uint8_t *value = NULL;
	int ret = pathring_getxattr_request(BEGIN, attempt->file, XATTR_NAME, 256, END);

	if (awaited(attempt, &ret)) {
		ret = negative(pathring_getxattr_result(attempt->request, &value));
	}
	return ret == -ENODATA ? 0 : ret;
}

static int try_setxattr(struct attempt *attempt)
{
	int ret = pathring_setxattr_request(BEGIN, attempt->file, XATTR_NAME, "value", 5, 0, END);

	return awaited(attempt, &ret) ? pathring_setxattr_result(attempt->request) : ret;
}

static int try_listxattr(struct attempt *attempt)
{
	const char *names = NULL;
	int ret = pathring_listxattr_request(BEGIN, attempt->file, 4096, END);

	return awaited(attempt, &ret)
		       ? negative(pathring_listxattr_result(attempt->request, &names))
		       : ret;
}

static int try_removexattr(struct attempt *attempt)
{
	int ret = 0;

	fsetxattr(pathring_handle_io_fd(attempt->file), XATTR_NAME, "value", 5, 0);
	ret = pathring_removexattr_request(BEGIN, attempt->file, XATTR_NAME, END);
	return awaited(attempt, &ret) ? pathring_removexattr_result(attempt->request) : ret;
}

static int try_pread(struct attempt *attempt)
{
	const uint8_t *data = NULL;
	int ret = pathring_pread_request(BEGIN, attempt->file, 4096, 0, END);

	return awaited(attempt, &ret) ? negative(pathring_pread_result(attempt->request, &data))
				      : ret;
}

static int try_pwrite(struct attempt *attempt)
{
	static const char data[4096];
	int ret = pathring_pwrite_request(BEGIN, attempt->file, data, sizeof(data), 0, END);

	return awaited(attempt, &ret) ? negative(pathring_pwrite_result(attempt->request)) : ret;
}

static int try_fsync(struct attempt *attempt)
{
	int ret = pathring_fsync_request(BEGIN, attempt->file, false, END);

	return awaited(attempt, &ret) ? pathring_fsync_result(attempt->request) : ret;
}

static int try_ftruncate(struct attempt *attempt)
{
	int ret = pathring_ftruncate_request(BEGIN, attempt->file, 4096, END);

	return awaited(attempt, &ret) ? pathring_ftruncate_result(attempt->request) : ret;
}

static int try_fallocate(struct attempt *attempt)
{
	int ret = pathring_fallocate_request(BEGIN, attempt->file, 0, 0, 4096, END);

	return awaited(attempt, &ret) ? pathring_fallocate_result(attempt->request) : ret;
}

static int try_fchmod(struct attempt *attempt)
{
	int ret = pathring_fchmod_request(BEGIN, attempt->file, 0600, END);

	return awaited(attempt, &ret) ? pathring_fchmod_result(attempt->request) : ret;
}

static int try_fchown(struct attempt *attempt)
{
	int ret = pathring_fchown_request(
		BEGIN, attempt->file, (uid_t)-1, pathring_identity_gid(attempt->identity), END);

	return awaited(attempt, &ret) ? pathring_fchown_result(attempt->request) : ret;
}

static int try_utimens(struct attempt *attempt)
{
	int ret = pathring_utimens_request(BEGIN, attempt->file, NULL, END);

	return awaited(attempt, &ret) ? pathring_utimens_result(attempt->request) : ret;
}

static int try_statfs(struct attempt *attempt)
{
	struct statfs st;
	int ret = pathring_statfs_request(BEGIN, attempt->file, END);

	return awaited(attempt, &ret) ? pathring_statfs_result(attempt->request, &st) : ret;
}

static int try_readdir(struct attempt *attempt)
{
	const struct pathring_entry *entries = NULL;
	int ret = pathring_readdir_request(BEGIN, attempt->dir, 0, 32768, END);

	return awaited(attempt, &ret)
		       ? negative(pathring_readdir_result(attempt->request, &entries))
		       : ret;
}

static int try_readlinkat(struct attempt *attempt)
{
	const char *target = NULL;
	int ret = pathring_readlinkat_request(BEGIN, attempt->link, END);

	return awaited(attempt, &ret)
		       ? negative(pathring_readlinkat_result(attempt->request, &target))
		       : ret;
}

static int try_mkdirat(struct attempt *attempt)
{
	int ret = pathring_mkdirat_request(BEGIN, attempt->dir, OTHER_NAME, 0755, END);

	if (awaited(attempt, &ret)) {
		ret = pathring_mkdirat_result(attempt->request);
	}
	unlinkat(attempt->dir_fd, OTHER_NAME, AT_REMOVEDIR);
	return ret;
}

static int try_unlinkat(struct attempt *attempt)
{
	int ret = symlinkat(FILE_NAME, attempt->dir_fd, OTHER_NAME);

	if (ret == -1) {
		return -errno;
	}
	ret = pathring_unlinkat_request(BEGIN, attempt->dir, OTHER_NAME, 0, END);
	if (awaited(attempt, &ret)) {
		ret = pathring_unlinkat_result(attempt->request);
	}
	return ret;
}

static int try_renameat(struct attempt *attempt)
{
	int ret = pathring_renameat_request(
		BEGIN, attempt->dir, FILE_NAME, attempt->dir, OTHER_NAME, 0, END);

	if (awaited(attempt, &ret)) {
		ret = pathring_renameat_result(attempt->request);
	}
	renameat(attempt->dir_fd, OTHER_NAME, attempt->dir_fd, FILE_NAME);
	return ret;
}

static int try_linkat(struct attempt *attempt)
{
	int ret = pathring_linkat_request(
		BEGIN, attempt->dir, FILE_NAME, attempt->dir, OTHER_NAME, END);

	if (awaited(attempt, &ret)) {
		ret = pathring_linkat_result(attempt->request);
	}
	unlinkat(attempt->dir_fd, OTHER_NAME, 0);
	return ret;
}

static int try_symlinkat(struct attempt *attempt)
{
	int ret = pathring_symlinkat_request(BEGIN, FILE_NAME, attempt->dir, OTHER_NAME, END);

	if (awaited(attempt, &ret)) {
		ret = pathring_symlinkat_result(attempt->request);
	}
	unlinkat(attempt->dir_fd, OTHER_NAME, 0);
	return ret;
}

static int try_lookup(struct attempt *attempt)
{
	const struct pathring_xattr_query query = { .name = XATTR_NAME, .size = 256 };
	const struct pathring_lookup_how how = {
		.mask = STATX_BASIC_STATS,
		.xattrs = &query,
		.num_xattrs = 1,
	};
	const char *path = attempt->link != NULL ? FILE_NAME : ".";
	const struct statx *stx = NULL;
	const struct pathring_xattr *xattrs = NULL;
	int ret = pathring_lookup_request(BEGIN, attempt->dir, path, &how, END);

	return awaited(attempt, &ret) ? pathring_lookup_result(attempt->request, &stx, &xattrs)
				      : ret;
}

static void nothing(void *state)
{
	(void)state;
}

static int try_job(struct attempt *attempt)
{
	void *state = NULL;
	int ret = pathring_job_request(BEGIN, NULL, nothing, NULL, END);

	return awaited(attempt, &ret) ? pathring_job_result(attempt->request, &state) : ret;
}

/* In the order of trying: what writes comes before what reads. */
static const struct {
	enum pathring_operation operation;
	int (*try)(struct attempt *attempt);
	bool changes; /* something in the directory */
} tries[] = {
	{ PATHRING_OPENAT, try_openat, false },
	{ PATHRING_CLOSE, try_close, false },
	{ PATHRING_PWRITE, try_pwrite, true },
	{ PATHRING_PREAD, try_pread, true },
	{ PATHRING_FSYNC, try_fsync, true },
	{ PATHRING_FTRUNCATE, try_ftruncate, true },
	{ PATHRING_FALLOCATE, try_fallocate, true },
	{ PATHRING_STATX, try_statx, false },
	{ PATHRING_SETXATTR, try_setxattr, true },
	{ PATHRING_GETXATTR, try_getxattr, false },
	{ PATHRING_LISTXATTR, try_listxattr, false },
	{ PATHRING_REMOVEXATTR, try_removexattr, true },
	{ PATHRING_FCHMOD, try_fchmod, true },
	{ PATHRING_FCHOWN, try_fchown, true },
	{ PATHRING_UTIMENS, try_utimens, true },
	{ PATHRING_STATFS, try_statfs, false },
	{ PATHRING_READDIR, try_readdir, false },
	{ PATHRING_READLINKAT, try_readlinkat, true },
	{ PATHRING_MKDIRAT, try_mkdirat, true },
	{ PATHRING_UNLINKAT, try_unlinkat, true },
	{ PATHRING_RENAMEAT, try_renameat, true },
	{ PATHRING_LINKAT, try_linkat, true },
	{ PATHRING_SYMLINKAT, try_symlinkat, true },
	{ PATHRING_LOOKUP, try_lookup, false },
	{ PATHRING_JOB, try_job, false },
};

/* Why the last one of them ran where it ran: the count that has grown. */
static enum pathring_reason
reason_of(struct pathring *ring, enum pathring_operation operation, struct pathring_stats *before)
{
	struct pathring_stats now;
	int reason = 0;

	pathring_stats(ring, &now);
	for (reason = 0; reason < PATHRING_NUM_REASONS - 1; reason++) {
		if (now.operation[operation].reason[reason] !=
		    before->operation[operation].reason[reason]) {
			break;
		}
	}
	*before = now;
	return (enum pathring_reason)reason;
}

static struct probe_trial try_operation(struct attempt *attempt, size_t i)
{
	enum pathring_operation operation = tries[i].operation;
	struct probe_trial trial = { .tried = true };
	uint64_t end_ns = bench_now() + REPEAT_NS;
	struct pathring_stats stats;
	size_t done = 0;

	pathring_stats(attempt->ring, &stats);
	do {
		trial.error = tries[i].try(attempt);
		if (attempt->request != NULL) {
			trial.placement = pathring_request_placement(attempt->request);
		}
		trial.reason = reason_of(attempt->ring, operation, &stats);
		pathring_request_free(attempt->request);
		attempt->request = NULL;
		done++;
	} while (trial.error == 0 && done < REPEAT && bench_now() < end_ns &&
		 bench_signal_caught() == 0);
	return trial;
}

static int open_handle(struct attempt *attempt,
		       const char *path,
		       uint64_t flags,
		       struct pathring_handle **handle)
{
	const struct pathring_how how = { .flags = flags, .mode = 0600 };
	int ret = pathring_openat_request(BEGIN, attempt->dir, path, &how, END);

	if (awaited(attempt, &ret)) {
		ret = pathring_openat_result(attempt->request, attempt->ring, handle);
	}
	pathring_request_free(attempt->request);
	attempt->request = NULL;
	return ret;
}

static int open_handles(struct attempt *attempt, bool ours)
{
	int ret = pathring_handle_dup(attempt->ring, attempt->dir_fd, PATHRING_IO, &attempt->dir);

	if (!ours) {
		attempt->file = attempt->dir;
		return ret;
	}
	if (ret == 0) {
		ret = open_handle(attempt, FILE_NAME, O_RDWR | O_CREAT, &attempt->file);
	}
	if (ret == 0) {
		ret = symlinkat(FILE_NAME, attempt->dir_fd, "link") == -1 ? -errno : 0;
	}
	if (ret == 0) {
		ret = open_handle(attempt, "link", O_PATH | O_NOFOLLOW, &attempt->link);
	}
	return ret;
}

void probe_operations(struct pathring *ring,
		      struct pathring_identity *identity,
		      int dir_fd,
		      bool ours,
		      struct probe_trial trials[PATHRING_NUM_OPERATIONS])
{
	struct attempt attempt = { .ring = ring, .identity = identity, .dir_fd = dir_fd };
	int ret = open_handles(&attempt, ours);
	size_t i = 0;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]) && bench_signal_caught() == 0; i++) {
		struct probe_trial *trial = &trials[tries[i].operation];

		if (!ours && tries[i].changes) {
			continue;
		}
		if (ret != 0) {
			*trial = (struct probe_trial) { .tried = true, .error = ret };
			continue;
		}
		*trial = try_operation(&attempt, i);
	}
	if (ours) {
		probe_clean_up(dir_fd);
	}
}

void probe_clean_up(int dir_fd)
{
	unlinkat(dir_fd, FILE_NAME, 0);
	unlinkat(dir_fd, "link", 0);
	unlinkat(dir_fd, OTHER_NAME, 0);
	unlinkat(dir_fd, OTHER_NAME, AT_REMOVEDIR);
}
