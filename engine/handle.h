/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptor behind a handle, counted: it stays open as long as a handle or a request holds it,
 * because the kernel resolves descriptors when a worker starts an operation and not when it is
 * submitted.
 */
#ifndef PATHRING_ENGINE_HANDLE_H
#define PATHRING_ENGINE_HANDLE_H

#include "pathring.h"

struct descriptor {
	int fd;
	enum pathring_handle_kind kind;
	bool borrowed;
	bool reading;	   /* a readdir uses its position; atomic */
	uint64_t mount_id; /* 0: not asked yet (mounts.c) */
	unsigned int references;
	/*
	 * All references as one, and each request of a freed engine that hangs on this: those end
	 * in threads of their own. Atomic. The last closes.
	 */
	unsigned int holders;
	/* The close request that waits until it is the last to hold this. */
	struct pathring_request *closer;
};

/* A handle that owns fd from here on, also when this fails. */
int handle_create(TALLOC_CTX *mem_ctx,
		  int fd,
		  enum pathring_handle_kind kind,
		  struct pathring_handle **handle);

/* The descriptor of a handle, not counted; NULL for NULL. */
struct descriptor *handle_descriptor(const struct pathring_handle *handle);

struct descriptor *descriptor_hold(struct descriptor *descriptor);
void descriptor_release(struct descriptor *descriptor);

/*
 * A reference becomes a hold of a request that outlives its engine, let go of in whichever thread
 * that request ends in.
 */
void descriptor_linger(struct descriptor *descriptor);
void descriptor_release_lingering(struct descriptor *descriptor);
bool descriptor_lingers(const struct descriptor *descriptor);

/* One readdir at a time uses the position. The end may come in any thread. */
bool descriptor_begin_reading(struct descriptor *descriptor);
void descriptor_end_reading(struct descriptor *descriptor);

/* The accessor boundary: every operation gets its fd from one of these two. */
int descriptor_io_fd(const struct descriptor *descriptor);
int descriptor_pathref_fd(const struct descriptor *descriptor);

#endif /* PATHRING_ENGINE_HANDLE_H */
