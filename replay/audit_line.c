/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines as source3/modules/vfs_full_audit.c, do_log(), makes them: "prefix|function|ok|arguments"
 * or "prefix|function|fail (reason)|arguments", behind what syslog puts before it or in the line
 * after the header of smbd's log.
 */
#include "audit_line.h"

#include "detect.h"
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND 1000000000LL

/* A leap year, so that syslog's 29th of February is a day of it. */
#define FIRST_YEAR 2000

static const char *const functions[] = {
	[AUDIT_CONNECT] = "connect",
	[AUDIT_DISCONNECT] = "disconnect",
	[AUDIT_REALPATH] = "realpath",
	[AUDIT_CHDIR] = "chdir",
	[AUDIT_CREATE_FILE] = "create_file",
	[AUDIT_OPENAT] = "openat",
	[AUDIT_CLOSE] = "close",
	[AUDIT_FDOPENDIR] = "fdopendir",
	[AUDIT_CLOSEDIR] = "closedir",
	[AUDIT_GET_REAL_FILENAME_AT] = "get_real_filename_at",
	[AUDIT_FSTAT] = "fstat",
	[AUDIT_DISK_FREE] = "disk_free",
	[AUDIT_STRICT_LOCK_CHECK] = "strict_lock_check",
	[AUDIT_PREAD] = "pread",
	[AUDIT_PREAD_SEND] = "pread_send",
	[AUDIT_PREAD_RECV] = "pread_recv",
	[AUDIT_SENDFILE] = "sendfile",
	[AUDIT_PWRITE] = "pwrite",
	[AUDIT_PWRITE_SEND] = "pwrite_send",
	[AUDIT_PWRITE_RECV] = "pwrite_recv",
	[AUDIT_RECVFILE] = "recvfile",
	[AUDIT_FSYNC_SEND] = "fsync_send",
	[AUDIT_FSYNC_RECV] = "fsync_recv",
	[AUDIT_RENAMEAT] = "renameat",
	[AUDIT_UNLINKAT] = "unlinkat",
	[AUDIT_MKDIRAT] = "mkdirat",
	[AUDIT_LINKAT] = "linkat",
	[AUDIT_FTRUNCATE] = "ftruncate",
	[AUDIT_FALLOCATE] = "fallocate",
	[AUDIT_FNTIMES] = "fntimes",
	[AUDIT_FSET_DOS_ATTRIBUTES] = "fset_dos_attributes",
	[AUDIT_FGET_NT_ACL] = "fget_nt_acl",
	[AUDIT_FSET_NT_ACL] = "fset_nt_acl",
	[AUDIT_FSCTL] = "fsctl",
	[AUDIT_BRL_LOCK_WINDOWS] = "brl_lock_windows",
	[AUDIT_BRL_UNLOCK_WINDOWS] = "brl_unlock_windows",
};

/* The reverse of Samba's map_nt_error_from_unix(), for what a file system answers. */
static const struct {
	int error;
	uint32_t status;
} statuses[] = {
	{ EPERM, 0xc0000022 },	      /* ACCESS_DENIED */
	{ EACCES, 0xc0000022 },	      /* ACCESS_DENIED */
	{ EROFS, 0xc0000022 },	      /* ACCESS_DENIED */
	{ ENOENT, 0xc0000034 },	      /* OBJECT_NAME_NOT_FOUND */
	{ ENOTDIR, 0xc0000103 },      /* NOT_A_DIRECTORY */
	{ EISDIR, 0xc00000ba },	      /* FILE_IS_A_DIRECTORY */
	{ EEXIST, 0xc0000035 },	      /* OBJECT_NAME_COLLISION */
	{ ENOTEMPTY, 0xc0000101 },    /* DIRECTORY_NOT_EMPTY */
	{ ENOSPC, 0xc000007f },	      /* DISK_FULL */
	{ EDQUOT, 0xc000007f },	      /* DISK_FULL */
	{ EXDEV, 0xc00000d4 },	      /* NOT_SAME_DEVICE */
	{ ELOOP, 0xc000003a },	      /* OBJECT_PATH_NOT_FOUND */
	{ ENAMETOOLONG, 0xc0000033 }, /* OBJECT_NAME_INVALID */
	{ EINVAL, 0xc000000d },	      /* INVALID_PARAMETER */
	{ EBUSY, 0xc0000043 },	      /* SHARING_VIOLATION */
	{ EMFILE, 0xc000011f },	      /* TOO_MANY_OPENED_FILES */
	{ EMLINK, 0xc0000265 },	      /* TOO_MANY_LINKS */
	{ ENOSYS, 0xc00000bb },	      /* NOT_SUPPORTED */
	{ EOPNOTSUPP, 0xc00000bb },   /* NOT_SUPPORTED */
	{ EIO, 0xc0000185 },	      /* IO_DEVICE_ERROR */
	{ ENOMEM, 0xc0000017 },	      /* NO_MEMORY */
};

