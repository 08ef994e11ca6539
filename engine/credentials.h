/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The credentials of the calling thread: reading, assuming those of an identity, restoring. Raw
 * system calls only: glibc's wrappers would change every thread of the process.
 */
#ifndef PATHRING_ENGINE_CREDENTIALS_H
#define PATHRING_ENGINE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enough for most users without a trip to malloc. */
#define CREDENTIALS_STATIC_GROUPS 64

struct credentials {
	uid_t fsuid; /* whom file operations ask; the effective ids unless someone has set them
			apart */
	gid_t fsgid;
	uid_t euid;
	gid_t egid;
	uint64_t effective; /* capabilities */
	gid_t *groups;	    /* in the kernel's order, ascending */
	size_t num_groups;
	gid_t static_groups[CREDENTIALS_STATIC_GROUPS];
};

/*
 * All that a function of the caller's may have changed of who a thread is. The others look at less
 * because the engine itself changes less. Securebits are not in it: what they can do to a switch is
 * seen in the effective capabilities, which every switch checks.
 */
struct credentials_full {
	struct credentials effective;
	uid_t uids[3]; /* real, effective, saved */
	gid_t gids[3];
	uid_t fsuid;
	gid_t fsgid;
	uint64_t permitted;
	uint64_t inheritable;
};

/* Who somebody is to be. groups ascending, without duplicates. */
struct credentials_target {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t num_groups;
	uint64_t effective; /* exactly these, or the switch fails */
};

/* What the thread is now. Pair with credentials_release(). */
int credentials_get(struct credentials *credentials);

/*
 * The same in two steps: enough for credentials_match() (all without the effective ids, two system
 * calls less), and the rest, for credentials_restore().
 */
int credentials_get_acting(struct credentials *credentials);
void credentials_complete(struct credentials *credentials);
void credentials_release(struct credentials *credentials);

bool credentials_match(const struct credentials *credentials,
		       const struct credentials_target *target);

/*
 * Let file operations ask the effective ids again where they have been set apart: a thread with
 * effective uid 0 has lost capabilities by that, and can become nobody before.
 */
void credentials_join(const struct credentials *credentials);
/* Set apart what credentials_join() joined; credentials_restore() does so, too. */
void credentials_part(const struct credentials *saved);

/*
 * Become root where the thread is someone else and the process is root's: euid 0 also brings the
 * capabilities that a switch needs. Nothing is changed when it fails.
 */
int credentials_gain_root(void);

/*
 * From root become target, or -errno with the credentials in an undefined mixture: the caller must
 * then restore or become someone else before it does anything.
 */
int credentials_become(const struct credentials_target *target);

/*
 * Go back to what credentials_get() saw. Aborts the process when that can't be done: it would go on
 * as someone else.
 */
void credentials_restore(const struct credentials *saved);

int credentials_full_get(struct credentials_full *full);
void credentials_full_release(struct credentials_full *full);

/*
 * Be exactly that again, whatever has happened since, or -errno as someone else: the thread must
 * then end, or the process.
 */
int credentials_full_restore(const struct credentials_full *saved);

/* End the process: this thread can't be who it was. */
void credentials_abort(const char *step, int error) __attribute__((noreturn));

/* The thread's effective capabilities. */
int credentials_effective(uint64_t *effective);

#endif /* PATHRING_ENGINE_CREDENTIALS_H */
