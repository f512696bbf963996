/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_SHOWN = 12 };

/* ---- cells -------------------------------------------------------------------------------------
 */

static void begin_table(Report *report, const char *caption)
{
    mel_str_add(&report->out, "<div class=\"scroll\"><table>\n");
    html_table_caption(report, caption);
}

static void end_table(Report *report)
{
    mel_str_add(&report->out, "</tbody></table></div>\n");
}

/* Column heads; a name that begins with '#' stands over numbers. */
static void heads(Report *report, const char *const *names, size_t count)
{
    mel_str_add(&report->out, "<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        bool number = names[i][0] == '#';
        mel_str_add(&report->out, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        html_add(&report->out, names[i] + number);
        mel_str_add(&report->out, "</th>");
    }
    mel_str_add(&report->out, "</tr></thead>\n<tbody>\n");
}
#define HEADS(report, ...)                                                                         \
    heads(report, (const char *const[]){__VA_ARGS__},                                              \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void cell(Report *report, const char *class, const char *text)
{
    mel_str_addf(&report->out, class ? "<td class=\"%s\">" : "<td>", class);
    html_add(&report->out, text);
    mel_str_add(&report->out, "</td>");
}

static void cell_count(Report *report, int64_t count)
{
    mel_str_add(&report->out, count ? "<td class=\"n\">" : "<td class=\"n zero\">");
    html_add_count(&report->out, count);
    mel_str_add(&report->out, "</td>");
}

static void cell_number(Report *report, double value)
{
    mel_str_add(&report->out, "<td class=\"n\">");
    if (isfinite(value)) html_add_number(&report->out, value, 4);
    mel_str_add(&report->out, "</td>");
}

static void paragraph(Report *report, const char *text)
{
    mel_str_add(&report->out, "<p>");
    html_add(&report->out, text);
    mel_str_add(&report->out, "</p>\n");
}

/* ---- tables ------------------------------------------------------------------------------------
 */

void report_passes(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "passes", "Filtering passes");
    if (!s->pass_count) {
        paragraph(report, "No filtering pass has been run.");
    } else {
        begin_table(report, "Passes in the order they were made, with the condition that keeps a "
                            "clip out. A clip may meet several; nothing is deleted, and an undone "
                            "pass lets its clips in again.");
        HEADS(report, "Pass", "Keeps out where", "#Clips", "Made on", "In force");
    }
    for (size_t i = 0; i < s->pass_count; i++) {
        const PassTally *p = &s->passes[i];
        char *made = mel_strndup(p->created_at, 10);
        char *undone = p->undone_at ? mel_strndup(p->undone_at, 10) : NULL;
        mel_str_add(&report->out, undone ? "<tr class=\"off\">" : "<tr>");
        cell(report, "key", p->name);
        mel_str_add(&report->out, "<td><code>");
        html_add(&report->out, p->condition);
        mel_str_add(&report->out, "</code>");
        if (p->note) {
            mel_str_add(&report->out, "<br><small>");
            html_add(&report->out, p->note);
            mel_str_add(&report->out, "</small>");
        }
        mel_str_add(&report->out, "</td>");
        cell_count(report, p->excluded);
        cell(report, "date", made);
        mel_str_add(&report->out, "<td class=\"date\">");
        mel_str_addf(&report->out, "%s%s</td></tr>\n", undone ? "undone " : "yes",
                     undone ? undone : "");
        free(made);
        free(undone);
    }
    if (s->pass_count) end_table(report);
    html_end_section(report);
}

void report_failures(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "failures", "What could not be fetched");
    if (!s->failure_count) {
        paragraph(report, "No clip has failed.");
        html_end_section(report);
        return;
    }
    begin_table(report,
                "Failed clips by reason. Permanent failures are not retried; transient ones "
                "may work later; a pause is a service asking for patience.");
    HEADS(report, "Reason", "Class", "#Clips", "What it means", "What to do");
    for (size_t i = 0; i < s->failure_count; i++) {
        const FailureTally *f = &s->failures[i];
        mel_str_add(&report->out, "<tr>");
        cell(report, "key", f->reason);
        cell(report, NULL, f->class);
        cell_count(report, f->count);
        cell(report, NULL, f->kind->meaning);
        cell(report, NULL, f->kind->advice);
        mel_str_add(&report->out, "</tr>\n");
    }
    end_table(report);
    html_end_section(report);
}

static void duplicate_row(Report *report, const DuplicateGroup *g)
{
    mel_str_add(&report->out, "<tr>");
    cell_count(report, (int64_t)g->size);
    cell_count(report, g->audio_edges);
    cell_count(report, g->picture_edges);
    mel_str_add(&report->out, "<td class=\"ids\">");
    for (size_t k = 0; k < 4 && k < g->size; k++) {
        if (k) mel_str_add(&report->out, ", ");
        html_add(&report->out, g->sample[k]);
    }
    mel_str_add(&report->out, g->size > 4 ? ", …</td></tr>\n" : "</td></tr>\n");
}

static void duplicate_summary(Report *report)
{
    const Stats *s = report->stats;
    Str text = {0};
    html_add_count(&text, s->grouped_clips);
    mel_str_add(&text, " clips lie in ");
    html_add_count(&text, (int64_t)s->group_count);
    mel_str_add(&text,
                " groups that sound or look the same; a split puts a whole group on one side.");
    if (s->text_pairs) {
        mel_str_add(&text, " Besides, ");
        html_add_count(&text, s->text_pairs);
        mel_str_add(&text, " pairs of clips have the same description, which ties nothing.");
    }
    paragraph(report, mel_str_text(&text));
    mel_str_clear(&text);
}

