/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of a log that Samba's vfs_full_audit has written: of syslog, or of smbd's own.
 */
#ifndef REPLAY_AUDIT_LINE_H
#define REPLAY_AUDIT_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* The VFS functions that tell of a request, or that help to tell one from another. */
enum audit_function {
	AUDIT_CONNECT,
	AUDIT_DISCONNECT,
	AUDIT_REALPATH,
	AUDIT_CHDIR,
	AUDIT_CREATE_FILE,
	AUDIT_OPENAT,
	AUDIT_CLOSE,
	AUDIT_FDOPENDIR,
	AUDIT_CLOSEDIR,
	AUDIT_GET_REAL_FILENAME_AT,
	AUDIT_FSTAT,
	AUDIT_DISK_FREE,
	AUDIT_STRICT_LOCK_CHECK,
	AUDIT_PREAD,
	AUDIT_PREAD_SEND,
	AUDIT_PREAD_RECV,
	AUDIT_SENDFILE,
	AUDIT_PWRITE,
	AUDIT_PWRITE_SEND,
	AUDIT_PWRITE_RECV,
	AUDIT_RECVFILE,
	AUDIT_FSYNC_SEND,
	AUDIT_FSYNC_RECV,
	AUDIT_RENAMEAT,
	AUDIT_UNLINKAT,
	AUDIT_MKDIRAT,
	AUDIT_LINKAT,
	AUDIT_FTRUNCATE,
	AUDIT_FALLOCATE,
	AUDIT_FNTIMES,
	AUDIT_FSET_DOS_ATTRIBUTES,
	AUDIT_FGET_NT_ACL,
	AUDIT_FSET_NT_ACL,
	AUDIT_FSCTL,
	AUDIT_BRL_LOCK_WINDOWS,
	AUDIT_BRL_UNLOCK_WINDOWS,
	AUDIT_OTHER,
};

/* Points into the line, which is changed for it. */
struct audit_line {
	char *prefix; /* of full_audit:prefix, without the bar behind it */
	enum audit_function function;
	bool ok;
	uint32_t status;
	char *arguments; /* with bars between them, if there are several */
	uint32_t pid;	 /* 0: not told */
	bool timed;
	int64_t time; /* nanoseconds since 1970, or in a year not known */
	bool zoned;   /* in UTC */
};

/*
 * What a line of smbd's own log says of the one that follows it; zero at first, and kept from line
 * to line.
 */
struct audit_header {
	uint32_t pid;
	bool timed;
	int64_t time;
	int year; /* of syslog's lines, which have none: it grows where a month is earlier */
	int month;
};

/* False: not a line of vfs_full_audit. */
bool replay_audit_parse(struct audit_header *header, char *text, struct audit_line *line);

#endif /* REPLAY_AUDIT_LINE_H */
