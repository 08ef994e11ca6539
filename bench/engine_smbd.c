/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Engine `smbd`: plain system calls, and before them, when the user is another than before, the
 * switch of credentials that smbd makes from one session to another. It imitates nothing else of
 * smbd.
 */
#include "engine.h"
#include "plain.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct smbd_state {
	struct bench_plain plain;
	const struct bench_user *users;
	const struct bench_user *current; /* NULL: root, as at the start */
	const struct bench_user *self;	  /* the user who is root, as at the start; or NULL */
	uid_t real_uid;			  /* this and the following: to go back to */
	gid_t gid;
	gid_t *groups;
	int num_groups;
	int dumpable;
	uint64_t done;
	uint64_t switches;
};

/* A benchmark that went on as somebody else would measure, and delete, as the wrong user. */
static void give_up(const char *what)
{
	fprintf(stderr,
		"pathring-bench: cannot change credentials: %s: %s\n",
		what,
		strerror(errno));
	abort();
}

/*
 * The following is smbd's sequence call for call: set_effective_uid() and set_effective_gid() of
 * source3/lib/util_sec.c with their asserts, gain_root() and set_unix_security_ctx() of
 * source3/smbd/sec_ctx.c (4.17). The set calls are raw system calls as in lib/util/setid.c: glibc's
 * would change every thread of the process. From one user to another that makes 13 system calls:
 * geteuid 4, getegid 4, setresuid 2, setresgid 2, setgroups.
 */
static void set_effective_uid(uid_t uid)
{
	uid_t now = (uid_t)-1;

	syscall(SYS_setresuid, uid, uid, -1);
	now = geteuid();
	if (now != uid) {
		give_up("setresuid");
	}
}

static void set_effective_gid(gid_t gid)
{
	gid_t now = (gid_t)-1;

	syscall(SYS_setresgid, -1, gid, -1);
	now = getegid();
	if (now != gid) {
		give_up("setresgid");
	}
}

static void gain_root(void)
{
	uid_t euid = geteuid();
	gid_t egid = 0;

	if (euid != 0) {
		set_effective_uid(0);
		euid = geteuid();
		if (euid != 0) {
			give_up("setresuid");
		}
	}
	egid = getegid();
	if (egid != 0) {
		set_effective_gid(0);
		egid = getegid();
		if (egid != 0) {
			give_up("setresgid");
		}
	}
}

static void set_security_context(uid_t uid, gid_t gid, size_t num_groups, const gid_t *groups)
{
	long ret = 0;

	gain_root();
	ret = syscall(SYS_setgroups, num_groups, groups);
	if (ret != 0) {
		give_up("setgroups");
	}
	set_effective_gid(gid);
	set_effective_uid(uid);
}

static bool smbd_open(TALLOC_CTX *mem_ctx,
		      const struct bench_engine *engine,
		      const struct bench_target *target,
		      size_t depth,
		      void **state,
		      char **why)
{
	struct smbd_state *smbd = NULL;
	int num = 0;

	(void)engine;
	(void)depth;

	*why = NULL;
	smbd = talloc_zero(mem_ctx, struct smbd_state);
	if (smbd == NULL) {
		goto fail;
	}
	bench_plain_init(&smbd->plain, target);
	smbd->users = target->users;
	smbd->self = target->self ? &target->users[0] : NULL;

	num = getgroups(0, NULL);
	if (num == -1) {
		goto fail;
	}
	smbd->groups = talloc_array(smbd, gid_t, (size_t)num + 1);
	if (smbd->groups == NULL) {
		goto fail;
	}
	smbd->num_groups = getgroups(num, smbd->groups);
	if (smbd->num_groups == -1) {
		goto fail;
	}
	smbd->real_uid = getuid();
	smbd->gid = getegid();
	smbd->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);

	*state = smbd;
	return true;
fail:
	*why = talloc_asprintf(mem_ctx, "%s", strerror(errno));
	talloc_free(smbd);
	return false;
}

static int smbd_submit(void *state, struct bench_request *request)
{
	struct smbd_state *smbd = state;
	const struct bench_user *user = &smbd->users[request->user];
	struct bench_answer answer;

	/*
	 * smbd skips the switch for the same session and share: change_to_user_impersonate() in
	 * source3/smbd/uid.c.
	 */
	if (user != smbd->current && user != smbd->self) {
		set_security_context(user->uid, user->gid, user->num_groups, user->groups);
		smbd->current = user;
		smbd->switches++;
	}
	bench_plain_perform(&smbd->plain, request, &answer);
	smbd->done++;
	bench_complete(request, &answer);
	return 0;
}

static void smbd_account(void *state, struct bench_account *account)
{
	struct smbd_state *smbd = state;

	*account = (struct bench_account) {
		.placed[BENCH_INLINE] = smbd->done,
		.switches = smbd->switches,
	};
}

static void smbd_close(void *state)
{
	struct smbd_state *smbd = state;
	long ret = 0;

	if (smbd->current != NULL) {
		set_security_context(0, smbd->gid, (size_t)smbd->num_groups, smbd->groups);
		ret = syscall(SYS_setresuid, smbd->real_uid, -1, -1);
		if (ret != 0) {
			give_up("setresuid");
		}
	}
	/*
	 * A change of euid makes the process undumpable, which the engines that run next must not
	 * inherit.
	 */
	if (smbd->dumpable == 1) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	}
	talloc_free(smbd);
}

const struct bench_engine bench_engine_smbd = {
	.name = "smbd",
	.summary =
		"plain system calls, credentials switched as smbd does from one session to another",
	.identity = true,
	.concurrent = false,
	.open = smbd_open,
	.submit = smbd_submit,
	.account = smbd_account,
	.close = smbd_close,
};
