/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the module share: the tree connect (share.c), the engine of the process
 * (engine_process.c), one request in the engine (call.c), and the VFS functions (xattr.c,
 * dosmode.c, data.c) that vfs_pathring.c puts into the function table.
 */
#ifndef VFS_PATHRING_H
#define VFS_PATHRING_H

#include "samba_compat.h"
#include <pathring.h>

/* ----------------------------------------------------------------------------- the tree connect */

/* What this tree connect answers itself; everything else goes to the next module. */
struct vfs_pathring_share {
	enum pathring_backend backend;
	bool getxattrat;
	bool get_dos_attributes;
	bool pread;
	bool pwrite;
	bool fsync;
	struct vfs_pathring_ahead *ahead; /* NULL: no look-ahead */
};

struct vfs_pathring_ahead;

/* Never fails: a tree connect for which this can't be set up passes everything on. */
void vfs_pathring_share_connect(struct vfs_handle_struct *handle, const char *service);
void vfs_pathring_share_disconnect(struct vfs_handle_struct *handle);

/* NULL when everything is to be passed on. */
const struct vfs_pathring_share *vfs_pathring_share_get(const struct vfs_handle_struct *handle);

/* -------------------------------------------------------------------- the engine of the process */

struct vfs_pathring_call;

struct vfs_pathring_engine {
	enum pathring_backend backend; /* as asked for */
	struct pathring *ring;
	struct tevent_context *ev;
	pid_t pid;
	bool started;
	bool unusable;
	bool refused_identity; /* said once */
	/*
	 * A talloc array of lists, by descriptor: the calls in flight that smbd lent it to.
	 * call.c's.
	 */
	struct vfs_pathring_call **lent;
};

/* Makes the engine of this process for this backend, without ring or thread. Must run as root. */
void vfs_pathring_engine_create(struct connection_struct *conn, enum pathring_backend backend);

/* The engine, started; NULL when it can't work, which has been logged once then. */
struct vfs_pathring_engine *vfs_pathring_engine_get(enum pathring_backend backend);

/* The same without starting it, for what it does in smbd's thread. */
struct vfs_pathring_engine *vfs_pathring_engine_unstarted(enum pathring_backend backend);

/* The engine if there is one in this process, in whatever state. */
struct vfs_pathring_engine *vfs_pathring_engine_find(enum pathring_backend backend);

/* Logs what every engine of this process ran, where and under whom. */
void vfs_pathring_engine_log_account(void);

/* -------------------------------------------------------------------- one request in the engine */

typedef void (*vfs_pathring_call_fn)(struct vfs_pathring_call *call);

/*
 * A talloc object that may be freed at any time. Freed in flight it waits for the end of the
 * request, because the kernel uses a descriptor of smbd's until then.
 */
struct vfs_pathring_call {
	struct vfs_pathring_call *next;
	struct vfs_pathring_call *prev;
	struct vfs_pathring_engine *engine;
	struct pathring_identity *identity; /* the one smbd had at vfs_pathring_call_create() */
	struct pathring_request *request;
	struct tevent_req *req;
	struct tevent_context *ev;
	vfs_pathring_call_fn fn;
	int fd; /* smbd's own, lent until the request is complete; -1 before that */
	bool in_flight;
};

/* NULL when the request is to be passed on. */
struct vfs_pathring_call *vfs_pathring_call_create(TALLOC_CTX *mem_ctx,
						   enum pathring_backend backend);

/* The handle for the one descriptor of smbd's that the call may use; a talloc child of the call. */
int vfs_pathring_call_lend(struct vfs_pathring_call *call,
			   int fd,
			   enum pathring_handle_kind kind,
			   struct pathring_handle **handle);

/*
 * The completion function for every pathring_X_request() of the module, with the call as its
 * private_data.
 */
void vfs_pathring_call_completed(struct pathring_request *request, void *private_data);

/*
 * To be called when pathring_X_request() has succeeded. fn(call) runs once the request is complete,
 * from the event loop, and has to finish call->req; when ev is not the engine's it runs here, so
 * that the caller has to see afterwards whether req is still in progress.
 */
void vfs_pathring_call_start(struct vfs_pathring_call *call,
			     struct pathring_request *request,
			     struct tevent_req *req,
			     struct tevent_context *ev,
			     vfs_pathring_call_fn fn);

/* Waits for every request that uses this descriptor of smbd's, which is about to be closed. */
void vfs_pathring_call_settle(enum pathring_backend backend, int fd);

/* The engine that holds these calls is going away: none of them will complete. */
void vfs_pathring_call_forget(struct vfs_pathring_engine *engine);

/* -------------------------------------------------------------------- look-ahead in directories */

