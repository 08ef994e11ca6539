/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of the oracle, checked.
 */
#ifndef ORACLE_OPTIONS_H
#define ORACLE_OPTIONS_H

#include "oracle.h"

/* False: said on stderr what is wrong. --help ends the process. */
bool options_parse(TALLOC_CTX *mem_ctx,
		   int argc,
		   const char **argv,
		   struct oracle_options *options);

#endif /* ORACLE_OPTIONS_H */
