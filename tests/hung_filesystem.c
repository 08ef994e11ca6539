/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file system of hung_filesystem.h: the FUSE protocol as far as it is needed, without libfuse.
 *
 * Its process must end whatever becomes of the test's, because a thread that waits for an answer of
 * FUSE can't be killed once the question was read: the test's process would stay for ever. So it
 * alone has the descriptor of /dev/fuse, it looks after the test's process, and has an alarm.
 */
#include "hung_filesystem.h"

#include <dirent.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

/* The kernel asks for this much room at least (FUSE_MIN_READ_BUFFER). */
#define BUFFER_SIZE (64 * 1024 + 4096)
#define REPLY_SIZE 256
#define MAX_KEPT 4096
/* How often it looks what it is told to do. */
#define LOOK_MSEC 1
#define PARENT_LOOK_NSEC 200000000ULL
#define LIFE_SECONDS 100

#define XATTR_NAME "user.test"
#define XATTR_VALUE "value"

enum hanging {
	HANGS_NOT,
	HANGS_ALWAYS,
	HANGS_AT_CLOSE,
};

/* What both processes see. */
struct shared {
	unsigned int mounted; /* 1; 2 and more: errno + 2 */
	unsigned int hangs;   /* enum hanging */
	unsigned int delay_msec;
	unsigned int waiting;
	unsigned int most;
	unsigned int ends;
	struct hung_caller caller;
};

struct hung_filesystem {
	struct fixture *f;
	char *path;
	char *overlay; /* NULL for none */
	pid_t pid;
	struct shared *shared;
	struct pathring_handle *root;
};

/* ---- the process that answers ---- */

struct kept {
	uint64_t due;
	bool is_close;
	size_t size;
	char bytes[REPLY_SIZE];
};

struct server {
	struct shared *shared;
	int fuse_fd;
	pid_t parent;
	struct kept *kept;
	unsigned int num_kept;
	char *buffer;
};

static unsigned int look(const unsigned int *value)
{
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static void say(unsigned int *value, unsigned int to)
{
	__atomic_store_n(value, to, __ATOMIC_SEQ_CST);
}

static uint64_t now_nsec(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void fill_attr(struct fuse_attr *attr, uint64_t inode)
{
	*attr = (struct fuse_attr) {
		.ino = inode,
		.size = 5,
		.mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0777 : S_IFREG | 0666,
		.nlink = 1,
		.blksize = 4096,
	};
}

static uint64_t inode_of_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (*name != '\0') {
		hash = (hash ^ (uint8_t)*name++) * 0x100000001b3ULL;
	}
	return (hash >> 8) + 2;
}

static size_t fill_xattr(const struct fuse_getxattr_in *in, const char *name, char *out, int *error)
{
	size_t length = strlen(XATTR_VALUE);

	if (strcmp(name, XATTR_NAME) != 0) {
		*error = -ENODATA;
		return 0;
	}
	if (in->size == 0) {
		struct fuse_getxattr_out answer = { .size = (uint32_t)length };

		memcpy(out, &answer, sizeof(answer));
		return sizeof(answer);
	}
	if (in->size < length) {
		*error = -ERANGE;
		return 0;
	}
	memcpy(out, XATTR_VALUE, length);
	return length;
}

/* The answer's bytes, and their number. */
static size_t
fill_answer(const struct fuse_in_header *header, const void *argument, char *out, int *error)
{
	struct fuse_entry_out entry = { .nodeid = 0 };
	struct fuse_attr_out attr = { .attr_valid = 0 };
	struct fuse_open_out opened = { .fh = 1 };
	struct fuse_statfs_out statfs = { .st = { .bsize = 4096, .frsize = 4096, .namelen = 255 } };
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.max_readahead = 4096,
		.flags = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS,
		/* Also what the kernel would count as congested: not before a thousand. */
		.max_background = 1000,
		.congestion_threshold = 1000,
		.max_write = 4096,
	};
	const char *name = argument;
	const void *answer = NULL;
	size_t size = 0;

	switch (header->opcode) {
	case FUSE_INIT:
		answer = &init;
		size = sizeof(init);
		break;
	case FUSE_LOOKUP:
		if (name[0] != 'f') {
			*error = -ENOENT;
			return 0;
		}
		entry.nodeid = inode_of_name(name);
		fill_attr(&entry.attr, entry.nodeid);
		answer = &entry;
		size = sizeof(entry);
		break;
	case FUSE_GETATTR:
		fill_attr(&attr.attr, header->nodeid);
		answer = &attr;
		size = sizeof(attr);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer = &opened;
		size = sizeof(opened);
		break;
	case FUSE_STATFS:
		answer = &statfs;
		size = sizeof(statfs);
		break;
	case FUSE_GETXATTR:
		return fill_xattr(argument,
				  (const char *)argument + sizeof(struct fuse_getxattr_in),
				  out,
				  error);
	case FUSE_READ:
		answer = "hung\n";
		size = 5;
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_ACCESS:
		return 0;
	default:
		*error = -ENOSYS;
		return 0;
	}
	memcpy(out, answer, size);
	return size;
}

