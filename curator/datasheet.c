/* SPDX-License-Identifier: Apache-2.0
 *
 * README.md of an export: the hub's card in front, then a datasheet (Gebru et al., "Datasheets for
 * Datasets", 2021) made from the store; and melkit.export.json, the same counts for programs. */
#include "curator/export_internal.h"

#include <stdlib.h>
#include <string.h>

/* What is counted over the clips of the export. */
typedef struct Counts {
    Tally genres[SPLIT_SIDES_MAX]; /* by side of the split */
    Tally all_genres, licenses, annotators, settled_by, tools, kinds, rates;
    int64_t sources, audio_us, scored;
} Counts;

static void counts_clear(Counts *counts)
{
    for (int i = 0; i < SPLIT_SIDES_MAX; i++)
        mel_tally_clear(&counts->genres[i]);
    mel_tally_clear(&counts->all_genres);
    mel_tally_clear(&counts->licenses);
    mel_tally_clear(&counts->annotators);
    mel_tally_clear(&counts->settled_by);
    mel_tally_clear(&counts->tools);
    mel_tally_clear(&counts->kinds);
    mel_tally_clear(&counts->rates);
}

static void count_item(ExportRun *run, Counts *counts, const ExportItem *item)
{
    Arena *arena = &run->arena;
    const char *genre = item->genre ? item->genre : "(not said)";
    char rate[24];
    snprintf(rate, sizeof rate, "%lld", (long long)item->sample_rate_hz);
    mel_tally_add(&counts->genres[item->side], arena, genre, 1);
    mel_tally_add(&counts->all_genres, arena, genre, 1);
    mel_tally_add(&counts->licenses, arena, item->license ? item->license : "(not stated)", 1);
    mel_tally_add(&counts->settled_by, arena, item->settled_by ? item->settled_by : "none", 1);
    mel_tally_add(&counts->kinds, arena, item->kind ? item->kind : "unknown", 1);
    mel_tally_add(&counts->rates, arena, rate, 1);
    for (size_t i = 0; i < item->annotators.count; i++)
        mel_tally_add(&counts->annotators, arena, item->annotators.items[i], 1);
    if (item->sample_rate_hz > 0)
        counts->audio_us += item->audio_samples * 1000000 / item->sample_rate_hz;
    counts->scored += item->imsm == item->imsm;
}

/* Which versions of which tools made the media: as fetching noted it beside each file. A
 * description of a clip takes a millisecond, so that of many clips some, evenly spread, have to do.
 */
enum { TOOLS_LOOKED_AT = 100 };

static bool count_tools(ExportRun *run, Counts *counts, const ExportItem *item, Err *err)
{
    json_t *whole = mel_clip_describe(run->db, item->id, err);
    if (!whole) return false;
    const json_t *media = json_array_get(json_object_get(whole, "media"), 0);
    mel_tally_add(&counts->tools, &run->arena, mel_json_text(media, "made_by_json", "{}"), 1);
    json_decref(whole);
    return true;
}

static bool count_all(ExportRun *run, Counts *counts, Err *err)
{
    Tally sources = {0};
    bool ok = true;
    for (size_t i = 0; i < run->count; i++) {
        count_item(run, counts, &run->items[i]);
        mel_tally_add(&sources, &run->arena, run->items[i].source, 1);
    }
    size_t looked_at = run->count < TOOLS_LOOKED_AT ? run->count : TOOLS_LOOKED_AT;
    for (size_t i = 0; ok && i < looked_at; i++)
        ok = count_tools(run, counts, &run->items[i * run->count / looked_at], err);
    counts->sources = (int64_t)sources.count;
    mel_tally_clear(&sources);
    return ok;
}

/* ---- README.md ------------------------------------------------------------------------------- */

/* Text from people and publishers, on one line and without what Markdown would take for its own. */
static void add_escaped(Str *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("\\`*_[]<>#|&", *p)) mel_str_add_char(out, '\\');
        mel_str_add_char(out, (unsigned char)*p < 0x20 ? ' ' : *p);
    }
}

static void add_said(Str *out, const char *name, const char *text)
{
    mel_str_addf(out, "* %s: ", name);
    add_escaped(out, text && *text ? text : "not stated by whoever made this export");
    mel_str_add(out, "\n");
}

static void add_tally(Str *out, const char *head, const Tally *tally)
{
    mel_str_addf(out, "\n| %s | clips |\n|---|---:|\n", head);
    for (size_t i = 0; i < tally->count; i++) {
        mel_str_add(out, "| ");
        add_escaped(out, tally->rows[i].name);
        mel_str_addf(out, " | %lld |\n", (long long)tally->rows[i].count);
    }
}

static int64_t tally_of(const Tally *tally, const char *name)
{
    for (size_t i = 0; i < tally->count; i++)
        if (mel_equal(tally->rows[i].name, name)) return tally->rows[i].count;
    return 0;
}

