/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads keys and passwords.
 */
#include "secret.h"

#include "command_line.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_SIZE 65536

struct secret {
	char text[MAX_SIZE + 1];
};

static int forget(struct secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
	return 0;
}

/* -1 with errno. */
static ssize_t read_all(int fd, char *text)
{
	size_t length = 0;
	ssize_t got = 1;

	while (got > 0 && length <= MAX_SIZE) {
		got = read(fd, text + length, MAX_SIZE + 1 - length);
		if (got > 0) {
			length += (size_t)got;
		} else if (got == -1 && errno == EINTR) {
			got = 1;
		}
	}
	if (got == 0 && length <= MAX_SIZE) {
		text[length] = '\0';
		return (ssize_t)length;
	}
	errno = got == -1 ? errno : EFBIG;
	return -1;
}

char *replay_secret_read(TALLOC_CTX *mem_ctx, const char *option, const char *name, size_t *length)
{
	struct secret *secret = talloc_zero(mem_ctx, struct secret);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (secret == NULL) {
		bench_refuse_memory();
	} else {
		talloc_set_destructor(secret, forget);
		got = fd != -1 ? read_all(fd, secret->text) : -1;
		if (got == -1) {
			bench_refuse(option, name, strerror(errno));
		}
	}
	if (fd != -1) {
		close(fd);
	}
	if (got == -1) {
		talloc_free(secret);
		return NULL;
	}
	*length = (size_t)got;
	return secret->text;
}
