/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The importer of captures without tshark: lines as it writes them, of what a capture can have in
 * it that no client at hand makes, and the requests that come of them.
 */
#include <criterion/criterion.h>

#include "capture.h"
#include "capture_ports.h"
#include "message.h"
#include "program_name.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_REQUESTS 40000
#define MAX_SESSIONS 16

const char bench_program_name[] = "test_replay_capture";

/* What would be in the trace. */
struct replay_sink {
	struct replay_request requests[MAX_REQUESTS];
	size_t num_requests;
	struct replay_session sessions[MAX_SESSIONS];
	size_t num_sessions;
};

static struct replay_sink sink;
static struct capture *capture;
static uint64_t now;

int replay_sink_header(struct replay_sink *to, const struct replay_trace_header *header)
{
	(void)to;
	cr_assert_str_eq(header->source, "capture");
	return 0;
}

static const char *copy(const char *text)
{
	return text != NULL ? talloc_strdup(capture, text) : NULL;
}

int replay_sink_session(struct replay_sink *to, const struct replay_session *session)
{
	struct replay_session *kept = &to->sessions[to->num_sessions++];

	*kept = *session;
	kept->user = copy(session->user);
	kept->domain = copy(session->domain);
	kept->client = copy(session->client);
	return 0;
}

int replay_sink_request(struct replay_sink *to, const struct replay_request *request)
{
	struct replay_request *kept = &to->requests[to->num_requests++];

	*kept = *request;
	kept->share = copy(request->share);
	kept->path = copy(request->path);
	return 0;
}

static const struct replay_import import = { .input = "input", .sink = &sink };

static void begin(void)
{
	memset(&sink, 0, sizeof(sink));
	now = 1600000000;
	capture = capture_begin(&import);
	cr_assert_not_null(capture);
}

static void end(void)
{
	talloc_free(capture);
}

TestSuite(replay_capture, .init = begin, .fini = end);

/* ---- lines ---- */

struct place {
	uint32_t stream;
	const char *client;
	const char *server;
};

static const struct place here = { 0, "10.0.0.1", "10.0.0.2" };
static const struct place second = { 1, "10.0.0.1", "10.0.0.3" };

static void line(const struct place *place, bool is_answer, const char *layers)
{
	char text[8192];
	int length =
		snprintf(text,
			 sizeof(text),
			 "{\"timestamp\":\"1\",\"layers\":{\"frame\":{\"frame_frame_time_epoch\":"
			 "\"%llu.000000000\"},\"ip\":{\"ip_ip_src\":\"%s\",\"ip_ip_dst\":\"%s\"},"
			 "\"tcp\":{\"tcp_tcp_stream\":\"%u\"},%s}}",
			 (unsigned long long)now++,
			 is_answer ? place->server : place->client,
			 is_answer ? place->client : place->server,
			 place->stream,
			 layers);

	cr_assert_eq(capture_take_line(capture, text, (size_t)length), 0);
}

static const char *message(bool is_answer,
			   enum smb2_command command,
			   unsigned long long id,
			   unsigned long long session,
			   const char *fields)
{
	static char text[2048];

	snprintf(text,
		 sizeof(text),
		 "{\"smb2_smb2_cmd\":\"%d\",%s\"smb2_smb2_chain_offset\":\"0x00000000\","
		 "\"smb2_smb2_msg_id\":\"%llu\",\"smb2_smb2_sesid\":\"0x%016llx\"%s%s}",
		 command,
		 strstr(fields, "smb2_smb2_flags") != NULL ? ""
		 : is_answer				   ? "\"smb2_smb2_flags\":\"0x00000001\","
							   : "\"smb2_smb2_flags\":\"0x00000000\",",
		 id,
		 session,
		 fields[0] != '\0' ? "," : "",
		 fields);
	return text;
}

static void ask(const struct place *place,
		enum smb2_command command,
		unsigned long long id,
		unsigned long long session,
		const char *fields)
{
	char layers[4400];

	snprintf(layers,
		 sizeof(layers),
		 "\"smb2\":%s",
		 message(false, command, id, session, fields));
	line(place, false, layers);
}