static void add_genres(const ExportRun *run, const Counts *counts, Str *out)
{
    mel_str_add(out, "\n| genre |");
    for (int i = 0; i < run->sides.count; i++)
        mel_str_addf(out, " %s |", run->sides.names[i]);
    mel_str_add(out, " all |\n|---|");
    for (int i = 0; i <= run->sides.count; i++)
        mel_str_add(out, "---:|");
    for (size_t g = 0; g < counts->all_genres.count; g++) {
        const TallyRow *row = &counts->all_genres.rows[g];
        mel_str_add(out, "\n| ");
        add_escaped(out, row->name);
        mel_str_add(out, " |");
        for (int i = 0; i < run->sides.count; i++)
            mel_str_addf(out, " %lld |", (long long)tally_of(&counts->genres[i], row->name));
        mel_str_addf(out, " %lld |", (long long)row->count);
    }
    mel_str_add(out, "\n");
}

static void add_motivation(const ExportRun *run, const ExportKind *kind, Str *out)
{
    const ExportOptions *o = run->options;
    mel_str_add(out, "# ");
    add_escaped(out, o->title && *o->title ? o->title : run->split.name);
    mel_str_add(out, "\n\nTriplets of music, picture and text, curated with Melkit " MEL_VERSION
                     ".\n\n");
    mel_str_addf(out, "%s A clip's key is its source and its start in milliseconds.\n",
                 kind->about);
    mel_str_add(out,
                "`SHA256SUMS` covers every file: `sha256sum -c SHA256SUMS`.\n\n## Motivation\n\n");
    add_said(out, "Purpose", o->purpose);
    add_said(out, "Made by", o->maintainer);
}

static void add_composition(const ExportRun *run, const Counts *counts, Str *out)
{
    mel_str_addf(
        out,
        "\n## Composition\n\n%lld clips from %lld sources, %.1f minutes of sound. Each is ten "
        "seconds of music as a rule, one still of the same moment, and a text.\n"
        "\n| side | clips |\n|---|---:|\n",
        (long long)run->report->items, (long long)counts->sources, (double)counts->audio_us / 60e6);
    for (int i = 0; i < run->report->side_count; i++)
        mel_str_addf(out, "| %s | %lld |\n", run->report->sides[i],
                     (long long)run->report->counts[i]);
    add_genres(run, counts, out);
    add_tally(out, "sample rate (Hz)", &counts->rates);
    mel_str_add(out, "\nThe sides of the split ");
    mel_str_addf(out,
                 "(seed `%s`) share no source, no channel, no near-duplicate sound and no "
                 "near-duplicate picture; this was checked when the export was made. Pairs of "
                 "equal texts on two sides: %zu.\n",
                 run->split.seed, run->report->texts_across);
}

static void add_row(Str *out, const char *name, int64_t count)
{
    mel_str_addf(out, "| %s | %lld |\n", name, (long long)count);
}

static void add_rows(Str *out, const char *prefix, const Tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        mel_str_addf(out, "| %s", prefix);
        add_escaped(out, tally->rows[i].name);
        mel_str_addf(out, " | %lld |\n", (long long)tally->rows[i].count);
    }
}

static void add_attrition(const ExportRun *run, Str *out)
{
    const Attrition *a = &run->attrition;
    mel_str_add(out, "\n| from the list to this export | clips |\n|---|---:|\n");
    add_row(out, "listed", a->listed);
    add_row(out, "not fetched yet", a->waiting);
    add_row(out, "failed", a->failed);
    add_rows(out, "failed: ", &a->reasons);
    add_row(out, "fetched and verified", a->ready);
    add_rows(out, "kept out by the pass ", &a->passes);
    add_row(out, "annotated", a->annotated);
    add_row(out, "settled", a->settled);
    add_row(out, "complete triplets", a->triplets);
    add_row(out, "of them, kept out by no pass", a->included);
    add_row(out, "in the split", a->in_split);
    add_row(out, "left out: taken down", run->report->taken_down);
    add_row(out, "left out: kept out by a pass", run->report->excluded);
    add_row(out, "left out: not complete any more", run->report->missing);
    add_row(out, "left out: not asked for", run->report->unwanted);
    add_row(out, "in this export", run->report->items);
}

