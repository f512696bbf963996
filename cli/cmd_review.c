/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/person.h"

typedef struct ReviewArgs {
    const char *annotator, *verdict, *by, *comment;
    OptionList fields;
} ReviewArgs;

static const CliOption review_options[] = {
    CLI_TEXT('a', "annotator", ReviewArgs, annotator, "NAME", "whose answer (wanted)"),
    CLI_TEXT(0, "verdict", ReviewArgs, verdict, "WORD", "accept, return or dispute (wanted)"),
    CLI_LIST('f', "field", ReviewArgs, fields, "FIELD",
             "the verdict is about this field (may be repeated)"),
    CLI_TEXT('m', "comment", ReviewArgs, comment, "TEXT", "for the author"),
    CLI_TEXT(0, "by", ReviewArgs, by, "NAME", "who reviews " CLI_PERSON_HELP),
    CLI_END,
};

static void report(const Cli *cli, const Review *review, const char *stage)
{
    if (!cli->json) {
        mel_log_info("%s: %s's answer has the verdict '%s' of %s; the clip is %s", review->clip_id,
                     review->author_id, review->verdict, review->reviewer_id, stage);
        return;
    }
    json_t *line = json_object(), *fields = json_array();
    for (size_t i = 0; i < review->field_count; i++)
        json_array_append_new(fields, json_string(review->fields[i]));
    mel_json_set_text(line, "event", "reviewed");
    mel_json_set_text(line, "clip", review->clip_id);
    mel_json_set_text(line, "annotator", review->author_id);
    mel_json_set_text(line, "reviewer", review->reviewer_id);
    mel_json_set_text(line, "verdict", review->verdict);
    json_object_set_new(line, "fields", fields);
    mel_json_set_text(line, "stage", stage);
    cli_json_line(line);
}

static int run(Cli *cli, const void *options, Err *err)
{
    const ReviewArgs *args = options;
    ClipStage stage = STAGE_OPEN;
    Db *db = NULL;
    if (!args->annotator || !args->verdict) {
        mel_err(err, ERR_USAGE, "a review wants whose answer it is of, and a verdict");
        mel_err_hint(err, "mel review CLIP --annotator anna --verdict accept");
        return RUN_ERROR;
    }
    const Review review = {.clip_id = cli->argv[0],
                           .author_id = args->annotator,
                           .reviewer_id = cli_person(args->by),
                           .verdict = args->verdict,
                           .fields = args->fields.items,
                           .field_count = (size_t)args->fields.count,
                           .comment = args->comment};
    bool ok = cli_open(cli, DB_WRITE, &db, err) && mel_review_save(db, &review, NULL, err) &&
              mel_clip_stage(db, review.clip_id, &stage, err);
    mel_db_close(db);
    if (!ok) return RUN_ERROR;
    report(cli, &review, mel_clip_stage_name(stage));
    return EXIT_DONE;
}

const CliCommand cmd_review = {
    .name = "review",
    .summary = "a second person's verdict on an answer",
    .usage = "review CLIP --annotator NAME --verdict accept|return|dispute [--field FIELD...]",
    .details = "accept   the answer stands\n"
               "return   it goes back into its author's queue, and settles nothing until then\n"
               "dispute  the fields named are settled by 'mel adjudicate'",
    .options = review_options,
    .size = sizeof(ReviewArgs),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