void report_duplicates(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "duplicates", "Duplicates");
    if (!s->group_count && !s->text_pairs)
        paragraph(report, "No near-duplicates are known.");
    else
        duplicate_summary(report);
    if (s->group_count) {
        begin_table(report, s->group_count > GROUPS_SHOWN
                                ? "The largest groups of near-duplicates, with the number of pairs "
                                  "found by sound and by picture."
                                : "Groups of near-duplicates, with the number of pairs found by "
                                  "sound and by picture.");
        HEADS(report, "#Clips", "#By sound", "#By picture", "Members");
        for (size_t i = 0; i < s->group_count && i < GROUPS_SHOWN; i++)
            duplicate_row(report, &s->groups[i]);
        end_table(report);
    }
    html_end_section(report);
}

/* Counts of one genre (or the total when genre < 0), each with its share of the row. */
static void split_row(Report *report, const SplitTally *split, const char *label, int genre)
{
    int64_t counts[STATS_SIDES_MAX], total = 0;
    for (int side = 0; side < split->side_count; side++) {
        counts[side] = genre < 0 ? cli_split_side_total(split, side)
                                 : split->counts[genre * STATS_SIDES_MAX + side];
        total += counts[side];
    }
    if (!total) return;
    mel_str_add(&report->out, genre < 0 ? "<tr class=\"sum\">" : "<tr>");
    cell(report, NULL, label);
    for (int side = 0; side < split->side_count; side++) {
        cell_count(report, counts[side]);
        mel_str_addf(&report->out, "<td class=\"n share\">%.1f&#8239;%%</td>",
                     100.0 * (double)counts[side] / (double)total);
    }
    cell_count(report, total);
    mel_str_add(&report->out, "</tr>\n");
}

static void split_table(Report *report, const SplitTally *split)
{
    const Stats *s = report->stats;
    char *caption = mel_asprintf("The split “%s” by genre and side; shares are of the row. Equal "
                                 "shares down a column mean that genre does not tell the side.",
                                 split->name);
    begin_table(report, caption);
    mel_str_add(&report->out, "<thead><tr><th scope=\"col\">Genre</th>");
    for (int side = 0; side < split->side_count; side++) {
        mel_str_add(&report->out, "<th scope=\"colgroup\" class=\"n\" colspan=\"2\">");
        html_add(&report->out, split->sides[side]);
        mel_str_add(&report->out, "</th>");
    }
    mel_str_add(&report->out, "<th scope=\"col\" class=\"n\">all</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->genre_order.count && i < STATS_GENRES_MAX; i++)
        split_row(report, split, s->genre_labels.items[i].word, (int)i);
    split_row(report, split, "(not settled now)", STATS_GENRES_MAX);
    split_row(report, split, "all", -1);
    end_table(report);
    free(caption);
}

void report_splits(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "splits", "Splits");
    if (!s->split_count) paragraph(report, "No split has been made.");
    for (size_t i = 0; i < s->split_count; i++)
        split_table(report, &s->splits[i]);
    html_end_section(report);
}

void report_annotators(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "annotators", "Annotators");
    if (!s->annotator_count) {
        paragraph(report, "Nobody has annotated yet.");
        html_end_section(report);
        return;
    }
    begin_table(report, "Newest answers by annotator, and the time recorded on them.");
    HEADS(report, "Annotator", "Kind", "#Submitted", "#Drafts", "#Withdrawn", "#Retests",
          "#Minutes an answer");
    for (size_t i = 0; i < s->annotator_count; i++) {
        const AnnotatorTally *a = &s->annotators[i];
        int64_t answers = a->submitted + a->drafts + a->withdrawn;
        mel_str_add(&report->out, "<tr>");
        cell(report, "key", a->id);
        cell(report, NULL, a->kind);
        cell_count(report, a->submitted);
        cell_count(report, a->drafts);
        cell_count(report, a->withdrawn);
        cell_count(report, a->retests);
        if (a->active_s > 0 && answers)
            mel_str_addf(&report->out, "<td class=\"n\">%.1f</td>",
                         a->active_s / 60 / (double)answers);
        else
            mel_str_add(&report->out, "<td></td>");
        mel_str_add(&report->out, "</tr>\n");
    }
    end_table(report);
    html_end_section(report);
}

void report_measures(Report *report)
{
    const Stats *s = report->stats;
    html_begin_section(report, "measures", "Every number");
    begin_table(report, "Scores and measures of ready clips. “Known” says for how many of them the "
                        "number can be said at all.");
    HEADS(report, "Name", "#Known", "#5 %", "#Median", "#95 %", "Unit", "Meaning");
    for (size_t i = 0; i < s->distribution_count; i++) {
        const Distribution *d = &s->distributions[i];
        mel_str_add(&report->out, "<tr>");
        cell(report, "key", d->name);
        cell_count(report, (int64_t)d->count);
        cell_number(report, cli_quantile(d, 0.05));
        cell_number(report, cli_quantile(d, 0.5));
        cell_number(report, cli_quantile(d, 0.95));
        cell(report, "unit", d->unit);
        cell(report, NULL, d->meaning);
        mel_str_add(&report->out, "</tr>\n");
    }
    end_table(report);
    html_end_section(report);
}