struct vfs_pathring_ahead_counters {
	uint64_t looked; /* names looked up */
	uint64_t opened; /* openat answered from that */
	uint64_t stats;	 /* fstat */
	uint64_t xattrs; /* fgetxattr and flistxattr */
};

/* Looks up to window entries ahead. NULL without memory. */
struct vfs_pathring_ahead *vfs_pathring_ahead_create(TALLOC_CTX *mem_ctx,
						     struct vfs_handle_struct *handle,
						     enum pathring_backend backend,
						     size_t window);
struct vfs_pathring_ahead *vfs_pathring_ahead_get(const struct vfs_handle_struct *handle);
const struct vfs_pathring_ahead_counters *
vfs_pathring_ahead_counters(const struct vfs_pathring_ahead *ahead);

/* fsp is about to be closed. ahead may be NULL. */
void vfs_pathring_ahead_closing(struct vfs_pathring_ahead *ahead, const struct files_struct *fsp);

/* ---------------------------------------------------------------------------- the VFS functions */

#if VFS_PATHRING_COMPAT_LOOKS_AHEAD
struct dirent *vfs_pathring_readdir(struct vfs_handle_struct *handle,
				    struct files_struct *dirfsp,
				    DIR *dirp,
				    SMB_STRUCT_STAT *sbuf);
long vfs_pathring_telldir(struct vfs_handle_struct *handle, DIR *dirp);
void vfs_pathring_seekdir(struct vfs_handle_struct *handle, DIR *dirp, long offset);
void vfs_pathring_rewind_dir(struct vfs_handle_struct *handle, DIR *dirp);
int vfs_pathring_closedir(struct vfs_handle_struct *handle, DIR *dirp);
int vfs_pathring_openat(struct vfs_handle_struct *handle,
			const struct files_struct *dirfsp,
			const struct smb_filename *smb_fname,
			struct files_struct *fsp,
			const struct vfs_open_how *how);
int vfs_pathring_fstat(struct vfs_handle_struct *handle,
		       struct files_struct *fsp,
		       SMB_STRUCT_STAT *sbuf);
ssize_t vfs_pathring_fgetxattr(struct vfs_handle_struct *handle,
			       struct files_struct *fsp,
			       const char *name,
			       void *value,
			       size_t size);
ssize_t vfs_pathring_flistxattr(struct vfs_handle_struct *handle,
				struct files_struct *fsp,
				char *list,
				size_t size);
#endif

struct tevent_req *vfs_pathring_getxattrat_send(TALLOC_CTX *mem_ctx,
						struct tevent_context *ev,
						struct vfs_handle_struct *handle,
						files_struct *dir_fsp,
						const struct smb_filename *smb_fname,
						const char *xattr_name,
						size_t alloc_hint);
ssize_t vfs_pathring_getxattrat_recv(struct tevent_req *req,
				     struct vfs_aio_state *aio_state,
				     TALLOC_CTX *mem_ctx,
				     uint8_t **xattr_value);

/*
 * Lends the call the path reference of a name, or an error: then the name is a case for the next
 * module.
 */
int vfs_pathring_xattr_lend(struct vfs_pathring_call *call,
			    const struct smb_filename *smb_fname,
			    struct pathring_handle **pathref);

struct tevent_req *vfs_pathring_get_dos_attributes_send(TALLOC_CTX *mem_ctx,
							struct tevent_context *ev,
							struct vfs_handle_struct *handle,
							files_struct *dir_fsp,
							struct smb_filename *smb_fname);
NTSTATUS vfs_pathring_get_dos_attributes_recv(struct tevent_req *req,
					      struct vfs_aio_state *aio_state,
					      uint32_t *dosmode);

struct tevent_req *vfs_pathring_pread_send(struct vfs_handle_struct *handle,
					   TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct files_struct *fsp,
					   void *data,
					   size_t n,
					   off_t offset);
ssize_t vfs_pathring_pread_recv(struct tevent_req *req, struct vfs_aio_state *aio_state);
struct tevent_req *vfs_pathring_pwrite_send(struct vfs_handle_struct *handle,
					    TALLOC_CTX *mem_ctx,
					    struct tevent_context *ev,
					    struct files_struct *fsp,
					    const void *data,
					    size_t n,
					    off_t offset);
ssize_t vfs_pathring_pwrite_recv(struct tevent_req *req, struct vfs_aio_state *aio_state);
struct tevent_req *vfs_pathring_fsync_send(struct vfs_handle_struct *handle,
					   TALLOC_CTX *mem_ctx,
					   struct tevent_context *ev,
					   struct files_struct *fsp);
int vfs_pathring_fsync_recv(struct tevent_req *req, struct vfs_aio_state *aio_state);
int vfs_pathring_close(struct vfs_handle_struct *handle, files_struct *fsp);

#endif /* VFS_PATHRING_H */
