/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handles that requests have opened and nobody has freed yet.
 */
#ifndef PATHRING_TESTS_FAULTS_HANDLES_H
#define PATHRING_TESTS_FAULTS_HANDLES_H

#include "pathring.h"
#include "random.h"
#include "world.h"

struct open_handle {
	uint64_t number; /* no other has it, ever */
	struct pathring_handle *handle;
	enum node node;
	unsigned int owner;
	bool io;
	ino_t inode;
	uid_t uid;
	struct attributes *attributes; /* of NODE_ATTRIBUTES */
	unsigned int readers;	       /* readdirs of it that have not been seen to be complete */
};

/* Takes handle over. Another is freed when there are too many. */
void handles_add(const struct open_handle *open, struct random *random);
/* Any, or NULL where there is none. */
struct open_handle *handles_any(struct random *random);
struct open_handle *handles_by_number(uint64_t number);
struct open_handle *handles_of(enum node node, struct random *random);
/* It is freed, or has been taken over by the library. */
void handles_forget(struct open_handle *open);
void handles_free(struct open_handle *open);
void handles_free_all(void);
unsigned int handles_count(void);
bool handles_have(int fd);

#endif /* PATHRING_TESTS_FAULTS_HANDLES_H */
