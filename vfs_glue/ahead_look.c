/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The look-ups of entries to come: how many, where they run, and what they gave. Each is made under
 * the identity that smbd has at that moment.
 */
#include "ahead.h"

/* How many names are looked up at once at first. */
#define FEW_NAMES 16

/*
 * smbd opens the names that fit the client's pattern. Where these are fewer than one of so many,
 * looking all of them up costs more than it brings. A look-up that has to be waited for costs
 * little beside others.
 */
#define FEWEST_OPENED 2
#define FEWEST_OPENED_SLOW 8

/*
 * So many at once, in a directory that has so many, are worth a thread of their own beside smbd's:
 * it has to be started, and the engine with it.
 */
#define MANY_NAMES 24
#define MANY_ENTRIES 256

/* Of so many decisions some in a row are for what seems to be slower. */
#define TRY_EVERY 128
#define TRIES 3

unsigned int ahead_look_who(const struct vfs_pathring_ahead *ahead)
{
	struct vfs_pathring_engine *engine = vfs_pathring_engine_find(ahead->backend);

	return engine != NULL ? vfs_pathring_who(engine, ahead->handle->conn) : 0;
}

static void look_completed(struct pathring_request *request, void *private_data)
{
	(void)request;
	(void)private_data;
}

/* Links and what is none of smbd's business have no look-up. */
static bool is_wanted(const struct ahead_entry *entry)
{
	const char *name = entry->dirent.d_name;
	bool dots = ISDOT(name) || ISDOTDOT(name);

	return !dots && entry->dirent.d_type != DT_LNK;
}

static bool look_request(struct ahead_directory *directory,
			 struct ahead_block *block,
			 struct pathring *ring,
			 struct pathring_identity *identity,
			 size_t begin,
			 size_t end,
			 bool here)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	const char *names[AHEAD_MAX_BLOCK];
	struct pathring_request *request = NULL;
	unsigned int who = ahead_look_who(ahead);
	size_t count = 0;
	size_t i;
	int ret;

	for (i = begin; i < end; i++) {
		bool wanted = is_wanted(&block->entries[i]);

		if (wanted) {
			names[count++] = block->entries[i].dirent.d_name;
		}
	}
	if (count == 0) {
		return true;
	}
	if (block->num_requests == talloc_array_length(block->requests)) {
		return false;
	}
	if (here) {
		ret = pathring_lookups_here(
			ring, identity, directory->handle, names, count, &ahead->how, &request);
	} else {
		ret = pathring_lookups_request(ring,
					       identity,
					       directory->handle,
					       names,
					       count,
					       &ahead->how,
					       look_completed,
					       NULL,
					       &request);
	}
	if (ret != 0) {
		DBG_NOTICE("no look-ahead: %s\n", strerror(-ret));
		return false;
	}
	block->requests[block->num_requests++] = request;
	count = 0;
	for (i = begin; i < end; i++) {
		bool wanted = is_wanted(&block->entries[i]);

		if (wanted) {
			block->entries[i].request = request;
			block->entries[i].number = count++;
			block->entries[i].who = who;
		}
	}
	ahead->counters->looked += count;

	return true;
}

/* As far as can be told: not before smbd has opened one, or ".". */
static bool are_opened(const struct ahead_directory *directory)
{
	size_t fewest = directory->ahead->slow ? FEWEST_OPENED_SLOW : FEWEST_OPENED;

	return directory->opened > 0 && directory->opened * fewest >= directory->names;
}

/* As many entries as smbd will get before this turn ends, as far as can be foreseen. */
static size_t how_far(const struct ahead_directory *directory, const struct ahead_block *block)
{
	const struct ahead_block *current = &directory->blocks[directory->current];
	size_t most = block->count - block->looked;
	size_t given = directory->given;

	if (block != current) {
		given += current->count - current->position;
	}
	if (directory->expected == 0 && given < 2 * FEW_NAMES) {
		return MIN(most, FEW_NAMES);
	}
	if (directory->expected != 0 && !directory->ahead->slow) {
		size_t left = directory->expected > given ? directory->expected - given : 0;

		return MIN(most, MAX(left + 1, FEW_NAMES / 2));
	}
	return most;
}

static bool has_processor_to_spare(void)
{
	static long number;

	if (number == 0) {
		number = sysconf(_SC_NPROCESSORS_ONLN);
	}
	return number > 1;
}

