/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each operation asks, and what it must answer. What works on names is in names.c, what reads
 * and changes files in contents.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contents.h"
#include "names.h"
#include "report.h"
#include "use.h"

/* ---- close ---- */

static bool begin_close(struct attempt *attempt)
{
	struct open_handle *open = use_any(attempt);
	struct pathring_handle *handle = NULL;
	bool made;

	if (open == NULL) {
		return false;
	}
	handle = open->handle;
	handles_forget(open);
	made = ISSUE(attempt, close, &handle);
	if (handle != NULL) {
		fail("a handle is still there after its close");
	}
	return made;
}

static void end_close(struct attempt *attempt)
{
	attempt_judge(attempt, OUTCOME(attempt, close));
}

/* ---- statx ---- */

static bool begin_statx(struct attempt *attempt)
{
	static const unsigned int flags[] = { 0, 0, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC };
	struct open_handle *open = use_any(attempt);

	if (open == NULL) {
		return false;
	}
	return ISSUE(attempt,
		     statx,
		     open->handle,
		     flags[random_below(&life.random, 4)],
		     STATX_BASIC_STATS);
}

static void end_statx(struct attempt *attempt)
{
	struct statx stx = { 0 };
	int ret;

	ret = attempt->req != NULL ? pathring_statx_recv(attempt->req, &stx)
				   : pathring_statx_result(attempt->request, &stx);
	if (attempt_judge(attempt, ret) &&
	    (stx.stx_ino != attempt->inode || stx.stx_uid != attempt->uid)) {
		fail("statx tells of another file: inode %llu of %u instead of %llu of %u",
		     (unsigned long long)stx.stx_ino,
		     stx.stx_uid,
		     (unsigned long long)attempt->inode,
		     attempt->uid);
	}
}

/* ---- xattrs ---- */

static bool begin_getxattr(struct attempt *attempt)
{
	struct open_handle *open = NULL;
	const char *name = DATA_XATTR;
	size_t size = 64;

	if (one_in(3)) {
		open = use_attributes(attempt);
		if (open == NULL) {
			return false;
		}
		name = CHANGING_XATTR;
		attempt->expected = attempt->attributes->xattr_size >= 0
					    ? attempt->attributes->xattr_size
					    : -ENODATA;
	} else {
		open = use_node(attempt, NODE_DATA);
		if (open == NULL) {
			return false;
		}
		attempt->expected = (ssize_t)strlen(world.owners[attempt->owner].name);
		if (one_in(4)) {
			name = "user.none";
			attempt->expected = -ENODATA;
		} else if (one_in(4)) {
			size = 1;
			attempt->expected = -ERANGE;
		}
	}
	if (!is_allowed(attempt)) {
		attempt->expected = -EACCES;
	}
	return ISSUE(attempt, getxattr, open->handle, name, size);
}

static void end_getxattr(struct attempt *attempt)
{
	const uint8_t *right = (const uint8_t *)world.owners[attempt->owner].name;
	const uint8_t *value = NULL;
	uint8_t *received = NULL;
	ssize_t ret;
	bool ok;

	if (attempt->req != NULL) {
		ret = pathring_getxattr_recv(attempt->req, attempt, &received);
		value = received;
	} else {
		ret = pathring_getxattr_result(attempt->request, &value);
	}
	ok = attempt_judge(attempt, ret);
	if (attempt->attributes != NULL) {
		right = attempt->attributes->xattr;
	}
	if (ok && ret > 0 && memcmp(value, right, (size_t)ret) != 0) {
		fail("getxattr gave another value");
	}
}

static bool begin_setxattr(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);
	size_t i;

	if (open == NULL) {
		return false;
	}
	attempt->expected = is_allowed(attempt) ? 0 : -EACCES;
	attempt->size = random_below(&life.random, MAX_XATTR);
	for (i = 0; i < attempt->size; i++) {
		attempt->xattr[i] = (uint8_t)random_next(&life.random);
	}
	return ISSUE(
		attempt, setxattr, open->handle, CHANGING_XATTR, attempt->xattr, attempt->size, 0);
}

static void end_setxattr(struct attempt *attempt)
{
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, setxattr));
	if (ok && attempt->expected == 0) {
		memcpy(attempt->attributes->xattr, attempt->xattr, attempt->size);
		attempt->attributes->xattr_size = (ssize_t)attempt->size;
	}
	check_attributes(attempt);
}

static bool begin_removexattr(struct attempt *attempt)
{
	struct open_handle *open = use_attributes(attempt);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->attributes->xattr_size >= 0 ? 0 : -ENODATA;
	if (!is_allowed(attempt)) {
		attempt->expected = -EACCES;
	}
	return ISSUE(attempt, removexattr, open->handle, CHANGING_XATTR);
}

