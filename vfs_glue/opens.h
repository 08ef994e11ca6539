/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens of files that would block, for the files that do them: opens.c (the protocol with smbd),
 * opens_look.c (what helper threads do), opens_socket.c (requests that wait in the socket) and
 * opens_answers.c (what smbd is told). Nobody else includes this.
 */
#ifndef VFS_PATHRING_OPENS_H
#define VFS_PATHRING_OPENS_H

#include "vfs_pathring.h"

/* The value that fget_ea_dos_attribute() in smbd/dosmode.c has room for. */
#define OPENS_DOS_SIZE sizeof(fstring)
/* An ACL of 64 entries; a longer one is left to the next module. */
#define OPENS_ACL_SIZE (4 + 64 * 8)

/* What a helper thread finds out about a file. A talloc object; the thread's own until then. */
struct opens_look {
	char *path;  /* below the share; NULL when there is a pathref */
	int pathref; /* our own; -1: none, or not any more */
	int flags;   /* to open it with at once; -1: not at all */
	int error;   /* 0, or an errno: nothing of the following is known */
	struct stat st;
	ssize_t dos_length; /* or a negative errno, as the next */
	uint8_t dos[OPENS_DOS_SIZE];
	ssize_t acl_length;
	uint8_t acl[OPENS_ACL_SIZE];
	int fd;	    /* opened with these flags; -1: not, or smbd's now */
	long waits; /* how often the thread had to wait for something */
};

/* The file opened for I/O by a helper thread. Likewise. */
struct opens_opening {
	int pathref; /* our own */
	int flags;
	int fd;	   /* -1: failed, or smbd's now */
	int error; /* an errno */
};

/* One CREATE of a client. */
struct opens_work {
	struct opens_work *prev;
	struct opens_work *next;
	struct vfs_pathring_opens *opens;
	struct timeval begun;

	/* Whose it is. The identity by value, and what the engine knows it by. */
	uint64_t mid;
	uint64_t channel_id;
	uint64_t vuid;
	struct security_unix_token *token;
	struct pathring_identity *identity;

	struct pathring_request *looking; /* a job with a struct opens_look */
	struct pathring_request *opening; /* a job with a struct opens_opening; NULL: none yet */
	struct opens_look *look;	  /* NULL until it is complete */
	struct opens_opening *opened;	  /* likewise */
	bool failed;			  /* no use can be made of it */
	bool claimed;			  /* smbd has come to this CREATE */
	bool deferred;			  /* smbd has been told to try again */
	bool scheduled;			  /* smbd will handle it again next */

	/* While smbd is at it: */
	struct files_struct *fsp;
	unsigned int dos_answers; /* may be given */
};

/* Of a tree connect. */
struct vfs_pathring_opens {
	struct vfs_handle_struct *handle;
	enum pathring_backend backend;
	bool always;	    /* not only where opens had to wait */
	bool opens_early;   /* what the kernel lets a user read smbd lets it read, too */
	unsigned int waits; /* how much waiting there was of late */
	struct opens_work *works;
	size_t num_works;
	struct opens_work *current; /* what smbd is at; NULL: something else */
	unsigned int depth;	    /* not 0: within that */
	struct tevent_immediate *turn_end;
	struct tevent_immediate *sweep;
	struct tevent_timer *expiry;		      /* NULL: none is needed */
	struct vfs_pathring_opens_counters *counters; /* of the share, in this process */
};

/* ------------------------------------------------------------------------------------- opens.c */

/* A new one at the end of the list, with the identity that smbd has now; NULL: not to be had. */
struct opens_work *
opens_work_create(struct vfs_pathring_opens *opens, const struct smb_request *req, uint64_t mid);

/* Works that smbd never comes to (the file is not found, the request was none) have an end. */
void opens_expire_later(struct vfs_pathring_opens *opens);

/* That of message mid of the connection of req, or NULL. */
struct opens_work *
opens_work_find(struct vfs_pathring_opens *opens, const struct smb_request *req, uint64_t mid);

/* -------------------------------------------------------------------------------- opens_look.c */

/*
 * By name, below the directory smbd is in; path becomes the work's. What is to be read alone is
 * opened for that, too. False: the work is of no use.
 */
bool opens_look_at_name(struct opens_work *work,
			struct pathring_handle *share,
			char *path,
			uint32_t access_mask);

/* By a path reference of smbd's. */
bool opens_look_at_pathref(struct opens_work *work, int pathref, uint32_t access_mask);

/* Opens the file of a path reference of smbd's for I/O. */
bool opens_look_open(struct opens_work *work, int pathref, int flags);

/* Is called when either is complete, from the event loop. In opens.c. */
void opens_work_completed(struct opens_work *work);

/* ------------------------------------------------------------------------------ opens_socket.c */

/* Looks at the files of CREATEs that smbd has not read yet, of the same session and share. */
void opens_socket_look(struct vfs_pathring_opens *opens, const struct smb_request *req);

/* ----------------------------------------------------------------------------- opens_answers.c */

/* Whether what was found out is of the file of this path reference as it is now. */
bool opens_is_same(const struct opens_work *work, const struct files_struct *fsp);

#endif /* VFS_PATHRING_OPENS_H */
