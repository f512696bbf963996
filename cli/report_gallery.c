/* SPDX-License-Identifier: Apache-2.0
 *
 * A few triplets to look at: the same ones each time, spread over the genres. */
#include "cli/report_parts.h"
#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CARDS_MAX = 24,
    THUMBNAIL_WIDTH = 360,
    THUMBNAIL_HEIGHT = 240,
    STILL_BYTES_MAX = 64 << 20,
    SOUND_BYTES_MAX = 16 << 20,
    PICTURES_BYTES_MAX = 2 << 20, /* all pictures of the page together */
};

typedef struct Candidate {
    char *id;
    size_t genre; /* its place in the vocabulary */
    uint64_t hash;
    size_t rank; /* within its genre */
} Candidate;

typedef struct Candidates {
    const Stats *stats;
    Candidate *items;
    size_t count, capacity;
} Candidates;

static bool take_candidate(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Candidates *list = ctx;
    const char *id = mel_row_text(row, "id", ""), *genre = mel_row_text(row, "genre", "");
    size_t place = 0;
    while (place < list->stats->genre_order.count &&
           !mel_equal(list->stats->genre_order.items[place].word, genre))
        place++;
    mel_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] =
        (Candidate){.id = mel_strdup(id), .genre = place, .hash = mel_keyed_hash("gallery", id)};
    return true;
}

static int by_genre(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->genre != y->genre) return x->genre < y->genre ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int by_rank(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return by_genre(a, b);
}

/* One of each genre, then a second of each, until the page is full; shown genre by genre. */
static size_t choose(Candidates *list)
{
    size_t chosen = list->count < CARDS_MAX ? list->count : CARDS_MAX;
    if (!list->count) return 0;
    qsort(list->items, list->count, sizeof *list->items, by_genre);
    for (size_t i = 1; i < list->count; i++)
        if (list->items[i].genre == list->items[i - 1].genre)
            list->items[i].rank = list->items[i - 1].rank + 1;
    qsort(list->items, list->count, sizeof *list->items, by_rank);
    qsort(list->items, chosen, sizeof *list->items, by_genre);
    return chosen;
}

/* ---- a card ------------------------------------------------------------------------------------
 */

typedef struct Cards {
    Report *report;
    Db *db;
    size_t picture_bytes;
} Cards;

/* A path of the store names a file inside the dataset, whatever somebody wrote into the store. */
static bool read_media(Db *db, const char *relative, size_t limit_bytes, char **bytes, size_t *n)
{
    Err ignored = {0};
    if (!relative || relative[0] == '/' || strstr(relative, "..")) return false;
    char *path = mel_db_path(db, relative);
    bool ok = mel_read_file(path, limit_bytes, bytes, n, &ignored);
    free(path);
    return ok;
}

static void add_picture(Cards *cards, const char *relative, const char *title)
{
    Str *out = &cards->report->out;
    char *still = NULL;
    unsigned char *small = NULL;
    size_t n, small_n = 0;
    Err ignored = {0};
    bool ok = read_media(cards->db, relative, STILL_BYTES_MAX, &still, &n) &&
              mel_thumbnail(still, n, THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT, 74, &small, &small_n,
                            &ignored) &&
              cards->picture_bytes + small_n <= PICTURES_BYTES_MAX;
    if (ok) {
        cards->picture_bytes += small_n;
        mel_str_add(out, "<img alt=\"Still of ");
        html_add(out, title);
        mel_str_add(out, "\" src=\"data:image/jpeg;base64,");
        html_add_base64(out, small, small_n);
        mel_str_add(out, "\">");
    } else {
        mel_str_add(out, "<div class=\"nopicture\">the still could not be read</div>");
    }
    free(still);
    free(small);
}

static void add_sound(Cards *cards, const char *relative)
{
    char *flac = NULL;
    size_t n;
    if (!read_media(cards->db, relative, SOUND_BYTES_MAX, &flac, &n)) return;
    mel_str_add(&cards->report->out,
                "<audio controls preload=\"none\" src=\"data:audio/flac;base64,");
    html_add_base64(&cards->report->out, flac, n);
    mel_str_add(&cards->report->out, "\"></audio>\n");
    free(flac);
}

static void add_facts(Str *out, const ViewRow *row)
{
    double bpm = mel_row_f64(row, "bpm", NAN), imsm = mel_row_f64(row, "imsm", NAN);
    const char *moods = mel_row_text(row, "moods", NULL);
    if (isfinite(bpm)) mel_str_addf(out, "<span>%.0f BPM</span>", bpm);
    if (moods) {
        mel_str_add(out, "<span>");
        html_add(out, moods);
        mel_str_add(out, "</span>");
    }
    if (isfinite(imsm)) mel_str_addf(out, "<span>IMSM %.2f</span>", imsm);
}

static void add_source(Str *out, const ViewRow *row)
{
    const char *locator = mel_row_text(row, "locator", "");
    const char *title = mel_row_text(row, "title", mel_row_text(row, "id", "?"));
    bool link = mel_starts_with(locator, "https://") || mel_starts_with(locator, "http://");
    if (link) {
        mel_str_add(out, "<a rel=\"noreferrer\" href=\"");
        html_add(out, locator);
        mel_str_add(out, "\">");
    }
    html_add(out, title);
    mel_str_addf(out, "%s, from %.0f&#8239;s", link ? "</a>" : "", mel_row_f64(row, "start_s", 0));
}

static bool take_card(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Cards *cards = ctx;
    Str *out = &cards->report->out;
    const char *genre = mel_row_text(row, "genre", NULL);
    mel_str_add(out, "<article>\n");
    add_picture(cards, mel_row_text(row, "image_path", NULL), mel_row_text(row, "id", "?"));
    mel_str_add(out, "<div class=\"facts\"><b>");
    html_add(out, genre ? cli_genre_label(cards->report->stats, genre) : "no genre");
    mel_str_add(out, "</b>");
    add_facts(out, row);
    mel_str_add(out, "</div>\n<p>");
    html_add(out, mel_row_text(row, "text", ""));
    mel_str_add(out, "</p>\n<p class=\"source\">");
    add_source(out, row);
    mel_str_add(out, "</p>\n");
    if (cards->report->options->with_audio) add_sound(cards, mel_row_text(row, "audio_path", NULL));
    mel_str_add(out, "</article>\n");
    return true;
}

bool report_gallery(Report *report, Db *db, Err *err)
{
    Candidates list = {.stats = report->stats};
    Cards cards = {.report = report, .db = db};
    const ViewQuery all = {.view = "triplets", .columns = "id, genre", .also = "included"};
    bool ok = mel_query(db, &all, take_candidate, &list, err);
    size_t chosen = ok ? choose(&list) : 0;
    if (chosen) {
        html_begin_section(report, "gallery", "A look at the triplets");
        html_begin_figure(report, "gallery");
        mel_str_add(&report->out, "<div class=\"cards\">\n");
    }
    for (size_t i = 0; ok && i < chosen; i++) {
        const ViewQuery one = {
            .view = "triplets", .also = "id = ?1", .args = {list.items[i].id}, .arg_count = 1};
        ok = mel_query(db, &one, take_card, &cards, err);
    }
    if (chosen) {
        mel_str_add(&report->out, "</div>\n");
        html_end_figure(report,
                        "Included triplets, spread over the genres and chosen by a hash of "
                        "their ids: picture, settled description, and where they are from.");
        html_end_section(report);
    }
    for (size_t i = 0; i < list.count; i++)
        free(list.items[i].id);
    free(list.items);
    return ok;
}
