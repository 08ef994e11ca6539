/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Setting up a ring: flags and features, restrictions, and what this kernel can do with path
 * operations, found out by asking (opcodes) and by trying (what no opcode list shows). Running
 * requests is the concern of backend_uring.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "uring.h"

/* The completion queue, as a multiple of the submission queue. */
#define COMPLETIONS_PER_ENTRY 4

/*
 * Wanted, and done without where the kernel is older.
 */
static const struct setup_flag {
	unsigned int flag;
	const char *name;
} optional_flags[] = {
	/* Dropped in this order on EINVAL: the youngest first. */
	{ IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER (Linux 6.0)" },
	{ IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN (5.19)" },
	{ IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL (5.18)" },
};

#define NUM_OPTIONAL_FLAGS (sizeof(optional_flags) / sizeof(optional_flags[0]))

static const struct required_feature {
	unsigned int feature;
	const char *missing;
} required_features[] = {
	{ IORING_FEAT_NODROP, "this kernel's ring may drop completions (Linux 5.5 is needed)" },
	{ IORING_FEAT_SUBMIT_STABLE,
	  "this kernel reads submissions too late (Linux 5.5 is needed)" },
	{ IORING_FEAT_CUR_PERSONALITY,
	  "this kernel's ring does not keep identities apart (Linux 5.6 is needed)" },
	/* Also keeps away 5.10 before 5.10.162, whose io_uring was another, broken one. */
	{ IORING_FEAT_NATIVE_WORKERS,
	  "this kernel's ring works in kernel threads (Linux 5.12 or 5.10.162 is needed)" },
};

/* What the engine submits besides the operations of uring_prepare.c. */
static const uint8_t internal_opcodes[] = {
	IORING_OP_FGETXATTR,
	IORING_OP_ASYNC_CANCEL,
	OP_FIXED_FD_INSTALL,
};

static const uint8_t used_registrations[] = {
	IORING_REGISTER_PERSONALITY,  IORING_UNREGISTER_PERSONALITY,	IORING_REGISTER_SYNC_CANCEL,
	IORING_REGISTER_FILES_UPDATE, IORING_REGISTER_IOWQ_MAX_WORKERS,
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *setup_hint(int error)
{
	switch (error) {
	case -ENOSYS:
		return "io_uring_setup is not there: the kernel was built without io_uring or a seccomp "
		       "filter hides it";
	case -EPERM:
		return "io_uring_setup is not permitted: see /proc/sys/kernel/io_uring_disabled, or the "
		       "seccomp profile of "
		       "the container";
	case -ENOMEM:
		return "no memory for the ring: raise the limit of locked memory (ulimit -l)";
	case -EMFILE:
	case -ENFILE:
		return "no descriptor for the ring: raise the limit of open files (ulimit -n)";
	default:
		return "io_uring_setup failed";
	}
}

static int create_ring(struct uring *uring, unsigned int entries, const char **reason)
{
	unsigned int flags = 0;
	size_t dropped = 0;
	size_t i;
	int ret;

	for (i = 0; i < NUM_OPTIONAL_FLAGS; i++) {
		flags |= optional_flags[i].flag;
	}
	while (true) {
		struct io_uring_params parameters = {
			.flags = flags | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
			.cq_entries = entries * COMPLETIONS_PER_ENTRY,
		};

		ret = kernel_create_ring(entries, &uring->io_uring, &parameters);
		if (ret == 0) {
			break;
		}
		if (ret != -EINVAL || dropped == NUM_OPTIONAL_FLAGS) {
			*reason = setup_hint(ret);
			return ret;
		}
		flags &= ~optional_flags[dropped].flag;
		dropped++;
	}
	uring->setup_flags = flags;

	for (i = 0; i < COUNT_OF(required_features); i++) {
		if ((uring->io_uring.features & required_features[i].feature) == 0) {
			*reason = required_features[i].missing;
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static bool note_opcode(struct uring *uring, const struct io_uring_probe *probe, uint8_t opcode)
{
	uring->usable[opcode] = io_uring_opcode_supported(probe, opcode) != 0;
	return uring->usable[opcode];
}

static void note_operation(struct uring *uring, const struct io_uring_probe *probe, size_t kind)
{
	const struct uring_operation *operation = &uring_operations[kind];
	bool runs = operation->opcodes[0] != 0;
	size_t i;

	for (i = 0; i < OPERATION_OPCODES && operation->opcodes[i] != 0; i++) {
		runs = note_opcode(uring, probe, operation->opcodes[i]) && runs;
	}
	uring->runs[kind] = runs;
}

static int probe_opcodes(struct uring *uring, const char **reason)
{
	struct io_uring_probe *probe = NULL;
	size_t i;

	probe = io_uring_get_probe_ring(&uring->io_uring);
	if (probe == NULL) {
		*reason =
			"the ring does not say which operations it has (io_uring_register is denied?)";
		return -EPERM;
	}
	for (i = 0; i < COUNT_OF(internal_opcodes); i++) {
		note_opcode(uring, probe, internal_opcodes[i]);
	}
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		note_operation(uring, probe, i);
	}
	io_uring_free_probe(probe);

	if (!uring->usable[IORING_OP_OPENAT2]) {
		*reason = "the ring has no OPENAT2";
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * liburing 2.3 does not export io_uring_register_restrictions() and io_uring_enable_rings(): plain
 * registrations.
 */
static int restrict_and_enable(struct uring *uring, const char **reason)
{
	struct io_uring_restriction list[NUM_OPCODES + COUNT_OF(used_registrations) + 1];
	unsigned int count = 0;
	size_t i;
	int ret;

	memset(list, 0, sizeof(list));
	for (i = 0; i < NUM_OPCODES; i++) {
		if (uring->usable[i]) {
			list[count].opcode = IORING_RESTRICTION_SQE_OP;
			list[count].sqe_op = (uint8_t)i;
			count++;
		}
	}
	for (i = 0; i < COUNT_OF(used_registrations); i++) {
		list[count].opcode = IORING_RESTRICTION_REGISTER_OP;
		list[count].register_op = used_registrations[i];
		count++;
	}
	list[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	list[count].sqe_flags = IOSQE_FIXED_FILE;
	count++;

	/*
	 * A second line of defence: a ring that can't be restricted (an old kernel without
	 * SYNC_CANCEL) is used as it is.
	 */
	ret = io_uring_register(
		(unsigned int)uring->io_uring.ring_fd, IORING_REGISTER_RESTRICTIONS, list, count);
	uring->restricted = ret == 0;

	ret = io_uring_register(
		(unsigned int)uring->io_uring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (ret < 0) {
		*reason = "the ring can't be enabled";
	}
	return ret;
}

static int make_slots(struct uring *uring, unsigned int count)
{
	unsigned int i;
	int ret;

	ret = io_uring_register_files_sparse(&uring->io_uring, count);
	if (ret < 0) {
		return ret;
	}
	uring->free_slots = talloc_array(uring, unsigned int, count);
	uring->closing_slots = talloc_array(uring, unsigned int, count);
	if (uring->free_slots == NULL || uring->closing_slots == NULL) {
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		uring->free_slots[i] = count - 1 - i;
	}
	uring->num_slots = count;
	uring->num_free_slots = count;
	return 0;
}

/*
 * The workers belong to the thread: what else it does with rings may hold them all, for ever.
 */
#define TRY_SECONDS 5
#define TRIES 3

/* What a signal interrupts is asked for again. */
static int wait_for_completion(struct uring *uring, struct io_uring_cqe **completion)
{
	const uint64_t end = engine_clock() + TRY_SECONDS * 1000000000ULL;
	int ret;

	do {
		struct __kernel_timespec bound = { .tv_sec = TRY_SECONDS };

		ret = io_uring_wait_cqe_timeout(&uring->io_uring, completion, &bound);
	} while (ret == -EINTR && engine_clock() < end);
	return ret;
}

/*
 * Submit what was prepared and collect the results, each where the low bits of its user_data point.
 * Only for operations that end at once.
 */
static int try_entries(struct uring *uring, unsigned int count, int *results)
{
	unsigned int i;
	int ret;

	ret = io_uring_submit(&uring->io_uring);
	if (ret != (int)count) {
		return ret < 0 ? ret : -EIO;
	}
	for (i = 0; i < count; i++) {
		struct io_uring_cqe *completion = NULL;

		ret = wait_for_completion(uring, &completion);
		if (ret < 0) {
			return ret;
		}
		results[completion->user_data] = completion->res;
		io_uring_cqe_seen(&uring->io_uring, completion);
	}
	return 0;
}

/*
 * The submission that lookup is made of, on the root directory: does FGETXATTR take an O_PATH file
 * from a slot (6.13), can it be installed (6.8)? The file system's answer about the xattr does not
 * matter.
 */
static int try_direct_lookup(struct uring *uring, int personality)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY };
	struct io_uring_sqe *entry = NULL;
	int results[4] = { 0 };
	int ret;

	entry = io_uring_get_sqe(&uring->io_uring);
	io_uring_prep_openat2_direct(entry, -1, "/", &how, 0);
	entry->personality = (uint16_t)personality;
	entry->user_data = 0;

	entry = io_uring_get_sqe(&uring->io_uring);
	io_uring_prep_rw(OP_FIXED_FD_INSTALL, entry, 0, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE;
	entry->user_data = 1;

	entry = io_uring_get_sqe(&uring->io_uring);
	io_uring_prep_fgetxattr(entry, 0, "user.pathring", NULL, 0);
	entry->flags |= IOSQE_FIXED_FILE;
	entry->personality = (uint16_t)personality;
	entry->user_data = 2;

	ret = try_entries(uring, 3, results);
	if (ret < 0) {
		return ret;
	}
	if (results[1] >= 0) {
		close(results[1]);
	}

	entry = io_uring_get_sqe(&uring->io_uring);
	io_uring_prep_close_direct(entry, 0);
	entry->personality = (uint16_t)personality;
	entry->user_data = 3;
	ret = try_entries(uring, 1, results);
	if (ret < 0) {
		return ret;
	}
	uring->direct_lookup = results[0] >= 0 && results[1] >= 0 && results[3] >= 0 &&
			       results[2] != -EBADF && results[2] != -EINVAL &&
			       results[2] != -EACCES && results[2] != -EPERM;
	return 0;
}

/*
 * Does a personality change who an operation runs as? Opening a file of mode 0 must be allowed to
 * root and denied to nobody. Some sandboxes answer io_uring calls without the kernel's credentials.
 */
static int try_personality(struct uring *uring, int personality, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	struct io_uring_sqe *entry = NULL;
	unsigned int tries = 0;
	int result = 0;
	int ret;

	do {
		entry = io_uring_get_sqe(&uring->io_uring);
		io_uring_prep_openat2(entry, -1, path, (struct open_how *)&how);
		entry->personality = (uint16_t)personality;
		entry->user_data = 0;
		ret = try_entries(uring, 1, &result);
		if (ret < 0) {
			return ret;
		}
		tries++;
		/* Signals kept the kernel from making a worker. */
	} while (result == -ECANCELED && tries < TRIES);
	if (result >= 0) {
		close(result);
		return 0;
	}
	return result;
}

static int register_nobody(struct uring *uring)
{
	const struct credentials_target nobody = { .uid = 65534, .gid = 65534 };
	struct credentials saved = { 0 };
	int ret;

	ret = credentials_get(&saved);
	if (ret < 0) {
		return ret;
	}
	ret = credentials_become(&nobody);
	if (ret == 0) {
		ret = kernel_register_personality(&uring->io_uring);
	}
	credentials_restore(&saved);
	credentials_release(&saved);
	return ret;
}

static int try_identities(struct uring *uring, int process_personality, const char **reason)
{
	char path[PROC_FD_PATH_SIZE];
	int allowed;
	int denied;
	int nobody;
	int fd;

	nobody = register_nobody(uring);
	if (nobody == -EPERM) {
		/* Root without CAP_SETUID or CAP_SETGID has one identity, too. */
		return 0;
	}
	if (nobody < 0) {
		*reason = "no personality can be registered for another user";
		return nobody;
	}
	fd = memfd_create("pathring-probe", MFD_CLOEXEC);
	if (fd == -1) {
		*reason = "no file to try identities with (memfd_create)";
		return -errno;
	}
	fchmod(fd, 0);
	operation_proc_path(fd, path);
	allowed = try_personality(uring, process_personality, path);
	denied = try_personality(uring, nobody, path);
	close(fd);
	kernel_unregister_personality(&uring->io_uring, nobody);

	if (allowed == -ENOENT && denied == -ENOENT) {
		/*
		 * No procfs, no way to try. Requests under another identity than the caller's still
		 * name it.
		 */
		return 0;
	}
	if (allowed != 0 || denied != -EACCES) {
		*reason = "a personality does not decide who an operation runs as";
		return -EPERM;
	}
	uring->identity_shown = true;
	return 0;
}

static int probe_behaviour(struct pathring *ring, struct uring *uring, const char **reason)
{
	struct identity *process = identity_of(ring, ring->identities.process);
	int personality;
	int ret = 0;

	personality = kernel_register_personality(&uring->io_uring);
	if (personality < 0) {
		*reason = "no personality can be registered";
		return personality;
	}
	process->personality = (uint16_t)personality;
	ring->identities.personalities++;
	ring->stats.registrations++;

	/* An unprivileged process has one identity: there is nothing to mix up. */
	if (process->target.uid == 0) {
		ret = try_identities(uring, personality, reason);
	}
	if (ret == 0 && uring->num_slots > 0 && uring->usable[OP_FIXED_FD_INSTALL] &&
	    uring->usable[IORING_OP_FGETXATTR]) {
		ret = try_direct_lookup(uring, personality);
		if (ret < 0) {
			*reason = "the ring does not answer a first submission";
		}
	}
	if (ret < 0) {
		process->personality = 0;
		ring->identities.personalities--;
	}
	return ret;
}

int uring_setup(struct pathring *ring, struct uring *uring, const char **reason)
{
	int ret;

	STAILQ_INIT(&uring->late);
	ret = create_ring(uring, ring->options.entries, reason);
	if (ret < 0) {
		if (uring->io_uring.ring_fd > 0) {
			io_uring_queue_exit(&uring->io_uring);
		}
		return ret;
	}

	/* A forked child must not write into the rings; it has no mapping of them then. */
	ret = io_uring_ring_dontfork(&uring->io_uring);
	if (ret < 0) {
		*reason = "the ring can't be kept from forked children";
	}
	if (ret == 0) {
		ret = probe_opcodes(uring, reason);
	}
	if (ret == 0) {
		/* Needed for direct lookups alone (Linux 5.19). */
		make_slots(uring, ring->options.entries);
		ret = restrict_and_enable(uring, reason);
	}
	uring->capacity = ring->options.entries * COMPLETIONS_PER_ENTRY;
	uring->limit = ring->options.entries * (COMPLETIONS_PER_ENTRY - 1);
	if (ret == 0) {
		/* Before anything that a worker does: those there are may all hang. */
		uring_workers_start(ring);
		ret = probe_behaviour(ring, uring, reason);
	}
	if (ret < 0) {
		io_uring_queue_exit(&uring->io_uring);
		return ret;
	}
	return 0;
}

/* ---- description ---- */

static char *describe_line(char *text, const char *what, bool available, const char *missing)
{
	return talloc_asprintf_append(text, "  %-36s %s\n", what, available ? "yes" : missing);
}

static char *describe_operation(const struct uring *uring, char *text, size_t kind)
{
	const char *name = pathring_operation_name((enum pathring_operation)kind);
	char missing[64];

	if (uring_operations[kind].since == NULL) {
		return describe_line(text, name, false, "no opcode: in a thread");
	}
	snprintf(missing,
		 sizeof(missing),
		 "no, needs Linux %s: in a thread",
		 uring_operations[kind].since);
	return describe_line(text, name, uring->runs[kind], missing);
}

char *uring_describe(const struct pathring *ring, char *text)
{
	const struct uring *uring = ring->uring;
	size_t i;

	text = talloc_asprintf_append(text,
				      "  %-36s %u / %u\n",
				      "submission / completion entries",
				      ring->options.entries,
				      ring->options.entries * COMPLETIONS_PER_ENTRY);
	for (i = 0; i < NUM_OPTIONAL_FLAGS; i++) {
		text = describe_line(text,
				     optional_flags[i].name,
				     (uring->setup_flags & optional_flags[i].flag) != 0,
				     "no: the kernel is older");
	}
	text = describe_line(text,
			     "restricted to the operations in use",
			     uring->restricted,
			     "no: the kernel is older");
	text = describe_line(text,
			     "identities tried and kept apart",
			     uring->identity_shown,
			     "not tried: one identity only, or no procfs");
	for (i = 0; i < PATHRING_NUM_OPERATIONS; i++) {
		text = describe_operation(uring, text, i);
	}
	return describe_line(text,
			     "lookup in one submission",
			     uring->direct_lookup,
			     "no, needs Linux 6.13: in two rounds through procfs");
}
