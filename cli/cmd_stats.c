/* SPDX-License-Identifier: Apache-2.0
 *
 * mel stats: the whole dataset in numbers, on paper with --html. */
#include "cli/reading.h"
#include "cli/report_html.h"
#include "cli/stats_collect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct StatsOptions {
    const char *html, *title;
    bool with_audio;
} StatsOptions;

static const char *counted(int64_t count)
{
    static char buffers[8][32];
    static int next;
    char *buffer = buffers[next++ % 8];
    Str text = {0};
    cli_add_count(&text, count);
    snprintf(buffer, sizeof buffers[0], "%s", mel_str_text(&text));
    mel_str_clear(&text);
    return buffer;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void print_counts(const Stats *s)
{
    Str size = {0}, span = {0};
    cli_add_size(&size, s->media_bytes);
    cli_add_span(&span, s->included_s);
    printf("sources   %10s ", counted(s->sources));
    for (size_t i = 0; i < s->source_kinds.count; i++)
        printf("%s%s %s", i ? ", " : " ", counted(s->source_kinds.items[i].count),
               s->source_kinds.items[i].word);
    printf("\nclips     %10s  %s new, %s ready, %s failed\n", counted(s->clips),
           counted(s->created), counted(s->ready), counted(s->failed));
    printf("triplets  %10s  %s of them in (%s of music)\n", counted(s->triplets),
           counted(s->triplets_included), mel_str_text(&span));
    printf("answers   %10s  clips settled, %s disputed, %s open\n", counted(s->settled),
           counted(s->disputed), counted(s->open));
    printf("media     %10s  files, %s\n", counted(s->media_files), mel_str_text(&size));
    mel_str_clear(&size);
    mel_str_clear(&span);
}

static void print_funnel(const Stats *s)
{
    printf("\nFrom candidates to triplets\n");
    for (int i = 0; i < FUNNEL_STAGES; i++) {
        int64_t before = s->funnel[i ? i - 1 : 0].count;
        printf("  %-12s %10s  %5.1f %%  ", s->funnel[i].name, counted(s->funnel[i].count),
               share(s->funnel[i].count, s->clips));
        if (before > s->funnel[i].count) printf("-%s  ", counted(before - s->funnel[i].count));
        printf("%s\n", s->funnel[i].meaning);
    }
}

static void print_failures(const Stats *s)
{
    if (!s->failure_count) return;
    printf("\nFailed clips\n");
    for (size_t i = 0; i < s->failure_count; i++) {
        const FailureTally *f = &s->failures[i];
        printf("  %-18s %8s  %-13s %s %s\n", f->reason, counted(f->count), f->class,
               f->kind->meaning, f->kind->advice);
    }
}

static void print_passes(const Stats *s)
{
    if (!s->pass_count) return;
    printf("\nPasses (a clip may meet several)\n");
    for (size_t i = 0; i < s->pass_count; i++) {
        const PassTally *p = &s->passes[i];
        printf("  %-18s %8s  %s%s\n", p->name, counted(p->excluded), p->condition,
               p->undone_at ? "  (undone)" : "");
    }
}

static void print_genres(const Stats *s)
{
    if (!s->settled) return;
    printf("\nGenres of settled clips\n");
    for (size_t i = 0; i < s->genre_order.count; i++) {
        int64_t count = cli_tally_of(&s->genres, s->genre_order.items[i].word);
        printf("  %-18s %8s  %5.1f %%  ", s->genre_labels.items[i].word, counted(count),
               share(count, s->settled));
        for (int bar = (int)lround(share(count, s->settled)); bar > 0; bar--)
            putchar('#');
        putchar('\n');
    }
}

static void print_annotators(const Stats *s)
{
    if (!s->annotator_count) return;
    printf("\nAnnotations              submitted    drafts  withdrawn   retests\n");
    for (size_t i = 0; i < s->annotator_count; i++) {
        const AnnotatorTally *a = &s->annotators[i];
        char *id = cli_clean(a->id);
        printf("  %-20s %12s %9s %10s %9s  %s\n", id, counted(a->submitted), counted(a->drafts),
               counted(a->withdrawn), counted(a->retests), a->kind);
        free(id);
    }
}

static void print_splits(const Stats *s)
{
    for (size_t i = 0; i < s->split_count; i++) {
        const SplitTally *split = &s->splits[i];
        printf("%s  %-18s", i ? "" : "\nSplits\n", split->name);
        for (int side = 0; side < split->side_count; side++)
            printf(" %s %s", split->sides[side], counted(cli_split_side_total(split, side)));
        putchar('\n');
    }
}

static void print_distributions(const Stats *s)
{
    bool any = false;
    for (size_t i = 0; i < s->distribution_count; i++) {
        const Distribution *d = &s->distributions[i];
        Str cells[3] = {{0}};
        static const double quantiles[] = {0.05, 0.5, 0.95};
        if (!d->count) continue;
        if (!any) printf("\nReady clips                  5 %%     median       95 %%  unknown\n");
        any = true;
        for (int k = 0; k < 3; k++)
            cli_add_number(&cells[k], cli_quantile(d, quantiles[k]), 4);
        printf("  %-20s %10s %10s %10s %8s  %s\n", d->name, mel_str_text(&cells[0]),
               mel_str_text(&cells[1]), mel_str_text(&cells[2]), counted(d->unknown), d->unit);
        for (int k = 0; k < 3; k++)
            mel_str_clear(&cells[k]);
    }
}

static void print_stats(const Stats *s)
{
    print_counts(s);
    print_funnel(s);
    print_failures(s);
    print_passes(s);
    print_genres(s);
    print_annotators(s);
    print_splits(s);
    if (s->group_count)
        printf("\nDuplicates\n  %s clips in %s groups, the largest of %zu\n",
               counted(s->grouped_clips), counted((int64_t)s->group_count), s->groups[0].size);
    print_distributions(s);
}

static int stats_run(Cli *cli, const void *options, Err *err)
{
    const StatsOptions *o = options;
    Db *db = NULL;
    Stats stats = {0};
    int code = RUN_ERROR;
    if (o->with_audio && !o->html) {
        mel_err(err, ERR_USAGE, "'--with-audio' is for the page of '--html'");
        return RUN_ERROR;
    }
    if (!cli_open(cli, DB_READ, &db, err)) return RUN_ERROR;
    if (!cli_stats_collect(db, &stats, err)) goto out;
    if (o->html) {
        const ReportOptions report = {
            .path = o->html, .title = o->title, .with_audio = o->with_audio};
        if (!cli_report_write(db, &stats, &report, err)) goto out;
        mel_log_info("wrote '%s'", o->html);
    }
    if (cli->json)
        cli_json_line(cli_stats_json(&stats));
    else if (!o->html)
        print_stats(&stats);
    code = EXIT_DONE;
out:
    cli_stats_clear(&stats);
    mel_db_close(db);
    return code;
}

static const CliOption stats_options[] = {
    CLI_TEXT(0, "html", StatsOptions, html, "FILE", "write one self-contained page with plots"),
    CLI_TEXT(0, "title", StatsOptions, title, "TEXT", "the page's title (default: the folder's)"),
    CLI_FLAG(0, "with-audio", StatsOptions, with_audio,
             "the page's gallery also plays the music (a large file)"),
    CLI_END,
};

const CliCommand cmd_stats = {
    .name = "stats",
    .summary = "counts, balance, attrition and distributions; a page with --html",
    .usage = "stats [--html FILE [--title TEXT] [--with-audio]]",
    .details =
        "What was found, what failed and why, what passes keep out, who annotated what, how\n"
        "the genres balance, how splits are filled and how the measures are distributed.\n"
        "With --json one object; with --html a page to read, print or send.",
    .options = stats_options,
    .size = sizeof(StatsOptions),
    .max_args = 0,
    .run = stats_run,
};
