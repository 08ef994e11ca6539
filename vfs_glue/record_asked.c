/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a request of SMB2 asks for, read in what the client has sent. smbd has checked its lengths
 * before it makes the call that brings us here, except where it leaves that to what comes later.
 */
#include "record.h"

/* [MS-SMB2] 2.2.13, 2.2.33, 2.2.37, 2.2.39: where in the fixed part of a request its fields are. */
#define CREATE_ACCESS 0x18
#define CREATE_DISPOSITION 0x24
#define CREATE_OPTIONS 0x28
#define CREATE_NAME_OFFSET 0x2C
#define CREATE_NAME_LENGTH 0x2E
#define QUERY_DIRECTORY_CLASS 0x02
#define QUERY_DIRECTORY_FLAGS 0x03
#define QUERY_DIRECTORY_NAME_LENGTH 0x1A
#define SET_INFO_LENGTH 0x04
#define INFO_TYPE 0x02
#define INFO_CLASS 0x03

/* [MS-FSCC] 2.4 */
#define BASIC_MODIFIED 0x10
#define BASIC_ATTRIBUTES 0x20
#define BASIC_SIZE 0x24
#define RENAME_NAME_LENGTH 0x10
#define RENAME_NAME 0x14

/* A name as clients write it, "dir\file"; NULL: it is none, or there is no memory. */
static char *client_name(TALLOC_CTX *mem_ctx, const uint8_t *data, size_t size)
{
	char *name = NULL;
	size_t name_size = 0;
	bool ok = false;

	if (size == 0) {
		return talloc_strdup(mem_ctx, "");
	}
	ok = convert_string_talloc(mem_ctx, CH_UTF16LE, CH_UNIX, data, size, &name, &name_size);
	if (!ok) {
		return NULL;
	}
	string_replace(name, '\\', '/');
	while (name[0] == '/') {
		memmove(name, name + 1, strlen(name));
	}
	return name;
}

static void read_create(struct record_command *command)
{
	struct smbd_smb2_request *smb2req = command->smb2req;
	const uint8_t *body = SMBD_SMB2_IN_BODY_PTR(smb2req);
	size_t offset = SVAL(body, CREATE_NAME_OFFSET);
	size_t size = SVAL(body, CREATE_NAME_LENGTH);
	size_t begin = SMB2_HDR_BODY + SMBD_SMB2_IN_BODY_LEN(smb2req);
	const uint8_t *header = SMBD_SMB2_IN_HDR_PTR(smb2req);
	bool dfs = (IVAL(header, SMB2_HDR_FLAGS) & SMB2_HDR_FLAG_DFS) != 0;
	struct replay_request *request = &command->request;

	request->share = command->record->share;
	request->access = IVAL(body, CREATE_ACCESS);
	request->disposition = IVAL(body, CREATE_DISPOSITION);
	request->options = IVAL(body, CREATE_OPTIONS);
	offset = offset > begin ? offset - begin : 0;
	if (!dfs && offset + size <= SMBD_SMB2_IN_DYN_LEN(smb2req)) {
		request->path = client_name(command, SMBD_SMB2_IN_DYN_PTR(smb2req) + offset, size);
	}
}

static void read_query_directory(struct record_command *command)
{
	struct smbd_smb2_request *smb2req = command->smb2req;
	const uint8_t *body = SMBD_SMB2_IN_BODY_PTR(smb2req);
	size_t size = SVAL(body, QUERY_DIRECTORY_NAME_LENGTH);
	uint8_t flags = CVAL(body, QUERY_DIRECTORY_FLAGS);
	struct replay_request *request = &command->request;

	request->level = CVAL(body, QUERY_DIRECTORY_CLASS);
	request->restart = (flags & (SMB2_CONTINUE_FLAG_RESTART | SMB2_CONTINUE_FLAG_REOPEN)) != 0;
	request->present |= REPLAY_HAS_COUNT;
	if (size <= SMBD_SMB2_IN_DYN_LEN(smb2req)) {
		request->pattern = client_name(command, SMBD_SMB2_IN_DYN_PTR(smb2req), size);
	}
}

