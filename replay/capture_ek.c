/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tshark's names of fields in this format are "PROTOCOL_FIELD" with '_' for '.', so smb2.cmd is
 * smb2_smb2_cmd. A value is a string, a boolean or null, or an array of these when there are
 * several. One name may come twice in an object, where the fields hang under different ones of
 * tshark's tree; the last one counts then.
 */
#include "capture_ek.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND 1000000000ULL

/* tshark nests decrypted messages once, and what they carry a few times. */
#define MAX_DEPTH 16

/*
 * "contains" finds the protocol's id, behind the four bytes of length, in what tshark did not take
 * for SMB. tcp.analysis.lost_segment also says that it has to be found out.
 */
const char capture_ek_filter[] =
	"smb2 or smb or tcp.analysis.lost_segment or (data and tcp contains fe:53:4d:42) or "
	"(smb2 and ("
	"frame.time_epoch or ip.src or ip.dst or ipv6.src or ipv6.dst or tcp.stream or "
	"tcp.srcport or tcp.dstport or smb2.cmd or smb2.flags or smb2.msg_id or "
	"smb2.chain_offset or smb2.sesid or smb2.tid or smb2.nt_status or smb2.fid or "
	"smb2.filename or smb2.tree or smb2.share_type or smb.access_mask or "
	"smb.create_options or smb2.create.disposition or smb2.eof or smb2.file_attribute or "
	"smb2.class or smb2.file_info.infolevel or smb2.fs_info.infolevel or "
	"smb2.sec_info.infolevel or smb2.find.infolevel or smb2.find.pattern or "
	"smb2.find.flags or smb2.output_buffer_len or smb2.max_response_size or "
	"smb2.getsetinfo_additionals or smb2.file_offset or smb2.read_length or "
	"smb2.olb.length or smb2.write_length or smb2.write.count or smb2.last_write.time or "
	"smb2.rename.replace_if or smb2.disposition.delete_on_close or smb.end_of_file or "
	"smb.alloc_size64 or smb2.unknown or smb2.ses_req_flags.session_binding or "
	"smb2.server_guid or ntlmssp.auth.username or ntlmssp.auth.domain or "
	"kerberos.CNameString or kerberos.crealm))";

/* ---- fields ---- */

static const json_t *value_of(const json_t *object, const char *name, bool last)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_array(value)) {
		size_t size = json_array_size(value);

		value = size > 0 ? json_array_get(value, last ? size - 1 : 0) : NULL;
	}
	return value;
}

/* 0x and hexadecimal digits, or decimal ones: a field is written as Wireshark shows it. */
static bool parse_number(const char *text, uint64_t *value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	char *end = NULL;

	/* strtoull() takes a sign and blanks. */
	if (strchr("0123456789abcdefABCDEF", digits[0]) == NULL || digits[0] == '\0') {
		return false;
	}
	errno = 0;
	*value = strtoull(digits, &end, base);
	return errno == 0 && *end == '\0';
}

static bool number_in(const json_t *value, uint64_t *number)
{
	if (json_is_string(value)) {
		return parse_number(json_string_value(value), number);
	}
	if (json_is_boolean(value)) {
		*number = json_is_true(value) ? 1 : 0;
		return true;
	}
	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*number = (uint64_t)json_integer_value(value);
		return true;
	}
	return false;
}

bool capture_ek_number(const json_t *message, const char *name, uint64_t *value)
{
	return number_in(value_of(message, name, false), value);
}

uint64_t capture_ek_or_zero(const json_t *message, const char *name)
{
	uint64_t value = 0;

	return capture_ek_number(message, name, &value) ? value : 0;
}

bool capture_ek_flag(const json_t *message, const char *name)
{
	return capture_ek_or_zero(message, name) != 0;
}

const char *capture_ek_string(const json_t *message, const char *name)
{
	return json_string_value(value_of(message, name, false));
}

size_t capture_ek_count(const json_t *message, const char *name)
{
	const json_t *value = json_object_get(message, name);

	if (json_is_array(value)) {
		return json_array_size(value);
	}
	return value != NULL ? 1 : 0;
}

static const char *find_string(const json_t *value, const char *name, int depth)
{
	const char *found = json_string_value(value_of(value, name, false));
	const char *key = NULL;
	json_t *child = NULL;
	size_t i = 0;

	if (found != NULL || depth == MAX_DEPTH) {
		return found;
	}
	json_object_foreach((json_t *)value, key, child)
	{
		found = find_string(child, name, depth + 1);
		if (found != NULL) {
			return found;
		}
	}
	json_array_foreach(value, i, child)
	{
		found = find_string(child, name, depth + 1);
		if (found != NULL) {
			return found;
		}
	}
	return NULL;
}

const char *capture_ek_find_string(const json_t *message, const char *name)
{
	return find_string(message, name, 0);
}

/* Digits behind the point. */
static bool parse_fraction(const char *text, bool is_count, char end, uint64_t *ns)
{
	uint64_t unit = NS_PER_SECOND;

	*ns = 0;
	while (*text >= '0' && *text <= '9' && unit > 1) {
		unit /= 10;
		*ns = *ns * 10 + (uint64_t)(*text - '0');
		text++;
	}
	if (!is_count) {
		*ns *= unit;
	}
	return *text == end;
}

