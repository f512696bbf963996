/* SPDX-License-Identifier: Apache-2.0
 *
 * What `yt-dlp -J` prints about one video. */
#include "curator/ytdlp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { URL_BYTES_MAX = 16384, HEADERS_MAX = 32, HEADER_BYTES_MAX = 4096 };

static bool bad_output(const char *what, Err *err)
{
    return mel_err_reason(err, ERR_FORMAT, "yt.output", "yt-dlp's answer %s", what);
}

static char *take_text(const json_t *object, const char *key)
{
    return mel_strdup(mel_json_text(object, key, NULL));
}

static char *take_array(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_array(value) ? mel_json_line(value) : NULL;
}

/* Seconds as microseconds; the fallback when absent or of no sense. */
static int64_t take_seconds(const json_t *object, const char *key, int64_t fallback)
{
    double seconds = mel_json_f64(object, key, -1);
    return seconds >= 0 && seconds < 1e11 ? (int64_t)llround(seconds * 1e6) : fallback;
}

static bool is_none(const char *codec)
{
    return mel_equal(codec, "none");
}

/* ---- addresses ---- */

/* "Name: value" of those that a media server may want; http.h leaves out what is not a caller's. */
static char **take_headers(const json_t *format)
{
    json_t *headers = json_object_get(format, "http_headers"), *value;
    const char *name;
    char **lines = mel_alloc((HEADERS_MAX + 1) * sizeof *lines);
    size_t n = 0;
    json_object_foreach(headers, name, value)
    {
        const char *text = json_string_value(value);
        if (!text || n == HEADERS_MAX || strlen(name) + strlen(text) > HEADER_BYTES_MAX) continue;
        if (name[strcspn(name, ":\r\n \t")] || !*name || text[strcspn(text, "\r\n")]) continue;
        lines[n++] = mel_asprintf("%s: %s", name, text);
    }
    return lines;
}

static bool check_direct(const json_t *format, Err *err)
{
    const char *url = mel_json_text(format, "url", "");
    const char *protocol = mel_json_text(format, "protocol", "https");
    bool http = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    if (json_is_true(json_object_get(format, "has_drm")))
        return mel_err_reason(err, ERR_NET, "yt.drm", "the video is encrypted");
    if (!http || (!mel_equal(protocol, "http") && !mel_equal(protocol, "https")) ||
        json_is_array(json_object_get(format, "fragments")))
        return mel_err_reason(err, ERR_NET, "yt.format",
                              "the chosen format has no direct address (protocol '%.40s')",
                              protocol);
    if (strlen(url) > URL_BYTES_MAX || url[strcspn(url, " \t\r\n")])
        return bad_output("holds an address that is not one", err);
    return true;
}

static bool take_address(const json_t *format, MediaAddress *out, Err *err)
{
    if (!check_direct(format, err)) return false;
    int64_t size = mel_json_i64(format, "filesize", -1);
    *out = (MediaAddress){.url = take_text(format, "url"),
                          .headers = take_headers(format),
                          .format_id = take_text(format, "format_id"),
                          .ext = take_text(format, "ext"),
                          .vcodec = take_text(format, "vcodec"),
                          .acodec = take_text(format, "acodec"),
                          .filesize = size >= 0 ? size : -1,
                          .available_at_wall_us = take_seconds(format, "available_at", 0)};
    return true;
}

/* Picture, then sound. */
static bool take_pair(const json_t *formats, Extraction *out, Err *err)
{
    const json_t *a = json_array_get(formats, 0), *b = json_array_get(formats, 1);
    if (is_none(mel_json_text(a, "vcodec", ""))) {
        const json_t *swap = a;
        a = b;
        b = swap;
    }
    if (is_none(mel_json_text(a, "vcodec", "")) || is_none(mel_json_text(b, "acodec", "")))
        return mel_err_reason(err, ERR_NET, "yt.format",
                              "the chosen formats are not picture and sound");
    if (!take_address(a, &out->addresses[0], err)) return false;
    out->address_count = 1;
    if (!take_address(b, &out->addresses[1], err)) return false;
    out->address_count = 2;
    return true;
}

