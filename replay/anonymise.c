/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name is replaced by an HMAC of it. Nothing of the name is left, not even its length; what a
 * replay needs is kept: which names are the same for a file server, that is without regard to case,
 * where a path divides, and which names a pattern like *.txt is about.
 */
#include "anonymise.h"

#include <locale.h>
#include <nettle/hmac.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* So many characters of 5 bits each. With 60 bits a million names meet by a chance of 5e-7. */
#define NAME_LENGTH 12
/* Few are in use, and a name that has one is long enough. */
#define EXTENSION_LENGTH 6

/* What [MS-FSA] 2.1.4.4 gives a meaning: * ? and DOS_STAR, DOS_QM, DOS_DOT. */
#define WILDCARDS "*?<>\""

/* Names of one kind tell nothing of those of another. */
#define KIND_USER "user"
#define KIND_DOMAIN "domain"
#define KIND_CLIENT "client"
#define KIND_SHARE "share"
#define KIND_NAME "name"
#define KIND_EXTENSION "extension"
#define KIND_STREAM "stream"

struct replay_anonymiser {
	struct hmac_sha256_ctx context; /* with the key, and nothing else */
	locale_t locale;
	TALLOC_CTX *strings;
};

static int free_anonymiser(struct replay_anonymiser *anonymiser)
{
	explicit_bzero(&anonymiser->context, sizeof(anonymiser->context));
	freelocale(anonymiser->locale);
	return 0;
}

struct replay_anonymiser *
replay_anonymiser_create(TALLOC_CTX *mem_ctx, const void *key, size_t key_length)
{
	struct replay_anonymiser *anonymiser = NULL;
	locale_t locale = (locale_t)0;

	if (key_length < REPLAY_MIN_KEY) {
		return NULL;
	}
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	anonymiser = talloc_zero(mem_ctx, struct replay_anonymiser);
	if (anonymiser == NULL || locale == (locale_t)0) {
		talloc_free(anonymiser);
		return NULL;
	}
	anonymiser->locale = locale;
	talloc_set_destructor(anonymiser, free_anonymiser);
	hmac_sha256_set_key(&anonymiser->context, key_length, key);
	anonymiser->strings = talloc_new(anonymiser);
	if (anonymiser->strings == NULL) {
		TALLOC_FREE(anonymiser);
	}
	return anonymiser;
}

static void add_folded(struct replay_anonymiser *anonymiser,
		       struct hmac_sha256_ctx *context,
		       const char *text,
		       size_t length)
{
	const locale_t before = uselocale(anonymiser->locale);
	mbstate_t state;
	size_t at = 0;

	memset(&state, 0, sizeof(state));
	while (at < length) {
		wchar_t wide = 0;
		uint32_t character = 0;
		size_t got = mbrtowc(&wide, text + at, length - at, &state);

		if (got == 0 || got > length - at) {
			/* No UTF-8: bytes as they are, where no character can be. */
			character = 0x80000000U | (unsigned char)text[at];
			memset(&state, 0, sizeof(state));
			got = 1;
		} else {
			character = (uint32_t)towlower((wint_t)wide);
		}
		hmac_sha256_update(context, sizeof(character), (const uint8_t *)&character);
		at += got;
	}
	uselocale(before);
}

/*
 * Appends the other name of a part of a name; that of nothing is nothing. The letters are those of
 * base 32 that no two names differ in by case alone.
 */
static bool append_other(struct replay_anonymiser *anonymiser,
			 char **out,
			 const char *kind,
			 const char *text,
			 size_t length,
			 size_t num_characters)
{
	struct hmac_sha256_ctx context = anonymiser->context;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char other[NAME_LENGTH];
	size_t i = 0;

	if (length == 0) {
		return true;
	}
	hmac_sha256_update(&context, strlen(kind) + 1, (const uint8_t *)kind);
	add_folded(anonymiser, &context, text, length);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	for (i = 0; i < num_characters; i++) {
		other[i] = "abcdefghijklmnopqrstuvwxyz234567"[digest[i] & 0x1f];
	}
	*out = talloc_strndup_append_buffer(*out, other, num_characters);
	return *out != NULL;
}

static bool append(char **out, const char *text, size_t length)
{
	*out = talloc_strndup_append_buffer(*out, text, length);
	return *out != NULL;
}

/* Of a pattern: what is between wildcards is a name of its own. */
static bool append_pieces(struct replay_anonymiser *anonymiser,
			  char **out,
			  const char *kind,
			  const char *text,
			  size_t length,
			  size_t num_characters)
{
	size_t at = 0;
	bool ok = true;

	while (ok && at < length) {
		size_t wild = strspn(text + at, WILDCARDS);
		size_t plain = 0;

		wild = wild < length - at ? wild : length - at;
		ok = append(out, text + at, wild);
		at += wild;
		plain = strcspn(text + at, WILDCARDS);
		plain = plain < length - at ? plain : length - at;
		ok = ok && append_other(anonymiser, out, kind, text + at, plain, num_characters);
		at += plain;
	}
	return ok;
}

