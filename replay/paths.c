/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of a trace as a tree: each path once, whatever its spelling, and only such as can stand
 * below a share. What is not kept here can't be asked for by any request.
 */
#include "plan.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* Nodes and names live in pieces of this size: they are many, and die together. */
#define CHUNK_SIZE (256 * 1024)
#define FIRST_BUCKETS 1024

struct replay_paths {
	struct replay_path **buckets;
	size_t num_buckets; /* a power of two */
	struct replay_path **all;
	size_t num_paths;
	struct replay_path *root;
	locale_t locale;
	char *chunk;
	size_t used;
	size_t size;
};

static int paths_destructor(struct replay_paths *paths)
{
	if (paths->locale != (locale_t)0) {
		freelocale(paths->locale);
	}
	return 0;
}

static void *take(struct replay_paths *paths, size_t size, size_t alignment)
{
	size_t at = (paths->used + alignment - 1) / alignment * alignment;

	if (paths->chunk == NULL || at > paths->size || size > paths->size - at) {
		paths->size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		paths->chunk = talloc_size(paths, paths->size);
		if (paths->chunk == NULL) {
			return NULL;
		}
		at = 0;
	}
	paths->used = at + size;
	return paths->chunk + at;
}

static uint32_t hash_of(const struct replay_path *parent, const char *folded)
{
	uint32_t hash = 2166136261U;

	if (parent != NULL) {
		hash ^= parent->hash;
	}
	while (*folded != '\0') {
		hash = (hash ^ (uint8_t)*folded++) * 16777619U;
	}
	return hash;
}

/*
 * The next character, or the next byte by itself where it is not UTF-8: a name that no locale
 * understands is still a name.
 */
static size_t decode(const char *text, size_t length, wint_t *character)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t num = 1;
	wint_t value = bytes[0];
	size_t i = 0;

	if (bytes[0] >= 0xc2 && bytes[0] < 0xe0) {
		num = 2;
		value = bytes[0] & 0x1f;
	} else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
		num = 3;
		value = bytes[0] & 0x0f;
	} else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5) {
		num = 4;
		value = bytes[0] & 0x07;
	}
	if (num > length) {
		num = 1;
	}
	for (i = 1; i < num; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			num = 1;
			break;
		}
		value = value << 6 | (bytes[i] & 0x3f);
	}
	*character = num == 1 ? bytes[0] : value;
	return num;
}