static bool take_addresses(const json_t *video, Extraction *out, Err *err)
{
    const json_t *formats = json_object_get(video, "requested_formats");
    size_t n = json_array_size(formats);
    if (n > 2)
        return mel_err_reason(err, ERR_NET, "yt.format", "more than two formats were chosen");
    if (n == 2) return take_pair(formats, out, err);
    if (!take_address(n ? json_array_get(formats, 0) : video, &out->addresses[0], err))
        return false;
    out->address_count = 1;
    return true;
}

/* ---- the video ---- */

/* A page with one video may be wrapped as a list of one. */
static const json_t *unwrap(const json_t *root, Err *err)
{
    const char *type = mel_json_text(root, "_type", "video");
    const json_t *entries = json_object_get(root, "entries");
    if (!json_is_object(root)) {
        bad_output("is not an object", err);
        return NULL;
    }
    if (!mel_equal(type, "playlist") && !mel_equal(type, "multi_video")) return root;
    if (json_array_size(entries) == 1 && json_is_object(json_array_get(entries, 0)))
        return json_array_get(entries, 0);
    mel_err_reason(err, ERR_NET, "yt.playlist", "the address is a list of %zu videos",
                   json_array_size(entries));
    return NULL;
}

static bool check_live(const json_t *video, Err *err)
{
    const char *status = mel_json_text(video, "live_status", "");
    if (mel_equal(status, "is_upcoming"))
        return mel_err_reason(err, ERR_NET, "yt.upcoming", "the video has not begun yet");
    if (mel_equal(status, "is_live") || mel_equal(status, "post_live") ||
        json_is_true(json_object_get(video, "is_live")))
        return mel_err_reason(err, ERR_NET, "yt.live", "the video is still being broadcast");
    return true;
}

static void take_facts(const json_t *root, const json_t *video, Extraction *out)
{
    int64_t age = mel_json_i64(video, "age_limit", 0);
    out->id = take_text(video, "id");
    out->title = take_text(video, "title");
    out->channel_id = take_text(video, "channel_id");
    out->channel = take_text(video, "channel");
    out->uploader = take_text(video, "uploader");
    out->upload_date = take_text(video, "upload_date");
    out->license = take_text(video, "license");
    out->availability = take_text(video, "availability");
    out->categories_json = take_array(video, "categories");
    out->tags_json = take_array(video, "tags");
    out->live_status = take_text(video, "live_status");
    out->webpage_url = take_text(video, "webpage_url");
    out->extractor = take_text(video, "extractor");
    out->duration_us = take_seconds(video, "duration", -1);
    out->age_limit = age >= 0 && age <= 200 ? (int32_t)age : 0;
    out->tool_version = take_text(json_object_get(root, "_version"), "version");
}

bool mel_ytdlp_parse(const char *json, size_t n, Extraction *out, Err *err)
{
    Err problem = {0};
    Extraction read = {0};
    json_t *root = mel_json_parse(json, n, "yt-dlp's answer", &problem);
    if (!root) {
        mel_err_reason(err, ERR_FORMAT, "yt.output", "%s", problem.message);
        return mel_err_hint(err, "update yt-dlp");
    }
    const json_t *video = unwrap(root, err);
    bool ok = video && check_live(video, err) && take_addresses(video, &read, err);
    if (ok) take_facts(root, video, &read);
    if (ok && (!read.id || !*read.id)) ok = bad_output("has no id", err);
    json_decref(root);
    if (ok)
        *out = read;
    else
        mel_extraction_clear(&read);
    return ok;
}

static void clear_address(MediaAddress *address)
{
    for (size_t i = 0; address->headers && address->headers[i]; i++)
        free(address->headers[i]);
    free(address->headers);
    free(address->url);
    free(address->format_id);
    free(address->ext);
    free(address->vcodec);
    free(address->acodec);
}

void mel_extraction_clear(Extraction *extraction)
{
    char *texts[] = {extraction->id,        extraction->title,        extraction->channel_id,
                     extraction->channel,   extraction->uploader,     extraction->upload_date,
                     extraction->license,   extraction->availability, extraction->categories_json,
                     extraction->tags_json, extraction->live_status,  extraction->webpage_url,
                     extraction->extractor, extraction->tool_version};
    for (size_t i = 0; i < MEL_COUNT(texts); i++)
        free(texts[i]);
    clear_address(&extraction->addresses[0]);
    clear_address(&extraction->addresses[1]);
    *extraction = (Extraction){0};
}