static void answer_now(const struct server *server, const struct kept *kept)
{
	ssize_t written;

	/* ENOENT: who asked was interrupted and waits no more. */
	written = write(server->fuse_fd, kept->bytes, kept->size);
	(void)written;
}

/* As servers do it: FUSE tells the uid and gid, and the process to look up the groups of. */
static void note_caller(struct server *server, const struct fuse_in_header *header)
{
	struct hung_caller *caller = &server->shared->caller;
	char path[64];
	char line[256];
	FILE *status = NULL;

	caller->uid = header->uid;
	caller->gid = header->gid;
	snprintf(caller->groups, sizeof(caller->groups), "not to be had");
	snprintf(path, sizeof(path), "/proc/%u/status", header->pid);
	status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "Groups:\t", 8) == 0) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(caller->groups, sizeof(caller->groups), "%.120s", line + 8);
		}
	}
	if (status != NULL) {
		fclose(status);
	}
}

static void take_question(struct server *server)
{
	const struct fuse_in_header *header = (const void *)server->buffer;
	struct fuse_out_header answer = { .error = 0 };
	struct kept *kept = NULL;
	size_t size = 0;
	ssize_t got;

	got = read(server->fuse_fd, server->buffer, BUFFER_SIZE);
	if (got < (ssize_t)sizeof(*header)) {
		if (got == -1 && (errno == EAGAIN || errno == EINTR || errno == ENOENT)) {
			return;
		}
		_exit(0); /* unmounted */
	}
	if (header->opcode == FUSE_FORGET || header->opcode == FUSE_BATCH_FORGET ||
	    header->opcode == FUSE_INTERRUPT || server->num_kept == MAX_KEPT) {
		return;
	}

	if (header->opcode == FUSE_LOOKUP || header->opcode == FUSE_GETXATTR ||
	    header->opcode == FUSE_OPEN) {
		note_caller(server, header);
	}
	kept = &server->kept[server->num_kept++];
	size = fill_answer(header, header + 1, kept->bytes + sizeof(answer), &answer.error);
	answer.unique = header->unique;
	answer.len = (uint32_t)(sizeof(answer) + size);
	memcpy(kept->bytes, &answer, sizeof(answer));
	kept->size = answer.len;
	kept->is_close = header->opcode == FUSE_FLUSH;
	kept->due = now_nsec() + look(&server->shared->delay_msec) * 1000000ULL;
	if (header->opcode == FUSE_INIT) {
		/* The kernel asks nothing before that. */
		answer_now(server, kept);
		server->num_kept--;
	}
}

static void answer_due(struct server *server)
{
	uint64_t now = now_nsec();
	unsigned int hangs = look(&server->shared->hangs);
	unsigned int i = 0;

	while (i < server->num_kept) {
		const struct kept *kept = &server->kept[i];
		bool hung = hangs == HANGS_ALWAYS || (hangs == HANGS_AT_CLOSE && kept->is_close);

		if (hung || kept->due > now) {
			i++;
			continue;
		}
		answer_now(server, kept);
		server->kept[i] = server->kept[--server->num_kept];
	}
	say(&server->shared->waiting, server->num_kept);
	if (server->num_kept > look(&server->shared->most)) {
		say(&server->shared->most, server->num_kept);
	}
}

/* Whether a thread is to end; SigPnd of proc(5). */
static bool killed(int tasks, const char *thread)
{
	unsigned long long pending = 0;
	char path[300];
	char text[4096];
	const char *line = NULL;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/status", thread);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		return false;
	}
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, "SigPnd:");
	return line != NULL && sscanf(line, "SigPnd: %llx", &pending) == 1 &&
	       (pending & 1ULL << (SIGKILL - 1)) != 0;
}

/*
 * A process that has exited or was killed is not gone before its last thread is, and that may wait
 * for an answer.
 */
