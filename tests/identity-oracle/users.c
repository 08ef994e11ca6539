/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The users of a run. Their groups come from a small pool, so that many share some, and no two have
 * the same uid, gid and groups without need: near misses are what a mixed up identity shows in.
 */
#include "users.h"

#include <errno.h>
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

static void draw_groups(struct dice *dice, struct who *who)
{
	size_t wanted = dice_percent(dice, 20) ? 0 : 1 + dice_below(dice, 6);
	size_t i;

	who->num_groups = 0;
	while (who->num_groups < wanted) {
		gid_t gid = GROUP_BASE + dice_below(dice, NUM_POOL_GROUPS);
		bool has = false;

		for (i = 0; i < who->num_groups; i++) {
			has = has || who->groups[i] == gid;
		}
		if (!has) {
			who->groups[who->num_groups++] = gid;
		}
	}
}

void users_draw(struct dice *dice, struct who *whos, size_t count)
{
	size_t i;

	whos[0] = (struct who) { .process = true };
	for (i = 1; i < count; i++) {
		struct who *who = &whos[i];

		*who = (struct who) {
			.uid = USER_BASE + (uid_t)i,
			.gid = dice_percent(dice, 50)
				       ? GROUP_BASE + dice_below(dice, NUM_POOL_GROUPS)
				       : USER_BASE + (gid_t)i,
		};
		draw_groups(dice, who);
		if (i == 1) {
			*who = (struct who) { .uid = 0, .gid = 0 };
		} else if (i == 2) {
			who->uid = 0;
		} else if (i > 8 && dice_percent(dice, 15)) {
			/* Another token of the user before: the groups alone tell them apart. */
			who->uid = whos[i - 1].uid;
			who->gid = whos[i - 1].gid;
		}
	}
}

int users_become(const struct who *who)
{
	long ret;

	if (who->process) {
		return 0;
	}
	ret = syscall(SYS_setgroups, who->num_groups, who->groups);
	if (ret == 0) {
		ret = syscall(SYS_setresgid, who->gid, who->gid, who->gid);
	}
	if (ret == 0) {
		ret = syscall(SYS_setresuid, who->uid, who->uid, who->uid);
	}
	return ret == 0 ? 0 : -errno;
}

void users_print(FILE *file, const struct who *who)
{
	size_t i;

	if (who->process) {
		fprintf(file, "the process itself");
		return;
	}
	fprintf(file, "uid %u gid %u groups", who->uid, who->gid);
	for (i = 0; i < who->num_groups; i++) {
		fprintf(file, "%s%u", i == 0 ? " " : ",", who->groups[i]);
	}
	if (who->num_groups == 0) {
		fprintf(file, " none");
	}
}
