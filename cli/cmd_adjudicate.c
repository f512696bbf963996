/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/annotation_input.h"
#include "cli/cli.h"
#include "cli/person.h"

#include <stdlib.h>
#include <string.h>

typedef struct AdjudicateArgs {
    OptionList set, take;
    const char *by;
    bool list;
} AdjudicateArgs;

static const CliOption adjudicate_options[] = {
    CLI_LIST('s', "set", AdjudicateArgs, set, "FIELD=VALUE", "decide a field (may be repeated)"),
    CLI_LIST('t', "take", AdjudicateArgs, take, "FIELD=WHO",
             "take a field from somebody's answer (may be repeated)"),
    CLI_FLAG('l', "list", AdjudicateArgs, list, "show the disputed fields with their answers"),
    CLI_TEXT(0, "by", AdjudicateArgs, by, "NAME", "who decides " CLI_PERSON_HELP),
    CLI_END,
};

enum { FIELDS_MAX = 2 * OPTION_LIST_MAX };

/* ---- the list -------------------------------------------------------------------------------- */

typedef struct Listing {
    const Cli *cli;
    Db *db;
    const char *reader, *clip_id;
    const char *field; /* in hand */
    json_t *answers;
    Table *table;
    int64_t blind;
} Listing;

/* Where the view `annotations` has a field. */
static const char *column_of(const char *field)
{
    static const char *const columns[][2] = {
        {"mood",        "moods"         },
        {"voice",       "voices"        },
        {"instrument",  "instruments"   },
        {"aspect",      "aspects"       },
        {"frame",       "frame_position"},
        {"other_genre", "other_genres"  },
    };
    for (size_t i = 0; i < MEL_COUNT(columns); i++)
        if (mel_equal(field, columns[i][0])) return columns[i][1];
    return field;
}

static bool take_answer(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Listing *listing = ctx;
    const Cell *cell = mel_row_cell(row, column_of(listing->field));
    char number[32] = "";
    if (cell && cell->type == CELL_I64)
        snprintf(number, sizeof number, "%lld", (long long)cell->i64);
    if (cell && cell->type == CELL_F64) snprintf(number, sizeof number, "%.6g", cell->f64);
    const char *value = cell && cell->type == CELL_TEXT ? cell->text : *number ? number : NULL;
    json_t *answer = json_object();
    mel_json_set_text(answer, "annotator", mel_row_text(row, "annotator", ""));
    mel_json_set_text(answer, "value", value);
    json_array_append_new(listing->answers, answer);
    return true;
}

static void print_field(Listing *listing)
{
    Str text = {0};
    if (listing->cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "clip", listing->clip_id);
        mel_json_set_text(line, "field", listing->field);
        json_object_set(line, "answers", listing->answers);
        cli_json_line(line);
        return;
    }
    for (size_t i = 0; i < json_array_size(listing->answers); i++) {
        const json_t *answer = json_array_get(listing->answers, i);
        mel_str_addf(&text, "%s%s: %s", i ? "; " : "", mel_json_text(answer, "annotator", ""),
                     mel_json_text(answer, "value", "-"));
    }
    cli_table_add(listing->table,
                  (const char *[]){listing->clip_id, listing->field, mel_str_text(&text)});
    mel_str_clear(&text);
}

static bool list_field(Listing *listing, const char *field, Err *err)
{
    const ViewQuery query = {.view = "annotations",
                             .also = "clip = ?1 AND state = 'submitted'"
                                     " AND NOT retest"
                                     " AND annotator_kind IN ('person', 'script')",
                             .args = {listing->clip_id},
                             .arg_count = 1,
                             .order = "created_at, id"};
    listing->field = field;
    listing->answers = json_array();
    bool ok = mel_query(listing->db, &query, take_answer, listing, err);
    if (ok) print_field(listing);
    json_decref(listing->answers);
    return ok;
}

static bool list_clip(Listing *listing, const char *clip_id, Err *err)
{
    Arena arena = {0};
    Settlement settlement;
    bool may;
    listing->clip_id = clip_id;
    bool ok = mel_may_read_answers(listing->db, clip_id, listing->reader, &may, err);
    if (ok && !may) {
        listing->blind++;
        return true;
    }
    ok = ok && mel_settlement_load(listing->db, clip_id, &arena, &settlement, err);
    for (size_t i = 0; ok && i < settlement.disputed_count; i++)
        ok = list_field(listing, settlement.disputed[i], err);
    mel_arena_clear(&arena);
    return ok;
}

typedef struct ClipIds {
    char **items;
    size_t count, capacity;
} ClipIds;

static bool take_clip(void *ctx, const char *clip_id, Err *err)
{
    (void)err;
    ClipIds *ids = ctx;
    mel_grow(&ids->items, &ids->capacity, ids->count + 1, sizeof *ids->items);
    ids->items[ids->count++] = mel_strdup(clip_id);
    return true;
}

static bool list_disputed(const Cli *cli, Db *db, const char *reader, Err *err)
{
    static const char *const names[] = {"clip", "field", "answers"};
    ClipIds ids = {0};
    Listing listing = {.cli = cli, .db = db, .reader = reader};
    listing.table = cli->json ? NULL : cli_table_new(3, names);
    bool ok = mel_disputed_each(db, take_clip, &ids, err);
    for (size_t i = 0; i < ids.count; i++) {
        ok = ok && list_clip(&listing, ids.items[i], err);
        free(ids.items[i]);
    }
    free(ids.items);
    if (listing.table) cli_table_print(listing.table);
    if (ok && listing.blind)
        mel_log_info("%lld more clips are disputed that '%s' is asked about and has not answered",
                     (long long)listing.blind, reader);
    return ok;
}

