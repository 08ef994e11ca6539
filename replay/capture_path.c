/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names as they are on the wire, and as a trace has them.
 */
#include "capture.h"

#include <string.h>
#include <strings.h>

/* Behind a path's last component, and said by it alone: the default stream, of either kind. */
static const char *const endings[] = { "::$DATA", ":$DATA", "::$INDEX_ALLOCATION" };

static void remove_ending(char *path)
{
	size_t length = strlen(path);
	size_t i = 0;

	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);

		if (length >= ending && strcasecmp(path + length - ending, endings[i]) == 0) {
			path[length - ending] = '\0';
			return;
		}
	}
}

static const char *skip_component(const char *name)
{
	name += strspn(name, "\\/");
	return name + strcspn(name, "\\/");
}

/* What is between several separators in a row, or before the first and after the last, is not. */
char *capture_path(TALLOC_CTX *mem_ctx, const char *name, bool is_dfs)
{
	char *path = NULL;
	char *out = NULL;

	if (is_dfs) {
		name = skip_component(skip_component(name));
	}
	path = talloc_array(mem_ctx, char, strlen(name) + 1);
	if (path == NULL) {
		return NULL;
	}
	out = path;
	for (name += strspn(name, "\\/"); *name != '\0'; name += strspn(name, "\\/")) {
		size_t length = strcspn(name, "\\/");

		if (out != path) {
			*out++ = '/';
		}
		memcpy(out, name, length);
		out += length;
		name += length;
	}
	*out = '\0';
	remove_ending(path);
	return path;
}

/* In small letters: a share's name is the same however it is written. */
char *capture_share(TALLOC_CTX *mem_ctx, const char *tree)
{
	const char *last = strrchr(tree, '\\');
	char *share = talloc_strdup(mem_ctx, last != NULL ? last + 1 : tree);
	char *at = NULL;

	for (at = share; at != NULL && *at != '\0'; at++) {
		if (*at >= 'A' && *at <= 'Z') {
			*at += 'a' - 'A';
		}
	}
	return share;
}
