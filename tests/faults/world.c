/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree of known files: made, looked at and put in order again.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "report.h"

#define FIRST_UID 60100
#define FIRST_GID 61100
#define FIRST_GROUP 62100

#define DIRECTORY_MODE 0770

struct world world = { .fd = -1 };

/* ---- making it ---- */

static void own(int fd, unsigned int owner, mode_t mode)
{
	int ret;

	ret = fchown(fd, world.users[owner].uid, world.owners[owner].gid);
	if (ret == 0) {
		ret = fchmod(fd, mode);
	}
	if (ret == -1) {
		fail_call("giving a file to its owner");
	}
}

static ino_t inode_of(int fd)
{
	struct stat st;
	int ret;

	ret = fstat(fd, &st);
	if (ret == -1) {
		fail_call("fstat");
	}
	return st.st_ino;
}

static int make_file(int dir_fd, const char *name, unsigned int owner)
{
	int fd;

	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0);
	if (fd == -1) {
		fail_call(name);
	}
	own(fd, owner, WORLD_FILE_MODE);
	return fd;
}

static int make_directory(int dir_fd, const char *name, unsigned int owner)
{
	int fd;
	int ret;

	ret = mkdirat(dir_fd, name, 0);
	if (ret == -1) {
		fail_call(name);
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		fail_call(name);
	}
	own(fd, owner, DIRECTORY_MODE);
	return fd;
}

static void write_all(int fd, const void *data, size_t size, off_t offset)
{
	ssize_t written;

	written = pwrite(fd, data, size, offset);
	if (written != (ssize_t)size) {
		fail_call("pwrite");
	}
}

uint8_t world_data_byte(unsigned int owner, size_t offset)
{
	return (uint8_t)(owner * 31 + offset * 7 + offset / 256);
}

static void make_data(struct owner *owner, unsigned int index)
{
	uint8_t data[DATA_SIZE];
	size_t i;
	int ret;
	int fd;

	for (i = 0; i < sizeof(data); i++) {
		data[i] = world_data_byte(index, i);
	}
	fd = make_file(owner->top_fd, "data", index);
	write_all(fd, data, sizeof(data), 0);
	ret = fsetxattr(fd, DATA_XATTR, owner->name, strlen(owner->name), 0);
	if (ret == -1) {
		fail_call("setting a user xattr (--dir on a file system that has them)");
	}
	owner->inodes[NODE_DATA] = inode_of(fd);
	close(fd);
}

static void make_link(struct owner *owner)
{
	struct stat st;
	int ret;

	ret = symlinkat("data", owner->top_fd, "link");
	if (ret == 0) {
		ret = fstatat(owner->top_fd, "link", &st, AT_SYMLINK_NOFOLLOW);
	}
	if (ret == -1) {
		fail_call("link");
	}
	owner->inodes[NODE_LINK] = st.st_ino;
}

static void make_list(struct owner *owner, unsigned int index)
{
	static const char *const names[] = { "one", "two", "three" };
	size_t i;
	int fd;

	fd = make_directory(owner->top_fd, "list", index);
	owner->inodes[NODE_LIST] = inode_of(fd);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		close(make_file(fd, names[i], index));
	}
	close(fd);
}

static void fill_block(int fd, struct block *block, unsigned int number)
{
	uint8_t bytes[BLOCK_SIZE];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(number + i);
	}
	write_all(fd, bytes, sizeof(bytes), (off_t)number * BLOCK_SIZE);
	*block = (struct block) {
		.known = true,
		.first = (uint8_t)number,
	};
}

static void make_blob(struct owner *owner, unsigned int index)
{
	unsigned int i;
	int fd;

	fd = make_file(owner->top_fd, "blob", index);
	owner->inodes[NODE_BLOB] = inode_of(fd);
	for (i = 0; i < NUM_BLOCKS; i++) {
		fill_block(fd, &owner->blocks[i], i);
	}
	close(fd);
}

/* The file stays the same one: handles may be open. */
static void make_attributes(struct owner *owner, unsigned int index, struct attributes *attributes)
{
	int fd;

	fd = make_file(owner->top_fd, attributes->name, index);
	fremovexattr(fd, CHANGING_XATTR);
	attributes->busy = false;
	attributes->known = true;
	attributes->inode = inode_of(fd);
	attributes->mode = WORLD_FILE_MODE;
	attributes->size = 0;
	attributes->changed = 0;
	attributes->xattr_size = -1;
	close(fd);
}