#define STATUS_UNSUCCESSFUL 0xc0000001

/* strerror() here says what it does in smbd: neither chooses a locale for it. */
static uint32_t status_of(const char *reason, size_t length)
{
	size_t i = 0;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const char *text = strerror(statuses[i].error);

		if (strlen(text) == length && strncmp(text, reason, length) == 0) {
			return statuses[i].status;
		}
	}
	return STATUS_UNSUCCESSFUL;
}

static enum audit_function function_of(const char *name, size_t length)
{
	size_t i = 0;

	for (i = 0; i < AUDIT_OTHER; i++) {
		if (strlen(functions[i]) == length && strncmp(functions[i], name, length) == 0) {
			return (enum audit_function)i;
		}
	}
	return AUDIT_OTHER;
}

/* ---- times ---- */

/* False of what is no date, such as the 31st of February. */
static bool to_seconds(struct tm *broken, int64_t *seconds)
{
	struct tm wanted = *broken;
	time_t result = timegm(broken);

	*seconds = result;
	return broken->tm_mday == wanted.tm_mday && broken->tm_hour == wanted.tm_hour &&
	       broken->tm_min == wanted.tm_min;
}

/* Since 1900. Nanoseconds since 1970 end in 2262. */
static bool is_year(int year)
{
	return year >= 70 && year < 300;
}

/* ".123456", of any length; at is moved behind it. */
static int64_t read_fraction(const char **at)
{
	int64_t unit = NS_PER_SECOND / 10;
	int64_t ns = 0;

	if (**at != '.') {
		return 0;
	}
	for ((*at)++; **at >= '0' && **at <= '9'; (*at)++) {
		ns += (**at - '0') * unit;
		unit /= 10;
	}
	return ns;
}

/* "+01:00", "-0800" or "Z", in seconds; false if there is none. */
static bool read_zone(const char *at, int64_t *zone)
{
	int hours = 0;
	int minutes = 0;
	char sign = '\0';

	*zone = 0;
	if (*at == 'Z') {
		return true;
	}
	if (sscanf(at, "%c%2d:%2d", &sign, &hours, &minutes) < 3 &&
	    sscanf(at, "%c%2d%2d", &sign, &hours, &minutes) < 3) {
		return false;
	}
	*zone = (int64_t)hours * 3600 + (int64_t)minutes * 60;
	if (sign == '-') {
		*zone = -*zone;
	}
	return sign == '+' || sign == '-';
}

/* "2026-11-22T08:35:44.373508+00:00", or with a blank and without a zone. */
static bool read_iso(const char *text, struct audit_line *line)
{
	struct tm broken = { .tm_isdst = 0 };
	int64_t seconds = 0;
	int64_t zone = 0;
	const char *at = text;
	char between = '\0';
	int length = 0;

	if (sscanf(text,
		   "%4d-%2d-%2d%c%2d:%2d:%2d%n",
		   &broken.tm_year,
		   &broken.tm_mon,
		   &broken.tm_mday,
		   &between,
		   &broken.tm_hour,
		   &broken.tm_min,
		   &broken.tm_sec,
		   &length) != 7 ||
	    (between != 'T' && between != ' ')) {
		return false;
	}
	broken.tm_year -= 1900;
	broken.tm_mon--;
	if (!is_year(broken.tm_year) || !to_seconds(&broken, &seconds)) {
		return false;
	}
	at += length;
	line->time = read_fraction(&at);
	line->zoned = read_zone(at, &zone);
	line->time += (seconds - zone) * NS_PER_SECOND;
	line->timed = true;
	return true;
}

