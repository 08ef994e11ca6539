/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups of names whose files change meanwhile, between the files of this program: files that
 * carry an id in everything that can be known of them (files.c), directories in which threads give
 * the names to other files all the time (scenes.c), and look-ups whose every result must be of one
 * file (look.c).
 */
#ifndef LOOKUPS_RACE_H
#define LOOKUPS_RACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pathring.h"

/* Ends the program: the machine or this program is at fault, not the engine. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

struct random {
	uint64_t state;
};

uint64_t random_next(struct random *random);
/* 0 to limit - 1 */
unsigned int random_below(struct random *random, unsigned int limit);

/* ---- files.c: what a file is known by ---- */

#define MAX_ID 512
/* Of files that no look-up may come to: those that symbolic links lead to. */
#define FIRST_OUTSIDE 400

#define XATTR_ID "user.id"
#define XATTR_TRUSTED_ID "trusted.id"
#define MAX_VALUE 200
#define MAX_LIST 1024

enum kind { KIND_FILE, KIND_DIRECTORY, KIND_LINK, KIND_FIFO };

/* An unprivileged user, whom files with such an id deny their contents. */
#define USER 60001
static inline bool id_is_private(unsigned int id)
{
	return id % 4 == 3;
}

/* A new file with everything that follows from its id. target: of a link. */
void file_make(int dirfd, const char *name, enum kind kind, unsigned int id, const char *target);
/* Names that are nowhere else belong to a file of this id alone. */
void file_forget_all(void);

/* In the order of the queries of a look-up; a look-up without the last is one for the ring. */
enum file_xattr { FILE_ID, FILE_TRUSTED_ID, FILE_LIST, NUM_FILE_XATTRS };

/*
 * Whether all of it is of one file that a look-up may come to, as root or USER sees it: an empty
 * text, or what is wrong.
 */
void file_check(const struct statx *stx,
		const struct pathring_xattr *xattrs,
		size_t num_xattrs,
		bool as_root,
		char *wrong,
		size_t size);

/* ---- scenes.c: what changes ---- */

#define NUM_NAMES 8

struct scene {
	const struct scene_kind *kind;
	int names; /* the directory that is looked at */
	int pool;  /* files that are not in it */
	const char *path;
	unsigned int threads;
	atomic_bool stop;
	atomic_uint_fast64_t changes;
};

struct scene_kind {
	const char *name;
	/* %u is 0 to NUM_NAMES - 1. */
	const char *pattern;
	/* Files that make up the pool, after those with names. */
	unsigned int pool;
	void (*make)(struct scene *scene);
	/* One change; number: of the thread. Returns how many names stand for something else now.
	 */
	unsigned int (*change)(struct scene *scene, struct random *random, unsigned int number);
	/* The look-ups of USER may be denied. */
	bool denies;
	/*
	 * Files go to other directories: where that happens between the kernel's look-up of the
	 * name and its check of RESOLVE_BENEATH (complete_walk()), that is EXDEV.
	 */
	bool moves;
	/* Once in so many look-ups of a name another file is expected to be there at least. */
	unsigned int rarity;
};

extern const struct scene_kind scene_kinds[];
extern const size_t num_scene_kinds;

/* Makes the directory, in dirfd at path, and starts so many threads. */
void scene_begin(struct scene *scene,
		 const struct scene_kind *kind,
		 int dirfd,
		 const char *path,
		 unsigned int threads,
		 uint64_t seed);
void scene_end(struct scene *scene);

/* ---- look.c: what is looked up ---- */

struct look {
	uint64_t seed;
	uint64_t lookups; /* to make at least */
	unsigned int seconds;
	enum pathring_backend backend;
};

struct look_result {
	uint64_t lookups;
	uint64_t found;
	uint64_t others; /* other files than the name stood for before */
	uint64_t wrong;
	char first[512]; /* what was wrong */
};

/* Returns when there were enough look-ups and enough other files, or the time is over. */
void look(const struct look *look, struct scene *scene, struct look_result *result);

#endif /* LOOKUPS_RACE_H */