static void end_removexattr(struct attempt *attempt)
{
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, removexattr));
	if (ok && attempt->expected == 0) {
		attempt->attributes->xattr_size = -1;
	}
	check_attributes(attempt);
}

static bool begin_listxattr(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, NODE_DATA);

	if (open == NULL) {
		return false;
	}
	attempt->expected = sizeof(DATA_XATTR);
	return ISSUE(attempt, listxattr, open->handle, 256);
}

static void end_listxattr(struct attempt *attempt)
{
	const char *names = NULL;
	char *received = NULL;
	ssize_t ret;
	bool ok;

	if (attempt->req != NULL) {
		ret = pathring_listxattr_recv(attempt->req, attempt, &received);
		names = received;
	} else {
		ret = pathring_listxattr_result(attempt->request, &names);
	}
	ok = attempt_judge(attempt, ret);
	if (ok && strcmp(names, DATA_XATTR) != 0) {
		fail("listxattr gave %s", names);
	}
}

/* ---- file systems ---- */

static bool begin_statfs(struct attempt *attempt)
{
	struct open_handle *open = use_any(attempt);

	if (open == NULL) {
		return false;
	}
	return ISSUE(attempt, statfs, open->handle);
}

static void end_statfs(struct attempt *attempt)
{
	struct statfs statfs = { 0 };
	int ret;

	ret = attempt->req != NULL ? pathring_statfs_recv(attempt->req, &statfs)
				   : pathring_statfs_result(attempt->request, &statfs);
	if (attempt_judge(attempt, ret) && (long)statfs.f_type != world.filesystem_type) {
		fail("statfs tells of another file system");
	}
}

/* ---- directories and links ---- */

static bool begin_readdir(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, NODE_LIST);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->io ? LIST_ENTRIES : -EBADF;
	attempt->handle_number = open->number;
	attempt->may_be_busy = open->readers > 0;
	open->readers++;
	return ISSUE(attempt, readdir, open->handle, 0, 4096);
}

static void end_readdir(struct attempt *attempt)
{
	const struct pathring_entry *entries = NULL;
	struct pathring_entry *received = NULL;
	struct open_handle *open = NULL;
	unsigned int letters = 0;
	ssize_t ret;
	ssize_t i;
	bool ok;

	if (attempt->req != NULL) {
		ret = pathring_readdir_recv(attempt->req, attempt, &received);
		entries = received;
	} else {
		ret = pathring_readdir_result(attempt->request, &entries);
	}
	open = handles_by_number(attempt->handle_number);
	if (open != NULL && !attempt->engine_gone && ret != -ETIMEDOUT && ret != -ECANCELED) {
		open->readers--;
	}
	if (attempt->may_be_busy && ret == -EBUSY) {
		attempt_totals.doubtful++;
		return;
	}
	if (ret > 0 && ret < attempt->expected) {
		/*
		 * A batch ends early where the kernel has other work for the thread, as it has for
		 * one with a ring (signal_pending() in fs/readdir.c).
		 */
		attempt->expected = ret;
	}
	ok = attempt_judge(attempt, ret);
	for (i = 0; ok && i < ret; i++) {
		letters += (unsigned int)strlen(entries[i].name);
	}
	if (ok && ret == LIST_ENTRIES && letters != strlen("...onetwothree")) {
		fail("readdir gave other names");
	}
}

static bool begin_readlinkat(struct attempt *attempt)
{
	struct open_handle *open = one_in(8) ? use_any(attempt) : use_node(attempt, NODE_LINK);

	if (open == NULL) {
		return false;
	}
	attempt->expected = attempt->node == NODE_LINK ? (ssize_t)strlen("data") : -EINVAL;
	return ISSUE(attempt, readlinkat, open->handle);
}

static void end_readlinkat(struct attempt *attempt)
{
	const char *target = NULL;
	char *received = NULL;
	ssize_t ret;
	bool ok;

	if (attempt->req != NULL) {
		ret = pathring_readlinkat_recv(attempt->req, attempt, &received);
		target = received;
	} else {
		ret = pathring_readlinkat_result(attempt->request, &target);
	}
	ok = attempt_judge(attempt, ret);
	if (ok && ret >= 0 && strcmp(target, "data") != 0) {
		fail("readlinkat gave %s", target);
	}
}

/* ---- jobs ---- */

/* Who and where it was. */
struct job {
	uid_t uid;
	gid_t gid;
	mode_t mask;
	ino_t directory;
	int opened; /* "data" in it; 0 or an errno */
	bool ran;
};

