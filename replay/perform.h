/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the requests of clients have in common when they are performed.
 */
#ifndef REPLAY_PERFORM_H
#define REPLAY_PERFORM_H

#include "run.h"

/* Steps that belong to all of them, behind their own. */
#define REPLAY_STEP_MISSING 100

/*
 * A path was not found (or something of it is no directory): is it the name or what is above? Ends
 * the action.
 */
void replay_perform_missing(struct replay_action *action, int error);

/* Ends the action with what an error means. */
void replay_perform_error(struct replay_action *action, ssize_t error);

/* The directory that path is in, as a path reference. */
const char *replay_parent_of(const struct replay_path *path);
const struct replay_path *replay_path_of(const struct replay_action *action);
const struct replay_path *replay_target_of(const struct replay_action *action);

/* Of what is made. */
mode_t replay_mode_of(const struct replay_path *path, enum replay_kind kind);

/* What its user may do with what stx is of: REPLAY_WANTS_*. */
unsigned int replay_rights_of(const struct replay_action *action, const struct replay_stat *stat);

/* Has a handle been opened for one of these? Without a handle: yes. */
bool replay_may(const struct replay_open *open, uint32_t any);

/* What smbd keeps the DOS attributes of a file in, version 5 of xattr_DOSATTRIB. */
#define REPLAY_DOS_ATTRIBUTES_SIZE 24
void replay_dos_attributes(uint32_t attributes, uint8_t value[REPLAY_DOS_ATTRIBUTES_SIZE]);

/* From what was read, or 0. */
uint32_t replay_dos_attributes_of(const uint8_t *value, ssize_t size);

#endif /* REPLAY_PERFORM_H */
