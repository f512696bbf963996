/* SPDX-License-Identifier: Apache-2.0
 *
 * One clip of an export: what is said of it, and its media, verified. */
#include "curator/export_internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is said ---------------------------------------------------------------------------- */

static void set_list(json_t *object, const char *key, TextList list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(array, json_string(list.items[i]));
    json_object_set_new(object, key, array);
}

const char *mel_export_locator(const ExportItem *item)
{
    return mel_equal(item->kind, "file") ? mel_path_base(item->locator) : item->locator;
}

json_t *mel_export_provenance(const ExportItem *item)
{
    json_t *p = json_object(), *scores = json_object();
    mel_json_set_text(p, "source", item->source);
    mel_json_set_text(p, "kind", item->kind);
    mel_json_set_text(p, "locator", mel_export_locator(item));
    mel_json_set_text(p, "title", item->title);
    mel_json_set_text(p, "channel", item->channel);
    mel_json_set_text(p, "license", item->license);
    mel_json_set_text(p, "published_split", item->published_split);
    mel_json_set_text(p, "audio_sha256", item->audio_sha256);
    mel_json_set_text(p, "image_sha256", item->image_sha256);
    mel_json_set_text(p, "settled_by", item->settled_by);
    set_list(p, "annotators", item->annotators);
    mel_json_set_f64(scores, "imsm", item->imsm);
    mel_json_set_f64(scores, "clip", item->clip_score);
    mel_json_set_f64(scores, "clap", item->clap_score);
    json_object_set_new(p, "scores", scores);
    return p;
}

static void set_answers(json_t *object, const ExportItem *item)
{
    mel_json_set_text(object, "caption", item->text);
    mel_json_set_text(object, "genre", item->genre);
    set_list(object, "moods", item->moods);
    mel_json_set_text(object, "tempo", item->tempo);
    mel_json_set_f64(object, "bpm", item->bpm);
    set_list(object, "voices", item->voices);
    set_list(object, "instruments", item->instruments);
    mel_json_set_text(object, "dissonance", item->dissonance);
    mel_json_set_text(object, "metre", item->metre);
    mel_json_set_text(object, "feel", item->feel);
    mel_json_set_text(object, "relevance", item->relevance);
    set_list(object, "aspects", item->aspects);
    set_list(object, "audioset_labels", item->audioset_labels);
}

json_t *mel_export_item_json(const ExportRun *run, const ExportItem *item)
{
    json_t *object = json_object();
    mel_json_set_text(object, "id", item->id);
    mel_json_set_text(object, "key", item->key);
    mel_json_set_text(object, "side", run->sides.names[item->side]);
    set_answers(object, item);
    mel_json_set_f64(object, "start_s", (double)item->start_us / 1e6);
    mel_json_set_f64(object, "end_s", (double)item->end_us / 1e6);
    mel_json_set_f64(object, "frame_s", (double)item->frame_us / 1e6);
    mel_json_set_i64(object, "sample_rate_hz", item->sample_rate_hz);
    mel_json_set_i64(object, "channels", item->channels);
    mel_json_set_i64(object, "samples", item->audio_samples);
    mel_json_set_i64(object, "width", item->width);
    mel_json_set_i64(object, "height", item->height);
    mel_json_set_f64(object, "loudness_lufs", item->loudness_lufs);
    json_object_set_new(object, "provenance", mel_export_provenance(item));
    return object;
}

void mel_export_seconds(int64_t time_us, char text[32])
{
    snprintf(text, 32, "%lld.%06lld", (long long)(time_us / 1000000),
             (long long)(time_us % 1000000));
    char *end = text + strlen(text);
    while (end[-1] == '0')
        *--end = '\0';
    if (end[-1] == '.') end[-1] = '\0';
}

/* ---- its media ------------------------------------------------------------------------------- */

static bool changed(const char *path, const ExportItem *item, Err *err)
{
    mel_err_reason(err, ERR_FORMAT, "export.changed",
                   "media file '%s' of clip '%s' is not what the store recorded", path, item->id);
    return mel_err_hint(err, "'mel verify' names every such file; 'mel retry' gets them again");
}

bool mel_export_media(ExportRun *run, const ExportItem *item, ExportMedia which, char **bytes_out,
                      size_t *n_out, Err *err)
{
    bool audio = which == EXPORT_AUDIO;
    const char *relative = audio ? item->audio_path : item->image_path;
    int64_t size_bytes = audio ? item->audio_bytes : item->image_bytes;
    char *path = mel_db_path(run->db, relative);
    char *bytes = NULL, hex[SHA256_HEX_SIZE];
    size_t n = 0;
    bool ok = mel_read_file(path, EXPORT_MEDIA_BYTES_MAX, &bytes, &n, err) ||
              mel_err_wrap(err, "clip '%s'", item->id);
    if (ok) {
        mel_sha256_hex(bytes, n, hex);
        ok = ((int64_t)n == size_bytes &&
              mel_equal(hex, audio ? item->audio_sha256 : item->image_sha256)) ||
             changed(relative, item, err);
    }
    free(path);
    if (!ok) {
        free(bytes);
        return false;
    }
    *bytes_out = bytes;
    *n_out = n;
    return true;
}

