/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the operations on paths and names ask, and what they must answer. Names that come and go are
 * slots of a directory; each is one request's alone until that is complete.
 */
#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"
#include "use.h"

#define PATH_SIZE 64

/* A slot that nothing else changes just now, preferably in such a state. */
static struct slot *take_slot(unsigned int owner, bool empty)
{
	unsigned int first = random_below(&life.random, NUM_SLOTS);
	bool any = one_in(8);
	unsigned int i;

	for (i = 0; i < NUM_SLOTS; i++) {
		struct slot *slot = &world.owners[owner].slots[(first + i) % NUM_SLOTS];

		if (slot->busy || slot->state == SLOT_UNKNOWN) {
			continue;
		}
		if (any || (slot->state == SLOT_EMPTY) == empty) {
			slot->busy = true;
			return slot;
		}
	}
	return NULL;
}

static mode_t any_mode(void)
{
	static const mode_t modes[] = { 0600, 0644, 0666, 0700, 0707, 0777, 0 };

	return modes[random_below(&life.random, sizeof(modes) / sizeof(modes[0]))];
}

/* What the slot holds when this attempt has made something in it. */
static void fill_slot(struct attempt *attempt)
{
	const struct user *user = &world.users[attempt->user];

	attempt->slot->state = attempt->new_state;
	attempt->slot->uid = user->uid;
	attempt->slot->gid = user->gid;
	attempt->slot->mode = attempt->mode;
	attempt->slot->inode = 0;
}

static bool begin_creating(struct attempt *attempt, enum slot_state state)
{
	attempt->slot = take_slot(attempt->owner, true);
	if (attempt->slot == NULL) {
		return false;
	}
	attempt->new_state = state;
	attempt->mode = any_mode();
	attempt->expected = attempt->slot->state == SLOT_EMPTY ? 0 : -EEXIST;
	if (!is_allowed(attempt)) {
		attempt->expected = -EACCES;
	}
	return true;
}

static void end_creating(struct attempt *attempt, ssize_t ret)
{
	bool ok;

	ok = attempt_judge(attempt, ret);
	if (ok && attempt->expected == 0) {
		fill_slot(attempt);
	}
	if (attempt->slot != NULL) {
		world_check_slot(attempt->owner, attempt->slot);
	}
}

/* ---- openat ---- */

static const char *const node_paths[] = {
	[NODE_TOP] = "",       [NODE_DATA] = "/data", [NODE_LINK] = "/link",
	[NODE_LIST] = "/list", [NODE_BLOB] = "/blob", [NODE_ATTRIBUTES] = "/",
};

static bool begin_creating_open(struct attempt *attempt)
{
	const struct pathring_how how = {
		.flags = O_CREAT | O_EXCL | O_RDWR,
		.mode = any_mode(),
	};

	if (!begin_creating(attempt, SLOT_FILE)) {
		return false;
	}
	attempt->mode = (mode_t)how.mode;
	attempt->node = NODE_CREATED;
	attempt->io = true;
	return ISSUE(attempt, openat, life.slots[attempt->owner], attempt->slot->name, &how);
}

static bool begin_failing_open(struct attempt *attempt)
{
	static const struct {
		const char *before;
		const char *after;
		int expected;
		int when_denied;
	} paths[] = {
		{ "", "/none", -ENOENT, -EACCES },
		{ "", "/data/none", -ENOTDIR, -EACCES },
		{ "../", "", -EXDEV, -EXDEV },
	};
	const struct pathring_how how = { .flags = O_RDONLY };
	unsigned int which = random_below(&life.random, 3);
	char path[PATH_SIZE];

	snprintf(path,
		 sizeof(path),
		 "%s%s%s",
		 paths[which].before,
		 world.owners[attempt->owner].name,
		 paths[which].after);
	attempt->expected = is_allowed(attempt) ? paths[which].expected : paths[which].when_denied;
	/* openat2(2): while anything is mounted or renamed, the kernel may not be sure of "..". */
	attempt->may_race = which == 2;
	return ISSUE(attempt, openat, life.base, path, &how);
}