static void answer(const struct place *place,
		   enum smb2_command command,
		   unsigned long long id,
		   unsigned long long session,
		   const char *fields)
{
	char layers[4400];
	char with_status[1024];

	snprintf(with_status,
		 sizeof(with_status),
		 "%s%s%s",
		 strstr(fields, "nt_status") == NULL ? "\"smb2_smb2_nt_status\":\"0x00000000\""
						     : "",
		 strstr(fields, "nt_status") == NULL && fields[0] != '\0' ? "," : "",
		 fields);
	snprintf(layers,
		 sizeof(layers),
		 "\"smb2\":%s",
		 message(true, command, id, session, with_status));
	line(place, true, layers);
}

#define FID_1 "\"smb2_smb2_fid\":\"00000001-0000-0000-0000-000000000001\""
#define FID_OF_CHAIN "\"smb2_smb2_fid\":\"ffffffff-ffff-ffff-ffff-ffffffffffff\""
#define NAME(name) "\"smb2_smb2_filename\":\"" name "\""
#define GUID(digit) "\"smb2_smb2_server_guid\":\"00000000-0000-0000-0000-00000000000" digit "\""
#define USER(name) "\"spnego\":{\"ntlmssp\":{\"ntlmssp_ntlmssp_auth_username\":\"" name "\"}}"
#define MORE "\"smb2_smb2_nt_status\":\"0xc0000016\""

/* ids 0 to 2 */
static void
log_in(const struct place *place, unsigned long long session, const char *user, const char *guid)
{
	ask(place, SMB2_NEGOTIATE, 0, 0, "");
	answer(place, SMB2_NEGOTIATE, 0, 0, guid);
	ask(place, SMB2_SESSION_SETUP, 1, 0, "");
	answer(place, SMB2_SESSION_SETUP, 1, session, MORE);
	ask(place, SMB2_SESSION_SETUP, 2, session, user);
	answer(place, SMB2_SESSION_SETUP, 2, session, "");
}

static void open_1(const struct place *place, unsigned long long id, unsigned long long session)
{
	ask(place, SMB2_CREATE, id, session, NAME("one"));
	answer(place, SMB2_CREATE, id, session, FID_1);
}

static void all(void)
{
	cr_assert_eq(capture_order_write(capture, true), 0);
}

static const struct replay_request *last(void)
{
	cr_assert_gt(sink.num_requests, 0);
	return &sink.requests[sink.num_requests - 1];
}

static void exchange(const struct place *place,
		     enum smb2_command command,
		     unsigned long long id,
		     unsigned long long session,
		     const char *fields)
{
	ask(place, command, id, session, fields);
	answer(place, command, id, session, "");
}

/* ---- sessions ---- */

/* By its server and its id: the server has one GUID, but an address for each interface. */
Test(replay_capture, session_has_several_connections)
{
	log_in(&here, 7, USER("alice"), GUID("1"));
	open_1(&here, 3, 7);
	ask(&second, SMB2_NEGOTIATE, 0, 0, "");
	answer(&second, SMB2_NEGOTIATE, 0, 0, GUID("1"));
	exchange(&second, SMB2_SESSION_SETUP, 1, 7, "");
	exchange(&second, SMB2_READ, 2, 7, FID_1);
	all();
	cr_assert_eq(sink.num_sessions, 1);
	cr_assert_eq(last()->session, 1);
	cr_assert_eq(last()->handle, 1);
	cr_assert_null(last()->skip);
}

Test(replay_capture, servers_have_sessions_of_the_same_id)
{
	log_in(&here, 7, USER("alice"), GUID("1"));
	open_1(&here, 3, 7);
	log_in(&second, 7, USER("bob"), GUID("2"));
	exchange(&here, SMB2_READ, 4, 7, FID_1);
	exchange(&second, SMB2_READ, 3, 7, FID_1);
	all();
	cr_assert_eq(sink.num_sessions, 2);
	cr_assert_str_eq(sink.sessions[1].user, "bob");
	cr_assert_eq(sink.requests[sink.num_requests - 2].session, 1);
	cr_assert_eq(sink.requests[sink.num_requests - 2].handle, 1);
	cr_assert_eq(last()->session, 2);
	cr_assert_eq(last()->present & REPLAY_HAS_HANDLE, 0);
	cr_assert_str_eq(last()->skip, "its open is not in the capture");
}

Test(replay_capture, id_is_given_to_another_session)
{
	log_in(&here, 7, USER("alice"), GUID("1"));
	open_1(&here, 3, 7);
	log_in(&second, 7, USER("bob"), GUID("1"));
	exchange(&second, SMB2_READ, 3, 7, FID_1);
	all();
	cr_assert_eq(sink.num_sessions, 2);
	cr_assert_eq(last()->session, 2);
	cr_assert_not_null(last()->skip);
}

