/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds cells and removes them. A cell looks like this, owners, modes, ACLs and xattrs at random:
 *
 *	f0 f1		files; h0 may be a second name of f0
 *	d0/f2 d0/d1/f3	nested directories
 *	d2/f4		a directory that more may write to, often sticky or setgid
 *	s0 s1 s2 ...	symbolic links, d0/s1 leads up, s4 out of the cell, s5 to itself
 *
 * No link leads anywhere outside of the trees where something is: what follows one may be root.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl.h"

struct builder {
	struct dice dice;
	const struct who *whos;
	const uint16_t *cast;
	int error; /* the first */
};

static const mode_t cell_modes[] = { 0777, 01777, 0755, 0775, 02775, 03777, 0711, 0770, 0733 };
static const mode_t directory_modes[] = { 0755,	 0775, 0750, 0770, 0700, 02775, 01777,
					  02755, 0711, 0555, 0777, 0744, 02770, 0000 };
static const mode_t file_modes[] = { 0644,  0664,  0640,  0660, 0600, 0666, 0444,  0400,
				     04755, 02755, 06775, 0755, 0000, 0604, 02666, 04777 };

void tree_cell_name(uint32_t cell, char name[16])
{
	snprintf(name, 16, "c%06u", cell);
}

static void check(struct builder *builder, int ret)
{
	if (ret == -1 && builder->error == 0) {
		builder->error = -errno;
	}
}

/* An xattr that this file system may be without, in both trees. */
static void check_optional(struct builder *builder, int ret)
{
	if (ret == -1 && errno != EOPNOTSUPP) {
		check(builder, ret);
	}
}

static uid_t draw_owner(struct builder *builder)
{
	return builder->whos[builder->cast[dice_below(&builder->dice, CELL_CAST)]].uid;
}

static gid_t draw_group(struct builder *builder)
{
	const struct who *who =
		&builder->whos[builder->cast[dice_below(&builder->dice, CELL_CAST)]];

	if (who->num_groups > 0 && dice_percent(&builder->dice, 60)) {
		return who->groups[dice_below(&builder->dice, who->num_groups)];
	}
	return who->gid;
}

static void set_acl(struct builder *builder, int fd, const char *name)
{
	uint8_t value[ACL_SPACE];
	size_t size;
	int ret;

	size = acl_draw(&builder->dice, builder->whos, builder->cast, value);
	ret = fsetxattr(fd, name, value, size, 0);
	check_optional(builder, ret);
}

static void set_xattrs(struct builder *builder, int fd)
{
	static const char *const names[] = { "user.a", "user.b", "trusted.t" };
	char value[64];
	size_t i;
	int ret;

	memset(value, 'x', sizeof(value));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (dice_percent(&builder->dice, 60)) {
			value[0] = (char)('a' + dice_below(&builder->dice, 26));
			ret = fsetxattr(
				fd, names[i], value, dice_below(&builder->dice, sizeof(value)), 0);
			check_optional(builder, ret);
		}
	}
}

/* Owner, group, mode, ACLs and xattrs, for good. */
static void finish(struct builder *builder, int fd, mode_t mode, bool directory)
{
	int ret;

	ret = fchown(fd, draw_owner(builder), draw_group(builder));
	check(builder, ret);
	ret = fchmod(fd, mode);
	check(builder, ret);
	if (dice_percent(&builder->dice, 30)) {
		set_acl(builder, fd, ACL_ACCESS);
	}
	if (directory && dice_percent(&builder->dice, 25)) {
		set_acl(builder, fd, ACL_DEFAULT);
	}
	set_xattrs(builder, fd);
}

static void make_file(struct builder *builder, int dirfd, const char *name)
{
	char content[200];
	size_t size = dice_below(&builder->dice, sizeof(content));
	size_t i;
	ssize_t written;
	int fd;

	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1) {
		check(builder, fd);
		return;
	}
	for (i = 0; i < size; i++) {
		content[i] = (char)('A' + dice_below(&builder->dice, 26));
	}
	written = write(fd, content, size);
	check(builder, written == (ssize_t)size ? 0 : -1);
	finish(builder, fd, DICE_PICK(&builder->dice, file_modes), false);
	close(fd);
}