static void add_collection(const ExportRun *run, const Counts *counts, Str *out)
{
    mel_str_add(out, "\n## Collection\n\nSound was cut from the decoded source at exact "
                     "presentation times and stored as FLAC at its own rate; stills are JPEG at "
                     "full size. Every file was decoded back when it was made.");
    if (run->options->format != EXPORT_MUSICCAPS)
        mel_str_add(out, " Each one here is, byte for byte, what was recorded then (SHA-256).");
    mel_str_add(out, "\n");
    add_attrition(run, out);
    add_tally(out, "kind of source", &counts->kinds);
    char head[64];
    snprintf(head, sizeof head, "made by (of %zu clips looked at)",
             run->count < TOOLS_LOOKED_AT ? run->count : (size_t)TOOLS_LOOKED_AT);
    add_tally(out, head, &counts->tools);
    mel_str_addf(
        out,
        "\nDataset schema %d, vocabulary %d.\n\n## Annotation\n\n%zu annotators, under "
        "pseudonyms (published lists keep their names). Purity (IMSM) is known for %lld of the "
        "clips.\n",
        mel_db_schema_version(), mel_vocabulary_version(), counts->annotators.count,
        (long long)counts->scored);
    add_tally(out, "settled by", &counts->settled_by);
    add_tally(out, "annotator", &counts->annotators);
}

static void add_uses(const ExportRun *run, const Counts *counts, Str *out)
{
    mel_str_add(out,
                "\n## Uses\n\nTraining and evaluation of models that make or describe music from "
                "pictures and texts. The music and pictures belong to their authors: the licences "
                "below are what the sources stated, not permission given by this dataset.\n");
    add_tally(out, "licence of the source, as stated", &counts->licenses);
    mel_str_add(out, "\n");
    add_said(out, "Licence of the annotations", run->options->license);
    mel_str_add(out, "\n## Maintenance\n\n");
    add_said(out, "Contact", run->options->maintainer);
    mel_str_add(out,
                "* Removal: sources that were taken down are in no export made afterwards; whoever "
                "asks for removal names the source id.\n* Comparison: `SHA256SUMS` and the key of "
                "each clip tell which clips two copies share.\n");
}

bool mel_export_datasheet(ExportRun *run, Err *err)
{
    const ExportKind *kind = mel_export_kind(run->options->format);
    Counts counts = {0};
    Str out = {0};
    bool ok = count_all(run, &counts, err);
    if (ok) {
        mel_export_card(run, &out);
        add_motivation(run, kind, &out);
        add_composition(run, &counts, &out);
        add_collection(run, &counts, &out);
        add_uses(run, &counts, &out);
        ok = mel_write_file(mel_export_path(run, "README.md"), out.text, out.length, err);
    }
    mel_str_clear(&out);
    counts_clear(&counts);
    return ok;
}

/* ---- melkit.export.json ---------------------------------------------------------------------- */

static json_t *tally_json(const Tally *tally)
{
    json_t *object = json_object();
    for (size_t i = 0; i < tally->count; i++)
        mel_json_set_i64(object, tally->rows[i].name, tally->rows[i].count);
    return object;
}

static json_t *attrition_json(const ExportRun *run)
{
    const Attrition *a = &run->attrition;
    json_t *object = json_object();
    mel_json_set_i64(object, "listed", a->listed);
    mel_json_set_i64(object, "waiting", a->waiting);
    mel_json_set_i64(object, "failed", a->failed);
    json_object_set_new(object, "failed_by_reason", tally_json(&a->reasons));
    mel_json_set_i64(object, "ready", a->ready);
    json_object_set_new(object, "excluded_by_pass", tally_json(&a->passes));
    mel_json_set_i64(object, "annotated", a->annotated);
    mel_json_set_i64(object, "settled", a->settled);
    mel_json_set_i64(object, "triplets", a->triplets);
    mel_json_set_i64(object, "included", a->included);
    mel_json_set_i64(object, "in_split", a->in_split);
    mel_json_set_i64(object, "taken_down", run->report->taken_down);
    mel_json_set_i64(object, "excluded", run->report->excluded);
    mel_json_set_i64(object, "missing", run->report->missing);
    mel_json_set_i64(object, "unwanted", run->report->unwanted);
    mel_json_set_i64(object, "exported", run->report->items);
    return object;
}

bool mel_export_summary(ExportRun *run, Err *err)
{
    json_t *object = json_object(), *sides = json_object();
    for (int i = 0; i < run->report->side_count; i++)
        mel_json_set_i64(sides, run->report->sides[i], run->report->counts[i]);
    mel_json_set_text(object, "melkit", MEL_VERSION);
    mel_json_set_text(object, "format", mel_export_format_name(run->options->format));
    mel_json_set_text(object, "split", run->split.name);
    mel_json_set_text(object, "seed", run->split.seed);
    mel_json_set_text(object, "stratify", run->split.stratify);
    mel_json_set_text(object, "condition", run->split.condition);
    mel_json_set_text(object, "side", run->options->side);
    mel_json_set_text(object, "where", run->options->where);
    json_object_set_new(object, "sides", sides);
    json_object_set_new(object, "attrition", attrition_json(run));
    bool ok = mel_export_write_json(mel_export_path(run, EXPORT_SUMMARY), object, err);
    json_decref(object);
    return ok;
}
