/* SPDX-License-Identifier: Apache-2.0
 *
 * mel explain: in plain sentences, why a clip is in or out. The sentences are made from what the
 * store says of the clip, step by step; the last one is the verdict. */
#include "cli/reading.h"
#include "curator/curator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Explanation {
    Db *db;
    const json_t *clip;
    const char *id;
    json_t *sentences; /* array of {topic, text} */
    int kept_out, survived, overdue;
    bool is_triplet;
    const char *verdict; /* "in", "out", "waiting" */
    char *verdict_text;
} Explanation;

static void say(Explanation *e, const char *topic, const char *format, ...) MEL_PRINTF(3, 4);
static void say(Explanation *e, const char *topic, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) return;
    json_t *sentence = json_object();
    mel_json_set_text(sentence, "topic", topic);
    mel_json_set_text(sentence, "text", text);
    json_array_append_new(e->sentences, sentence);
    free(text);
}

static const char *text_of(const json_t *object, const char *key)
{
    return mel_json_text(object, key, NULL);
}

/* "2026-11-21" of a moment. */
static const char *day(const char *moment)
{
    static char buffers[4][11];
    static int next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, sizeof buffers[0], "%s", moment ? moment : "?");
    return buffer;
}

/* ---- fetching ----------------------------------------------------------------------------------
 */

static void explain_failure(Explanation *e)
{
    const json_t *c = e->clip;
    const char *reason = mel_json_text(c, "reason", "unknown"), *message = text_of(c, "message");
    const FailureKind *kind = mel_failure(reason);
    size_t attempts = json_array_size(json_object_get(c, "attempts"));
    if (mel_equal(reason, "source.taken_down")) {
        say(e, "fetch", "Its source was taken down%s%s; it is never fetched or exported again.",
            message ? ": " : "", message ? message : "");
        return;
    }
    say(e, "fetch", "Fetching failed (%s, %s) after %zu attempt%s, last on %s. %s", reason,
        mel_json_text(c, "failure_class", "?"), attempts, attempts == 1 ? "" : "s",
        day(text_of(c, "changed_at")), kind->meaning);
    if (message) say(e, "fetch", "The message was: %s.", message);
    say(e, "fetch", "What to do: %s", kind->advice);
}

static void explain_fetch(Explanation *e)
{
    const json_t *c = e->clip;
    const char *state = mel_json_text(c, "state", "new");
    say(e, "source", "The clip is %.3f s to %.3f s of '%s' (%s).", mel_json_f64(c, "start_s", 0),
        mel_json_f64(c, "end_s", 0), mel_json_text(c, "title", mel_json_text(c, "source", "?")),
        mel_json_text(c, "locator", "?"));
    if (mel_equal(state, "new")) {
        say(e, "fetch", "It was imported on %s and has not been fetched yet; 'mel fetch' does it.",
            day(text_of(c, "created_at")));
    } else if (mel_equal(state, "failed")) {
        explain_failure(e);
    } else {
        double missing = mel_json_f64(c, "missing_samples", 0);
        say(e, "fetch", "It was fetched, cut and checked on %s%s.", day(text_of(c, "changed_at")),
            missing > 0 ? ", with some sound missing" : "");
        if (missing > 0)
            say(e, "fetch", "%.0f of %.0f samples were not in the source and are silence.", missing,
                mel_json_f64(c, "audio_samples", 0));
    }
}

/* ---- passes ------------------------------------------------------------------------------------
 */

/* Calls fn for every name in a condition: letters, digits and '_' outside quoted texts. */
static void each_name(const char *condition, void (*fn)(void *ctx, const char *name), void *ctx)
{
    for (const char *p = condition; *p;) {
        if (*p == '\'' || *p == '"') {
            const char *close = strchr(p + 1, *p);
            p = close ? close + 1 : p + strlen(p);
            continue;
        }
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        if (n) {
            char *name = mel_strndup(p, n);
            fn(ctx, name);
            free(name);
        }
        p += n ? n : 1;
    }
}

typedef struct Numbers {
    const json_t *values;
    Str text;
    json_t *seen;
} Numbers;

static void add_value(void *ctx, const char *name)
{
    Numbers *numbers = ctx;
    const json_t *value = json_object_get(numbers->values, name);
    if (!value || json_object_get(numbers->seen, name)) return;
    const ColumnNote *note = cli_column_note("clips", name);
    mel_str_addf(&numbers->text, "%s%s ", numbers->text.length ? ", " : "", name);
    if (json_is_string(value))
        mel_str_addf(&numbers->text, "= '%s'", json_string_value(value));
    else if (json_is_number(value)) {
        mel_str_add(&numbers->text, "= ");
        cli_add_number(&numbers->text, json_number_value(value), 5);
        if (note && note->unit[0] && !strstr(note->unit, ".."))
            mel_str_addf(&numbers->text, " %s", note->unit);
    } else
        mel_str_add(&numbers->text, "not known");
    json_object_set_new(numbers->seen, name, json_true());
}