/* The ticket comes in the first request, before the session has an id. */
Test(replay_capture, name_in_the_first_request)
{
	ask(&here,
	    SMB2_SESSION_SETUP,
	    1,
	    0,
	    "\"kerberos_kerberos_CNameString\":[\"carol\",\"carol\"],"
	    "\"kerberos_kerberos_crealm\":\"REALM\"");
	answer(&here, SMB2_SESSION_SETUP, 1, 7, "");
	all();
	cr_assert_str_eq(sink.sessions[0].user, "carol");
	cr_assert_str_eq(sink.sessions[0].domain, "REALM");
}

Test(replay_capture, nobody_has_no_name)
{
	log_in(&here, 7, USER("NULL"), "");
	all();
	cr_assert_eq(sink.num_sessions, 1);
	cr_assert_null(sink.sessions[0].user);
}

/* Nothing goes into the trace before it is known whose it is. */
Test(replay_capture, name_comes_late)
{
	ask(&here, SMB2_NEGOTIATE, 0, 0, "");
	answer(&here, SMB2_NEGOTIATE, 0, 0, "");
	ask(&here, SMB2_SESSION_SETUP, 1, 0, "");
	answer(&here, SMB2_SESSION_SETUP, 1, 7, MORE);
	cr_assert_eq(sink.num_requests, 0);
	ask(&here, SMB2_SESSION_SETUP, 2, 7, USER("alice"));
	answer(&here, SMB2_SESSION_SETUP, 2, 7, "\"smb2_smb2_nt_status\":\"0xc000006d\"");
	cr_assert_eq(sink.num_requests, 3);
	cr_assert_str_eq(sink.sessions[0].user, "alice");
	cr_assert_eq(sink.requests[2].status, 0xc000006d);
}

/* ---- requests ---- */

Test(replay_capture, request_is_sent_again)
{
	ask(&here, SMB2_CREATE, 5, 7, NAME("one"));
	ask(&here, SMB2_CREATE, 5, 7, NAME("one"));
	answer(&here, SMB2_CREATE, 5, 7, FID_1);
	all();
	cr_assert_eq(sink.num_requests, 1);
	cr_assert_eq(capture->num_repeated, 1);
}

Test(replay_capture, file_id_is_given_to_another_file)
{
	open_1(&here, 1, 7);
	exchange(&here, SMB2_CLOSE, 2, 7, FID_1);
	exchange(&here, SMB2_READ, 3, 7, FID_1);
	open_1(&here, 4, 7);
	exchange(&here, SMB2_READ, 5, 7, FID_1);
	/* Its close is not in the capture. */
	open_1(&here, 6, 7);
	exchange(&here, SMB2_READ, 7, 7, FID_1);
	all();
	cr_assert_eq(sink.requests[0].handle, 1);
	cr_assert_not_null(sink.requests[2].skip);
	cr_assert_eq(sink.requests[4].handle, 2);
	cr_assert_eq(sink.requests[6].handle, 3);
}

/* The answer to a close comes after the next open was given the same id. */
Test(replay_capture, close_is_answered_late)
{
	open_1(&here, 1, 7);
	ask(&here, SMB2_CLOSE, 2, 7, FID_1);
	open_1(&here, 3, 7);
	answer(&here, SMB2_CLOSE, 2, 7, "");
	exchange(&here, SMB2_READ, 4, 7, FID_1);
	all();
	cr_assert_eq(last()->handle, 2);
}

/* The others wait for it, but not all that come. */
Test(replay_capture, one_is_never_answered)
{
	size_t written = 0;
	unsigned long long id = 0;

	ask(&here, SMB2_CREATE, 0, 7, NAME("slow"));
	for (id = 1; id < 33000; id++) {
		exchange(&here, SMB2_ECHO, id, 7, "");
	}
	written = sink.num_requests;
	cr_assert_gt(written, 0);
	cr_assert_eq(sink.requests[0].present & REPLAY_HAS_STATUS, 0);
	/* What its answer brings is known all the same. */
	answer(&here, SMB2_CREATE, 0, 7, FID_1);
	exchange(&here, SMB2_READ, id, 7, FID_1);
	all();
	cr_assert_eq(sink.num_requests, 33001);
	cr_assert_eq(last()->handle, 1);
}

