/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports that are a text file a side, with the media beside: JSON lines, MeLFusion's JSON lines,
 * CSV. */
#include "curator/export_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- one file a side ------------------------------------------------------------------------- */

static bool put_rows(ExportRun *run, int side, FILE *file, const char *path, ExportRowFn *fn,
                     Err *err)
{
    Str row = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < run->count; i++) {
        const ExportItem *item = &run->items[i];
        if (item->side != side) continue;
        mel_str_reset(&row);
        ok = fn(run, item, &row, err);
        if (ok && fwrite(row.text, 1, row.length, file) != row.length)
            ok = mel_err_errno(err, "cannot write '%s'", path);
        ok = ok && mel_export_tick(run, item, err);
    }
    mel_str_clear(&row);
    return ok;
}

bool mel_export_sides(ExportRun *run, const char *extension, const char *header, ExportRowFn *fn,
                      Err *err)
{
    bool ok = true;
    for (int side = 0; ok && side < run->report->side_count; side++) {
        FileWriter file = {0};
        int of_split = 0; /* the report has only the sides that hold something */
        while (!mel_equal(run->sides.names[of_split], run->report->sides[side]))
            of_split++;
        const char *path = mel_export_path(run, "%s.%s", run->report->sides[side], extension);
        ok = mel_writer_begin(&file, path, err);
        if (ok && fputs(header, file.file) == EOF)
            ok = mel_err_errno(err, "cannot write '%s'", path);
        ok = ok && put_rows(run, of_split, file.file, path, fn, err) &&
             mel_writer_commit(&file, err);
        mel_writer_abort(&file);
    }
    return ok;
}

static void add_json_line(Str *row, json_t *object)
{
    char *line = mel_json_line(object);
    mel_str_add(row, line);
    mel_str_add_char(row, '\n');
    free(line);
    json_decref(object);
}

static bool copy_both(ExportRun *run, const ExportItem *item, Err *err)
{
    return mel_export_copy(run, item, "media", EXPORT_AUDIO, err) &&
           mel_export_copy(run, item, "media", EXPORT_IMAGE, err);
}

/* ---- JSON lines ------------------------------------------------------------------------------ */

/* The names audio_path and image_path are chosen so that no folder loader takes them for its own
 * `*_file_name` columns, all of which it would turn into one kind of media. */
static bool jsonl_row(ExportRun *run, const ExportItem *item, Str *row, Err *err)
{
    json_t *object = json_object(), *rest = mel_export_item_json(run, item);
    mel_json_set_text(object, "audio_path",
                      mel_export_media_name(run, item, "media", EXPORT_AUDIO));
    mel_json_set_text(object, "image_path",
                      mel_export_media_name(run, item, "media", EXPORT_IMAGE));
    json_object_update(object, rest);
    json_decref(rest);
    add_json_line(row, object);
    return copy_both(run, item, err);
}

bool mel_export_jsonl(ExportRun *run, Err *err)
{
    return mel_make_dirs(mel_export_path(run, "media"), err) &&
           mel_export_sides(run, "jsonl", "", jsonl_row, err);
}

/* The released loader takes the last part of `location` and `img_path` and looks for it in one
 * fixed folder: so the last parts are unique. */
static bool melfusion_row(ExportRun *run, const ExportItem *item, Str *row, Err *err)
{
    json_t *object = json_object();
    mel_json_set_text(object, "dataset", run->split.name);
    mel_json_set_text(object, "location", mel_export_media_name(run, item, "audio", EXPORT_AUDIO));
    mel_json_set_text(object, "captions", item->text);
    mel_json_set_text(object, "img_path", mel_export_media_name(run, item, "images", EXPORT_IMAGE));
    add_json_line(row, object);
    return mel_export_copy(run, item, "audio", EXPORT_AUDIO, err) &&
           mel_export_copy(run, item, "images", EXPORT_IMAGE, err);
}

bool mel_export_melfusion(ExportRun *run, Err *err)
{
    return mel_make_dirs(mel_export_path(run, "audio"), err) &&
           mel_make_dirs(mel_export_path(run, "images"), err) &&
           mel_export_sides(run, "json", "", melfusion_row, err);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

void mel_export_csv_field(Str *row, const char *text, bool guarded)
{
    if (row->length) mel_str_add_char(row, ',');
    mel_csv_add_field(row, text ? text : "", ',', guarded);
}

static void add_field(Str *row, const char *text)
{
    mel_export_csv_field(row, text, true);
}

static void add_list(Str *row, TextList list)
{
    Str joined = {0};
    for (size_t i = 0; i < list.count; i++)
        mel_str_addf(&joined, "%s%s", i ? "; " : "", list.items[i]);
    add_field(row, mel_str_text(&joined));
    mel_str_clear(&joined);
}

static void add_number(Str *row, double value)
{
    char text[32] = "";
    if (value == value) snprintf(text, sizeof text, "%.9g", value);
    add_field(row, text);
}

static void add_seconds(Str *row, int64_t time_us)
{
    char text[32];
    mel_export_seconds(time_us, text);
    add_field(row, text);
}

static const char csv_header[] =
    "id,audio_path,image_path,caption,genre,moods,tempo,bpm,voices,instruments,dissonance,metre,"
    "feel,"
    "relevance,aspects,audioset_labels,source,locator,start_s,end_s,frame_s,channel,license,"
    "published_split,sample_rate_hz,samples,loudness_lufs,imsm,clip_score,clap_score,settled_by,"
    "annotators,audio_sha256,image_sha256\n";

static void csv_answers(Str *row, const ExportItem *item)
{
    add_field(row, item->text);
    add_field(row, item->genre);
    add_list(row, item->moods);
    add_field(row, item->tempo);
    add_number(row, item->bpm);
    add_list(row, item->voices);
    add_list(row, item->instruments);
    add_field(row, item->dissonance);
    add_field(row, item->metre);
    add_field(row, item->feel);
    add_field(row, item->relevance);
    add_list(row, item->aspects);
    add_list(row, item->audioset_labels);
}

static void csv_origin(Str *row, const ExportItem *item)
{
    add_field(row, item->source);
    add_field(row, mel_export_locator(item));
    add_seconds(row, item->start_us);
    add_seconds(row, item->end_us);
    add_seconds(row, item->frame_us);
    add_field(row, item->channel);
    add_field(row, item->license);
    add_field(row, item->published_split);
    add_number(row, (double)item->sample_rate_hz);
    add_number(row, (double)item->audio_samples);
    add_number(row, item->loudness_lufs);
    add_number(row, item->imsm);
    add_number(row, item->clip_score);
    add_number(row, item->clap_score);
    add_field(row, item->settled_by);
    add_list(row, item->annotators);
    add_field(row, item->audio_sha256);
    add_field(row, item->image_sha256);
}

static bool csv_row(ExportRun *run, const ExportItem *item, Str *row, Err *err)
{
    add_field(row, item->id);
    add_field(row, mel_export_media_name(run, item, "media", EXPORT_AUDIO));
    add_field(row, mel_export_media_name(run, item, "media", EXPORT_IMAGE));
    csv_answers(row, item);
    csv_origin(row, item);
    mel_str_add_char(row, '\n');
    return copy_both(run, item, err);
}

bool mel_export_csv(ExportRun *run, Err *err)
{
    return mel_make_dirs(mel_export_path(run, "media"), err) &&
           mel_export_sides(run, "csv", csv_header, csv_row, err);
}
