/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads every view once, row by row, so that a million clips cost one walk and the memory of their
 * measures. */
#include "cli/stats_collect.h"

#include "cli/reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tallies ------------------------------------------------------------------------------------
 */

void cli_tally(Tallies *tallies, const char *word, int64_t n)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (mel_equal(tallies->items[i].word, word)) {
            tallies->items[i].count += n;
            return;
        }
    mel_grow(&tallies->items, &tallies->capacity, tallies->count + 1, sizeof *tallies->items);
    tallies->items[tallies->count++] = (Tally){mel_strdup(word), n};
}

int64_t cli_tally_of(const Tallies *tallies, const char *word)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (mel_equal(tallies->items[i].word, word)) return tallies->items[i].count;
    return 0;
}

void cli_tallies_clear(Tallies *tallies)
{
    for (size_t i = 0; i < tallies->count; i++)
        free(tallies->items[i].word);
    free(tallies->items);
    *tallies = (Tallies){0};
}

/* ---- distributions --------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cli_quantile(const Distribution *d, double p)
{
    if (!d->count) return NAN;
    double at = p * (double)(d->count - 1);
    size_t low = (size_t)at, high = low + 1 < d->count ? low + 1 : low;
    return d->values[low] + (at - (double)low) * (d->values[high] - d->values[low]);
}

double cli_mean(const Distribution *d)
{
    double sum = 0;
    for (size_t i = 0; i < d->count; i++)
        sum += d->values[i];
    return d->count ? sum / (double)d->count : NAN;
}

static void add_value(Distribution *d, double value)
{
    if (!isfinite(value)) {
        d->unknown++;
        return;
    }
    mel_grow(&d->values, &d->capacity, d->count + 1, sizeof *d->values);
    d->values[d->count++] = value;
}

const Distribution *cli_distribution(const Stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->distribution_count; i++)
        if (mel_equal(stats->distributions[i].name, name)) return &stats->distributions[i];
    return NULL;
}

/* Scores first, then the settled tempo, then every measure. */
static void name_distributions(Stats *stats)
{
    static const char *const first[] = {"imsm", "clip_score", "clap_score", "bpm"};
    size_t count;
    const MeasureNote *measures = cli_measures(&count);
    for (size_t i = 0; i < 4 + count; i++) {
        const ColumnNote *note = i < 4 ? cli_column_note("clips", first[i]) : &measures[i - 4].note;
        MEL_ASSERT(stats->distribution_count < DISTRIBUTIONS_MAX);
        stats->distributions[stats->distribution_count++] =
            (Distribution){.name = note->name, .unit = note->unit, .meaning = note->meaning};
    }
}

/* ---- clips ----------------------------------------------------------------------------------- */

static void tally_failure(Stats *stats, const ViewRow *row)
{
    const char *reason = mel_row_text(row, "reason", "unknown");
    const char *class = mel_row_text(row, "failure_class", "");
    for (size_t i = 0; i < stats->failure_count; i++)
        if (mel_equal(stats->failures[i].reason, reason) &&
            mel_equal(stats->failures[i].class, class)) {
            stats->failures[i].count++;
            return;
        }
    mel_grow(&stats->failures, &stats->failure_capacity, stats->failure_count + 1,
             sizeof *stats->failures);
    stats->failures[stats->failure_count++] = (FailureTally){.reason = mel_strdup(reason),
                                                             .kind = mel_failure(reason),
                                                             .class = mel_strdup(class),
                                                             .count = 1};
}

/* The columns that a walk over the clips needs, the distributions behind the first nine. */
enum { WALK_COLUMNS = 9 };
static char *clip_columns(const Stats *stats)
{
    Str columns = {0};
    mel_str_add(&columns, "state, reason, failure_class, included, annotation_count, settled_state,"
                          " genre, relevance, tempo");
    for (size_t i = 0; i < stats->distribution_count; i++)
        mel_str_addf(&columns, ", %s", stats->distributions[i].name);
    return mel_str_take(&columns);
}

static void tally_answer(Stats *stats, const ViewRow *row)
{
    const char *state = mel_row_text(row, "settled_state", NULL);
    if (mel_equal(state, "disputed")) stats->disputed++;
    if (mel_equal(state, "open")) stats->open++;
    if (!mel_equal(state, "settled")) return;
    stats->settled++;
    cli_tally(&stats->genres, mel_row_text(row, "genre", ""), 1);
    cli_tally(&stats->relevance, mel_row_text(row, "relevance", ""), 1);
    cli_tally(&stats->tempos, mel_row_text(row, "tempo", ""), 1);
}

