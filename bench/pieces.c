/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listings in pieces.
 */
#include "pieces.h"

#include "plain.h"
#include "plain_directory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * Looked up by one piece. 8 and 32 were not better here, nor was it to have as few as take 0.2 ms
 * together: on a slow file system, one, for which the threads cost more than they win.
 */
#define PIECE_ENTRIES 16

struct listed {
	const char *name;
	int error;
	struct statx stx;
	ssize_t length;
	uint8_t value[BENCH_XATTR_ROOM];
};

/* The piece that reads has no entries. */
struct bench_piece {
	struct bench_pieces *pieces;
	void *private_data;
	struct bench_plain plain;
	size_t num;
	struct listed listed[PIECE_ENTRIES];
};

struct bench_pieces {
	const struct bench_target *target;
	bench_piece_start_fn start;
	void *private_data;
	struct bench_request *request;
	struct bench_piece *reading;
	struct bench_piece **looking; /* as many as were ever needed */
	size_t num_looking;
	size_t outstanding;
	int fd;
	int error;
	bool more; /* the directory may have further entries */
	struct bench_batch batch;
	char buffer[BENCH_DIRECTORY_ROOM] __attribute__((aligned(8)));
};

static struct bench_piece *make_piece(struct bench_pieces *pieces)
{
	struct bench_piece *piece = talloc_zero(pieces, struct bench_piece);

	if (piece != NULL) {
		piece->pieces = pieces;
		bench_plain_init(&piece->plain, pieces->target);
	}
	return piece;
}

struct bench_pieces *bench_pieces_create(TALLOC_CTX *mem_ctx,
					 const struct bench_target *target,
					 bench_piece_start_fn start,
					 void *private_data)
{
	struct bench_pieces *pieces = talloc_zero(mem_ctx, struct bench_pieces);

	if (pieces == NULL) {
		return NULL;
	}
	pieces->target = target;
	pieces->start = start;
	pieces->private_data = private_data;
	pieces->reading = make_piece(pieces);
	if (pieces->reading == NULL) {
		TALLOC_FREE(pieces);
	}
	return pieces;
}

const struct bench_request *bench_piece_request(const struct bench_piece *piece)
{
	return piece->pieces->request;
}

void *bench_piece_private(const struct bench_piece *piece)
{
	return piece->private_data;
}

void bench_piece_set_private(struct bench_piece *piece, void *private_data)
{
	piece->private_data = private_data;
}

/* ---- in a thread ---- */

/* The first also opens the directory, and goes on to the end where there is room. */
static void read_names(struct bench_pieces *pieces)
{
	const struct bench_request *request = pieces->request;
	struct bench_batch rest;
	int ret = 0;

	if (pieces->fd == -1) {
		ret = bench_open_directory(pieces->target->descriptors[request->descriptor].fd,
					   request->path);
		if (ret < 0) {
			pieces->error = ret;
			return;
		}
		pieces->fd = ret;
	}
	ret = bench_read_directory(
		pieces->fd, pieces->buffer, sizeof(pieces->buffer), &pieces->batch);
	while (ret > 0) {
		char *end = pieces->buffer + (pieces->batch.end - pieces->buffer);
		size_t room = (size_t)(pieces->buffer + sizeof(pieces->buffer) - end);

		ret = bench_read_directory(pieces->fd, end, room, &rest);
		if (ret > 0) {
			pieces->batch.end = rest.end;
		}
	}
	/* No room for another one. */
	pieces->more = ret == -EINVAL && pieces->batch.next != NULL;
	pieces->error = pieces->more ? 0 : ret;
}

static void look_up(struct bench_piece *piece, struct listed *listed)
{
	struct bench_pieces *pieces = piece->pieces;
	struct bench_answer answer = { .error = 0 };

	bench_plain_lookup(&piece->plain, pieces->fd, listed->name, pieces->request->size, &answer);
	listed->error = answer.error;
	listed->length = answer.length;
	if (answer.error == 0) {
		listed->stx = *answer.stx;
	}
	if (answer.length > 0) {
		memcpy(listed->value, answer.data, (size_t)answer.length);
	}
}

void bench_piece_run(struct bench_piece *piece)
{
	size_t i = 0;

	if (piece->num == 0) {
		read_names(piece->pieces);
		return;
	}
	for (i = 0; i < piece->num; i++) {
		look_up(piece, &piece->listed[i]);
	}
}

/* ---- in the engine's thread ---- */

static int start(struct bench_piece *piece)
{
	struct bench_pieces *pieces = piece->pieces;
	int ret = 0;

	pieces->outstanding++;
	ret = pieces->start(pieces->private_data, piece);
	if (ret < 0) {
		pieces->outstanding--;
	}
	return ret;
}

int bench_pieces_begin(struct bench_pieces *pieces, struct bench_request *request)
{
	pieces->request = request;
	pieces->outstanding = 0;
	pieces->fd = -1;
	pieces->error = 0;
	pieces->more = false;
	pieces->batch = (struct bench_batch) { .next = NULL };
	return start(pieces->reading);
}

static struct bench_piece *piece_of(struct bench_pieces *pieces, size_t number)
{
	struct bench_piece **more = NULL;

	if (number < pieces->num_looking) {
		return pieces->looking[number];
	}
	more = talloc_realloc(pieces, pieces->looking, struct bench_piece *, number + 1);
	if (more == NULL) {
		return NULL;
	}
	pieces->looking = more;
	more[number] = make_piece(pieces);
	if (more[number] != NULL) {
		pieces->num_looking++;
	}
	return more[number];
}

static int look_up_next(struct bench_pieces *pieces, size_t number, const char *name)
{
	struct bench_piece *piece = piece_of(pieces, number);

	if (piece == NULL) {
		return -ENOMEM;
	}
	piece->num = 0;
	while (name != NULL) {
		piece->listed[piece->num].name = name;
		piece->num++;
		name = piece->num < PIECE_ENTRIES ? bench_next_name(&pieces->batch) : NULL;
	}
	return start(piece);
}

static void look_up_all(struct bench_pieces *pieces)
{
	const char *name = NULL;
	size_t number = 0;

	while (pieces->error == 0 && (name = bench_next_name(&pieces->batch)) != NULL) {
		pieces->error = look_up_next(pieces, number, name);
		number++;
	}
}

static void give(struct bench_piece *piece)
{
	size_t i = 0;

	for (i = 0; i < piece->num; i++) {
		const struct listed *listed = &piece->listed[i];
		const struct bench_answer answer = {
			.error = listed->error,
			.stx = &listed->stx,
			.data = listed->value,
			.length = listed->length,
		};

		bench_entry(piece->pieces->request, listed->name, &answer);
	}
}

void bench_piece_done(struct bench_piece *piece)
{
	struct bench_pieces *pieces = piece->pieces;
	struct bench_answer answer = { .error = 0 };
	int fd = -1;

	if (piece->num == 0) {
		look_up_all(pieces);
	} else {
		give(piece);
	}
	pieces->outstanding--;
	if (pieces->outstanding > 0) {
		return;
	}
	if (pieces->error == 0 && pieces->more) {
		pieces->error = start(pieces->reading);
		if (pieces->error == 0) {
			return;
		}
	}
	answer.error = pieces->error;
	fd = pieces->fd;
	bench_complete(pieces->request, &answer);
	if (fd != -1) {
		close(fd);
	}
}
