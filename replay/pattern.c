/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Matching a name in time that grows with the product of both lengths, whatever the pattern.
 */
#include "pattern.h"

#include <stddef.h>
#include <string.h>

bool replay_pattern_is_wild(const char *pattern)
{
	return strpbrk(pattern, "*?<>\"") != NULL;
}

/* smbd takes "*.*" for "*" (smbd_smb2_query_directory_send()), and nothing for all. */
bool replay_pattern_is_all(const char *pattern)
{
	return pattern[0] == '\0' || strcmp(pattern, "*") == 0 || strcmp(pattern, "*.*") == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/*
 * '<' is '*' up to the last dot, '>' is '?' or nothing before a dot or the end, '"' a dot or
 * nothing at the end (ms_fnmatch_core() of Samba). Here '<' is as '*': the difference is seen by
 * names with several dots.
 */
static bool matches_one(char pattern, const char *name)
{
	switch (pattern) {
	case '?':
	case '>':
		return true;
	case '"':
		return *name == '.';
	default:
		return lower(pattern) == lower(*name);
	}
}

bool replay_pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL;
	const char *from = NULL;

	if (replay_pattern_is_all(pattern)) {
		return true;
	}
	while (*name != '\0') {
		if (*pattern == '*' || *pattern == '<') {
			star = ++pattern;
			from = name;
		} else if (*pattern != '\0' && matches_one(*pattern, name)) {
			pattern++;
			name++;
		} else if (*pattern == '>' || *pattern == '"') {
			pattern++;
		} else if (star != NULL) {
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*<>\"")] == '\0';
}
