/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A trace made of another one: to have its names replaced.
 */
#include "import.h"

static int pass_on(struct replay_sink *sink, const struct replay_record *record)
{
	switch (record->type) {
	case REPLAY_RECORD_SESSION:
		return replay_sink_session(sink, &record->session);
	case REPLAY_RECORD_REQUEST:
		return replay_sink_request(sink, &record->request);
	case REPLAY_RECORD_END:
		replay_sink_lost(sink, record->end.lost);
		return 0;
	}
	return -1;
}

static int read_records(const struct replay_import *import, struct replay_trace_reader *reader)
{
	struct replay_record record;
	bool ended = false;
	int ret = replay_sink_header(import->sink, replay_trace_header(reader));

	while (ret == 0) {
		ret = replay_trace_next(reader, &record);
		if (ret != 1) {
			break;
		}
		ended = record.type == REPLAY_RECORD_END;
		ret = pass_on(import->sink, &record);
		replay_sink_progress(import->sink, 0, 0);
	}
	if (ret == 0 && !ended) {
		replay_sink_cut_short(import->sink);
	}
	return ret;
}

int replay_import_trace(const struct replay_import *import)
{
	struct replay_trace_reader *reader = replay_trace_open(import->sink, import->input);
	int ret = -1;

	if (reader != NULL) {
		ret = read_records(import, reader);
	}
	talloc_free(reader);
	return ret;
}