static uint64_t choose_flags(struct attempt *attempt)
{
	switch (attempt->node) {
	case NODE_LINK:
		return O_PATH | O_NOFOLLOW;
	case NODE_LIST:
		return O_RDONLY | O_DIRECTORY;
	case NODE_BLOB:
		return O_RDWR;
	case NODE_TOP:
		return one_in(2) ? O_PATH | O_DIRECTORY : O_RDONLY;
	default:
		if (one_in(2)) {
			return O_PATH;
		}
		return attempt->node == NODE_DATA ? O_RDONLY : O_RDWR;
	}
}

bool names_begin_openat(struct attempt *attempt)
{
	struct owner *owner = &world.owners[attempt->owner];
	struct pathring_how how = { 0 };
	struct attributes *attributes = NULL;
	char path[PATH_SIZE];

	if (one_in(5)) {
		return begin_creating_open(attempt);
	}
	if (one_in(8)) {
		return begin_failing_open(attempt);
	}
	attempt->node = random_below(&life.random, NODE_CREATED);
	if (attempt->node == NODE_ATTRIBUTES) {
		unsigned int number = random_below(&life.random, NUM_ATTRIBUTE_FILES);

		attributes = &owner->attributes[number];
		attempt->opened_attributes = attributes;
	}
	how.flags = choose_flags(attempt);
	snprintf(path,
		 sizeof(path),
		 "%s%s%s",
		 owner->name,
		 node_paths[attempt->node],
		 attributes != NULL ? attributes->name : "");
	attempt->io = (how.flags & O_PATH) == 0;
	attempt->inode = attributes != NULL ? attributes->inode : owner->inodes[attempt->node];
	attempt->uid = attempt->node == NODE_LINK ? 0 : world.users[attempt->owner].uid;
	if (!is_allowed(attempt) && (attempt->node != NODE_TOP || attempt->io)) {
		attempt->expected = -EACCES;
	} else if (attempt->node == NODE_LINK && life.options.without_o_path) {
		attempt->expected = -ELOOP;
	}
	return ISSUE(attempt, openat, life.base, path, &how);
}

static void check_opened(struct attempt *attempt, struct pathring_handle *handle)
{
	int fd = pathring_handle_pathref_fd(handle);
	struct stat st;
	int flags;
	int ret;

	ret = fstat(fd, &st);
	if (ret == -1) {
		fail_call("fstat of what was opened");
	}
	if (attempt->node == NODE_CREATED) {
		attempt->inode = st.st_ino;
		attempt->uid = st.st_uid;
	}
	if (st.st_ino != attempt->inode || st.st_uid != attempt->uid) {
		fail("openat opened another file: inode %llu of %u instead of %llu of %u",
		     (unsigned long long)st.st_ino,
		     st.st_uid,
		     (unsigned long long)attempt->inode,
		     attempt->uid);
	}
	flags = fcntl(fd, F_GETFD);
	if (flags != FD_CLOEXEC) {
		fail("what was opened is not close-on-exec");
	}
	if ((pathring_handle_io_fd(handle) >= 0) != attempt->io) {
		fail("a handle is not of the kind that was asked for");
	}
}

static void keep_opened(struct attempt *attempt, struct pathring_handle *handle)
{
	const struct open_handle open = {
		.handle = handle,
		.node = attempt->node,
		.owner = attempt->owner,
		.io = attempt->io,
		.inode = attempt->inode,
		.uid = attempt->uid,
		.attributes = attempt->opened_attributes,
	};

	handles_add(&open, &life.random);
}

