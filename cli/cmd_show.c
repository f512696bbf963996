/* SPDX-License-Identifier: Apache-2.0
 *
 * mel show: all that is known of one clip, in sections. */
#include "cli/reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ShowOptions {
    bool all; /* also what is superseded or undone */
} ShowOptions;

typedef struct Page {
    const json_t *clip;
    Str out;
    int width;
    bool all;
} Page;

/* ---- lines ------------------------------------------------------------------------------------
 */

enum { LABEL_WIDTH = 20 };

static void section(Page *page, const char *title)
{
    mel_str_addf(&page->out, "\n%s\n", title);
}

static void label(Page *page, const char *name)
{
    mel_str_addf(&page->out, "  %-*s ", LABEL_WIDTH, name);
}

/* A line "  name   text", with what does not fit on lines below. */
static void line(Page *page, const char *name, const char *text)
{
    if (!text || !*text) return;
    char *clean = cli_clean(text);
    Str wrapped = {0};
    cli_add_wrapped(&wrapped, clean, LABEL_WIDTH + 3, page->width);
    const char *body = mel_str_text(&wrapped);
    label(page, name);
    mel_str_add(&page->out, body + strspn(body, " "));
    mel_str_clear(&wrapped);
    free(clean);
}

static void linef(Page *page, const char *name, const char *format, ...) MEL_PRINTF(3, 4);
static void linef(Page *page, const char *name, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n >= 0) line(page, name, text);
    free(text);
}

static const char *text_of(const json_t *object, const char *key)
{
    return mel_json_text(object, key, NULL);
}

