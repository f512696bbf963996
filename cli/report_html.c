/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const char mel_report_html[]; /* cli/report.html: "{{title}}" and "{{body}}" are filled */

/* ---- the head of the page -------------------------------------------------------------------- */

static void tile(Str *out, const char *number, const char *what)
{
    mel_str_add(out, "<div><b>");
    html_add(out, number);
    mel_str_add(out, "</b><span>");
    html_add(out, what);
    mel_str_add(out, "</span></div>\n");
}

static void tile_count(Str *out, int64_t count, const char *what)
{
    Str text = {0};
    cli_add_count(&text, count);
    tile(out, mel_str_text(&text), what);
    mel_str_clear(&text);
}

static void add_tiles(Report *report)
{
    const Stats *s = report->stats;
    const Distribution *purity = cli_distribution(s, "imsm");
    Str text = {0};
    mel_str_add(&report->out, "<div class=\"tiles\">\n");
    tile_count(&report->out, s->triplets_included, "triplets in the dataset");
    cli_add_span(&text, s->included_s);
    tile(&report->out, mel_str_text(&text), "of music in them");
    tile_count(&report->out, s->sources, "sources");
    tile_count(&report->out, s->clips, "candidate clips");
    mel_str_reset(&text);
    if (purity && purity->count) {
        mel_str_addf(&text, "%.3f", cli_mean(purity));
        tile(&report->out, mel_str_text(&text), "purity (mean IMSM)");
    } else {
        cli_add_size(&text, s->media_bytes);
        tile(&report->out, mel_str_text(&text), "of media files");
    }
    mel_str_add(&report->out, "</div>\n");
    mel_str_clear(&text);
}

static void add_header(Report *report, const char *title)
{
    const Stats *s = report->stats;
    Str *out = &report->out;
    mel_str_add(out, "<header>\n<p class=\"kind\">Dataset report</p>\n<h1>");
    html_add(out, title);
    mel_str_addf(out, "</h1>\n<p class=\"date\">%.10s, %.5s UTC</p>\n", s->taken_at,
                 s->taken_at + 11);
    add_tiles(report);
    mel_str_add(out, "</header>\n");
}

/* ---- figures --------------------------------------------------------------------------------- */

static void add_funnel(Report *report)
{
    const Stats *s = report->stats;
    PlotBar bars[FUNNEL_STAGES];
    char names[FUNNEL_STAGES][32];
    for (int i = 0; i < FUNNEL_STAGES; i++) {
        snprintf(names[i], sizeof names[i], "%s", s->funnel[i].name);
        if (names[i][0] >= 'a' && names[i][0] <= 'z') names[i][0] -= 'a' - 'A';
        bars[i] = (PlotBar){names[i], s->funnel[i].meaning, (double)s->funnel[i].count};
    }
    html_begin_section(report, "funnel", "From candidates to triplets");
    html_begin_figure(report, "wide");
    plot_funnel(&report->out, "What is left after each step of the curation", bars, FUNNEL_STAGES);
    html_end_figure(report,
                    "What is left after each step, as a count, as a share of all candidates, "
                    "and what the step cost. Each step is a part of the one before.");
    html_end_section(report);
}

static void genre_caption(Str *text, const Stats *s, const PlotBar *bars, size_t count)
{
    size_t most = 0, least = 0;
    int64_t matched = 0;
    for (size_t i = 0; i < count; i++) {
        if (bars[i].value > bars[most].value) most = i;
        if (bars[i].value < bars[least].value) least = i;
        matched += (int64_t)bars[i].value;
    }
    mel_str_addf(text,
                 "Settled clips by genre, in the vocabulary's order. %s is the largest (%.1f %%) "
                 "and %s the smallest (%.1f %%)",
                 bars[most].label, 100 * bars[most].value / (double)(matched ? matched : 1),
                 bars[least].label, 100 * bars[least].value / (double)(matched ? matched : 1));
    int64_t unmatched = cli_tally_of(&s->genres, "unmatched");
    if (unmatched) {
        mel_str_add(text, "; ");
        cli_add_count(text, unmatched);
        mel_str_add(text, " more match none of them");
    }
    mel_str_add(text, ". The dashed line is where every bar would end if they were equal.");
}

static void add_genres(Report *report)
{
    const Stats *s = report->stats;
    PlotBar bars[STATS_GENRES_MAX];
    size_t count = 0;
    double total = 0;
    for (size_t i = 0; i < s->genre_order.count && count < STATS_GENRES_MAX; i++) {
        const char *id = s->genre_order.items[i].word;
        if (mel_equal(id, "unmatched")) continue;
        bars[count] =
            (PlotBar){s->genre_labels.items[i].word, NULL, (double)cli_tally_of(&s->genres, id)};
        total += bars[count++].value;
    }
    html_begin_section(report, "genres", "Balance of genres");
    if (count > 0 && total > 0) {
        Str caption = {0};
        genre_caption(&caption, s, bars, count);
        html_begin_figure(report, "wide");
        plot_columns(&report->out, "Number of settled clips by genre", bars, count,
                     total / (double)count, "equal shares");
        html_end_figure(report, mel_str_text(&caption));
        mel_str_clear(&caption);
    } else {
        mel_str_add(&report->out, "<p>No clip has a settled genre yet.</p>\n");
    }
    html_end_section(report);
}