/* "loudness_lufs = -31.2 LUFS, genre = 'jazz'": those of `values` that the condition names; yours
 * to free, "" when there are none. */
static char *numbers_in(const char *condition, const json_t *values)
{
    Numbers numbers = {.values = values, .seen = json_object()};
    each_name(condition, add_value, &numbers);
    json_decref(numbers.seen);
    return mel_str_take(&numbers.text);
}

static bool meets(Explanation *e, const char *condition)
{
    Err ignored = {0};
    int64_t count = 0;
    const ViewQuery query = {.view = "clips",
                             .columns = "count(*)",
                             .where = condition,
                             .also = "id = ?1",
                             .args = {e->id},
                             .arg_count = 1,
                             .timeout_us = 10000000};
    return mel_query_i64(e->db, &query, &count, &ignored) && count > 0;
}

static void explain_exclusion(Explanation *e, const json_t *pass)
{
    Err ignored = {0};
    const char *condition = mel_json_text(pass, "condition", ""), *note = text_of(pass, "note");
    const char *stored = mel_json_text(pass, "values_json", "{}");
    json_t *values = mel_json_parse(stored, strlen(stored), "the numbers of a pass", &ignored);
    char *numbers = numbers_in(condition, values);
    e->kept_out++;
    say(e, "pass", "The pass '%s' keeps it out: on %s it met the condition %s%s%s%s.%s%s%s",
        mel_json_text(pass, "name", "?"), day(text_of(pass, "decided_at")), condition,
        *numbers ? " (then " : "", numbers, *numbers ? ")" : "", note ? " The pass's note: " : "",
        note ? note : "", note ? "." : "");
    if (!meets(e, condition)) {
        char *now = numbers_in(condition, e->clip);
        say(e, "pass",
            "It would not meet that condition today%s%s; a decision stays until the pass is undone "
            "('mel filter --undo %s').",
            *now ? ", with " : "", now, mel_json_text(pass, "name", "?"));
        free(now);
    }
    free(numbers);
    json_decref(values);
}

static const json_t *exclusion_by(const Explanation *e, const char *pass)
{
    const json_t *passes = json_object_get(e->clip, "passes"), *p;
    size_t i;
    json_array_foreach(passes, i, p)
    {
        if (!text_of(p, "undone_at") && mel_equal(mel_json_text(p, "name", ""), pass)) return p;
    }
    return NULL;
}

typedef struct PassNote {
    char *name, *condition;
} PassNote;

typedef struct PassNotes {
    PassNote *items;
    size_t count, capacity;
} PassNotes;

static bool take_pass(void *ctx, const PassRow *row, Err *err)
{
    (void)err;
    PassNotes *notes = ctx;
    if (row->undone_at) return true;
    mel_grow(&notes->items, &notes->capacity, notes->count + 1, sizeof *notes->items);
    notes->items[notes->count++] = (PassNote){mel_strdup(row->name), mel_strdup(row->condition)};
    return true;
}

/* In force and not excluding it: either the clip does not meet the condition, or the pass has not
 * been run since it does. */
static void explain_other_pass(Explanation *e, const PassNote *pass)
{
    char *numbers = numbers_in(pass->condition, e->clip);
    if (meets(e, pass->condition)) {
        e->overdue++;
        say(e, "pass",
            "It meets the condition of the pass '%s' (%s) now%s%s, but that pass has not been run "
            "since; 'mel filter --name %s' with the same condition would keep it out.",
            pass->name, pass->condition, *numbers ? ", with " : "", numbers, pass->name);
    } else {
        e->survived++;
        say(e, "pass", "It survives the pass '%s' (%s)%s%s.", pass->name, pass->condition,
            *numbers ? " with " : "", numbers);
    }
    free(numbers);
}

static bool explain_passes(Explanation *e, Err *err)
{
    PassNotes notes = {0};
    if (!mel_equal(text_of(e->clip, "state"), "ready"))
        return true; /* passes look at ready clips */
    bool ok = mel_pass_each(e->db, take_pass, &notes, err);
    for (size_t i = 0; ok && i < notes.count; i++) {
        const json_t *exclusion = exclusion_by(e, notes.items[i].name);
        if (exclusion)
            explain_exclusion(e, exclusion);
        else
            explain_other_pass(e, &notes.items[i]);
    }
    if (ok && !notes.count) say(e, "pass", "No filtering pass is in force.");
    for (size_t i = 0; i < notes.count; i++) {
        free(notes.items[i].name);
        free(notes.items[i].condition);
    }
    free(notes.items);
    return ok;
}

