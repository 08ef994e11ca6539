/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program calls itself in its messages. The files here that pathring-replay is linked from,
 * too, ask for it; each program's main.c says it.
 */
#ifndef BENCH_PROGRAM_NAME_H
#define BENCH_PROGRAM_NAME_H

extern const char bench_program_name[];

#endif /* BENCH_PROGRAM_NAME_H */
