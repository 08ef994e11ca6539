/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and users of whom everything is known: who may do what, and what it gives. Made and looked
 * at with plain system calls.
 *
 * Each owner has a directory "uN" (mode 0770, of a group that some of the users are in):
 *
 *     uN/data      always the same bytes and the same xattr
 *     uN/link      symbolic link to data
 *     uN/list/     always the same three names
 *     uN/blob      blocks that are written and read
 *     uN/aI        whose attributes, size and xattr change
 *     uN/s/        slots sI for names that come and go, and "origin" to link to
 */
#ifndef PATHRING_TESTS_FAULTS_WORLD_H
#define PATHRING_TESTS_FAULTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "random.h"

/* User 0 is the process itself. Users 1 to NUM_OWNERS own a directory. */
#define NUM_USERS 17
#define NUM_OWNERS 8
#define NUM_GROUPS 4
#define MAX_USER_GROUPS 40

#define NUM_SLOTS 8
#define NUM_BLOCKS 8
#define BLOCK_SIZE 6000
#define NUM_ATTRIBUTE_FILES 3

#define DATA_SIZE 5000
#define LIST_ENTRIES 5 /* with "." and ".." */
#define DATA_XATTR "user.owner"
#define CHANGING_XATTR "user.changing"
#define MAX_XATTR 24

/* Nobody else may read what is in a directory, whatever else becomes of it. */
#define WORLD_FILE_MODE 0660

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[MAX_USER_GROUPS];
	size_t num_groups;
	unsigned int member; /* a bit a group of the directories' */
};

/* What an open handle refers to. */
enum node {
	NODE_TOP, /* uN itself */
	NODE_DATA,
	NODE_LINK,
	NODE_LIST,
	NODE_BLOB,
	NODE_ATTRIBUTES,
	NODE_CREATED, /* by a request, in a slot */
	NUM_NODES
};

enum slot_state {
	SLOT_EMPTY,
	SLOT_FILE,
	SLOT_DIRECTORY,
	SLOT_SYMLINK,
	SLOT_UNKNOWN, /* whoever was to change it was not waited for */
};

struct slot {
	char name[8];
	enum slot_state state;
	bool busy;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	ino_t inode;
};

struct block {
	bool busy;
	bool known;
	uint8_t first; /* each byte is one more than that before it */
};

struct attributes {
	char name[8];
	bool busy;
	bool known;
	ino_t inode;
	mode_t mode;
	off_t size;
	time_t changed;	    /* modification time, where set; else 0 */
	ssize_t xattr_size; /* -1: none */
	uint8_t xattr[MAX_XATTR];
};

struct owner {
	char name[8]; /* of the directory */
	gid_t gid;
	unsigned int group; /* its number */
	int top_fd;
	int slots_fd;
	ino_t inodes[NUM_NODES];
	ino_t origin;
	struct slot slots[NUM_SLOTS];
	struct block blocks[NUM_BLOCKS];
	struct attributes attributes[NUM_ATTRIBUTE_FILES];
};

struct world {
	char path[256];
	int fd;
	ino_t inode;
	long filesystem_type;
	struct user users[NUM_USERS];
	struct owner owners[NUM_OWNERS + 1]; /* by user; 0 is not used */
};

extern struct world world;

void world_create(const char *parent, struct random *random);
/* The directory and all that is in it. Does nothing where there is none. */
void world_remove(void);

/* Everything that is busy or unknown is made anew: nothing works on it any more. */
void world_reset(void);

/* Whether user may enter owner's directory and read and write what is in it. */
bool world_allows(unsigned int user, unsigned int owner);

uint8_t world_data_byte(unsigned int owner, size_t offset);

/* What is there must be what is noted, or the program fails. */
void world_check_slot(unsigned int owner, struct slot *slot);
void world_check_attributes(unsigned int owner, const struct attributes *attributes);

#endif /* PATHRING_TESTS_FAULTS_WORLD_H */
