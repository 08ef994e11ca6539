/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Static probes (USDT) of provider pathring, for perf and bpftrace. A probe that nobody listens to
 * is one NOP. Compiled in where sys/sdt.h is there (systemtap-sdt-dev).
 *
 *     submit(request, operation, uid)
 *     complete(request, operation, placement, result, nanoseconds)
 *
 * request is the same number in both; operation and placement are the enums of pathring.h.
 */
#ifndef PATHRING_ENGINE_PROBES_H
#define PATHRING_ENGINE_PROBES_H

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>

#define PROBE_SUBMIT(request, operation, uid) \
	DTRACE_PROBE3(pathring, submit, request, operation, uid)
#define PROBE_COMPLETE(request, operation, placement, result, nsec) \
	DTRACE_PROBE5(pathring, complete, request, operation, placement, result, nsec)
#else
#define PROBE_SUBMIT(request, operation, uid)
#define PROBE_COMPLETE(request, operation, placement, result, nsec)
#endif

#endif /* PATHRING_ENGINE_PROBES_H */