static bool process_ends(pid_t pid)
{
	struct dirent *entry = NULL;
	bool ends = false;
	char path[64];
	DIR *tasks = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL) {
		return true;
	}
	while (!ends && (entry = readdir(tasks)) != NULL) {
		ends = killed(dirfd(tasks), entry->d_name);
	}
	closedir(tasks);
	return ends;
}

static void __attribute__((noreturn)) serve(struct server *server)
{
	struct pollfd polled = { .fd = server->fuse_fd, .events = POLLIN };
	uint64_t looked = now_nsec();

	while (look(&server->shared->ends) == 0) {
		poll(&polled, 1, LOOK_MSEC);
		while (poll(&polled, 1, 0) > 0) {
			take_question(server);
		}
		answer_due(server);
		if (now_nsec() - looked > PARENT_LOOK_NSEC) {
			looked = now_nsec();
			if (getppid() != server->parent || process_ends(server->parent)) {
				break;
			}
		}
	}
	_exit(0);
}

static void __attribute__((noreturn))
serve_on(struct shared *shared, const char *path, pid_t parent)
{
	struct server server = { .shared = shared, .parent = parent };
	char options[128];
	int ret;

	signal(SIGALRM, SIG_DFL);
	alarm(LIFE_SECONDS);
	/* It must not keep what the test's process closes. */
	close_range(3, ~0U, 0);
	server.kept = calloc(MAX_KEPT, sizeof(*server.kept));
	server.buffer = malloc(BUFFER_SIZE);
	server.fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (server.kept == NULL || server.buffer == NULL || server.fuse_fd == -1) {
		say(&shared->mounted, (unsigned int)errno + 2);
		_exit(1);
	}
	snprintf(options,
		 sizeof(options),
		 "fd=%d,rootmode=40777,user_id=0,group_id=0,allow_other,default_permissions",
		 server.fuse_fd);
	ret = mount("pathring-test", path, "fuse.pathring-test", MS_NOSUID | MS_NODEV, options);
	say(&shared->mounted, ret == 0 ? 1 : (unsigned int)errno + 2);
	if (ret == -1) {
		_exit(1);
	}
	serve(&server);
}

/* ---- the test's side ---- */

/* Mounts of the test are seen by it and its children alone, and are gone with them. */
static void enter_own_namespace(void)
{
	static bool entered;
	int ret;

	if (entered) {
		return;
	}
	ret = unshare(CLONE_NEWNS);
	if (ret == 0) {
		ret = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	}
	if (ret == -1) {
		cr_skip_test("no mount namespace of its own: %s", strerror(errno));
	}
	entered = true;
}

static bool has_mounted(struct fixture *f, void *arg)
{
	struct hung_filesystem *filesystem = arg;

	(void)f;
	return look(&filesystem->shared->mounted) != 0;
}

static void wait_moments(bool (*condition)(struct fixture *f, void *arg), void *arg)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	unsigned int tries = 0;

	for (tries = 0; tries < 20000 && !condition(NULL, arg); tries++) {
		nanosleep(&moment, NULL);
	}
	assert_true(condition(NULL, arg));
}

static int filesystem_destructor(struct hung_filesystem *filesystem)
{
	hung_filesystem_unmount(filesystem);
	return 0;
}

/* Read-only, of the file system and an empty directory: a single one would not do. */
static void mount_overlay(struct hung_filesystem *filesystem)
{
	char *empty = talloc_asprintf(filesystem, "%s.empty", filesystem->path);
	char *options = talloc_asprintf(filesystem, "lowerdir=%s:%s", filesystem->path, empty);
	int ret;

	filesystem->overlay = talloc_asprintf(filesystem, "%s.overlay", filesystem->path);
	ret = mkdir(empty, 0755);
	assert_eq(ret, 0);
	ret = mkdir(filesystem->overlay, 0755);
	assert_eq(ret, 0);
	ret = mount("overlay", filesystem->overlay, "overlay", MS_RDONLY, options);
	if (ret == -1) {
		int error = errno;

		hung_filesystem_unmount(filesystem);
		cr_skip_test("no overlay mount here: %s", strerror(error));
	}
}

