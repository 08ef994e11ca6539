/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Who requests run as: identities interned by value, and which of them have a personality. How the
 * engine's thread becomes one is in identity_switch.c, how the ring registers in backend_uring.c.
 *
 * Interned, because a personality costs a registration and the kernel has 65,535 of them for each
 * ring, while a file server makes a token for each session. By value, because tokens are freed and
 * their memory is used again for another user: neither a pointer nor a hash alone says who somebody
 * is.
 */
#include "identity.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define MIN_BUCKETS 64

struct pathring_identity {
	LIST_ENTRY(pathring_identity) link;
	struct identity *identity; /* NULL when the engine is gone */
};

static int compare_gid(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a;
	gid_t y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/*
 * Groups are a set for the kernel's permission checks: order and repetition must not make another
 * identity.
 */
static size_t normalise_groups(gid_t *groups, size_t num_groups)
{
	size_t kept = 0;
	size_t i;

	if (num_groups == 0) {
		return 0;
	}
	qsort(groups, num_groups, sizeof(gid_t), compare_gid);
	for (i = 1; i < num_groups; i++) {
		if (groups[i] != groups[kept]) {
			groups[++kept] = groups[i];
		}
	}
	return kept + 1;
}

/* FNV-1a. Only picks a bucket. */
static uint64_t hash_target(const struct credentials_target *target)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t i;

	hash = (hash ^ target->uid) * 0x100000001b3ULL;
	hash = (hash ^ target->gid) * 0x100000001b3ULL;
	for (i = 0; i < target->num_groups; i++) {
		hash = (hash ^ target->groups[i]) * 0x100000001b3ULL;
	}
	return hash ^ hash >> 32;
}

static bool same_identity(const struct credentials_target *a, const struct credentials_target *b)
{
	if (a->uid != b->uid || a->gid != b->gid || a->num_groups != b->num_groups) {
		return false;
	}
	if (a->num_groups == 0) {
		return true;
	}
	return memcmp(a->groups, b->groups, a->num_groups * sizeof(gid_t)) == 0;
}

static struct identity_bucket *bucket_of(const struct identities *identities, uint64_t hash)
{
	return &identities->buckets[hash % identities->num_buckets];
}

static int make_buckets(struct pathring *ring, size_t count)
{
	struct identities *identities = &ring->identities;
	struct identity_bucket *buckets = NULL;
	struct identity *identity = NULL;

	buckets = talloc_zero_array(ring, struct identity_bucket, count);
	if (buckets == NULL) {
		return -ENOMEM;
	}
	talloc_free(identities->buckets);
	identities->buckets = buckets;
	identities->num_buckets = count;
	TAILQ_FOREACH(identity, &identities->used, used_link) {
		LIST_INSERT_HEAD(bucket_of(identities, identity->hash), identity, bucket_link);
	}
	return 0;
}

/* Before one more. Without memory searching takes longer. */
static void grow_buckets(struct pathring *ring)
{
	if (ring->identities.count >= ring->identities.num_buckets) {
		make_buckets(ring, 2 * ring->identities.num_buckets);
	}
}

static struct identity *find_identity(struct pathring *ring,
				      const struct credentials_target *target)
{
	uint64_t hash = hash_target(target);
	struct identity *identity = NULL;

	LIST_FOREACH(identity, bucket_of(&ring->identities, hash), bucket_link) {
		if (identity->hash == hash && same_identity(&identity->target, target)) {
			return identity;
		}
	}
	return NULL;
}

static void leave_tables(struct identity *identity)
{
	struct identities *identities = &identity->ring->identities;

	LIST_REMOVE(identity, bucket_link);
	TAILQ_REMOVE(&identities->used, identity, used_link);
	if (identity->spare) {
		TAILQ_REMOVE(&identities->spare, identity, spare_link);
	}
	identities->count--;
}