static bool write_copy(const char *path, const char *bytes, size_t n, Err *err)
{
    FILE *file = fopen(path, "wbxe");
    if (!file) return mel_err_errno(err, "cannot write '%s'", path);
    bool ok = fwrite(bytes, 1, n, file) == n;
    ok = (fclose(file) == 0) && ok;
    return ok || mel_err_errno(err, "cannot write '%s'", path);
}

bool mel_export_copy(ExportRun *run, const ExportItem *item, const char *below, ExportMedia which,
                     Err *err)
{
    char *bytes;
    size_t n;
    if (!mel_export_media(run, item, which, &bytes, &n, err)) return false;
    const char *path = mel_export_path(run, "%s", mel_export_media_name(run, item, below, which));
    char *own = mel_db_path(run->db, which == EXPORT_AUDIO ? item->audio_path : item->image_path);
    bool ok = (run->options->link && link(own, path) == 0) || write_copy(path, bytes, n, err);
    free(own);
    free(bytes);
    return ok;
}

const char *mel_export_media_name(ExportRun *run, const ExportItem *item, const char *below,
                                  ExportMedia which)
{
    return mel_arena_printf(&run->arena, "%s/%s.%s", below, item->key,
                            which == EXPORT_AUDIO ? item->audio_extension : item->image_extension);
}

/* ---- small things ---------------------------------------------------------------------------- */

bool mel_export_tick(ExportRun *run, const ExportItem *item, Err *err)
{
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    run->done++;
    mel_progress(run->progress, &(ProgressTick){.what = "export",
                                                .done = run->done,
                                                .total = (int64_t)run->count,
                                                .note = item->id});
    return true;
}

const char *mel_export_path(ExportRun *run, const char *format, ...)
{
    va_list args;
    char *below = NULL;
    va_start(args, format);
    MEL_ASSERT(vasprintf(&below, format, args) >= 0);
    va_end(args);
    const char *path = mel_arena_printf(&run->arena, "%s/%s", run->folder, below);
    free(below);
    return path;
}

bool mel_export_write_json(const char *path, const json_t *value, Err *err)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    if (!text) return mel_err(err, ERR_NOMEM, "cannot put '%s' into JSON", path);
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the NUL */
    bool ok = mel_write_file(path, text, n + 1, err);
    free(text);
    return ok;
}

/* ---- shards ---------------------------------------------------------------------------------- */

enum { SHARD_BYTES = 256 << 20, SHARD_ITEMS = 10000 };

/* Ends of the shards in items[0 … count): a shard is full when the next clip would not fit. */
static size_t cut(const ExportRun *run, const ExportItem **items, size_t count, size_t *ends)
{
    int64_t most_bytes = run->options->shard_bytes ? run->options->shard_bytes : SHARD_BYTES;
    int64_t most_items = run->options->shard_items ? run->options->shard_items : SHARD_ITEMS;
    int64_t bytes = 0, in_hand = 0;
    size_t shards = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t more = items[i]->audio_bytes + items[i]->image_bytes;
        if (in_hand && (in_hand == most_items || bytes + more > most_bytes)) {
            ends[shards++] = i;
            bytes = in_hand = 0;
        }
        bytes += more;
        in_hand++;
    }
    if (count) ends[shards++] = count;
    return shards;
}

bool mel_export_each_shard(ExportRun *run, ExportShardFn *fn, void *ctx, Err *err)
{
    const ExportItem **items = mel_alloc((run->count + 1) * sizeof *items);
    size_t *ends = mel_alloc((run->count + 1) * sizeof *ends);
    bool ok = true;
    for (int side = 0; ok && side < run->sides.count; side++) {
        size_t count = 0, first = 0;
        for (size_t i = 0; i < run->count; i++)
            if (run->items[i].side == side) items[count++] = &run->items[i];
        size_t shards = cut(run, items, count, ends);
        for (size_t s = 0; ok && s < shards; first = ends[s++]) {
            const ExportShard shard = {.side = side,
                                       .number = s,
                                       .of = shards,
                                       .items = items + first,
                                       .count = ends[s] - first};
            ok = fn(run, &shard, ctx, err);
        }
    }
    free(items);
    free(ends);
    return ok;
}
