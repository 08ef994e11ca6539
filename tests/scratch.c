/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scratch files, leases that block an open, switching credentials, children, and snapshots of what
 * /proc says of this process. Plain system calls alone: nothing here uses the engine.
 */
#include "harness.h"

#include <criterion/hooks.h>

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define SCRATCH_VARIABLE "PATHRING_TEST_SCRATCH"

static bool usable_parent(const char *path)
{
	char *copy = strdup(path);
	char *slash = NULL;
	struct stat st;
	bool usable = false;
	int ret = -1;

	if (copy == NULL || copy[0] != '/') {
		free(copy);
		return false;
	}
	for (;;) {
		ret = stat(copy, &st);
		usable = ret == 0 && S_ISDIR(st.st_mode) && (st.st_mode & S_IXOTH) != 0;
		slash = strrchr(copy, '/');
		if (!usable || slash == copy) {
			break;
		}
		*slash = '\0';
	}
	free(copy);
	return usable;
}

/*
 * One directory for all tests of a program, removed when the program ends, so that a test that
 * crashes leaves nothing. The tests act as other users, who must be able to reach it: the build
 * directory may lie below a directory that they can't enter (/root), and TMPDIR likewise, and /tmp
 * may be a tmpfs, which has no user xattrs before 6.6. /var/tmp is on a disk and open to everyone.
 */
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	const char *parent = getenv("TMPDIR");
	struct rlimit limit;
	char path[4096];
	int ret = -1;

	(void)tests;
	if (geteuid() != 0) {
		fprintf(stderr, "these tests act as several users: run them as root\n");
		exit(99);
	}
	if (parent == NULL || !usable_parent(parent)) {
		parent = "/var/tmp";
	}
	snprintf(path, sizeof(path), "%s/pathring-test.XXXXXX", parent);
	if (mkdtemp(path) == NULL || chmod(path, 0755) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(99);
	}
	ret = setxattr(path, "user.probe", "1", 1, 0);
	if (ret != 0) {
		fprintf(stderr,
			"%s: user xattrs: %s; set TMPDIR to a directory that has them\n",
			path,
			strerror(errno));
		rmdir(path);
		exit(99);
	}
	setenv(SCRATCH_VARIABLE, path, 1);

	/* Some tests have thousands of descriptors open; the usual soft limit is 1024. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	const char *path = getenv(SCRATCH_VARIABLE);

	(void)stats;
	if (path != NULL) {
		nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
}

/* With name NULL: make a new directory for this test. */
char *scratch_path(struct fixture *f, const char *name)
{
	const char *parent = getenv(SCRATCH_VARIABLE);
	char *path = NULL;
	int ret = -1;

	if (name != NULL) {
		return talloc_asprintf(f, "%s/%s", f->path, name);
	}
	assert_not_null(parent);
	path = talloc_asprintf(f, "%s/t.XXXXXX", parent);
	assert_not_null(mkdtemp(path));
	ret = chmod(path, 0755);
	assert_eq(ret, 0);
	return path;
}

void scratch_file(
	struct fixture *f, const char *name, uid_t uid, gid_t gid, mode_t mode, const char *content)
{
	char *path = scratch_path(f, name);
	size_t length = strlen(content);
	ssize_t written = -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	written = write(fd, content, length);
	assert_eq(written, (ssize_t)length);
	assert_eq(fchown(fd, uid, gid), 0);
	assert_eq(fchmod(fd, mode), 0);
	close(fd);
	talloc_free(path);
}

void scratch_directory(struct fixture *f, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	char *path = scratch_path(f, name);

	assert_eq(mkdir(path, 0700), 0, "%s: %s", path, strerror(errno));
	assert_eq(chown(path, uid, gid), 0);
	assert_eq(chmod(path, mode), 0);
	talloc_free(path);
}

void scratch_symlink(struct fixture *f, const char *name, const char *target)
{
	char *path = scratch_path(f, name);

	assert_eq(symlink(target, path), 0, "%s: %s", path, strerror(errno));
	talloc_free(path);
}

void scratch_xattr(struct fixture *f, const char *name, const char *xattr, const char *value)
{
	char *path = scratch_path(f, name);

	assert_eq(lsetxattr(path, xattr, value, strlen(value), 0),
		  0,
		  "%s: %s",
		  path,
		  strerror(errno));
	talloc_free(path);
}

struct stat scratch_stat(struct fixture *f, const char *name)
{
	char *path = scratch_path(f, name);
	struct stat st = { 0 };

	assert_eq(lstat(path, &st), 0, "%s: %s", path, strerror(errno));
	talloc_free(path);
	return st;
}

bool scratch_exists(struct fixture *f, const char *name)
{
	char *path = scratch_path(f, name);
	struct stat st;
	int ret = lstat(path, &st);

	talloc_free(path);
	return ret == 0;
}

