/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each operation of the library, made for real: whether it works here, where it ran and why there.
 */
#ifndef BENCH_PROBE_OPERATIONS_H
#define BENCH_PROBE_OPERATIONS_H

#include <pathring.h>

struct probe_trial {
	bool tried;
	int error; /* 0 or a negative errno */
	enum pathring_placement placement;
	enum pathring_reason reason;
};

/*
 * dir_fd: a directory of the identity's, in which files are made and removed again. Not empty: only
 * what changes nothing is tried, on the directory itself. Each is repeated for a moment, so that
 * the engine learns where it is cheapest; the last one counts.
 */
void probe_operations(struct pathring *ring,
		      struct pathring_identity *identity,
		      int dir_fd,
		      bool ours,
		      struct probe_trial trials[PATHRING_NUM_OPERATIONS]);

/* What may have stayed in the directory. */
void probe_clean_up(int dir_fd);

#endif /* BENCH_PROBE_OPERATIONS_H */
