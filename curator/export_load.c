/* SPDX-License-Identifier: Apache-2.0
 *
 * What an export holds: the members of a split that are triplets now, after the proof that the
 * split does not leak. */
#include "curator/export_internal.h"

#include "curator/split_graph.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the members and the proof --------------------------------------------------------------- */

/* Beside each node: why it cannot be a triplet, if it cannot. */
typedef struct MemberState {
    const char *state, *reason, *settled;
    bool seen; /* among the triplets */
} MemberState;

typedef struct Loader {
    ExportRun *run;
    SplitGraph graph;
    MemberState *states; /* one a node, by id */
    size_t state_count, state_capacity;
    bool *chosen; /* one an item */
    /* annotators, by clip */
    struct Answer {
        const char *clip, *annotator;
        bool imported;
    } * answers;
    size_t answer_count, answer_capacity;
    const char **people; /* distinct, sorted: their ranks are their pseudonyms */
    size_t person_count;
} Loader;

static bool take_node(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Loader *loader = ctx;
    Arena *arena = &loader->run->arena;
    mel_graph_add(&loader->graph, row);
    mel_grow(&loader->states, &loader->state_capacity, loader->state_count + 1,
             sizeof *loader->states);
    loader->states[loader->state_count++] = (MemberState){
        .state = mel_arena_strdup(arena, mel_row_text(row, "state", "")),
        .reason = mel_arena_strdup(arena, mel_row_text(row, "reason", "")),
        .settled = mel_arena_strdup(arena, mel_row_text(row, "settled_state", "")),
    };
    return true;
}

static bool take_member(void *ctx, const SplitMember *member, Err *err)
{
    Loader *loader = ctx;
    const SplitSides *sides = &loader->run->sides;
    SplitNode *node = mel_graph_find(&loader->graph, member->clip_id);
    for (int i = 0; node && i < sides->count; i++)
        if (mel_equal(member->side, sides->names[i])) node->side = i;
    return (node && node->side >= 0) ||
           mel_err(err, ERR_DB, "clip '%s' lies on side '%s', which the split does not have",
                   member->clip_id, member->side);
}