/* After its references or its personality have changed. */
static void note_spare(struct identity *identity)
{
	bool spare = identity->references == 0 && identity->personality == 0;

	if (spare == identity->spare || identity->ring == NULL) {
		return;
	}
	identity->spare = spare;
	if (spare) {
		TAILQ_INSERT_TAIL(&identity->ring->identities.spare, identity, spare_link);
	} else {
		TAILQ_REMOVE(&identity->ring->identities.spare, identity, spare_link);
	}
}

static void forget_identity(struct identity *identity)
{
	leave_tables(identity);
	talloc_free(identity);
}

void identity_outlive_engine(struct identity *identity, TALLOC_CTX *owner)
{
	if (identity->ring != NULL) {
		leave_tables(identity);
		identity->ring = NULL;
		talloc_steal(owner, identity);
	}
}

/* Those nobody holds are kept for their personality and counters, but not without end. */
static void trim_identities(struct pathring *ring)
{
	struct identities *identities = &ring->identities;

	while (identities->count > ring->options.max_personalities &&
	       !TAILQ_EMPTY(&identities->spare)) {
		forget_identity(TAILQ_FIRST(&identities->spare));
	}
}

static struct identity *intern_identity(struct pathring *ring,
					const struct credentials_target *target)
{
	struct identities *identities = &ring->identities;
	struct identity *identity = NULL;
	gid_t *groups = NULL;

	identity = find_identity(ring, target);
	if (identity != NULL) {
		return identity;
	}

	identity = talloc_zero_size(ring,
				    sizeof(struct identity) + target->num_groups * sizeof(gid_t));
	if (identity == NULL) {
		return NULL;
	}
	talloc_set_name_const(identity, "struct identity");
	groups = (gid_t *)(identity + 1);
	if (target->num_groups > 0) {
		memcpy(groups, target->groups, target->num_groups * sizeof(gid_t));
	}
	identity->ring = ring;
	identity->target = *target;
	identity->target.groups = groups;
	identity->hash = hash_target(target);

	grow_buckets(ring);
	LIST_INSERT_HEAD(bucket_of(identities, identity->hash), identity, bucket_link);
	TAILQ_INSERT_TAIL(&identities->used, identity, used_link);
	identities->count++;
	return identity;
}

static int object_destructor(struct pathring_identity *object)
{
	if (object->identity != NULL) {
		LIST_REMOVE(object, link);
		identity_release(object->identity);
		object->identity = NULL;
	}
	return 0;
}

struct pathring_identity *identity_object(TALLOC_CTX *mem_ctx, struct identity *identity)
{
	struct pathring_identity *object = NULL;

	object = talloc_zero(mem_ctx, struct pathring_identity);
	if (object == NULL) {
		return NULL;
	}
	object->identity = identity_hold(identity);
	LIST_INSERT_HEAD(&identity->ring->identities.objects, object, link);
	talloc_set_destructor(object, object_destructor);
	return object;
}

static int make_object(struct pathring *ring,
		       TALLOC_CTX *mem_ctx,
		       const struct credentials_target *target,
		       struct pathring_identity **_object)
{
	struct pathring_identity *object = NULL;
	struct identity *identity = NULL;

	identity = intern_identity(ring, target);
	if (identity == NULL) {
		return -ENOMEM;
	}
	object = identity_object(mem_ctx, identity);
	trim_identities(ring);
	if (object == NULL) {
		return -ENOMEM;
	}
	*_object = object;
	return 0;
}

static const struct credentials_target *process_target(const struct pathring *ring)
{
	return &ring->identities.process->identity->target;
}

/* The effective capabilities that an identity may have: the header's rule. */
static uint64_t allowed_capabilities(const struct pathring *ring,
				     const struct credentials_target *target)
{
	const struct credentials_target *process = process_target(ring);

	if (same_identity(target, process)) {
		return process->effective;
	}
	if (target->uid == 0 && process->uid == 0) {
		return process->effective;
	}
	return 0;
}

