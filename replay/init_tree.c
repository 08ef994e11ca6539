/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the tree that a trace began with. Every step goes from one directory's descriptor to the
 * next and follows no link, so that nothing is made elsewhere, whoever plants what.
 */
#include "init_tree.h"

#include "operate_internal.h"
#include "perform.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Files that only make a listing as long as it was, of one directory and of all. */
#define MAX_FILLERS 10000
#define MAX_ALL_FILLERS 200000

/* As smbd says it, with "directory". */
#define ATTRIBUTE_DIRECTORY 0x10

struct init {
	const struct replay_plan *plan;
	const struct replay_init_options *options;
	size_t num_fillers;
	size_t num_truncated; /* that can't be so large here */
};

static bool complain(const char *what, const struct replay_path *path)
{
	fprintf(stderr,
		"pathring-replay: --root: cannot %s %s for the initial tree: %s\n",
		what,
		path->name,
		strerror(errno));
	return false;
}

static bool give(const struct init *init, const struct replay_path *path, int fd, mode_t mode)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (!init->options->self) {
		if (path->owner != REPLAY_NONE) {
			uid = init->plan->users[path->owner].uid;
			gid = init->plan->users[path->owner].gid;
		}
		if (fchown(fd, uid, gid) == -1) {
			return complain("give away", path);
		}
	}
	return fchmod(fd, mode) == 0 || complain("set the mode of", path);
}

static void mark(const struct init *init, int fd, uint32_t attributes)
{
	uint8_t value[REPLAY_DOS_ATTRIBUTES_SIZE];

	/* smbd does without them where a file system has no xattrs. */
	if (init->options->dos_attributes) {
		replay_dos_attributes(attributes, value);
		(void)fsetxattr(fd, REPLAY_DOS_ATTRIBUTES, value, sizeof(value), 0);
	}
}

static bool make_file(struct init *init, const struct replay_path *path, int dir, const char *name)
{
	int fd = replay_openat2(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	bool ok = false;

	if (fd < 0) {
		errno = -fd;
		return (fd == -EEXIST && init->options->existing) || complain("make", path);
	}
	if (path->size > 0 && path->name == name) {
		off_t size = path->size > INT64_MAX ? INT64_MAX : (off_t)path->size;

		if (ftruncate(fd, size) == -1) {
			init->num_truncated++;
		}
	}
	mark(init, fd, 0);
	ok = give(init, path, fd, path->name == name ? path->mode : 0666);
	close(fd);
	return ok;
}

static bool make_fillers(struct init *init, const struct replay_path *path, int dir)
{
	char name[32];
	uint32_t i = 0;

	for (i = 0; i < path->num_fillers && i < MAX_FILLERS; i++) {
		if (init->num_fillers == MAX_ALL_FILLERS) {
			return true;
		}
		snprintf(name, sizeof(name), "not-named-%06u", i + 1);
		if (!make_file(init, path, dir, name)) {
			return false;
		}
		init->num_fillers++;
	}
	return true;
}

static bool make_below(struct init *init, const struct replay_path *path, int dir);

static bool make_directory(struct init *init, const struct replay_path *path, int dir)
{
	int fd = -1;
	bool ok = false;
	bool existed = false;

	if (mkdirat(dir, path->name, 0700) == -1) {
		existed = errno == EEXIST && init->options->existing;
		if (!existed) {
			return complain("make", path);
		}
	}
	fd = replay_openat2(dir, path->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0) {
		errno = -fd;
		return complain("open", path);
	}
	ok = make_below(init, path, fd);
	if (ok && !existed) {
		mark(init, fd, ATTRIBUTE_DIRECTORY);
		ok = give(init, path, fd, path->mode);
	}
	close(fd);
	return ok;
}

static bool make_below(struct init *init, const struct replay_path *path, int dir)
{
	const struct replay_path *child = NULL;
	bool ok = make_fillers(init, path, dir);

	for (child = path->first_child; ok && child != NULL; child = child->sibling) {
		if (child->initial != REPLAY_PRESENT) {
			continue;
		}
		if (child->kind == REPLAY_KIND_DIRECTORY) {
			ok = make_directory(init, child, dir);
		} else {
			ok = make_file(init, child, dir, child->name);
		}
	}
	return ok;
}

/* Those who are not root must be able to pass it, and to write there what has no share. */
static bool open_root(const struct init *init, int root)
{
	const struct replay_path *child = NULL;
	struct stat st;
	mode_t mode = 0111;

	if (fstat(root, &st) == -1) {
		return complain("look at", init->plan->root);
	}
	for (child = init->plan->root->first_child; child != NULL; child = child->sibling) {
		if (child->share_length == 0) {
			mode = 0777;
		}
	}
	if (init->options->self || (st.st_mode & mode) == mode) {
		return true;
	}
	return fchmod(root, (st.st_mode & 07777) | mode) == 0 ||
	       complain("set the mode of", init->plan->root);
}

bool replay_init_tree(const struct replay_plan *plan,
		      int root,
		      const struct replay_init_options *options)
{
	struct init init = { .plan = plan, .options = options };
	bool ok = open_root(&init, root) && make_below(&init, plan->root, root);

	if (ok && init.num_truncated > 0) {
		fprintf(stderr,
			"pathring-replay: %zu files of the initial tree are smaller than they "
			"were: this file system has none that large\n",
			init.num_truncated);
	}
	return ok;
}
