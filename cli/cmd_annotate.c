/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/annotation_input.h"
#include "cli/cli.h"
#include "cli/person.h"
#include "curator/curator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct AnnotateArgs {
    OptionList set;
    const char *annotator, *from, *terms;
    bool draft;
} AnnotateArgs;

static const CliOption annotate_options[] = {
    CLI_LIST('s', "set", AnnotateArgs, set, "FIELD=VALUE", "answer a field (may be repeated)"),
    CLI_TEXT('a', "annotator", AnnotateArgs, annotator, "NAME", "who says it " CLI_PERSON_HELP),
    CLI_FLAG('d', "draft", AnnotateArgs, draft, "save as a draft, do not submit"),
    CLI_TEXT(0, "from", AnnotateArgs, from, "FILE", "many annotations, JSON Lines"),
    CLI_TEXT('t', "terms", AnnotateArgs, terms, "FIELD", "list the terms of a field"),
    CLI_END,
};

enum { ANNOTATION_BYTES_MAX = 1 << 20 };

static const char *who(const AnnotateArgs *args)
{
    return cli_person(args->annotator);
}

static void report(const Cli *cli, const char *clip, const char *annotator, int64_t rev, bool draft)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "annotated");
        mel_json_set_text(line, "clip", clip);
        mel_json_set_text(line, "annotator", annotator);
        mel_json_set_i64(line, "rev", rev);
        mel_json_set_text(line, "state", draft ? "draft" : "submitted");
        cli_json_line(line);
    } else {
        mel_log_debug("%s by %s: revision %lld", clip, annotator, (long long)rev);
    }
}

static bool annotate_one(const Cli *cli, Db *db, const AnnotateArgs *args, const char *clip_id,
                         Err *err)
{
    AnnotationInput input;
    int64_t rev = 0;
    bool ok = annotation_input_begin(&input, db, clip_id, who(args), err);
    for (int i = 0; ok && i < args->set.count; i++)
        ok = annotation_input_set(&input, db, args->set.items[i], err);
    ok = ok && annotation_input_save(&input, db, !args->draft, &rev, err);
    if (ok) report(cli, clip_id, who(args), rev, args->draft);
    annotation_input_clear(&input);
    return ok;
}

/* "clip": an id, or {"path" or "url" or "ytid": …, "start_s": …}; paths count from the file. */
static bool clip_of(const json_t *object, const char *base, char id[CLIP_ID_SIZE], Err *err)
{
    static const char *const places[] = {"path", "url", "ytid"};
    const json_t *clip = json_object_get(object, "clip");
    if (json_is_string(clip)) {
        snprintf(id, CLIP_ID_SIZE, "%s", json_string_value(clip));
        return true;
    }
    const char *locator = NULL;
    bool is_path = false;
    for (size_t i = 0; !locator && i < 3; i++) {
        locator = mel_json_text(clip, places[i], NULL);
        is_path = i == 0;
    }
    if (!locator)
        return mel_err(err, ERR_FORMAT, "'clip' is neither an id nor {\"path\":…,\"start_s\":…}");
    char *place = is_path && locator[0] != '/' ? mel_path_join(base, locator) : mel_strdup(locator);
    SourceKind kind;
    char source_id[65], *found = NULL;
    bool ok = mel_source_identify(place, &kind, source_id, &found, err);
    int64_t start_us = (int64_t)llround(mel_json_f64(clip, "start_s", 0) * 1e6);
    if (ok) mel_clip_id(source_id, start_us, id);
    free(found);
    free(place);
    return ok;
}

static bool annotate_line(const Cli *cli, Db *db, const AnnotateArgs *args, const char *base,
                          const char *text, size_t n, Err *err)
{
    char clip_id[CLIP_ID_SIZE];
    AnnotationInput input = {0};
    int64_t rev = 0;
    json_t *object = mel_json_parse(text, n, "the line", err);
    bool ok = object && clip_of(object, base, clip_id, err);
    const char *annotator = ok ? mel_json_text(object, "annotator", who(args)) : NULL;
    bool draft = ok && (args->draft || mel_equal(mel_json_text(object, "state", ""), "draft"));
    ok = ok && annotation_input_begin(&input, db, clip_id, annotator, err) &&
         annotation_input_json(&input, db, object, err) &&
         annotation_input_save(&input, db, !draft, &rev, err);
    if (ok) report(cli, clip_id, annotator, rev, draft);
    annotation_input_clear(&input);
    json_decref(object);
    return ok;
}

