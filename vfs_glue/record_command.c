/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which request of SMB2 smbd works on when it asks the file system for something. The functions of
 * the VFS do not say: a stat may be a QUERY_INFO or smbd's own curiosity, and one SET_INFO is any
 * number of calls. So smbd's list of requests is looked at, and what the client has asked for is
 * read there, decrypted and checked as it is for smbd.
 *
 * How such a request ends is not to be seen from here: smbd puts the answer together after its last
 * call, and encrypts it in place. It is what the last call that matters has said, and where smbd
 * refuses without any, what follows from the state in which it leaves the file.
 *
 * A request that smbd answers without asking for anything is not noticed.
 */
#include "record.h"

/* [MS-SMB2] 2.2.13, 2.2.33, 2.2.37, 2.2.39: the fixed parts of requests. */
#define CREATE_BODY 56
#define QUERY_DIRECTORY_BODY 32
#define QUERY_INFO_BODY 40
#define SET_INFO_BODY 32

static int command_destructor(struct record_command *command)
{
	if (command->record == NULL) {
		return 0;
	}
	record_command_end(command);
	DLIST_REMOVE(command->record->commands, command);

	return 0;
}

/* --------------------------------------------------------------------------- how it has ended */

/* smb_set_file_disposition_info() in smbd/smb2_trans2.c, can_set_delete_on_close() in locking. */
static NTSTATUS disposition_status(const struct record_command *command)
{
	const struct files_struct *fsp = command->open->fsp;

	if (fsp->fsp_flags.delete_on_close == command->request.remove) {
		return NT_STATUS_OK;
	}
	if ((fsp->access_mask & SEC_STD_DELETE) == 0 || !CAN_WRITE(fsp->conn)) {
		return NT_STATUS_ACCESS_DENIED;
	}
	if (fsp->fsp_flags.is_directory) {
		return NT_STATUS_DIRECTORY_NOT_EMPTY;
	}
	return NT_STATUS_CANNOT_DELETE;
}

/*
 * rename_internals_fsp() in smbd/smb2_reply.c: it changes the name of the fsp. Where it does not
 * try, there is something of that name, or else, mostly, somebody has opened what is below a
 * directory.
 */
static NTSTATUS rename_status(const struct record_command *command)
{
	const struct replay_request *request = &command->request;
	char *path = NULL;
	bool renamed = false;

	if (command->open == NULL) {
		return command->status;
	}
	path = record_path(talloc_tos(), command->open->fsp->fsp_name);
	renamed = path != NULL && request->target != NULL && strequal(path, request->target);
	TALLOC_FREE(path);
	if (renamed) {
		return NT_STATUS_OK;
	}
	if (!NT_STATUS_IS_OK(command->status)) {
		return command->status;
	}
	return command->found && !request->replace ? NT_STATUS_OBJECT_NAME_COLLISION
						   : NT_STATUS_ACCESS_DENIED;
}

static bool lacks_access(const struct record_command *command, uint32_t access_mask)
{
	return (command->open->fsp->access_mask & access_mask) == 0;
}

static NTSTATUS set_info_status(const struct record_command *command)
{
	const struct replay_request *request = &command->request;
	uint32_t access_mask = 0;

	if (request->info != REPLAY_INFO_FILE || command->open == NULL) {
		return NT_STATUS_OK;
	}
	switch (request->level) {
	case FSCC_FILE_DISPOSITION_INFORMATION:
		return disposition_status(command);
	case FSCC_FILE_BASIC_INFORMATION:
		access_mask = SEC_FILE_WRITE_ATTRIBUTE;
		break;
	case FSCC_FILE_ALLOCATION_INFORMATION:
	case FSCC_FILE_END_OF_FILE_INFORMATION:
		access_mask = SEC_FILE_WRITE_DATA;
		break;
	default:
		return NT_STATUS_OK;
	}
	return lacks_access(command, access_mask) ? NT_STATUS_ACCESS_DENIED : NT_STATUS_OK;
}

