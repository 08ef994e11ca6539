/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each file of the tree is like, and whether an answer says so. Computed instead of stored: a
 * table of all values would push what is measured out of the caches.
 */
#include "verify.h"

#include "random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t bench_tree_size(size_t index)
{
	return 4096 + index;
}

mode_t bench_tree_mode(const struct bench_tree *tree, const struct bench_file *file)
{
	switch (file->kind) {
	case BENCH_FILE_GROUP:
		return tree->writes ? 0660 : 0640;
	case BENCH_FILE_CLOSED:
		return 0600;
	case BENCH_FILE_PUBLIC:
	case BENCH_FILE_PRIVATE:
		break;
	}
	return tree->writes ? 0666 : 0644;
}

gid_t bench_tree_gid(const struct bench_tree *tree, const struct bench_file *file)
{
	if (file->kind == BENCH_FILE_GROUP) {
		return tree->common_gid;
	}
	return tree->users[file->owner].gid;
}

/* Begins as Samba's value does; the rest is a hash of the index. */
void bench_tree_xattr(size_t index, uint8_t value[BENCH_TREE_XATTR_LENGTH])
{
	static const uint8_t head[12] = { '0', 'x', '2', '0', 0, 0, 5, 0, 5, 0, 0, 0 };
	uint64_t seed = (uint64_t)index * 8;
	size_t i = 0;

	memcpy(value, head, sizeof(head));
	for (i = sizeof(head); i < BENCH_TREE_XATTR_LENGTH; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		seed++;
		word = bench_hash(seed * 0x9e3779b97f4a7c15ULL);
		memcpy(value + i, &word, sizeof(word));
	}
}

/*
 * The data of a file is a piece of one text of random words that begins at a place of its own.
 * Nothing is copied for a request, and comparing all of it takes a twentieth of a microsecond.
 */
#define TEXT_WORDS 2048
#define TEXT_ADVANCE sizeof(uint64_t)

const uint8_t *bench_tree_data(size_t index)
{
	static uint64_t text[TEXT_WORDS + BENCH_DATA_SIZE / sizeof(uint64_t)];
	uint64_t seed = 88172645463325252ULL;
	size_t i = 0;

	if (text[0] == 0) {
		/* xorshift64 */
		for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[i] = seed;
		}
	}
	return (const uint8_t *)text + index % TEXT_WORDS * TEXT_ADVANCE;
}

size_t bench_tree_index(const char *name)
{
	const char prefix[] = "file-";
	size_t index = 0;
	int differs = strncmp(name, prefix, sizeof(prefix) - 1);

	name += differs == 0 ? sizeof(prefix) - 1 : 0;
	if (differs != 0 || strlen(name) < 6 || strlen(name) > 9) {
		return SIZE_MAX;
	}
	for (; *name != '\0'; name++) {
		if (*name < '0' || *name > '9') {
			return SIZE_MAX;
		}
		index = index * 10 + (size_t)(*name - '0');
	}
	return index;
}

bool bench_tree_denies(const struct bench_tree *tree, size_t user, size_t index)
{
	const struct bench_file *file = &tree->files[index];

	if (file->owner == user) {
		return false;
	}
	return file->kind == BENCH_FILE_CLOSED || file->kind == BENCH_FILE_PRIVATE;
}

bool bench_wrong_number(struct bench_complaint *complaint,
			const char *what,
			uint64_t got,
			uint64_t expected)
{
	snprintf(complaint->text,
		 sizeof(complaint->text),
		 "%s %" PRIu64 " instead of %" PRIu64,
		 what,
		 got,
		 expected);
	return false;
}

bool bench_wrong(struct bench_complaint *complaint, const char *got, const char *expected)
{
	snprintf(complaint->text, sizeof(complaint->text), "%s instead of %s", got, expected);
	return false;
}

bool bench_verify_outcome(int error, int expected, struct bench_complaint *complaint)
{
	if (error == -expected) {
		return true;
	}
	return bench_wrong(complaint,
			   error == 0 ? "success" : strerror(-error),
			   expected == 0 ? "an answer" : strerror(expected));
}

bool bench_verify_error(int error, bool denied, struct bench_complaint *complaint)
{
	return bench_verify_outcome(error, denied ? EACCES : 0, complaint);
}

bool bench_verify_stat(const struct bench_tree *tree,
		       size_t index,
		       const struct statx *stx,
		       struct bench_complaint *complaint)
{
	const struct bench_file *file = &tree->files[index];
	uid_t uid = tree->users[file->owner].uid;
	gid_t gid = bench_tree_gid(tree, file);
	mode_t mode = S_IFREG | bench_tree_mode(tree, file);

	if (stx == NULL) {
		return bench_wrong(complaint, "nothing", "a stat");
	}
	if ((stx->stx_mask & STATX_BASIC_STATS) != STATX_BASIC_STATS) {
		return bench_wrong_number(complaint, "statx mask", stx->stx_mask, BENCH_STATX_MASK);
	}
	if (stx->stx_ino != file->inode) {
		return bench_wrong_number(complaint, "inode", stx->stx_ino, file->inode);
	}
	if (stx->stx_size != bench_tree_size(index)) {
		return bench_wrong_number(complaint, "size", stx->stx_size, bench_tree_size(index));
	}
	if (stx->stx_uid != uid) {
		return bench_wrong_number(complaint, "owner", stx->stx_uid, uid);
	}
	if (stx->stx_gid != gid) {
		return bench_wrong_number(complaint, "group", stx->stx_gid, gid);
	}
	if (stx->stx_mode != mode) {
		return bench_wrong_number(complaint, "mode", stx->stx_mode, mode);
	}
	return true;
}

bool bench_verify_xattr(size_t index,
			const uint8_t *value,
			ssize_t length,
			bool denied,
			struct bench_complaint *complaint)
{
	uint8_t expected[BENCH_TREE_XATTR_LENGTH];
	int differs = 0;

	if (denied) {
		if (length >= 0) {
			return bench_wrong(complaint, "xattr read", strerror(EACCES));
		}
		if (length != -EACCES) {
			return bench_wrong(complaint, strerror((int)-length), strerror(EACCES));
		}
		return true;
	}

	if (length < 0) {
		return bench_wrong(complaint, strerror((int)-length), "an xattr value");
	}
	if (length != BENCH_TREE_XATTR_LENGTH) {
		return bench_wrong_number(
			complaint, "xattr length", (uint64_t)length, BENCH_TREE_XATTR_LENGTH);
	}
	bench_tree_xattr(index, expected);
	differs = memcmp(value, expected, sizeof(expected));
	if (differs != 0) {
		return bench_wrong(complaint, "another xattr value", "this file's");
	}
	return true;
}
