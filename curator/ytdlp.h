/* SPDX-License-Identifier: Apache-2.0
 *
 * yt-dlp as a resolver: one `-J` per video, argv without a shell; from a page to the media's
 * direct addresses and the facts about the source. */
#ifndef MEL_CURATOR_YTDLP_H
#define MEL_CURATOR_YTDLP_H

#include "base/base.h"

typedef struct YtdlpOptions {
    const char *program; /* NULL = "yt-dlp" */
    int64_t deadline_us; /* 0 = 120 s */
} YtdlpOptions;

typedef struct MediaAddress {
    char *url;
    char **headers; /* "Name: value", NULL-terminated */
    char *format_id, *ext, *vcodec, *acodec;
    int64_t filesize;             /* -1 unknown */
    int64_t available_at_wall_us; /* 0 = now */
} MediaAddress;

typedef struct Extraction {
    char *id, *title, *channel_id, *channel, *uploader, *upload_date, *license, *availability;
    char *categories_json, *tags_json, *live_status, *webpage_url, *extractor;
    int64_t duration_us; /* -1 unknown */
    int32_t age_limit;
    size_t address_count; /* 1: sound and picture together; 2: picture, then sound */
    MediaAddress addresses[2];
    char *tool_version; /* yt-dlp's */
} Extraction;

/* Resolves one page. Fails with a reason word of failure.h and the tool's own last ERROR line in
 * the message; a reason of class FAIL_PAUSE means that the caller must pause its bucket. `url` is
 * an http(s) address or an 11-character YouTube id. yt-dlp speaks to the network itself, with its
 * own rules: private addresses are not refused here. */
MEL_MUST_CHECK bool mel_ytdlp_extract(const char *url, const YtdlpOptions *options, Extraction *out,
                                      Err *err);
void mel_extraction_clear(Extraction *extraction);

/* Reads what `yt-dlp -J` printed. Only direct http(s) addresses are taken: playlists, live streams
 * and segmented formats are errors (yt.playlist, yt.live, yt.upcoming, yt.format, yt.drm). */
MEL_MUST_CHECK bool mel_ytdlp_parse(const char *json, size_t n, Extraction *out, Err *err);

/* The reason word for yt-dlp's stderr text and exit code, from the table of its real messages. */
const char *mel_ytdlp_classify(const char *stderr_text, int exit_code);

/* Program version, or an error that says how to get it. Yours to free. */
char *mel_ytdlp_version(const YtdlpOptions *options, Err *err);

#endif
