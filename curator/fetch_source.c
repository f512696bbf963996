/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fetch_source.h"

#include "curator/ytdlp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mirror_root[] = "media/.mirror";

static bool open_local(const ClipWork *work, OpenSource *out, Err *err)
{
    struct stat st;
    out->fds[0] = open(work->locator, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fds[0] < 0) {
        bool missing = errno == ENOENT;
        mel_err_reason(err, ERR_IO, missing ? "local.missing" : "local.denied",
                       "cannot open '%s': %s", work->locator, strerror(errno));
        return mel_err_hint(err, "put the file back, then 'mel retry --class local'");
    }
    if (fstat(out->fds[0], &st) != 0 || !S_ISREG(st.st_mode))
        return mel_err_reason(err, ERR_IO, "local.denied", "'%s' is not a regular file",
                              work->locator);
    out->input_count = 1;
    return true;
}

static char *mirror_path(const SourceAccess *access, const char *source_id, int index, Err *err)
{
    char *root = mel_path_join(access->dataset, mirror_root);
    char *path = mel_asprintf("%s/%s.%d", root, source_id, index);
    if (!mel_make_dirs(root, err)) {
        free(path);
        path = NULL;
    }
    free(root);
    return path;
}

static bool open_remote(const SourceAccess *access, const ClipWork *work, const char *url,
                        const char *const *headers, OpenSource *out, Err *err)
{
    int index = out->input_count;
    char *path = mirror_path(access, work->source_id, index, err);
    bool ok = path && mel_remote_open(access->http, url, headers, path, access->limit_bytes,
                                      &out->remotes[index], err);
    free(path);
    if (!ok) return false;
    out->fds[index] = mel_remote_fd(out->remotes[index]);
    out->input_count++;
    return true;
}

/* The start of a web page, whatever it is called. */
static bool looks_like_page(int fd)
{
    char head[513] = {0};
    if (pread(fd, head, sizeof head - 1, 0) <= 0) return false;
    const char *p = head;
    if (mel_starts_with(p, "\xEF\xBB\xBF")) p += 3;
    p += strspn(p, " \t\r\n");
    static const char *const signs[] = {"<!doctype html", "<html", "<head", "<!--", "<?xml"};
    for (size_t i = 0; i < MEL_COUNT(signs); i++)
        if (strncasecmp(p, signs[i], strlen(signs[i])) == 0) return true;
    return false;
}

static bool record_facts(const SourceAccess *access, const ClipWork *work, const Extraction *e,
                         Err *err)
{
    json_t *facts = json_object();
    mel_json_set_text(facts, "webpage_url", e->webpage_url);
    mel_json_set_text(facts, "uploader", e->uploader);
    mel_json_set_text(facts, "availability", e->availability);
    mel_json_set_text(facts, "live_status", e->live_status);
    mel_json_set_text(facts, "categories", e->categories_json);
    mel_json_set_text(facts, "tags", e->tags_json);
    mel_json_set_text(facts, "yt_dlp", e->tool_version);
    char *text = mel_json_line(facts);
    json_decref(facts);
    const Source source = {.id = work->source_id,
                           .kind = work->kind,
                           .locator = work->locator,
                           .title = e->title,
                           .channel_id = e->channel_id,
                           .channel = e->channel ? e->channel : e->uploader,
                           .license = e->license,
                           .upload_date = e->upload_date,
                           .extractor = e->extractor,
                           .metadata_json = text,
                           .duration_us = e->duration_us};
    bool ok = mel_db_begin(access->db, err) &&
              mel_db_end(access->db, mel_source_put(access->db, &source, NULL, err), err);
    free(text);
    return ok;
}

static void wait_until_available(const Extraction *e)
{
    for (size_t i = 0; i < e->address_count; i++)
        while (e->addresses[i].available_at_wall_us > mel_wall_us() && !mel_interrupted())
            mel_sleep_us(200000);
}

