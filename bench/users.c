/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes users up, or reads them from a file. None of them needs to be known to the system.
 */
#include "users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than the kernel lets a process have. */
#define MAX_GROUPS 65536

/* What a line is wrong about. */
#define SYNTAX "expected UID:GID or UID:GID:GROUP,GROUP..., in numbers"

/* Up to one of the ends; the last of all ids means "no change" to the kernel. */
static bool read_id(const char **at, const char *ends, uint32_t *id)
{
	char *end = NULL;
	unsigned long long number = 0;

	if (**at < '0' || **at > '9') {
		return false;
	}
	number = strtoull(*at, &end, 10);
	if (number >= UINT32_MAX || strchr(ends, *end) == NULL) {
		return false;
	}
	*id = (uint32_t)number;
	*at = end;
	return true;
}

static bool add_group(struct bench_user *user, TALLOC_CTX *mem_ctx, gid_t gid)
{
	gid_t *groups = talloc_realloc(mem_ctx, user->groups, gid_t, user->num_groups + 1);

	if (groups == NULL) {
		return false;
	}
	groups[user->num_groups] = gid;
	user->groups = groups;
	user->num_groups++;
	return true;
}

/* What is wrong, or NULL. */
static const char *read_user(TALLOC_CTX *mem_ctx, const char *line, struct bench_user *user)
{
	const char *at = line;
	bool ok = false;

	*user = (struct bench_user) { .groups = NULL };
	ok = read_id(&at, ":", &user->uid);
	ok = ok && *at == ':';
	if (ok) {
		at++;
		ok = read_id(&at, ":", &user->gid);
	}
	while (ok && *at != '\0') {
		gid_t gid = 0;

		at++;
		ok = read_id(&at, ",", &gid);
		if (ok && user->num_groups == MAX_GROUPS) {
			return "more groups than the kernel allows";
		}
		if (ok && !add_group(user, mem_ctx, gid)) {
			return strerror(ENOMEM);
		}
	}
	if (!ok) {
		return SYNTAX;
	}
	if (user->uid == 0) {
		return "root is denied nothing, so its answers would not be what is expected";
	}
	return NULL;
}

static int compare_uids(const void *a, const void *b)
{
	uid_t left = ((const struct bench_user *)a)->uid;
	uid_t right = ((const struct bench_user *)b)->uid;

	return (left > right) - (left < right);
}

/* Each owns files of their own, so no uid may be there twice. */
static bool are_different(const struct bench_user *users, size_t num, uid_t *twice)
{
	struct bench_user *sorted = talloc_memdup(NULL, users, num * sizeof(*users));
	bool ok = sorted != NULL;
	size_t i = 0;

	if (!ok) {
		return false;
	}
	qsort(sorted, num, sizeof(*sorted), compare_uids);
	for (i = 1; i < num && ok; i++) {
		ok = sorted[i].uid != sorted[i - 1].uid;
		*twice = sorted[i].uid;
	}
	talloc_free(sorted);
	return ok;
}

struct bench_user *bench_users_read(TALLOC_CTX *mem_ctx, const char *path, size_t *num_users)
{
	FILE *file = fopen(path, "re");
	struct bench_user *users = NULL;
	const char *wrong = NULL;
	char *line = NULL;
	size_t size = 0;
	size_t number = 0;
	size_t num = 0;
	uid_t twice = 0;

