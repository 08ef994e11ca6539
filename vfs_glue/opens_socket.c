/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CREATEs that a client has sent and smbd has not read yet. smbd looks for the name of a file
 * before any module may put the CREATE off, so that each would wait for that at least. A look at
 * the file in a helper thread, while smbd is at another CREATE, has the name in the kernel's cache
 * by then, and has found out what smbd will ask.
 *
 * What the socket holds is a guess until smbd has read it: not checked, not decrypted (an encrypted
 * one is none of ours), perhaps forged. All that follows from it are look-ups that the user may
 * make; what they find counts when smbd comes to a CREATE with this number, has resolved its name
 * and found the same file.
 */
#include "opens.h"

/* [MS-SMB2] 2.2.1.2, 2.2.13; smbd's names for them where it has some. */
#define CREATE_LENGTH (SMB2_HDR_BODY + 56)
#define CREATE_ACCESS (SMB2_HDR_BODY + 0x18)
#define CREATE_DISPOSITION (SMB2_HDR_BODY + 0x24)
#define CREATE_OPTIONS (SMB2_HDR_BODY + 0x28)
#define CREATE_NAME_OFFSET (SMB2_HDR_BODY + 0x2C)
#define CREATE_NAME_LENGTH (SMB2_HDR_BODY + 0x2E)

/* The most that is looked at: some 400 CREATEs. And the most files ahead of smbd. */
#define PEEK_SIZE 65536
#define MAX_AHEAD 64

static bool is_create_of(const uint8_t *pdu, size_t length, const struct smb_request *req)
{
	uint32_t disposition;

	if (length < CREATE_LENGTH || IVAL(pdu, 0) != SMB2_MAGIC ||
	    SVAL(pdu, SMB2_HDR_LENGTH) != SMB2_HDR_BODY ||
	    SVAL(pdu, SMB2_HDR_OPCODE) != SMB2_OP_CREATE || IVAL(pdu, SMB2_HDR_NEXT_COMMAND) != 0) {
		return false;
	}
	if ((IVAL(pdu, SMB2_HDR_FLAGS) & SMB2_HDR_FLAG_DFS) != 0 ||
	    IVAL(pdu, SMB2_HDR_TID) != req->tid || BVAL(pdu, SMB2_HDR_SESSION_ID) != req->vuid) {
		return false;
	}
	disposition = IVAL(pdu, CREATE_DISPOSITION);

	return disposition != FILE_CREATE && (IVAL(pdu, CREATE_OPTIONS) & FILE_DIRECTORY_FILE) == 0;
}

/* The name as a path below the share, NULL if it is not one of a file. */
static char *create_path(TALLOC_CTX *mem_ctx, const uint8_t *pdu, size_t length)
{
	size_t offset = SVAL(pdu, CREATE_NAME_OFFSET);
	size_t size = SVAL(pdu, CREATE_NAME_LENGTH);
	char *path = NULL;
	size_t path_size;
	bool ok;

	if (size == 0 || size % 2 != 0 || offset < CREATE_LENGTH || offset + size > length) {
		return NULL;
	}
	ok = convert_string_talloc(
		mem_ctx, CH_UTF16LE, CH_UNIX, pdu + offset, size, &path, &path_size);
	if (!ok) {
		return NULL;
	}
	string_replace(path, '\\', '/');
	if (strlen(path) + 1 < path_size || strchr(path, ':') != NULL || path[0] == '/') {
		TALLOC_FREE(path);
	}
	return path;
}

/* The share is where smbd is. Made once for all names of one look into the socket. */
static struct pathring_handle *share_handle(TALLOC_CTX *mem_ctx)
{
	struct pathring_handle *handle = NULL;
	int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1) {
		return NULL;
	}
	(void)pathring_handle_dup(mem_ctx, fd, PATHRING_PATHREF, &handle);
	close(fd);

	return handle;
}

/* False: no more. */
static bool look_at(struct vfs_pathring_opens *opens,
		    const struct smb_request *req,
		    const uint8_t *pdu,
		    size_t length,
		    TALLOC_CTX *frame,
		    struct pathring_handle **share)
{
	uint64_t mid = BVAL(pdu, SMB2_HDR_MESSAGE_ID);
	struct opens_work *work = NULL;
	char *path = NULL;
	bool looking;

	path = create_path(frame, pdu, length);
	if (path == NULL) {
		return true;
	}
	if (*share == NULL) {
		*share = share_handle(frame);
	}
	if (*share == NULL) {
		return false;
	}
	work = opens_work_create(opens, req, mid);
	if (work == NULL) {
		return false;
	}
	looking = opens_look_at_name(work, *share, path, IVAL(pdu, CREATE_ACCESS));
	if (!looking) {
		TALLOC_FREE(work);
	}
	opens->counters->ahead++;
	opens_expire_later(opens);

	return looking;
}

static size_t num_ahead(const struct vfs_pathring_opens *opens)
{
	const struct opens_work *work = NULL;
	size_t count = 0;

	for (work = opens->works; work != NULL; work = work->next) {
		count += work->claimed ? 0 : 1;
	}
	return count;
}

void opens_socket_look(struct vfs_pathring_opens *opens, const struct smb_request *req)
{
	static uint8_t data[PEEK_SIZE];
	TALLOC_CTX *frame = NULL;
	struct pathring_handle *share = NULL;
	size_t ahead = num_ahead(opens);
	ssize_t size;
	size_t offset = 0;

	if (ahead > MAX_AHEAD / 2) {
		/* Not for one more each time. */
		return;
	}
	size = recv(req->xconn->transport.sock, data, PEEK_SIZE, MSG_PEEK | MSG_DONTWAIT);
	frame = talloc_stackframe();
	/* Before each is its length, where smbd has not read that already. */
	while (ahead < MAX_AHEAD && size > 0 && offset + 4 + CREATE_LENGTH <= (size_t)size) {
		size_t length = RIVAL(data, offset);
		const uint8_t *pdu = data + offset + 4;
		bool create;

		if (length > (size_t)size - offset - 4) {
			break;
		}
		create = is_create_of(pdu, length, req) &&
			 opens_work_find(opens, req, BVAL(pdu, SMB2_HDR_MESSAGE_ID)) == NULL;
		if (create) {
			bool more = look_at(opens, req, pdu, length, frame, &share);

			if (!more) {
				break;
			}
			ahead++;
		}
		offset += 4 + length;
	}
	TALLOC_FREE(frame);
}
