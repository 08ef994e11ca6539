/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked for by a query-info, and what is changed by a set-info.
 */
#include "capture.h"

#include <stdio.h>

/* [MS-SMB2] 2.2.37 */
#define INFO_FILE 1u

/* [MS-FSCC] 2.4 */
#define FILE_BASIC_INFORMATION 4u
#define FILE_RENAME_INFORMATION 10u
#define FILE_LINK_INFORMATION 11u
#define FILE_DISPOSITION_INFORMATION 13u
#define FILE_ALLOCATION_INFORMATION 19u
#define FILE_END_OF_FILE_INFORMATION 20u
#define FILE_DISPOSITION_INFORMATION_EX 64u
#define FILE_RENAME_INFORMATION_EX 65u
#define FILE_LINK_INFORMATION_EX 72u

/* [MS-FSCC] 2.4.42.2 */
#define NAME_LENGTH_OFFSET 16
#define NAME_OFFSET 20
#define MAX_INFO (NAME_OFFSET + 65536)

static const char skip_unread[] = "what it sets could not be read";

void capture_take_info(struct replay_request *request, const json_t *message)
{
	uint64_t class = capture_ek_or_zero(message, "smb2_smb2_class");

	/* In [MS-SMB2] they begin with 1. */
	request->info = class >= INFO_FILE && class - INFO_FILE <= REPLAY_INFO_QUOTA
				? (enum replay_info)(class - INFO_FILE)
				: REPLAY_INFO_FILE;
	switch (request->info) {
	case REPLAY_INFO_FILE:
		request->level =
			(uint32_t)capture_ek_or_zero(message, "smb2_smb2_file_info_infolevel");
		break;
	case REPLAY_INFO_FILESYSTEM:
		request->level =
			(uint32_t)capture_ek_or_zero(message, "smb2_smb2_fs_info_infolevel");
		break;
	case REPLAY_INFO_SECURITY:
		/* There are no levels; it is said which parts are meant. */
		request->level =
			(uint32_t)capture_ek_or_zero(message, "smb2_smb2_getsetinfo_additionals");
		break;
	case REPLAY_INFO_QUOTA:
		break;
	}
}

/* ---- what tshark leaves as bytes ---- */

/*
 * "0a:1b:...", up to the size of the buffer. Names have at most 32767 characters, and nothing that
 * is longer than one is of interest here.
 */