/* ---- duplicates, answers, splits ------------------------------------------------------------- */

static void explain_duplicates(Explanation *e)
{
    const json_t *list = json_object_get(e->clip, "duplicates"), *d;
    size_t i;
    json_array_foreach(list, i, d)
    {
        const char *kind = mel_json_text(d, "kind", "?");
        const char *how = mel_equal(kind, "audio") ? "sounds" : "looks";
        double offset_s = mel_json_f64(d, "offset_s", 0);
        char shift[48] = "";
        if (fabs(offset_s) >= 0.0005) snprintf(shift, sizeof shift, ", %.3f s apart", offset_s);
        if (mel_json_i64(d, "broken", 0))
            say(e, "duplicate", "It was found to be like %s, but a person said that it is not.",
                mel_json_text(d, "clip", "?"));
        else if (mel_equal(kind, "text"))
            say(e, "duplicate", "It has the same description as %s, which a split only reports.",
                mel_json_text(d, "clip", "?"));
        else
            say(e, "duplicate",
                "It %s the same as %s (score %.2f%s); the two always stay on one side of a split.",
                how, mel_json_text(d, "clip", "?"), mel_json_f64(d, "score", 0), shift);
    }
}

/* "genre, tempo" from the store's ["genre","tempo"]; yours to free. */
static char *disputed_fields(const json_t *settlement)
{
    Err ignored = {0};
    Str names = {0};
    const char *stored = mel_json_text(settlement, "disputed_json", "[]");
    json_t *list = mel_json_parse(stored, strlen(stored), "the disputed fields", &ignored);
    const json_t *name;
    size_t i;
    json_array_foreach(list, i, name)
    {
        const char *text = json_string_value(name);
        mel_str_addf(&names, "%s%s", i ? ", " : "", text ? text : "?");
    }
    json_decref(list);
    if (!names.length) mel_str_add(&names, "a field");
    return mel_str_take(&names);
}

static void explain_answers(Explanation *e)
{
    const json_t *c = e->clip, *list = json_object_get(c, "settlements");
    const char *state = text_of(c, "settled_state");
    const json_t *newest = json_array_get(list, json_array_size(list) - 1);
    long long count = mel_json_i64(c, "annotation_count", 0);
    if (count == 0)
        say(e, "annotation", "Nobody has submitted an annotation of it yet%s.",
            json_array_size(json_object_get(c, "annotations")) ? "; there is a draft" : "");
    else
        say(e, "annotation", "It has %lld submitted annotation%s.", count, count == 1 ? "" : "s");
    if (mel_equal(state, "disputed")) {
        char *fields = disputed_fields(newest);
        say(e, "settlement", "The annotators disagree on %s: it waits for adjudication.", fields);
        free(fields);
    } else if (mel_equal(state, "settled")) {
        say(e, "settlement", "Its answer is settled (%s): genre %s, %s.",
            mel_json_text(newest, "method", "?"), mel_json_text(c, "genre", "not given"),
            text_of(c, "text") ? "with a description" : "but without a description");
    } else if (count > 0) {
        say(e, "settlement", "Its answer is not settled.");
    }
}

static int explain_splits(Explanation *e)
{
    const json_t *list = json_object_get(e->clip, "splits"), *s;
    size_t i;
    int members = 0;
    json_array_foreach(list, i, s)
    {
        const char *split = mel_json_text(s, "split", "?"), *dropped = text_of(s, "dropped");
        if (dropped) {
            say(e, "split", "The split '%s' dropped it: %s.", split, dropped);
            continue;
        }
        members++;
        say(e, "split", "In the split '%s' it is on the side '%s', with the group %s.", split,
            mel_json_text(s, "side", "?"), mel_json_text(s, "group_key", "?"));
    }
    return members;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static void decide(Explanation *e, const char *verdict, const char *format, ...) MEL_PRINTF(3, 4);
static void decide(Explanation *e, const char *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vasprintf(&e->verdict_text, format, args) < 0) e->verdict_text = mel_strdup(verdict);
    va_end(args);
    e->verdict = verdict;
}

