/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three files in a directory.
 */
#include "capture_config.h"

#include "message.h"
#include "secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char preferences_name[] = "preferences";
static const char keys_name[] = "smb2_seskey_list";
static const char keytab_name[] = "keytab";

struct capture_config {
	char *dir;
	int dir_fd;
	uid_t uid;
};

static int remove_config(struct capture_config *config)
{
	unlinkat(config->dir_fd, preferences_name, 0);
	unlinkat(config->dir_fd, keys_name, 0);
	unlinkat(config->dir_fd, keytab_name, 0);
	close(config->dir_fd);
	if (rmdir(config->dir) != 0) {
		replay_complain("cannot remove %s: %s", config->dir, strerror(errno));
	}
	return 0;
}

static bool cannot_write(const struct capture_config *config, const char *name)
{
	replay_complain("cannot write %s/%s: %s", config->dir, name, strerror(errno));
	return false;
}

static bool
write_file(const struct capture_config *config, const char *name, const void *data, size_t length)
{
	int fd = openat(config->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd != -1 && write(fd, data, length) == (ssize_t)length &&
		  (config->uid == 0 || fchown(fd, config->uid, config->uid) == 0);

	if (!ok) {
		cannot_write(config, name);
	}
	if (fd != -1) {
		close(fd);
	}
	return ok;
}

/*
 * One column, as tshark must have one. smb2.pipe_reassembly would run the parsers of DCE/RPC over
 * what goes through pipes, and that is not replayed.
 */
static bool write_preferences(const struct capture_config *config,
			      const struct replay_import *import)
{
	const char *password = import->password != NULL ? import->password : "";
	char *text = NULL;
	bool ok = false;

	/* Wireshark's parser drops blanks in front, and takes a line's end for one of the value. */
	if (isspace((unsigned char)password[0]) || strpbrk(password, "\r\n") != NULL) {
		replay_complain("a password that begins with a blank, or has a line's end in it, "
				"cannot be given to tshark; use --session-key");
		return false;
	}
	text = talloc_asprintf(NULL,
			       "gui.column.format: \"n\",\"%%m\"\n"
			       "smb2.pipe_reassembly: FALSE\n"
			       "ntlmssp.nt_password: %s\n"
			       "kerberos.decrypt: %s\n"
			       "kerberos.file: %s/%s\n",
			       password,
			       import->keytab != NULL ? "TRUE" : "FALSE",
			       config->dir,
			       keytab_name);
	if (text == NULL) {
		replay_complain_memory();
		return false;
	}
	ok = write_file(config, preferences_name, text, strlen(text));
	talloc_free(text);
	return ok;
}

static bool write_keys(const struct capture_config *config, const char **keys)
{
	char *text = talloc_strdup(NULL, "");
	size_t i = 0;
	bool ok = false;

	for (i = 0; text != NULL && keys[i] != NULL; i++) {
		text = talloc_asprintf_append(text, "%s,\"\",\"\"\n", keys[i]);
	}
	if (text == NULL) {
		replay_complain_memory();
		return false;
	}
	ok = write_file(config, keys_name, text, strlen(text));
	talloc_free(text);
	return ok;
}

/* A copy, as tshark may not be allowed to read it where it is. */
static bool write_keytab(const struct capture_config *config, const char *name)
{
	size_t length = 0;
	char *keytab = replay_secret_read(NULL, "--keytab", name, &length);
	bool ok = keytab != NULL && write_file(config, keytab_name, keytab, length);

	talloc_free(keytab);
	return ok;
}

static bool make_dir(struct capture_config *config)
{
	const char *base = getenv("TMPDIR");

	config->dir = talloc_asprintf(config,
				      "%s/pathring-replay.XXXXXX",
				      base != NULL && base[0] == '/' ? base : "/tmp");
	if (config->dir == NULL) {
		replay_complain_memory();
		return false;
	}
	if (mkdtemp(config->dir) == NULL) {
		replay_complain("cannot make the directory %s: %s", config->dir, strerror(errno));
		return false;
	}
	config->dir_fd = open(config->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (config->dir_fd == -1) {
		cannot_write(config, "");
		rmdir(config->dir);
		return false;
	}
	talloc_set_destructor(config, remove_config);
	if (config->uid != 0 && fchown(config->dir_fd, config->uid, config->uid) != 0) {
		return cannot_write(config, "");
	}
	return true;
}

struct capture_config *
capture_config_create(TALLOC_CTX *mem_ctx, const struct replay_import *import, uid_t uid)
{
	struct capture_config *config = talloc_zero(mem_ctx, struct capture_config);

	if (config == NULL) {
		replay_complain_memory();
		return NULL;
	}
	config->uid = uid;
	if (!make_dir(config) || !write_preferences(config, import) ||
	    (import->session_keys != NULL && !write_keys(config, import->session_keys)) ||
	    (import->keytab != NULL && !write_keytab(config, import->keytab))) {
		talloc_free(config);
		return NULL;
	}
	return config;
}

const char *capture_config_dir(const struct capture_config *config)
{
	return config->dir;
}