/* ---- deciding -------------------------------------------------------------------------------- */

typedef struct Decision {
    AnnotationInput input;
    AdjudicatedField fields[FIELDS_MAX];
    size_t count;
} Decision;

/* The singular names that the store knows. */
static const char *field_name(const char *name)
{
    if (mel_equal(name, "voices")) return "voice";
    return mel_equal(name, "instruments") ? "instrument" : name;
}

static void decided(Decision *d, const char *field, size_t n, const char *from)
{
    const char *name = mel_arena_strndup(&d->input.arena, field, n);
    d->fields[d->count++] = (AdjudicatedField){
        .field = field_name(name),
        .from_annotation_id = from ? mel_arena_strdup(&d->input.arena, from) : NULL};
}

static bool take_field(Decision *d, Db *db, const char *clip_id, const char *word, Err *err)
{
    Annotation answer;
    bool found;
    const char *equals = strchr(word, '=');
    if (!equals) return mel_err(err, ERR_USAGE, "'%s' is not FIELD=WHO", word);
    if (!mel_annotation_load(db, clip_id, equals + 1, &d->input.arena, &answer, &found, err))
        return false;
    if (!found || !mel_equal(answer.state, "submitted"))
        return mel_err(err, ERR_NOT_FOUND, "there is no submitted answer of '%s' to clip '%s'",
                       equals + 1, clip_id);
    const char *field = mel_arena_strndup(&d->input.arena, word, (size_t)(equals - word));
    if (!annotation_input_take(&d->input, &answer, field, err)) return false;
    decided(d, word, (size_t)(equals - word), answer.id);
    return true;
}

static bool decide(Decision *d, Db *db, const AdjudicateArgs *args, const char *clip_id, Err *err)
{
    for (int i = 0; i < args->take.count; i++)
        if (!take_field(d, db, clip_id, args->take.items[i], err)) return false;
    for (int i = 0; i < args->set.count; i++) {
        const char *word = args->set.items[i];
        if (!annotation_input_set(&d->input, db, word, err)) return false;
        decided(d, word, strcspn(word, "="), NULL);
    }
    return true;
}

static void report(const Cli *cli, const Adjudication *a)
{
    if (!cli->json) {
        mel_log_info("%s: settled by %s", a->clip_id, a->by);
        return;
    }
    json_t *line = json_object(), *fields = json_array();
    for (size_t i = 0; i < a->field_count; i++)
        json_array_append_new(fields, json_string(a->fields[i].field));
    mel_json_set_text(line, "event", "adjudicated");
    mel_json_set_text(line, "clip", a->clip_id);
    mel_json_set_text(line, "by", a->by);
    json_object_set_new(line, "fields", fields);
    cli_json_line(line);
}

static bool adjudicate(const Cli *cli, Db *db, const AdjudicateArgs *args, Err *err)
{
    Arena arena = {0};
    Settlement settlement;
    Decision d = {0};
    const char *clip_id = cli->argv[0];
    bool ok = mel_settlement_load(db, clip_id, &arena, &settlement, err);
    if (ok) annotation_input_from(&d.input, &settlement.draft);
    ok = ok && decide(&d, db, args, clip_id, err);
    if (ok) {
        const Adjudication adjudication = {.clip_id = clip_id,
                                           .by = cli_person(args->by),
                                           .answer = annotation_input_answer(&d.input),
                                           .fields = d.fields,
                                           .field_count = d.count};
        ok = mel_adjudicate(db, &adjudication, err);
        if (ok) report(cli, &adjudication);
    }
    annotation_input_clear(&d.input);
    mel_arena_clear(&arena);
    return ok;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const AdjudicateArgs *args = options;
    Db *db = NULL;
    bool decides = args->set.count || args->take.count;
    if (args->list == (cli->argc == 1) || args->list == decides) {
        mel_err(err, ERR_USAGE, "adjudicating wants a clip with --set or --take, or else --list");
        mel_err_hint(err, "mel adjudicate CLIP --set genre=Jazz --take text=anna");
        return RUN_ERROR;
    }
    bool ok = cli_open(cli, args->list ? DB_READ : DB_WRITE, &db, err);
    if (ok && args->list)
        ok = list_disputed(cli, db, cli_person(args->by), err);
    else if (ok)
        ok = adjudicate(cli, db, args, err);
    mel_db_close(db);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_adjudicate = {
    .name = "adjudicate",
    .summary = "settle disputed fields for good",
    .usage = "adjudicate CLIP --set FIELD=VALUE... --take FIELD=WHO... | adjudicate --list",
    .details =
        "The list shows only what is disputed: what the answers agree on stands. A decision\n"
        "covers every disputed field of its clip, and later answers do not change it.\n\n"
        "  mel adjudicate yt-dQw4w9WgXcQ:30000 --set genre=Pop --take text=anna",
    .options = adjudicate_options,
    .size = sizeof(AdjudicateArgs),
    .max_args = 1,
    .run = run,
};
