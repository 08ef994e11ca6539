/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What each operation is on the ring: its opcode and how its one submission entry is filled in. An
 * operation without a line here runs in a helper thread. Who submits, under whom and when, is
 * backend_uring.c's; lookup, which takes several entries, is uring_lookup.c's.
 */
#include <errno.h>

#include "handle.h"
#include "uring.h"

static int directory_fd(const struct operation *operation)
{
	return descriptor_pathref_fd(operation->target);
}

/*
 * Not onto another file system, which might be one that no personality is enough for
 * (placement_may_use_ring()): a thread goes there, after EXDEV.
 */
void uring_how(const struct open_how *how, struct open_how *ring_how)
{
	*ring_how = *how;
	ring_how->resolve |= RESOLVE_NO_XDEV;
}

bool uring_must_cross(const struct open_how *how, ssize_t result)
{
	return result == -EXDEV && (how->resolve & RESOLVE_NO_XDEV) == 0;
}

static void prepare_openat(struct io_uring_sqe *entry, struct operation *operation)
{
	struct openat_arguments *arguments = &operation->openat;

	uring_how(&arguments->how, &arguments->ring_how);
	io_uring_prep_openat2(
		entry, operation_directory_fd(operation), arguments->path, &arguments->ring_how);
}

static void prepare_close(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_close(entry, operation->close.fd);
}

static void prepare_statx(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_statx(entry,
			    descriptor_pathref_fd(operation->target),
			    "",
			    (int)(operation->statx.flags | AT_EMPTY_PATH),
			    operation->statx.mask,
			    &operation->statx.stx);
}

/* Xattrs of a path reference go through procfs: the other opcode. */
static void prepare_getxattr(struct io_uring_sqe *entry, struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);
	char *value = (char *)arguments->value;
	unsigned int size = (unsigned int)arguments->size;

	if (fd >= 0) {
		io_uring_prep_fgetxattr(entry, fd, arguments->name, value, size);
		return;
	}
	operation_proc_path(descriptor_pathref_fd(operation->target), arguments->proc_path);
	io_uring_prep_getxattr(entry, arguments->name, value, arguments->proc_path, size);
}

static void prepare_setxattr(struct io_uring_sqe *entry, struct operation *operation)
{
	struct xattr_arguments *arguments = &operation->xattr;
	int fd = descriptor_io_fd(operation->target);
	const char *value = (const char *)arguments->value;
	unsigned int size = (unsigned int)arguments->size;

	if (fd >= 0) {
		io_uring_prep_fsetxattr(entry, fd, arguments->name, value, arguments->flags, size);
		return;
	}
	operation_proc_path(descriptor_pathref_fd(operation->target), arguments->proc_path);
	io_uring_prep_setxattr(
		entry, arguments->name, value, arguments->proc_path, arguments->flags, size);
}

static void prepare_pread(struct io_uring_sqe *entry, struct operation *operation)
{
	struct transfer_arguments *arguments = &operation->transfer;

	io_uring_prep_read(entry,
			   descriptor_io_fd(operation->target),
			   arguments->data + arguments->done,
			   (unsigned int)(arguments->size - arguments->done),
			   (uint64_t)arguments->offset + arguments->done);
}

static void prepare_pwrite(struct io_uring_sqe *entry, struct operation *operation)
{
	struct transfer_arguments *arguments = &operation->transfer;

	io_uring_prep_write(entry,
			    descriptor_io_fd(operation->target),
			    arguments->data + arguments->done,
			    (unsigned int)(arguments->size - arguments->done),
			    (uint64_t)arguments->offset + arguments->done);
}

static void prepare_fsync(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_fsync(entry,
			    descriptor_io_fd(operation->target),
			    operation->fsync.data_only ? IORING_FSYNC_DATASYNC : 0);
}

static void prepare_ftruncate(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_rw(OP_FTRUNCATE,
			 entry,
			 descriptor_io_fd(operation->target),
			 NULL,
			 0,
			 (uint64_t)operation->ftruncate.length);
}

static void prepare_fallocate(struct io_uring_sqe *entry, struct operation *operation)
{
	const struct fallocate_arguments *arguments = &operation->fallocate;

	io_uring_prep_fallocate(entry,
				descriptor_io_fd(operation->target),
				arguments->mode,
				arguments->offset,
				arguments->length);
}

static void prepare_unlinkat(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_unlinkat(
		entry, directory_fd(operation), operation->name.name, (int)operation->name.flags);
}

static void prepare_renameat(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_renameat(entry,
			       directory_fd(operation),
			       operation->name.name,
			       descriptor_pathref_fd(operation->second),
			       operation->name.new_name,
			       operation->name.flags);
}

static void prepare_linkat(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_linkat(entry,
			     directory_fd(operation),
			     operation->name.name,
			     descriptor_pathref_fd(operation->second),
			     operation->name.new_name,
			     0);
}

static void prepare_symlinkat(struct io_uring_sqe *entry, struct operation *operation)
{
	io_uring_prep_symlinkat(
		entry, operation->name.contents, directory_fd(operation), operation->name.name);
}

/* The kernel version is that which brought the opcode, for pathring_describe(). */
const struct uring_operation uring_operations[PATHRING_NUM_OPERATIONS] = {
	[PATHRING_OPENAT] = { prepare_openat, { IORING_OP_OPENAT2 }, "5.6" },
	[PATHRING_CLOSE] = { prepare_close, { IORING_OP_CLOSE }, "5.6" },
	[PATHRING_STATX] = { prepare_statx, { IORING_OP_STATX }, "5.6" },
	[PATHRING_GETXATTR] = { prepare_getxattr,
				{ IORING_OP_GETXATTR, IORING_OP_FGETXATTR },
				"5.19" },
	[PATHRING_SETXATTR] = { prepare_setxattr,
				{ IORING_OP_SETXATTR, IORING_OP_FSETXATTR },
				"5.19" },
	[PATHRING_PREAD] = { prepare_pread, { IORING_OP_READ }, "5.6" },
	[PATHRING_PWRITE] = { prepare_pwrite, { IORING_OP_WRITE }, "5.6" },
	[PATHRING_FSYNC] = { prepare_fsync, { IORING_OP_FSYNC }, "5.1" },
	[PATHRING_FTRUNCATE] = { prepare_ftruncate, { OP_FTRUNCATE }, "6.9" },
	[PATHRING_FALLOCATE] = { prepare_fallocate, { IORING_OP_FALLOCATE }, "5.6" },
	[PATHRING_UNLINKAT] = { prepare_unlinkat, { IORING_OP_UNLINKAT }, "5.11" },
	[PATHRING_RENAMEAT] = { prepare_renameat, { IORING_OP_RENAMEAT }, "5.11" },
	[PATHRING_LINKAT] = { prepare_linkat, { IORING_OP_LINKAT }, "5.15" },
	[PATHRING_SYMLINKAT] = { prepare_symlinkat, { IORING_OP_SYMLINKAT }, "5.15" },
	[PATHRING_LOOKUP] = { NULL,
			      { IORING_OP_OPENAT2, IORING_OP_STATX, IORING_OP_GETXATTR },
			      "5.19" },
};