char *scratch_listing(struct fixture *f, const char *name)
{
	char *path = scratch_path(f, name);
	char *text = talloc_strdup(f, "");
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);
	int i = 0;

	assert_geq(count, 0, "%s: %s", path, strerror(errno));
	for (i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0) {
			text = talloc_asprintf_append(text, "%s\n", entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	talloc_free(path);
	return text;
}

char *snapshot_credentials(TALLOC_CTX *mem_ctx)
{
	static const char *const wanted[] = { "Umask:",	 "Uid:", "Gid:",
					      "Groups:", "Cap",	 "NoNewPrivs:" };
	FILE *status = fopen("/proc/thread-self/status", "re");
	char *text = talloc_strdup(mem_ctx, "");
	char line[4096];
	char cwd[4096];
	ssize_t length = -1;
	size_t i = 0;

	assert_not_null(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) {
				text = talloc_strdup_append(text, line);
			}
		}
	}
	fclose(status);
	length = readlink("/proc/thread-self/cwd", cwd, sizeof(cwd) - 1);
	assert_gt(length, 0);
	cwd[length] = '\0';
	return talloc_asprintf_append(
		text, "securebits %d\ncwd %s\n", prctl(PR_GET_SECUREBITS), cwd);
}

static unsigned int list_descriptors(char **text)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry = NULL;
	unsigned int count = 0;
	char target[4096];
	ssize_t length = -1;

	assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir)) {
			continue;
		}
		count++;
		if (text == NULL) {
			continue;
		}
		length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		*text = talloc_asprintf_append(*text, "%s -> %s\n", entry->d_name, target);
	}
	closedir(dir);
	return count;
}

char *snapshot_descriptors(TALLOC_CTX *mem_ctx)
{
	char *text = talloc_strdup(mem_ctx, "");

	list_descriptors(&text);
	return text;
}

unsigned int count_descriptors(void)
{
	return list_descriptors(NULL);
}

unsigned int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry = NULL;
	unsigned int count = 0;
	char path[512];
	char name[64];
	FILE *comm = NULL;

	assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		name[0] = '\0';
		comm = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
		if (comm == NULL) {
			continue;
		}
		if (fgets(name, sizeof(name), comm) != NULL && strncmp(name, "iou-", 4) != 0) {
			count++;
		}
		fclose(comm);
	}
	closedir(dir);
	return count;
}

void blocker_arm(struct blocker *blocker, struct fixture *f, const char *name)
{
	char *path = scratch_path(f, name);
	int ret = -1;

	if (!scratch_exists(f, name)) {
		scratch_file(f, name, USER_A, USER_A, 0666, "blocked\n");
	}
	/* The holder of a lease is told by a signal, which would end the process. */
	signal(SIGIO, SIG_IGN);
	blocker->f = f;
	blocker->name = name;
	blocker->lease_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_geq(blocker->lease_fd, 0);
	ret = fcntl(blocker->lease_fd, F_SETLEASE, F_RDLCK);
	assert_eq(ret, 0, "F_SETLEASE: %s", strerror(errno));
	talloc_free(path);
}

static bool lease_hit(const struct blocker *blocker)
{
	/* While somebody waits F_GETLEASE says what the lease is to become. */
	return fcntl(blocker->lease_fd, F_GETLEASE) == F_UNLCK;
}

void blocker_wait_hit(struct blocker *blocker)
{
	unsigned int tries = 0;

	for (tries = 0; tries < 30000 && !lease_hit(blocker); tries++) {
		loop_turns(blocker->f, 1);
	}
	assert_true(lease_hit(blocker), "no open of %s started", blocker->name);
}

void blocker_release(struct blocker *blocker)
{
	int ret = fcntl(blocker->lease_fd, F_SETLEASE, F_UNLCK);

	assert_eq(ret, 0);
	close(blocker->lease_fd);
	blocker->lease_fd = -1;
}

static gid_t own_groups[64];
static int num_own_groups = -1;

void become(uid_t uid, gid_t gid, const gid_t *groups, size_t num_groups)
{
	if (num_own_groups < 0) {
		num_own_groups = getgroups(64, own_groups);
	}
	assert_eq(syscall(SYS_setgroups, num_groups, groups), 0);
	assert_eq(syscall(SYS_setresgid, -1, gid, -1), 0);
	assert_eq(syscall(SYS_setresuid, -1, uid, -1), 0);
}

void become_root(void)
{
	assert_geq(num_own_groups, 0, "become_root() without become()");
	assert_eq(syscall(SYS_setresuid, -1, 0, -1), 0);
	assert_eq(syscall(SYS_setresgid, -1, 0, -1), 0);
	assert_eq(syscall(SYS_setgroups, num_own_groups, own_groups), 0);
}

/* The exit status of a child that runs fn. */
static int run_child(struct fixture *f, void (*fn)(struct fixture *f, void *arg), void *arg)
{
	int status = -1;
	pid_t waited = -1;
	pid_t pid = fork();

	assert_geq(pid, 0);
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		alarm(LOOP_BOUND_SECONDS);
		fn(f, arg);
		_exit(0);
	}
	do {
		waited = waitpid(pid, &status, 0);
	} while (waited < 0 && errno == EINTR);
	assert_eq(waited, pid);
	return status;
}

void in_child(struct fixture *f, void (*fn)(struct fixture *f, void *arg), void *arg)
{
	int status = run_child(f, fn, arg);

	assert_true(status == 0,
		    "the child ended with status 0x%x (0xe is its bound of %d seconds)",
		    (unsigned int)status,
		    LOOP_BOUND_SECONDS);
}

void in_aborted_child(struct fixture *f, void (*fn)(struct fixture *f, void *arg), void *arg)
{
	int status = run_child(f, fn, arg);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		    "the child ended with status 0x%x instead of being aborted",
		    (unsigned int)status);
}