/* "report.doc": both parts have names of their own, so that "*.doc" stays a pattern for it. */
static bool append_file_name(struct replay_anonymiser *anonymiser,
			     char **out,
			     const char *name,
			     size_t length,
			     bool is_pattern)
{
	const char *dot = memrchr(name, '.', length);
	size_t base = dot != NULL ? (size_t)(dot - name) : length;
	size_t rest = dot != NULL ? base + 1 : length;

	if (!is_pattern) {
		return append_other(anonymiser, out, KIND_NAME, name, base, NAME_LENGTH) &&
		       append(out, name + base, rest - base) &&
		       append_other(anonymiser,
				    out,
				    KIND_EXTENSION,
				    name + rest,
				    length - rest,
				    EXTENSION_LENGTH);
	}
	return append_pieces(anonymiser, out, KIND_NAME, name, base, NAME_LENGTH) &&
	       append(out, name + base, rest - base) &&
	       append_pieces(anonymiser,
			     out,
			     KIND_EXTENSION,
			     name + rest,
			     length - rest,
			     EXTENSION_LENGTH);
}

/* "name", "name:stream", "name:stream:$DATA", "name::$DATA". */
static bool append_component(struct replay_anonymiser *anonymiser,
			     char **out,
			     const char *name,
			     size_t length,
			     bool is_pattern)
{
	const char *end = name + length;
	const char *colon = memchr(name, ':', length);
	bool ok = true;

	if ((length == 1 && name[0] == '.') || (length == 2 && memcmp(name, "..", 2) == 0)) {
		return append(out, name, length);
	}
	ok = append_file_name(
		anonymiser, out, name, colon != NULL ? (size_t)(colon - name) : length, is_pattern);
	while (ok && colon != NULL) {
		const char *part = colon + 1;
		size_t part_length = 0;

		colon = memchr(part, ':', (size_t)(end - part));
		part_length = (size_t)((colon != NULL ? colon : end) - part);
		ok = append(out, ":", 1);
		if (part_length == 5 && strncasecmp(part, "$DATA", 5) == 0) {
			ok = ok && append(out, part, part_length);
		} else {
			ok = ok &&
			     append_other(
				     anonymiser, out, KIND_STREAM, part, part_length, NAME_LENGTH);
		}
	}
	return ok;
}

static bool change_path(struct replay_anonymiser *anonymiser, const char *path, const char **other)
{
	char *out = NULL;
	bool ok = true;

	*other = NULL;
	if (path == NULL) {
		return true;
	}
	out = talloc_strdup(anonymiser->strings, "");
	ok = out != NULL;
	while (ok) {
		size_t length = strcspn(path, "/");

		ok = append_component(anonymiser, &out, path, length, false);
		path += length;
		if (*path == '\0') {
			break;
		}
		ok = ok && append(&out, "/", 1);
		path++;
	}
	*other = out;
	return ok;
}

static bool
change_pattern(struct replay_anonymiser *anonymiser, const char *pattern, const char **other)
{
	char *out = NULL;
	bool ok = true;

	*other = NULL;
	if (pattern == NULL) {
		return true;
	}
	out = talloc_strdup(anonymiser->strings, "");
	ok = out != NULL && append_component(anonymiser,
					     &out,
					     pattern,
					     strlen(pattern),
					     strpbrk(pattern, WILDCARDS) != NULL);
	*other = out;
	return ok;
}

static bool change_word(struct replay_anonymiser *anonymiser,
			const char *kind,
			const char *word,
			const char **other)
{
	char *out = NULL;
	bool ok = true;

	*other = NULL;
	if (word == NULL) {
		return true;
	}
	out = talloc_asprintf(anonymiser->strings, "%s-", kind);
	ok = out != NULL && append_other(anonymiser, &out, kind, word, strlen(word), NAME_LENGTH);
	*other = out;
	return ok;
}

static bool
change_share(struct replay_anonymiser *anonymiser, const char *share, const char **other)
{
	/* Everybody's, and what is asked of it are no files. */
	if (share != NULL && strcasecmp(share, "IPC$") == 0) {
		*other = share;
		return true;
	}
	return change_word(anonymiser, KIND_SHARE, share, other);
}

bool replay_anonymise_session(struct replay_anonymiser *anonymiser,
			      const struct replay_session *from,
			      struct replay_session *to)
{
	*to = *from;
	talloc_free_children(anonymiser->strings);
	return change_word(anonymiser, KIND_USER, from->user, &to->user) &&
	       change_word(anonymiser, KIND_DOMAIN, from->domain, &to->domain) &&
	       change_word(anonymiser, KIND_CLIENT, from->client, &to->client);
}

bool replay_anonymise_request(struct replay_anonymiser *anonymiser,
			      const struct replay_request *from,
			      struct replay_request *to)
{
	*to = *from;
	talloc_free_children(anonymiser->strings);
	return change_share(anonymiser, from->share, &to->share) &&
	       change_path(anonymiser, from->path, &to->path) &&
	       change_path(anonymiser, from->target, &to->target) &&
	       change_pattern(anonymiser, from->pattern, &to->pattern);
}