/* A line that fails is told and the rest goes in. */
static bool annotate_many(Cli *cli, Db *db, const AnnotateArgs *args, int64_t *failed, Err *err)
{
    char *line = NULL, *base = mel_path_dir(args->from);
    size_t capacity = 0;
    int64_t number = 0, good = 0;
    ssize_t n;
    bool ok = true;
    FILE *file = fopen(args->from, "re");
    if (!file) ok = mel_err_errno(err, "cannot open '%s'", args->from);
    while (ok && (n = getline(&line, &capacity, file)) >= 0) {
        Err line_err = {0};
        number++;
        if (mel_interrupted()) ok = mel_err(err, ERR_CANCELLED, "interrupted");
        if (!ok || strspn(line, " \t\r\n") == (size_t)n) continue;
        if (n > ANNOTATION_BYTES_MAX)
            mel_err(&line_err, ERR_LIMIT, "the line is longer than %d bytes", ANNOTATION_BYTES_MAX);
        else if (annotate_line(cli, db, args, base, line, (size_t)n, &line_err))
            good++;
        if (!mel_err_is_set(&line_err)) continue;
        if (line_err.code == ERR_DB || line_err.code == ERR_IO) {
            *err = line_err;
            ok = false;
        } else {
            ++*failed;
            mel_log_warn("%s:%lld: %s", args->from, (long long)number, line_err.message);
        }
    }
    if (file) fclose(file);
    free(line);
    free(base);
    if (ok)
        mel_log_info("%lld annotations saved, %lld refused", (long long)good, (long long)*failed);
    return ok;
}

static void print_term(void *ctx, const char *id, const char *label)
{
    if (!ctx) {
        json_t *line = json_object();
        mel_json_set_text(line, "term", id);
        mel_json_set_text(line, "label", label);
        cli_json_line(line);
        return;
    }
    cli_table_add(ctx, (const char *[]){id, label});
}

static bool list_terms(const Cli *cli, Db *db, const char *field, Err *err)
{
    static const char *const names[] = {"term", "label"};
    Table *table = cli->json ? NULL : cli_table_new(2, names);
    bool ok = mel_vocabulary_each(db, field, print_term, table, err);
    if (table) cli_table_print(table);
    return ok;
}

/* Alone, the command opens the window. */
static int open_application(const Cli *cli, Err *err)
{
    char *dataset = mel_db_find(cli->folder, err);
    if (!dataset) return RUN_ERROR;
    execlp("mel-annotator", "mel-annotator", dataset, (char *)NULL);
    mel_err_errno(err, "cannot start 'mel-annotator'");
    mel_err_hint(err, "is it installed? From a script: mel annotate CLIP --set FIELD=VALUE");
    free(dataset);
    return RUN_ERROR;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const AnnotateArgs *args = options;
    Db *db = NULL;
    int64_t failed = 0;
    if (!cli->argc && !args->from && !args->terms) return open_application(cli, err);
    if (cli->argc && !args->set.count) {
        mel_err(err, ERR_USAGE, "there is nothing to set on '%s'", cli->argv[0]);
        mel_err_hint(err, "mel annotate CLIP --set genre=jazz --set text=\"…\"");
        return RUN_ERROR;
    }
    bool ok = cli_open(cli, DB_WRITE, &db, err);
    if (ok && args->terms) ok = list_terms(cli, db, args->terms, err);
    if (ok && args->from) ok = annotate_many(cli, db, args, &failed, err);
    if (ok && cli->argc) ok = annotate_one(cli, db, args, cli->argv[0], err);
    mel_db_close(db);
    if (!ok) return RUN_ERROR;
    return failed ? EXIT_SOME_FAILED : EXIT_DONE;
}

const CliCommand cmd_annotate = {
    .name = "annotate",
    .summary = "say what a clip is: from a script, or alone to open the window",
    .usage = "annotate [CLIP --set FIELD=VALUE...] [--from FILE] [--terms FIELD]",
    .details =
        "Fields: genre, tempo, bpm, mood, voice, instrument, dissonance, metre, feel, text,\n"
        "relevance, frame, frame_why, other_genre, aspect, comment. Sets are comma-separated, an\n"
        "instrument may carry its role; an empty value takes an answer back. Every save is a new\n"
        "revision; nothing is overwritten.\n\n"
        "  mel annotate yt-dQw4w9WgXcQ:30000 --set genre=Pop --set mood=happy,groovy \\\n"
        "      --set instrument=synth-lead/lead,drum-machine/accompanying --set text=\"A …\"",
    .options = annotate_options,
    .size = sizeof(AnnotateArgs),
    .max_args = 1,
    .run = run,
};
