/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The counters of a share in this process, and how an administrator gets them: from the log when
 * the client is done with the share, and at any time by smbcontrol. What is counted is decided
 * where it happens; here are plain numbers.
 *
 * smbcontrol knows a fixed list of messages, and their numbers are Samba's alone to give. So the
 * module listens to one that exists: "smbcontrol PID pool-usage" sends smbd a descriptor to write a
 * text to, and smbd itself takes it with messaging_filtered_read_send() (lib/tallocmsg.c), of which
 * there may be any number. The counters come after smbd's text, on the same descriptor. Only root
 * can send it.
 *
 * The text is the exposition format of Prometheus: "name{label="value",...} number", one counter a
 * line, those that are 0 left out.
 */
#include "vfs_pathring.h"

static const char *const operation_names[VFS_PATHRING_NUM_OPERATIONS] = {
#define OPERATION_NAME(constant, name) [VFS_PATHRING_##constant] = #name,
	VFS_PATHRING_OPERATIONS(OPERATION_NAME)
};

static const char *const reason_names[VFS_PATHRING_NUM_REASONS] = {
	[VFS_PATHRING_REASON_SHARE] = "share",	     [VFS_PATHRING_REASON_ENGINE] = "engine",
	[VFS_PATHRING_REASON_IDENTITY] = "identity", [VFS_PATHRING_REASON_KIND] = "kind",
	[VFS_PATHRING_REASON_REFUSED] = "refused",
};

static const char *const wait_names[VFS_PATHRING_NUM_WAITS] = {
	[VFS_PATHRING_WAIT_CLOSE] = "close",
	[VFS_PATHRING_WAIT_LOOP] = "loop",
	[VFS_PATHRING_WAIT_FREED] = "freed",
	[VFS_PATHRING_WAIT_DESCRIPTORS] = "descriptors",
};

static const char *const ahead_call_names[VFS_PATHRING_AHEAD_NUM_CALLS] = {
	[VFS_PATHRING_AHEAD_OPENAT] = "openat",
	[VFS_PATHRING_AHEAD_FSTAT] = "fstat",
	[VFS_PATHRING_AHEAD_FGETXATTR] = "fgetxattr",
	[VFS_PATHRING_AHEAD_FLISTXATTR] = "flistxattr",
};

static const char *const opens_call_names[VFS_PATHRING_OPENS_NUM_CALLS] = {
	[VFS_PATHRING_OPENS_OPENAT] = "openat",
	[VFS_PATHRING_OPENS_FGETXATTR] = "fgetxattr",
	[VFS_PATHRING_OPENS_ACL] = "sys_acl_get_fd",
};

const char *vfs_pathring_operation_name(enum vfs_pathring_operation operation)
{
	return operation_names[operation];
}

/* ----------------------------------------------------------------------------------- as a text */

/* The name of a share may have quotes in it. */
static void print_share(FILE *file, const char *metric, const char *share)
{
	fprintf(file, "pathring_%s_total{share=\"", metric);
	for (; *share != '\0'; share++) {
		if (*share == '"' || *share == '\\') {
			fputc('\\', file);
		}
		fputc(*share, file);
	}
	fputc('"', file);
}

static void print_counter(FILE *file,
			  const char *metric,
			  const char *share,
			  const char *label,
			  const char *value,
			  uint64_t count)
{
	if (count == 0) {
		return;
	}
	print_share(file, metric, share);
	if (label != NULL) {
		fprintf(file, ",%s=\"%s\"", label, value);
	}
	fprintf(file, "} %" PRIu64 "\n", count);
}

static void print_operation(FILE *file,
			    const struct vfs_pathring_counters *counters,
			    enum vfs_pathring_operation operation)
{
	const char *name = operation_names[operation];
	size_t i;

	for (i = 0; i < PATHRING_NUM_PLACEMENTS; i++) {
		uint64_t count = counters->values.requests[operation][i];

		if (count > 0) {
			print_share(file, "requests", counters->share);
			fprintf(file,
				",operation=\"%s\",placement=\"%s\"} %" PRIu64 "\n",
				name,
				pathring_placement_name(i),
				count);
		}
	}
	print_counter(file,
		      "denied",
		      counters->share,
		      "operation",
		      name,
		      counters->values.denied[operation]);
	for (i = 0; i < VFS_PATHRING_NUM_REASONS; i++) {
		uint64_t count = counters->values.passed[operation][i];

		if (count > 0) {
			print_share(file, "passed", counters->share);
			fprintf(file,
				",operation=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				name,
				reason_names[i],
				count);
		}
	}
}

