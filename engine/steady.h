/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Proof, afterwards, that the names of a directory stood for the same files all the time.
 */
#ifndef PATHRING_ENGINE_STEADY_H
#define PATHRING_ENGINE_STEADY_H

#include <stdbool.h>
#include <stdint.h>

/* How long it has been watched: from steady_begin() to steady_end(). */
struct steady {
	int fd;	    /* -1: can't be proven */
	int mounts; /* of this process */
	int64_t ctime_sec;
	uint32_t ctime_nsec;
};

/* As the identity that reads the directory. False: it can't be proven of this one. */
bool steady_begin(struct steady *steady, int dirfd);

/*
 * After steady_begin(), whatever it returned. True: each name was the same file, or none, from then
 * to now.
 */
bool steady_end(struct steady *steady);

#endif /* PATHRING_ENGINE_STEADY_H */