void names_end_openat(struct attempt *attempt)
{
	struct pathring_handle *handle = NULL;
	int ret;

	if (attempt->req != NULL) {
		ret = pathring_openat_recv(attempt->req, NULL, &handle);
	} else if (one_in(8)) {
		/* Closed with the request. */
		struct pathring_handle *unwanted = NULL;

		ret = pathring_openat_result(attempt->request, attempt->request, &unwanted);
	} else {
		ret = pathring_openat_result(attempt->request, NULL, &handle);
	}
	if (attempt->slot != NULL) {
		end_creating(attempt, ret);
	} else {
		attempt_judge(attempt, ret);
	}
	if (handle != NULL) {
		check_opened(attempt, handle);
		keep_opened(attempt, handle);
	}
}

/* ---- names ---- */

bool names_begin_mkdirat(struct attempt *attempt)
{
	if (!begin_creating(attempt, SLOT_DIRECTORY)) {
		return false;
	}
	return ISSUE(
		attempt, mkdirat, life.slots[attempt->owner], attempt->slot->name, attempt->mode);
}

void names_end_mkdirat(struct attempt *attempt)
{
	end_creating(attempt, OUTCOME(attempt, mkdirat));
}

bool names_begin_symlinkat(struct attempt *attempt)
{
	if (!begin_creating(attempt, SLOT_SYMLINK)) {
		return false;
	}
	return ISSUE(
		attempt, symlinkat, "somewhere", life.slots[attempt->owner], attempt->slot->name);
}

void names_end_symlinkat(struct attempt *attempt)
{
	end_creating(attempt, OUTCOME(attempt, symlinkat));
}

bool names_begin_linkat(struct attempt *attempt)
{
	if (!begin_creating(attempt, SLOT_FILE)) {
		return false;
	}
	return ISSUE(attempt,
		     linkat,
		     life.slots[attempt->owner],
		     "origin",
		     life.slots[attempt->owner],
		     attempt->slot->name);
}

void names_end_linkat(struct attempt *attempt)
{
	ssize_t ret = OUTCOME(attempt, linkat);
	bool ok;

	ok = attempt_judge(attempt, ret);
	if (ok && attempt->expected == 0) {
		attempt->slot->state = SLOT_FILE;
		attempt->slot->uid = world.users[attempt->owner].uid;
		attempt->slot->gid = world.owners[attempt->owner].gid;
		attempt->slot->mode = WORLD_FILE_MODE;
		attempt->slot->inode = world.owners[attempt->owner].origin;
	}
	if (attempt->slot != NULL) {
		world_check_slot(attempt->owner, attempt->slot);
	}
}

bool names_begin_unlinkat(struct attempt *attempt)
{
	int flags = 0;

	attempt->slot = take_slot(attempt->owner, false);
	if (attempt->slot == NULL) {
		return false;
	}
	flags = attempt->slot->state == SLOT_DIRECTORY ? AT_REMOVEDIR : 0;
	attempt->expected = attempt->slot->state == SLOT_EMPTY ? -ENOENT : 0;
	if (attempt->expected == 0 && one_in(8)) {
		/* The wrong kind. */
		attempt->expected = flags != 0 ? -EISDIR : -ENOTDIR;
		flags ^= AT_REMOVEDIR;
	}
	if (!is_allowed(attempt)) {
		attempt->expected = -EACCES;
	}
	return ISSUE(attempt, unlinkat, life.slots[attempt->owner], attempt->slot->name, flags);
}

void names_end_unlinkat(struct attempt *attempt)
{
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, unlinkat));
	if (ok && attempt->expected == 0) {
		attempt->slot->state = SLOT_EMPTY;
	}
	if (attempt->slot != NULL) {
		world_check_slot(attempt->owner, attempt->slot);
	}
}

