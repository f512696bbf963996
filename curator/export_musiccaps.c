/* SPDX-License-Identifier: Apache-2.0
 *
 * MusicCaps' own CSV: a list of YouTube spans with captions. Whether a clip belongs to AudioSet's
 * balanced evaluation subset is not kept in the store: is_balanced_subset is always False. */
#include "curator/export_internal.h"

#include <string.h>

/* repr() of Python: double quotes only around text that has a single one and no double one. */
static void add_python_string(Str *out, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    mel_str_add_char(out, quote);
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '\n')
            mel_str_add(out, "\\n");
        else if (c == '\r')
            mel_str_add(out, "\\r");
        else if (c == '\t')
            mel_str_add(out, "\\t");
        else if (c < 0x20 || c == 0x7F)
            mel_str_addf(out, "\\x%02x", c);
        else {
            if (c == '\\' || c == (unsigned char)quote) mel_str_add_char(out, '\\');
            mel_str_add_char(out, (char)c);
        }
    }
    mel_str_add_char(out, quote);
}

void mel_export_python_list(Str *out, TextList list)
{
    mel_str_add_char(out, '[');
    for (size_t i = 0; i < list.count; i++) {
        if (i) mel_str_add(out, ", ");
        add_python_string(out, list.items[i]);
    }
    mel_str_add_char(out, ']');
}

static const char musiccaps_header[] =
    "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,"
    "is_balanced_subset,is_audioset_eval\n";

/* MusicCaps numbers its authors; ours follow behind 1000. */
static int64_t author_number(const char *pseudonym)
{
    int64_t number;
    if (!pseudonym) return 0;
    if (mel_starts_with(pseudonym, "musiccaps-") &&
        mel_parse_i64(pseudonym + strlen("musiccaps-"), &number) && number >= 0)
        return number;
    if (mel_starts_with(pseudonym, "annotator-") &&
        mel_parse_i64(pseudonym + strlen("annotator-"), &number))
        return 1000 + number;
    return 0;
}

/* Ids that start with "-" must stay what they are: nothing is disarmed here. */
static void add_plain(Str *row, const char *text)
{
    mel_export_csv_field(row, text, false);
}

static void add_labels(Str *row, TextList labels)
{
    Str joined = {0};
    for (size_t i = 0; i < labels.count; i++)
        mel_str_addf(&joined, "%s%s", i ? "," : "", labels.items[i]);
    add_plain(row, mel_str_text(&joined));
    mel_str_clear(&joined);
}

static void add_aspects(Str *row, TextList aspects)
{
    Str list = {0};
    mel_export_python_list(&list, aspects);
    add_plain(row, mel_str_text(&list));
    mel_str_clear(&list);
}

static bool add_row(ExportRun *run, const ExportItem *item, Str *row, Err *err)
{
    (void)run, (void)err;
    char start[32], end[32], author[32];
    mel_export_seconds(item->start_us, start);
    mel_export_seconds(item->end_us, end);
    snprintf(author, sizeof author, "%lld", (long long)author_number(item->annotator));
    add_plain(row, item->locator);
    add_plain(row, start);
    add_plain(row, end);
    add_labels(row, item->audioset_labels);
    add_aspects(row, item->aspects);
    add_plain(row, item->text);
    add_plain(row, author);
    add_plain(row, "False");
    add_plain(row, mel_equal(item->published_split, "eval") ? "True" : "False");
    mel_str_add_char(row, '\n');
    return true;
}

bool mel_export_musiccaps(ExportRun *run, Err *err)
{
    for (size_t i = 0; i < run->count; i++) {
        if (mel_equal(run->items[i].kind, "youtube")) continue;
        mel_err(err, ERR_USAGE,
                "clip '%s' is not from YouTube, which is all that MusicCaps can name",
                run->items[i].id);
        return mel_err_hint(err,
                            "choose those that are with --where \"kind = 'youtube'\", or export "
                            "as jsonl");
    }
    return mel_export_sides(run, "csv", musiccaps_header, add_row, err);
}
