/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listing in pieces that a pool of threads carries out: reading the directory is one, and so is
 * looking up some of its entries, so that a file system that takes its time is asked for several
 * things at once. The pool is the engine's.
 */
#ifndef BENCH_PIECES_H
#define BENCH_PIECES_H

#include "engine.h"

struct bench_piece;
struct bench_pieces;

/*
 * By the engine: see to it that bench_piece_run() is called in a thread, as the request's user, and
 * then bench_piece_done() by the engine's own thread. It must not be called in here. 0, or a
 * negative errno: neither will be.
 */
typedef int (*bench_piece_start_fn)(void *private_data, struct bench_piece *piece);

/* For one listing at a time. NULL: no memory. */
struct bench_pieces *bench_pieces_create(TALLOC_CTX *mem_ctx,
					 const struct bench_target *target,
					 bench_piece_start_fn start,
					 void *private_data);

/* Begin. bench_complete() is called in the end, unless this fails: a negative errno. */
int bench_pieces_begin(struct bench_pieces *pieces, struct bench_request *request);

void bench_piece_run(struct bench_piece *piece);
void bench_piece_done(struct bench_piece *piece);

const struct bench_request *bench_piece_request(const struct bench_piece *piece);

/* The engine's own, NULL at the start. Whatever hangs on the piece by talloc goes with it. */
void *bench_piece_private(const struct bench_piece *piece);
void bench_piece_set_private(struct bench_piece *piece, void *private_data);

#endif /* BENCH_PIECES_H */