bool names_begin_renameat(struct attempt *attempt)
{
	attempt->slot = take_slot(attempt->owner, false);
	if (attempt->slot == NULL) {
		return false;
	}
	attempt->other_owner = attempt->owner;
	/* A directory that changes its parent needs a permission of its own. */
	if (attempt->slot->state != SLOT_DIRECTORY && one_in(2)) {
		attempt->other_owner = 1 + random_below(&life.random, NUM_OWNERS);
	}
	attempt->other_slot = take_slot(attempt->other_owner, true);
	if (attempt->other_slot == NULL) {
		return false;
	}
	attempt->expected = attempt->slot->state == SLOT_EMPTY ? -ENOENT : 0;
	if (attempt->expected == 0 && attempt->other_slot->state != SLOT_EMPTY) {
		attempt->expected = -EEXIST;
	}
	if (!is_allowed(attempt) || !world_allows(attempt->user, attempt->other_owner)) {
		attempt->expected = -EACCES;
	}
	return ISSUE(attempt,
		     renameat,
		     life.slots[attempt->owner],
		     attempt->slot->name,
		     life.slots[attempt->other_owner],
		     attempt->other_slot->name,
		     RENAME_NOREPLACE);
}

void names_end_renameat(struct attempt *attempt)
{
	struct slot *from = attempt->slot;
	struct slot *to = attempt->other_slot;
	bool ok;

	ok = attempt_judge(attempt, OUTCOME(attempt, renameat));
	if (ok && attempt->expected == 0) {
		to->state = from->state;
		to->uid = from->uid;
		to->gid = from->gid;
		to->mode = from->mode;
		to->inode = from->inode;
		from->state = SLOT_EMPTY;
	}
	if (attempt->slot != NULL) {
		world_check_slot(attempt->owner, from);
		world_check_slot(attempt->other_owner, to);
	}
}

/* ---- lookup ---- */

static const struct pathring_xattr_query queries[] = {
	{ DATA_XATTR, 64 },
	{ "user.none", 0 },
};

/* The two xattrs of what is looked up. */
static void expect_xattrs(struct attempt *attempt)
{
	attempt->xattr_expected[0] = -ENODATA;
	attempt->xattr_expected[1] = -ENODATA;
	if (attempt->node == NODE_DATA) {
		attempt->xattr_expected[0] = (ssize_t)strlen(world.owners[attempt->owner].name);
	}
	if (!is_allowed(attempt)) {
		attempt->xattr_expected[0] = -EACCES;
		attempt->xattr_expected[1] = -EACCES;
	}
}

static bool begin_lookup(struct attempt *attempt, bool many)
{
	static const struct {
		const char *name;
		enum node node;
	} paths[] = {
		{ "", NODE_TOP },	{ "/data", NODE_DATA }, { "/data", NODE_DATA },
		{ "/link", NODE_LINK }, { "/list", NODE_LIST }, { "/none", NUM_NODES },
	};
	unsigned int which = random_below(&life.random, 6);
	const struct owner *owner = &world.owners[attempt->owner];
	struct pathring_lookup_how how = {
		.mask = STATX_BASIC_STATS,
		.xattrs = queries,
		.num_xattrs = random_below(&life.random, 3),
	};
	char path[PATH_SIZE];

	attempt->node = paths[which].node;
	attempt->size = how.num_xattrs;
	if (one_in(2)) {
		how.flags = O_NOFOLLOW;
	} else if (attempt->node == NODE_LINK) {
		attempt->node = NODE_DATA;
	}
	snprintf(path, sizeof(path), "%s%s", owner->name, paths[which].name);
	if (!is_allowed(attempt) && attempt->node != NODE_TOP) {
		attempt->expected = -EACCES;
	} else if (attempt->node == NUM_NODES) {
		attempt->expected = -ENOENT;
	} else if (paths[which].node == NODE_LINK && life.options.without_o_path) {
		attempt->expected = -ELOOP;
	} else {
		attempt->inode = owner->inodes[attempt->node];
		attempt->uid = attempt->node == NODE_LINK ? 0 : world.users[attempt->owner].uid;
		expect_xattrs(attempt);
	}
	if (many) {
		const char *const paths_there[] = { path, path, path };

		/* They are in their entries. */
		attempt->offset = attempt->expected;
		attempt->expected = attempt->form == FORM_REQUEST ? 0 : 3;
		return ISSUE(attempt, lookups, life.base, paths_there, 3, &how);
	}
	return ISSUE(attempt, lookup, life.base, path, &how);
}

