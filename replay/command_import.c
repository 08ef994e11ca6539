/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pathring-replay import: from the command line to the importer that the input is for.
 */
#include "commands.h"

#include "anonymise.h"
#include "command_line.h"
#include "detect.h"
#include "message.h"
#include "secret.h"
#include "signals.h"
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option {
	OPTION_FORMAT = 1,
	OPTION_OUTPUT,
	OPTION_ANONYMISE,
	OPTION_PORT,
	OPTION_PASSWORD,
	OPTION_PASSWORD_FILE,
	OPTION_SESSION_KEY,
	OPTION_SESSION_KEY_FILE,
	OPTION_KEYTAB,
	OPTION_AUDIT_PREFIX,
	NUM_OPTIONS
};

/* clang-format off */
#define VALUE(name, short_name, option, help, value) \
	{ name, short_name, POPT_ARG_STRING, NULL, option, help, value }

static const struct poptOption option_table[] = {
	VALUE("format", '\0', OPTION_FORMAT,
	      "What the input is: capture, loadfile, full-audit, trace, or auto (the default)",
	      "FORMAT"),
	VALUE("output", 'o', OPTION_OUTPUT, "Where to write the trace; -: standard output", "TRACE"),
	VALUE("anonymise", '\0', OPTION_ANONYMISE,
	      "Replace the names of users, computers, shares and files, by a key in this file",
	      "KEYFILE"),
	VALUE("port", '\0', OPTION_PORT,
	      "Capture: ports of SMB other than 445 and 139", "LIST"),
	VALUE("password", '\0', OPTION_PASSWORD,
	      "Capture: decrypt the sessions that this password opened with NTLM", "PASSWORD"),
	VALUE("password-file", '\0', OPTION_PASSWORD_FILE,
	      "The same, with the password in a file, where nobody else sees it", "FILE"),
	VALUE("session-key", '\0', OPTION_SESSION_KEY,
	      "Capture: decrypt these sessions, by their ids and keys in hexadecimal",
	      "ID:KEY,..."),
	VALUE("session-key-file", '\0', OPTION_SESSION_KEY_FILE,
	      "The same, with an ID:KEY in each line of a file", "FILE"),
	VALUE("keytab", '\0', OPTION_KEYTAB,
	      "Capture: decrypt the sessions that Kerberos opened, by the server's keys", "FILE"),
	VALUE("audit-prefix", '\0', OPTION_AUDIT_PREFIX,
	      "Log: full_audit:prefix of smb.conf, if it is not like %u|%I|%S", "TEXT"),
	POPT_AUTOHELP
	POPT_TABLEEND
};
/* clang-format on */

struct importer {
	const char *name;
	enum replay_format format;
	int (*run)(const struct replay_import *import);
};

static const struct importer importers[] = {
	{ "capture", REPLAY_FORMAT_CAPTURE, replay_import_capture },
	{ "full-audit", REPLAY_FORMAT_FULL_AUDIT, replay_import_full_audit },
	{ "loadfile", REPLAY_FORMAT_LOADFILE, replay_import_loadfile },
	{ "trace", REPLAY_FORMAT_TRACE, replay_import_trace },
};

struct import_options {
	struct replay_import import;
	const struct importer *importer; /* NULL: to be found out */
	const char *output;
	struct replay_anonymiser *anonymiser;
};

static bool choose_importer(struct import_options *options, const char *name)
{
	size_t i = 0;

	if (strcmp(name, "auto") == 0) {
		if (strcmp(options->import.input, "-") == 0) {
			bench_refuse("--format", name, "not of standard input: say what it is");
			return false;
		}
		return true;
	}
	for (i = 0; i < sizeof(importers) / sizeof(importers[0]); i++) {
		if (strcmp(importers[i].name, name) == 0) {
			options->importer = &importers[i];
			return true;
		}
	}
	bench_refuse("--format", name, "expected capture, loadfile, full-audit, trace or auto");
	return false;
}

static bool detect_importer(struct import_options *options)
{
	enum replay_format format = REPLAY_FORMAT_UNKNOWN;
	size_t i = 0;

	if (!replay_detect(options->import.input, &format)) {
		return false;
	}
	for (i = 0; i < sizeof(importers) / sizeof(importers[0]); i++) {
		if (importers[i].format == format) {
			options->importer = &importers[i];
			return true;
		}
	}
	replay_complain("%s: no capture, no loadfile, no log of vfs_full_audit and no trace, as it "
			"seems; --format says what it is",
			options->import.input);
	return false;
}

struct list {
	const char *option;
	const char **items; /* ended by NULL */
	size_t num;
};

static bool add_item(struct list *list, const char *item)
{
	const char **longer = talloc_realloc(NULL, list->items, const char *, list->num + 2);

	if (longer == NULL) {
		bench_refuse_memory();
		return false;
	}
	list->items = longer;
	list->items[list->num] = talloc_strdup(list->items, item);
	list->items[list->num + 1] = NULL;
	if (list->items[list->num] == NULL) {
		bench_refuse_memory();
		return false;
	}
	list->num++;
	return true;
}

static bool add_port(void *private_data, const char *part)
{
	struct list *list = private_data;
	size_t port = 0;

	return bench_parse_number(list->option, part, 1, 65535, &port) && add_item(list, part);
}