static size_t encode(wint_t character, char *text)
{
	if (character < 0x80) {
		text[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		text[0] = (char)(0xc0 | character >> 6);
		text[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		text[0] = (char)(0xe0 | character >> 12);
		text[1] = (char)(0x80 | (character >> 6 & 0x3f));
		text[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	text[0] = (char)(0xf0 | character >> 18);
	text[1] = (char)(0x80 | (character >> 12 & 0x3f));
	text[2] = (char)(0x80 | (character >> 6 & 0x3f));
	text[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

/* folded: twice the length and one byte; no lower case of a character takes more. */
static void fold(const struct replay_paths *paths, const char *name, size_t length, char *folded)
{
	size_t i = 0;

	while (i < length) {
		wint_t character = 0;
		size_t num = decode(name + i, length - i, &character);

		if (num == 1) {
			if (character >= 'A' && character <= 'Z') {
				character += 'a' - 'A';
			}
			*folded++ = (char)character;
		} else {
			folded += encode(towlower_l(character, paths->locale), folded);
		}
		i += num;
	}
	*folded = '\0';
}

static bool grow_buckets(struct replay_paths *paths)
{
	size_t num = paths->num_buckets * 2;
	struct replay_path **buckets = talloc_zero_array(paths, struct replay_path *, num);
	size_t i = 0;

	if (buckets == NULL) {
		return false;
	}
	for (i = 0; i < paths->num_paths; i++) {
		struct replay_path *path = paths->all[i];

		path->next = buckets[path->hash & (num - 1)];
		buckets[path->hash & (num - 1)] = path;
	}
	talloc_free(paths->buckets);
	paths->buckets = buckets;
	paths->num_buckets = num;
	return true;
}

static bool add(struct replay_paths *paths, struct replay_path *path)
{
	size_t room = talloc_array_length(paths->all);

	if (paths->num_paths == room) {
		struct replay_path **all =
			talloc_realloc(paths, paths->all, struct replay_path *, room * 2);

		if (all == NULL) {
			return false;
		}
		paths->all = all;
	}
	if (paths->num_paths == paths->num_buckets && !grow_buckets(paths)) {
		return false;
	}
	path->number = (uint32_t)paths->num_paths;
	path->next = paths->buckets[path->hash & (paths->num_buckets - 1)];
	paths->buckets[path->hash & (paths->num_buckets - 1)] = path;
	paths->all[paths->num_paths] = path;
	paths->num_paths++;
	return true;
}

static struct replay_path *
make(struct replay_paths *paths, struct replay_path *parent, const char *name, size_t length)
{
	struct replay_path *path = take(paths, sizeof(*path), _Alignof(struct replay_path));
	char *copy = take(paths, length + 1, 1);

	if (path == NULL || copy == NULL) {
		return NULL;
	}
	memcpy(copy, name, length);
	copy[length] = '\0';
	*path = (struct replay_path) {
		.parent = parent,
		.name = copy,
		.length = (uint32_t)length,
		.owner = REPLAY_NONE,
		.object = REPLAY_NONE,
	};
	if (parent != NULL) {
		path->share_length = parent->share_length;
	}
	if (parent != NULL && parent->parent != NULL) {
		path->length += parent->length + 1;
	}
	return path;
}

/* Not with each of its components: a long path of short names would take a square of its length. */
static bool spell(struct replay_paths *paths, struct replay_path *path)
{
	struct replay_path *at = path;
	char *full = NULL;
	char *end = NULL;

	if (path == NULL || path->full != NULL) {
		return true;
	}
	full = take(paths, path->length + 1, 1);
	if (full == NULL) {
		return false;
	}
	end = full + path->length;
	*end = '\0';
	while (true) {
		size_t length = strlen(at->name);

		end -= length;
		memcpy(end, at->name, length);
		at = at->parent;
		if (at == NULL || at->parent == NULL) {
			break;
		}
		*--end = '/';
	}
	path->full = full;
	return true;
}

struct replay_paths *replay_paths_create(TALLOC_CTX *mem_ctx)
{
	struct replay_paths *paths = talloc_zero(mem_ctx, struct replay_paths);
	bool ok = false;

	if (paths == NULL) {
		return NULL;
	}
	talloc_set_destructor(paths, paths_destructor);
	paths->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (paths->locale == (locale_t)0) {
		paths->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	}
	paths->num_buckets = FIRST_BUCKETS;
	paths->buckets = talloc_zero_array(paths, struct replay_path *, FIRST_BUCKETS);
	paths->all = talloc_array(paths, struct replay_path *, FIRST_BUCKETS);
	paths->root = make(paths, NULL, ".", 1);
	if (paths->buckets != NULL && paths->all != NULL && paths->root != NULL &&
	    paths->locale != (locale_t)0) {
		paths->root->folded = "";
		ok = add(paths, paths->root);
	}
	if (!ok) {
		TALLOC_FREE(paths);
	}
	return paths;
}

static const char *check_component(const char *name, size_t length)
{
	if (length == 0) {
		return "a name in its path is empty";
	}
	if ((length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.')) {
		return "its path has . or .. in it";
	}
	if (memchr(name, '/', length) != NULL) {
		return "a name in its path has / in it";
	}
	if (length > NAME_MAX) {
		return "a name in its path is longer than 255 bytes";
	}
	return NULL;
}

static struct replay_path *below(struct replay_paths *paths,
				 struct replay_path *directory,
				 const char *name,
				 size_t length,
				 const char **why)
{
	char folded[2 * NAME_MAX + 1];
	struct replay_path *path = NULL;
	uint32_t hash = 0;
	char *copy = NULL;

	*why = check_component(name, length);
	if (*why != NULL) {
		return NULL;
	}
	fold(paths, name, length, folded);
	hash = hash_of(directory, folded);
	for (path = paths->buckets[hash & (paths->num_buckets - 1)]; path != NULL;
	     path = path->next) {
		if (path->hash == hash && path->parent == directory &&
		    strcmp(path->folded, folded) == 0) {
			return path;
		}
	}

	*why = strerror(ENOMEM);
	path = make(paths, directory, name, length);
	if (path == NULL) {
		return NULL;
	}
	path->hash = hash;
	path->folded = path->name;
	if (strcmp(folded, path->name) != 0) {
		copy = take(paths, strlen(folded) + 1, 1);
		if (copy == NULL) {
			return NULL;
		}
		path->folded = strcpy(copy, folded);
	}
	if (!add(paths, path)) {
		return NULL;
	}
	path->sibling = directory->first_child;
	directory->first_child = path;
	*why = NULL;
	return path;
}

/* To be asked for by its whole name. */
static struct replay_path *
ready(struct replay_paths *paths, struct replay_path *at, const char **why)
{
	if (at == NULL) {
		return NULL;
	}
	if (at->length >= PATH_MAX) {
		*why = "its path is longer than 4095 bytes";
		return NULL;
	}
	if (!spell(paths, at) || !spell(paths, at->parent)) {
		*why = strerror(ENOMEM);
		return NULL;
	}
	return at;
}

struct replay_path *replay_paths_below(struct replay_paths *paths,
				       struct replay_path *directory,
				       const char *name,
				       size_t length,
				       const char **why)
{
	return ready(paths, below(paths, directory, name, length, why), why);
}

/* "\\server\share" is what a client connects to; the share is a directory's name. */
static struct replay_path *
find_share(struct replay_paths *paths, const char *share, const char **why)
{
	const char *name = strrchr(share, '\\');
	struct replay_path *path = NULL;

	name = name != NULL ? name + 1 : share;
	path = below(paths, paths->root, name, strlen(name), why);
	if (path != NULL) {
		path->share_length = path->length + 1;
	}
	return path;
}

struct replay_path *
replay_paths_find(struct replay_paths *paths, const char *share, const char *path, const char **why)
{
	struct replay_path *at = paths->root;

	*why = NULL;
	if (strnlen(path, PATH_MAX) == PATH_MAX) {
		*why = "its path is longer than 4095 bytes";
		return NULL;
	}
	if (path[0] == '/') {
		*why = "its path begins with /";
		return NULL;
	}
	if (share != NULL && share[0] != '\0') {
		at = find_share(paths, share, why);
	}
	while (at != NULL && *path != '\0') {
		const char *end = strchrnul(path, '/');

		at = below(paths, at, path, (size_t)(end - path), why);
		path = *end == '/' ? end + 1 : end;
	}
	return ready(paths, at, why);
}

struct replay_path *replay_paths_root(const struct replay_paths *paths)
{
	return paths->root;
}

struct replay_path **replay_paths_all(const struct replay_paths *paths, size_t *num)
{
	*num = paths->num_paths;
	return paths->all;
}
