/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request of the library's, from the choice of its arguments to the judgement of its outcome: the
 * right one, or an error that was put there.
 */
#ifndef PATHRING_TESTS_FAULTS_ATTEMPT_H
#define PATHRING_TESTS_FAULTS_ATTEMPT_H

#include <sys/queue.h>

#include "handles.h"
#include "life.h"

enum form {
	FORM_REQUEST,
	FORM_SEND,
	FORM_SEND_ELSEWHERE, /* with another event context */
};

struct attempt {
	TAILQ_ENTRY(attempt) link;
	enum pathring_operation kind;
	enum form form;
	unsigned int user;
	bool as_nobody; /* pathring_identity_none() instead */
	bool issued;	/* its _send or _request function has been called */
	bool done;
	/* It may have been cancelled or have timed out: what came of it can't be told. */
	bool doubtful;
	bool engine_gone;
	struct tevent_req *req;
	struct pathring_request *request;

	ssize_t expected;

	/* What it works on; what changes is its alone until it is complete. */
	unsigned int owner;
	struct slot *slot;
	unsigned int other_owner;
	struct slot *other_slot; /* of renameat */
	struct block *block;
	struct attributes *attributes;
	struct attributes *opened_attributes; /* of openat */
	enum node node;
	bool io;
	ino_t inode;
	uid_t uid;

	uint64_t handle_number;
	bool may_race;	  /* EAGAIN is as right as what is expected */
	bool may_be_busy; /* another readdir of the handle was not complete */

	/* What it asked for. */
	enum slot_state new_state;
	mode_t mode;
	off_t offset;
	size_t size;
	time_t time;
	uint8_t first;
	uint8_t xattr[MAX_XATTR];
	ssize_t xattr_expected[2];
};

/* A choice of arguments, the call, and the outcome. */
struct attempt_operation {
	/* false: it can't be made just now. */
	bool (*begin)(struct attempt *attempt);
	void (*end)(struct attempt *attempt);
};

extern const struct attempt_operation attempt_operations[PATHRING_NUM_OPERATIONS];

/* A new request of any kind. false: no way to make the chosen kind now. */
bool attempt_new(void);
/* One that is not complete, or NULL. */
struct attempt *attempt_any(void);
struct attempt *attempt_any_of(enum form form);
/* Let go of it before it is complete. */
void attempt_free(struct attempt *attempt);
void attempt_wait(struct attempt *attempt);
void attempt_cancel(struct attempt *attempt);
unsigned int attempts_pending(void);
unsigned int attempts_pending_elsewhere(void);
/* Complete, with the request still there. */
unsigned int attempts_finished(void);

/* What was delivered and not freed yet. */
void attempts_free_some_finished(void);

/* The engine is about to go, or has gone. */
void attempts_engine_goes(void);
void attempts_engine_gone(void);

/* The loop of FORM_SEND_ELSEWHERE goes: nobody will hear of these. */
void attempts_free_elsewhere(void);

/* For begin and end functions: */
bool attempt_issued_request(struct attempt *attempt, int ret);
bool attempt_issued_send(struct attempt *attempt, struct tevent_req *req);
void attempt_request_done(struct pathring_request *request, void *private_data);
struct pathring_identity *attempt_identity(const struct attempt *attempt);
struct tevent_context *attempt_loop(const struct attempt *attempt);

#define ISSUE(attempt, name, ...)                                                              \
	((attempt)->form == FORM_REQUEST                                                       \
		 ? attempt_issued_request(attempt,                                             \
					  pathring_##name##_request(life.ring,                 \
								    attempt_identity(attempt), \
								    __VA_ARGS__,               \
								    attempt_request_done,      \
								    attempt,                   \
								    &(attempt)->request))      \
		 : attempt_issued_send(attempt,                                                \
				       pathring_##name##_send(attempt,                         \
							      attempt_loop(attempt),           \
							      life.ring,                       \
							      attempt_identity(attempt),       \
							      __VA_ARGS__)))

/*
 * Whether it ended as it must. false: with an error that was put there, so that nothing has
 * changed; or nobody knows (attempt_lose() was called then). Else the program fails.
 */
bool attempt_judge(struct attempt *attempt, ssize_t result);
/* The same for a part of the result. */
bool attempt_judge_part(struct attempt *attempt, ssize_t result, ssize_t expected);
void attempt_lose(struct attempt *attempt);

struct attempt_totals {
	uint64_t made[PATHRING_NUM_OPERATIONS];
	uint64_t right;	   /* ended as they must */
	uint64_t failed;   /* with an error that was put there */
	uint64_t freed;	   /* before they were complete */
	uint64_t doubtful; /* timed out or cancelled */
	uint64_t waited;
};
extern struct attempt_totals attempt_totals;

#endif /* PATHRING_TESTS_FAULTS_ATTEMPT_H */