static void field(Page *page, const char *name, const json_t *object, const char *key)
{
    line(page, name, text_of(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    return mel_json_f64(object, key, NAN);
}

/* A number as text, in one of a few buffers: for the arguments of one linef. */
static const char *shown(double value)
{
    static char buffers[6][32];
    static int next;
    char *buffer = buffers[next++ % 6];
    Str text = {0};
    if (isfinite(value)) cli_add_number(&text, value, 6);
    snprintf(buffer, sizeof buffers[0], "%s", isfinite(value) ? mel_str_text(&text) : "-");
    mel_str_clear(&text);
    return buffer;
}

/* ---- sections ----------------------------------------------------------------------------------
 */

static void show_what(Page *page)
{
    const json_t *c = page->clip;
    char *id = cli_clean(text_of(c, "id"));
    mel_str_addf(&page->out, "%s\n", id);
    free(id);
    field(page, "title", c, "title");
    field(page, "channel", c, "channel");
    field(page, "from", c, "locator");
    linef(page, "asked", "%s s to %s s", shown(number_of(c, "start_s")),
          shown(number_of(c, "end_s")));
    if (isfinite(number_of(c, "got_start_s")))
        linef(page, "got", "from %s s", shown(number_of(c, "got_start_s")));
    field(page, "licence", c, "license");
    field(page, "availability", c, "availability");
    field(page, "published split", c, "published_split");
    linef(page, "state", "%s%s%s", text_of(c, "state"),
          mel_json_i64(c, "included", 0) ? "" : ", kept out by ",
          mel_json_i64(c, "included", 0) ? "" : mel_json_text(c, "excluded_by", "?"));
    field(page, "reason", c, "reason");
    field(page, "message", c, "message");
    field(page, "imported", c, "created_at");
    field(page, "last change", c, "changed_at");
}

static void show_media(Page *page)
{
    const json_t *c = page->clip, *media = json_object_get(c, "media"), *row;
    size_t i;
    if (!json_array_size(media)) return;
    section(page, "Media files");
    json_array_foreach(media, i, row)
    {
        Str size = {0};
        char name[40];
        cli_add_size(&size, mel_json_i64(row, "size_bytes", 0));
        snprintf(name, sizeof name, "%s %lld", mel_json_text(row, "role", "?"),
                 (long long)mel_json_i64(row, "position", 0));
        linef(page, name, "%s  (%s, sha256 %.12s…)", mel_json_text(row, "path", "?"),
              mel_str_text(&size), mel_json_text(row, "sha256", "?"));
        mel_str_clear(&size);
    }
    linef(page, "sound", "%s Hz, %s channel(s), %s samples, %s of them filled with silence",
          shown(number_of(c, "sample_rate_hz")), shown(number_of(c, "channels")),
          shown(number_of(c, "audio_samples")), shown(number_of(c, "missing_samples")));
    linef(page, "picture", "%s x %s px", shown(number_of(c, "width")),
          shown(number_of(c, "height")));
    linef(page, "source format", "%s (%s, %s)", mel_json_text(c, "container", "?"),
          mel_json_text(c, "audio_codec", "no sound"),
          mel_json_text(c, "video_codec", "no picture"));
}

static void show_measures(Page *page)
{
    size_t count;
    const MeasureNote *notes = cli_measures(&count);
    if (!mel_equal(text_of(page->clip, "state"), "ready")) return;
    for (size_t i = 0; i < count; i++) {
        const ColumnNote *note = &notes[i].note;
        double value = number_of(page->clip, note->name);
        if (i == 0 || notes[i].audio != notes[i - 1].audio)
            section(page, notes[i].audio ? "Measures of the sound" : "Measures of the picture");
        label(page, note->name);
        mel_str_addf(&page->out, "%10s %-6s %s\n", isfinite(value) ? shown(value) : "not said",
                     note->unit, note->meaning);
    }
}

static void show_frames(Page *page)
{
    const json_t *frames = json_object_get(page->clip, "frames"), *f;
    size_t i;
    if (!json_array_size(frames)) return;
    section(page, "Frames (stills, best first)");
    json_array_foreach(frames, i, f)
    {
        char name[40];
        snprintf(name, sizeof name, "%lld", (long long)mel_json_i64(f, "position", 0));
        linef(page, name, "at %s s, score %s, sharpness %s, brightness %s, picture hash %s",
              shown(number_of(f, "time_s")), shown(number_of(f, "score")),
              shown(number_of(f, "sharpness")), shown(number_of(f, "brightness")),
              mel_json_text(f, "picture_hash", "?"));
    }
}

static void show_labels(Page *page)
{
    const json_t *labels = json_object_get(page->clip, "labels"), *row;
    size_t i;
    if (!json_array_size(labels)) return;
    section(page, "Labels that came with lists");
    json_array_foreach(labels, i, row) field(page, mel_json_text(row, "scheme", "?"), row, "value");
}

/* "calm, dark" of ["calm", "dark"]; a number or one term as it is. Yours to free. */
static char *suggested_value(const char *value_json)
{
    Err ignored = {0};
    Str text = {0};
    json_t *value = mel_json_parse(value_json, strlen(value_json), "the value", &ignored), *term;
    size_t i;
    json_array_foreach(value, i, term)
    {
        mel_str_addf(&text, "%s%s", i ? ", " : "", json_string_value(term));
    }
    if (json_is_string(value)) mel_str_add(&text, json_string_value(value));
    if (json_is_number(value)) cli_add_number(&text, json_number_value(value), 6);
    json_decref(value);
    return mel_str_take(&text);
}

static void show_suggestions(Page *page)
{
    const json_t *list = json_object_get(page->clip, "suggestions"), *row;
    size_t i;
    if (!json_array_size(list)) return;
    section(page, "Suggestions (no answers)");
    json_array_foreach(list, i, row)
    {
        char *value = suggested_value(mel_json_text(row, "value_json", "null"));
        linef(page, mel_json_text(row, "field", "?"), "%s, by %s, %s", value,
              mel_json_text(row, "origin", "?"), mel_json_text(row, "created_at", "?"));
        free(value);
    }
}

static void show_answer(Page *page, const json_t *a)
{
    static const char *const fields[][2] = {
        {"genre",          "genre"       },
        {"other genres",   "other_genres"},
        {"tempo",          "tempo"       },
        {"moods",          "moods"       },
        {"voices",         "voices"      },
        {"instruments",    "instruments" },
        {"aspects",        "aspects"     },
        {"dissonance",     "dissonance"  },
        {"metre",          "metre"       },
        {"feel",           "feel"        },
        {"relevance",      "relevance"   },
        {"text",           "text"        },
        {"why this frame", "frame_why"   },
        {"comment",        "comment"     },
    };
    char *who = cli_clean(mel_json_text(a, "person", "?"));
    mel_str_addf(&page->out, "  %s (%s%s), revision %lld, %s, %s\n", who,
                 mel_json_i64(a, "retest", 0) ? "asked again, " : "",
                 mel_json_text(a, "annotator_kind", "?"), (long long)mel_json_i64(a, "rev", 0),
                 mel_json_text(a, "state", "?"), mel_json_text(a, "created_at", "?"));
    free(who);
    for (size_t i = 0; i < MEL_COUNT(fields); i++)
        field(page, fields[i][0], a, fields[i][1]);
    if (isfinite(number_of(a, "bpm"))) linef(page, "bpm", "%s", shown(number_of(a, "bpm")));
    if (isfinite(number_of(a, "frame_position")))
        linef(page, "frame", "%s", shown(number_of(a, "frame_position")));
}

static void show_annotations(Page *page)
{
    const json_t *list = json_object_get(page->clip, "annotations"), *row;
    size_t i;
    if (!json_array_size(list)) return;
    section(page, "Annotations (the newest of each annotator)");
    json_array_foreach(list, i, row)
    {
        if (i) mel_str_add_char(&page->out, '\n');
        show_answer(page, row);
    }
}

/* The newest settlement says it all; the older ones are history. */
static void show_settlement(Page *page)
{
    const json_t *list = json_object_get(page->clip, "settlements");
    size_t count = json_array_size(list);
    if (!count) return;
    section(page, "Settlement");
    for (size_t i = page->all ? 0 : count - 1; i < count; i++) {
        const json_t *row = json_array_get(list, i);
        linef(page, mel_json_text(row, "state", "?"), "%s, revision %lld, %s",
              mel_json_text(row, "method", "?"), (long long)mel_json_i64(row, "rev", 0),
              mel_json_text(row, "created_at", "?"));
        field(page, "disputed", row, "disputed_json");
    }
}

static bool is_superseded(const json_t *scores, size_t index)
{
    const char *name = mel_json_text(json_array_get(scores, index), "name", "");
    for (size_t i = index + 1; i < json_array_size(scores); i++)
        if (mel_equal(name, mel_json_text(json_array_get(scores, i), "name", ""))) return true;
    return false;
}

static void show_scores(Page *page)
{
    const json_t *scores = json_object_get(page->clip, "scores"), *s;
    size_t i;
    if (!json_array_size(scores)) return;
    section(page, "Scores");
    json_array_foreach(scores, i, s)
    {
        if (!page->all && is_superseded(scores, i)) continue;
        linef(page, mel_json_text(s, "name", "?"), "%s  by %s, %s", shown(number_of(s, "value")),
              mel_json_text(s, "model", "?"), mel_json_text(s, "created_at", "?"));
    }
}

static void show_passes(Page *page)
{
    const json_t *passes = json_object_get(page->clip, "passes"), *p;
    size_t i;
    if (!json_array_size(passes)) return;
    section(page, "Passes that keep it out");
    json_array_foreach(passes, i, p)
    {
        const char *undone = text_of(p, "undone_at");
        linef(page, mel_json_text(p, "name", "?"), "%s  (decided %s%s%s)",
              mel_json_text(p, "condition", "?"), mel_json_text(p, "decided_at", "?"),
              undone ? ", undone " : "", undone ? undone : "");
    }
}

static void show_duplicates(Page *page)
{
    const json_t *list = json_object_get(page->clip, "duplicates"), *d;
    size_t i;
    if (!json_array_size(list)) return;
    section(page, "The same as");
    json_array_foreach(list, i, d)
        linef(page, mel_json_text(d, "clip", "?"), "by %s, score %s, offset %s s, evidence %s%s",
              mel_json_text(d, "kind", "?"), shown(number_of(d, "score")),
              shown(number_of(d, "offset_s")), shown(number_of(d, "evidence")),
              mel_json_i64(d, "broken", 0) ? "; a person said: not the same" : "");
}

static void show_splits(Page *page)
{
    const json_t *list = json_object_get(page->clip, "splits"), *s;
    size_t i;
    if (!json_array_size(list)) return;
    section(page, "Splits");
    json_array_foreach(list, i, s)
    {
        const char *dropped = text_of(s, "dropped");
        linef(page, mel_json_text(s, "split", "?"), "%s (group %s)%s%s",
              mel_json_text(s, "side", "?"), mel_json_text(s, "group_key", "?"),
              dropped ? ", dropped: " : "", dropped ? dropped : "");
    }
}

static void show_attempts(Page *page)
{
    const json_t *list = json_object_get(page->clip, "attempts"), *a;
    size_t i;
    if (!json_array_size(list)) return;
    section(page, "Fetches");
    json_array_foreach(list, i, a)
    {
        Str size = {0};
        const char *reason = text_of(a, "reason");
        cli_add_size(&size, mel_json_i64(a, "fetched_bytes", 0));
        char *at = mel_strndup(mel_json_text(a, "at", "?"), 19);
        const char *message = text_of(a, "message");
        linef(page, at, "%s%s%s after %s s, %s fetched%s%s", mel_json_text(a, "outcome", "?"),
              reason ? ", " : "", reason ? reason : "", shown(number_of(a, "took_s")),
              mel_str_text(&size), message ? ": " : "", message ? message : "");
        mel_str_clear(&size);
        free(at);
    }
}

static int show_run(Cli *cli, const void *options, Err *err)
{
    const ShowOptions *o = options;
    Db *db = NULL;
    if (!cli_open(cli, DB_READ, &db, err)) return RUN_ERROR;
    json_t *clip = mel_clip_describe(db, cli->argv[0], err);
    mel_db_close(db);
    if (!clip) return RUN_ERROR;
    if (cli->json) {
        cli_json_line(clip);
        return EXIT_DONE;
    }
    Page page = {.clip = clip, .width = cli_wrap_width(), .all = o->all};
    show_what(&page);
    show_media(&page);
    show_measures(&page);
    show_frames(&page);
    show_labels(&page);
    show_suggestions(&page);
    show_annotations(&page);
    show_settlement(&page);
    show_scores(&page);
    show_passes(&page);
    show_duplicates(&page);
    show_splits(&page);
    show_attempts(&page);
    fputs(mel_str_text(&page.out), stdout);
    mel_str_clear(&page.out);
    json_decref(clip);
    return EXIT_DONE;
}

static const CliOption show_options[] = {
    CLI_FLAG('a', "all", ShowOptions, all, "also older settlements and superseded scores"),
    CLI_END,
};

const CliCommand cmd_show = {
    .name = "show",
    .summary = "all that is known of one clip",
    .usage = "show [--all] CLIP",
    .details =
        "Where it is from, its files, measures, frames, labels, suggestions, annotations,\n"
        "settlement, scores, passes, duplicates, splits and fetches. With --json: one object.\n"
        "It hides nothing: whoever still has to answer looks at the clip in mel-annotator, which\n"
        "shows what others say, and suggestions of what is judged, after the own answer only.",
    .options = show_options,
    .size = sizeof(ShowOptions),
    .min_args = 1,
    .max_args = 1,
    .run = show_run,
};
