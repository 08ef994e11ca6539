/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the module share: the counters (counters.c), the tree connect (share.c) and the
 * modules around it (neighbours.c), the engine of the process (engine_process.c), one request in
 * the engine (call.c), and the VFS functions (xattr.c, dosmode.c, data.c) that vfs_pathring.c puts
 * into the function table.
 */
#ifndef VFS_PATHRING_H
#define VFS_PATHRING_H

#include "samba_compat.h"
#include <pathring.h>

#include <sys/resource.h>

/* How often this thread, whichever it is, has given up its processor because it had to wait. */
static inline long vfs_pathring_thread_waits(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);

	return usage.ru_nvcsw;
}

/* --------------------------------------------------------------------------------- the counters */

/* What the engine answers for smbd, by the name that it has in the VFS interface. */
#define VFS_PATHRING_OPERATIONS(X)                \
	X(GETXATTRAT, getxattrat)                 \
	X(GET_DOS_ATTRIBUTES, get_dos_attributes) \
	X(PREAD, pread)                           \
	X(PWRITE, pwrite)                         \
	X(FSYNC, fsync)

#define VFS_PATHRING_OPERATION_CONSTANT(constant, name) VFS_PATHRING_##constant,

enum vfs_pathring_operation {
	VFS_PATHRING_OPERATIONS(VFS_PATHRING_OPERATION_CONSTANT) VFS_PATHRING_NUM_OPERATIONS
};

const char *vfs_pathring_operation_name(enum vfs_pathring_operation operation);

/* Why a request was passed on to the next module. */
enum vfs_pathring_reason {
	VFS_PATHRING_REASON_SHARE,    /* this tree connect never answers it */
	VFS_PATHRING_REASON_ENGINE,   /* the engine can't work */
	VFS_PATHRING_REASON_IDENTITY, /* the engine can't be the user */
	VFS_PATHRING_REASON_KIND,     /* not a kind that the engine can do */
	VFS_PATHRING_REASON_REFUSED,  /* too many requests, no memory */
	VFS_PATHRING_NUM_REASONS
};

/* Why smbd's thread had to wait for a request in flight. */
enum vfs_pathring_wait {
	VFS_PATHRING_WAIT_CLOSE,       /* its file was closed */
	VFS_PATHRING_WAIT_LOOP,	       /* smbd itself waits, on an event context of its own */
	VFS_PATHRING_WAIT_FREED,       /* smbd has no more use for it */
	VFS_PATHRING_WAIT_DESCRIPTORS, /* path references have to be closed */
	VFS_PATHRING_NUM_WAITS
};

enum vfs_pathring_ahead_call {
	VFS_PATHRING_AHEAD_OPENAT,
	VFS_PATHRING_AHEAD_FSTAT,
	VFS_PATHRING_AHEAD_FGETXATTR,
	VFS_PATHRING_AHEAD_FLISTXATTR,
	VFS_PATHRING_AHEAD_NUM_CALLS
};

struct vfs_pathring_ahead_counters {
	uint64_t looked;			 /* names looked up */
	uint64_t known[PATHRING_NUM_PLACEMENTS]; /* of these, that smbd came to, by where */
	uint64_t waits; /* how often look-ups had to wait, mostly for the file system */
	uint64_t hits[VFS_PATHRING_AHEAD_NUM_CALLS];   /* calls answered from that */
	uint64_t misses[VFS_PATHRING_AHEAD_NUM_CALLS]; /* for an entry, and not answered */
};

enum vfs_pathring_opens_call {
	VFS_PATHRING_OPENS_OPENAT,
	VFS_PATHRING_OPENS_FGETXATTR,
	VFS_PATHRING_OPENS_ACL,
	VFS_PATHRING_OPENS_NUM_CALLS
};

struct vfs_pathring_opens_counters {
	uint64_t ahead;				     /* files looked at before smbd came to them */
	uint64_t deferred;			     /* times that smbd was told to try again */
	uint64_t abandoned;			     /* begun and of no use */
	uint64_t hits[VFS_PATHRING_OPENS_NUM_CALLS]; /* calls answered */
};

/* All of one share in this process. On the engine, which outlives every request. */
struct vfs_pathring_counters {
	struct vfs_pathring_counters *next;
	struct vfs_pathring_counters *prev;
	char *share;
	unsigned int connects; /* tree connects that count here now */
	struct vfs_pathring_values {
		/* Those that are complete, by where they ran; denied are among them. */
		uint64_t requests[VFS_PATHRING_NUM_OPERATIONS][PATHRING_NUM_PLACEMENTS];
		uint64_t denied[VFS_PATHRING_NUM_OPERATIONS];
		uint64_t passed[VFS_PATHRING_NUM_OPERATIONS][VFS_PATHRING_NUM_REASONS];
		uint64_t waits[VFS_PATHRING_NUM_WAITS];
		struct vfs_pathring_ahead_counters ahead;
		struct vfs_pathring_opens_counters opens;
	} values;
};

