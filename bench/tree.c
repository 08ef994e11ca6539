/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes and removes the tree. What is the right answer about a file of it is verify.c's.
 */
#include "tree.h"

#include "signals.h"
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of the way to the files. */
#define WAY_COMPONENT "deep/"

static char *describe_errno(TALLOC_CTX *mem_ctx, const char *what, const char *path)
{
	return talloc_asprintf(mem_ctx, "%s %s: %s", what, path, strerror(errno));
}

/* ---- what is to be made ---- */

/* Every owner and every kind in turn; the forbidden ones spread evenly over the others. */
static void plan_kinds(struct bench_tree *tree)
{
	size_t num = tree->num_files;
	size_t users = tree->num_users;
	size_t forbidden = tree->num_forbidden;
	size_t i = 0;

	for (i = 0; i < num; i++) {
		struct bench_file *file = &tree->files[i];
		size_t before = i * forbidden / num;
		size_t after = (i + 1) * forbidden / num;

		if (before != after) {
			file->kind = before % 2 == 0 ? BENCH_FILE_PRIVATE : BENCH_FILE_CLOSED;
			file->owner = users == 1 ? 1 : before / 2 % users;
		} else {
			file->kind = i / users % 2 == 0 || !tree->has_common ? BENCH_FILE_PUBLIC
									     : BENCH_FILE_GROUP;
			file->owner = i % users;
		}
	}
}

/* NULL: no memory. */
static struct bench_directory *add_directory(struct bench_tree *tree, size_t owner)
{
	struct bench_directory *directory = NULL;
	struct bench_directory *more = NULL;
	size_t room = talloc_array_length(tree->directories);

	if (tree->num_directories == room) {
		more = talloc_realloc(
			tree, tree->directories, struct bench_directory, room < 16 ? 16 : room * 2);
		if (more == NULL) {
			return NULL;
		}
		tree->directories = more;
	}
	directory = &tree->directories[tree->num_directories];
	*directory = (struct bench_directory) { .owner = owner };
	tree->num_directories++;
	return directory;
}

static void put_file(struct bench_tree *tree, size_t index, size_t number)
{
	struct bench_directory *directory = &tree->directories[number];
	struct bench_file *file = &tree->files[index];

	file->directory = number;
	file->position = directory->num_files;
	if (directory->num_files == 0) {
		directory->first_file = index;
	}
	directory->num_files++;
	if (file->kind != BENCH_FILE_CLOSED) {
		return;
	}
	if (directory->num_closed == 0) {
		directory->closed_owner = file->owner;
	}
	directory->num_closed++;
	directory->closed_to_all =
		directory->closed_to_all || directory->closed_owner != file->owner;
}

static bool plan_private(struct bench_tree *tree, size_t index)
{
	size_t owner = tree->files[index].owner;
	struct bench_directory *directory = NULL;

	if (tree->private_of[owner] == SIZE_MAX) {
		directory = add_directory(tree, owner);
		if (directory == NULL) {
			return false;
		}
		directory->path = talloc_asprintf(tree->files,
						  "%sprivate-%u",
						  tree->way,
						  (unsigned int)tree->users[owner].uid);
		if (directory->path == NULL) {
			return false;
		}
		tree->private_of[owner] = tree->num_directories - 1;
	}
	put_file(tree, index, tree->private_of[owner]);
	return true;
}

/* `entries` to a directory; or all at one place. */
static bool plan_open(struct bench_tree *tree, size_t index, bool several, size_t *current)
{
	struct bench_directory *directory = NULL;
	bool full = *current == SIZE_MAX;

	full = full || (several && tree->directories[*current].num_files == tree->entries);
	if (full) {
		directory = add_directory(tree, tree->num_users + 1);
		if (directory == NULL) {
			return false;
		}
		*current = tree->num_directories - 1;
		if (several) {
			directory->path = talloc_asprintf(
				tree->files, "%sdirectory-%06zu", tree->way, *current);
		}
		if (several && directory->path == NULL) {
			return false;
		}
	}
	put_file(tree, index, *current);
	return true;
}

