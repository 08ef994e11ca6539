/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives each user of a trace ids: those that a file says, or the next of a range. Nobody of them
 * needs to be known to the system.
 */
#include "users_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More than the kernel lets a process have. */
#define MAX_GROUPS 65536

struct mapped {
	char *name; /* "user", "DOMAIN\user", or "*" for all others */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t num_groups;
};

static bool read_id(const char **at, uint32_t *id)
{
	char *end = NULL;
	unsigned long long number = 0;

	if (**at < '0' || **at > '9') {
		return false;
	}
	number = strtoull(*at, &end, 10);
	*id = (uint32_t)number;
	*at = end;
	/* The last of all ids means "no change" to the kernel. */
	return number < UINT32_MAX;
}

static bool add_group(TALLOC_CTX *mem_ctx, struct mapped *user, gid_t gid)
{
	gid_t *groups = talloc_realloc(mem_ctx, user->groups, gid_t, user->num_groups + 1);

	if (groups == NULL || user->num_groups == MAX_GROUPS) {
		return false;
	}
	groups[user->num_groups++] = gid;
	user->groups = groups;
	return true;
}

/* "NAME UID GID[,GROUP...]": a name may have blanks in it, so from the end. */
static bool read_user(TALLOC_CTX *mem_ctx, char *line, struct mapped *user)
{
	char *ids = strrchr(line, ' ');
	char *uid = NULL;
	const char *at = NULL;
	gid_t gid = 0;

	*user = (struct mapped) { .name = NULL };
	if (ids == NULL || ids == line) {
		return false;
	}
	*ids = '\0';
	uid = strrchr(line, ' ');
	if (uid == NULL || uid == line) {
		return false;
	}
	*uid = '\0';
	at = uid + 1;
	if (!read_id(&at, &user->uid) || *at != '\0') {
		return false;
	}
	at = ids + 1;
	if (!read_id(&at, &user->gid)) {
		return false;
	}
	while (*at == ',') {
		at++;
		if (!read_id(&at, &gid) || !add_group(mem_ctx, user, gid)) {
			return false;
		}
	}
	user->name = talloc_strdup(mem_ctx, line);
	return *at == '\0' && user->name != NULL;
}

static struct mapped *read_file(TALLOC_CTX *mem_ctx, const char *name)
{
	FILE *file = fopen(name, "re");
	struct mapped *users = talloc_array(mem_ctx, struct mapped, 0);
	char *line = NULL;
	size_t size = 0;
	size_t number = 0;
	size_t num = 0;
	ssize_t length = 0;
	bool ok = true;

	if (file == NULL) {
		fprintf(stderr, "pathring-replay: --users %s: %s\n", name, strerror(errno));
		return NULL;
	}
	while (ok && (length = getline(&line, &size, file)) != -1) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#') {
			continue;
		}
		users = talloc_realloc(mem_ctx, users, struct mapped, num + 1);
		ok = users != NULL && strlen(line) <= (size_t)length &&
		     read_user(users, line, &users[num]);
		num++;
	}
	if (!ok) {
		fprintf(stderr,
			"pathring-replay: --users %s: line %zu: expected NAME UID GID or NAME UID "
			"GID,GROUP,...\n",
			name,
			number);
		users = NULL;
	}
	free(line);
	fclose(file);
	return users;
}

static const struct mapped *find(const struct mapped *users, const struct replay_user *user)
{
	const struct mapped *others = NULL;
	size_t num = talloc_array_length(users);
	size_t i = 0;

	for (i = 0; i < num; i++) {
		const char *name = users[i].name;
		const char *backslash = strchr(name, '\\');

		if (strcmp(name, "*") == 0) {
			others = &users[i];
			continue;
		}
		if (backslash != NULL &&
		    (strncasecmp(name, user->domain, (size_t)(backslash - name)) != 0 ||
		     strlen(user->domain) != (size_t)(backslash - name))) {
			continue;
		}
		if (strcasecmp(backslash != NULL ? backslash + 1 : name, user->name) == 0) {
			return &users[i];
		}
	}
	return others;
}

static bool is_taken(const struct mapped *users, uid_t uid)
{
	size_t num = talloc_array_length(users);
	size_t i = 0;

	for (i = 0; i < num; i++) {
		if (users[i].uid == uid) {
			return true;
		}
	}
	return false;
}

bool replay_users_map(struct replay_plan *plan, const struct replay_users_options *options)
{
	struct mapped *users = NULL;
	uint64_t next = options->first;
	size_t i = 0;

	if (options->file != NULL) {
		users = read_file(plan, options->file);
		if (users == NULL) {
			return false;
		}
	}
	for (i = 0; i < plan->num_users; i++) {
		struct replay_user *user = &plan->users[i];
		const struct mapped *mapped = find(users, user);

		if (mapped != NULL) {
			user->uid = mapped->uid;
			user->gid = mapped->gid;
			user->groups = mapped->groups;
			user->num_groups = mapped->num_groups;
			continue;
		}
		while (is_taken(users, (uid_t)next)) {
			next++;
		}
		if (next > options->last) {
			fprintf(stderr,
				"pathring-replay: --uid-range: the trace has %zu users, more than "
				"there are ids from %u to %u\n",
				plan->num_users,
				options->first,
				options->last);
			return false;
		}
		user->uid = (uid_t)next;
		user->gid = (gid_t)next;
		next++;
	}
	return true;
}