/* "ID:KEY" becomes "ID,KEY", as tshark has it: with a comma it could not be in a list. */
static bool add_session_key(void *private_data, const char *part)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct list *list = private_data;
	size_t id_length = strspn(part, digits);
	size_t key_length = 0;
	char *pair = NULL;
	bool ok = false;

	if (id_length == 16 && part[16] == ':') {
		key_length = strspn(part + 17, digits);
	}
	/* The keys of SMB3 have 128 or 256 bits. */
	if ((key_length != 32 && key_length != 64) || part[17 + key_length] != '\0') {
		bench_refuse(list->option,
			     "",
			     "expected ID:KEY: 16 digits in hexadecimal, a colon, 32 or 64 digits");
		return false;
	}
	pair = talloc_strdup(NULL, part);
	if (pair != NULL) {
		pair[16] = ',';
		ok = add_item(list, pair);
	}
	talloc_free(pair);
	return ok;
}

static bool add_session_keys(struct list *list, const char *name)
{
	size_t length = 0;
	char *text = replay_secret_read(NULL, list->option, name, &length);
	char *rest = text;
	char *line = NULL;
	bool ok = text != NULL;

	while (ok && (line = strsep(&rest, "\n")) != NULL) {
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r")] = '\0';
		if (line[0] != '\0' && line[0] != '#') {
			ok = add_session_key(list, line);
		}
	}
	talloc_free(text);
	return ok;
}

static bool read_lists(struct import_options *options, const struct bench_arguments *arguments)
{
	const char *ports = bench_argument(arguments, OPTION_PORT, NULL);
	const char *keys = bench_argument(arguments, OPTION_SESSION_KEY, NULL);
	const char *key_file = bench_argument(arguments, OPTION_SESSION_KEY_FILE, NULL);
	struct list list = { .option = "--port" };
	bool ok = true;

	if (ports != NULL) {
		ok = bench_parse_list(NULL, ports, add_port, &list);
		options->import.ports = talloc_steal(options, list.items);
	}
	list = (struct list) { .option = "--session-key" };
	if (ok && keys != NULL) {
		ok = bench_parse_list(NULL, keys, add_session_key, &list);
	}
	if (ok && key_file != NULL) {
		list.option = "--session-key-file";
		ok = add_session_keys(&list, key_file);
	}
	options->import.session_keys = talloc_steal(options, list.items);
	return ok;
}

static bool read_password(struct import_options *options, const struct bench_arguments *arguments)
{
	const char *name = bench_argument(arguments, OPTION_PASSWORD_FILE, NULL);
	char *text = NULL;
	size_t length = 0;

	options->import.password = bench_argument(arguments, OPTION_PASSWORD, NULL);
	if (name == NULL) {
		return true;
	}
	if (options->import.password != NULL) {
		bench_refuse("--password-file", name, "not together with --password");
		return false;
	}
	text = replay_secret_read(options, "--password-file", name, &length);
	if (text == NULL) {
		return false;
	}
	text[strcspn(text, "\r\n")] = '\0';
	options->import.password = text;
	return true;
}

static bool read_key(struct import_options *options, const char *name)
{
	char *key = NULL;
	size_t length = 0;

	if (name == NULL) {
		return true;
	}
	key = replay_secret_read(options, "--anonymise", name, &length);
	if (key == NULL) {
		return false;
	}
	if (length < REPLAY_MIN_KEY) {
		bench_refuse("--anonymise",
			     name,
			     "a key of fewer than 16 bytes can be guessed: head -c 32 /dev/urandom "
			     "makes one");
		return false;
	}
	options->anonymiser = replay_anonymiser_create(options, key, length);
	if (options->anonymiser == NULL) {
		bench_refuse_memory();
	}
	return options->anonymiser != NULL;
}

static bool check(struct import_options *options, const struct bench_arguments *arguments)
{
	if (arguments->rest[0] == NULL) {
		bench_refuse("import", "INPUT", "is missing, see --help");
		return false;
	}
	if (arguments->rest[1] != NULL) {
		bench_refuse("argument", arguments->rest[1], "not expected, see --help");
		return false;
	}
	options->import.input = arguments->rest[0];
	options->output = bench_argument(arguments, OPTION_OUTPUT, NULL);
	if (options->output == NULL) {
		bench_refuse("import", "-o TRACE", "is missing, see --help");
		return false;
	}
	options->import.audit_prefix = bench_argument(arguments, OPTION_AUDIT_PREFIX, NULL);
	options->import.keytab = bench_argument(arguments, OPTION_KEYTAB, NULL);
	return read_lists(options, arguments) && read_password(options, arguments) &&
	       read_key(options, bench_argument(arguments, OPTION_ANONYMISE, NULL)) &&
	       choose_importer(options, bench_argument(arguments, OPTION_FORMAT, "auto"));
}

static int run(struct import_options *options)
{
	int ret = -1;

	if (!bench_signals_install()) {
		replay_complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (options->importer == NULL && !detect_importer(options)) {
		return EXIT_FAILURE;
	}
	options->import.sink = replay_sink_create(options, options->output, options->anonymiser);
	if (options->import.sink != NULL) {
		ret = options->importer->run(&options->import);
	}
	if (ret == 0) {
		ret = replay_sink_finish(options->import.sink);
	}
	if (bench_signal_caught() != 0) {
		return 128 + bench_signal_caught();
	}
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int replay_command_import(int argc, const char **argv)
{
	struct import_options *options = talloc_zero(NULL, struct import_options);
	struct bench_arguments *arguments = NULL;
	int code = 2;

	if (options == NULL) {
		bench_refuse_memory();
		return EXIT_FAILURE;
	}
	arguments =
		bench_arguments_read(options,
				     argc,
				     argv,
				     option_table,
				     NUM_OPTIONS,
				     "INPUT -o TRACE [OPTION...]\n"
				     "Makes a trace of what clients of a file server did: of a "
				     "capture of SMB,\n"
				     "a loadfile of dbench, or a log of Samba's vfs_full_audit.");
	if (arguments != NULL && check(options, arguments)) {
		code = run(options);
	}
	talloc_free(options);
	return code;
}