static void
print_ahead(FILE *file, const char *share, const struct vfs_pathring_ahead_counters *ahead)
{
	size_t i;

	print_counter(file, "lookahead_names", share, NULL, NULL, ahead->looked);
	for (i = 0; i < PATHRING_NUM_PLACEMENTS; i++) {
		print_counter(file,
			      "lookahead_known",
			      share,
			      "placement",
			      pathring_placement_name(i),
			      ahead->known[i]);
	}
	for (i = 0; i < VFS_PATHRING_AHEAD_NUM_CALLS; i++) {
		print_counter(
			file, "lookahead_hits", share, "call", ahead_call_names[i], ahead->hits[i]);
	}
	for (i = 0; i < VFS_PATHRING_AHEAD_NUM_CALLS; i++) {
		print_counter(file,
			      "lookahead_misses",
			      share,
			      "call",
			      ahead_call_names[i],
			      ahead->misses[i]);
	}
	print_counter(file, "lookahead_waits", share, NULL, NULL, ahead->waits);
}

static void
print_opens(FILE *file, const char *share, const struct vfs_pathring_opens_counters *opens)
{
	size_t i;

	print_counter(file, "open_ahead", share, NULL, NULL, opens->ahead);
	print_counter(file, "open_deferred", share, NULL, NULL, opens->deferred);
	for (i = 0; i < VFS_PATHRING_OPENS_NUM_CALLS; i++) {
		print_counter(
			file, "open_hits", share, "call", opens_call_names[i], opens->hits[i]);
	}
	print_counter(file, "open_abandoned", share, NULL, NULL, opens->abandoned);
}

static void print_counters(FILE *file, const struct vfs_pathring_counters *counters)
{
	size_t i;

	for (i = 0; i < VFS_PATHRING_NUM_OPERATIONS; i++) {
		print_operation(file, counters, i);
	}
	for (i = 0; i < VFS_PATHRING_NUM_WAITS; i++) {
		print_counter(file,
			      "waits",
			      counters->share,
			      "reason",
			      wait_names[i],
			      counters->values.waits[i]);
	}
	print_ahead(file, counters->share, &counters->values.ahead);
	print_opens(file, counters->share, &counters->values.opens);
}

/* Of one share, or of all in the list. NULL without memory; else to be freed with free(). */
static char *counters_text(const struct vfs_pathring_counters *counters, bool all)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL) {
		return NULL;
	}
	while (counters != NULL) {
		print_counters(file, counters);
		counters = all ? counters->next : NULL;
	}
	fclose(file);

	return text;
}

/* ------------------------------------------------------------------------------- who gets them */

/*
 * False: the message is for others too, and this goes on listening. The message's sender may not
 * read what it asked for; then smbd, which writes more, blocks before this does.
 */
static bool counters_asked(struct messaging_rec *rec, void *private_data)
{
	struct vfs_pathring_engine *engine =
		talloc_get_type_abort(private_data, struct vfs_pathring_engine);
	char *text = NULL;

	if (rec->msg_type != MSG_REQ_POOL_USAGE || rec->num_fds != 1) {
		return false;
	}
	text = counters_text(engine->counters, true);
	if (text != NULL) {
		dprintf(rec->fds[0], "%s", text);
	}
	SAFE_FREE(text);

	return false;
}

void vfs_pathring_counters_listen(struct vfs_pathring_engine *engine,
				  struct messaging_context *msg_ctx)
{
	struct tevent_req *req = NULL;

	req = messaging_filtered_read_send(
		engine, messaging_tevent_context(msg_ctx), msg_ctx, counters_asked, engine);
	if (req == NULL) {
		DBG_WARNING("no memory: smbcontrol gets no counters of this process\n");
	}
}

static void counters_log(const struct vfs_pathring_counters *counters)
{
	char *text = NULL;
	char *line = NULL;
	char *saveptr = NULL;

	if (!CHECK_DEBUGLVL(DBGLVL_NOTICE)) {
		return;
	}
	text = counters_text(counters, false);
	if (text == NULL) {
		return;
	}
	for (line = strtok_r(text, "\n", &saveptr); line != NULL;
	     line = strtok_r(NULL, "\n", &saveptr)) {
		D_NOTICE("%s\n", line);
	}
	SAFE_FREE(text);
}

/* ---------------------------------------------------------------------------- the tree connect */

struct vfs_pathring_counters *vfs_pathring_counters_connect(struct vfs_pathring_engine *engine,
							    const char *share)
{
	struct vfs_pathring_counters *counters = NULL;

	for (counters = engine->counters; counters != NULL; counters = counters->next) {
		bool same = strequal(counters->share, share);

		if (same) {
			counters->connects++;
			return counters;
		}
	}

	counters = talloc_zero(engine, struct vfs_pathring_counters);
	if (counters == NULL) {
		return NULL;
	}
	counters->share = talloc_strdup(counters, share);
	if (counters->share == NULL) {
		TALLOC_FREE(counters);
		return NULL;
	}
	counters->connects = 1;
	DLIST_ADD_END(engine->counters, counters);

	return counters;
}

/*
 * They stay, with nothing counted: a request that outlives its tree connect may still come to its
 * end.
 */
void vfs_pathring_counters_disconnect(struct vfs_pathring_counters *counters)
{
	counters->connects--;
	if (counters->connects > 0) {
		return;
	}
	counters_log(counters);
	counters->values = (struct vfs_pathring_values) { .waits = { 0 } };
}