Test(replay_capture, clock_is_set_back)
{
	exchange(&here, SMB2_ECHO, 1, 7, "");
	exchange(&here, SMB2_ECHO, 2, 7, "");
	now -= 1000;
	exchange(&here, SMB2_ECHO, 3, 7, "");
	all();
	cr_assert_eq(sink.requests[1].time, 2000000000);
	cr_assert_eq(sink.requests[2].time, 2000000000);
}

Test(replay_capture, server_speaks_unasked)
{
	exchange(&here, SMB2_ECHO, 1, 7, "");
	answer(&here, SMB2_OPLOCK_BREAK, UINT64_MAX, 0, "");
	answer(&here, SMB2_READ, 99, 7, "");
	all();
	cr_assert_eq(sink.num_requests, 1);
	cr_assert_eq(capture->num_unasked, 1);
}

/* Related requests may leave out the session, too. */
Test(replay_capture, compound_names_its_session_once)
{
	char layers[4400];
	size_t at = 0;
	size_t first = 0;

	/* Of two, and not of the one that the connection began with. */
	log_in(&here, 6, USER("alice"), "");
	log_in(&here, 7, USER("bob"), "");
	first = sink.num_requests;
	at += (size_t)snprintf(layers,
			       sizeof(layers),
			       "\"smb2\":[%s,",
			       message(false, SMB2_CREATE, 11, 7, NAME("one")));
	/* Further messages follow it. */
	memcpy(strstr(layers, "0x00000000\",\"smb2_smb2_msg_id"), "0x00000068", 10);
	snprintf(layers + at,
		 sizeof(layers) - at,
		 "%s]",
		 message(false,
			 SMB2_CLOSE,
			 12,
			 UINT64_MAX,
			 "\"smb2_smb2_flags\":\"0x00000004\"," FID_OF_CHAIN));
	line(&here, false, layers);
	answer(&here, SMB2_CREATE, 11, 7, "\"smb2_smb2_nt_status\":\"0xc0000022\"");
	answer(&here, SMB2_CLOSE, 12, 7, "\"smb2_smb2_nt_status\":\"0xc0000022\"");
	/* There is nothing before the next one that it could refer to. */
	exchange(&here, SMB2_CLOSE, 13, 7, "\"smb2_smb2_flags\":\"0x00000004\"," FID_OF_CHAIN);
	all();
	cr_assert_eq(sink.num_sessions, 2);
	cr_assert_eq(sink.num_requests, first + 3);
	cr_assert_eq(sink.requests[first].present & REPLAY_HAS_HANDLE, REPLAY_HAS_HANDLE);
	cr_assert_eq(sink.requests[first + 1].session, 2);
	cr_assert_eq(sink.requests[first + 1].handle, sink.requests[first].handle);
	cr_assert_null(sink.requests[first + 1].skip);
	cr_assert_not_null(sink.requests[first + 2].skip);
}

Test(replay_capture, server_asks_to_wait)
{
	ask(&here, SMB2_READ, 1, 7, FID_1);
	answer(&here,
	       SMB2_READ,
	       1,
	       7,
	       "\"smb2_smb2_flags\":\"0x00000003\",\"smb2_smb2_nt_status\":\"0x00000103\"");
	cr_assert_eq(sink.num_requests, 0);
	answer(&here, SMB2_READ, 1, 7, "\"smb2_smb2_nt_status\":\"0xc0000120\"");
	all();
	cr_assert_eq(sink.num_requests, 1);
	cr_assert_eq(last()->status, 0xc0000120);
	cr_assert_eq(last()->duration, 2000000000);
}

Test(replay_capture, shares_that_are_none)
{
	ask(&here,
	    SMB2_CREATE,
	    1,
	    7,
	    NAME("srvsvc") ",\"smb2_smb2_tree\":\"\\\\\\\\server\\\\IPC$\","
			   "\"smb2_smb2_share_type\":\"0x02\"");
	answer(&here, SMB2_CREATE, 1, 7, FID_1);
	exchange(&here, SMB2_WRITE, 2, 7, FID_1);
	ask(&here,
	    SMB2_CREATE,
	    3,
	    7,
	    NAME("file") ",\"smb2_smb2_tree\":\"\\\\\\\\server\\\\DATA\","
			 "\"smb2_smb2_share_type\":\"0x01\"");
	all();
	cr_assert_str_eq(sink.requests[0].skip, "pipe");
	cr_assert_str_eq(sink.requests[1].skip, "pipe");
	cr_assert_null(sink.requests[2].skip);
	cr_assert_str_eq(sink.requests[2].share, "data");
}

