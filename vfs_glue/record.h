/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients ask of a share, written into a trace, for the files that do it: record_file.c (the
 * file), record_key.c (other names), record.c (a tree connect), record_command.c (which request of
 * SMB2 it is that smbd works on), record_asked.c (what that asks for), record_open.c,
 * record_data.c, record_info.c (the VFS functions). Nobody else includes this.
 */
#ifndef VFS_PATHRING_RECORD_H
#define VFS_PATHRING_RECORD_H

#include "vfs_pathring.h"
#include "replay/anonymise.h"
#include "replay/trace.h"

/* A tree connect that is recorded. */
struct record {
	struct record *prev;
	struct record *next;
	struct vfs_handle_struct *handle;
	struct record_file *file;
	const struct vfs_fn_pointers *fns; /* the handle's without recording */
	char *share;
	struct record_command *commands; /* of requests that smbd has not freed */
};

/* On the fsp of a file that a client has opened. */
struct record_open {
	struct record *record;
	struct files_struct *fsp;
	uint64_t number; /* replay_request.handle */
	uint32_t session;
	int error;   /* of its close, an errno */
	bool listed; /* if it is a directory */
	size_t kept; /* entries that smbd has for the next response */
};

/*
 * One request of SMB2. A talloc child of smbd's, so that it is known when smbd is done with that:
 * all that is needed of it then is kept here.
 */
struct record_command {
	struct record_command *prev;
	struct record_command *next;
	struct record *record; /* NULL: its tree connect is gone */
	struct smbd_smb2_request *smb2req;
	int index; /* smb2req->current_idx: a compound is one smb2req */
	struct replay_request request;
	struct record_open *open; /* the file that it is about; NULL: none that is known */
	NTSTATUS status;	  /* of the last call that decides how it ends */
	bool created;		  /* of a create: smbd has come to it */
	bool done;		  /* it is in the trace, or is not to be in it */
	bool found;		  /* of a rename: there is something of the new name */
	size_t rewound;		  /* of a listing: entries that smbd has given back */
	bool ended;		  /* of a listing: there are no more names */
	struct tevent_immediate *turn_end;
};

/* -------------------------------------------------------------------------------- record_file.c */

/*
 * Opens the trace of this process, as root; NULL after a message in the log. key: the file with the
 * key of a trace without names, or NULL.
 */
struct record_file *
record_file_get(struct connection_struct *conn, const char *name, const char *key);
const char *record_file_path(const struct record_file *file);

/* Nanoseconds since it was begun. */
uint64_t record_file_now(const struct record_file *file);
uint64_t record_file_new_request(struct record_file *file);
uint64_t record_file_new_handle(struct record_file *file);
/* The number of the one whom smbd works for; 0: without memory. */
uint32_t record_file_session(struct record_file *file, const struct connection_struct *conn);
void record_file_write(struct record_file *file, const struct replay_request *request);

/* -------------------------------------------------------------------------------- record_key.c */

/* NULL after a message in the log. */
struct replay_anonymiser *record_key_read(TALLOC_CTX *mem_ctx, const char *name);

/* ------------------------------------------------------------------------------------- record.c */

/* NULL: it is none that is recorded. */
struct record *record_find(const struct vfs_handle_struct *handle);
struct record_open *record_open_find(struct vfs_handle_struct *handle,
				     const struct files_struct *fsp);

/* Whom smbd works for now, by number. */
uint32_t record_session(const struct record *record);
/* A request of theirs that begins now. */
void record_begin(struct record *record,
		  uint32_t session,
		  enum replay_command command,
		  struct replay_request *request);
/* It ends now; it is written. */
void record_end(struct record *record, struct replay_request *request, NTSTATUS status);

/* The path of a name below the share, on mem_ctx; NULL without memory. */
char *record_path(TALLOC_CTX *mem_ctx, const struct smb_filename *smb_fname);

/* ----------------------------------------------------------------------------- record_command.c */

/*
 * smbd asks for something of this share: the request that it works on, if that is one to be made
 * out by this and not by the function that is asked for. NULL: it is not.
 */
struct record_command *record_command_now(struct record *record);
/* The same, for what decides how the request ends, unless more of that follows. */
void record_command_result(struct record *record, NTSTATUS status);
/* That of this request, which is a CREATE. NULL: without memory. */
struct record_command *record_command_create(struct record *record,
					     struct smbd_smb2_request *smb2req);
/* Writes it, if that has not been done. */
void record_command_end(struct record_command *command);
/* The file is about to be closed: what is about it ends, but for the CLOSE, which is returned. */
struct record_command *record_command_closing(struct record *record, struct record_open *open);

/* ------------------------------------------------------------------------------- record_asked.c */

/* Fills command->request, and command->open. */
void record_asked(struct record_command *command);

/* -------------------------------------------------------------------------- the VFS functions */

/* Each puts the functions of its file into the table. */
void record_open_hook(struct vfs_fn_pointers *fns);
void record_data_hook(struct vfs_fn_pointers *fns);
void record_info_hook(struct vfs_fn_pointers *fns);

#endif /* VFS_PATHRING_RECORD_H */
