/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs gnuplot, which may be missing, fail, or take too long: each is said in a line on stderr.
 */
#ifndef BENCH_GNUPLOT_H
#define BENCH_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * A file in memory to write the script to, with gnuplot's own language and nothing that could be
 * taken for it from elsewhere. NULL after an error. To be closed with fclose().
 */
FILE *bench_gnuplot_script(void);

/* In the directory that dir_fd is, within `seconds`. */
bool bench_gnuplot_run(FILE *script, int dir_fd, unsigned int seconds);

#endif /* BENCH_GNUPLOT_H */