static size_t get_bytes(const json_t *message, const char *name, unsigned char *buffer, size_t size)
{
	const char *text = capture_ek_string(message, name);
	size_t length = 0;

	while (text != NULL && length < size) {
		unsigned int byte = 0;
		int used = 0;

		if (sscanf(text, "%2x%n", &byte, &used) != 1 || used != 2) {
			break;
		}
		buffer[length++] = (unsigned char)byte;
		text += text[2] == ':' ? 3 : 2;
	}
	return length;
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static char *put_utf8(char *out, uint32_t character)
{
	if (character < 0x80) {
		*out++ = (char)character;
	} else if (character < 0x800) {
		*out++ = (char)(0xc0 | character >> 6);
		*out++ = (char)(0x80 | (character & 0x3f));
	} else if (character < 0x10000) {
		*out++ = (char)(0xe0 | character >> 12);
		*out++ = (char)(0x80 | (character >> 6 & 0x3f));
		*out++ = (char)(0x80 | (character & 0x3f));
	} else {
		*out++ = (char)(0xf0 | character >> 18);
		*out++ = (char)(0x80 | (character >> 12 & 0x3f));
		*out++ = (char)(0x80 | (character >> 6 & 0x3f));
		*out++ = (char)(0x80 | (character & 0x3f));
	}
	return out;
}

/* UTF-16, little-endian. What is none becomes U+FFFD, as in the names that tshark itself reads. */
static char *name_from_utf16(TALLOC_CTX *mem_ctx, const unsigned char *bytes, size_t length)
{
	char *name = talloc_array(mem_ctx, char, length / 2 * 3 + 1);
	char *out = name;
	size_t i = 0;

	for (i = 0; name != NULL && i + 2 <= length; i += 2) {
		uint32_t unit = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8;
		uint32_t next =
			i + 4 <= length ? (uint32_t)bytes[i + 2] | (uint32_t)bytes[i + 3] << 8 : 0;

		if ((unit & 0xfc00) == 0xd800 && (next & 0xfc00) == 0xdc00) {
			unit = 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
			i += 2;
		} else if ((unit & 0xf800) == 0xd800 || unit == 0) {
			unit = 0xfffd;
		}
		out = put_utf8(out, unit);
	}
	if (name != NULL) {
		*out = '\0';
	}
	return name;
}

/*
 * FileRenameInformation, FileLinkInformation and their Ex have one form, and replacing is in the
 * first byte of each. tshark 4.0 takes the first of them apart only.
 */
static bool take_new_name(struct capture_pending *pending, const json_t *message, bool is_dfs)
{
	struct replay_request *request = &pending->request;
	const char *name = capture_ek_string(message, "smb2_smb2_filename");
	unsigned char *bytes = NULL;
	size_t length = 0;

	request->replace = capture_ek_flag(message, "smb2_smb2_rename_replace_if");
	if (name == NULL) {
		bytes = talloc_array(pending, unsigned char, MAX_INFO);
		if (bytes == NULL) {
			return false;
		}
		length = get_bytes(message, "smb2_smb2_unknown", bytes, MAX_INFO);
		if (length <= NAME_OFFSET ||
		    get32(bytes + NAME_LENGTH_OFFSET) > length - NAME_OFFSET) {
			request->skip = request->skip != NULL ? request->skip : skip_unread;
			return true;
		}
		request->replace = (bytes[0] & 1) != 0;
		name = name_from_utf16(
			bytes, bytes + NAME_OFFSET, get32(bytes + NAME_LENGTH_OFFSET));
	}
	request->target = name != NULL ? capture_path(pending, name, is_dfs) : NULL;
	talloc_free(bytes);
	return request->target != NULL;
}

/* FILE_DISPOSITION_DELETE is the first bit of the flags. */
static void take_flags_of_disposition(struct replay_request *request, const json_t *message)
{
	unsigned char bytes[4] = { 0 };

	if (get_bytes(message, "smb2_smb2_unknown", bytes, sizeof(bytes)) != sizeof(bytes)) {
		request->skip = request->skip != NULL ? request->skip : skip_unread;
	}
	request->remove = (bytes[0] & 1) != 0;
}

/* ---- set-info ---- */

static void take_basic_info(struct replay_request *request, const json_t *message)
{
	uint64_t attributes = capture_ek_or_zero(message, "smb2_smb2_file_attribute");
	uint64_t modified = 0;

	/* Of both, 0 is "leave it as it is". */
	if (attributes != 0) {
		request->attributes = (uint32_t)attributes;
		request->present |= REPLAY_HAS_ATTRIBUTES;
	}
	if (capture_ek_time(message, "smb2_smb2_last_write_time", &modified) && modified != 0) {
		request->modified = modified;
		request->present |= REPLAY_HAS_MODIFIED;
	}
}

static void take_size(struct replay_request *request, const json_t *message, const char *name)
{
	if (capture_ek_number(message, name, &request->size)) {
		request->present |= REPLAY_HAS_SIZE;
	}
}

bool capture_take_set_info(struct capture_pending *pending, const json_t *message, bool is_dfs)
{
	struct replay_request *request = &pending->request;

	capture_take_info(request, message);
	if (request->info != REPLAY_INFO_FILE) {
		return true;
	}
	switch (request->level) {
	case FILE_BASIC_INFORMATION:
		take_basic_info(request, message);
		break;
	case FILE_RENAME_INFORMATION:
	case FILE_RENAME_INFORMATION_EX:
	case FILE_LINK_INFORMATION:
	case FILE_LINK_INFORMATION_EX:
		return take_new_name(pending, message, is_dfs);
	case FILE_DISPOSITION_INFORMATION:
		request->remove = capture_ek_flag(message, "smb2_smb2_disposition_delete_on_close");
		break;
	case FILE_DISPOSITION_INFORMATION_EX:
		take_flags_of_disposition(request, message);
		break;
	case FILE_ALLOCATION_INFORMATION:
		take_size(request, message, "smb_smb_alloc_size64");
		break;
	case FILE_END_OF_FILE_INFORMATION:
		take_size(request, message, "smb_smb_end_of_file");
		break;
	}
	return true;
}