Test(replay_capture, what_is_encrypted)
{
	char layers[4400];

	line(&here, false, "\"smb2\":{\"smb2_smb2_header_transform_msg_size\":\"100\"}");
	snprintf(layers,
		 sizeof(layers),
		 "\"smb2\":{\"smb2_smb2_header_transform_msg_size\":\"100\",\"smb2\":%s}",
		 message(false, SMB2_ECHO, 1, 7, ""));
	line(&here, false, layers);
	all();
	cr_assert_eq(capture->num_unreadable, 1);
	cr_assert_eq(sink.num_requests, 1);
}

Test(replay_capture, lines_that_are_none)
{
	static const char *const lines[] = {
		"",
		"{",
		"null",
		"[]",
		"{\"layers\":[]}",
		"{\"layers\":{\"frame\":[],\"smb2\":[]}}",
		"{\"layers\":{\"frame\":{\"frame_frame_time_epoch\":\"x\"}}}",
		"{\"index\":{\"_index\":\"packets\"}}",
	};
	size_t i = 0;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_assert_eq(capture_take_line(capture, lines[i], strlen(lines[i])), 0);
	}
	line(&here, false, "\"smb2\":[[[{\"smb2_smb2_cmd\":{}}]],{\"smb2_smb2_cmd\":\"70000\"}]");
	all();
	cr_assert_eq(capture->num_not_understood, 6);
	cr_assert_eq(sink.num_requests, 2);
	cr_assert_eq(sink.requests[1].command, REPLAY_OTHER);
}

/* ---- parts ---- */

Test(replay_capture, paths)
{
	static const struct {
		const char *name;
		bool is_dfs;
		const char *path;
	} cases[] = {
		{ "", false, "" },
		{ "a", false, "a" },
		{ "\\a\\b\\", false, "a/b" },
		{ "a\\\\b/c", false, "a/b/c" },
		{ "a::$DATA", false, "a" },
		{ "a:s:$data", false, "a:s" },
		{ "a:s", false, "a:s" },
		{ "d::$INDEX_ALLOCATION", false, "d" },
		{ "server\\share\\a\\b", true, "a/b" },
		{ "server\\share", true, "" },
		{ "server", true, "" },
		{ "..\\a", false, "../a" },
	};
	size_t i = 0;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_str_eq(capture_path(capture, cases[i].name, cases[i].is_dfs),
				 cases[i].path);
	}
}

Test(replay_capture, times)
{
	static const struct {
		const char *text;
		uint64_t ns; /* UINT64_MAX: no time */
	} cases[] = {
		{ "1600000000.5", 1600000000500000000 },
		{ "1600000000.123456789", 1600000000123456789 },
		{ "1970-01-01T00:00:01.000000001Z", 1000000001 },
		/* Without the zeros in front, as tshark 4.0 writes it. */
		{ "1970-01-01T00:00:01.1Z", 1000000001 },
		{ "1601-01-01T00:00:00.0Z", UINT64_MAX },
		{ "9999-01-01T00:00:00.0Z", UINT64_MAX },
		{ "99999999999999999999.0", UINT64_MAX },
		{ "1.0000000001", UINT64_MAX },
		{ "-1.0", UINT64_MAX },
		{ " 1.0", UINT64_MAX },
		{ "1", UINT64_MAX },
		{ "", UINT64_MAX },
	};
	size_t i = 0;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = json_pack("{s:s}", "time", cases[i].text);
		uint64_t ns = UINT64_MAX;

		if (!capture_ek_time(object, "time", &ns)) {
			ns = UINT64_MAX;
		}
		cr_assert_eq(ns, cases[i].ns, "%s", cases[i].text);
		json_decref(object);
	}
}

static size_t let_go;

static void count_let_go(void *value)
{
	(void)value;
	let_go++;
}