bool names_begin_lookup(struct attempt *attempt)
{
	return begin_lookup(attempt, false);
}

bool names_begin_lookups(struct attempt *attempt)
{
	return begin_lookup(attempt, true);
}

static void
check_lookup(struct attempt *attempt, const struct statx *stx, const struct pathring_xattr *xattrs)
{
	const char *right = world.owners[attempt->owner].name;
	size_t i;

	if (stx->stx_ino != attempt->inode || stx->stx_uid != attempt->uid) {
		fail("lookup found another file: inode %llu of %u instead of %llu of %u",
		     (unsigned long long)stx->stx_ino,
		     stx->stx_uid,
		     (unsigned long long)attempt->inode,
		     attempt->uid);
	}
	for (i = 0; i < attempt->size; i++) {
		ssize_t length = xattrs[i].length;
		bool ok;

		ok = attempt_judge_part(attempt, length, attempt->xattr_expected[i]);
		if (ok && length > 0 && memcmp(xattrs[i].value, right, (size_t)length) != 0) {
			fail("lookup gave another xattr");
		}
	}
}

void names_end_lookup(struct attempt *attempt)
{
	const struct pathring_xattr *xattrs = NULL;
	const struct statx *stx = NULL;
	struct pathring_lookup *lookup = NULL;
	struct pathring_handle *handle = NULL;
	bool ok;
	int ret;

	if (attempt->req != NULL) {
		ret = pathring_lookup_recv(attempt->req, attempt, &lookup);
		if (ret == 0) {
			stx = &lookup->stx;
			xattrs = lookup->xattrs;
			handle = talloc_move(NULL, &lookup->handle);
		}
	} else {
		ret = pathring_lookup_result(attempt->request, &stx, &xattrs);
		if (ret == 0 && one_in(2)) {
			ret = pathring_lookup_take_handle(attempt->request, NULL, &handle);
		}
	}
	ok = attempt_judge(attempt, ret);
	if (ok && ret == 0) {
		check_lookup(attempt, stx, xattrs);
	}
	if (handle != NULL) {
		attempt->io = false;
		check_opened(attempt, handle);
		keep_opened(attempt, handle);
	}
}

static void end_lookups_request(struct attempt *attempt)
{
	const struct pathring_xattr *xattrs = NULL;
	const struct statx *stx = NULL;
	size_t i;

	for (i = 0; i < 3; i++) {
		int ret = pathring_lookups_result(attempt->request, i, &stx, &xattrs);
		bool ok;

		ok = attempt_judge_part(attempt, ret, attempt->offset);
		if (ok && ret == 0) {
			check_lookup(attempt, stx, xattrs);
		}
	}
}

void names_end_lookups(struct attempt *attempt)
{
	struct pathring_lookups_entry *entries = NULL;
	ssize_t ret;
	size_t i;
	bool ok;

	if (attempt->req == NULL) {
		ret = pathring_lookups_result(attempt->request, 0, NULL, NULL);
		if (ret == attempt->offset) {
			ret = 0;
		}
		ok = attempt_judge(attempt, ret);
		if (ok && ret == 0) {
			end_lookups_request(attempt);
		}
		return;
	}
	ret = pathring_lookups_recv(attempt->req, attempt, &entries);
	ok = attempt_judge(attempt, ret);
	for (i = 0; ok && ret > 0 && i < (size_t)ret; i++) {
		ok = attempt_judge_part(attempt, entries[i].result, attempt->offset);
		if (ok && entries[i].result == 0) {
			check_lookup(attempt, &entries[i].lookup->stx, entries[i].lookup->xattrs);
		}
	}
}
