/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jobs that tell who and where they were. What they must tell is up to the tests.
 */
#include "work.h"

static int state_destructor(struct work_state *state)
{
	state->work->freed++;
	return 0;
}

struct work_state *new_state(TALLOC_CTX *mem_ctx, struct work *work)
{
	struct work_state *state = talloc(mem_ctx, struct work_state);

	assert_not_null(state);
	state->work = work;
	talloc_set_destructor(state, state_destructor);
	return state;
}

int error_of(long ret)
{
	return ret == -1 ? -errno : 0;
}

/* Make a file, read one that belongs to somebody else, and look around. */
void look_around(void *private_data)
{
	struct work_state *state = private_data;
	struct work *work = state->work;
	char *text = snapshot_credentials(state);
	int fd = -1;

	work->runs++;
	free(work->snapshot);
	work->snapshot = strdup(text);
	if (getcwd(work->cwd, sizeof(work->cwd)) == NULL) {
		work->cwd[0] = '\0';
	}
	if (work->name == NULL) {
		return;
	}
	fd = open(work->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	work->error = error_of(fd);
	if (fd >= 0) {
		close(fd);
	}
	fd = open("of_b", O_RDONLY | O_CLOEXEC);
	work->denied = error_of(fd);
	if (fd >= 0) {
		close(fd);
	}
}

int try_look(struct fixture *f,
	     struct pathring_identity *identity,
	     struct pathring_handle *cwd,
	     struct work *work)
{
	unsigned int freed = work->freed;
	int ret = do_job(f, identity, cwd, look_around, new_state(f, work));

	assert_eq(work->freed, freed + 1, "the state was not freed");
	return ret;
}

void work_end(struct work *work)
{
	free(work->snapshot);
	work->snapshot = NULL;
}

void check_made(struct fixture *f, const char *name, uid_t uid, gid_t gid)
{
	struct stat st = scratch_stat(f, name);

	assert_eq(st.st_uid, uid, "%s", name);
	assert_eq(st.st_gid, gid, "%s", name);
	assert_eq(st.st_mode & 07777, 0666, "%s", name);
}

void job_files(struct fixture *f)
{
	assert_eq(chmod(f->path, 01777), 0);
	scratch_file(f, "of_b", USER_B, GROUP_X, 0640, "content");
}
