/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A function of one's own in a thread, a callback, and a function here and now: each as the user.
 */
#include "pathring.h"
#include <err.h>
#include <unistd.h>
#define USER 60001

/* In a helper thread, in the user's directory: with time to wait, and without a umask. */
static void write_note(void *state)
{
	*(int *)state = open("note", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0622);
}

/* From the event loop. The directory above is root's: the user can't make anything there. */
static void note_written(struct tevent_req *req)
{
	int home = pathring_handle_pathref_fd(tevent_req_callback_data_void(req));
	struct stat note = { 0 };
	void *state = NULL;

	if (pathring_job_recv(req, req, &state) != 0 || fstat(*(int *)state, &note) != 0 ||
	    note.st_uid != USER || note.st_mode != 0100622 || close(*(int *)state) != 0 ||
	    mkdirat(home, "../escape", 0700) == 0 || renameat(home, "note", home, "done") != 0) {
		errx(1, "the job or its callback did not run as the user");
	}
}

static void remove_note(void *home)
{
	if (geteuid() != USER || unlinkat(pathring_handle_pathref_fd(home), "done", 0) != 0) {
		err(1, "done");
	}
}

int main(int argc, char **argv)
{
	struct tevent_context *ev = tevent_context_init(NULL);
	struct pathring_identity *user = NULL;
	struct pathring_handle *home = NULL;
	struct pathring *ring = NULL;
	struct tevent_req *req = NULL;
	int fd = -1;

	if (argc != 2 || geteuid() != 0) {
		errx(argc != 2 ? 2 : 77, "usage: run-for-user DIRECTORY-OF-UID-60001 (as root)");
	}
	fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (pathring_create(ev, ev, NULL, &ring) != 0 ||
	    pathring_identity_unix(ring, ev, USER, USER, NULL, 0, &user) != 0 ||
	    pathring_handle_borrow(ev, fd, PATHRING_PATHREF, &home) != 0 ||
	    !(req = pathring_job_send(ev, ev, ring, user, home, write_note, talloc(ev, int))) ||
	    pathring_callback_as(ring, user, req, note_written, home) != 0 ||
	    !tevent_req_poll(req, ev) || pathring_run_as(ring, user, remove_note, home) != 0) {
		errx(1, "%s: nothing was done there as the user", argv[1]);
	}
	return geteuid() != 0 || talloc_free(ring) != 0 || talloc_free(ev) != 0 || close(fd) != 0;
}