struct vfs_pathring_engine;

/* NULL without memory. */
struct vfs_pathring_counters *vfs_pathring_counters_connect(struct vfs_pathring_engine *engine,
							    const char *share);
/* Logs them if that was the last connect of the share, and starts anew. */
void vfs_pathring_counters_disconnect(struct vfs_pathring_counters *counters);

/* From now on smbcontrol gets all counters that belong to the engine. */
void vfs_pathring_counters_listen(struct vfs_pathring_engine *engine,
				  struct messaging_context *msg_ctx);

/* ----------------------------------------------------------------------------- the tree connect */

/* What this tree connect answers itself; everything else goes to the next module. */
struct vfs_pathring_share {
	enum pathring_backend backend;
	bool answers[VFS_PATHRING_NUM_OPERATIONS];
	bool dos_attributes_behind; /* a module behind has a get_dos_attributes */
	struct vfs_pathring_ahead *ahead; /* NULL: no look-ahead */
	struct vfs_pathring_counters *counters;
	struct vfs_pathring_opens *opens; /* NULL: smbd waits for what it opens */
	struct vfs_pathring_cached_reads *cached_reads;
};

/* How reads from the page cache went of late. */
struct vfs_pathring_cached_reads {
	unsigned int missed; /* in a row */
	unsigned int skip;   /* so many reads before the next try */
};

struct vfs_pathring_ahead;
struct vfs_pathring_opens;

/*
 * Never fails: a tree connect for which this can't be set up passes everything on. record: the file
 * that it is recorded in, or NULL.
 */
void vfs_pathring_share_connect(struct vfs_handle_struct *handle,
				const char *service,
				const char *record);
void vfs_pathring_share_disconnect(struct vfs_handle_struct *handle);

/* NULL when everything is to be passed on. */
const struct vfs_pathring_share *vfs_pathring_share_get(const struct vfs_handle_struct *handle);

/* Whether the operation is the engine's on this tree connect, which may be NULL. */
bool vfs_pathring_share_answers(const struct vfs_pathring_share *share,
				enum vfs_pathring_operation operation);

/* Who keeps the engine from an operation. */
struct vfs_pathring_objection {
	const char *who; /* a module or an option, as smb.conf has it */
	const char *what;
	bool misplaced; /* it would not if pathring was listed after it */
};

/* Whether no module comes between this one and smbd's own function. */
bool vfs_pathring_neighbours_allow(const struct vfs_handle_struct *handle,
				   enum vfs_pathring_operation operation,
				   struct vfs_pathring_objection *objection);

/* Whether a call of getxattrat from the top of the stack would come here first. */
bool vfs_pathring_neighbours_let_getxattrat_through(const struct vfs_handle_struct *handle,
						    struct vfs_pathring_objection *objection);

/* Whether look-ahead would leave nobody out. */
bool vfs_pathring_neighbours_allow_ahead(const struct vfs_handle_struct *handle,
					 struct vfs_pathring_objection *objection);

/* Whether asynchronous opens would leave nobody out. */
bool vfs_pathring_neighbours_allow_opens(const struct vfs_handle_struct *handle,
					 struct vfs_pathring_objection *objection);

/* Whether smbd knows no ACLs but the kernel's: no module has others, in front or behind. */
bool vfs_pathring_neighbours_have_no_acls(const struct vfs_handle_struct *handle);

/* -------------------------------------------------------------------- the engine of the process */

struct vfs_pathring_call;

struct vfs_pathring_engine {
	enum pathring_backend backend; /* as asked for */
	struct pathring *ring;
	struct tevent_context *ev;
	pid_t pid;
	bool started;
	bool unusable;
	/* Who smbd worked for when that was asked last: who.c's */
	struct security_unix_token *token;
	struct pathring_identity *identity;
	unsigned int who;
	bool refused_identity; /* said once */
	/*
	 * A talloc array of lists, by descriptor: the calls in flight that smbd lent it to.
	 * call.c's.
	 */
	struct vfs_pathring_call **lent;
	struct vfs_pathring_counters *counters; /* a list, one for each share */
	size_t num_lent_pathrefs;		/* calls in flight on path references */
};

