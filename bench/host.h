/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be known of a machine to judge a number that was measured on it.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

/* What the kernel does about one weakness of the processor, in its words. */
struct bench_mitigation {
	const char *weakness;
	const char *state;
};

struct bench_host {
	const char *kernel;
	const char *machine;
	const char *processor;
	long processors;
	const char *governor; /* of the first processor's frequency; NULL where there is none */
	uint64_t memory;      /* bytes */
	struct bench_mitigation *mitigations;
	size_t num_mitigations;

	/* As /proc/self/mountinfo has them; a FUSE file system is "fuse.SUBTYPE". */
	const char *file_system;
	const char *mount_source;  /* or NULL */
	const char *mount_options; /* of the mount and of the file system; or NULL */
};

/* dir_fd: on the file system in question. NULL without memory. */
struct bench_host *bench_host(TALLOC_CTX *mem_ctx, int dir_fd);

#endif /* BENCH_HOST_H */