static void make_owner(unsigned int index)
{
	struct owner *owner = &world.owners[index];
	unsigned int i;
	int fd;

	snprintf(owner->name, sizeof(owner->name), "u%u", index);
	owner->group = index % NUM_GROUPS;
	owner->gid = FIRST_GROUP + owner->group;
	owner->top_fd = make_directory(world.fd, owner->name, index);
	owner->inodes[NODE_TOP] = inode_of(owner->top_fd);
	make_data(owner, index);
	make_link(owner);
	make_list(owner, index);
	make_blob(owner, index);
	for (i = 0; i < NUM_ATTRIBUTE_FILES; i++) {
		snprintf(owner->attributes[i].name, sizeof(owner->attributes[i].name), "a%u", i);
		make_attributes(owner, index, &owner->attributes[i]);
	}
	owner->slots_fd = make_directory(owner->top_fd, "s", index);
	for (i = 0; i < NUM_SLOTS; i++) {
		snprintf(owner->slots[i].name, sizeof(owner->slots[i].name), "s%u", i);
	}
	fd = make_file(owner->slots_fd, "origin", index);
	owner->origin = inode_of(fd);
	close(fd);
}

static void make_user(unsigned int index, struct random *random)
{
	struct user *user = &world.users[index];
	unsigned int i;

	user->uid = FIRST_UID + index;
	user->gid = FIRST_GID + index;
	user->member = random_below(random, 1U << NUM_GROUPS);
	for (i = 0; i < NUM_GROUPS; i++) {
		if ((user->member & 1U << i) != 0) {
			user->groups[user->num_groups++] = FIRST_GROUP + i;
		}
	}
	/* Some are in many groups, which means nothing to the files. */
	while (index % 4 == 3 && user->num_groups < MAX_USER_GROUPS) {
		user->groups[user->num_groups] =
			FIRST_GROUP + 1000 * index + (gid_t)user->num_groups;
		user->num_groups++;
	}
}