/* "Nov 22 08:35:44": the year is counted. */
static bool read_syslog(struct audit_header *header, const char *text, struct audit_line *line)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm broken = { .tm_isdst = 0 };
	const char *month = NULL;
	int64_t seconds = 0;
	char name[4] = "";

	if (sscanf(text,
		   "%3s %2d %2d:%2d:%2d",
		   name,
		   &broken.tm_mday,
		   &broken.tm_hour,
		   &broken.tm_min,
		   &broken.tm_sec) != 5) {
		return false;
	}
	month = strlen(name) == 3 ? strstr(months, name) : NULL;
	if (month == NULL || (month - months) % 3 != 0) {
		return false;
	}
	broken.tm_mon = (int)(month - months) / 3;
	/* Lines of several processes may change places: only December before January is a year. */
	if (header->month == 11 && broken.tm_mon == 0 && header->year < 1000) {
		header->year++;
	}
	header->month = broken.tm_mon;
	broken.tm_year = FIRST_YEAR - 1900 + header->year;
	if (!to_seconds(&broken, &seconds)) {
		return false;
	}
	line->time = seconds * NS_PER_SECOND;
	line->timed = true;
	return true;
}

/* "[2026/11/22 08:35:44.373508,  1, pid=26117, ...": kept for the line that follows. */
static bool read_smbd_header(struct audit_header *header, const char *text)
{
	struct tm broken = { .tm_isdst = 0 };
	int64_t seconds = 0;
	const char *at = text;
	const char *pid = NULL;
	int length = 0;

	if (sscanf(text,
		   "[%4d/%2d/%2d %2d:%2d:%2d%n",
		   &broken.tm_year,
		   &broken.tm_mon,
		   &broken.tm_mday,
		   &broken.tm_hour,
		   &broken.tm_min,
		   &broken.tm_sec,
		   &length) != 6) {
		return false;
	}
	broken.tm_year -= 1900;
	broken.tm_mon--;
	header->timed = is_year(broken.tm_year) && to_seconds(&broken, &seconds);
	at += length;
	header->time = seconds * NS_PER_SECOND + read_fraction(&at);
	pid = strstr(at, "pid=");
	header->pid = pid != NULL ? (uint32_t)strtoul(pid + 4, NULL, 10) : 0;
	return true;
}

/* ---- the line ---- */

/* Behind "smbd_audit: " or "smbd_audit[123]: "; NULL if it is no line of syslog. */
static char *skip_syslog(struct audit_header *header, char *text, struct audit_line *line)
{
	static const char name[] = "smbd_audit";
	char *found = strstr(text, name);
	char *at = NULL;

	/* A file may have that name. */
	if (found == NULL || memchr(text, '|', (size_t)(found - text)) != NULL) {
		return NULL;
	}
	at = found + strlen(name);
	if (*at == '[') {
		line->pid = (uint32_t)strtoul(at + 1, &at, 10);
		at += *at == ']' ? 1 : 0;
	}
	if (at[0] != ':') {
		return NULL;
	}
	if (!read_iso(text, line)) {
		read_syslog(header, text, line);
	}
	return at + 1 + strspn(at + 1, " ");
}

/* Where "|ok|" or "|fail (" begins, with a function's name before it. */
static bool split(char *text, struct audit_line *line)
{
	char *result = text;
	char *name = NULL;
	char *end = NULL;

	while ((result = strchr(result, '|')) != NULL) {
		if (strncmp(result, "|ok|", 4) == 0) {
			line->ok = true;
			end = result + 3;
			break;
		}
		if (strncmp(result, "|fail (", 7) == 0) {
			line->ok = false;
			end = strstr(result, ")|");
			break;
		}
		result++;
	}
	if (result == NULL || end == NULL) {
		return false;
	}
	if (!line->ok) {
		line->status = status_of(result + 7, (size_t)(end - result - 7));
		end++;
	}
	*result = '\0';
	name = strrchr(text, '|');
	line->prefix = text;
	if (name != NULL) {
		*name = '\0';
		name++;
	} else {
		/* full_audit:prefix may be nothing, but its bar is there. */
		return false;
	}
	line->function = function_of(name, strlen(name));
	line->arguments = end + 1;
	return true;
}

bool replay_audit_parse(struct audit_header *header, char *text, struct audit_line *line)
{
	char *message = NULL;

	*line = (struct audit_line) { .function = AUDIT_OTHER };
	if (read_smbd_header(header, text)) {
		return false;
	}
	message = skip_syslog(header, text, line);
	if (message == NULL) {
		message = text + strspn(text, " \t");
		line->pid = header->pid;
		line->timed = header->timed;
		line->time = header->time;
	}
	return split(message, line);
}

bool replay_full_audit_has(const char *text)
{
	struct audit_header header = { .pid = 0 };
	struct audit_line line;
	char *copy = talloc_strdup(NULL, text);
	bool found = copy != NULL && replay_audit_parse(&header, copy, &line) &&
		     line.function != AUDIT_OTHER;

	talloc_free(copy);
	return found;
}