/* All sides take part in the proof, whichever are exported. */
static bool load_members(Loader *loader, Err *err)
{
    ExportRun *run = loader->run;
    const ViewQuery query = {
        .view = "clips",
        .columns = "id, source, channel, published_split, state, reason, settled_state",
        .also = "id IN (SELECT id FROM splits WHERE split = ?1)",
        .args = {run->split.name},
        .arg_count = 1,
        .order = "id"}; /* so that states and nodes share their indices */
    if (!mel_query(run->db, &query, take_node, loader, err)) return false;
    mel_graph_sort(&loader->graph);
    if (!mel_split_each(run->db, run->split.id, take_member, loader, err) ||
        !mel_graph_load_edges(&loader->graph, run->db, err))
        return false;
    mel_graph_group(&loader->graph);
    run->report->texts_across = mel_graph_texts_across(&loader->graph);
    return mel_graph_prove(&loader->graph, run->sides.names, err);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The parts of a joined list, sorted, as group_concat promises no order. */
static TextList list_of(Arena *arena, const char *joined, const char *separator)
{
    TextList list = {0};
    if (!joined || !*joined) return list;
    size_t most = 1, step = strlen(separator);
    for (const char *p = joined; (p = strstr(p, separator)) != NULL; p += step)
        most++;
    const char **items = mel_arena_alloc(arena, most * sizeof *items);
    for (const char *p = joined, *end; p; p = end ? end + step : NULL) {
        end = strstr(p, separator);
        size_t n = end ? (size_t)(end - p) : strlen(p);
        if (n) items[list.count++] = mel_arena_strndup(arena, p, n);
    }
    if (list.count) qsort(items, list.count, sizeof *items, by_text);
    list.items = items;
    return list;
}

static const char *extension_of(Arena *arena, const char *path)
{
    char *extension = mel_arena_strdup(arena, mel_path_extension(path));
    for (char *p = extension; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return extension;
}

static int64_t microseconds(const ViewRow *row, const char *name)
{
    return llround(mel_row_f64(row, name, 0) * 1e6);
}

static const char *text_of(Arena *arena, const ViewRow *row, const char *name)
{
    return mel_arena_strdup(arena, mel_row_text(row, name, NULL));
}

static ExportItem item_of(Arena *arena, const ViewRow *row)
{
    ExportItem item = {
        .id = text_of(arena, row, "id"),
        .source = text_of(arena, row, "source"),
        .kind = text_of(arena, row, "kind"),
        .locator = text_of(arena, row, "locator"),
        .title = text_of(arena, row, "title"),
        .channel = text_of(arena, row, "channel"),
        .license = text_of(arena, row, "license"),
        .published_split = text_of(arena, row, "published_split"),
        .audio_path = text_of(arena, row, "audio_path"),
        .audio_sha256 = text_of(arena, row, "audio_sha256"),
        .image_path = text_of(arena, row, "image_path"),
        .image_sha256 = text_of(arena, row, "image_sha256"),
        .audio_bytes = mel_row_i64(row, "audio_bytes", 0),
        .image_bytes = mel_row_i64(row, "image_bytes", 0),
        .start_us = microseconds(row, "start_s"),
        .end_us = microseconds(row, "end_s"),
        .frame_us = microseconds(row, "frame_s"),
        .sample_rate_hz = mel_row_i64(row, "sample_rate_hz", 0),
        .channels = mel_row_i64(row, "channels", 0),
        .audio_samples = mel_row_i64(row, "audio_samples", 0),
        .width = mel_row_i64(row, "width", 0),
        .height = mel_row_i64(row, "height", 0),
        .text = text_of(arena, row, "text"),
        .genre = text_of(arena, row, "genre"),
        .tempo = text_of(arena, row, "tempo"),
        .dissonance = text_of(arena, row, "dissonance"),
        .metre = text_of(arena, row, "metre"),
        .feel = text_of(arena, row, "feel"),
        .relevance = text_of(arena, row, "relevance"),
        .settled_by = text_of(arena, row, "settled_by"),
        .annotator = text_of(arena, row, "annotator"),
        .bpm = mel_row_f64(row, "bpm", NAN),
        .imsm = mel_row_f64(row, "imsm", NAN),
        .clip_score = mel_row_f64(row, "clip_score", NAN),
        .clap_score = mel_row_f64(row, "clap_score", NAN),
        .loudness_lufs = mel_row_f64(row, "loudness_lufs", NAN),
        .moods = list_of(arena, mel_row_text(row, "moods", NULL), ","),
        .voices = list_of(arena, mel_row_text(row, "voices", NULL), ","),
        .instruments = list_of(arena, mel_row_text(row, "instruments", NULL), ","),
        .aspects = list_of(arena, mel_row_text(row, "aspects", NULL), "; "),
        .audioset_labels = list_of(arena, mel_row_text(row, "audioset_labels", NULL), ","),
    };
    const char *colon = strrchr(item.id, ':');
    item.key = mel_arena_printf(arena, "%s_%s", item.source, colon ? colon + 1 : "");
    item.audio_extension = extension_of(arena, item.audio_path);
    item.image_extension = extension_of(arena, item.image_path);
    return item;
}

static bool take_item(void *ctx, const ViewRow *row, Err *err)
{
    Loader *loader = ctx;
    ExportRun *run = loader->run;
    const SplitNode *node = mel_graph_find(&loader->graph, mel_row_text(row, "id", ""));
    if (!node) return true;
    loader->states[node - loader->graph.nodes].seen = true;
    if (!mel_row_i64(row, "included", 0)) {
        run->report->excluded++;
        return true;
    }
    mel_grow(&run->items, &run->capacity, run->count + 1, sizeof *run->items);
    ExportItem *item = &run->items[run->count++];
    *item = item_of(&run->arena, row);
    item->side = node->side;
    /* A key may not hold a dot (WebDataset cuts names there) nor anything unfit for a file name. */
    const char *start = item->key + strlen(item->source) + 1;
    return (mel_name_valid(item->source) && *start && !start[strspn(start, "0123456789")]) ||
           mel_err(err, ERR_FORMAT, "the id '%s' cannot become a file name", item->id);
}

static bool load_items(Loader *loader, Err *err)
{
    ExportRun *run = loader->run;
    const ViewQuery query = {.view = "triplets",
                             .also = "id IN (SELECT id FROM splits WHERE split = ?1)",
                             .args = {run->split.name},
                             .arg_count = 1,
                             .order = "id"};
    return mel_query(run->db, &query, take_item, loader, err);
}

/* ---- what is not complete -------------------------------------------------------------------- */

static bool check_member(Loader *loader, size_t i, Err *err)
{
    ExportRun *run = loader->run;
    const MemberState *state = &loader->states[i];
    if (state->seen) return true;
    if (mel_equal(state->reason, "source.taken_down")) {
        run->report->taken_down++;
        return true;
    }
    run->report->missing++;
    if (run->options->skip_missing) return true;
    const char *why = !mel_equal(state->state, "ready")       ? "not fetched and verified"
                      : !mel_equal(state->settled, "settled") ? "not settled"
                                                              : "without a text or a frame";
    mel_err_reason(err, ERR_DENIED, "export.incomplete", "clip '%s' of the split is %s",
                   loader->graph.nodes[i].id, why);
    return mel_err_hint(err,
                        "complete it ('mel explain %s'), or leave such clips out with "
                        "--skip-missing",
                        loader->graph.nodes[i].id);
}

/* ---- which of them --------------------------------------------------------------------------- */

static int by_item_id(const void *a, const void *b)
{
    return strcmp(((const ExportItem *)a)->id, ((const ExportItem *)b)->id);
}

static bool take_choice(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Loader *loader = ctx;
    const ExportItem key = {.id = mel_row_text(row, "id", "")};
    const ExportItem *item =
        loader->run->count
            ? bsearch(&key, loader->run->items, loader->run->count, sizeof key, by_item_id)
            : NULL;
    if (item) loader->chosen[item - loader->run->items] = true;
    return true;
}

static bool choose(Loader *loader, Err *err)
{
    ExportRun *run = loader->run;
    const ExportOptions *options = run->options;
    const ViewQuery query = {.view = "triplets", .columns = "id", .where = options->where};
    size_t kept = 0;
    bool ok = true;
    loader->chosen = mel_alloc(run->count + 1);
    if (options->where)
        ok = mel_query(run->db, &query, take_choice, loader, err);
    else
        memset(loader->chosen, true, run->count);
    for (size_t i = 0; ok && i < run->count; i++) {
        const ExportItem item = run->items[i];
        if (loader->chosen[i] &&
            (!options->side || mel_equal(options->side, run->sides.names[item.side])))
            run->items[kept++] = item;
    }
    if (!ok) return false;
    run->report->unwanted = (int64_t)(run->count - kept);
    run->count = kept;
    if (kept) return true;
    mel_err(err, ERR_NOT_FOUND, "no clip of split '%s'%s%s is left to export", run->split.name,
            options->side ? " on side " : "", options->side ? options->side : "");
    return mel_err_hint(err, "taken down: %lld, kept out by passes: %lld, incomplete: %lld",
                        (long long)run->report->taken_down, (long long)run->report->excluded,
                        (long long)run->report->missing);
}

/* ---- who said it: people appear under pseudonyms --------------------------------------------- */

static bool take_answer(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Loader *loader = ctx;
    Arena *arena = &loader->run->arena;
    if (mel_equal(mel_row_text(row, "annotator_kind", ""), "system")) return true;
    mel_grow(&loader->answers, &loader->answer_capacity, loader->answer_count + 1,
             sizeof *loader->answers);
    loader->answers[loader->answer_count++] = (struct Answer){
        .clip = text_of(arena, row, "clip"),
        .annotator = text_of(arena, row, "annotator"),
        .imported = !mel_equal(mel_row_text(row, "annotator_kind", ""), "person"),
    };
    return true;
}

static void rank_people(Loader *loader)
{
    size_t count = 0, kept = 0;
    loader->people = mel_alloc((loader->answer_count + 1) * sizeof *loader->people);
    for (size_t i = 0; i < loader->answer_count; i++)
        if (!loader->answers[i].imported) loader->people[count++] = loader->answers[i].annotator;
    if (count) qsort(loader->people, count, sizeof *loader->people, by_text);
    for (size_t i = 0; i < count; i++)
        if (!kept || !mel_equal(loader->people[kept - 1], loader->people[i]))
            loader->people[kept++] = loader->people[i];
    loader->person_count = kept;
}

/* Published lists and scripts keep their names; people get a number. */
static const char *pseudonym(Loader *loader, const struct Answer *answer)
{
    if (answer->imported) return answer->annotator;
    const char **found = bsearch(&answer->annotator, loader->people, loader->person_count,
                                 sizeof *loader->people, by_text);
    MEL_ASSERT(found);
    return mel_arena_printf(&loader->run->arena, "annotator-%02zu",
                            (size_t)(found - loader->people) + 1);
}

static void name_annotators(Loader *loader, ExportItem *item, const struct Answer *answers,
                            size_t count)
{
    const char **names = mel_arena_alloc(&loader->run->arena, (count + 1) * sizeof *names);
    const char *own = NULL;
    for (size_t i = 0; i < count; i++) {
        names[i] = pseudonym(loader, &answers[i]);
        if (mel_equal(answers[i].annotator, item->annotator)) own = names[i];
    }
    if (count) qsort(names, count, sizeof *names, by_text);
    item->annotators = (TextList){.items = names, .count = count};
    item->annotator = own ? own : count ? names[0] : NULL;
}

static bool load_annotators(Loader *loader, Err *err)
{
    ExportRun *run = loader->run;
    const ViewQuery query = {.view = "annotations",
                             .columns = "clip, annotator, annotator_kind",
                             .also = "state = 'submitted' AND NOT retest AND clip IN (SELECT id "
                                     "FROM splits WHERE split = ?1)",
                             .args = {run->split.name},
                             .arg_count = 1,
                             .order = "clip, annotator"};
    if (!mel_query(run->db, &query, take_answer, loader, err)) return false;
    rank_people(loader);
    size_t first = 0;
    for (size_t i = 0; i < run->count; i++) {
        ExportItem *item = &run->items[i];
        while (first < loader->answer_count && strcmp(loader->answers[first].clip, item->id) < 0)
            first++;
        size_t end = first;
        while (end < loader->answer_count && mel_equal(loader->answers[end].clip, item->id))
            end++;
        name_annotators(loader, item, loader->answers + first, end - first);
    }
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool check_side(const ExportRun *run, Err *err)
{
    const char *side = run->options->side;
    if (!side) return true;
    for (int i = 0; i < run->sides.count; i++)
        if (mel_equal(side, run->sides.names[i])) return true;
    mel_err(err, ERR_USAGE, "split '%s' has no side '%s'", run->split.name, side);
    const char *near = mel_did_you_mean(side, run->sides.names, (size_t)run->sides.count);
    return near ? mel_err_hint(err, "did you mean '%s'?", near)
                : mel_err_hint(err, "its first side is '%s'", run->sides.names[0]);
}

bool mel_export_load(ExportRun *run, Err *err)
{
    Loader loader = {.run = run};
    bool ok = mel_split_find(run->db, run->options->split, &run->arena, &run->split, err) &&
              mel_split_sides(run->split.sides_json, &run->arena, &run->sides, err) &&
              check_side(run, err) && load_members(&loader, err) && load_items(&loader, err);
    for (size_t i = 0; ok && i < loader.graph.count; i++)
        ok = check_member(&loader, i, err);
    ok = ok && choose(&loader, err) && load_annotators(&loader, err);
    run->attrition.in_split = (int64_t)loader.graph.count;
    free(loader.states);
    free(loader.chosen);
    free(loader.answers);
    free(loader.people);
    mel_graph_clear(&loader.graph);
    return ok;
}
