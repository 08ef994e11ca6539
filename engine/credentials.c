/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Switching the calling thread's credentials and back. Who may become whom, and when a switch is
 * needed at all, is decided elsewhere.
 *
 * Only the effective ids are changed. Real and saved ids have no part in the permission checks of
 * file operations (the kernel uses fsuid, fsgid, the groups and the effective capabilities, and
 * fsuid follows euid), and leaving them alone keeps the way back open. setfsuid() would not do: it
 * drops the file capabilities alone and leaves for example CAP_SYS_ADMIN, which opens trusted.*
 * xattrs.
 */
#include "credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 32-bit machines have old 16-bit calls under the plain names. */
#ifdef SYS_setresuid32
#define RAW_SETRESUID SYS_setresuid32
#define RAW_SETRESGID SYS_setresgid32
#define RAW_SETGROUPS SYS_setgroups32
#define RAW_GETGROUPS SYS_getgroups32
#define RAW_GETEUID SYS_geteuid32
#define RAW_GETEGID SYS_getegid32
#else
#define RAW_SETRESUID SYS_setresuid
#define RAW_SETRESGID SYS_setresgid
#define RAW_SETGROUPS SYS_setgroups
#define RAW_GETGROUPS SYS_getgroups
#define RAW_GETEUID SYS_geteuid
#define RAW_GETEGID SYS_getegid
#endif

static int raw_result(long ret)
{
	return ret == -1 ? -errno : 0;
}

static int set_effective_uid(uid_t uid)
{
	return raw_result(syscall(RAW_SETRESUID, (uid_t)-1, uid, (uid_t)-1));
}

static int set_effective_gid(gid_t gid)
{
	return raw_result(syscall(RAW_SETRESGID, (gid_t)-1, gid, (gid_t)-1));
}

static int set_groups(const gid_t *groups, size_t num_groups)
{
	return raw_result(syscall(RAW_SETGROUPS, num_groups, groups));
}

static int get_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3,
						   .pid = 0 };

	return raw_result(syscall(SYS_capget, &header, data));
}

int credentials_effective(uint64_t *effective)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int ret;

	ret = get_capabilities(data);
	if (ret < 0) {
		return ret;
	}
	*effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

static int set_effective_capabilities(uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3,
						   .pid = 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int ret;

	ret = get_capabilities(data);
	if (ret < 0) {
		return ret;
	}
	data[0].effective = (uint32_t)effective;
	data[1].effective = (uint32_t)(effective >> 32);
	return raw_result(syscall(SYS_capset, &header, data));
}

int credentials_get(struct credentials *credentials)
{
	long num_groups;
	int ret;

	credentials->groups = credentials->static_groups;
	credentials->euid = (uid_t)syscall(RAW_GETEUID);
	credentials->egid = (gid_t)syscall(RAW_GETEGID);

	ret = credentials_effective(&credentials->effective);
	if (ret < 0) {
		return ret;
	}

	num_groups = syscall(RAW_GETGROUPS, CREDENTIALS_STATIC_GROUPS, credentials->groups);
	if (num_groups == -1 && errno == EINVAL) {
		num_groups = syscall(RAW_GETGROUPS, 0, NULL);
		if (num_groups == -1) {
			return -errno;
		}
		credentials->groups = calloc((size_t)num_groups, sizeof(gid_t));
		if (credentials->groups == NULL) {
			credentials->groups = credentials->static_groups;
			return -ENOMEM;
		}
		num_groups = syscall(RAW_GETGROUPS, num_groups, credentials->groups);
	}
	if (num_groups == -1) {
		ret = -errno;
		credentials_release(credentials);
		return ret;
	}
	credentials->num_groups = (size_t)num_groups;
	return 0;
}

void credentials_release(struct credentials *credentials)
{
	if (credentials->groups != credentials->static_groups) {
		free(credentials->groups);
		credentials->groups = credentials->static_groups;
	}
}

bool credentials_match(const struct credentials *credentials,
		       const struct credentials_target *target)
{
	if (credentials->euid != target->uid || credentials->egid != target->gid) {
		return false;
	}
	if (credentials->effective != target->effective ||
	    credentials->num_groups != target->num_groups) {
		return false;
	}
	if (target->num_groups == 0) {
		return true;
	}
	return memcmp(credentials->groups, target->groups, target->num_groups * sizeof(gid_t)) == 0;
}

int credentials_gain_root(void)
{
	if ((uid_t)syscall(RAW_GETEUID) == 0) {
		return 0;
	}
	return set_effective_uid(0);
}

int credentials_become(const struct credentials_target *target)
{
	uint64_t effective = 0;
	int ret;

	ret = set_groups(target->groups, target->num_groups);
	if (ret < 0) {
		return ret;
	}
	ret = set_effective_gid(target->gid);
	if (ret < 0) {
		return ret;
	}
	if (target->uid != 0) {
		ret = set_effective_uid(target->uid);
		if (ret < 0) {
			return ret;
		}
	}

	/*
	 * SECBIT_NO_SETUID_FIXUP, ambient capabilities or a security module may have left more than
	 * a user should have.
	 */
	ret = credentials_effective(&effective);
	if (ret < 0) {
		return ret;
	}
	if (effective != target->effective) {
		return -EPERM;
	}
	return 0;
}

static void restore_failed(const char *step, int error)
{
	fprintf(stderr,
		"pathring: the thread's credentials can't be restored (%s: %s); the process must not go on\n",
		step,
		strerror(-error));
	abort();
}

/* A process without CAP_SETGID could not change them either, so that nothing is to be restored. */
static int restore_groups(const struct credentials *saved)
{
	struct credentials now = { 0 };
	bool same;
	int ret;

	ret = set_groups(saved->groups, saved->num_groups);
	if (ret != -EPERM) {
		return ret;
	}
	ret = credentials_get(&now);
	if (ret < 0) {
		return ret;
	}
	same = now.num_groups == saved->num_groups &&
	       (now.num_groups == 0 ||
		memcmp(now.groups, saved->groups, now.num_groups * sizeof(gid_t)) == 0);
	credentials_release(&now);
	return same ? 0 : -EPERM;
}

void credentials_restore(const struct credentials *saved)
{
	uint64_t effective = 0;
	int ret;

	ret = credentials_gain_root();
	if (ret < 0) {
		restore_failed("root", ret);
	}
	ret = restore_groups(saved);
	if (ret < 0) {
		restore_failed("setgroups", ret);
	}
	ret = set_effective_gid(saved->egid);
	if (ret < 0) {
		restore_failed("setresgid", ret);
	}
	if (saved->euid != 0) {
		ret = set_effective_uid(saved->euid);
		if (ret < 0) {
			restore_failed("setresuid", ret);
		}
	}

	ret = credentials_effective(&effective);
	if (ret < 0) {
		restore_failed("capget", ret);
	}
	if (effective != saved->effective) {
		ret = set_effective_capabilities(saved->effective);
		if (ret < 0) {
			restore_failed("capset", ret);
		}
	}
}
