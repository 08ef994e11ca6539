/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What helper threads do for an open that would block: look at a file, and open it. Each is a job
 * of the engine's, under the identity of the request; a thread per file, because one file's calls
 * have to wait one after the other and different files' do not.
 */
#include "opens.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* ------------------------------------------------------------------------------- in the helper */

static void proc_path(int fd, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

/*
 * The engine's openat would do as well, but this is one of several calls that follow each other.
 * What the client names must not lead out of the share, which is the working directory.
 */
static int open_pathref(const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static ssize_t read_xattr(const char *path, const char *name, uint8_t *value, size_t size)
{
	ssize_t length = getxattr(path, name, value, size);

	return length >= 0 ? length : -errno;
}

static void look_job(void *private_data)
{
	struct opens_look *look = private_data;
	long before = vfs_pathring_thread_waits();
	char path[32];
	int ret;

	if (look->path != NULL) {
		look->pathref = open_pathref(look->path);
		if (look->pathref == -1) {
			look->error = errno;
			return;
		}
	}
	ret = fstat(look->pathref, &look->st);
	if (ret == -1) {
		look->error = errno;
		return;
	}
	if (!S_ISREG(look->st.st_mode)) {
		look->error = EINVAL;
		return;
	}
	proc_path(look->pathref, path);
	look->dos_length = read_xattr(path, SAMBA_XATTR_DOS_ATTRIB, look->dos, sizeof(look->dos));
	look->acl_length =
		read_xattr(path, "system.posix_acl_access", look->acl, sizeof(look->acl));
	if (look->flags != -1) {
		look->fd = open(path, look->flags | O_CLOEXEC);
	}
	look->waits = vfs_pathring_thread_waits() - before;
	close(look->pathref);
	look->pathref = -1;
}

/*
 * As smbd opens it: by the path reference, so that it is the file whose permissions smbd has looked
 * at. The file is there, so that O_CREAT has nothing to say, but the kernel would ask whether the
 * directory allows it.
 */
static void open_job(void *private_data)
{
	struct opens_opening *opening = private_data;
	char path[32];

	proc_path(opening->pathref, path);
	opening->fd = open(path, (opening->flags & ~O_CREAT) | O_CLOEXEC);
	opening->error = opening->fd == -1 ? errno : 0;
	close(opening->pathref);
	opening->pathref = -1;
}

/* -------------------------------------------------------------------------- in smbd's own thread
 */

/* Runs in the helper when nobody waits for the job any more. */
static int look_destructor(struct opens_look *look)
{
	if (look->pathref != -1) {
		close(look->pathref);
	}
	if (look->fd != -1) {
		close(look->fd);
	}
	return 0;
}

static int opening_destructor(struct opens_opening *opening)
{
	if (opening->pathref != -1) {
		close(opening->pathref);
	}
	if (opening->fd != -1) {
		close(opening->fd);
	}
	return 0;
}

/*
 * How smbd will open a file that is to be read and nothing else (calculate_open_access_flags() in
 * smbd/open.c); -1 for everything else. Opened before smbd has looked at the file, so this is for
 * what does nothing to it, where the kernel decides as smbd does.
 */
static int early_flags(const struct vfs_pathring_opens *opens, uint32_t access_mask)
{
	const uint32_t reads =
		SEC_FILE_READ_DATA | SEC_FILE_EXECUTE | SEC_GENERIC_READ | SEC_GENERIC_EXECUTE;
	const uint32_t harmless = reads | SEC_FILE_READ_EA | SEC_FILE_READ_ATTRIBUTE |
				  SEC_STD_READ_CONTROL | SEC_STD_SYNCHRONIZE;

	if (!opens->opens_early || (access_mask & reads) == 0 || (access_mask & ~harmless) != 0) {
		return -1;
	}
	return O_RDONLY | O_NONBLOCK;
}

static struct opens_look *look_create(const struct opens_work *work, uint32_t access_mask)
{
	/* Not on the work: a job that has begun may outlive it. */
	struct opens_look *look = talloc_zero(NULL, struct opens_look);

	if (look != NULL) {
		look->pathref = -1;
		look->fd = -1;
		look->flags = early_flags(work->opens, access_mask);
		talloc_set_destructor(look, look_destructor);
	}
	return look;
}

static int duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void look_completed(struct pathring_request *request, void *private_data)
{
	struct opens_work *work = talloc_get_type_abort(private_data, struct opens_work);
	void *state = NULL;
	int ret;

	ret = pathring_job_result(request, &state);
	if (ret == 0) {
		work->look = talloc_get_type_abort(state, struct opens_look);
	}
	if (ret == 0) {
		ret = -work->look->error;
	}
	if (ret != 0) {
		DBG_DEBUG("message %" PRIu64 ": %s\n", work->mid, strerror(-ret));
		work->failed = true;
	}
	opens_work_completed(work);
}

static bool
look_start(struct opens_work *work, struct pathring_handle *share, struct opens_look *look)
{
	struct vfs_pathring_engine *engine = vfs_pathring_engine_get(work->opens->backend);
	int ret;

	ret = pathring_job_request(engine->ring,
				   work->identity,
				   share,
				   look_job,
				   look,
				   look_completed,
				   work,
				   &work->looking);

	return ret == 0;
}

bool opens_look_at_name(struct opens_work *work,
			struct pathring_handle *share,
			char *path,
			uint32_t access_mask)
{
	struct opens_look *look = look_create(work, access_mask);

	if (look == NULL) {
		return false;
	}
	look->path = talloc_move(look, &path);

	return look_start(work, share, look);
}

bool opens_look_at_pathref(struct opens_work *work, int pathref, uint32_t access_mask)
{
	struct opens_look *look = look_create(work, access_mask);

	if (look == NULL) {
		return false;
	}
	look->pathref = duplicate(pathref);
	if (look->pathref == -1) {
		TALLOC_FREE(look);
		return false;
	}

	return look_start(work, NULL, look);
}

static void open_completed(struct pathring_request *request, void *private_data)
{
	struct opens_work *work = talloc_get_type_abort(private_data, struct opens_work);
	void *state = NULL;
	int ret;

	ret = pathring_job_result(request, &state);
	if (ret == 0) {
		work->opened = talloc_get_type_abort(state, struct opens_opening);
	} else {
		work->failed = true;
	}
	opens_work_completed(work);
}

bool opens_look_open(struct opens_work *work, int pathref, int flags)
{
	struct vfs_pathring_engine *engine = vfs_pathring_engine_get(work->opens->backend);
	struct opens_opening *opening = NULL;
	int ret;

	if (engine == NULL) {
		return false;
	}
	opening = talloc_zero(NULL, struct opens_opening);
	if (opening == NULL) {
		return false;
	}
	opening->fd = -1;
	opening->flags = flags;
	opening->pathref = duplicate(pathref);
	talloc_set_destructor(opening, opening_destructor);
	if (opening->pathref == -1) {
		TALLOC_FREE(opening);
		return false;
	}
	ret = pathring_job_request(engine->ring,
				   work->identity,
				   NULL,
				   open_job,
				   opening,
				   open_completed,
				   work,
				   &work->opening);

	return ret == 0;
}