/*
 * Not interned: it is no value to be found by another, and has no personality. Its target is for
 * helper threads.
 */
static int make_none(struct pathring *ring)
{
	struct identity *identity = NULL;

	identity = talloc_zero(ring, struct identity);
	if (identity == NULL) {
		return -ENOMEM;
	}
	identity->ring = ring;
	identity->none = true;
	identity->target = *process_target(ring);
	ring->identities.none = identity_object(ring, identity);
	return ring->identities.none != NULL ? 0 : -ENOMEM;
}

/* A thread whose file operations ask somebody else than it is stands for nobody. */
static bool acts_as_itself(const struct credentials *credentials)
{
	return credentials->fsuid == credentials->euid && credentials->fsgid == credentials->egid;
}

int identities_init(struct pathring *ring)
{
	struct identities *identities = &ring->identities;
	struct credentials credentials = { 0 };
	struct credentials_target target = { 0 };
	int ret;

	TAILQ_INIT(&identities->used);
	TAILQ_INIT(&identities->spare);
	LIST_INIT(&identities->objects);

	ret = make_buckets(ring, MIN_BUCKETS);
	if (ret < 0) {
		return ret;
	}
	ret = credentials_get(&credentials);
	if (ret < 0) {
		return ret;
	}
	target = (struct credentials_target) {
		.uid = credentials.euid,
		.gid = credentials.egid,
		.groups = credentials.groups,
		.num_groups = normalise_groups(credentials.groups, credentials.num_groups),
		.effective = credentials.effective,
	};
	if (acts_as_itself(&credentials)) {
		ret = make_object(ring, ring, &target, &identities->process);
	} else {
		ret = -EPERM;
	}
	credentials_release(&credentials);
	if (ret == 0) {
		ret = make_none(ring);
	}
	return ret;
}

void identities_free(struct pathring *ring)
{
	struct identities *identities = &ring->identities;
	struct pathring_identity *object = NULL;

	while ((object = LIST_FIRST(&identities->objects)) != NULL) {
		object_destructor(object);
	}
	while (!TAILQ_EMPTY(&identities->used)) {
		forget_identity(TAILQ_FIRST(&identities->used));
	}
}

struct identity *identity_of_object(const struct pathring_identity *object)
{
	return object != NULL ? object->identity : NULL;
}

struct identity *identity_of_function(const struct pathring *ring,
				      const struct pathring_identity *object)
{
	struct identity *identity = identity_of_object(object);

	return identity != NULL && identity->ring == ring ? identity : NULL;
}

struct identity *identity_of(const struct pathring *ring, const struct pathring_identity *object)
{
	struct identity *identity = identity_of_function(ring, object);

	return identity != NULL && !identity->none ? identity : NULL;
}

struct identity *identity_hold(struct identity *identity)
{
	identity->references++;
	note_spare(identity);
	return identity;
}

void identity_release(struct identity *identity)
{
	identity->references--;
	note_spare(identity);
}

int pathring_identity_unix(struct pathring *ring,
			   TALLOC_CTX *mem_ctx,
			   uid_t uid,
			   gid_t gid,
			   const gid_t *groups,
			   size_t num_groups,
			   struct pathring_identity **identity)
{
	struct credentials_target target = { 0 };
	gid_t *own_groups = NULL;
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	if (uid == (uid_t)-1 || gid == (gid_t)-1 || num_groups > NGROUPS_MAX) {
		return -EINVAL;
	}

	if (num_groups > 0) {
		own_groups = talloc_memdup(NULL, groups, num_groups * sizeof(gid_t));
		if (own_groups == NULL) {
			return -ENOMEM;
		}
	}
	target = (struct credentials_target) {
		.uid = uid,
		.gid = gid,
		.groups = own_groups,
		.num_groups = normalise_groups(own_groups, num_groups),
	};
	target.effective = allowed_capabilities(ring, &target);
	ret = make_object(ring, mem_ctx, &target, identity);
	talloc_free(own_groups);
	return ret;
}

