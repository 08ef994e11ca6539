/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded set of open handles.
 */
#include "handles.h"

#include <talloc.h>

#define MAX_HANDLES 96

static struct open_handle handles[MAX_HANDLES];
static unsigned int num_handles;
static uint64_t last_number;

void handles_forget(struct open_handle *open)
{
	num_handles--;
	*open = handles[num_handles];
}

void handles_free(struct open_handle *open)
{
	talloc_free(open->handle);
	handles_forget(open);
}

void handles_free_all(void)
{
	while (num_handles > 0) {
		handles_free(&handles[0]);
	}
}

void handles_add(const struct open_handle *open, struct random *random)
{
	if (num_handles == MAX_HANDLES) {
		handles_free(&handles[random_below(random, MAX_HANDLES)]);
	}
	handles[num_handles] = *open;
	handles[num_handles].number = ++last_number;
	num_handles++;
}

struct open_handle *handles_by_number(uint64_t number)
{
	unsigned int i;

	for (i = 0; i < num_handles; i++) {
		if (handles[i].number == number) {
			return &handles[i];
		}
	}
	return NULL;
}

struct open_handle *handles_any(struct random *random)
{
	return num_handles > 0 ? &handles[random_below(random, num_handles)] : NULL;
}

struct open_handle *handles_of(enum node node, struct random *random)
{
	unsigned int first = num_handles > 0 ? random_below(random, num_handles) : 0;
	unsigned int i;

	for (i = 0; i < num_handles; i++) {
		struct open_handle *open = &handles[(first + i) % num_handles];

		if (open->node == node) {
			return open;
		}
	}
	return NULL;
}

unsigned int handles_count(void)
{
	return num_handles;
}

bool handles_have(int fd)
{
	unsigned int i;

	for (i = 0; i < num_handles; i++) {
		if (pathring_handle_pathref_fd(handles[i].handle) == fd) {
			return true;
		}
	}
	return false;
}