Test(replay_capture, what_was_used_least_recently_is_forgotten)
{
	struct capture_cache *cache = capture_cache_create(capture, 1000, count_let_go);
	uint32_t key = 0;
	int value = 0;

	let_go = 0;
	for (key = 0; key < 1500; key++) {
		uint32_t first = 0;

		cr_assert(capture_cache_put(cache, &key, sizeof(key), &value));
		cr_assert_not_null(capture_cache_find(cache, &first, sizeof(first)));
	}
	cr_assert_eq(capture_cache_forgotten(cache), 500);
	cr_assert_eq(let_go, 500);
	for (key = 0; key < 1500; key++) {
		cr_assert_eq(capture_cache_find(cache, &key, sizeof(key)) != NULL,
			     key == 0 || key > 500);
	}
	key = 1499;
	capture_cache_remove(cache, &key, sizeof(key));
	cr_assert_null(capture_cache_find(cache, &key, sizeof(key)));
	talloc_free(cache);
	cr_assert_eq(let_go, 1500);
}

/* ---- ports ---- */

static size_t put_ipv4(unsigned char *at, uint16_t fragment)
{
	memset(at, 0, 24);
	at[0] = 0x46; /* with an option */
	at[6] = (unsigned char)(fragment >> 8);
	at[7] = (unsigned char)fragment;
	at[9] = 6;
	return 24;
}

static size_t put_ipv6(unsigned char *at)
{
	memset(at, 0, 56);
	at[0] = 0x60;
	at[6] = 0;   /* hop-by-hop options of 8 bytes */
	at[40] = 44; /* and a fragment header */
	at[48] = 6;
	return 56;
}

static void put_tcp(unsigned char *at)
{
	static const unsigned char ports[4] = { 0x11, 0x5d, 0xc2, 0x5a };

	memcpy(at, ports, sizeof(ports));
}

static unsigned int port_after(uint16_t link_type, unsigned char *packet, size_t tcp, size_t length)
{
	static const uint16_t ports[] = { 1, 4445 };

	put_tcp(packet + tcp);
	capture_ports_change(link_type, packet, length, ports, 2);
	cr_assert_eq(packet[tcp + 2], 0xc2);
	cr_assert_eq(packet[tcp + 3], 0x5a);
	return (unsigned int)packet[tcp] << 8 | packet[tcp + 1];
}

Test(replay_capture, ports_are_changed)
{
	unsigned char packet[128] = { 0 };
	size_t tcp = 0;

	tcp = put_ipv4(packet, 0x4000);
	cr_assert_eq(port_after(101, packet, tcp, tcp + 4), 445);
	cr_assert_eq(port_after(101, packet, tcp, tcp + 3), 4445);
	tcp = put_ipv4(packet, 0x0001);
	cr_assert_eq(port_after(101, packet, tcp, tcp + 4), 4445);
	tcp = put_ipv6(packet);
	cr_assert_eq(port_after(229, packet, tcp, tcp + 4), 445);
	packet[51] = 8;
	cr_assert_eq(port_after(229, packet, tcp, tcp + 4), 4445);

	/* Ethernet, with the tag of a VLAN and without. */
	memset(packet, 0, sizeof(packet));
	packet[12] = 0x81;
	packet[16] = 0x08;
	tcp = 18 + put_ipv4(packet + 18, 0);
	cr_assert_eq(port_after(1, packet, tcp, tcp + 4), 445);
	packet[12] = 0x08;
	tcp = 14 + put_ipv4(packet + 14, 0);
	cr_assert_eq(port_after(1, packet, tcp, tcp + 4), 445);
	packet[13] = 0x06;
	cr_assert_eq(port_after(1, packet, tcp, tcp + 4), 4445);
	tcp = 16 + put_ipv4(packet + 16, 0);
	cr_assert_eq(port_after(113, packet, tcp, tcp + 4), 445);
	/* Of a kind that is not known. */
	cr_assert_eq(port_after(147, packet, tcp, tcp + 4), 4445);
}

/* However little there is of a packet. */
Test(replay_capture, ports_of_what_was_cut_off)
{
	static const uint16_t types[] = { 0, 1, 12, 101, 113, 228, 229, 276, 999 };
	static const uint16_t ports[] = { 4445 };
	size_t length = 0;
	size_t i = 0;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (length = 0; length < 80; length++) {
			unsigned char *packet = malloc(length + (length == 0));

			cr_assert_not_null(packet);
			memset(packet, length % 2 == 0 ? 0x60 : 0x4f, length);
			capture_ports_change(types[i], packet, length, ports, 1);
			free(packet);
		}
	}
}