static void read_set_basic(struct replay_request *request, const uint8_t *data, size_t size)
{
	NTTIME modified = 0;

	if (size < BASIC_SIZE) {
		return;
	}
	/* 0 and -1: as it is. */
	modified = BVAL(data, BASIC_MODIFIED);
	if (modified != 0 && modified < INT64_MAX) {
		struct timespec time = nt_time_to_full_timespec(modified);

		if (time.tv_sec >= 0) {
			request->modified =
				(uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
			request->present |= REPLAY_HAS_MODIFIED;
		}
	}
	request->attributes = IVAL(data, BASIC_ATTRIBUTES);
	if (request->attributes != 0) {
		request->present |= REPLAY_HAS_ATTRIBUTES;
	}
}

/* In a trace it is a command of its own. */
static void read_rename(struct record_command *command, const uint8_t *data, size_t size)
{
	struct replay_request *request = &command->request;
	size_t name_size = size >= RENAME_NAME ? IVAL(data, RENAME_NAME_LENGTH) : 0;

	request->command = REPLAY_RENAME;
	if (size >= RENAME_NAME && name_size <= size - RENAME_NAME) {
		request->replace = CVAL(data, 0) != 0;
		request->target = client_name(command, data + RENAME_NAME, name_size);
	}
	if (request->target == NULL) {
		request->skip = "no new name";
	}
}

static void read_set_info(struct record_command *command)
{
	struct smbd_smb2_request *smb2req = command->smb2req;
	const uint8_t *body = SMBD_SMB2_IN_BODY_PTR(smb2req);
	const uint8_t *data = SMBD_SMB2_IN_DYN_PTR(smb2req);
	size_t size = MIN(IVAL(body, SET_INFO_LENGTH), SMBD_SMB2_IN_DYN_LEN(smb2req));
	struct replay_request *request = &command->request;

	if (request->info != REPLAY_INFO_FILE) {
		return;
	}
	switch (request->level) {
	case FSCC_FILE_BASIC_INFORMATION:
		read_set_basic(request, data, size);
		return;
	case FSCC_FILE_RENAME_INFORMATION:
		read_rename(command, data, size);
		return;
	case FSCC_FILE_DISPOSITION_INFORMATION:
		request->remove = size >= 1 && CVAL(data, 0) != 0;
		return;
	case FSCC_FILE_ALLOCATION_INFORMATION:
	case FSCC_FILE_END_OF_FILE_INFORMATION:
		if (size >= 8) {
			request->size = BVAL(data, 0);
			request->present |= REPLAY_HAS_SIZE;
		}
		return;
	default:
		return;
	}
}

static void read_info(struct record_command *command)
{
	const uint8_t *body = SMBD_SMB2_IN_BODY_PTR(command->smb2req);

	command->request.level = CVAL(body, INFO_CLASS);
	switch (CVAL(body, INFO_TYPE)) {
	case SMB2_0_INFO_FILESYSTEM:
		command->request.info = REPLAY_INFO_FILESYSTEM;
		break;
	case SMB2_0_INFO_SECURITY:
		command->request.info = REPLAY_INFO_SECURITY;
		break;
	case SMB2_0_INFO_QUOTA:
		command->request.info = REPLAY_INFO_QUOTA;
		break;
	default:
		command->request.info = REPLAY_INFO_FILE;
		break;
	}
	if (command->request.command == REPLAY_SET_INFO) {
		read_set_info(command);
	}
}

/* The file is one that smbd has looked up already: that comes before all calls for its sake. */
static void read_about(struct record_command *command)
{
	struct record *record = command->record;
	struct files_struct *fsp = command->smb2req->compat_chain_fsp;
	struct replay_request *request = &command->request;

	command->open = record_open_find(record->handle, fsp);
	if (command->open != NULL) {
		request->handle = command->open->number;
		request->present |= REPLAY_HAS_HANDLE;
		return;
	}
	request->share = record->share;
	request->path = record_path(command, fsp->fsp_name);
	request->skip = "opened before the trace";
}

void record_asked(struct record_command *command)
{
	switch (command->request.command) {
	case REPLAY_CREATE:
		read_create(command);
		return;
	case REPLAY_QUERY_DIRECTORY:
		read_query_directory(command);
		break;
	case REPLAY_QUERY_INFO:
	case REPLAY_SET_INFO:
		read_info(command);
		break;
	default:
		break;
	}
	read_about(command);
}
