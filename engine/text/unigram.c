/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/text/unigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A place in the trie; its children are neighbours. */
typedef struct Place {
    uint32_t children; /* the first */
    uint16_t count;
    int32_t id; /* of the piece that ends here; -1 for none */
} Place;

struct Unigram {
    Place *places;  /* the first is the root */
    uint8_t *bytes; /* that lead to them */
    size_t place_count, place_capacity, byte_capacity;
    double *scores; /* by id */
    int32_t unknown;
    double unknown_score;
};

/* ---- the trie ------------------------------------------------------------------------------- */

typedef struct Sorted {
    const char *text;
    int32_t id;
} Sorted;

/* Sorted pieces [first, last) begin with the `depth` bytes that lead to a place. */
typedef struct Stretch {
    size_t first, last, depth;
} Stretch;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const Sorted *)a)->text, ((const Sorted *)b)->text);
}

static void add_place(Unigram *u, uint8_t byte)
{
    mel_grow(&u->places, &u->place_capacity, u->place_count + 1, sizeof *u->places);
    mel_grow(&u->bytes, &u->byte_capacity, u->place_count + 1, sizeof *u->bytes);
    u->places[u->place_count] = (Place){.id = -1};
    u->bytes[u->place_count++] = byte;
}

/* Fills the trie place by place: places and their stretches are made in the same order. */
static void build(Unigram *u, const Sorted *sorted, size_t count)
{
    size_t capacity = 1;
    Stretch *stretches = mel_alloc(sizeof *stretches);
    add_place(u, 0);
    stretches[0] = (Stretch){.last = count};
    for (size_t i = 0; i < u->place_count; i++) {
        Stretch s = stretches[i];
        if (s.depth && !sorted[s.first].text[s.depth]) u->places[i].id = sorted[s.first++].id;
        u->places[i].children = (uint32_t)u->place_count;
        while (s.first < s.last) {
            char byte = sorted[s.first].text[s.depth];
            size_t end = s.first + 1;
            while (end < s.last && sorted[end].text[s.depth] == byte)
                end++;
            add_place(u, (uint8_t)byte);
            mel_grow(&stretches, &capacity, u->place_count, sizeof *stretches);
            stretches[u->place_count - 1] =
                (Stretch){.first = s.first, .last = end, .depth = s.depth + 1};
            u->places[i].count++;
            s.first = end;
        }
    }
    free(stretches);
}

/* NULL when there is none. */
static const Place *child(const Unigram *u, const Place *place, char byte)
{
    const uint8_t *first = u->bytes + place->children;
    const uint8_t *found = place->count ? memchr(first, (uint8_t)byte, place->count) : NULL;
    return found ? &u->places[place->children + (size_t)(found - first)] : NULL;
}

bool unigram_open(const UnigramPiece *pieces, int32_t count, int32_t unknown, Unigram **out,
                  Err *err)
{
    static const double unknown_penalty = 10; /* kUnkPenalty in unigram_model.cc */
    double least = INFINITY;
    bool ok = true;
    MEL_ASSERT(count > 0 && unknown >= 0 && unknown < count);
    Sorted *sorted = mel_alloc((size_t)count * sizeof *sorted);
    Unigram *u = mel_alloc(sizeof *u);
    u->scores = mel_alloc((size_t)count * sizeof *u->scores);
    for (int32_t i = 0; i < count; i++) {
        sorted[i] = (Sorted){.text = pieces[i].text, .id = i};
        u->scores[i] = pieces[i].score;
        least = fmin(least, pieces[i].score);
    }
    u->unknown = unknown;
    u->unknown_score = least - unknown_penalty;
    qsort(sorted, (size_t)count, sizeof *sorted, by_text);
    for (int32_t i = 1; i < count && ok; i++)
        if (mel_equal(sorted[i - 1].text, sorted[i].text))
            ok = mel_err(err, ERR_FORMAT, "piece '%.40s' is there twice", sorted[i].text);
    if (ok) build(u, sorted, (size_t)count);
    free(sorted);
    if (ok)
        *out = u;
    else
        unigram_close(u);
    return ok;
}

void unigram_close(Unigram *unigram)
{
    if (!unigram) return;
    free(unigram->places);
    free(unigram->bytes);
    free(unigram->scores);
    free(unigram);
}

int32_t unigram_find(const Unigram *unigram, const char *text)
{
    const Place *place = unigram->places;
    for (; *text && place; text++)
        place = child(unigram, place, *text);
    return place ? place->id : -1;
}

/* ---- a word --------------------------------------------------------------------------------- */

/* The best way to a place of the word. */
typedef struct Way {
    double score;
    int64_t from; /* -1: none yet */
    int32_t id;
} Way;

static void offer(Way *way, double score, int64_t from, int32_t id)
{
    if (way->from < 0 || score > way->score) *way = (Way){.score = score, .from = from, .id = id};
}

/* Offers every piece that begins at `at`; true when one of them ends at `next`. */
static bool offer_pieces(const Unigram *u, const char *word, size_t n, size_t at, size_t next,
                         Way *ways)
{
    const Place *place = u->places;
    bool single = false;
    for (size_t end = at; end < n;) {
        place = child(u, place, word[end++]);
        if (!place) break;
        if (place->id < 0) continue;
        offer(&ways[end], ways[at].score + u->scores[place->id], (int64_t)at, place->id);
        single = single || end == next;
    }
    return single;
}

/* The ids along the best way to the end, which are found from there. */
static void add_ids(const Unigram *u, const Way *ways, size_t n, Encoding *out)
{
    size_t first = out->count;
    int32_t after = -1;
    for (size_t at = n; at > 0; at = (size_t)ways[at].from) {
        int32_t id = ways[at].id;
        if (id != u->unknown || after != u->unknown) encoding_add(out, id);
        after = id;
    }
    for (size_t i = first, j = out->count; i + 1 < j; i++) {
        int32_t id = out->ids[i];
        out->ids[i] = out->ids[--j];
        out->ids[j] = id;
    }
}

void unigram_word(const Unigram *unigram, const char *word, size_t n, Encoding *out)
{
    size_t next;
    if (out->way_capacity < n + 1)
        mel_grow(&out->ways, &out->way_capacity, n + 1, sizeof *out->ways);
    Way *ways = out->ways;
    ways[0] = (Way){.score = 0};
    for (size_t i = 1; i <= n; i++)
        ways[i].from = -1;
    for (size_t at = 0; at < n; at = next) {
        text_char(word, n, at, &next);
        if (!offer_pieces(unigram, word, n, at, next, ways))
            offer(&ways[next], ways[at].score + unigram->unknown_score, (int64_t)at,
                  unigram->unknown);
    }
    add_ids(unigram, ways, n, out);
}