/*
 * "SECONDS.FRACTION", or "YYYY-MM-DDTHH:MM:SS.NANOSECONDSZ". In the latter tshark 4.0 leaves out
 * the leading zeros of the nanoseconds (ek_write_field_value() in epan/print.c), so they are a
 * count and no fraction; later ones write nine digits, which is the same.
 */
static bool parse_time(const char *text, uint64_t *value)
{
	struct tm parts = { .tm_isdst = 0 };
	const char *point = strchr(text, '.');
	const char *rest = NULL;
	time_t seconds = 0;
	uint64_t ns = 0;
	char *end = NULL;

	if (point == NULL) {
		return false;
	}
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	if (rest != NULL) {
		if (rest != point || !parse_fraction(point + 1, true, 'Z', &ns)) {
			return false;
		}
		seconds = timegm(&parts);
	} else {
		if (*text < '0' || *text > '9' || !parse_fraction(point + 1, false, '\0', &ns)) {
			return false;
		}
		errno = 0;
		seconds = strtoll(text, &end, 10);
		if (errno != 0 || end != point) {
			return false;
		}
	}
	/* From 1970 to 2262: in 64 bits of nanoseconds with a sign. */
	if (seconds < 0 || seconds >= INT64_MAX / (int64_t)NS_PER_SECOND) {
		return false;
	}
	*value = (uint64_t)seconds * NS_PER_SECOND + ns;
	return true;
}

bool capture_ek_time(const json_t *message, const char *name, uint64_t *value)
{
	const char *text = capture_ek_string(message, name);

	return text != NULL && parse_time(text, value);
}

/* ---- lines ---- */

/* A protocol that is there several times is in itself, as in a tunnel: the innermost counts. */
static const json_t *protocol(const json_t *layers, const char *name)
{
	return value_of(layers, name, true);
}

static uint32_t small_number(const json_t *object, const char *name)
{
	uint64_t value = 0;

	return number_in(value_of(object, name, true), &value) && value <= UINT32_MAX
		       ? (uint32_t)value
		       : 0;
}

static const char *address(const json_t *layers, const char *ip_name, const char *ipv6_name)
{
	const char *text = json_string_value(value_of(protocol(layers, "ip"), ip_name, true));

	if (text == NULL) {
		text = json_string_value(value_of(protocol(layers, "ipv6"), ipv6_name, true));
	}
	return text != NULL ? text : "unknown";
}

/*
 * Messages, and messages in messages: tshark puts what was decrypted inside of what it was
 * encrypted in.
 */
static int walk(const struct capture_ek_handler *handler,
		struct capture_frame *frame,
		const json_t *value,
		int depth)
{
	const json_t *inner = NULL;
	const json_t *child = NULL;
	size_t i = 0;
	int ret = 0;

	if (depth == MAX_DEPTH) {
		return 0;
	}
	json_array_foreach(value, i, child)
	{
		ret = walk(handler, frame, child, depth + 1);
		if (ret != 0) {
			return ret;
		}
	}
	if (!json_is_object(value)) {
		return 0;
	}
	inner = json_object_get(value, "smb2");
	if (json_object_get(value, "smb2_smb2_cmd") != NULL) {
		ret = handler->message(handler->private_data, frame, value);
	} else if (inner == NULL) {
		frame->unreadable++;
	}
	return ret == 0 ? walk(handler, frame, inner, depth + 1) : ret;
}

int capture_ek_line(const struct capture_ek_handler *handler, const char *line, size_t length)
{
	struct capture_frame frame = { .time = 0 };
	const json_t *layers = NULL;
	const json_t *tcp = NULL;
	json_t *document = NULL;
	int ret = 0;

	/* Before each frame comes the name of an index, for the program that this format is for. */
	if (length == 0 || strncmp(line, "{\"index\":", strlen("{\"index\":")) == 0) {
		return 0;
	}
	document = json_loadb(line, length, 0, NULL);
	layers = json_object_get(document, "layers");
	tcp = protocol(layers, "tcp");
	if (!capture_ek_time(protocol(layers, "frame"), "frame_frame_time_epoch", &frame.time)) {
		json_decref(document);
		return 1;
	}
	frame.stream = small_number(tcp, "tcp_tcp_stream");
	frame.source_port = small_number(tcp, "tcp_tcp_srcport");
	frame.destination_port = small_number(tcp, "tcp_tcp_dstport");
	frame.source = address(layers, "ip_ip_src", "ipv6_ipv6_src");
	frame.destination = address(layers, "ip_ip_dst", "ipv6_ipv6_dst");
	frame.lost = json_object_get(tcp, "tcp_tcp_analysis_lost_segment") != NULL;
	frame.smb1 = json_object_get(layers, "smb") != NULL;
	frame.undissected = json_object_get(layers, "data") != NULL &&
			    json_object_get(layers, "nbss") == NULL && !frame.lost;
	ret = walk(handler, &frame, json_object_get(layers, "smb2"), 0);
	if (ret == 0) {
		ret = handler->frame(handler->private_data, &frame);
	}
	json_decref(document);
	return ret;
}
