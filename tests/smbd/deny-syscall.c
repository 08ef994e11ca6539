/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deny-syscall: run a command that gets a chosen error from one system call, in itself and in all
 * its children, from the start or from the moment that a file exists. The tests start smbd with it
 * to see what happens where io_uring is refused.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EPERM", EPERM },
	{ "ENOSYS", ENOSYS },
	{ "ENOMEM", ENOMEM },
	{ "EMFILE", EMFILE },
};

static int find_error(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(errors[i].name, name) == 0) {
			return errors[i].error;
		}
	}
	return -1;
}

/* With an action of SCMP_ACT_NOTIFY, listener becomes the descriptor that says what is called. */
static int deny(int number, uint32_t action, int *listener)
{
	scmp_filter_ctx filter = NULL;
	int ret;

	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (filter == NULL) {
		return -ENOMEM;
	}

	/* Without "no new privileges" smbd behaves as usual. Root may install a filter without it.
	 */
	ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (ret == 0) {
		ret = seccomp_rule_add(filter, action, number, 0);
	}
	if (ret == 0) {
		ret = seccomp_load(filter);
	}
	if (ret == 0 && listener != NULL) {
		*listener = seccomp_notify_fd(filter);
	}
	seccomp_release(filter);
	return ret;
}

/* One descriptor through a socket; -1 without one. */
static int receive_descriptor(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header = NULL;
	int fd = -1;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1) {
		header = CMSG_FIRSTHDR(&message);
	}
	if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	}
	return fd;
}

static int send_descriptor(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(to, &message, 0) == 1 ? 0 : -errno;
}

/* Until the last process with the filter is gone. */
static void __attribute__((noreturn)) decide(int listener, const char *file, int error)
{
	struct seccomp_notif *request = NULL;
	struct seccomp_notif_resp *response = NULL;

	if (listener == -1 || seccomp_notify_alloc(&request, &response) != 0) {
		_exit(1);
	}
	for (;;) {
		struct pollfd polled = { .fd = listener, .events = POLLIN };
		int ret;

		/* Linux 5.9. */
		poll(&polled, 1, -1);
		if ((polled.revents & POLLHUP) != 0) {
			_exit(0);
		}
		/* Linux takes nothing else (seccomp_notify_recv() in kernel/seccomp.c). */
		memset(request, 0, sizeof(*request));
		memset(response, 0, sizeof(*response));
		ret = seccomp_notify_receive(listener, request);
		/* ENOENT: a signal has taken the caller away meanwhile, and it calls again. */
		if (ret != 0 && (errno == EINTR || errno == ENOENT)) {
			continue;
		}
		if (ret != 0) {
			_exit(1);
		}
		response->id = request->id;
		if (access(file, F_OK) == 0) {
			response->error = -error;
		} else {
			response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		}
		/* Who called may have been killed. */
		(void)seccomp_notify_respond(listener, response);
	}
}

/* The command is this process, so another one decides, and that is no child of the command's. */
static int deny_when(int number, int error, const char *file)
{
	int sockets[2];
	int listener = -1;
	int ret;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == -1) {
		return -errno;
	}
	pid = fork();
	if (pid == -1) {
		return -errno;
	}
	if (pid == 0) {
		if (fork() == 0) {
			close(sockets[0]);
			decide(receive_descriptor(sockets[1]), file, error);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(sockets[1]);
	ret = deny(number, SCMP_ACT_NOTIFY, &listener);
	if (ret == 0) {
		ret = send_descriptor(sockets[0], listener);
		close(listener);
	}
	close(sockets[0]);
	return ret;
}

int main(int argc, char **argv)
{
	static const char usage[] =
		"Usage: deny-syscall [--when FILE] EPERM|ENOSYS|ENOMEM|EMFILE SYSCALL COMMAND [ARGUMENT]...\n";
	const char *file = NULL;
	char **arguments = argv + 1;
	int error;
	int number;
	int ret;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "--when") == 0) {
		file = argv[2];
		arguments = argv + 3;
	}
	if (argv + argc - arguments < 3) {
		fputs(usage, stderr);
		return 2;
	}

	error = find_error(arguments[0]);
	if (error == -1) {
		fprintf(stderr, "deny-syscall: unknown error: %s\n", arguments[0]);
		return 2;
	}
	number = seccomp_syscall_resolve_name(arguments[1]);
	if (number == __NR_SCMP_ERROR) {
		fprintf(stderr, "deny-syscall: unknown system call: %s\n", arguments[1]);
		return 2;
	}

	if (file != NULL) {
		ret = deny_when(number, error, file);
	} else {
		ret = deny(number, SCMP_ACT_ERRNO(error), NULL);
	}
	if (ret != 0) {
		fprintf(stderr, "deny-syscall: cannot install the filter: %s\n", strerror(-ret));
		return 1;
	}

	execvp(arguments[2], arguments + 2);
	fprintf(stderr, "deny-syscall: %s: %s\n", arguments[2], strerror(errno));
	return 1;
}