	if (file == NULL) {
		fprintf(stderr, "pathring-bench: --identities %s: %s\n", path, strerror(errno));
		return NULL;
	}
	while (wrong == NULL && getline(&line, &size, file) > 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#') {
			continue;
		}
		if (num == BENCH_MAX_USERS) {
			wrong = "more users than this program takes";
			break;
		}
		if (num == talloc_array_length(users)) {
			users = talloc_realloc(mem_ctx, users, struct bench_user, num * 2 + 16);
		}
		wrong = users == NULL ? strerror(ENOMEM) : read_user(users, line, &users[num]);
		num++;
	}
	free(line);
	if (wrong == NULL && ferror(file) != 0) {
		wrong = strerror(errno);
	}
	fclose(file);
	if (wrong == NULL && num == 0) {
		wrong = "there is no user in it";
	}
	if (wrong == NULL && !are_different(users, num, &twice)) {
		fprintf(stderr,
			"pathring-bench: --identities %s: user %u is there twice\n",
			path,
			(unsigned int)twice);
		talloc_free(users);
		return NULL;
	}
	if (wrong != NULL) {
		fprintf(stderr,
			"pathring-bench: --identities %s, line %zu: %s\n",
			path,
			number,
			wrong);
		talloc_free(users);
		return NULL;
	}
	*num_users = num;
	return users;
}

/*
 * One uid and gid each, from uid_base on. All are in a common group, every other user in one more,
 * so that a switch between neighbours really changes the groups.
 */
static bool make_range(struct bench_tree *tree, uid_t base)
{
	gid_t common = base + (gid_t)tree->num_users + 1;
	bool ok = true;
	size_t i = 0;

	for (i = 0; ok && i <= tree->num_users; i++) {
		struct bench_user *user = &tree->users[i];

		user->uid = base + (uid_t)i;
		user->gid = (gid_t)user->uid;
		ok = add_group(user, tree->users, common);
		if (ok && i % 2 == 1) {
			ok = add_group(user, tree->users, common + 1);
		}
	}
	tree->has_common = true;
	tree->common_gid = common;
	return ok;
}

static bool is_in_group(const struct bench_user *user, gid_t gid)
{
	size_t i = 0;

	if (user->gid == gid) {
		return true;
	}
	for (i = 0; i < user->num_groups; i++) {
		if (user->groups[i] == gid) {
			return true;
		}
	}
	return false;
}

static bool is_common(const struct bench_tree *tree, gid_t gid)
{
	size_t i = 0;

	for (i = 0; i < tree->num_users; i++) {
		if (!is_in_group(&tree->users[i], gid)) {
			return false;
		}
	}
	return true;
}

/* An id that nobody has. */
static uid_t unused_id(const struct bench_tree *tree, uid_t id)
{
	size_t i = 0;

	while (i < tree->num_users) {
		if (tree->users[i].uid == id || is_in_group(&tree->users[i], id)) {
			id++;
			i = 0;
		} else {
			i++;
		}
	}
	return id;
}

static bool take_from_file(struct bench_tree *tree, const struct bench_tree_options *options)
{
	const struct bench_user *first = &tree->users[0];
	struct bench_user *other = &tree->users[tree->num_users];
	size_t i = 0;

	memcpy(tree->users, options->users, tree->num_users * sizeof(*tree->users));
	other->uid = unused_id(tree, options->uid_base);
	other->gid = other->uid;

	tree->has_common = is_common(tree, first->gid);
	tree->common_gid = first->gid;
	for (i = 0; i < first->num_groups && !tree->has_common; i++) {
		tree->has_common = is_common(tree, first->groups[i]);
		tree->common_gid = first->groups[i];
	}
	return true;
}

/* Whoever that is; who is not root can't give files to others. */
static bool take_self(struct bench_tree *tree, uid_t base)
{
	tree->users[0] = (struct bench_user) { .uid = geteuid(), .gid = getegid() };
	tree->users[1] = (struct bench_user) { .uid = base + 1, .gid = base + 1 };
	tree->has_common = true;
	tree->common_gid = getegid();
	return true;
}

bool bench_users_make(struct bench_tree *tree, const struct bench_tree_options *options)
{
	tree->self = options->num_users == 0;
	tree->num_users = tree->self ? 1 : options->num_users;
	tree->users = talloc_zero_array(tree, struct bench_user, tree->num_users + 1);
	if (tree->users == NULL) {
		return false;
	}
	if (tree->self) {
		return take_self(tree, options->uid_base);
	}
	if (options->users != NULL) {
		return take_from_file(tree, options);
	}
	return make_range(tree, options->uid_base);
}