static bool plan_directories(struct bench_tree *tree, bool several)
{
	size_t current = SIZE_MAX;
	size_t i = 0;
	bool ok = true;

	tree->private_of = talloc_array(tree, size_t, tree->num_users + 1);
	if (tree->private_of == NULL) {
		return false;
	}
	for (i = 0; i <= tree->num_users; i++) {
		tree->private_of[i] = SIZE_MAX;
	}
	for (i = 0; ok && i < tree->num_files; i++) {
		const struct bench_directory *directory = NULL;
		struct bench_file *file = &tree->files[i];

		ok = file->kind == BENCH_FILE_PRIVATE ? plan_private(tree, i)
						      : plan_open(tree, i, several, &current);
		if (!ok) {
			break;
		}
		directory = &tree->directories[file->directory];
		file->path = talloc_asprintf(tree->files,
					     "%s%sfile-%06zu",
					     directory->path != NULL ? directory->path : tree->way,
					     directory->path != NULL ? "/" : "",
					     i);
		ok = file->path != NULL;
	}
	return ok;
}

static bool plan_files(struct bench_tree *tree, const struct bench_tree_options *options)
{
	size_t num = options->num_files;
	size_t forbidden = (size_t)((double)num * options->forbidden_percent / 100);
	size_t i = 0;

	if (forbidden == 0 && options->forbidden_percent > 0) {
		forbidden = 1;
	}
	tree->num_files = num;
	tree->num_forbidden = forbidden;
	tree->entries = options->entries;
	tree->deep = options->deep;
	tree->files = talloc_zero_array(tree, struct bench_file, num);
	tree->way = talloc_strdup(tree, "");
	for (i = 0; i < tree->deep; i++) {
		tree->way = talloc_strdup_append(tree->way, WAY_COMPONENT);
	}
	if (tree->files == NULL || tree->way == NULL) {
		return false;
	}
	plan_kinds(tree);
	return plan_directories(tree, options->lists);
}

bool bench_tree_has_private(const struct bench_tree *tree, size_t owner)
{
	return tree->private_of[owner] != SIZE_MAX;
}

/* ---- making it ---- */

/* Each directory on the way, from the top down. */
static bool make_way(struct bench_tree *tree, char **why)
{
	const size_t length = sizeof(WAY_COMPONENT) - 1;
	size_t i = 0;

	for (i = 1; i <= tree->deep; i++) {
		char *path = talloc_strndup(tree, tree->way, i * length - 1);
		int ret = 0;

		if (path == NULL) {
			return false;
		}
		ret = mkdirat(tree->dir_fd, path, 0700);
		if (ret == 0) {
			tree->way_made = i;
			ret = fchmodat(tree->dir_fd, path, 0755, 0);
		}
		if (ret == -1) {
			*why = describe_errno(tree, "cannot make directory", path);
			return false;
		}
		talloc_free(path);
	}
	return true;
}

static bool make_directory(struct bench_tree *tree, struct bench_directory *directory, char **why)
{
	const struct bench_user *user = NULL;
	int ret = 0;

	ret = mkdirat(tree->dir_fd, directory->path, 0700);
	if (ret == -1) {
		*why = describe_errno(tree, "cannot make directory", directory->path);
		return false;
	}
	directory->made = true;
	if (directory->owner > tree->num_users) {
		ret = fchmodat(tree->dir_fd, directory->path, 0755, 0);
	} else {
		user = &tree->users[directory->owner];
		ret = fchownat(
			tree->dir_fd, directory->path, user->uid, user->gid, AT_SYMLINK_NOFOLLOW);
	}
	if (ret == -1) {
		*why = describe_errno(tree, "cannot give away directory", directory->path);
		return false;
	}
	return true;
}