static bool take_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    const char *state = row->cells[0].text;
    bool ready = mel_equal(state, "ready"), included = ready && row->cells[3].i64;
    stats->clips++;
    stats->ready += ready;
    stats->included += included;
    if (mel_equal(state, "new")) stats->created++;
    if (mel_equal(state, "failed")) {
        stats->failed++;
        tally_failure(stats, row);
    }
    if (!ready) return true;
    stats->annotated += included && row->cells[4].i64 > 0;
    tally_answer(stats, row);
    for (size_t i = 0; i < stats->distribution_count; i++) {
        const Cell *cell = &row->cells[WALK_COLUMNS + i];
        add_value(&stats->distributions[i], cell->type == CELL_F64   ? cell->f64
                                            : cell->type == CELL_I64 ? (double)cell->i64
                                                                     : NAN);
    }
    return !mel_interrupted() || mel_err(err, ERR_CANCELLED, "interrupted");
}

static int compare_failures(const void *a, const void *b)
{
    const FailureTally *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->reason, y->reason);
}

static bool collect_clips(Db *db, Stats *stats, Err *err)
{
    char *columns = clip_columns(stats);
    const ViewQuery query = {.view = "clips", .columns = columns};
    bool ok = mel_query(db, &query, take_clip, stats, err);
    free(columns);
    if (!ok) return false;
    if (stats->failure_count)
        qsort(stats->failures, stats->failure_count, sizeof *stats->failures, compare_failures);
    for (size_t i = 0; i < stats->distribution_count; i++) {
        Distribution *d = &stats->distributions[i];
        if (d->count) qsort(d->values, d->count, sizeof *d->values, compare_doubles);
    }
    return true;
}

static bool take_source(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    stats->sources++;
    cli_tally(&stats->source_kinds, mel_row_text(row, "kind", "?"), 1);
    cli_tally(&stats->availability, mel_row_text(row, "availability", "?"), 1);
    return true;
}

static bool collect_sources(Db *db, Stats *stats, Err *err)
{
    const ViewQuery query = {.view = "clips", .columns = "DISTINCT source, kind, availability"};
    return mel_query(db, &query, take_source, stats, err);
}

/* ---- annotations and triplets ---------------------------------------------------------------- */

static AnnotatorTally *annotator_of(Stats *stats, const char *id, const char *kind)
{
    for (size_t i = 0; i < stats->annotator_count; i++)
        if (mel_equal(stats->annotators[i].id, id)) return &stats->annotators[i];
    mel_grow(&stats->annotators, &stats->annotator_capacity, stats->annotator_count + 1,
             sizeof *stats->annotators);
    AnnotatorTally *tally = &stats->annotators[stats->annotator_count++];
    *tally = (AnnotatorTally){.id = mel_strdup(id), .kind = mel_strdup(kind)};
    return tally;
}

static bool take_annotation(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    const char *state = mel_row_text(row, "state", "");
    AnnotatorTally *tally = annotator_of(ctx, mel_row_text(row, "person", "?"),
                                         mel_row_text(row, "annotator_kind", "?"));
    if (mel_row_i64(row, "retest", 0)) {
        tally->retests += mel_equal(state, "submitted");
        return true;
    }
    tally->submitted += mel_equal(state, "submitted");
    tally->drafts += mel_equal(state, "draft");
    tally->withdrawn += mel_equal(state, "withdrawn");
    tally->active_s += mel_row_f64(row, "active_us", 0) / 1e6;
    return true;
}

static int compare_annotators(const void *a, const void *b)
{
    const AnnotatorTally *x = a, *y = b;
    if (x->submitted != y->submitted) return x->submitted < y->submitted ? 1 : -1;
    return strcmp(x->id, y->id);
}

static bool take_triplets(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    stats->triplets = mel_row_i64(row, "n", 0);
    stats->triplets_included = mel_row_i64(row, "included", 0);
    stats->included_s = mel_row_f64(row, "span_s", 0);
    return true;
}