int pathring_identity_current(struct pathring *ring,
			      TALLOC_CTX *mem_ctx,
			      struct pathring_identity **identity)
{
	struct credentials credentials = { 0 };
	struct credentials_target target = { 0 };
	int ret;

	ret = engine_check(ring);
	if (ret < 0) {
		return ret;
	}
	ret = credentials_get(&credentials);
	if (ret < 0) {
		return ret;
	}

	target = (struct credentials_target) {
		.uid = credentials.euid,
		.gid = credentials.egid,
		.groups = credentials.groups,
		.num_groups = normalise_groups(credentials.groups, credentials.num_groups),
	};
	target.effective = allowed_capabilities(ring, &target);
	if (acts_as_itself(&credentials) && credentials.effective == target.effective) {
		ret = make_object(ring, mem_ctx, &target, identity);
		if (ret == 0 && ring->backend != NULL && ring->backend->adopt != NULL) {
			ring->backend->adopt(ring, (*identity)->identity);
		}
	} else {
		ret = -EPERM;
	}
	credentials_release(&credentials);
	return ret;
}

struct pathring_identity *pathring_identity_process(struct pathring *ring)
{
	return ring->identities.process;
}

struct pathring_identity *pathring_identity_none(struct pathring *ring)
{
	return ring->identities.none;
}

/* Whose ids an object has: NULL for that of an engine that is gone, and for nobody's. */
static const struct credentials_target *target_of(const struct pathring_identity *object)
{
	const struct identity *identity = identity_of_object(object);

	return identity != NULL && !identity->none ? &identity->target : NULL;
}

uid_t pathring_identity_uid(const struct pathring_identity *identity)
{
	const struct credentials_target *target = target_of(identity);

	return target != NULL ? target->uid : (uid_t)-1;
}

gid_t pathring_identity_gid(const struct pathring_identity *identity)
{
	const struct credentials_target *target = target_of(identity);

	return target != NULL ? target->gid : (gid_t)-1;
}

/* Never that of the process itself, which the ring's own entries name, also those of a flush. */
static int evict_personality(struct pathring *ring, const struct personality_methods *methods)
{
	const struct identity *process = ring->identities.process->identity;
	struct identity *identity = NULL;
	bool flushed;
	int ret;

	flushed = methods->flush(ring);
	if (!flushed) {
		return -EAGAIN;
	}
	TAILQ_FOREACH(identity, &ring->identities.used, used_link) {
		if (identity->personality != 0 && identity != process) {
			break;
		}
	}
	if (identity == NULL) {
		return -EAGAIN;
	}
	ret = methods->unregister(ring, identity->personality);
	if (ret < 0) {
		return ret;
	}
	identity->personality = 0;
	note_spare(identity);
	ring->identities.personalities--;
	return 0;
}

int identity_personality(struct identity *identity, const struct personality_methods *methods)
{
	struct pathring *ring = identity->ring;
	struct identities *identities = &ring->identities;
	struct identity_switch state = { .switched = false };
	uint64_t began;
	int ret;

	TAILQ_REMOVE(&identities->used, identity, used_link);
	TAILQ_INSERT_TAIL(&identities->used, identity, used_link);
	if (identity->personality != 0) {
		return identity->personality;
	}

	if (identities->personalities >= ring->options.max_personalities) {
		ret = evict_personality(ring, methods);
		if (ret < 0) {
			return ret;
		}
	}

	began = engine_clock();
	ret = identity_enter(identity, &state);
	if (ret < 0) {
		return ret;
	}
	ret = methods->register_current(ring);
	identity_leave(&state);
	ring->busy_nsec += engine_clock() - began;
	if (ret < 0) {
		return ret;
	}
	identity->personality = (uint16_t)ret;
	identities->personalities++;
	ring->stats.registrations++;
	return identity->personality;
}