static bool fill_file(struct bench_tree *tree, size_t index, int fd, char **why)
{
	struct bench_file *file = &tree->files[index];
	uint8_t value[BENCH_TREE_XATTR_LENGTH];
	struct stat st;
	int ret = 0;

	/* A hole: lookups look at the size, never at the data. */
	ret = ftruncate(fd, (off_t)bench_tree_size(index));
	if (ret == -1) {
		*why = describe_errno(tree, "cannot set the size of", file->path);
		return false;
	}
	bench_tree_xattr(index, value);
	ret = fsetxattr(fd, BENCH_XATTR_NAME, value, sizeof(value), XATTR_CREATE);
	if (ret == -1) {
		*why = talloc_asprintf(tree,
				       "cannot set xattr " BENCH_XATTR_NAME " of %s: %s%s",
				       file->path,
				       strerror(errno),
				       errno == EOPNOTSUPP
					       ? " (choose a file system with user xattrs by --dir)"
					       : "");
		return false;
	}
	/* The mode before the owner, the umask does not matter to fchmod. */
	ret = fchmod(fd, bench_tree_mode(tree, file));
	if (ret == -1) {
		*why = describe_errno(tree, "cannot set the mode of", file->path);
		return false;
	}
	ret = fchown(fd, tree->users[file->owner].uid, bench_tree_gid(tree, file));
	if (ret == -1) {
		*why = describe_errno(tree, "cannot give away", file->path);
		return false;
	}
	ret = fstat(fd, &st);
	if (ret == -1) {
		*why = describe_errno(tree, "cannot stat", file->path);
		return false;
	}
	file->inode = st.st_ino;
	return true;
}

static bool make_file(struct bench_tree *tree, size_t index, char **why)
{
	struct bench_file *file = &tree->files[index];
	struct bench_directory *directory = &tree->directories[file->directory];
	int fd = -1;
	bool ok = false;

	if (directory->path != NULL && !directory->made) {
		ok = make_directory(tree, directory, why);
		if (!ok) {
			return false;
		}
	}
	fd = openat(tree->dir_fd,
		    file->path,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd == -1) {
		*why = describe_errno(tree, "cannot create", file->path);
		return false;
	}
	ok = fill_file(tree, index, fd, why);
	close(fd);
	return ok;
}

static bool make_top(struct bench_tree *tree, const char *dir, char **why)
{
	char *parent = NULL;
	int ret = 0;

	parent = realpath(dir, NULL);
	if (parent == NULL) {
		*why = describe_errno(tree, "cannot use directory", dir);
		return false;
	}
	tree->path = talloc_asprintf(
		tree, "%s/pathring-bench-XXXXXX", strcmp(parent, "/") == 0 ? "" : parent);
	tree->parent_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (tree->path == NULL) {
		return false;
	}
	if (tree->parent_fd == -1) {
		*why = describe_errno(tree, "cannot use directory", dir);
		return false;
	}

	if (mkdtemp(tree->path) == NULL) {
		*why = describe_errno(tree, "cannot make a directory in", dir);
		return false;
	}
	tree->made = true;
	tree->name = strrchr(tree->path, '/') + 1;

	tree->dir_fd = openat(
		tree->parent_fd, tree->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree->dir_fd == -1) {
		*why = describe_errno(tree, "cannot open", tree->path);
		return false;
	}
	ret = fchmod(tree->dir_fd, 0755);
	if (ret == -1) {
		*why = describe_errno(tree, "cannot set the mode of", tree->path);
		return false;
	}
	return true;
}