/*
 * Where smbd does not go back to an entry that did not fit, it has kept it, unless there were no
 * more or it was to be one entry only.
 */
static void count_kept(struct record_command *command)
{
	struct replay_request *request = &command->request;
	struct record_open *open = command->open;
	bool kept = !VFS_PATHRING_COMPAT_OLD_READDIR && !command->ended && request->count > 1;

	if (open == NULL) {
		return;
	}
	if (!request->restart) {
		request->count += open->kept;
	}
	open->kept = kept ? 1 : 0;
	request->count -= open->kept;
}

static NTSTATUS query_directory_status(struct record_command *command)
{
	struct replay_request *request = &command->request;
	bool first = command->open != NULL && !command->open->listed;

	request->count -= MIN(request->count, command->rewound);
	count_kept(command);
	if (command->open != NULL) {
		command->open->listed = true;
	}
	if (request->count > 0) {
		return NT_STATUS_OK;
	}
	return first ? NT_STATUS_NO_SUCH_FILE : STATUS_NO_MORE_FILES;
}

static NTSTATUS command_status(struct record_command *command)
{
	bool failed = !NT_STATUS_IS_OK(command->status);

	switch (command->request.command) {
	case REPLAY_QUERY_DIRECTORY:
		return query_directory_status(command);
	case REPLAY_SET_INFO:
		return failed ? command->status : set_info_status(command);
	case REPLAY_RENAME:
		return rename_status(command);
	default:
		return command->status;
	}
}

void record_command_end(struct record_command *command)
{
	struct replay_request *request = &command->request;
	bool refused;

	if (command->done) {
		return;
	}
	command->done = true;
	if (request->command == REPLAY_CLOSE) {
		/* The file has not been closed. */
		return;
	}
	if (request->command == REPLAY_CREATE && command->created) {
		/* Put off, and not come back to: there was no answer, or another than the file's */
		record_file_write(command->record->file, request);
		return;
	}
	refused = !NT_STATUS_IS_OK(command->status) && request->path != NULL;
	if (request->command == REPLAY_CREATE && !refused) {
		return;
	}
	record_end(command->record, request, command_status(command));
}

/* --------------------------------------------------------------------------- which one it is */

/*
 * smbd has answered, and freed the request; unless it waits for something, or the answer waits to
 * be sent, or there is more in the compound.
 */
static void turn_end(struct tevent_context *ev, struct tevent_immediate *im, void *private_data)
{
	struct record_command *command = talloc_get_type_abort(private_data, struct record_command);
	struct smbd_smb2_request *smb2req = command->smb2req;

	(void)ev;
	(void)im;
	if (command->record == NULL) {
		return;
	}
	if (smb2req->current_idx == command->index && smb2req->subreq != NULL) {
		return;
	}
	record_command_end(command);
}

static struct record_command *
command_new(struct record *record, struct smbd_smb2_request *smb2req, enum replay_command name)
{
	struct record_command *command = talloc_zero(smb2req, struct record_command);

	if (command == NULL) {
		return NULL;
	}
	command->turn_end = tevent_create_immediate(command);
	if (command->turn_end == NULL) {
		TALLOC_FREE(command);
		return NULL;
	}
	command->record = record;
	command->smb2req = smb2req;
	command->index = smb2req->current_idx;
	command->status = NT_STATUS_OK;
	record_begin(record, record_session(record), name, &command->request);
	record_asked(command);
	DLIST_ADD(record->commands, command);
	talloc_set_destructor(command, command_destructor);
	tevent_schedule_immediate(
		command->turn_end, record->handle->conn->sconn->ev_ctx, turn_end, command);

	return command;
}

/* That of this request. What came before it in a compound has ended. */
static struct record_command *command_find(struct record *record,
					   const struct smbd_smb2_request *smb2req)
{
	struct record_command *command = NULL;

	for (command = record->commands; command != NULL; command = command->next) {
		if (command->smb2req != smb2req) {
			continue;
		}
		if (command->index == smb2req->current_idx) {
			return command;
		}
		record_command_end(command);
	}
	return NULL;
}