static bool open_resolved(const SourceAccess *access, const ClipWork *work, const char *url,
                          OpenSource *out, Err *err)
{
    Extraction e = {0};
    const YtdlpOptions options = {.program = access->ytdlp_program};
    bool ok = mel_ratelimit_take(access->limiter, "ytdlp", 0, NULL, NULL, err) &&
              mel_ytdlp_extract(url, &options, &e, err) && record_facts(access, work, &e, err);
    if (ok) wait_until_available(&e);
    for (size_t i = 0; ok && i < e.address_count; i++)
        ok = open_remote(access, work, e.addresses[i].url,
                         (const char *const *)e.addresses[i].headers, out, err);
    if (ok && e.address_count == 2)
        out->format_id =
            mel_asprintf("%s+%s", e.addresses[0].format_id ? e.addresses[0].format_id : "?",
                         e.addresses[1].format_id ? e.addresses[1].format_id : "?");
    else if (ok)
        out->format_id = mel_strdup(e.addresses[0].format_id);
    mel_extraction_clear(&e);
    return ok;
}

/* An address may be the media itself or a page that plays it. */
static bool open_url(const SourceAccess *access, const ClipWork *work, OpenSource *out, Err *err)
{
    if (!open_remote(access, work, work->locator, NULL, out, err)) return false;
    if (!looks_like_page(out->fds[0])) return true;
    bool removed = mel_remote_discard(out->remotes[0], err);
    *out = (OpenSource){
        .fds = {-1, -1}
    };
    return removed && open_resolved(access, work, work->locator, out, err);
}

bool mel_source_open(const SourceAccess *access, const ClipWork *work, OpenSource *out, Err *err)
{
    bool ok;
    OpenSource source = {
        .fds = {-1, -1}
    };
    if (mel_equal(work->kind, "file")) {
        ok = open_local(work, &source, err);
    } else if (mel_equal(work->kind, "youtube")) {
        char *url = mel_asprintf("https://www.youtube.com/watch?v=%s", work->locator);
        ok = open_resolved(access, work, url, &source, err);
        free(url);
    } else {
        ok = open_url(access, work, &source, err);
    }
    if (!ok) {
        mel_source_close(&source, true);
        return false;
    }
    *out = source;
    return true;
}

bool mel_source_need(OpenSource *source, int64_t start_us, int64_t end_us, Err *err)
{
    for (int i = 0; i < source->input_count; i++)
        if (source->remotes[i] && !mel_remote_need_span(source->remotes[i], start_us, end_us, err))
            return false;
    return true;
}

bool mel_source_page_in(OpenSource *source, const CutResult *result, int attempt, Err *err)
{
    int input = result->missing_input;
    if (input < 0 || input >= source->input_count || !source->remotes[input])
        return mel_err_reason(err, ERR_MEDIA, "media.missing_bytes",
                              "bytes are missing that cannot be fetched");
    int64_t length = (int64_t)256 << 10;
    for (int i = 0; i < attempt && length < HTTP_CHUNK_BYTES_MAX; i++)
        length *= 2;
    if (length > HTTP_CHUNK_BYTES_MAX) length = HTTP_CHUNK_BYTES_MAX;
    return mel_remote_need(source->remotes[input], result->missing_offset, length, err);
}

void mel_source_describe(const OpenSource *source, CutRequest *request, CutFiles *files)
{
    request->separate_audio = source->input_count == 2;
    for (int i = 0; i < 2; i++) {
        files->inputs[i] = source->fds[i];
        if (source->remotes[i]) {
            mel_remote_ranges(source->remotes[i], &request->inputs[i]);
        } else if (source->fds[i] >= 0) {
            struct stat st = {0};
            fstat(source->fds[i], &st);
            request->inputs[i].size = st.st_size;
            request->inputs[i].range_count = 0;
        }
    }
}

int64_t mel_source_fetched_bytes(const OpenSource *source)
{
    int64_t total = 0;
    for (int i = 0; i < source->input_count; i++)
        if (source->remotes[i]) total += mel_remote_fetched_bytes(source->remotes[i]);
    return total;
}

void mel_source_close(OpenSource *source, bool keep)
{
    Err ignored = {0};
    for (int i = 0; i < 2; i++) {
        if (source->remotes[i]) {
            if (keep)
                mel_remote_close(source->remotes[i]);
            else if (!mel_remote_discard(source->remotes[i], &ignored))
                mel_log_debug("%s", ignored.message);
        } else if (source->fds[i] >= 0) {
            close(source->fds[i]);
        }
    }
    free(source->format_id);
    *source = (OpenSource){
        .fds = {-1, -1}
    };
}