bool bench_tree_create(TALLOC_CTX *mem_ctx,
		       const struct bench_tree_options *options,
		       struct bench_tree **_tree,
		       char **why)
{
	struct bench_tree *tree = NULL;
	size_t i = 0;
	bool ok = false;

	*why = NULL;
	tree = talloc_zero(mem_ctx, struct bench_tree);
	if (tree == NULL) {
		return false;
	}
	tree->parent_fd = -1;
	tree->dir_fd = -1;

	tree->writes = options->writes;
	ok = bench_users_make(tree, options) && plan_files(tree, options) &&
	     make_top(tree, options->dir, why) && make_way(tree, why);
	for (i = 0; ok && i < tree->num_files && bench_signal_caught() == 0; i++) {
		ok = make_file(tree, i, why);
	}
	if (!ok) {
		if (*why == NULL) {
			*why = talloc_strdup(mem_ctx, "out of memory");
		}
		talloc_steal(mem_ctx, *why);
		bench_tree_remove(tree);
		return false;
	}
	*_tree = tree;
	return true;
}

void bench_tree_leave(struct bench_tree *tree)
{
	struct stat st;
	int ret = fstat(tree->dir_fd, &st);

	tree->inode = ret == 0 ? st.st_ino : 0;
	close(tree->dir_fd);
	close(tree->parent_fd);
	tree->dir_fd = -1;
	tree->parent_fd = -1;
}

bool bench_tree_return(struct bench_tree *tree, char **why)
{
	size_t length = (size_t)(tree->name - tree->path);
	char *parent = talloc_strndup(tree, tree->path, length);
	struct stat st;
	int ret = -1;

	*why = NULL;
	if (parent == NULL) {
		return false;
	}
	tree->parent_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	talloc_free(parent);
	if (tree->parent_fd != -1) {
		tree->dir_fd = openat(tree->parent_fd,
				      tree->name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (tree->dir_fd != -1) {
		ret = fstat(tree->dir_fd, &st);
	}
	if (ret == -1) {
		*why = describe_errno(tree, "cannot come back to", tree->path);
		return false;
	}
	if (st.st_ino != tree->inode) {
		/* Whatever it is, nothing of it is to be removed. */
		close(tree->dir_fd);
		close(tree->parent_fd);
		tree->dir_fd = -1;
		tree->parent_fd = -1;
		*why = talloc_asprintf(tree, "%s is another directory now", tree->path);
		return false;
	}
	return true;
}

static bool remove_entry(const struct bench_tree *tree, int dir_fd, const char *path, int flags)
{
	int ret = 0;

	ret = unlinkat(dir_fd, path, flags);
	if (ret == -1 && errno != ENOENT) {
		fprintf(stderr,
			"pathring-bench: cannot remove %s of %s: %s\n",
			path,
			tree->path,
			strerror(errno));
		return false;
	}
	return true;
}

static bool remove_way(struct bench_tree *tree)
{
	bool ok = true;

	for (; ok && tree->way_made > 0; tree->way_made--) {
		tree->way[tree->way_made * (sizeof(WAY_COMPONENT) - 1) - 1] = '\0';
		ok = remove_entry(tree, tree->dir_fd, tree->way, AT_REMOVEDIR);
	}
	return ok;
}

/*
 * By the names that were created and never by what is found there: the owners of the private
 * directories could have put anything into them.
 */
bool bench_tree_remove(struct bench_tree *tree)
{
	size_t i = 0;
	bool ok = true;

	if (tree->dir_fd != -1) {
		for (i = 0; ok && i < tree->num_files; i++) {
			ok = remove_entry(tree, tree->dir_fd, tree->files[i].path, 0);
		}
		for (i = 0; ok && i < tree->num_directories; i++) {
			const struct bench_directory *directory = &tree->directories[i];

			if (directory->made) {
				ok = remove_entry(
					tree, tree->dir_fd, directory->path, AT_REMOVEDIR);
			}
		}
		ok = ok && remove_way(tree);
		close(tree->dir_fd);
	}
	if (tree->made && tree->dir_fd == -1 && tree->inode != 0) {
		fprintf(stderr, "pathring-bench: %s stays behind\n", tree->path);
		ok = false;
	}
	if (ok && tree->made) {
		ok = remove_entry(tree, tree->parent_fd, tree->name, AT_REMOVEDIR);
	}
	if (tree->parent_fd != -1) {
		close(tree->parent_fd);
	}
	talloc_free(tree);
	return ok;
}