static void conclude(Explanation *e, int splits)
{
    const char *state = mel_json_text(e->clip, "state", "new");
    const char *class = mel_json_text(e->clip, "failure_class", "");
    if (mel_equal(state, "new"))
        decide(e, "waiting", "It is neither in nor out: it waits to be fetched.");
    else if (mel_equal(text_of(e->clip, "reason"), "source.taken_down"))
        decide(e, "out", "It is out for good: its source was taken down.");
    else if (mel_equal(state, "failed") &&
             (mel_equal(class, "permanent") || mel_equal(class, "conditional")))
        decide(e, "out", "It is out: its source could not be had, and retrying does not help.");
    else if (mel_equal(state, "failed"))
        decide(e, "out", "It is out for now: fetching failed, but 'mel retry --class %s' may help.",
               class);
    else if (e->kept_out)
        decide(e, "out", "It is out: %d pass%s in force keep%s it out.", e->kept_out,
               e->kept_out == 1 ? "" : "es", e->kept_out == 1 ? "s" : "");
    else if (!e->is_triplet)
        decide(e, "waiting",
               "It is not in yet: no pass keeps it out, but it has no settled answer with a "
               "description and a frame.");
    else if (!splits)
        decide(e, "in", "It is in: a complete triplet that no pass keeps out, in no split yet.");
    else
        decide(e, "in",
               "It is in: a complete triplet that no pass keeps out, member of %d split%s.", splits,
               splits == 1 ? "" : "s");
}

static bool explain(Explanation *e, Err *err)
{
    int64_t triplets = 0;
    const ViewQuery query = {.view = "triplets",
                             .columns = "count(*)",
                             .also = "id = ?1",
                             .args = {e->id},
                             .arg_count = 1};
    if (!mel_query_i64(e->db, &query, &triplets, err)) return false;
    e->is_triplet = triplets > 0;
    explain_fetch(e);
    if (!explain_passes(e, err)) return false;
    explain_duplicates(e);
    explain_answers(e);
    conclude(e, explain_splits(e));
    return true;
}

static void print_json(const Explanation *e)
{
    json_t *object = json_object();
    mel_json_set_text(object, "clip", e->id);
    mel_json_set_text(object, "verdict", e->verdict);
    mel_json_set_text(object, "sentence", e->verdict_text);
    mel_json_set_i64(object, "kept_out_by", e->kept_out);
    mel_json_set_i64(object, "survives", e->survived);
    mel_json_set_i64(object, "overdue", e->overdue);
    json_object_set_new(object, "is_triplet", json_boolean(e->is_triplet));
    json_object_set(object, "because", e->sentences);
    cli_json_line(object);
}

/* One paragraph a topic. */
static void print_text(const Explanation *e)
{
    Str out = {0}, paragraph = {0};
    const char *topic = NULL;
    const json_t *sentence;
    size_t i;
    int width = cli_wrap_width();
    json_array_foreach(e->sentences, i, sentence)
    {
        const char *next = mel_json_text(sentence, "topic", "");
        if (topic && !mel_equal(topic, next)) {
            cli_add_wrapped(&out, mel_str_text(&paragraph), 0, width);
            mel_str_reset(&paragraph);
        }
        mel_str_add_char(&paragraph, ' ');
        cli_add_clean(&paragraph, mel_json_text(sentence, "text", ""));
        topic = next;
    }
    cli_add_wrapped(&out, mel_str_text(&paragraph), 0, width);
    mel_str_add_char(&out, '\n');
    cli_add_wrapped(&out, e->verdict_text, 0, width);
    fputs(mel_str_text(&out), stdout);
    mel_str_clear(&out);
    mel_str_clear(&paragraph);
}

static int explain_run(Cli *cli, const void *options, Err *err)
{
    (void)options;
    Db *db = NULL;
    int code = RUN_ERROR;
    json_t *clip = NULL;
    Explanation e = {0};
    if (!cli_open(cli, DB_READ, &db, err)) return RUN_ERROR;
    clip = mel_clip_describe(db, cli->argv[0], err);
    if (!clip) goto out;
    e = (Explanation){
        .db = db, .clip = clip, .id = mel_json_text(clip, "id", ""), .sentences = json_array()};
    if (!explain(&e, err)) goto out;
    if (cli->json)
        print_json(&e);
    else
        print_text(&e);
    code = EXIT_DONE;
out:
    json_decref(e.sentences);
    free(e.verdict_text);
    json_decref(clip);
    mel_db_close(db);
    return code;
}

typedef struct ExplainOptions {
    char none;
} ExplainOptions;

static const CliOption explain_options[] = {CLI_END};

const CliCommand cmd_explain = {
    .name = "explain",
    .summary = "why a clip is in or out, in plain sentences",
    .usage = "explain CLIP",
    .details =
        "How its fetch went and what to do about a failure; each pass that keeps it out, with\n"
        "the clip's numbers at that time; what it survives; duplicates, annotations,\n"
        "settlement and splits; and one sentence that sums it up.",
    .options = explain_options,
    .size = sizeof(ExplainOptions),
    .min_args = 1,
    .max_args = 1,
    .run = explain_run,
};
