/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The users and the files that requests go to, and what is right to answer: each file has a size,
 * an owner, a group, a mode and an xattr value of its own, so that an answer about another file, or
 * under another user, shows.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include "engine.h"

enum bench_file_kind {
	BENCH_FILE_PUBLIC,  /* 0644 */
	BENCH_FILE_GROUP,   /* 0640, readable through a supplementary group that all users are in */
	BENCH_FILE_CLOSED,  /* 0600: others may stat it, its xattr is denied */
	BENCH_FILE_PRIVATE, /* below a 0700 directory of its owner: others may not even open it */
};

struct bench_file {
	const char *path; /* relative to the tree; the last of its components tells the index */
	uint64_t inode;
	size_t owner; /* index of a user; num_users is someone who makes no requests */
	size_t directory;
	size_t position; /* among the files of the directory */
	enum bench_file_kind kind;
};

/* Where files are. */
struct bench_directory {
	const char *path; /* relative to the tree; NULL: the tree itself, or the end of the way */
	size_t owner;	  /* of a 0700 directory; num_users + 1: open to all */
	size_t first_file;
	size_t num_files;
	size_t num_closed;   /* files of kind BENCH_FILE_CLOSED */
	size_t closed_owner; /* who owns the first of them */
	bool closed_to_all;  /* and others than that one own some */
	bool made;
};

struct bench_tree {
	char *path; /* absolute */
	char *name; /* in parent_fd */
	int parent_fd;
	int dir_fd;
	ino_t inode; /* of dir_fd, while the tree is left */
	struct bench_user
		*users; /* num_users and one more, who owns what a single user is denied */
	size_t num_users;
	bool self;   /* the one user is this process, whom nothing is denied */
	bool writes; /* files may also be written to by whom they may be read */
	struct bench_file *files;
	size_t num_files;
	struct bench_directory *directories;
	size_t num_directories;
	size_t *private_of; /* for each user: their 0700 directory among them */
	size_t entries;	    /* of a directory, if it isn't private */
	size_t deep;	    /* directories on the way */
	char *way;	    /* "deep/deep/", or "" */
	size_t way_made;    /* directories of it that exist */
	size_t num_forbidden;
	bool has_common; /* all users are in this group */
	gid_t common_gid;
	bool made;
};

struct bench_tree_options {
	const char *dir;
	size_t num_users;	  /* 0: the process itself, whoever that is */
	const char *identities;	  /* the file that says who the users are, or NULL */
	struct bench_user *users; /* those that it names */
	size_t num_files;
	size_t entries; /* files in a directory that is listed */
	size_t deep;	/* directories on the way to each file */
	uid_t uid_base;
	double forbidden_percent;
	bool writes;
	bool lists; /* only then files are in several directories */
};

/* About the length of the value that Samba 4 writes. */
#define BENCH_TREE_XATTR_LENGTH 60

/*
 * Make a directory of its own in options->dir with all files in it. It stops early, with success,
 * when a signal was caught. False: *why says why not, and what was made is removed again.
 */
bool bench_tree_create(TALLOC_CTX *mem_ctx,
		       const struct bench_tree_options *options,
		       struct bench_tree **tree,
		       char **why);

/*
 * Have nothing of the tree open, so that its file system can be mounted anew, and come back to it.
 * False: *why says why it is not there.
 */
void bench_tree_leave(struct bench_tree *tree);
bool bench_tree_return(struct bench_tree *tree, char **why);

/*
 * Remove what was created and nothing else. False after a message on stderr when something stays
 * behind.
 */
bool bench_tree_remove(struct bench_tree *tree);

/* Whether the answer to a lookup of this file by this user should be, or contain, EACCES. */
bool bench_tree_denies(const struct bench_tree *tree, size_t user, size_t file);

/* What a file is like. */
uint64_t bench_tree_size(size_t index);
mode_t bench_tree_mode(const struct bench_tree *tree, const struct bench_file *file);
gid_t bench_tree_gid(const struct bench_tree *tree, const struct bench_file *file);
void bench_tree_xattr(size_t index, uint8_t value[BENCH_TREE_XATTR_LENGTH]);

/* The first 4 KiB of its data, where an operation has written them. Constant. */
const uint8_t *bench_tree_data(size_t index);

/* The index that the last component of a file's path tells; SIZE_MAX: it tells none. */
size_t bench_tree_index(const char *name);

/* Whether there is a 0700 directory of a user. */
bool bench_tree_has_private(const struct bench_tree *tree, size_t owner);

#endif /* BENCH_TREE_H */