static bool collect_answers(Db *db, Stats *stats, Err *err)
{
    const ViewQuery annotations = {.view = "annotations",
                                   .columns = "person, retest, annotator_kind, state, active_us",
                                   .also = "annotator_kind <> 'system'"};
    const ViewQuery triplets = {
        .view = "triplets",
        .columns = "count(*) AS n, total(included) AS included,"
                   " total(included * audio_samples * 1.0 / sample_rate_hz) AS span_s"};
    if (!mel_query(db, &annotations, take_annotation, stats, err)) return false;
    if (stats->annotator_count)
        qsort(stats->annotators, stats->annotator_count, sizeof *stats->annotators,
              compare_annotators);
    return mel_query(db, &triplets, take_triplets, stats, err);
}

static void take_genre(void *ctx, const char *id, const char *label)
{
    Stats *stats = ctx;
    cli_tally(&stats->genre_order, id, 0);
    cli_tally(&stats->genre_labels, label, 0);
}

const char *cli_genre_label(const Stats *stats, const char *id)
{
    for (size_t i = 0; i < stats->genre_order.count; i++)
        if (mel_equal(stats->genre_order.items[i].word, id))
            return stats->genre_labels.items[i].word;
    return id;
}

/* ---- passes, splits, media ------------------------------------------------------------------- */

static bool take_pass(void *ctx, const PassRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    mel_grow(&stats->passes, &stats->pass_capacity, stats->pass_count + 1, sizeof *stats->passes);
    stats->passes[stats->pass_count++] = (PassTally){.name = mel_strdup(row->name),
                                                     .condition = mel_strdup(row->condition),
                                                     .note = mel_strdup(row->note),
                                                     .created_at = mel_strdup(row->created_at),
                                                     .undone_at = mel_strdup(row->undone_at),
                                                     .excluded = row->excluded};
    return true;
}

static SplitTally *split_of(Stats *stats, const char *name)
{
    for (size_t i = stats->split_count; i-- > 0;)
        if (mel_equal(stats->splits[i].name, name)) return &stats->splits[i];
    mel_grow(&stats->splits, &stats->split_capacity, stats->split_count + 1, sizeof *stats->splits);
    SplitTally *split = &stats->splits[stats->split_count++];
    *split = (SplitTally){.name = mel_strdup(name)};
    return split;
}

/* train, val and test have their places; others come behind, in the order met. */
static int side_of(SplitTally *split, const char *side)
{
    for (int i = 0; i < split->side_count; i++)
        if (mel_equal(split->sides[i], side)) return i;
    MEL_ASSERT(split->side_count < STATS_SIDES_MAX); /* no split has more: SPLIT_SIDES_MAX */
    split->sides[split->side_count] = mel_strdup(side);
    return split->side_count++;
}

static int genre_row(const Stats *stats, const char *genre)
{
    for (size_t i = 0; genre && i < stats->genre_order.count && i < STATS_GENRES_MAX; i++)
        if (mel_equal(stats->genre_order.items[i].word, genre)) return (int)i;
    return STATS_GENRES_MAX;
}

static bool take_member(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    SplitTally *split = split_of(stats, mel_row_text(row, "split", "?"));
    int side = side_of(split, mel_row_text(row, "side", "?"));
    split->counts[genre_row(stats, mel_row_text(row, "genre", NULL)) * STATS_SIDES_MAX + side]++;
    return true;
}

int64_t cli_split_side_total(const SplitTally *split, int side)
{
    int64_t total = 0;
    for (int genre = 0; genre <= STATS_GENRES_MAX; genre++)
        total += split->counts[genre * STATS_SIDES_MAX + side];
    return total;
}

static int side_rank(const char *side)
{
    static const char *const known[] = {"train", "val", "test"};
    for (int i = 0; i < 3; i++)
        if (mel_equal(side, known[i])) return i;
    return 3;
}

static void swap_sides(SplitTally *split, int a, int b)
{
    char *name = split->sides[a];
    split->sides[a] = split->sides[b];
    split->sides[b] = name;
    for (int genre = 0; genre <= STATS_GENRES_MAX; genre++) {
        int64_t *row = &split->counts[genre * STATS_SIDES_MAX], count = row[a];
        row[a] = row[b];
        row[b] = count;
    }
}

static void order_sides(SplitTally *split)
{
    for (int i = 1; i < split->side_count; i++)
        for (int k = i; k > 0; k--) {
            int before = side_rank(split->sides[k - 1]), rank = side_rank(split->sides[k]);
            if (before < rank ||
                (before == rank && strcmp(split->sides[k - 1], split->sides[k]) <= 0))
                break;
            swap_sides(split, k - 1, k);
        }
}