static void add_histogram(Report *report, const Distribution *d, const char *title)
{
    Str *out = &report->out;
    mel_str_add(out, "<div><h3>");
    html_add(out, title);
    mel_str_add(out, "</h3><p class=\"range\">median <b>");
    html_add_number(out, cli_quantile(d, 0.5), 3);
    mel_str_add(out, "</b>, 90&#8239;% from ");
    html_add_number(out, cli_quantile(d, 0.05), 3);
    mel_str_add(out, " to ");
    html_add_number(out, cli_quantile(d, 0.95), 3);
    mel_str_add(out, "</p>\n");
    plot_histogram(out, title, d->values, d->count, d->unit);
    if (d->unknown) {
        mel_str_add(out, "<p class=\"unknown\">not known for ");
        html_add_count(out, d->unknown);
        mel_str_add(out, d->unknown == 1 ? " clip</p>" : " clips</p>");
    }
    mel_str_add(out, "</div>\n");
}

static void add_distributions(Report *report)
{
    static const char *const plots[][2] = {
        {"imsm",               "Purity (IMSM)"                },
        {"clip_score",         "Picture and text (CLIP)"      },
        {"clap_score",         "Music and text (CLAP)"        },
        {"loudness_lufs",      "Loudness"                     },
        {"true_peak_dbtp",     "True peak"                    },
        {"loudness_range_lu",  "Loudness range"               },
        {"bandwidth_hz",       "Bandwidth of the sound"       },
        {"tempo_bpm",          "Tempo, as measured"           },
        {"stereo_correlation", "Correlation of left and right"},
        {"brightness_mean",    "Brightness of the picture"    },
        {"contrast",           "Contrast of the picture"      },
        {"motion_mean",        "Motion in the picture"        },
    };
    int shown = 0;
    html_begin_section(report, "distributions", "Scores, sound and picture");
    for (size_t i = 0; i < MEL_COUNT(plots); i++) {
        const Distribution *d = cli_distribution(report->stats, plots[i][0]);
        if (!d || !d->count) continue;
        if (!shown++) {
            html_begin_figure(report, NULL);
            mel_str_add(&report->out, "<div class=\"plots\">\n");
        }
        add_histogram(report, d, plots[i][1]);
    }
    if (shown) {
        mel_str_add(&report->out, "</div>\n");
        html_end_figure(report, "How ready clips are distributed. Heights are numbers of clips, to "
                                "each plot's own scale; the strong bars hold the middle 90 %, the "
                                "line is the median, and each axis spans the middle 99 %.");
    } else {
        mel_str_add(&report->out, "<p>No clip has been measured yet.</p>\n");
    }
    html_end_section(report);
}

static void add_footer(Report *report)
{
    mel_str_addf(&report->out,
                 "<footer>Made by Melkit %s from the dataset as it was at %.19s UTC (store schema "
                 "%d). The same numbers: <code>mel stats --json</code>.</footer>\n",
                 MEL_VERSION, report->stats->taken_at, mel_db_schema_version());
}

/* ---- the page -------------------------------------------------------------------------------- */

/* The shell with its two places filled. */
static bool write_page(const char *path, const char *title, const char *body, Err *err)
{
    FileWriter writer = {0};
    Str escaped = {0};
    bool ok = false;
    const char *title_at = strstr(mel_report_html, "{{title}}");
    const char *body_at = strstr(mel_report_html, "{{body}}");
    MEL_ASSERT(title_at && body_at && title_at < body_at);
    html_add(&escaped, title);
    if (!mel_writer_begin(&writer, path, err)) goto out;
    fwrite(mel_report_html, 1, (size_t)(title_at - mel_report_html), writer.file);
    fputs(mel_str_text(&escaped), writer.file);
    title_at += strlen("{{title}}");
    fwrite(title_at, 1, (size_t)(body_at - title_at), writer.file);
    fputs(body, writer.file);
    fputs(body_at + strlen("{{body}}"), writer.file);
    ok = mel_writer_commit(&writer, err);
out:
    mel_writer_abort(&writer);
    mel_str_clear(&escaped);
    return ok;
}

/* The folder's own name, also when it was given as ".". */
static char *folder_title(const char *folder)
{
    char *whole = realpath(folder, NULL);
    char *name = mel_strdup(mel_path_base(whole ? whole : folder));
    free(whole);
    return name;
}

bool cli_report_write(Db *db, const Stats *stats, const ReportOptions *options, Err *err)
{
    Report report = {.stats = stats, .options = options};
    char *title = options->title ? mel_strdup(options->title) : folder_title(stats->folder);
    add_header(&report, title);
    add_funnel(&report);
    add_genres(&report);
    add_distributions(&report);
    bool ok = report_gallery(&report, db, err);
    report_splits(&report);
    report_passes(&report);
    report_failures(&report);
    report_duplicates(&report);
    report_annotators(&report);
    report_measures(&report);
    add_footer(&report);
    ok = ok && write_page(options->path, title, mel_str_text(&report.out), err);
    mel_str_clear(&report.out);
    free(title);
    return ok;
}
