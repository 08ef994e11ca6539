/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who smbd works for at this moment: the identity of its token, which is made once for as long as
 * the token says the same. The kernel is not asked, which costs six calls; the engine asks it
 * before it acts as anybody in smbd's thread.
 *
 * smbd keeps the token in step with the credentials of its thread (set_sec_ctx() and
 * become_root(), smbd/sec_ctx.c), root's too where root is meant (a second try at an xattr in
 * modules/vfs_default.c). It does not know of a capability that is raised for a moment; nobody
 * raises one around what comes here, and what was denied without it is smbd's to try.
 */
#include "vfs_pathring.h"

static void forget(struct vfs_pathring_engine *engine)
{
	TALLOC_FREE(engine->identity);
	TALLOC_FREE(engine->token);
}

/* By value: sessions of one user may differ in their groups, and memory is used again. */
unsigned int vfs_pathring_who(struct vfs_pathring_engine *engine, struct connection_struct *conn)
{
	const struct security_unix_token *token = get_current_utok(conn);
	bool same;

	same = engine->token != NULL && unix_token_equal(engine->token, token);
	if (same) {
		return engine->who;
	}
	forget(engine);
	engine->token = copy_unix_token(engine, token);
	if (engine->token == NULL) {
		return 0;
	}
	engine->who++;
	if (engine->who == 0) {
		engine->who = 1;
	}
	return engine->who;
}

struct pathring_identity *vfs_pathring_who_identity(struct vfs_pathring_engine *engine,
						    struct connection_struct *conn)
{
	unsigned int who = vfs_pathring_who(engine, conn);
	int ret;

	if (who == 0 || engine->identity != NULL) {
		return engine->identity;
	}
	ret = pathring_identity_unix(engine->ring,
				     engine,
				     engine->token->uid,
				     engine->token->gid,
				     engine->token->groups,
				     engine->token->ngroups,
				     &engine->identity);
	if (ret != 0 && !engine->refused_identity) {
		engine->refused_identity = true;
		DBG_WARNING("the engine can't take over the identity of uid %u: %s. "
			    "Such requests go to the next module.\n",
			    (unsigned int)engine->token->uid,
			    strerror(-ret));
	}
	return engine->identity;
}