static uint16_t opcode(const struct smbd_smb2_request *smb2req)
{
	return SVAL(SMBD_SMB2_IN_HDR_PTR(smb2req), SMB2_HDR_OPCODE);
}

/*
 * smbd puts a new request at the end of its list, handles it at once, and takes it off when it has
 * answered. One with a subreq is waiting, so that it is another that smbd is at now; but a CREATE
 * has one from the beginning (smbd_smb2_create_send() in smbd/smb2_create.c).
 */
static struct smbd_smb2_request *smb2req_now(const struct record *record)
{
	const struct connection_struct *conn = record->handle->conn;
	const struct smbXsrv_connection *xconn = conn->sconn->client->connections;

	for (; xconn != NULL; xconn = xconn->next) {
		struct smbd_smb2_request *smb2req = DLIST_TAIL(xconn->smb2.requests);

		if (smb2req == NULL || smb2req->tcon == NULL || smb2req->tcon->compat != conn ||
		    smb2req->current_idx + SMBD_SMB2_NUM_IOV_PER_REQ > smb2req->in.vector_count) {
			continue;
		}
		if (smb2req->subreq == NULL || opcode(smb2req) == SMB2_OP_CREATE) {
			return smb2req;
		}
	}
	return NULL;
}

/* False: it is none of ours, or smbd is not at the point yet where it is known what it is about. */
static bool command_name(const struct smbd_smb2_request *smb2req, enum replay_command *name)
{
	size_t length = SMBD_SMB2_IN_BODY_LEN(smb2req);
	size_t expected = 0;

	switch (opcode(smb2req)) {
	case SMB2_OP_CREATE:
		*name = REPLAY_CREATE;
		return length >= CREATE_BODY;
	case SMB2_OP_CLOSE:
		*name = REPLAY_CLOSE;
		break;
	case SMB2_OP_QUERY_DIRECTORY:
		*name = REPLAY_QUERY_DIRECTORY;
		expected = QUERY_DIRECTORY_BODY;
		break;
	case SMB2_OP_GETINFO:
		*name = REPLAY_QUERY_INFO;
		expected = QUERY_INFO_BODY;
		break;
	case SMB2_OP_SETINFO:
		*name = REPLAY_SET_INFO;
		expected = SET_INFO_BODY;
		break;
	default:
		return false;
	}
	return length >= expected && smb2req->compat_chain_fsp != NULL;
}

struct record_command *record_command_now(struct record *record)
{
	struct smbd_smb2_request *smb2req = smb2req_now(record);
	struct record_command *command = NULL;
	enum replay_command name;
	bool ours;

	if (smb2req == NULL) {
		return NULL;
	}
	command = command_find(record, smb2req);
	if (command != NULL) {
		return command;
	}
	ours = command_name(smb2req, &name);

	return ours ? command_new(record, smb2req, name) : NULL;
}

void record_command_result(struct record *record, NTSTATUS status)
{
	struct record_command *command = record_command_now(record);

	if (command != NULL) {
		command->status = status;
	}
}

struct record_command *record_command_create(struct record *record,
					     struct smbd_smb2_request *smb2req)
{
	struct record_command *command = command_find(record, smb2req);
	enum replay_command name;
	bool ours;

	if (command != NULL) {
		return command;
	}
	ours = command_name(smb2req, &name);

	return ours && name == REPLAY_CREATE ? command_new(record, smb2req, name) : NULL;
}

struct record_command *record_command_closing(struct record *record, struct record_open *open)
{
	struct record_command *command = NULL;
	struct record_command *closing = NULL;

	for (command = record->commands; command != NULL; command = command->next) {
		if (command->open != open) {
			continue;
		}
		if (command->request.command == REPLAY_CLOSE && !command->done) {
			closing = command;
		} else {
			record_command_end(command);
		}
		command->open = NULL;
	}
	return closing;
}
