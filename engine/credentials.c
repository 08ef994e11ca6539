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
#define RAW_GETRESUID SYS_getresuid32
#define RAW_GETRESGID SYS_getresgid32
#define RAW_SETFSUID SYS_setfsuid32
#define RAW_SETFSGID SYS_setfsgid32
#else
#define RAW_SETRESUID SYS_setresuid
#define RAW_SETRESGID SYS_setresgid
#define RAW_SETGROUPS SYS_setgroups
#define RAW_GETGROUPS SYS_getgroups
#define RAW_GETEUID SYS_geteuid
#define RAW_GETEGID SYS_getegid
#define RAW_GETRESUID SYS_getresuid
#define RAW_GETRESGID SYS_getresgid
#define RAW_SETFSUID SYS_setfsuid
#define RAW_SETFSGID SYS_setfsgid
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

/* These calls tell what was before, and -1 can't be set. */
static uid_t current_fsuid(void)
{
	return (uid_t)syscall(RAW_SETFSUID, (uid_t)-1);
}

static gid_t current_fsgid(void)
{
	return (gid_t)syscall(RAW_SETFSGID, (gid_t)-1);
}

void credentials_complete(struct credentials *credentials)
{
	credentials->euid = (uid_t)syscall(RAW_GETEUID);
	credentials->egid = (gid_t)syscall(RAW_GETEGID);
}

int credentials_get(struct credentials *credentials)
{
	credentials_complete(credentials);
	return credentials_get_acting(credentials);
}

int credentials_get_acting(struct credentials *credentials)
{
	long num_groups;
	int ret;

	credentials->groups = credentials->static_groups;
	credentials->fsuid = current_fsuid();
	credentials->fsgid = current_fsgid();

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
	if (credentials->fsuid != target->uid || credentials->fsgid != target->gid) {
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
	uid_t real = (uid_t)-1;
	uid_t effective = (uid_t)-1;
	uid_t saved = (uid_t)-1;
	int ret;

	ret = raw_result(syscall(RAW_GETRESUID, &real, &effective, &saved));
	if (ret < 0 || effective == 0) {
		return ret;
	}
	/*
	 * With CAP_SETUID any process may become root, but when the last of its three ids is not 0
	 * any more the kernel takes all its capabilities (cap_emulate_setxuid(),
	 * security/commoncap.c): there would be no way back.
	 */
	if (real != 0 && saved != 0) {
		return -EPERM;
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

void credentials_abort(const char *step, int error)
{
	fprintf(stderr,
		"pathring: the thread's credentials can't be restored (%s: %s); the process must not go on\n",
		step,
		strerror(-error));
	abort();
}

static bool same_groups(const struct credentials *a, const struct credentials *b)
{
	return a->num_groups == b->num_groups &&
	       (a->num_groups == 0 ||
		memcmp(a->groups, b->groups, a->num_groups * sizeof(gid_t)) == 0);
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
	same = same_groups(&now, saved);
	credentials_release(&now);
	return same ? 0 : -EPERM;
}

void credentials_join(const struct credentials *credentials)
{
	if (credentials->fsgid != credentials->egid) {
		syscall(RAW_SETFSGID, credentials->egid);
	}
	if (credentials->fsuid != credentials->euid) {
		syscall(RAW_SETFSUID, credentials->euid);
	}
}

/* They have followed the effective ids; few callers have others. */
void credentials_part(const struct credentials *saved)
{
	if (saved->fsgid != saved->egid) {
		syscall(RAW_SETFSGID, saved->fsgid);
		if (current_fsgid() != saved->fsgid) {
			credentials_abort("setfsgid", -EPERM);
		}
	}
	if (saved->fsuid != saved->euid) {
		syscall(RAW_SETFSUID, saved->fsuid);
		if (current_fsuid() != saved->fsuid) {
			credentials_abort("setfsuid", -EPERM);
		}
	}
}

void credentials_restore(const struct credentials *saved)
{
	uint64_t effective = 0;
	int ret;

	ret = credentials_gain_root();
	if (ret < 0) {
		credentials_abort("root", ret);
	}
	ret = restore_groups(saved);
	if (ret < 0) {
		credentials_abort("setgroups", ret);
	}
	ret = set_effective_gid(saved->egid);
	if (ret < 0) {
		credentials_abort("setresgid", ret);
	}
	if (saved->euid != 0) {
		ret = set_effective_uid(saved->euid);
		if (ret < 0) {
			credentials_abort("setresuid", ret);
		}
	}

	credentials_part(saved);
	ret = credentials_effective(&effective);
	if (ret < 0) {
		credentials_abort("capget", ret);
	}
	if (effective != saved->effective) {
		ret = set_effective_capabilities(saved->effective);
		if (ret < 0) {
			credentials_abort("capset", ret);
		}
	}
}

int credentials_full_get(struct credentials_full *full)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int ret;

	ret = raw_result(syscall(RAW_GETRESUID, &full->uids[0], &full->uids[1], &full->uids[2]));
	if (ret < 0) {
		return ret;
	}
	ret = raw_result(syscall(RAW_GETRESGID, &full->gids[0], &full->gids[1], &full->gids[2]));
	if (ret < 0) {
		return ret;
	}
	ret = get_capabilities(data);
	if (ret < 0) {
		return ret;
	}
	full->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	full->inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
	full->fsuid = current_fsuid();
	full->fsgid = current_fsgid();
	return credentials_get(&full->effective);
}

void credentials_full_release(struct credentials_full *full)
{
	credentials_release(&full->effective);
}

static bool same_full(const struct credentials_full *a, const struct credentials_full *b)
{
	return memcmp(a->uids, b->uids, sizeof(a->uids)) == 0 &&
	       memcmp(a->gids, b->gids, sizeof(a->gids)) == 0 && a->fsuid == b->fsuid &&
	       a->fsgid == b->fsgid && a->permitted == b->permitted &&
	       a->inheritable == b->inheritable &&
	       a->effective.effective == b->effective.effective &&
	       same_groups(&a->effective, &b->effective);
}

/* What the thread is now (without its groups), and whether that is what was saved. */
static int
compare_full(const struct credentials_full *saved, struct credentials_full *now, bool *same)
{
	int ret;

	ret = credentials_full_get(now);
	if (ret < 0) {
		return ret;
	}
	*same = same_full(now, saved);
	credentials_full_release(now);
	return 0;
}

static void set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3,
						   .pid = 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32),
		  (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	syscall(SYS_capset, &header, data);
}

int credentials_full_restore(const struct credentials_full *saved)
{
	struct credentials_full now = { 0 };
	bool same = false;
	int ret;

	ret = compare_full(saved, &now, &same);
	if (ret < 0 || same) {
		return ret;
	}

	/*
	 * A step may fail that there was no need for; the outcome decides. Permitted capabilities
	 * outlast a switch of the effective uid, and bring the right to make the others.
	 */
	set_capabilities(now.permitted, now.permitted, now.inheritable);
	set_groups(saved->effective.groups, saved->effective.num_groups);
	syscall(RAW_SETRESGID, saved->gids[0], saved->gids[1], saved->gids[2]);
	syscall(RAW_SETFSGID, saved->fsgid);
	syscall(RAW_SETRESUID, saved->uids[0], saved->uids[1], saved->uids[2]);
	syscall(RAW_SETFSUID, saved->fsuid);
	set_capabilities(saved->effective.effective, saved->permitted, saved->inheritable);

	ret = compare_full(saved, &now, &same);
	if (ret < 0) {
		return ret;
	}
	return same ? 0 : -EPERM;
}