/* Makes the engine of this process for this backend, without ring or thread. Must run as root. */
void vfs_pathring_engine_create(struct connection_struct *conn, enum pathring_backend backend);

/* The engine, started; NULL when it can't work, which has been logged once then. */
struct vfs_pathring_engine *vfs_pathring_engine_get(enum pathring_backend backend);

/* The same without starting it, for what it does in smbd's thread. */
struct vfs_pathring_engine *vfs_pathring_engine_unstarted(enum pathring_backend backend);

/* The engine if there is one in this process, in whatever state. */
struct vfs_pathring_engine *vfs_pathring_engine_find(enum pathring_backend backend);

/* For the log: where it runs, or that it does not. */
const char *vfs_pathring_engine_state(const struct vfs_pathring_engine *engine);

/* Logs what every engine of this process ran, where and under whom. */
void vfs_pathring_engine_log_account(void);

/* ----------------------------------------------------------------------------- who smbd works for */

/* A number that stands for who smbd works for now, as long as it does; 0: without memory. */
unsigned int vfs_pathring_who(struct vfs_pathring_engine *engine, struct connection_struct *conn);

/* The same as an identity, which is the engine's. NULL: the engine can't have it; said once. */
struct pathring_identity *vfs_pathring_who_identity(struct vfs_pathring_engine *engine,
						    struct connection_struct *conn);

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
	struct vfs_pathring_counters *counters;
	enum vfs_pathring_operation operation;
	/* Who smbd works for, for the request that is made now: not to be used later. */
	struct pathring_identity *identity;
	struct pathring_request *request;
	struct tevent_req *req;
	struct tevent_context *ev;
	vfs_pathring_call_fn fn;
	int fd; /* smbd's own, lent until the request is complete; -1 before that */
	bool is_pathref;
	bool in_flight;
};

/* NULL when the request is to be passed on. */
struct vfs_pathring_call *vfs_pathring_call_create(TALLOC_CTX *mem_ctx,
						   const struct vfs_pathring_share *share,
						   struct connection_struct *conn,
						   enum vfs_pathring_operation operation);

/*
 * The request could not be made, for this reason, a negative errno: it is to be passed on. Frees
 * the call.
 */
void vfs_pathring_call_refused(struct vfs_pathring_call *call, int error);

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

/* To be called by fn, with the result of each request that is complete, for the counters. */
void vfs_pathring_call_result(const struct vfs_pathring_call *call, ssize_t result);

/* Waits for every request that uses this descriptor of smbd's, which is about to be closed. */
void vfs_pathring_call_settle(enum pathring_backend backend, int fd);

/*
 * Waits for every request on a path reference, and finishes the calls, whose callbacks run later.
 * False: there was none.
 */
bool vfs_pathring_call_settle_pathrefs(enum pathring_backend backend);

/* The engine that holds these calls is going away: none of them will complete. */
void vfs_pathring_call_forget(struct vfs_pathring_engine *engine);

/* -------------------------------------------------------------------- look-ahead in directories */

/* Looks up to window entries ahead, and counts in share->counters. NULL without memory. */
struct vfs_pathring_ahead *vfs_pathring_ahead_create(struct vfs_pathring_share *share,
						     struct vfs_handle_struct *handle,
						     size_t window);
struct vfs_pathring_ahead *vfs_pathring_ahead_get(const struct vfs_handle_struct *handle);

/*
 * Whether fgetxattr, asked for the DOS attributes of fsp now, would be answered from a look-up.
 * ahead may be NULL.
 */
bool vfs_pathring_ahead_has_dos_attributes(struct vfs_pathring_ahead *ahead,
					   const struct files_struct *fsp);

/* fsp is about to be closed. ahead may be NULL. */
void vfs_pathring_ahead_closing(struct vfs_pathring_ahead *ahead, const struct files_struct *fsp);

/* As vfs_pathring_opens_give_back(). */
void vfs_pathring_ahead_give_back(struct vfs_pathring_ahead *ahead);

/*
 * Whether look-ahead has the answer, in *fd and *result: as the VFS function would give it, with
 * errno. ahead may be NULL.
 */
bool vfs_pathring_ahead_openat(struct vfs_pathring_ahead *ahead,
			       const struct files_struct *dirfsp,
			       const struct smb_filename *smb_fname,
			       struct files_struct *fsp,
			       const struct vfs_open_how *how,
			       int *fd);
bool vfs_pathring_ahead_fgetxattr(struct vfs_pathring_ahead *ahead,
				  const struct files_struct *fsp,
				  const char *name,
				  void *value,
				  size_t size,
				  ssize_t *result);