struct hung_filesystem *
hung_filesystem_mount(struct fixture *f, const char *name, enum hung_kind kind)
{
	struct hung_filesystem *filesystem = talloc_zero(f, struct hung_filesystem);
	pid_t parent = getpid();
	const char *path = NULL;
	unsigned int mounted;
	int fd = -1;
	int ret = -1;

	enter_own_namespace();
	filesystem->f = f;
	filesystem->path = scratch_path(f, name);
	ret = mkdir(filesystem->path, 0755);
	assert_eq(ret, 0);
	filesystem->shared = mmap(NULL,
				  sizeof(struct shared),
				  PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS,
				  -1,
				  0);
	assert_true(filesystem->shared != MAP_FAILED);
	filesystem->pid = fork();
	assert_geq(filesystem->pid, 0);
	if (filesystem->pid == 0) {
		serve_on(filesystem->shared, filesystem->path, parent);
	}
	talloc_set_destructor(filesystem, filesystem_destructor);
	wait_moments(has_mounted, filesystem);
	mounted = look(&filesystem->shared->mounted);
	if (mounted != 1) {
		hung_filesystem_abort(filesystem);
		cr_skip_test("no FUSE mount here: %s", strerror((int)mounted - 2));
	}

	path = filesystem->path;
	if (kind == HUNG_OVERLAY) {
		mount_overlay(filesystem);
		path = filesystem->overlay;
	}
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_geq(fd, 0, "%s", strerror(errno));
	ret = pathring_handle_dup(filesystem, fd, PATHRING_PATHREF, &filesystem->root);
	assert_result(ret, 0);
	close(fd);
	return filesystem;
}

void hung_filesystem_abort(struct hung_filesystem *filesystem)
{
	pid_t waited;

	if (filesystem->pid <= 0) {
		return;
	}
	kill(filesystem->pid, SIGKILL);
	do {
		waited = waitpid(filesystem->pid, NULL, 0);
	} while (waited == -1 && errno == EINTR);
	filesystem->pid = 0;
}

void hung_filesystem_unmount(struct hung_filesystem *filesystem)
{
	if (filesystem->shared == NULL) {
		return;
	}
	hung_filesystem_abort(filesystem);
	TALLOC_FREE(filesystem->root);
	if (filesystem->overlay != NULL) {
		umount2(filesystem->overlay, MNT_DETACH);
	}
	umount2(filesystem->path, MNT_DETACH);
	munmap(filesystem->shared, sizeof(struct shared));
	filesystem->shared = NULL;
}

struct pathring_handle *hung_filesystem_root(struct hung_filesystem *filesystem)
{
	return filesystem->root;
}

void hung_filesystem_hang(struct hung_filesystem *filesystem)
{
	say(&filesystem->shared->hangs, HANGS_ALWAYS);
}

void hung_filesystem_hang_closes(struct hung_filesystem *filesystem)
{
	say(&filesystem->shared->hangs, HANGS_AT_CLOSE);
}

void hung_filesystem_release(struct hung_filesystem *filesystem)
{
	say(&filesystem->shared->hangs, HANGS_NOT);
}

void hung_filesystem_delay(struct hung_filesystem *filesystem, unsigned int msec)
{
	say(&filesystem->shared->delay_msec, msec);
}

unsigned int hung_filesystem_waiting(const struct hung_filesystem *filesystem)
{
	return look(&filesystem->shared->waiting);
}

struct hung_caller hung_filesystem_caller(const struct hung_filesystem *filesystem)
{
	return filesystem->shared->caller;
}

unsigned int hung_filesystem_most(const struct hung_filesystem *filesystem)
{
	return look(&filesystem->shared->most);
}

void hung_filesystem_until(struct hung_filesystem *filesystem, unsigned int waiting)
{
	unsigned int tries = 0;

	for (tries = 0; tries < 30000 && hung_filesystem_waiting(filesystem) < waiting; tries++) {
		loop_turns(filesystem->f, 1);
	}
	assert_geq(hung_filesystem_waiting(filesystem), waiting, "too few questions were asked");
}

void others_go_on(struct fixture *f)
{
	struct pathring_handle *file = NULL;
	uint8_t *value = NULL;
	char buffer[16];
	unsigned int i = 0;

	for (i = 0; i < 10; i++) {
		file = must_open(f, f->process, "well", O_RDWR);
		assert_result(do_pwrite(f, f->process, file, "content", 7, 0), 7);
		assert_result(do_pread(f, f->process, file, buffer, 16, 0), 7);
		assert_result(do_fsync(f, f->process, file, false), 0);
		assert_result(do_getxattr(f, f->process, file, "user.absent", 16, &value),
			      -ENODATA);
		assert_result(try_lookup(f, f->process, "well"), 0);
		assert_result(do_close(f, f->process, &file), 0);
		assert_result(try_open(f, f->process, "new", O_WRONLY | O_CREAT), 0);
	}
}
