/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deny-syscall: run a command that gets a chosen error from one system call, in itself and in all its children. The
 * tests start smbd with it to see what happens where io_uring is refused.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
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

static int deny(int number, int error)
{
	scmp_filter_ctx filter = NULL;
	int ret;

	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (filter == NULL) {
		return -ENOMEM;
	}

	/* Without "no new privileges" smbd behaves as usual. Root may install a filter without it. */
	ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (ret == 0) {
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), number, 0);
	}
	if (ret == 0) {
		ret = seccomp_load(filter);
	}
	seccomp_release(filter);
	return ret;
}

int main(int argc, char **argv)
{
	int error;
	int number;
	int ret;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		printf("Usage: deny-syscall EPERM|ENOSYS|ENOMEM|EMFILE SYSCALL COMMAND [ARGUMENT]...\n");
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "Usage: deny-syscall EPERM|ENOSYS|ENOMEM|EMFILE SYSCALL COMMAND [ARGUMENT]...\n");
		return 2;
	}

	error = find_error(argv[1]);
	if (error == -1) {
		fprintf(stderr, "deny-syscall: unknown error: %s\n", argv[1]);
		return 2;
	}
	number = seccomp_syscall_resolve_name(argv[2]);
	if (number == __NR_SCMP_ERROR) {
		fprintf(stderr, "deny-syscall: unknown system call: %s\n", argv[2]);
		return 2;
	}

	ret = deny(number, error);
	if (ret != 0) {
		fprintf(stderr, "deny-syscall: cannot install the filter: %s\n", strerror(-ret));
		return 1;
	}

	execvp(argv[3], argv + 3);
	fprintf(stderr, "deny-syscall: %s: %s\n", argv[3], strerror(errno));
	return 1;
}