/* ------------------------------------------------------------------------ opens that would block
 */

/*
 * always: also where nothing has to be waited for. opens_early: files that are to be read alone are
 * opened before smbd has looked at them. NULL without memory.
 */
struct vfs_pathring_opens *vfs_pathring_opens_create(struct vfs_pathring_share *share,
						     struct vfs_handle_struct *handle,
						     bool always,
						     bool opens_early);

/* smbd has no descriptors left: gives up those that are not needed. opens may be NULL. */
void vfs_pathring_opens_give_back(struct vfs_pathring_opens *opens);

/* As for look-ahead; -1 with EAGAIN puts the CREATE off. opens may be NULL. */
bool vfs_pathring_opens_openat(struct vfs_pathring_opens *opens,
			       const struct smb_filename *smb_fname,
			       struct files_struct *fsp,
			       const struct vfs_open_how *how,
			       int *fd);
bool vfs_pathring_opens_fgetxattr(struct vfs_pathring_opens *opens,
				  const struct files_struct *fsp,
				  const char *name,
				  void *value,
				  size_t size,
				  ssize_t *result);
/* The ACL of a file, on mem_ctx; NULL: it has to be asked for. */
struct smb_acl_t *vfs_pathring_opens_acl(struct vfs_pathring_opens *opens,
					 const struct files_struct *fsp,
					 TALLOC_CTX *mem_ctx);

/* ------------------------------------------------------------------------------------- recording
 */

/*
 * Recording of this tree connect, if smb.conf says so: from then on it has the functions in fns.
 * The file's path, or NULL. Never fails; why there is none is in the log.
 */
const char *vfs_pathring_record_connect(struct vfs_handle_struct *handle,
					const char *service,
					const struct vfs_fn_pointers *fns);
void vfs_pathring_record_disconnect(struct vfs_handle_struct *handle);

/* Puts the functions that record in the place of those that they call. */
void vfs_pathring_record_hook(struct vfs_fn_pointers *fns);

/* ---------------------------------------------------------------------------- the VFS functions */

NTSTATUS vfs_pathring_create_file(struct vfs_handle_struct *handle,
				  struct smb_request *req,
				  struct files_struct *dirfsp,
				  struct smb_filename *smb_fname,
				  uint32_t access_mask,
				  uint32_t share_access,
				  uint32_t create_disposition,
				  uint32_t create_options,
				  uint32_t file_attributes,
				  uint32_t oplock_request,
				  const struct smb2_lease *lease,
				  uint64_t allocation_size,
				  uint32_t private_flags,
				  struct security_descriptor *sd,
				  struct ea_list *ea_list,
				  files_struct **result,
				  int *pinfo,
				  const struct smb2_create_blobs *in_context_blobs,
				  struct smb2_create_blobs *out_context_blobs);
int vfs_pathring_openat(struct vfs_handle_struct *handle,
			const struct files_struct *dirfsp,
			const struct smb_filename *smb_fname,
			struct files_struct *fsp,
			const struct vfs_open_how *how);
ssize_t vfs_pathring_fgetxattr(struct vfs_handle_struct *handle,
			       struct files_struct *fsp,
			       const char *name,
			       void *value,
			       size_t size);
SMB_ACL_T vfs_pathring_sys_acl_get_fd(struct vfs_handle_struct *handle,
				      struct files_struct *fsp,
				      SMB_ACL_TYPE_T type,
				      TALLOC_CTX *mem_ctx);

#if VFS_PATHRING_COMPAT_OLD_READDIR
struct dirent *vfs_pathring_readdir(struct vfs_handle_struct *handle,
				    struct files_struct *dirfsp,
				    DIR *dirp,
				    SMB_STRUCT_STAT *sbuf);
long vfs_pathring_telldir(struct vfs_handle_struct *handle, DIR *dirp);
void vfs_pathring_seekdir(struct vfs_handle_struct *handle, DIR *dirp, long offset);
#else
struct dirent *
vfs_pathring_readdir(struct vfs_handle_struct *handle, struct files_struct *dirfsp, DIR *dirp);
#endif
void vfs_pathring_rewind_dir(struct vfs_handle_struct *handle, DIR *dirp);
int vfs_pathring_closedir(struct vfs_handle_struct *handle, DIR *dirp);
int vfs_pathring_fstat(struct vfs_handle_struct *handle,
		       struct files_struct *fsp,
		       SMB_STRUCT_STAT *sbuf);
ssize_t vfs_pathring_flistxattr(struct vfs_handle_struct *handle,
				struct files_struct *fsp,
				char *list,
				size_t size);

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
