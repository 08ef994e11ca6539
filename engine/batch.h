/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Requests that may run in the engine's thread, collected by identity for one turn.
 */
#ifndef PATHRING_ENGINE_BATCH_H
#define PATHRING_ENGINE_BATCH_H

#include "engine.h"

/* A running request, until batches_run(). */
void batch_add(struct pathring *ring, struct pathring_request *request);

/*
 * Attempt what is best attempted here, each batch under its identity, and complete it. Whatever is
 * not, or found no answer, is added to elsewhere, for the backend; what there was no time for to
 * later, for the next turn.
 */
void batches_run(struct pathring *ring, struct request_list *elsewhere, struct request_list *later);

#endif /* PATHRING_ENGINE_BATCH_H */