static int make_directory(struct builder *builder, int dirfd, const char *name)
{
	int fd;
	int ret;

	ret = mkdirat(dirfd, name, 0700);
	check(builder, ret);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	check(builder, fd);
	return fd;
}

static void make_link(struct builder *builder, int dirfd, const char *name, const char *target)
{
	int ret;

	ret = symlinkat(target, dirfd, name);
	check(builder, ret);
	ret = fchownat(dirfd, name, draw_owner(builder), draw_group(builder), AT_SYMLINK_NOFOLLOW);
	check(builder, ret);
}

static void fill_cell(struct builder *builder, int cell)
{
	int d0 = make_directory(builder, cell, "d0");
	int d1 = make_directory(builder, d0, "d1");
	int d2 = make_directory(builder, cell, "d2");
	int ret;

	make_file(builder, cell, "f0");
	make_file(builder, cell, "f1");
	make_file(builder, d0, "f2");
	make_file(builder, d1, "f3");
	make_file(builder, d2, "f4");
	make_link(builder, cell, "s0", "f0");
	make_link(builder, d0, "s1", "../f0");
	make_link(builder, cell, "s2", "d0");
	make_link(builder, cell, "s3", "n2");
	make_link(builder, cell, "s4", "../nowhere/f0");
	make_link(builder, cell, "s5", "s5");
	if (dice_percent(&builder->dice, 40)) {
		ret = linkat(cell, "f0", cell, "h0", 0);
		check(builder, ret);
	}
	finish(builder, d1, DICE_PICK(&builder->dice, directory_modes), true);
	finish(builder, d0, DICE_PICK(&builder->dice, directory_modes), true);
	finish(builder, d2, DICE_PICK(&builder->dice, cell_modes), true);
	close(d0);
	close(d1);
	close(d2);
	finish(builder, cell, DICE_PICK(&builder->dice, cell_modes), true);
}

int tree_build_cell(const char *tree,
		    uint32_t cell,
		    uint64_t seed,
		    const struct who *whos,
		    const uint16_t cast[CELL_CAST])
{
	struct builder builder = {
		.dice = { .state = seed },
		.whos = whos,
		.cast = cast,
	};
	char name[16];
	int treefd;
	int fd;
	int ret;

	treefd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (treefd == -1) {
		return -errno;
	}
	tree_cell_name(cell, name);
	ret = tree_remove(treefd, name);
	if (ret < 0 && ret != -ENOENT) {
		close(treefd);
		return ret;
	}
	fd = make_directory(&builder, treefd, name);
	if (fd != -1) {
		fill_cell(&builder, fd);
		close(fd);
	}
	fd = openat(treefd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check(&builder, fd);
	close(treefd);
	if (builder.error < 0) {
		if (fd != -1) {
			close(fd);
		}
		return builder.error;
	}
	return fd;
}

static int remove_below(int fd)
{
	struct dirent *entry = NULL;
	DIR *directory = NULL;
	int result = 0;
	int ret;

	directory = fdopendir(fd);
	if (directory == NULL) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			result = tree_remove(dirfd(directory), entry->d_name);
		}
	}
	closedir(directory);
	return result;
}

int tree_remove(int dirfd, const char *name)
{
	int fd;
	int ret;

	ret = unlinkat(dirfd, name, 0);
	if (ret == 0) {
		return 0;
	}
	if (errno != EISDIR) {
		return -errno;
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		return -errno;
	}
	ret = remove_below(fd);
	if (ret < 0) {
		return ret;
	}
	ret = unlinkat(dirfd, name, AT_REMOVEDIR);
	return ret == 0 ? 0 : -errno;
}
