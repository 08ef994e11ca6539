/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Telling a forked child from its parent without a system call for each request: a page that the
 * kernel hands to a child as zeroes (MADV_WIPEONFORK, Linux 4.14), whichever way it was forked.
 * getpid() would be a system call a request, pthread_atfork() misses a raw clone().
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

/* One a process, never unmapped: engines come and go. */
static uint64_t *mark_page;
static int mark_error;
static pthread_once_t mark_once = PTHREAD_ONCE_INIT;

static void mark_page_map(void)
{
	long size = sysconf(_SC_PAGESIZE);
	void *page = NULL;
	int ret;

	page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		mark_error = -errno;
		return;
	}
	ret = madvise(page, (size_t)size, MADV_WIPEONFORK);
	if (ret == -1) {
		mark_error = -errno;
		munmap(page, (size_t)size);
		return;
	}
	mark_page = page;
}

int process_mark_init(void)
{
	pthread_once(&mark_once, mark_page_map);
	return mark_error;
}

uint64_t process_mark(void)
{
	return __atomic_load_n(mark_page, __ATOMIC_RELAXED);
}

uint64_t process_mark_set(void)
{
	uint64_t expected = 0;
	struct timespec now = { 0 };
	uint64_t mark;

	/* Differs from the mark of every ancestor, also where process ids are used again. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	mark = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) << 16 |
	       ((uint64_t)getpid() & 0xffff);

	/* Another thread of this process may have been first. */
	__atomic_compare_exchange_n(
		mark_page, &expected, mark, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return process_mark();
}
