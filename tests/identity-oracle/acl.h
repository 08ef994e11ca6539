/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random POSIX ACLs, as values of the system.posix_acl_* xattrs.
 */
#ifndef ORACLE_ACL_H
#define ORACLE_ACL_H

#include "oracle.h"

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define ACL_SPACE 128

/* A valid ACL naming some of the users and groups of the cast; returns its size. */
size_t acl_draw(struct dice *dice,
		const struct who *whos,
		const uint16_t cast[CELL_CAST],
		uint8_t value[ACL_SPACE]);

#endif /* ORACLE_ACL_H */
