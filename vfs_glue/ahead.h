/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ahead in directories, between its files: the buffer of a directory and where smbd is in it
 * (ahead.c), the look-ups of the entries to come (ahead_look.c), and the calls of smbd's that are
 * answered from them (ahead_answers.c).
 *
 * What is looked up serves the turn of the event loop in which it was asked for, and no other: smbd
 * handles a request within one. (A listing that goes on in another turn has its names, and looks
 * them up anew.) Within it, only the entry that readdir gave last is answered for.
 */
#ifndef VFS_PATHRING_AHEAD_H
#define VFS_PATHRING_AHEAD_H

#include "vfs_pathring.h"

/* Entries of a block. A directory has two: what smbd is at, and what comes then. */
#define AHEAD_MAX_BLOCK 512

/*
 * What get_ea_names_from_fsp() in smbd/smb2_trans2.c asks for first. Of a file with longer names
 * smbd asks itself. (GlusterFS wants room for names that it does not tell then.)
 */
#define AHEAD_LIST_SIZE 256

/* In the order of the queries. */
enum ahead_xattr { AHEAD_DOS_ATTRIBUTES, AHEAD_LIST, AHEAD_NUM_XATTRS };

struct ahead_entry {
	struct dirent dirent;
	long before; /* the positions for seekdir() */
	long after;
	/* The look-up, or NULL: not made, of an earlier turn, or taken. */
	struct pathring_request *request;
	size_t number;	  /* of the look-ups of the request */
	unsigned int who; /* it was made for */
};

struct ahead_block {
	struct ahead_entry *entries;
	size_t count;
	size_t position; /* of what smbd gets next */
	size_t looked;	 /* entries that are looked up, or need not be */
	bool later;	 /* to be looked up in smbd's thread, when smbd comes to it */
	struct pathring_request **requests;
	size_t num_requests;
};

struct ahead_directory {
	struct ahead_directory *next;
	struct ahead_directory *prev;
	struct vfs_pathring_ahead *ahead;
	DIR *dirp;
	const struct files_struct *fsp;
	struct pathring_handle *handle; /* a duplicate: look-ups may outlive the directory */
	struct ahead_block blocks[2];
	unsigned int current; /* of these */
	bool at_end;	      /* there are no more names to read */
	long told;	      /* the position after the entry that smbd got last */

	/* How far to look */
	size_t given;	 /* entries that smbd got in this turn */
	size_t expected; /* that it will have got at the end of it; 0: not known */
	size_t names;	 /* that smbd got of late, without "." and ".." */
	size_t opened;	 /* of these, by smbd */
	size_t unused;	 /* entries in a row that smbd did not open */
};

/* The entry that smbd got last, as far as it was looked up. */
struct ahead_offer {
	const struct ahead_directory *directory; /* NULL: none */
	const struct ahead_entry *entry;
	struct pathring_request *request;
	size_t number;
	unsigned int who; /* it is for */
	bool missing;	  /* there is no such name any more: no request, no st */
	SMB_STRUCT_STAT st;
};

/* What is known of a path reference that openat gave out. */
struct ahead_opened {
	const struct files_struct *fsp; /* NULL: none */
	int fd;
	unsigned int who; /* it was opened for */
	bool has_st; /* not yet asked for */
	SMB_STRUCT_STAT st;
	const struct pathring_xattr *xattrs[AHEAD_NUM_XATTRS]; /* NULL: not known or given */
};

/* Of a tree connect. */
struct vfs_pathring_ahead {
	struct vfs_handle_struct *handle;
	enum pathring_backend backend;
	size_t window; /* pathring:readahead */
	bool fake_times;
	bool async_dosmode;
	struct pathring_xattr_query queries[AHEAD_NUM_XATTRS];
	struct pathring_lookup_how how;
	int number_of[AHEAD_NUM_XATTRS]; /* of the query; -1: none */

	struct ahead_directory *directories;
	struct ahead_offer offer;
	struct ahead_opened opened;
	struct tevent_immediate *turn_end;
	bool turn_begun;
	struct ahead_directory *spare; /* one that is closed; listings come one after the other */

	/* The directory whose "." smbd opened last: that is how it begins to list all names */
	const struct files_struct *begun;

	/* What was seen of late, for how far and where to look up */
	bool slow;	   /* each look-up had to wait for the file system */
	size_t not_waited; /* so many single ones in a row had not */
	size_t cold;	   /* names to come that are likely not in the cache */
	uint64_t entry_nsec[PATHRING_NUM_PLACEMENTS]; /* an entry, all in all; 0: not known */
	uint64_t block_begun;
	size_t block_count; /* entries; 0: none in this turn */
	enum pathring_placement block_place;
	unsigned int decisions;

	struct vfs_pathring_ahead_counters *counters; /* the share's */
};

/*
 * Names had to be read from a disk, or something of a file: what comes next is likely to be there
 * too, for as many names as the C library reads at once (32 KiB), and more. Then look-ups cost
 * processor time too, to put inodes together, and are worth a thread of their own.
 */
#define AHEAD_COLD_NAMES 1024

/* What smbd makes of a stat. In ahead.c. */
void ahead_stat(struct stat *from, bool fake_times, SMB_STRUCT_STAT *st);

/* ---------------------------------------------------------------------------------- ahead_look.c
 */

/* vfs_pathring_who() */
unsigned int ahead_look_who(const struct vfs_pathring_ahead *ahead);

/* Makes sure that the next entry of the block is looked up, and then some more. */
void ahead_look(struct ahead_directory *directory, struct ahead_block *block);

/* Lets go of all look-ups that nobody has taken. */
void ahead_look_drop(struct ahead_block *block);

/* Waits for the look-up of the entry, if there is one: true, with ahead->offer set. */
bool ahead_look_result(struct ahead_directory *directory, const struct ahead_entry *entry);

/*
 * Looks the entry up now, for smbd's next call: true, with ahead->offer set, when that is known or
 * when there is no such name any more.
 */
bool ahead_look_again(struct ahead_directory *directory, struct ahead_entry *entry);

/* ------------------------------------------------------------------------------- ahead_answers.c
 */

/* smbd goes on to another entry, or the turn is over. */
void ahead_answers_forget(struct vfs_pathring_ahead *ahead);

#endif /* VFS_PATHRING_AHEAD_H */