/*
 * Whether it makes listings clearly faster depends on what else the processors have to do, and is
 * tried now and then. It always costs more of their time: both threads work on the same table of
 * descriptors.
 */
static bool is_worth_a_thread(const struct ahead_directory *directory, size_t count)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	size_t entries = MAX(directory->expected, directory->given);
	bool thread;

	if (count < MANY_NAMES || entries < MANY_ENTRIES || !has_processor_to_spare()) {
		return false;
	}
	if (ahead->cold > 0) {
		return true;
	}
	thread = ahead->entry_nsec[PATHRING_THREAD] < ahead->entry_nsec[PATHRING_INLINE] * 3 / 4;
	ahead->decisions++;

	return ahead->decisions % TRY_EVERY < TRIES ? !thread : thread;
}

void ahead_look(struct ahead_directory *directory, struct ahead_block *block)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	struct vfs_pathring_engine *engine = NULL;
	struct pathring_identity *identity = NULL;
	bool current = block == &directory->blocks[directory->current];
	size_t begin = block->looked;
	bool first;
	bool here;
	size_t end;
	size_t step;
	bool ok = true;

	if (block->looked > block->position || block->looked == block->count) {
		return;
	}
	if ((block->later && !current) || !are_opened(directory)) {
		return;
	}
	end = begin + how_far(directory, block);
	first = directory->expected == 0 && directory->given == 0;
	here = first || block->later ||
	       (!ahead->slow && !is_worth_a_thread(directory, end - begin));
	if (here && !current) {
		/* Then there is no hurry. */
		block->later = true;
		return;
	}
	block->later = false;
	block->looked = end;
	ahead->cold -= MIN(ahead->cold, end - begin);
	if (here) {
		engine = vfs_pathring_engine_unstarted(ahead->backend);
	} else {
		engine = vfs_pathring_engine_get(ahead->backend);
	}
	if (engine == NULL) {
		return;
	}
	identity = vfs_pathring_who_identity(engine, ahead->handle->conn);
	if (identity == NULL) {
		return;
	}
	for (step = here || !ahead->slow ? end - begin : 1; ok && begin < end; begin += step) {
		ok = look_request(
			directory, block, engine->ring, identity, begin, begin + step, here);
	}
	if (!here) {
		pathring_submit(engine->ring);
	}
}

void ahead_look_drop(struct ahead_block *block)
{
	size_t i;

	for (i = 0; i < block->num_requests; i++) {
		pathring_request_free(block->requests[i]);
	}
	block->num_requests = 0;
	for (i = block->position; i < block->count; i++) {
		block->entries[i].request = NULL;
	}
}

static void stat_from_statx(const struct statx *from, bool fake_times, SMB_STRUCT_STAT *st)
{
	struct stat to = {
		.st_dev = makedev(from->stx_dev_major, from->stx_dev_minor),
		.st_ino = from->stx_ino,
		.st_mode = from->stx_mode,
		.st_nlink = from->stx_nlink,
		.st_uid = from->stx_uid,
		.st_gid = from->stx_gid,
		.st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor),
		.st_size = from->stx_size,
		.st_blksize = from->stx_blksize,
		.st_blocks = from->stx_blocks,
		.st_atim = { from->stx_atime.tv_sec, from->stx_atime.tv_nsec },
		.st_mtim = { from->stx_mtime.tv_sec, from->stx_mtime.tv_nsec },
		.st_ctim = { from->stx_ctime.tv_sec, from->stx_ctime.tv_nsec },
	};

	ahead_stat(&to, fake_times, st);
}

/* A new value counts for a quarter, and an outlier for no more than four times what was known. */
static void learn_nsec(uint64_t *value, uint64_t sample)
{
	if (*value != 0) {
		sample = MIN(sample, 4 * *value);
		sample = (3 * *value + sample) / 4;
	}
	*value = MAX(sample, 1);
}

