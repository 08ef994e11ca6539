/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key of a trace without names. Whoever has it can find out whether a name is in the trace, so
 * it has to be root's alone.
 */
#include "record.h"

/* More is no better a key. */
#define MAX_KEY 4096

static ssize_t read_key(int fd, uint8_t *key)
{
	struct stat st = { 0 };
	ssize_t length = 0;

	if (fstat(fd, &st) == -1) {
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		errno = EPERM;
		return -1;
	}
	if (st.st_size > MAX_KEY) {
		errno = EFBIG;
		return -1;
	}
	do {
		length = pread(fd, key, MAX_KEY, 0);
	} while (length == -1 && errno == EINTR);

	return length;
}

struct replay_anonymiser *record_key_read(TALLOC_CTX *mem_ctx, const char *name)
{
	struct replay_anonymiser *anonymiser = NULL;
	uint8_t key[MAX_KEY];
	ssize_t length = -1;
	/* A fifo would be waited for. */
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1) {
		length = read_key(fd, key);
	}
	if (length == -1) {
		const char *reason =
			errno == EPERM ? "it is to be a file of root's that nobody else may read"
				       : strerror(errno);

		DBG_ERR("\"pathring:record anonymise = %s\": %s\n", name, reason);
	} else if (length < REPLAY_MIN_KEY) {
		DBG_ERR("\"pathring:record anonymise = %s\": a key has at least %d bytes\n",
			name,
			REPLAY_MIN_KEY);
	} else {
		anonymiser = replay_anonymiser_create(mem_ctx, key, (size_t)length);
		if (anonymiser == NULL) {
			DBG_ERR("no memory: nothing is recorded\n");
		}
	}
	explicit_bzero(key, sizeof(key));
	if (fd != -1) {
		close(fd);
	}
	return anonymiser;
}