void world_create(const char *parent, struct random *random)
{
	struct statfs filesystem;
	unsigned int i;
	int ret;

	snprintf(world.path, sizeof(world.path), "%s/pathring-faults-XXXXXX", parent);
	if (mkdtemp(world.path) == NULL) {
		world.path[0] = '\0';
		fail_call(parent);
	}
	world.fd = open(world.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (world.fd == -1) {
		fail_call(world.path);
	}
	ret = fchmod(world.fd, 0755);
	if (ret == 0) {
		ret = fstatfs(world.fd, &filesystem);
	}
	if (ret == -1) {
		fail_call(world.path);
	}
	world.filesystem_type = (long)filesystem.f_type;
	world.inode = inode_of(world.fd);
	for (i = 1; i < NUM_USERS; i++) {
		make_user(i, random);
	}
	for (i = 1; i <= NUM_OWNERS; i++) {
		make_owner(i);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	remove(path);
	return 0;
}

void world_remove(void)
{
	long ret;

	if (world.path[0] != '\0') {
		/* A failure may come while the thread is another user. */
		ret = syscall(SYS_setresuid, -1, 0, -1);
		(void)ret;
		nftw(world.path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		world.path[0] = '\0';
	}
}

/* ---- putting it in order ---- */

static void empty_slot(struct owner *owner, struct slot *slot)
{
	int ret;

	ret = unlinkat(owner->slots_fd, slot->name, 0);
	if (ret == -1 && errno == EISDIR) {
		ret = unlinkat(owner->slots_fd, slot->name, AT_REMOVEDIR);
	}
	if (ret == -1 && errno != ENOENT) {
		fail_call("emptying a slot");
	}
	slot->state = SLOT_EMPTY;
	slot->busy = false;
}

static void reset_blocks(struct owner *owner)
{
	unsigned int i;
	int fd = -1;

	for (i = 0; i < NUM_BLOCKS; i++) {
		struct block *block = &owner->blocks[i];

		block->busy = false;
		if (block->known) {
			continue;
		}
		if (fd == -1) {
			fd = openat(owner->top_fd, "blob", O_RDWR | O_CLOEXEC);
			if (fd == -1) {
				fail_call("blob");
			}
		}
		fill_block(fd, block, i);
	}
	if (fd != -1) {
		close(fd);
	}
}

void world_reset(void)
{
	unsigned int index;
	unsigned int i;

	for (index = 1; index <= NUM_OWNERS; index++) {
		struct owner *owner = &world.owners[index];

		for (i = 0; i < NUM_SLOTS; i++) {
			if (owner->slots[i].busy || owner->slots[i].state == SLOT_UNKNOWN) {
				empty_slot(owner, &owner->slots[i]);
			}
		}
		for (i = 0; i < NUM_ATTRIBUTE_FILES; i++) {
			if (owner->attributes[i].busy || !owner->attributes[i].known) {
				make_attributes(owner, index, &owner->attributes[i]);
			}
		}
		reset_blocks(owner);
	}
}

/* ---- looking at it ---- */

bool world_allows(unsigned int user, unsigned int owner)
{
	return user == 0 || user == owner ||
	       (world.users[user].member & 1U << world.owners[owner].group) != 0;
}

void world_check_slot(unsigned int index, struct slot *slot)
{
	static const mode_t types[] = {
		[SLOT_FILE] = S_IFREG,
		[SLOT_DIRECTORY] = S_IFDIR,
		[SLOT_SYMLINK] = S_IFLNK,
	};
	struct owner *owner = &world.owners[index];
	struct stat st;
	int ret;

	ret = fstatat(owner->slots_fd, slot->name, &st, AT_SYMLINK_NOFOLLOW);
	if (ret == -1) {
		if (errno != ENOENT || slot->state != SLOT_EMPTY) {
			fail("%s/s/%s: %s", owner->name, slot->name, strerror(errno));
		}
		return;
	}
	if (slot->state == SLOT_EMPTY) {
		fail("%s/s/%s is there and should not be", owner->name, slot->name);
	}
	if ((st.st_mode & S_IFMT) != types[slot->state] || st.st_uid != slot->uid ||
	    st.st_gid != slot->gid ||
	    (slot->state != SLOT_SYMLINK && (st.st_mode & 07777) != slot->mode)) {
		fail("%s/s/%s has mode %o of %u:%u and not permissions %o of %u:%u",
		     owner->name,
		     slot->name,
		     st.st_mode,
		     st.st_uid,
		     st.st_gid,
		     slot->mode,
		     slot->uid,
		     slot->gid);
	}
	if (slot->inode != 0 && slot->inode != st.st_ino) {
		fail("%s/s/%s is another file than it was", owner->name, slot->name);
	}
	slot->inode = st.st_ino;
}

void world_check_attributes(unsigned int index, const struct attributes *attributes)
{
	struct owner *owner = &world.owners[index];
	uint8_t xattr[MAX_XATTR];
	char path[300];
	struct stat st;
	ssize_t size;
	int ret;

	ret = fstatat(owner->top_fd, attributes->name, &st, AT_SYMLINK_NOFOLLOW);
	if (ret == -1) {
		fail_call(attributes->name);
	}
	if ((st.st_mode & 07777) != attributes->mode || st.st_size != attributes->size ||
	    st.st_uid != world.users[index].uid || st.st_gid != owner->gid ||
	    (attributes->changed != 0 && st.st_mtime != attributes->changed)) {
		fail("%s/%s has mode %o of %u:%u, %lld bytes, changed at %lld; and should have "
		     "%o, %lld bytes, %lld",
		     owner->name,
		     attributes->name,
		     st.st_mode,
		     st.st_uid,
		     st.st_gid,
		     (long long)st.st_size,
		     (long long)st.st_mtime,
		     attributes->mode,
		     (long long)attributes->size,
		     (long long)attributes->changed);
	}
	snprintf(path, sizeof(path), "%s/%s/%s", world.path, owner->name, attributes->name);
	size = lgetxattr(path, CHANGING_XATTR, xattr, sizeof(xattr));
	if (size != attributes->xattr_size ||
	    (size > 0 && memcmp(xattr, attributes->xattr, (size_t)size) != 0)) {
		fail("%s/%s has another xattr than it should have", owner->name, attributes->name);
	}
}