static bool collect_splits(Db *db, Stats *stats, Err *err)
{
    const ViewQuery members = {
        .view = "splits",
        .columns = "split, side, (SELECT c.genre FROM clips AS c WHERE c.id = splits.id) AS genre",
        .order = "split"};
    if (!mel_query(db, &members, take_member, stats, err)) return false;
    for (size_t i = 0; i < stats->split_count; i++)
        order_sides(&stats->splits[i]);
    const ViewQuery distinct = {
        .view = "splits",
        .columns = "count(DISTINCT id)",
        .also = "EXISTS (SELECT 1 FROM triplets AS t WHERE t.id = splits.id AND t.included)"};
    return mel_query_i64(db, &distinct, &stats->in_split, err);
}

static bool take_media(void *ctx, const MediaRow *row, Err *err)
{
    (void)err;
    Stats *stats = ctx;
    stats->media_files++;
    stats->media_bytes += row->size_bytes;
    if (mel_equal(row->role, "audio")) stats->audio_bytes += row->size_bytes;
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void finish_funnel(Stats *stats)
{
    static const FunnelStage stages[FUNNEL_STAGES] = {
        {"candidates", "clips that were imported",               0},
        {"fetched",    "cut, measured and checked",              0},
        {"kept",       "kept out by no pass in force",           0},
        {"annotated",  "with a submitted annotation",            0},
        {"triplets",   "settled, described and with a frame",    0},
        {"in a split", "complete triplets on a side of a split", 0},
    };
    for (int i = 0; i < FUNNEL_STAGES; i++) {
        stats->funnel[i].name = stages[i].name;
        stats->funnel[i].meaning = stages[i].meaning;
    }
    stats->funnel[0].count = stats->clips;
    stats->funnel[1].count = stats->ready;
    stats->funnel[2].count = stats->included;
    stats->funnel[3].count = stats->annotated;
    stats->funnel[4].count = stats->triplets_included;
    stats->funnel[5].count = stats->in_split;
}

bool cli_stats_collect(Db *db, Stats *stats, Err *err)
{
    stats->folder = mel_strdup(mel_db_folder(db));
    mel_utc_now(stats->taken_at);
    name_distributions(stats);
    bool ok = mel_vocabulary_each(db, "genre", take_genre, stats, err) &&
              collect_clips(db, stats, err) && collect_sources(db, stats, err) &&
              collect_answers(db, stats, err) && mel_pass_each(db, take_pass, stats, err) &&
              collect_splits(db, stats, err) && cli_stats_duplicates(db, stats, err) &&
              mel_media_each(db, NULL, take_media, stats, err);
    finish_funnel(stats);
    return ok;
}

void cli_stats_clear(Stats *stats)
{
    Tallies *tallies[] = {&stats->source_kinds, &stats->availability, &stats->genres,
                          &stats->genre_order,  &stats->genre_labels, &stats->relevance,
                          &stats->tempos};
    for (size_t i = 0; i < MEL_COUNT(tallies); i++)
        cli_tallies_clear(tallies[i]);
    for (size_t i = 0; i < stats->failure_count; i++) {
        free(stats->failures[i].reason);
        free(stats->failures[i].class);
    }
    for (size_t i = 0; i < stats->pass_count; i++) {
        PassTally *pass = &stats->passes[i];
        free(pass->name);
        free(pass->condition);
        free(pass->note);
        free(pass->created_at);
        free(pass->undone_at);
    }
    for (size_t i = 0; i < stats->annotator_count; i++) {
        free(stats->annotators[i].id);
        free(stats->annotators[i].kind);
    }
    for (size_t i = 0; i < stats->split_count; i++) {
        free(stats->splits[i].name);
        for (int k = 0; k < stats->splits[i].side_count; k++)
            free(stats->splits[i].sides[k]);
    }
    for (size_t i = 0; i < stats->group_count; i++)
        for (int k = 0; k < 4; k++)
            free(stats->groups[i].sample[k]);
    for (size_t i = 0; i < stats->distribution_count; i++)
        free(stats->distributions[i].values);
    free(stats->failures);
    free(stats->passes);
    free(stats->annotators);
    free(stats->splits);
    free(stats->groups);
    free(stats->folder);
    *stats = (Stats){0};
}