/* In another thread. */
static void run_job(void *state)
{
	struct job *job = state;
	struct stat st = { 0 };
	int fd;

	job->ran = true;
	job->uid = (uid_t)syscall(SYS_geteuid);
	job->gid = (gid_t)syscall(SYS_getegid);
	job->mask = umask(022);
	if (stat(".", &st) == 0) {
		job->directory = st.st_ino;
	}
	fd = open("data", O_RDONLY | O_CLOEXEC);
	job->opened = fd == -1 ? errno : 0;
	if (fd != -1) {
		close(fd);
	}
	/* Left behind for the engine to put in order. */
	if (chdir("/") == -1) {
		job->directory = 0;
	}
}

static bool begin_job(struct attempt *attempt)
{
	struct open_handle *open = use_node(attempt, NODE_TOP);
	struct job *job = NULL;

	if (open == NULL) {
		return false;
	}
	attempt->as_nobody = one_in(8);
	attempt->expected = is_allowed(attempt) ? 0 : -EACCES;
	job = talloc_zero(NULL, struct job);
	if (job == NULL) {
		fail("out of memory");
	}
	return ISSUE(attempt, job, open->handle, run_job, job);
}

static void end_job(struct attempt *attempt)
{
	const struct user *user = &world.users[attempt->user];
	const struct job *job = NULL;
	void *state = NULL;
	bool ok;
	int ret;

	ret = attempt->req != NULL ? pathring_job_recv(attempt->req, NULL, &state)
				   : pathring_job_result(attempt->request, &state);
	job = state;
	if (attempt->as_nobody && (ret == 0 || ret == -EACCES)) {
		/* As whoever the thread is just then, if it is the engine's. */
		attempt->expected = ret;
	}
	ok = attempt_judge(attempt, ret);
	if (ok && ret == 0 && !attempt->as_nobody &&
	    (!job->ran || job->uid != user->uid || job->gid != user->gid || job->mask != 0 ||
	     job->directory != attempt->inode || job->opened != 0)) {
		fail("a job of %u:%u ran as %u:%u, umask %o, in directory %llu and not %llu: %s",
		     user->uid,
		     user->gid,
		     job->uid,
		     job->gid,
		     job->mask,
		     (unsigned long long)job->directory,
		     (unsigned long long)attempt->inode,
		     strerror(job->opened));
	}
	if (attempt->req != NULL) {
		talloc_free(state);
	}
}

const struct attempt_operation attempt_operations[PATHRING_NUM_OPERATIONS] = {
	[PATHRING_OPENAT] = { names_begin_openat, names_end_openat },
	[PATHRING_CLOSE] = { begin_close, end_close },
	[PATHRING_STATX] = { begin_statx, end_statx },
	[PATHRING_GETXATTR] = { begin_getxattr, end_getxattr },
	[PATHRING_SETXATTR] = { begin_setxattr, end_setxattr },
	[PATHRING_LISTXATTR] = { begin_listxattr, end_listxattr },
	[PATHRING_REMOVEXATTR] = { begin_removexattr, end_removexattr },
	[PATHRING_PREAD] = { contents_begin_pread, contents_end_pread },
	[PATHRING_PWRITE] = { contents_begin_pwrite, contents_end_pwrite },
	[PATHRING_FSYNC] = { contents_begin_fsync, contents_end_fsync },
	[PATHRING_FTRUNCATE] = { contents_begin_ftruncate, contents_end_ftruncate },
	[PATHRING_FALLOCATE] = { contents_begin_fallocate, contents_end_fallocate },
	[PATHRING_FCHMOD] = { contents_begin_fchmod, contents_end_fchmod },
	[PATHRING_FCHOWN] = { contents_begin_fchown, contents_end_fchown },
	[PATHRING_UTIMENS] = { contents_begin_utimens, contents_end_utimens },
	[PATHRING_STATFS] = { begin_statfs, end_statfs },
	[PATHRING_READDIR] = { begin_readdir, end_readdir },
	[PATHRING_READLINKAT] = { begin_readlinkat, end_readlinkat },
	[PATHRING_MKDIRAT] = { names_begin_mkdirat, names_end_mkdirat },
	[PATHRING_UNLINKAT] = { names_begin_unlinkat, names_end_unlinkat },
	[PATHRING_RENAMEAT] = { names_begin_renameat, names_end_renameat },
	[PATHRING_LINKAT] = { names_begin_linkat, names_end_linkat },
	[PATHRING_SYMLINKAT] = { names_begin_symlinkat, names_end_symlinkat },
	[PATHRING_JOB] = { begin_job, end_job },
	[PATHRING_LOOKUP] = { names_begin_lookup, names_end_lookup },
	[PATHRING_LOOKUPS] = { names_begin_lookups, names_end_lookups },
};