static uint64_t clock_nsec(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * At the first entry of a block: what the one before took per entry, smbd's own work and all, where
 * both were looked up in the same place.
 */
static void
learn_period(struct vfs_pathring_ahead *ahead, enum pathring_placement place, size_t count)
{
	uint64_t now = clock_nsec();

	if (ahead->block_count > 0 && ahead->block_place == place) {
		learn_nsec(&ahead->entry_nsec[place],
			   (now - ahead->block_begun) / ahead->block_count);
	}
	ahead->block_begun = now;
	ahead->block_count = count;
	ahead->block_place = place;
}

/* With the first look-up of a request. */
static void learn(struct vfs_pathring_ahead *ahead,
		  const struct ahead_directory *directory,
		  const struct ahead_entry *entry,
		  struct pathring_request *request)
{
	const struct ahead_block *block = &directory->blocks[directory->current];
	enum pathring_placement place = pathring_request_placement(request);
	unsigned long waits = pathring_lookups_waits(request);
	size_t count = 0;
	size_t i;

	ahead->counters->waits += waits;
	for (i = entry - block->entries; i < block->count; i++) {
		const struct pathring_request *other = block->entries[i].request;

		if (other != NULL && other != request) {
			break;
		}
		count += other == request ? 1 : 0;
	}

	/* Where each has to wait, many at once are faster than one after the other. */
	if (count > 1 || waits > 0) {
		ahead->slow = waits >= count;
		ahead->not_waited = 0;
	} else if (++ahead->not_waited >= MANY_NAMES) {
		ahead->slow = false;
	}

	/* A helper may wait for other things. */
	if (waits > 0 && place == PATHRING_INLINE) {
		ahead->cold = AHEAD_COLD_NAMES;
	}
	if (ahead->cold > 0) {
		/* Of what is in the cache this says nothing. */
		ahead->block_count = 0;
	} else if (count >= MANY_NAMES / 2) {
		learn_period(ahead, place, count);
	}
}

/* What is known of the entry is what smbd's next calls are about. */
static void offer(struct ahead_directory *directory, const struct ahead_entry *entry)
{
	directory->ahead->offer = (struct ahead_offer) {
		.directory = directory,
		.entry = entry,
		.request = entry->request,
		.number = entry->number,
		.who = entry->who,
	};
}

/* 0, with an offer, or a negative errno. */
static int look_result(struct ahead_directory *directory, const struct ahead_entry *entry)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	struct pathring_request *request = entry->request;
	const struct statx *stx = NULL;
	int ret;

	if (request == NULL || entry->who != ahead_look_who(ahead)) {
		return -EAGAIN;
	}
	ret = pathring_request_wait(request);
	if (ret == 0 && entry->number == 0) {
		learn(ahead, directory, entry, request);
	}
	if (ret == 0) {
		ret = pathring_lookups_result(request, entry->number, &stx, NULL);
	}
	if (ret == 0) {
		ahead->counters->known[pathring_request_placement(request)]++;
	}
	/* What is denied is for smbd to hear from the kernel, and a link for smbd to follow. */
	if (ret == 0 && S_ISLNK(stx->stx_mode)) {
		ret = -ELOOP;
	}
	if (ret == 0) {
		offer(directory, entry);
		stat_from_statx(stx, ahead->fake_times, &ahead->offer.st);
	}
	return ret;
}

bool ahead_look_result(struct ahead_directory *directory, const struct ahead_entry *entry)
{
	return look_result(directory, entry) == 0;
}

bool ahead_look_again(struct ahead_directory *directory, struct ahead_entry *entry)
{
	struct vfs_pathring_ahead *ahead = directory->ahead;
	struct ahead_block *block = &directory->blocks[directory->current];
	struct vfs_pathring_engine *engine = vfs_pathring_engine_unstarted(ahead->backend);
	struct pathring_identity *identity = NULL;
	size_t number = entry - block->entries;
	int ret = -ENOENT;

	if (entry->request != NULL) {
		ret = pathring_lookups_result(entry->request, entry->number, NULL, NULL);
	}
	if (engine != NULL) {
		identity = vfs_pathring_who_identity(engine, ahead->handle->conn);
	}
	if (ret == -EACCES || ret == -EPERM || identity == NULL) {
		return false;
	}

	entry->request = NULL;
	/* What was a link need not be one any more. */
	entry->dirent.d_type = DT_UNKNOWN;
	look_request(directory, block, engine->ring, identity, number, number + 1, true);
	ret = look_result(directory, entry);
	if (ret == -ENOENT) {
		offer(directory, entry);
		ahead->offer.missing = true;
	}
	return ret == 0 || ret == -ENOENT;
}
