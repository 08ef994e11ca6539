/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a freed engine leaves behind: requests that hang in the kernel, and what they need until the
 * kernel lets go of them.
 */
#ifndef PATHRING_ENGINE_LINGER_H
#define PATHRING_ENGINE_LINGER_H

#include <talloc.h>

#include "pathring.h"

struct lingering;
struct pathring_request;

/*
 * Of one engine: made with it, so that freeing it never lacks memory. It is the talloc parent of
 * all that is left, and goes when its last part has ended. The engine itself is the first part.
 */
struct lingering *linger_create(void);

/*
 * In the engine's thread, while it is freed: one more part (the ring, or the helper threads), whose
 * memory is moved here.
 */
void linger_add_part(struct lingering *lingering, TALLOC_CTX *part);
/* An orphaned request that runs in a part. Nothing in it points to the engine any more then. */
void linger_add_request(struct lingering *lingering, struct pathring_request *request);
/* A descriptor that is to stay open as long. */
void linger_add_fd(struct lingering *lingering, int fd);

/*
 * Have collect called, in a thread of this file's, whenever fd is readable; when it returns true
 * release is called, and the part has ended. Nothing of the part may be touched after this. entries
 * are its entries in the kernel.
 */
void linger_watch(struct lingering *lingering,
		  int fd,
		  unsigned int entries,
		  bool (*collect)(struct lingering *lingering, void *private_data),
		  void (*release)(void *private_data),
		  void *private_data);

/* In any thread: the kernel has let go of request, whose result nobody wants. */
void linger_end_request(struct lingering *lingering, struct pathring_request *request);
/* In any thread: nothing of the part is used any more. */
void linger_end_part(struct lingering *lingering);

/* Try again what could not be done before. With each engine that is made or freed. */
void linger_sweep(void);

/* Entries that rings of this thread have left behind in the kernel. */
size_t linger_entries(void);

/* Requests that hang, of all engines freed in this process. */
size_t linger_count(void);

#endif /* PATHRING_ENGINE_LINGER_H */
