/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * openat2(2) for programs in valgrind, which does not know the call before its version 3.23: loaded
 * with LD_PRELOAD. The rules of resolution are not kept, so no test that is about them may run with
 * it; where the real call is there, it is used.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS 6

/* The engine asks for it first, and does without where the answer is this. */
static long not_cached(void)
{
	errno = EAGAIN;
	return -1;
}

long syscall(long number, ...)
{
	static long (*real_syscall)(long number, ...);
	const struct open_how *how = NULL;
	long arguments[ARGUMENTS];
	va_list list;
	long ret;
	int i;

	va_start(list, number);
	for (i = 0; i < ARGUMENTS; i++) {
		arguments[i] = va_arg(list, long);
	}
	va_end(list);
	if (real_syscall == NULL) {
		*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	}

	ret = real_syscall(number,
			   arguments[0],
			   arguments[1],
			   arguments[2],
			   arguments[3],
			   arguments[4],
			   arguments[5]);
	if (number != SYS_openat2 || ret != -1 || errno != ENOSYS) {
		return ret;
	}
	how = (const struct open_how *)arguments[2];
	if ((how->resolve & 0x20 /* RESOLVE_CACHED */) != 0) {
		return not_cached();
	}
	return openat(
		(int)arguments[0], (const char *)arguments[1], (int)how->flags, (mode_t)how->mode);
}
